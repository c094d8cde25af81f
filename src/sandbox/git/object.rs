//! Objects and their encoding, as `git cat-file` would show them.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use axum::body::Bytes;
use jiff::Timestamp;

use super::id::Oid;

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Object {
    /// The content of a file.
    Blob(Bytes),
    /// A folder: its entries, in git's order.
    Tree(Vec<Entry>),
    /// A commit.
    Commit(Commit),
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What it is.
    pub(crate) mode: Mode,
    /// Its name, without a slash.
    pub(crate) name: String,
    /// The object it stands for.
    pub(crate) id: Oid,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A file.
    File,
    /// A file that may be run.
    Executable,
    /// A symbolic link, whose target is the content.
    Link,
    /// A commit of another repository.
    Submodule,
    /// A folder.
    Tree,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    /// The folder it records.
    pub(crate) tree: Oid,
    /// The commits it follows; more than one for a merge.
    pub(crate) parents: Vec<Oid>,
    /// Who wrote the change, and when.
    pub(crate) author: Person,
    /// Who recorded it, and when.
    pub(crate) committer: Person,
    /// The message, as it was given.
    pub(crate) message: String,
}

/// Somebody at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Name.
    pub(crate) name: String,
    /// Address.
    pub(crate) email: String,
    /// The moment, to the second.
    pub(crate) time: Timestamp,
}

impl Mode {
    /// As git writes it, with six digits.
    pub(crate) fn digits(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Submodule => "160000",
            Self::Tree => "040000",
        }
    }

    /// The mode written so.
    pub(crate) fn of(digits: &str) -> Option<Self> {
        [Self::File, Self::Executable, Self::Link, Self::Submodule, Self::Tree]
            .into_iter()
            .find(|mode| mode.digits() == digits)
    }

    /// The kind of object it stands for.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::File | Self::Executable | Self::Link => "blob",
            Self::Submodule => "commit",
            Self::Tree => "tree",
        }
    }
}

impl Object {
    /// Its id.
    pub(crate) fn id(&self) -> Oid {
        let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        context.update(&self.with_header());
        // SHA-1 has twenty bytes.
        Oid::new(context.finish().as_ref().try_into().unwrap_or_default())
    }

    /// Its kind, by git's word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Blob(_) => "blob",
            Self::Tree(_) => "tree",
            Self::Commit(_) => "commit",
        }
    }

    /// What its id is the hash of, and what git keeps.
    pub(crate) fn with_header(&self) -> Vec<u8> {
        let body = self.encoded();
        let header = format!("{} {}\0", self.kind(), body.len());
        [header.as_bytes(), &body].concat()
    }

    fn encoded(&self) -> Bytes {
        match self {
            Self::Blob(bytes) => bytes.clone(),
            Self::Tree(entries) => {
                let mut encoded = Vec::new();
                for entry in entries {
                    let mode = entry.mode.digits().trim_start_matches('0');
                    encoded.extend_from_slice(format!("{mode} {}\0", entry.name).as_bytes());
                    encoded.extend_from_slice(entry.id.as_bytes());
                }
                encoded.into()
            }
            Self::Commit(commit) => commit.encoded().into(),
        }
    }
}

impl Commit {
    /// Its id.
    pub(crate) fn id(&self) -> Oid {
        Object::Commit(self.clone()).id()
    }

    fn encoded(&self) -> String {
        let mut text = format!("tree {}\n", self.tree);
        for parent in &self.parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        let (author, committer) = (self.author.encoded(), self.committer.encoded());
        text + &format!("author {author}\ncommitter {committer}\n\n{}", self.message)
    }
}

impl Person {
    fn encoded(&self) -> String {
        // What would end the field is dropped, as git does.
        let plain = |text: &str| text.replace(['<', '>', '\n', '\0'], "");
        format!("{} <{}> {} +0000", plain(&self.name), plain(&self.email), self.time.as_second())
    }
}
