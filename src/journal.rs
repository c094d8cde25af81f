//! Journals as lines of JSON, each of a version: how they are taken apart, as hostile text. A last line that a crash cut is
//! told apart from one that makes no sense. What a line says is the business of those who keep a journal.

use serde::{Deserialize, de::DeserializeOwned};

use crate::text::excerpt;

/// Why a journal cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Fault {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// A journal, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines<'a> {
    /// Its lines, without the line breaks.
    pub lines: Vec<&'a [u8]>,
    /// How many bytes they have: what follows was cut by a crash.
    pub whole: usize,
    /// The beginning of the last line, when it was cut.
    pub torn: Option<String>,
}

/// Takes a journal apart into lines of at most `longest` bytes.
///
/// # Errors
/// A line is longer.
pub fn lines(bytes: &[u8], longest: usize) -> Result<Lines<'_>, Fault> {
    let mut read = Lines::default();
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(text) = line.strip_suffix(b"\n") else {
            read.torn = Some(excerpt(&String::from_utf8_lossy(line.get(..400.min(line.len())).unwrap_or_default())));
            break;
        };
        if text.len() > longest {
            let why = format!("it has {} bytes, and a line has at most {longest}", text.len());
            return Err(Fault { line: index + 1, why });
        }
        read.lines.push(text);
        read.whole += line.len();
    }
    Ok(read)
}

/// Reads a line of `version`.
///
/// # Errors
/// It is of another version, or not such a line.
pub fn line<T: DeserializeOwned>(text: &[u8], version: u32) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u32,
    }
    let unreadable =
        |error: serde_json::Error| format!("it is not a line of a journal: {}", excerpt(&error.to_string()));
    let Versioned { v } = serde_json::from_slice(text).map_err(unreadable)?;
    if v != version {
        return Err(format!("it is of version {v}, and this program reads version {version}"));
    }
    serde_json::from_slice(text).map_err(unreadable)
}
