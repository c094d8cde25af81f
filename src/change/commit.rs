//! Whose a commit is.
//!
//! A commit is ours when its author and its committer are this program and its message ends in our trailer. One that was
//! amended or rebased has another committer, and belongs to them from then on.

use super::Change;
use crate::digest::Sha256;

/// The author of our commits. The address can be no one's (RFC 2606), so no account is credited or blamed.
const AUTHOR: (&str, &str) = ("merotee", "merotee@merotee.invalid");

/// What a commit that is ours carries, with the mark of its change.
const TRAILER: &str = "Merotee-Change: ";

/// A commit of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its number.
    pub id: String,
    /// Who wrote it; `None` where the commit says nothing.
    pub author: Option<Person>,
    /// Who made the commit.
    pub committer: Option<Person>,
    /// The whole message.
    pub message: String,
}

/// A person, as commits name one. Any name can be written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

impl Person {
    /// This program.
    pub fn ours() -> Self {
        Self { name: AUTHOR.0.to_owned(), email: AUTHOR.1.to_owned() }
    }
}

impl Commit {
    /// Whether this program made it.
    pub fn is_ours(&self) -> bool {
        let us = Some(Person::ours());
        self.author == us && self.committer == us && self.mark().is_some()
    }

    /// The change that it says it belongs to.
    pub fn mark(&self) -> Option<Sha256> {
        let last = self.message.trim_end().rsplit('\n').next()?;
        Sha256::from_hex(last.strip_prefix(TRAILER)?).ok()
    }

    /// Whom to speak to about it: its committer, or its author where GitHub made the commit for a person.
    pub(super) fn whose(&self) -> String {
        let by_github = |person: &&Person| person.email != "noreply@github.com" && **person != Person::ours();
        let person = [&self.committer, &self.author].into_iter().flatten().find(by_github);
        person.map_or_else(|| "an unknown author".to_owned(), |person| person.name.clone())
    }

    /// As people refer to it.
    pub(super) fn short(&self) -> String {
        let (id, subject) = (self.id.get(..7).unwrap_or(&self.id), self.message.lines().next().unwrap_or_default());
        format!("{id} ({subject})")
    }
}

/// The message of the commit that makes a change.
pub fn message(change: &Change) -> String {
    format!("{}\n\n{TRAILER}{}\n", change.title, change.mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Commit {
        let message = format!("A title\n\n{TRAILER}{}\n", Sha256::of(b"x"));
        Commit { id: "0".repeat(40), author: Some(Person::ours()), committer: Some(Person::ours()), message }
    }

    #[test]
    fn a_commit_that_somebody_amended_or_copied_is_not_ours() {
        let person = Some(Person { name: "Ada".to_owned(), email: "ada@example.org".to_owned() });
        assert!(ours().is_ours());
        assert!(!Commit { committer: person.clone(), ..ours() }.is_ours(), "amended or rebased");
        assert!(!Commit { author: person.clone(), ..ours() }.is_ours());
        assert!(!Commit { author: None, committer: None, ..ours() }.is_ours());
        for message in [
            "A title".to_owned(),
            String::new(),
            format!("{TRAILER}{}\n\nMore", Sha256::of(b"x")),
            format!("A title\n\n{TRAILER}soon"),
            format!("A title\n\n{}", TRAILER.trim_end()),
        ] {
            assert!(!Commit { message: message.clone(), ..ours() }.is_ours(), "{message}");
        }
    }

    #[test]
    fn a_commit_is_spoken_of_by_the_person_behind_it() {
        let person = |name: &str, email: &str| Some(Person { name: name.to_owned(), email: email.to_owned() });
        let by_web =
            Commit { author: person("Ada", "a@x"), committer: person("GitHub", "noreply@github.com"), ..ours() };
        assert_eq!(by_web.whose(), "Ada");
        assert_eq!(Commit { committer: person("Bob", "b@x"), ..ours() }.whose(), "Bob");
        assert_eq!(Commit { author: None, committer: None, ..ours() }.whose(), "an unknown author");
        assert_eq!(by_web.short(), "0000000 (A title)");
    }
}
