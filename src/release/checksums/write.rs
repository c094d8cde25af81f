//! Writing a checksums file: as `sha256sum` writes it, sorted by name, so that the same files give the same bytes.

use std::collections::BTreeMap;

use super::{ChecksumsFile, MAX_ENTRIES, is_signature};
use crate::{
    digest::Sha256,
    release::asset_name::{AssetName, RefusedName},
    schema::excerpt::excerpt,
    subject::evidence_name::signed_by,
};

/// Why no checksums file is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// There is nothing to list.
    #[error("there is nothing to list")]
    Nothing,
    /// More than readers take.
    #[error("{0} files, and a checksums file lists at most {MAX_ENTRIES}")]
    TooMany(usize),
    /// `sha256sum` would have to escape it, or it leads out of the folder.
    #[error("{0}")]
    Name(RefusedName),
    /// Twice in the list.
    #[error("{} is there twice", excerpt(.0))]
    Twice(String),
    /// The file itself, or its signature: neither can be older than it.
    #[error("{} cannot be listed: it is made after the checksums file", excerpt(.0))]
    After(String),
    /// The file would not read back as what was written.
    #[error("the file would not read back: {0}")]
    Unreadable(String),
}

/// The checksums file called `own_name` that lists `entries`: `<hex>  <name>`, a line each, sorted by the bytes of the
/// names. No name is escaped: one that would have to be is refused, since a reader that does not know the escape would see
/// another name.
///
/// # Errors
/// [`Unwritable`]: no reader of ours could use it.
pub fn write<'n>(own_name: &str, entries: impl IntoIterator<Item = (&'n str, Sha256)>) -> Result<String, Unwritable> {
    let mut listed = BTreeMap::new();
    for (name, digest) in entries {
        let name = AssetName::new(name).map_err(Unwritable::Name)?;
        let own_signature = signed_by(name.as_str()) == Some(own_name) && is_signature(name.as_str());
        if name.as_str() == own_name || own_signature {
            return Err(Unwritable::After(name.to_string()));
        }
        if listed.insert(name.to_string(), digest).is_some() {
            return Err(Unwritable::Twice(name.to_string()));
        }
    }
    if listed.is_empty() {
        return Err(Unwritable::Nothing);
    }
    if listed.len() > MAX_ENTRIES {
        return Err(Unwritable::TooMany(listed.len()));
    }
    let text: String = listed.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    let (read, bad) = ChecksumsFile::parse(own_name, text.as_bytes());
    if !bad.is_empty() {
        return Err(Unwritable::Unreadable(bad.to_string()));
    }
    if read.entries != listed {
        return Err(Unwritable::Unreadable("a name reads as another".to_owned()));
    }
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn digest(text: &str) -> Sha256 {
        Sha256::of(text.as_bytes())
    }

    #[test]
    fn the_same_files_give_the_same_sorted_lines_in_any_order() {
        let (a, b, upper) = (("a.json", digest("a")), ("b.tar.gz", digest("b")), ("Z", digest("z")));
        let text = write("checksums.sha256", [b, upper, a]).unwrap();
        assert_eq!(text, format!("{}  Z\n{}  a.json\n{}  b.tar.gz\n", upper.1, a.1, b.1));
        assert_eq!(write("checksums.sha256", [a, b, upper]).unwrap(), text);
    }

    #[test]
    fn what_no_reader_could_use_is_refused() {
        let refused = |name: &str| write("checksums.sha256", [(name, digest("x"))]).unwrap_err().to_string();
        for name in ["a\\b", "a\nb", "../a", "a/b", "-a", "", ".."] {
            assert!(!refused(name).is_empty(), "{name:?}");
        }
        assert!(refused("checksums.sha256").contains("made after the checksums file"));
        assert!(refused("checksums.sha256.sigstore.json").contains("made after the checksums file"));
        assert_eq!(write("c", []).unwrap_err(), Unwritable::Nothing);
        assert_eq!(
            write("c", [("a", digest("1")), ("a", digest("2"))]).unwrap_err(),
            Unwritable::Twice("a".to_owned())
        );
        let names: Vec<String> = (0..=MAX_ENTRIES).map(|n| format!("f{n}")).collect();
        let many = names.iter().map(|name| (name.as_str(), digest(name)));
        assert_eq!(write("c", many).unwrap_err(), Unwritable::TooMany(MAX_ENTRIES + 1));
    }
}
