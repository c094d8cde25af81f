//! Asset names, which are untrusted: they become file names and lines of reports.

use std::fmt;

/// Longest name accepted, in bytes: what every common file system can hold.
const MAX_BYTES: usize = 255;

/// A name that is safe to join to a folder: one path component of printable ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetName(String);

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedName {
    /// Nothing there.
    #[error("the name is empty")]
    Empty,
    /// Over 255 bytes.
    #[error("the name is longer than 255 bytes")]
    TooLong,
    /// `/` or `\`.
    #[error("the name holds a path separator")]
    Separator,
    /// `..` anywhere.
    #[error("the name holds `..`")]
    Parent,
    /// It would read as an option.
    #[error("the name starts with a dash")]
    LeadingDash,
    /// Control characters, spaces, or letters outside ASCII. GitHub replaces these when an asset is uploaded, so a
    /// genuine release never has them.
    #[error("the name holds a character other than printable ASCII")]
    Character,
}

impl AssetName {
    /// Accepts a safe name.
    ///
    /// # Errors
    /// [`RefusedName`] with the first rule broken.
    pub fn new(name: &str) -> Result<Self, RefusedName> {
        if name.is_empty() || name == "." {
            return Err(RefusedName::Empty);
        }
        if name.len() > MAX_BYTES {
            return Err(RefusedName::TooLong);
        }
        if name.contains(['/', '\\']) {
            return Err(RefusedName::Separator);
        }
        if name.contains("..") {
            return Err(RefusedName::Parent);
        }
        if name.starts_with('-') {
            return Err(RefusedName::LeadingDash);
        }
        if !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(RefusedName::Character);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether GitHub may have made `given` of `original` when it was uploaded: runs of what is neither a letter, a digit, `-` nor
/// `_` become one dot, dots at the ends go, and a name that began with one gets `default` before it.
///
/// Its documentation says no more than that it "renames asset filenames that have special characters, non-alphanumeric
/// characters, and leading or trailing periods", and `+` was seen kept and replaced. So names are compared by what is left of
/// them, and a name is never renamed to itself.
pub fn renames(original: &str, given: &str) -> bool {
    let odd = original.starts_with('.')
        || original.ends_with('.')
        || original.contains("..")
        || !original.chars().all(|c| c == '.' || is_plain(c));
    if !odd || original == given {
        return false;
    }
    let (before, after) = (words(original), words(given));
    let with_default = || after.split_first().is_some_and(|(first, rest)| *first == "default" && rest == before);
    !before.is_empty() && (before == after || (original.starts_with('.') && with_default()))
}

/// What a name consists of, without what stands between.
fn words(name: &str) -> Vec<&str> {
    name.split(|c| !is_plain(c)).filter(|word| !word.is_empty()).collect()
}

/// What GitHub leaves as it is.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

impl fmt::Display for AssetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_or_read_as_something_else_are_refused() {
        for (name, why) in [
            ("", RefusedName::Empty),
            (".", RefusedName::Empty),
            ("../x", RefusedName::Separator),
            ("a\\b", RefusedName::Separator),
            ("..", RefusedName::Parent),
            ("-rf", RefusedName::LeadingDash),
            ("a\nb", RefusedName::Character),
            ("a b", RefusedName::Character),
            ("a\u{202e}b", RefusedName::Character),
            ("a\0b", RefusedName::Character),
        ] {
            assert_eq!(AssetName::new(name), Err(why), "{name:?}");
        }
        assert_eq!(AssetName::new(&"x".repeat(256)), Err(RefusedName::TooLong));
    }

    #[test]
    fn ordinary_names_are_kept_as_they_are() {
        for name in ["checksums.sha256", "a-b_c.d+e@1", ".hidden"] {
            assert_eq!(AssetName::new(name).map(|n| n.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn names_that_github_changes_on_upload_are_known_by_what_is_left_of_them() {
        for (original, given) in [
            ("kms_1.0.0~rc1_amd64.deb", "kms_1.0.0.rc1_amd64.deb"),
            ("my archive.tar.gz", "my.archive.tar.gz"),
            ("app-(15-5)-release.apk", "app-.15-5.-release.apk"),
            ("a:b.zip", "a.b.zip"),
            ("1!2#3$4%5&6'7.txt", "1.2.3.4.5.6.7.txt"),
            ("a5_ !#$%&'()+,-.txt", "a5_.-.txt"),
            ("x+y.tar.gz", "x.y.tar.gz"),
            ("x@y.tar.gz", "x.y.tar.gz"),
            ("[a]{b}.json", "a.b.json"),
            (".env", "default.env"),
            ("trailing.", "trailing"),
            ("a\u{a0}b.txt", "a.b.txt"),
        ] {
            assert!(renames(original, given), "{original} {given}");
            assert!(!renames(given, given), "{given}");
        }
        for (original, given) in [
            ("a.json", "b.json"),
            ("ab.json", "a.b.json"),
            ("a-b.json", "a.b.json"),
            ("a.json", "A.json"),
            ("env", "default.env"),
            ("~", "."),
            ("", "a"),
            ("a~b.json", "a.b.json.sig"),
        ] {
            assert!(!renames(original, given), "{original} {given}");
        }
    }
}
