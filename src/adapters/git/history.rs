//! What changed between two commits of a clone, and what a file was at one of them.
//!
//! A range is taken from the merge base, as a pull request is shown. A shallow clone has no history to find it in, and may
//! offer another commit in its place: it is refused.

use std::path::{Path, PathBuf};

use super::{Listed, MAX_LISTING, commit, git};
use crate::error::{Error, Result};

/// Most commits whose messages are read.
const MAX_COMMITS: &str = "--max-count=1000";

/// Largest file that is read at a commit, in bytes.
const MAX_FILE: usize = 8 << 20;

/// A range of commits.
#[derive(Debug)]
pub struct History {
    folder: PathBuf,
    /// The commit both ends have in common, from which the change is taken.
    pub base: String,
    /// The last commit of the change.
    pub head: String,
}

/// One file that a change touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its path after the change, or before it where it is gone.
    pub path: String,
    /// Its path before, where it had another.
    pub from: Option<String>,
    /// Whether there is content after the change that was not there before.
    pub written: bool,
    /// Whether it is gone.
    pub deleted: bool,
}

/// A commit of the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// Name of its author.
    pub author: String,
    /// Its whole message.
    pub message: String,
}

impl History {
    /// The change from where `head` left `base`, in the repository that `folder` lies in.
    ///
    /// # Errors
    /// Usage: a revision is malformed or unknown. Input: `git` is not there, `folder` is in no repository, the clone is
    /// shallow, or the two have no commit in common.
    pub fn between(folder: &Path, base: &str, head: &str) -> Result<Self> {
        require_whole(folder)?;
        let (base, head) = (commit(folder, base)?, commit(folder, head)?);
        let shared = git(folder, &["merge-base", "--end-of-options", &base, &head], 1024)
            .map_err(|e| Error::input(format!("{base} and {head} have no commit in common")).because(e))?;
        let shared = String::from_utf8_lossy(&shared).trim().to_owned();
        Ok(Self { folder: folder.to_owned(), base: commit(folder, &shared)?, head })
    }

    /// Every file that the change touches, sorted by path. Renames are found by likeness of content.
    ///
    /// # Errors
    /// `git` fails, or there is too much to read.
    pub fn touched(&self) -> Result<Vec<Touched>> {
        let words = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "-M", "-l1000", &self.base, &self.head];
        let listing = git(&self.folder, &words, MAX_LISTING)?;
        let mut fields = listing.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let mut touched = Vec::new();
        while let Some(entry) = fields.next().filter(|entry| !entry.is_empty()) {
            let unreadable = || Error::internal("git lists a change in a form that is not known");
            // `:old-mode new-mode old-id new-id STATUS`
            let words: Vec<&str> = entry.split(' ').collect();
            let [_, _, before, after, status] = words.as_slice() else { return Err(unreadable()) };
            let first = fields.next().ok_or_else(unreadable)?.into_owned();
            let (path, from) = if status.starts_with(['R', 'C']) {
                let to = fields.next().ok_or_else(unreadable)?.into_owned();
                (to, status.starts_with('R').then_some(first))
            } else {
                (first, None)
            };
            let deleted = *status == "D";
            touched.push(Touched { path, from, written: !deleted && before != after, deleted });
        }
        touched.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(touched)
    }

    /// The commits of the change, latest first, without those that a merge brought in from `base`.
    ///
    /// # Errors
    /// `git` fails, or there is too much to read.
    pub fn commits(&self) -> Result<Vec<Commit>> {
        let range = format!("{}..{}", self.base, self.head);
        let words = [
            "log",
            "-z",
            "--no-show-signature",
            "--no-color",
            MAX_COMMITS,
            "--format=%H%n%an%n%B",
            "--end-of-options",
            &range,
            "--",
        ];
        let listing = git(&self.folder, &words, MAX_LISTING)?;
        let entries = listing.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let commits = entries.filter_map(|entry| {
            let (id, rest) = entry.split_once('\n')?;
            let (author, message) = rest.split_once('\n')?;
            Some(Commit { id: id.to_owned(), author: author.to_owned(), message: message.to_owned() })
        });
        Ok(commits.collect())
    }

    /// The content of a file before the change; `None` where there is none.
    ///
    /// # Errors
    /// As `file_at`.
    pub fn before(&self, path: &str) -> Result<Option<Vec<u8>>> {
        file_at(&self.folder, &self.base, path)
    }

    /// The content of a file after the change; `None` where there is none.
    ///
    /// # Errors
    /// As `file_at`.
    pub fn after(&self, path: &str) -> Result<Option<Vec<u8>>> {
        file_at(&self.folder, &self.head, path)
    }
}

/// Refuses a clone without its whole history.
pub(super) fn require_whole(folder: &Path) -> Result<()> {
    let shallow = git(folder, &["rev-parse", "--is-shallow-repository"], 64)
        .map_err(|e| Error::input("there is no git repository here").because(e).help("run it in a clone"))?;
    if shallow.trim_ascii() != b"false" {
        return Err(Error::input("this clone is shallow: the history between base and head is not all there")
            .help("set `fetch-depth: 0` on actions/checkout, or run `git fetch --unshallow`"));
    }
    Ok(())
}

/// The content of the file at `path`, from the top of the repository, at a commit.
///
/// # Errors
/// `git` fails, the file is too large, or what is there is a link or a folder.
pub(super) fn file_at(folder: &Path, commit: &str, path: &str) -> Result<Option<Vec<u8>>> {
    let listing = git(folder, &["ls-tree", "-z", "--full-tree", commit, "--", path], MAX_LISTING)?;
    let entry = String::from_utf8_lossy(&listing);
    let Some(entry) = entry.split('\0').find(|entry| !entry.is_empty()) else { return Ok(None) };
    match Listed::read(entry) {
        Some(Listed { id, is_file: true, .. }) => git(folder, &["cat-file", "blob", id], MAX_FILE).map(Some),
        Some(_) | None => Err(Error::input(format!("{path} is not a file at {commit}"))
            .help("name the file itself, not a folder or a symbolic link")),
    }
}
