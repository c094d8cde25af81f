//! The two hashes of a compose file, and what is hashed for each. `docs/compose-hash.md` is the specification.
//!
//! They answer different questions. dstack measures the **bytes** of `app-compose.json`, so that hash identifies what a
//! machine runs. A release states the hash of its docker-compose file's **meaning**, so that a reviewer can compare
//! files that differ in comments, order or quoting. Meaning is what Docker Compose reads: where its reader and YAML 1.2
//! disagree about a text, the text is refused or read as Compose reads it, never hashed like something else.

mod events;
mod json;
mod node;
mod scalar;
mod text;
mod tree;

use std::{fmt, str::FromStr};

pub use {
    text::MAX_YAML_BYTES,
    tree::{MAX_DEPTH, MAX_EXPANDED},
};

use crate::{
    digest::Sha256,
    report::{CheckInfo, Finding},
};

/// The hash is the one somebody stated.
pub const EXPECTED: CheckInfo =
    CheckInfo { id: "compose-hash", title: "a compose file has the hash that was stated for it" };

/// Which of the two hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SHA-256 of `app-compose.json`, byte for byte: the payload of dstack's `compose-hash` event.
    Dstack,
    /// SHA-256 of the normalised docker-compose file: a release's `compose-hash.txt`.
    Release,
}

/// The word names no kind of compose hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected dstack or release")]
pub struct UnknownKind;

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Dstack, Self::Release];

    /// The word for it on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dstack => "dstack",
            Self::Release => "release",
        }
    }

    /// What a file of this name is hashed as: YAML, and JSON that is named like a compose file, as a release's; other
    /// JSON as dstack's. `None` when the name says nothing.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (stem, extension) = name.rsplit_once('.')?;
        match extension {
            "yml" | "yaml" => Some(Self::Release),
            "json" if stem == "compose" || stem.starts_with("docker-compose") => Some(Self::Release),
            "json" => Some(Self::Dstack),
            _ => None,
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|k| k.name() == word).ok_or(UnknownKind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a compose file has no normal form, and where. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", place(*.at))]
pub struct ComposeError {
    /// Line and column, when the fault has a place.
    pub at: Option<(usize, usize)>,
    /// What is wrong.
    pub problem: ComposeProblem,
}

/// What is wrong with a compose file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeProblem {
    /// Over [`MAX_YAML_BYTES`].
    #[error("the file has {0} bytes; at most {MAX_YAML_BYTES} are read")]
    TooLarge(usize),
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A character that readers of YAML treat differently, or that YAML forbids.
    #[error("the character {0} is not allowed in a compose file: inside double quotes, write it as an escape")]
    Character(String),
    /// A `%YAML` or `%TAG` line.
    #[error("a directive (`%…`) changes how the file is read: remove it")]
    Directive,
    /// Not YAML.
    #[error("not YAML: {0}")]
    Syntax(String),
    /// A block scalar ends with the file, and its last line does not end.
    #[error("the file ends with a block scalar and without a line end, which readers understand differently: add one")]
    NoLineEnd,
    /// No content.
    #[error("the file holds no document")]
    Empty,
    /// More than one document.
    #[error("the file holds more than one document")]
    SecondDocument,
    /// Top level is a list or a scalar.
    #[error("the file is not a mapping at its top level")]
    NotAMapping,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Aliases multiply the content beyond [`MAX_EXPANDED`].
    #[error("with its aliases expanded the file is larger than {MAX_EXPANDED} bytes")]
    TooMuch,
    /// An alias inside the node it stands for.
    #[error("an alias is inside the node it repeats")]
    Recursive,
    /// An alias whose anchor is nowhere before it.
    #[error("the alias `*{0}` has no anchor `&{0}` before it")]
    NoAnchor(String),
    /// A key that is not a string.
    #[error("{0} cannot be a key: quote it")]
    Key(String),
    /// A key twice in one mapping.
    #[error("the key `{0}` appears twice in one mapping")]
    DuplicateKey(String),
    /// `<<` with something that cannot be merged.
    #[error("`<<` takes a mapping or a list of mappings")]
    Merge,
    /// A plain `<<` that is not a key, or that has an anchor.
    #[error("Compose drops a `<<` that is not a key: quote it")]
    MergeValue,
    /// `[?a]`: a text to some readers, a key to others.
    #[error("a `?` before this is text to some readers and marks a key to others: put a space between or quote it")]
    QuestionMark,
    /// A tag outside the core schema, or one that does not fit.
    #[error("the tag `{0}` is not read here: only the core ones (`!!str`, `!!int`, …), where they fit the value")]
    Tag(String),
    /// A plain scalar that is a number to some readers and text, or another number, to others.
    #[error("`{0}` is one value to some readers and another to others: quote it, or write it in decimal")]
    Ambiguous(String),
    /// A plain scalar that is a date to some readers.
    #[error("`{0}` is a date to some readers and text to others: quote it")]
    Date(String),
    /// A number that 64 bits cannot hold.
    #[error("the number `{0}` does not fit into 64 bits: quote it if it is text")]
    Number(String),
    /// Infinity or not-a-number.
    #[error("`{0}` is not a finite number: quote it if it is text")]
    NotFinite(String),
}

fn place(at: Option<(usize, usize)>) -> String {
    at.map_or_else(String::new, |(line, column)| format!("line {line}, column {column}: "))
}

/// The hash that dstack measures: of the bytes as they are.
pub fn of_app_compose(bytes: &[u8]) -> Sha256 {
    Sha256::of(bytes)
}

/// Whether bytes look like dstack's `app-compose.json`: a JSON object that holds a compose file or says which runner
/// starts it. Only to warn who hashes the wrong file.
pub fn looks_like_app_compose(bytes: &[u8]) -> bool {
    let keys = ["docker_compose_file", "runner"];
    crate::schema::parse_json(bytes).is_ok_and(|document| {
        document.as_object().is_some_and(|fields| keys.iter().any(|key| fields.contains_key(*key)))
    })
}

/// The hash that a release states: of [`normalised`].
///
/// # Errors
/// As [`normalised`].
pub fn of_compose_file(bytes: &[u8]) -> Result<Sha256, ComposeError> {
    normalised(bytes).map(|text| Sha256::of(text.as_bytes()))
}

/// The normal form of a docker-compose file: compact JSON with sorted keys, without a final newline.
///
/// # Errors
/// The file is not one YAML mapping in UTF-8, holds more than is read, or holds what readers do not agree about.
pub fn normalised(bytes: &[u8]) -> Result<String, ComposeError> {
    tree::read(bytes).map(|tree| json::write(&tree))
}

/// [`EXPECTED`]: the hash of `subject` is the wanted one.
pub fn expected(subject: &str, kind: Kind, hash: Sha256, wanted: Sha256) -> Finding {
    if hash == wanted {
        return EXPECTED.pass(subject, format!("sha256:{hash}"));
    }
    let help = match kind {
        Kind::Dstack => "every byte counts, including a final newline: hash the file exactly as it was deployed",
        Kind::Release => "a value, a key or the order of a list differs: compare the files, without regard to comments",
    };
    EXPECTED
        .fail(subject, "the compose file has a different hash")
        .compared(format!("sha256:{wanted}"), format!("sha256:{hash}"))
        .help(help)
}

#[cfg(test)]
mod tests;
