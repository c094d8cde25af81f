//! The checksums file, in every form that `sha256sum` of GNU coreutils writes or checks for SHA-256.
//!
//! `line` reads one line as coreutils 9 does. Here is what a whole file must be, which is stricter: coreutils passes over a
//! line it cannot read, and a line that one program skips and another reads is a place to hide a file. So one unusable
//! line, and the file is not trusted.

mod choose;
mod line;
mod write;

use std::{collections::BTreeMap, fmt};

use self::line::{Fault, Order};
pub use self::{
    choose::{Chosen, choose, listed},
    write::{Unwritable, write},
};
use super::asset_name::AssetName;
use crate::{
    digest::Sha256,
    subject::evidence_name::{EVIDENCE_SUFFIXES, signed_by},
};

/// Entries read at most. GitHub allows 1,000 assets a release; a longer list is an attack or a mistake.
pub const MAX_ENTRIES: usize = 2_000;

/// Unusable lines told in full; the rest are counted.
pub const MAX_BAD_LINES: usize = 3;

/// A parsed checksums file: names are unique and safe.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChecksumsFile {
    entries: BTreeMap<String, Sha256>,
}

/// One line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Line number from 1; 0 when the whole file is meant.
    pub line: u32,
    /// What is wrong with it, one sentence.
    pub reason: String,
}

/// The lines that cannot be used: the first few, and how many there are. Prints as one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BadLines {
    first: Vec<BadLine>,
    count: usize,
}

impl BadLines {
    /// Whether every line can be used.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first ones, at most [`MAX_BAD_LINES`].
    pub fn first(&self) -> &[BadLine] {
        &self.first
    }

    /// Where the first one stands, from 1; 0 when there is none, or the whole file is meant.
    pub fn first_line(&self) -> u32 {
        self.first.first().map_or(0, |bad| bad.line)
    }

    fn push(&mut self, line: u32, reason: impl fmt::Display) {
        self.count += 1;
        if self.first.len() < MAX_BAD_LINES {
            self.first.push(BadLine { line, reason: reason.to_string() });
        }
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.reason),
            number => write!(f, "line {number}: {}", self.reason),
        }
    }
}

impl fmt::Display for BadLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count > 1 {
            write!(f, "{} lines cannot be used: ", self.count)?;
        }
        for (index, line) in self.first.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{line}")?;
        }
        match self.count.saturating_sub(self.first.len()) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl ChecksumsFile {
    /// Reads the checksums file called `own_name`, which cannot list itself. A file with any unusable line must not be
    /// trusted. Blank lines, lines that begin with `#`, and one carriage return at a line's end are passed over.
    pub fn parse(own_name: &str, bytes: &[u8]) -> (Self, BadLines) {
        let (mut file, mut bad) = (Self::default(), BadLines::default());
        let Ok(text) = std::str::from_utf8(bytes) else {
            bad.push(0, "the file is not UTF-8");
            return (file, bad);
        };
        let mut order = None;
        for (number, line) in (1..).zip(text.split('\n')) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.starts_with('#') || line.bytes().all(|b| matches!(b, b' ' | b'\t')) {
                continue;
            }
            if file.entries.len() >= MAX_ENTRIES {
                bad.push(number, format_args!("the file lists more than {MAX_ENTRIES} files"));
                break;
            }
            if let Err(fault) = file.add(own_name, line, &mut order) {
                bad.push(number, fault);
            }
        }
        if file.entries.is_empty() && bad.is_empty() {
            bad.push(0, "the file lists nothing");
        }
        (file, bad)
    }

    fn add<'l>(&mut self, own_name: &str, line: &'l str, order: &mut Option<Order>) -> Result<(), Fault<'l>> {
        let entry = line::read(line, order)?;
        // `find . -type f` writes it so. What is below the folder, or outside, is refused as a name.
        let name = entry.name.trim_start_matches("./");
        let name = AssetName::new(name).map_err(Fault::Name)?;
        if name.as_str() == own_name {
            return Err(Fault::Itself);
        }
        if signed_by(name.as_str()) == Some(own_name) && is_signature(name.as_str()) {
            return Err(Fault::OwnSignature(entry.name));
        }
        match self.entries.insert(name.to_string(), entry.digest) {
            None => Ok(()),
            Some(_) => Err(Fault::Twice(entry.name)),
        }
    }

    /// The digest stated for a file.
    pub fn get(&self, name: &str) -> Option<Sha256> {
        self.entries.get(name).copied()
    }

    /// Every entry, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Sha256)> {
        self.entries.iter().map(|(name, digest)| (name.as_str(), *digest))
    }
}

/// Whether a file that vouches for another is made after it: a certificate (`.pem`) may be older, a signature is not.
fn is_signature(name: &str) -> bool {
    EVIDENCE_SUFFIXES.iter().any(|suffix| *suffix != ".pem" && name.ends_with(suffix))
}

#[cfg(test)]
mod tests;
