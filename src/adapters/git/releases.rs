//! The history of releases in a clone: the tags of a family, and the commits between two of them.
//!
//! A range is read with one call, in a form in which every field ends in NUL: no message, name or path can hold one, so
//! nothing a commit says can pass for another field.

use std::path::{Path, PathBuf};

use super::{MAX_LISTING, commit, git, history::file_at};
use crate::{
    error::{Error, Result},
    release::notes::commit::{Commit, Person},
    subject::tag::{Family, Tag},
};

/// Most commits of a range.
const MAX_COMMITS: usize = 50_000;

/// Most output of a range that is read, in bytes.
const MAX_LOG: usize = 128 << 20;

/// The prefixes that tags of a family have, the present one first.
fn prefixes(family: Family) -> &'static [&'static str] {
    match family {
        Family::Kms => &["mero-kms-v"],
        Family::Node => &["mero-tee-v", "node-image-gcp-v"],
    }
}

/// A clone that holds releases.
#[derive(Debug)]
pub struct Releases {
    folder: PathBuf,
}

impl Releases {
    /// The repository that `folder` lies in.
    ///
    /// # Errors
    /// Usage: `folder` is none. Input: `git` is not there, `folder` is in no repository, or the clone is shallow.
    pub fn around(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            return Err(
                Error::usage(format!("{} is not a folder", folder.display())).help("name a clone with --repo-dir")
            );
        }
        let shallow = git(folder, &["rev-parse", "--is-shallow-repository"], 64).map_err(|e| {
            if is_absent(&e) {
                return e;
            }
            Error::input(format!("there is no git repository at {}, or git does not trust its owner", folder.display()))
                .because(e)
                .help("name a clone with --repo-dir; `git -C DIR status` says what is wrong")
        })?;
        if shallow.trim_ascii() != b"false" {
            return Err(Error::input("this clone is shallow: the history since the previous release is not all there")
                .help("set `fetch-depth: 0` on actions/checkout, or run `git fetch --unshallow --tags`"));
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// The commit that a revision names.
    ///
    /// # Errors
    /// Usage: it is malformed or unknown.
    pub fn commit(&self, revision: &str) -> Result<String> {
        commit(&self.folder, revision)
    }

    /// The commit of a release's tag; `None` where the clone has no such tag.
    ///
    /// # Errors
    /// Input: `git` fails. Usage: the tag names no commit.
    pub fn tagged(&self, tag: &Tag) -> Result<Option<String>> {
        let name = format!("refs/tags/{tag}");
        if git(&self.folder, &["for-each-ref", "--format=%(refname)", "--", &name], MAX_LISTING)?.is_empty() {
            return Ok(None);
        }
        commit(&self.folder, &name).map(Some)
    }

    /// The family's tags: all of them, or those in the history of a commit.
    ///
    /// # Errors
    /// Input: `git` fails, or there is too much to read.
    pub fn tags(&self, family: Family, within: Option<&str>) -> Result<Vec<Tag>> {
        let merged = within.map(|id| format!("--merged={id}"));
        let mut words = vec!["for-each-ref", "--format=%(refname:lstrip=2)"];
        words.extend(merged.as_deref());
        words.push("--");
        let patterns: Vec<String> = prefixes(family).iter().map(|prefix| format!("refs/tags/{prefix}*")).collect();
        words.extend(patterns.iter().map(String::as_str));
        let listing = git(&self.folder, &words, MAX_LISTING)?;
        // Other tags may begin like those of a release.
        Ok(String::from_utf8_lossy(&listing).lines().filter_map(|name| name.parse().ok()).collect())
    }

    /// The commits that `to` holds and `from` does not; all that `to` holds without one. The order is git's: children
    /// before their parents. With `files`, each with the paths it changes against its first parent.
    ///
    /// # Errors
    /// Input: `git` fails, or there is too much to read.
    pub fn log(&self, from: Option<&str>, to: &str, files: bool) -> Result<Vec<Commit>> {
        let limit = format!("--max-count={}", MAX_COMMITS + 1);
        let mut words = vec![
            "log",
            "-z",
            "--topo-order",
            "--no-show-signature",
            "--no-color",
            "--encoding=UTF-8",
            "--format=%H%x00%P%x00%aN%x00%aE%x00%B",
            &limit,
        ];
        if files {
            words.extend(["--raw", "--no-abbrev", "--no-renames", "--diff-merges=first-parent"]);
        }
        let excluded = from.map(|from| format!("^{from}"));
        words.extend(["--end-of-options", to]);
        words.extend(excluded.as_deref());
        words.push("--");
        let commits = commits(&git(&self.folder, &words, MAX_LOG)?)?;
        if commits.len() > MAX_COMMITS {
            return Err(Error::input(format!("there are more than {MAX_COMMITS} commits in the range"))
                .help("name a nearer release with --from"));
        }
        Ok(commits)
    }

    /// The paths of the files that differ between two commits, sorted.
    ///
    /// # Errors
    /// Input: `git` fails, or there is too much to read.
    pub fn changed_files(&self, from: &str, to: &str) -> Result<Vec<String>> {
        let words = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", from, to];
        let listing = git(&self.folder, &words, MAX_LISTING)?;
        let names = listing.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    /// The content of a file at a commit; `None` where there is none.
    ///
    /// # Errors
    /// Input: it is not a file, or `git` fails.
    pub fn file(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>> {
        file_at(&self.folder, commit, path)
    }
}

/// Whether an error says that there is no `git` program.
fn is_absent(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound)
}

/// Reads what `git log` printed: five fields a commit and, where they were asked for, its files, each as `:…` and a path.
fn commits(listing: &[u8]) -> Result<Vec<Commit>> {
    let mut fields = listing.split(|byte| *byte == 0).map(String::from_utf8_lossy).peekable();
    let mut commits = Vec::new();
    while let Some(id) = fields.next().filter(|id| !id.is_empty()) {
        let unreadable = || Error::internal("git lists a commit in a form that is not known");
        if !matches!(id.len(), 40 | 64) || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(unreadable());
        }
        let mut next = || fields.next().map(std::borrow::Cow::into_owned).ok_or_else(unreadable);
        let (parents, name, email, message) = (next()?, next()?, next()?, next()?);
        let mut files = Vec::new();
        // An id never begins with a colon. The first entry stands on a line of its own.
        while fields.next_if(|field| field.strip_prefix('\n').unwrap_or(field).starts_with(':')).is_some() {
            files.push(fields.next().ok_or_else(unreadable)?.into_owned());
        }
        commits.push(Commit {
            id: id.into_owned(),
            parents: parents.split(' ').filter(|parent| !parent.is_empty()).map(str::to_owned).collect(),
            author: Person { name, email },
            message,
            files,
        });
    }
    Ok(commits)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn record(id: &str, message: &str, files: &[&str]) -> String {
        let mut text = format!("{id}\0{}\0Ada\0ada@example.org\0{message}\0", "b".repeat(40));
        for (index, file) in files.iter().enumerate() {
            let line = if index == 0 { "\n" } else { "" };
            text.push_str(&format!("{line}:100644 100644 1 2 M\0{file}\0"));
        }
        text
    }

    #[test]
    fn neither_a_message_nor_a_name_passes_for_another_field() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let listing = record(&one, ":100644 M", &[&two, ":x", "\n:y"]) + &record(&two, "", &[]);
        let read = commits(listing.as_bytes()).unwrap();
        assert_eq!(read.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), [one, two.clone()]);
        let files: Vec<Vec<String>> = read.into_iter().map(|c| c.files).collect();
        assert_eq!(files, [vec![two, ":x".to_owned(), "\n:y".to_owned()], vec![]]);
        assert_eq!(commits(b"").unwrap(), []);
    }

    #[test]
    fn what_is_cut_off_or_of_another_form_is_refused() {
        let whole = record(&"1".repeat(40), "m", &["f"]);
        for end in [10, 41, 90, 100] {
            assert!(commits(whole.get(..end).unwrap().as_bytes()).is_err(), "{end}");
        }
        assert!(commits(b"not an id\0\0\0\0\0").is_err());
    }
}
