//! `owner/name` of a GitHub repository.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

/// A repository, syntactically valid: it can be put into a URL path and compared with a certificate claim.
///
/// GitHub gives no two accounts, and no two repositories of an account, names that differ only in case, so two values
/// that do are equal. The spelling is kept as it was given.
#[derive(Debug, Clone)]
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

    /// Whether `text` names this repository, `OWNER/NAME` in any case.
    pub fn is(&self, text: &str) -> bool {
        text.split_once('/')
            .is_some_and(|(owner, name)| self.owner.eq_ignore_ascii_case(owner) && self.name.eq_ignore_ascii_case(name))
    }

    /// The repository that the address of a page belongs to: `https://HOST/OWNER/NAME/…`. `None` for any other text.
    pub fn of_page(address: &str) -> Option<Self> {
        let (_, path) = address.split_once("://")?.1.split_once('/')?;
        let mut segments = path.split(['/', '?', '#']);
        format!("{}/{}", segments.next()?, segments.next()?).parse().ok()
    }
}

impl PartialEq for Repository {
    fn eq(&self, other: &Self) -> bool {
        self.owner.eq_ignore_ascii_case(&other.owner) && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl Eq for Repository {}

impl Hash for Repository {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.owner.to_ascii_lowercase().hash(state);
        self.name.to_ascii_lowercase().hash(state);
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

    #[test]
    fn a_repository_is_one_in_any_case_and_no_other() {
        let ours: Repository = "Calimero-Network/mero-tee".parse().unwrap_or_else(|_| unreachable!());
        for same in ["calimero-network/mero-tee", "CALIMERO-NETWORK/MERO-TEE", "Calimero-Network/Mero-Tee"] {
            assert!(ours.is(same), "{same}");
            assert_eq!(same.parse::<Repository>().as_ref(), Ok(&ours));
        }
        for other in [
            "calimero-network/mero-tee/x",
            "/calimero-network/mero-tee",
            "calimero-network/mero-te",
            "calimero_network/mero-tee",
            "calimero-network/mero-tee ",
            "calimero-networ\u{212a}/mero-tee",
            "evil/mero-tee",
            "",
        ] {
            assert!(!ours.is(other), "{other:?}");
        }
    }

    #[test]
    fn a_page_belongs_to_the_repository_that_its_address_starts_with() {
        let of = |address| Repository::of_page(address).map(|r| r.to_string());
        assert_eq!(of("https://github.com/o/r/releases/tag/v1").as_deref(), Some("o/r"));
        assert_eq!(of("https://ghe.example:8443/o/r").as_deref(), Some("o/r"));
        assert_eq!(of("https://github.com/o/r?x=1").as_deref(), Some("o/r"));
        for none in [
            "",
            "https://x/",
            "https://github.com",
            "https://github.com/o",
            "/o/r",
            "https://github.com/o/..",
            "https://github.com//r",
        ] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
