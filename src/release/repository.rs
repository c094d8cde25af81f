//! `owner/name` of a GitHub repository.

use std::{fmt, str::FromStr};

/// A repository, syntactically valid: it can be put into a URL path and compared with a certificate claim.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    owner: String,
    name: String,
}

/// The text is not `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a repository: expected OWNER/NAME, letters, digits, `-`, `_` and `.` only")]
pub struct InvalidRepository(String);

impl Repository {
    /// The account.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository within the account.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Repository {
    type Err = InvalidRepository;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidRepository(text.chars().take(100).collect());
        let (owner, name) = text.split_once('/').ok_or_else(invalid)?;
        let word = |s: &str| {
            !s.is_empty()
                && s.len() <= 100
                && s != "."
                && s != ".."
                && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if !word(owner) || !word(name) {
            return Err(invalid());
        }
        Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_owner_slash_name_is_a_repository() {
        assert_eq!(
            "calimero-network/mero-tee".parse::<Repository>().map(|r| r.to_string()),
            Ok("calimero-network/mero-tee".into())
        );
        for bad in ["", "mero-tee", "a/b/c", "/b", "a/", "a/..", "a/b c", "a/b?x", "a%2fb/c", "a/b\n"] {
            assert!(bad.parse::<Repository>().is_err(), "{bad:?}");
        }
    }
}
