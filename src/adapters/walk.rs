//! Walks files and folders for one scan: file by file, in order of their paths, and never along a symbolic link.
//!
//! What is generated or fetched is left out: `.git`, `node_modules`, and a `target` that Cargo has marked as its own.
//! `.gitignore` is ignored: a program reads an ignored `.env` as well as any other.

use std::{
    fs::{self, DirEntry},
    io,
    path::{Path, PathBuf},
};

use super::file;
use crate::error::{Error, Result};

/// Folders that hold other people's files.
const LEFT_OUT: [&str; 2] = [".git", "node_modules"];

/// What lies at a path.
#[derive(Debug)]
pub enum Found {
    /// A file, read.
    Bytes(Vec<u8>),
    /// A file with more bytes than are read.
    TooLarge,
    /// A symbolic link. It was not followed.
    Link,
}

/// A file whose name is of interest.
#[derive(Debug)]
pub struct Visit {
    /// Where it lies: what was named, and the names below it.
    pub path: PathBuf,
    /// Whether the caller named the file itself.
    pub named: bool,
    /// What lies there.
    pub found: Found,
}

/// Hands every file below `roots` whose path `wanted` accepts, and every file that is a root itself, to `visit`. Files of
/// more than `limit` bytes are not read. Of symbolic links those are handed over whose own path is wanted, and those that
/// lead to a folder the walk does not enter.
///
/// # Errors
/// When a root is not there, a folder cannot be listed or a file cannot be read: an incomplete walk must not pass. What
/// `visit` returns.
pub fn walk(
    roots: &[PathBuf],
    limit: usize,
    wanted: impl Fn(&Path) -> bool,
    mut visit: impl FnMut(Visit) -> Result<()>,
) -> Result<()> {
    let tops: Vec<PathBuf> = roots.iter().filter(|root| root.is_dir()).flat_map(fs::canonicalize).collect();
    for root in roots {
        let unreadable = |e: io::Error| Error::input(format!("cannot read {}", root.display())).because(e);
        // A root is followed: the caller named it.
        if !fs::metadata(root).map_err(unreadable)?.is_dir() {
            visit(Visit { path: root.clone(), named: true, found: read(root, limit)? })?;
            continue;
        }
        let mut open = vec![listed(root)?];
        while let Some(entries) = open.last_mut() {
            let Some(entry) = entries.next() else {
                open.pop();
                continue;
            };
            let path = entry.path();
            let path = path.strip_prefix(".").map_or(path.clone(), Path::to_path_buf);
            let kind = entry.file_type().map_err(|e| cannot_list(&path, e))?;
            if kind.is_dir() {
                if !left_out(&entry) {
                    open.push(listed(&entry.path())?);
                }
            } else if kind.is_symlink() {
                if wanted(&path) || leads_out(&path, &tops) {
                    visit(Visit { path, named: false, found: Found::Link })?;
                }
            } else if wanted(&path) {
                let found = read(&path, limit)?;
                visit(Visit { path, named: false, found })?;
            }
        }
    }
    Ok(())
}

/// Whether a link leads to a folder that the walk does not enter under its own name.
fn leads_out(link: &Path, tops: &[PathBuf]) -> bool {
    if !fs::metadata(link).is_ok_and(|metadata| metadata.is_dir()) {
        return false;
    }
    let Ok(target) = fs::canonicalize(link) else { return true };
    let entered = |below: &Path| {
        below
            .components()
            .all(|part| part.as_os_str() != "target" && LEFT_OUT.iter().all(|name| part.as_os_str() != *name))
    };
    !tops.iter().any(|top| target.strip_prefix(top).is_ok_and(entered))
}

fn listed(folder: &Path) -> Result<std::vec::IntoIter<DirEntry>> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(|e| cannot_list(folder, e))?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries.into_iter())
}

fn cannot_list(path: &Path, error: io::Error) -> Error {
    Error::input(format!("cannot list {}", path.display())).because(error)
}

fn left_out(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    LEFT_OUT.iter().any(|left_out| name == *left_out)
        || (name == "target" && entry.path().join("CACHEDIR.TAG").is_file())
}

fn read(path: &Path, limit: usize) -> Result<Found> {
    let large = fs::metadata(path).is_ok_and(|metadata| metadata.len() > limit as u64);
    if large { Ok(Found::TooLarge) } else { file::read_bounded(path, limit as u64).map(Found::Bytes) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_order_and_links_and_generated_folders_are_not_entered() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["b/x.yml", "a.yml", ".git/x.yml", "node_modules/x.yml", "target/x.yml", "c/target/x.yml", "c/x.txt"]
        {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        fs::write(folder.path().join("target/CACHEDIR.TAG"), "").unwrap();
        fs::write(folder.path().join("large.yml"), [b'x'; 100]).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/", folder.path().join("d")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("b", folder.path().join("e")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("node_modules", folder.path().join("f")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("c/x.txt", folder.path().join("g")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("a.yml", folder.path().join("link.yml")).unwrap();
        let mut seen = Vec::new();
        let roots = [folder.path().to_owned(), folder.path().join("c/x.txt")];
        let wanted = |path: &Path| path.extension().is_some_and(|extension| extension == "yml");
        walk(&roots, 50, wanted, |visit| {
            let name = visit.path.strip_prefix(folder.path()).unwrap().display().to_string();
            let word = match visit.found {
                Found::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
                Found::TooLarge => "large".to_owned(),
                Found::Link => "link".to_owned(),
            };
            seen.push(format!("{name} {word} {}", visit.named));
            Ok(())
        })
        .unwrap();
        let expected = [
            "a.yml a.yml false",
            "b/x.yml b/x.yml false",
            "c/target/x.yml c/target/x.yml false",
            #[cfg(unix)]
            "d link false",
            #[cfg(unix)]
            "f link false",
            "large.yml large false",
            #[cfg(unix)]
            "link.yml link false",
            "c/x.txt c/x.txt true",
        ];
        assert_eq!(seen, expected);
        assert!(walk(&[folder.path().join("nothing")], 50, |_| true, |_| Ok(())).is_err());
    }
}
