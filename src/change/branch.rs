//! Names of branches, as far as git takes them.

use std::{fmt, str::FromStr};

/// Longest name taken, in bytes. Git stores a branch as a file, whose name can't be much longer.
const LONGEST: usize = 200;

/// The name of a branch, without `refs/heads/`, that git takes and that reads as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch(String);

/// Git has no branch of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a branch")]
pub struct InvalidBranch(String);

impl Branch {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Branch {
    type Err = InvalidBranch;

    /// The rules of `git check-ref-format --branch`, and visible ASCII alone, since a name is shown to people who are to
    /// tell it from others.
    fn from_str(text: &str) -> Result<Self, InvalidBranch> {
        let taken = |c: char| c.is_ascii_graphic() && !"~^:?*[\\\"`<>".contains(c);
        let component = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
        let whole = text.len() <= LONGEST
            && text != "@"
            && text != "HEAD"
            && !text.starts_with('-')
            && !text.starts_with("refs/")
            && !text.ends_with('.')
            && !text.contains("..")
            && !text.contains("@{");
        if whole && text.chars().all(taken) && text.split('/').all(component) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidBranch(text.chars().take(100).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_refuses_or_people_misread_is_no_branch() {
        for good in ["master", "merotee/catalog-add/1.2.0-1.1.0+b.7-0123456789ab", "release/1.x", "a@b", "#7", "a-"] {
            assert_eq!(good.parse::<Branch>().map(|b| b.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            ".a",
            "a/.b",
            "a..b",
            "a.lock",
            "a.lock/b",
            "a.",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[b",
            "a\\b",
            "@",
            "HEAD",
            "a@{1}",
            "-a",
            "refs/heads/a",
            "a\n",
            "a\u{7f}",
            "mäster",
            "a`b",
            "a<b",
        ] {
            assert!(bad.parse::<Branch>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(LONGEST).parse::<Branch>().is_ok());
        assert!("a".repeat(LONGEST + 1).parse::<Branch>().is_err());
    }
}
