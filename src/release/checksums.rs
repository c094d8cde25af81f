//! The checksums file: coreutils' format, one `<64 hex>  <name>` a line.

use std::collections::BTreeMap;

use super::asset_name::AssetName;
use crate::digest::Sha256;

/// Entries read at most. GitHub allows 1,000 assets a release; a longer list is an attack or a mistake.
pub const MAX_ENTRIES: usize = 2_000;

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

impl ChecksumsFile {
    /// Reads a checksums file. Every unusable line is reported, up to the first 20; a file with any must not be
    /// believed. Blank lines are passed over, and so is a carriage return at a line's end.
    pub fn parse(bytes: &[u8]) -> (Self, Vec<BadLine>) {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return (Self::default(), vec![BadLine { line: 0, reason: "the file is not UTF-8".into() }]);
        };
        let mut file = Self::default();
        let mut bad = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.trim().is_empty() {
                continue;
            }
            if file.entries.len() >= MAX_ENTRIES {
                bad.push(BadLine { line: number, reason: format!("the file lists more than {MAX_ENTRIES} files") });
                break;
            }
            if let Err(reason) = file.add(line) {
                bad.push(BadLine { line: number, reason });
                if bad.len() == 20 {
                    break;
                }
            }
        }
        if file.entries.is_empty() && bad.is_empty() {
            bad.push(BadLine { line: 0, reason: "the file lists nothing".into() });
        }
        (file, bad)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let (digest, rest) = line.split_once(' ').ok_or("expected `<64 hex digits>  <name>`")?;
        // The second character tells text (' ') from binary ('*') mode; the digest is the same.
        let name = rest.strip_prefix([' ', '*']).ok_or("expected two spaces, or a space and `*`, after the digest")?;
        let digest: Sha256 = digest.parse().map_err(|_| "the digest is not 64 hex digits".to_owned())?;
        let name = AssetName::new(name).map_err(|e| e.to_string())?;
        match self.entries.insert(name.to_string(), digest) {
            None => Ok(()),
            Some(_) => Err(format!("{name} is listed twice")),
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

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn reasons(text: &str) -> Vec<(u32, String)> {
        ChecksumsFile::parse(text.as_bytes()).1.into_iter().map(|b| (b.line, b.reason)).collect()
    }

    #[test]
    fn text_and_binary_mode_blank_lines_and_carriage_returns_are_read() {
        let (file, bad) = ChecksumsFile::parse(format!("{DIGEST}  a\r\n\n{DIGEST} *b\n").as_bytes());
        assert_eq!(bad, []);
        assert_eq!(file.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(file.get("a").map(|d| d.to_string()), Some(DIGEST.to_owned()));
    }

    #[test]
    fn every_unusable_line_is_named() {
        let text = format!("{DIGEST}  a\nzz  b\n{DIGEST}\n{DIGEST} c\n{DIGEST}  ../d\n{DIGEST}  a\n");
        assert_eq!(reasons(&text).iter().map(|r| r.0).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
        assert_eq!(reasons(&text).last().map(|r| r.1.as_str()), Some("a is listed twice"));
    }

    #[test]
    fn an_empty_file_and_one_that_is_too_long_are_refused() {
        assert_eq!(reasons(" \n\n").len(), 1);
        let long: String = (0..=MAX_ENTRIES).map(|i| format!("{DIGEST}  f{i}\n")).collect();
        assert_eq!(reasons(&long).iter().map(|r| r.0).collect::<Vec<_>>(), [MAX_ENTRIES as u32 + 1]);
    }
}
