//! `merotee.toml`: where a repository keeps what the guards compare, and which exceptions it grants.
//!
//! The file is optional, and so is each key in it: the defaults are the paths and variables of the release pipeline.
//! A key that is not known is refused with its place, so that a misspelt exception cannot pass as none. Whether the file
//! exists, and what the guards make of it, is not decided here.

mod glob;
mod waiver;

use std::ops::Range;

use serde::{Deserialize, Deserializer, de::Error as _};
use toml_edit::{Document, Item};

use crate::{
    report::{CheckInfo, Finding, Location},
    subject::tag::Family,
};

pub use self::{
    glob::Glob,
    waiver::{Expiry, Waiver},
};

/// The configuration that judges a change is not changed by it.
pub const GUARD_CONFIG: CheckInfo =
    CheckInfo { id: "guard-config", title: "the change does not touch the configuration of the guards" };

/// [`GUARD_CONFIG`], a warning, where one of the paths that a change touches is that of the configuration.
pub fn touched<'p>(paths: impl IntoIterator<Item = &'p str>) -> Option<Finding> {
    paths.into_iter().any(|path| path == FILE_NAME).then(|| {
        GUARD_CONFIG
            .warn(FILE_NAME, "the change touches the configuration of the guards that check it")
            .help("review it as a change of the guards themselves")
            .at(Location::file(FILE_NAME))
    })
}

/// What the file is called where no other is named.
pub const FILE_NAME: &str = "merotee.toml";

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Most entries in one list.
const MAX_ENTRIES: usize = 1_000;

/// Longest text, in characters.
const MAX_TEXT: usize = 1_000;

/// The configuration of every guard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Of `version-sync`.
    pub version_sync: VersionSync,
    /// Of `dependency-guard`.
    pub dependency_guard: DependencyGuard,
    /// Of `doc-guard`.
    pub doc_guard: DocGuard,
    /// Of `forbid-allowed-env`.
    pub forbid_allowed_env: ForbidAllowedEnv,
    /// Of `release-notes`.
    pub release_notes: ReleaseNotes,
}

/// Where the versions of the two families stand.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct VersionSync {
    /// Cargo manifest of the KMS.
    #[serde(deserialize_with = "path")]
    pub kms_manifest: String,
    /// Cargo manifest of the workspace, for a KMS that takes its version from there.
    #[serde(deserialize_with = "path")]
    pub workspace_manifest: String,
    /// Cargo's lock file.
    #[serde(deserialize_with = "path")]
    pub lock_file: String,
    /// JSON file that holds the version of the node image.
    #[serde(deserialize_with = "path")]
    pub node_versions: String,
    /// Key of that version in it, at the top level.
    #[serde(deserialize_with = "text")]
    pub node_field: String,
    /// Whether both families have one version at all times.
    pub shared_version: bool,
    /// Variable that holds the version of the KMS to release.
    #[serde(deserialize_with = "variable")]
    pub kms_variable: String,
    /// Variable that holds the version of the node image to release.
    #[serde(deserialize_with = "variable")]
    pub node_variable: String,
    /// Label that lets one version change alone, given a justification.
    #[serde(deserialize_with = "text")]
    pub skip_label: String,
    /// Label that marks the version of the KMS as unchanged.
    #[serde(deserialize_with = "text")]
    pub kms_unchanged_label: String,
    /// Label that marks the version of the node image as unchanged.
    #[serde(deserialize_with = "text")]
    pub node_unchanged_label: String,
}

impl Default for VersionSync {
    fn default() -> Self {
        Self {
            kms_manifest: "mero-kms/Cargo.toml".into(),
            workspace_manifest: "Cargo.toml".into(),
            lock_file: "Cargo.lock".into(),
            node_versions: "mero-tee/versions.json".into(),
            node_field: "imageVersion".into(),
            shared_version: true,
            kms_variable: "MERO_KMS_VERSION".into(),
            node_variable: "MERO_TEE_VERSION".into(),
            skip_label: "skip-version-sync".into(),
            kms_unchanged_label: "kms-version-unchanged".into(),
            node_unchanged_label: "node-version-unchanged".into(),
        }
    }
}

/// Where the compatibility catalog lies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DependencyGuard {
    /// The catalog.
    #[serde(deserialize_with = "path")]
    pub catalog: String,
}

impl Default for DependencyGuard {
    fn default() -> Self {
        Self { catalog: "compatibility-catalog.json".into() }
    }
}

/// Which changes need documentation, and what counts as documentation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DocGuard {
    /// Files whose changes need documentation.
    #[serde(deserialize_with = "globs")]
    pub watched: Vec<Glob>,
    /// Files that are documentation. A file of both lists is documentation.
    #[serde(deserialize_with = "globs")]
    pub documentation: Vec<Glob>,
}

impl Default for DocGuard {
    fn default() -> Self {
        let globs = |patterns: &[&str]| patterns.iter().filter_map(|pattern| pattern.parse().ok()).collect();
        Self {
            watched: globs(&[
                "*attestation-policy*.json",
                "policies/**",
                "published-mrtds.json",
                "compatibility-catalog.json",
                "scripts/release-*.sh",
                ".github/workflows/release-*",
            ]),
            documentation: globs(&["docs/**", "README.md", "CHANGELOG.md"]),
        }
    }
}

/// Which files belong to one family alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ReleaseNotes {
    /// Files of the KMS.
    #[serde(deserialize_with = "globs")]
    pub kms: Vec<Glob>,
    /// Files of the node image.
    #[serde(deserialize_with = "globs")]
    pub node: Vec<Glob>,
}

impl Default for ReleaseNotes {
    fn default() -> Self {
        let globs = |pattern: &str| pattern.parse().into_iter().collect();
        Self { kms: globs("mero-kms/**"), node: globs("mero-tee/**") }
    }
}

impl ReleaseNotes {
    /// Whether a change of these files is one of the other family alone: each belongs to it, and none to `family`.
    pub fn is_foreign(&self, family: Family, files: &[String]) -> bool {
        let of = |family: Family| match family {
            Family::Kms => &self.kms,
            Family::Node => &self.node,
        };
        let belongs = |family: Family, file: &String| of(family).iter().any(|glob| glob.matches(file));
        !files.is_empty() && files.iter().all(|file| belongs(family.counterpart(), file) && !belongs(family, file))
    }
}

/// Where measurement overrides are looked for, and which may stay.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ForbidAllowedEnv {
    /// Files and folders that are scanned when the command line names none.
    #[serde(deserialize_with = "paths")]
    pub paths: Vec<String>,
    /// Exceptions, in file order.
    pub waiver: Vec<Waiver>,
}

impl Default for ForbidAllowedEnv {
    fn default() -> Self {
        Self { paths: vec![".github/".into()], waiver: Vec::new() }
    }
}

/// Why a configuration is refused, and where. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ConfigError {
    /// Line of the fault.
    pub line: u32,
    /// Column of the fault, in characters.
    pub column: u32,
    /// What is wrong, without the place.
    pub message: String,
}

impl Config {
    /// Reads a configuration. An empty text is the default.
    ///
    /// # Errors
    /// The bytes are too many, not UTF-8 or not TOML; a key is not known; a value is of another kind, not a path inside
    /// the repository, or not a pattern. The first fault is told.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let at_start = |message: String| ConfigError { line: 1, column: 1, message };
        if bytes.len() > MAX_BYTES {
            return Err(at_start(format!("the file has more than {MAX_BYTES} bytes")));
        }
        let text = str::from_utf8(bytes).map_err(|_| at_start("the file is not UTF-8".into()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let refused = |span: Option<Range<usize>>, message: &str| {
            let (line, column) = place(text, span.map_or(0, |span| span.start));
            // Only the first line: a parser's excerpt of the source follows where there is one.
            let message = message.lines().next().unwrap_or("not a configuration").chars().take(300).collect();
            ConfigError { line, column, message }
        };
        let document = Document::parse(text.to_owned()).map_err(|e| refused(e.span(), e.message()))?;
        let lines = waiver_lines(document.as_item(), text);
        let mut config: Self = toml_edit::de::from_document(document).map_err(|e| refused(e.span(), e.message()))?;
        for (waiver, line) in config.forbid_allowed_env.waiver.iter_mut().zip(lines) {
            waiver.line = line;
        }
        Ok(config)
    }
}

/// The line of each waiver.
fn waiver_lines(document: &Item, text: &str) -> Vec<u32> {
    let item = document.get("forbid-allowed-env").and_then(|table| table.get("waiver"));
    let spans: Vec<Option<Range<usize>>> = match item {
        Some(Item::ArrayOfTables(tables)) => tables.iter().map(toml_edit::Table::span).collect(),
        Some(Item::Value(value)) => {
            value.as_array().map(|list| list.iter().map(toml_edit::Value::span).collect()).unwrap_or_default()
        }
        Some(Item::None | Item::Table(_)) | None => Vec::new(),
    };
    spans.into_iter().map(|span| span.map_or(0, |span| place(text, span.start).0)).collect()
}

/// Line and column of a byte, both from 1, the column in characters.
pub(super) fn place(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    (number(line), number(column))
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    check_text(&text).map_err(D::Error::custom)?;
    Ok(text)
}

/// A text for people: not blank, on one line, of bounded length.
fn check_text(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        Err("the text is blank")
    } else if text.chars().count() > MAX_TEXT {
        Err("the text has more than 1000 characters")
    } else if text.contains(char::is_control) {
        Err("the text holds a control character")
    } else {
        Ok(())
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let path = String::deserialize(deserializer)?;
    check_path(&path).map_err(D::Error::custom)?;
    Ok(path)
}

fn paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let paths = Vec::<String>::deserialize(deserializer)?;
    check_count(paths.len()).map_err(D::Error::custom)?;
    for path in &paths {
        check_path(path).map_err(|why| D::Error::custom(format!("`{}`: {why}", path.escape_debug())))?;
    }
    Ok(paths)
}

/// A path from the top of the repository, with `/` between names, that does not leave it.
fn check_path(path: &str) -> Result<(), &'static str> {
    check_text(path)?;
    if path.starts_with('/') || path.contains('\\') || path.get(1..2) == Some(":") {
        Err("expected a path from the top of the repository, with `/` between names")
    } else if path.split('/').any(|name| name == "..") {
        Err("the path leaves the repository")
    } else {
        Ok(())
    }
}

fn globs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Glob>, D::Error> {
    let patterns = Vec::<String>::deserialize(deserializer)?;
    check_count(patterns.len()).map_err(D::Error::custom)?;
    let glob =
        |text: &String| text.parse().map_err(|why| D::Error::custom(format!("`{}`: {why}", text.escape_debug())));
    patterns.iter().map(glob).collect()
}

fn check_count(entries: usize) -> Result<(), &'static str> {
    match entries {
        0 => Err("the list is empty: leave the key out for the default"),
        1..=MAX_ENTRIES => Ok(()),
        _ => Err("the list has more than 1000 entries"),
    }
}

fn variable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    check_variable(&name).map_err(D::Error::custom)?;
    Ok(name)
}

/// The name of an environment variable.
fn check_variable(name: &str) -> Result<&str, &'static str> {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    if name.len() <= 128 && name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit()) {
        return Ok(name);
    }
    Err("expected the name of a variable: letters, digits and `_`")
}

#[cfg(test)]
mod tests;
