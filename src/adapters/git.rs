//! Files of a revision, read with the `git` program.
//!
//! No shell is involved: every word is an argument of its own. A revision is checked before it is passed and resolved
//! to a commit first, a path is taken literally, and objects are read by their id, so nothing a repository says can
//! become an option.

mod history;
mod lineage;
mod releases;

pub use self::{
    history::{Commit, History, Touched},
    lineage::lineage,
    releases::Releases,
};

use std::{
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
};

use super::policies::{Found, MAX_FILES};
use crate::{
    error::{Error, Result},
    policy::collection::promises_policy,
    schema::MAX_JSON_BYTES,
};

/// Longest revision, in bytes.
const MAX_REVISION: usize = 256;

/// Longest path that git is asked for, in bytes.
const MAX_PATH: usize = 64 << 10;

/// Most output of a listing that is read, in bytes.
const MAX_LISTING: usize = 4 << 20;

/// The `.json` files at `path`, a file or a folder, in two revisions of the repository that `folder` lies in, by their path
/// below `path`, sorted. None where a revision has nothing there. `path` is relative to `folder`; where neither revision
/// has anything there, it is taken from the top of the repository, so that one command line will do in every subfolder.
///
/// # Errors
/// A revision is malformed or unknown, the path leads out of the repository, a policy is a symbolic link, `git` is not
/// there, or it fails.
pub fn json_files(folder: &Path, revisions: [&str; 2], path: &str) -> Result<[Vec<Found>; 2]> {
    let [from, to] = revisions;
    let commits = [commit(folder, from)?, commit(folder, to)?];
    let mut places = places(folder, path)?.into_iter();
    let mut found = [Vec::new(), Vec::new()];
    while found.iter().all(Vec::is_empty)
        && let Some(place) = places.next()
    {
        for ((files, commit), revision) in found.iter_mut().zip(&commits).zip(revisions) {
            *files = files_at(folder, revision, commit, &place)?;
        }
        if !place.named_from_here && found.iter().any(|files| !files.is_empty()) {
            tracing::info!("`{}` is taken from the top of the repository", place.path);
        }
    }
    Ok(found)
}

/// A path from the top of the repository, as listings have it; empty for all of it.
struct Place {
    path: String,
    /// Whether that is where the path leads from the working folder.
    named_from_here: bool,
}

/// Where `path` may be meant to lead, likeliest first.
fn places(folder: &Path, path: &str) -> Result<Vec<Place>> {
    if Path::new(path).is_absolute() {
        return Ok(vec![Place { path: below_top(folder, path)?, named_from_here: true }]);
    }
    let prefix = git(folder, &["rev-parse", "--show-prefix"], MAX_PATH)?;
    let prefix = String::from_utf8_lossy(&prefix).trim_end_matches('\n').to_owned();
    let here = normal(&format!("{prefix}{path}"));
    let top = if prefix.is_empty() { None } else { normal(path) };
    let places = [here.map(|path| (path, true)), top.map(|path| (path, false))];
    let places: Vec<_> =
        places.into_iter().flatten().map(|(path, named_from_here)| Place { path, named_from_here }).collect();
    if path.is_empty() || places.is_empty() {
        let shown: String = path.chars().take(200).collect();
        let message = format!("`{}` is not a path below this folder or in this repository", shown.escape_debug());
        return Err(Error::usage(message));
    }
    Ok(places)
}

/// `path` without `.`, `..` and repeated slashes; `None` when it leads out.
fn normal(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// An absolute path, from the top of the working tree.
fn below_top(folder: &Path, path: &str) -> Result<String> {
    let top = git(folder, &["rev-parse", "--show-toplevel"], MAX_PATH)?;
    let top = String::from_utf8_lossy(&top).trim_end_matches('\n').to_owned();
    let real = |path: &str| std::fs::canonicalize(path).ok().and_then(|path| path.to_str().map(str::to_owned));
    // Git names the top by its real path; what the caller wrote may go through links, and need not exist any more.
    let written = Path::new(path).strip_prefix(&top).ok().and_then(Path::to_str).map(str::to_owned);
    let resolved = || Some(Path::new(&real(path)?).strip_prefix(real(&top)?).ok()?.to_str()?.to_owned());
    written
        .or_else(resolved)
        .and_then(|below| normal(&below))
        .ok_or_else(|| Error::usage(format!("`{}` is not a path in the repository at {top}", path.escape_debug())))
}

fn files_at(folder: &Path, revision: &str, commit: &str, place: &Place) -> Result<Vec<Found>> {
    let base = place.path.as_str();
    let mut words = vec!["ls-tree", "-r", "-z", "--full-tree", commit];
    if !base.is_empty() {
        words.extend(["--", base]);
    }
    let listing = git(folder, &words, MAX_LISTING)?;
    let mut files = Vec::new();
    for entry in listing.split(|b| *b == 0).filter(|entry| !entry.is_empty()) {
        let entry = String::from_utf8_lossy(entry);
        let Some(entry) = Listed::read(&entry).filter(|e| e.name.to_ascii_lowercase().ends_with(".json")) else {
            continue;
        };
        let below = entry.name.strip_prefix(base).map(|n| n.trim_start_matches('/')).filter(|n| !n.is_empty());
        let (name, named) = match below {
            Some(below) => (below.to_owned(), false),
            None => (entry.name.rsplit('/').next().unwrap_or(entry.name).to_owned(), true),
        };
        if !entry.is_file {
            // What a link leads to is not read, and a policy must not be passed over.
            if named || promises_policy(&name) {
                return Err(Error::input(format!("{} is not a file in {revision} but a link", entry.name))
                    .help("commit the policy itself, or compare two folders"));
            }
            continue;
        }
        if files.len() == MAX_FILES {
            return Err(Error::input(format!("{revision} holds more than {MAX_FILES} JSON files at `{base}`")));
        }
        files.push(Found { name, named, bytes: git(folder, &["cat-file", "blob", entry.id], MAX_JSON_BYTES)? });
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

/// One entry of a listing: `100644 blob ID\tNAME`.
struct Listed<'a> {
    id: &'a str,
    name: &'a str,
    /// Links and submodules are none.
    is_file: bool,
}

impl<'a> Listed<'a> {
    fn read(entry: &'a str) -> Option<Self> {
        let (head, name) = entry.split_once('\t')?;
        let mut words = head.split(' ');
        let (mode, kind, id) = (words.next()?, words.next()?, words.next()?);
        Some(Self { id, name, is_file: kind == "blob" && mode.starts_with("100") })
    }
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
        .map_err(|e| Error::input("cannot run git").because(e).help("install git, or put it on PATH"))?;
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
