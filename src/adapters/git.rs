//! Files of a revision, read with the `git` program.
//!
//! No shell is involved: every word is an argument of its own. A revision is checked before it is passed and resolved
//! to a commit first, a path is taken literally, and objects are read by their id, so nothing a repository says can
//! become an option.

use std::{
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
};

use super::policies::{Found, MAX_FILES};
use crate::{
    error::{Error, Result},
    schema::MAX_JSON_BYTES,
};

/// Longest revision, in bytes.
const MAX_REVISION: usize = 256;

/// Most output of a listing that is read, in bytes.
const MAX_LISTING: usize = 4 << 20;

/// The `.json` files at `path` (a file or a folder, relative to `folder`) in `revision` of the repository that `folder`
/// lies in, by their path below `path`, sorted. None when the revision has nothing there.
///
/// # Errors
/// The revision is malformed or unknown, `git` is not there, or it fails.
pub fn json_files(folder: &Path, revision: &str, path: &str) -> Result<Vec<Found>> {
    let commit = commit(folder, revision)?;
    let path = path.trim_end_matches('/');
    let listing =
        git(folder, &["ls-tree", "-r", "-z", "--full-tree", &commit, "--", &whole(folder, path)?], MAX_LISTING)?;
    let base = whole(folder, path)?;
    let mut files = Vec::new();
    for entry in listing.split(|b| *b == 0).filter(|entry| !entry.is_empty()) {
        let Some((id, name)) = blob(entry) else { continue };
        if !name.to_ascii_lowercase().ends_with(".json") {
            continue;
        }
        if files.len() == MAX_FILES {
            return Err(Error::input(format!("{revision} holds more than {MAX_FILES} JSON files at {path}")));
        }
        let below = name.strip_prefix(&base).map(|n| n.trim_start_matches('/')).filter(|n| !n.is_empty());
        let (name, named) = match below {
            Some(below) => (below.to_owned(), false),
            None => (name.rsplit('/').next().unwrap_or(name).to_owned(), true),
        };
        files.push(Found { name, named, bytes: git(folder, &["cat-file", "blob", id], MAX_JSON_BYTES)? });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// The commit a revision names.
fn commit(folder: &Path, revision: &str) -> Result<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/@{}^~+-".contains(&b);
    if revision.is_empty() || revision.len() > MAX_REVISION || revision.starts_with('-') || !revision.bytes().all(plain)
    {
        let shown: String = revision.chars().take(80).collect();
        return Err(Error::usage(format!("`{}` is not a revision", shown.escape_debug()))
            .help("give a branch, a tag or a commit: letters, digits and ._/@{}^~+- only"));
    }
    let peeled = format!("{revision}^{{commit}}");
    let output = git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled], 1024)
        .map_err(|e| Error::usage(format!("`{revision}` names no commit of this repository")).because(e))?;
    let id = String::from_utf8_lossy(&output).trim().to_owned();
    let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { Ok(id) } else { Err(Error::internal(format!("git does not say which commit `{revision}` is"))) }
}

/// `path` from the top of the repository, as listings have it.
fn whole(folder: &Path, path: &str) -> Result<String> {
    if path.is_empty() || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(Error::usage(format!("`{}` is not a path below this folder", path.escape_debug())));
    }
    let prefix = git(folder, &["rev-parse", "--show-prefix"], 64 << 10)?;
    Ok(format!("{}{path}", String::from_utf8_lossy(&prefix).trim_end_matches('\n')))
}

/// Id and name of a listing's entry that is a file: `100644 blob ID\tNAME`. Links and submodules are none.
fn blob(entry: &[u8]) -> Option<(&str, &str)> {
    let (head, name) = std::str::from_utf8(entry).ok()?.split_once('\t')?;
    let mut words = head.split(' ');
    let (mode, kind, id) = (words.next()?, words.next()?, words.next()?);
    (kind == "blob" && mode.starts_with("100")).then_some((id, name))
}

/// Runs `git` and returns what it prints, at most `limit` bytes.
fn git(folder: &Path, arguments: &[&str], limit: usize) -> Result<Vec<u8>> {
    let mut child = Command::new("git")
        .args(["--no-pager", "--literal-pathspecs", "--no-optional-locks", "--no-replace-objects"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| Error::input("cannot run git").because(e))?;
    let mut bytes = Vec::new();
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(limit as u64 + 1).read_to_end(&mut bytes),
        None => Ok(0),
    };
    // The pipe is closed by now, so a git with more to say ends as well.
    let status = child.wait().map_err(|e| Error::input("cannot wait for git").because(e))?;
    read.map_err(|e| Error::input("cannot read from git").because(e))?;
    if bytes.len() > limit {
        return Err(Error::input(format!("git prints more than {limit} bytes")));
    }
    let verb = arguments.first().copied().unwrap_or_default();
    if !status.success() {
        return Err(Error::input(format!("git {verb} failed")).help("run it in a clone that has both revisions"));
    }
    Ok(bytes)
}
