//! The versions that the files of a repository state: the KMS's Cargo manifest, Cargo's lock file, the node image's
//! `versions.json`. Each with its place, so that a finding can point at it.

use std::ops::Range;

use semver::Version;
use serde_json::Value;
use toml_edit::{Document, Item};

use super::VERSION_FILES;
use crate::{
    guard::config::{VersionSync, place},
    report::{Finding, Location},
    schema::{
        excerpt::{excerpt, excerpt_json},
        parse_json,
        position::position,
    },
    subject::tag::Family,
};

/// The bytes of the files at one commit; `None` where there is no such file.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The KMS's Cargo manifest.
    pub kms_manifest: Option<Vec<u8>>,
    /// The workspace's Cargo manifest.
    pub workspace_manifest: Option<Vec<u8>>,
    /// Cargo's lock file.
    pub lock_file: Option<Vec<u8>>,
    /// The node image's versions.
    pub node_versions: Option<Vec<u8>>,
}

/// A version and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The version.
    pub version: Version,
    /// The file it stands in: the workspace's manifest where a package takes it from there.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// What a file says of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// There is no such file.
    Absent,
    /// The file does not state a version; says why.
    Wrong(Box<Finding>),
    /// It states one.
    Stated(Stated),
}

impl Reading {
    /// The version, if one is stated.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Stated(stated) => Some(&stated.version),
            Self::Absent | Self::Wrong(_) => None,
        }
    }
}

/// The versions of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Of the KMS.
    pub kms: Reading,
    /// Of the node image.
    pub node: Reading,
    /// Of the KMS in the lock file.
    pub lock: Reading,
}

impl Versions {
    /// Reads what `files` state, under the paths that `config` gives them.
    pub fn read(config: &VersionSync, files: &Files) -> Self {
        let (kms, package) = manifest(config, files);
        Self { lock: locked(config, files, package.as_deref()), node: node(config, files), kms }
    }

    /// The version of a family.
    pub fn of(&self, family: Family) -> &Reading {
        match family {
            Family::Kms => &self.kms,
            Family::Node => &self.node,
        }
    }
}

/// A TOML file of the repository, parsed.
struct Toml<'t> {
    file: &'t str,
    text: &'t str,
    document: Document<&'t str>,
}

impl<'t> Toml<'t> {
    fn parse(file: &'t str, bytes: &'t [u8]) -> Result<Self, Reading> {
        let not_toml = |why: String| wrong(file, format!("not TOML: {why}"), None);
        let text = str::from_utf8(bytes).map_err(|_| not_toml("not UTF-8".into()))?;
        let document = Document::parse(text).map_err(|error| {
            let at = error.span().map(|span| place(text, span.start));
            wrong(file, format!("not TOML: {}", excerpt(error.message())), at)
        })?;
        Ok(Self { file, text, document })
    }

    fn place(&self, span: Option<Range<usize>>) -> (u32, u32) {
        place(self.text, span.map_or(0, |span| span.start))
    }

    /// The version that `item` states under the name `name`.
    fn version(&self, item: Option<&Item>, name: &str) -> Reading {
        let Some(item) = item else { return wrong(self.file, format!("there is no `{name}`"), None) };
        let at = self.place(item.span());
        let Some(text) = item.as_str() else { return wrong(self.file, format!("`{name}` is not a text"), Some(at)) };
        read_version(self.file, name, text, at)
    }
}

/// The version and the name of the KMS's package.
fn manifest(config: &VersionSync, files: &Files) -> (Reading, Option<String>) {
    let Some(bytes) = &files.kms_manifest else { return (Reading::Absent, None) };
    let toml = match Toml::parse(&config.kms_manifest, bytes) {
        Ok(toml) => toml,
        Err(why) => return (why, None),
    };
    let package = toml.document.get("package");
    let name = package.and_then(|package| package.get("name")).and_then(Item::as_str).map(str::to_owned);
    let version = package.and_then(|package| package.get("version"));
    let inherited = version.and_then(|version| version.get("workspace")).and_then(Item::as_bool) == Some(true);
    if !inherited {
        return (toml.version(version, "package.version"), name);
    }
    let Some(bytes) = &files.workspace_manifest else {
        let message = format!("takes its version from the workspace, and {} is not there", config.workspace_manifest);
        let at = toml.place(version.and_then(Item::span));
        return (wrong(&config.kms_manifest, message, Some(at)), name);
    };
    let stated = Toml::parse(&config.workspace_manifest, bytes).map_or_else(
        |why| why,
        |workspace| {
            let package = workspace.document.get("workspace").and_then(|table| table.get("package"));
            workspace.version(package.and_then(|package| package.get("version")), "workspace.package.version")
        },
    );
    (stated, name)
}

/// The version of the KMS's package in the lock file: the one of its name that comes from no registry.
fn locked(config: &VersionSync, files: &Files, package: Option<&str>) -> Reading {
    let Some(bytes) = &files.lock_file else { return Reading::Absent };
    let file = config.lock_file.as_str();
    let toml = match Toml::parse(file, bytes) {
        Ok(toml) => toml,
        Err(why) => return why,
    };
    let Some(package) = package else {
        return wrong(file, format!("not compared: {} names no package", config.kms_manifest), None);
    };
    let entries = toml.document.get("package").and_then(Item::as_array_of_tables);
    let mut ours = entries
        .into_iter()
        .flatten()
        .filter(|entry| entry.get("name").and_then(Item::as_str) == Some(package) && !entry.contains_key("source"));
    match (ours.next(), ours.next()) {
        (Some(entry), None) => toml.version(entry.get("version"), "package.version"),
        (Some(_), Some(second)) => {
            let message = format!("has package `{}` of this repository twice", excerpt(package));
            wrong(file, message, Some(toml.place(second.span())))
        }
        (None, _) => wrong(file, format!("has no package `{}` of this repository", excerpt(package)), None),
    }
}

fn node(config: &VersionSync, files: &Files) -> Reading {
    let (file, field) = (config.node_versions.as_str(), config.node_field.as_str());
    let Some(bytes) = &files.node_versions else { return Reading::Absent };
    let document = match parse_json(bytes) {
        Ok(document) => document,
        Err(error) => {
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            let at = error.place.map(|(line, column)| (number(line), number(column)));
            return wrong(file, format!("not JSON: {}", error.message), at);
        }
    };
    let pointer = format!("/{}", field.replace('~', "~0").replace('/', "~1"));
    let at = position(bytes, &pointer).unwrap_or((1, 1));
    match document.get(field) {
        Some(Value::String(text)) => read_version(file, field, text, at),
        Some(other) => wrong(file, format!("`{field}` is not a text: {}", excerpt_json(other)), Some(at)),
        None => wrong(file, format!("there is no `{field}` at the top level"), None),
    }
}

fn read_version(file: &str, name: &str, text: &str, at: (u32, u32)) -> Reading {
    match Version::parse(text) {
        Ok(version) => Reading::Stated(Stated { version, file: file.to_owned(), line: at.0, column: at.1 }),
        Err(_) => wrong(file, format!("`{name}` is not a version X.Y.Z: `{}`", excerpt(text)), Some(at)),
    }
}

fn wrong(file: &str, message: String, at: Option<(u32, u32)>) -> Reading {
    let location = Location::file(file);
    let location = at.map_or_else(|| location.clone(), |(line, column)| location.clone().on(line, column));
    Reading::Wrong(Box::new(VERSION_FILES.fail(file, message).at(location)))
}
