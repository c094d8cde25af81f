//! A team of an organisation, and who is in it as far as that is known.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// A team, by its organisation and its short name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Team {
    organisation: String,
    slug: String,
}

/// Why a text names no team.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a team is written ORG/TEAM, of letters, digits and hyphens, as in calimero-network/security")]
pub struct InvalidTeam;

/// Whether somebody is in a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// A member.
    Member,
    /// Not one, or only invited.
    Outside,
    /// It cannot be said: why not.
    Unreadable(String),
}

/// What is known of memberships.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members(BTreeMap<(Team, String), Membership>);

impl Team {
    /// A team of this organisation.
    ///
    /// # Errors
    /// One of the names has characters that none has.
    pub fn new(organisation: &str, slug: &str) -> Result<Self, InvalidTeam> {
        let word = |text: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            !text.is_empty() && text.len() <= 100 && text.chars().all(known)
        };
        let named = word(organisation) && word(slug);
        let lower = str::to_ascii_lowercase;
        named.then(|| Self { organisation: lower(organisation), slug: lower(slug) }).ok_or(InvalidTeam)
    }

    /// The organisation.
    pub fn organisation(&self) -> &str {
        &self.organisation
    }

    /// The team's short name.
    pub fn slug(&self) -> &str {
        &self.slug
    }
}

impl fmt::Display for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organisation, self.slug)
    }
}

impl FromStr for Team {
    type Err = InvalidTeam;

    /// A mention's `@` may stand before it.
    fn from_str(text: &str) -> Result<Self, InvalidTeam> {
        let text = text.strip_prefix('@').unwrap_or(text);
        let (organisation, slug) = text.split_once('/').ok_or(InvalidTeam)?;
        Self::new(organisation, slug)
    }
}

impl Members {
    /// Notes what is known of an account.
    pub fn note(&mut self, team: &Team, login: &str, membership: Membership) {
        self.0.insert((team.clone(), login.to_ascii_lowercase()), membership);
    }

    /// What is known of an account. Of one that was not asked for, nothing is.
    pub fn of(&self, team: &Team, login: &str) -> Membership {
        let found = self.0.get(&(team.clone(), login.to_ascii_lowercase()));
        found.cloned().unwrap_or_else(|| Membership::Unreadable("too many people have a say in it".to_owned()))
    }
}
