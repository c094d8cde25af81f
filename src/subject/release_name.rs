//! A release of any repository by its name: `OWNER/NAME@TAG`, as package URLs write it.

use std::{fmt, str::FromStr};

use super::repository::Repository;

/// Longest tag, in bytes. GitHub takes no ref of more than 255.
const MAX_TAG: usize = 255;

/// A release: its repository, and any tag that git would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseName {
    /// The repository.
    pub repository: Repository,
    /// The tag, as it is.
    pub tag: String,
}

/// The text is not `OWNER/NAME@TAG`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a release: expected OWNER/NAME@TAG, such as calimero-network/mero-tee@mero-kms-v1.2.0")]
pub struct InvalidReleaseName(String);

impl FromStr for ReleaseName {
    type Err = InvalidReleaseName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidReleaseName(text.chars().take(100).collect());
        // Neither an owner nor a repository has an `@` in its name; a tag may.
        let (repository, tag) = text.split_once('@').ok_or_else(invalid)?;
        if !is_tag(tag) {
            return Err(invalid());
        }
        Ok(Self { repository: repository.parse().map_err(|_| invalid())?, tag: tag.to_owned() })
    }
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.tag)
    }
}

/// Whether git could have a tag of this name (`git check-ref-format`), as far as addresses depend on it.
fn is_tag(tag: &str) -> bool {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    !tag.is_empty()
        && tag.len() <= MAX_TAG
        && !tag.contains(odd)
        && !tag.contains("..")
        && !tag.starts_with('-')
        && tag.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_a_repository_and_whatever_tag_stands_behind_the_first_at_sign() {
        for (text, tag) in [("o/r@v6", "v6"), ("o/r@pkg@1.0.0", "pkg@1.0.0"), ("O-o/r.x@release/2026", "release/2026")]
        {
            let name: ReleaseName = text.parse().unwrap_or_else(|e| unreachable!("{e}"));
            assert_eq!((name.tag.as_str(), name.to_string()), (tag, text.to_owned()));
        }
        for bad in ["", "o/r", "o/r@", "r@v1", "o/r/x@v1", "@v1", "o/r@-v1", "o/r@a..b", "o/r@a b", "o/r@a\n", "o/r@/x"]
        {
            assert!(bad.parse::<ReleaseName>().is_err(), "{bad:?}");
        }
        for bad in ["o/r@./x", "o/r@x/", "o/r@a?b", "o/r@x.", &format!("o/r@{}", "x".repeat(256))] {
            assert!(bad.parse::<ReleaseName>().is_err(), "{bad:?}");
        }
    }
}
