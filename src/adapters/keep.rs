//! `--keep DIR`: what was downloaded lies in `DIR/<tag>` only when the release passed.
//!
//! Files come into a folder of their own beside it and get their place when the verdict is known: `DIR/<tag>`, or
//! `DIR/<tag>.NOT-VERIFIED`. A script that looks only at the folder cannot take one for the other, and nothing that was not
//! judged in the same run lies among what was. What the verdict is, is not decided here.

use std::{
    fs::Metadata,
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::folder::NOTES_FILE;
use crate::{
    error::{Error, Result},
    release::selection::Names,
    subject::tag::Tag,
};

/// What the name of a folder ends in whose release did not pass.
pub const NOT_VERIFIED: &str = ".NOT-VERIFIED";

/// Strange entries named at most.
const MAX_NAMED: usize = 5;

/// The folder that releases are kept in.
#[derive(Debug, Clone)]
pub struct Keep {
    dir: PathBuf,
}

/// Downloads of one release that have no place yet. Dropped without one, they are gone.
#[derive(Debug)]
pub struct Staged {
    folder: TempDir,
    /// Where they are to be kept; `None` when they are needed for the verdict alone.
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    keep: Keep,
    tag: Tag,
    /// Names of the release's files: what may be replaced. None of what is only to compare with.
    names: Vec<String>,
}

/// What an earlier run left, moved out of the way. Dropped, it is gone.
struct Earlier {
    from: PathBuf,
    to: PathBuf,
    _folder: TempDir,
}

impl Keep {
    /// Keeps releases in `dir`, which is made when it is needed.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// A folder for the downloads of `tag`, whose files are called `names`.
    ///
    /// # Errors
    /// Usage: `DIR/<tag>` holds anything else than files of these names. Input: `DIR` cannot be written to.
    pub fn stage(&self, tag: &Tag, names: &Names) -> Result<Staged> {
        let names = names.usable.iter().map(|(_, name)| name.to_string()).chain([NOTES_FILE.to_owned()]).collect();
        let place = Place { keep: self.clone(), tag: tag.clone(), names };
        place.refuse_strangers()?;
        self.staged(place)
    }

    /// A folder for downloads of `tag` that are only needed to compare with.
    ///
    /// # Errors
    /// Input: `DIR` cannot be written to.
    pub fn stage_beside(&self, tag: &Tag) -> Result<Staged> {
        self.staged(Place { keep: self.clone(), tag: tag.clone(), names: Vec::new() })
    }

    fn staged(&self, place: Place) -> Result<Staged> {
        let made = std::fs::create_dir_all(&self.dir).and_then(|()| self.temporary());
        let folder = made.map_err(|e| cannot("make the folder", &place.verified(), e))?;
        Ok(Staged { folder, place: Some(place) })
    }

    /// Named so that a run that was killed leaves nothing that could be taken for a release.
    fn temporary(&self) -> io::Result<TempDir> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".merotee-").suffix(NOT_VERIFIED);
        #[cfg(unix)]
        {
            // Like any folder a program makes, and as the umask allows: a temporary one's 0700 would stay with it.
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o777));
        }
        builder.tempdir_in(&self.dir)
    }
}

impl Staged {
    /// Downloads into a folder in `root` that are removed once they are judged.
    ///
    /// # Errors
    /// Input: the folder cannot be made.
    pub fn temporary(root: &Path) -> Result<Self> {
        let folder = TempDir::new_in(root).map_err(|e| cannot("make a folder in", root, e))?;
        Ok(Self { folder, place: None })
    }

    /// Where to put files.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Whether they are to be kept.
    pub fn is_kept(&self) -> bool {
        self.place.is_some()
    }

    /// Gives the downloads their place, in exchange for what an earlier run of the same release left: `DIR/<tag>` when it
    /// `passed`, else `DIR/<tag>.NOT-VERIFIED`. Of the two only one is there afterwards. Returns it; `None` for downloads
    /// that are not kept.
    ///
    /// # Errors
    /// Usage: something strange has come into `DIR/<tag>` meanwhile. Input: a folder cannot be renamed.
    pub fn settle(self, passed: bool) -> Result<Option<PathBuf>> {
        let Self { folder, place: Some(place) } = self else { return Ok(None) };
        place.refuse_strangers()?;
        let target = if passed { place.verified() } else { place.marked() };
        let mut earlier = Vec::new();
        let done = place.set_aside(&mut earlier).and_then(|()| put(folder, &target));
        if done.is_err() {
            // What was there goes back: an error must not cost an earlier download. One error is enough to report.
            for Earlier { from, to, .. } in &earlier {
                let _ = std::fs::rename(to, from);
            }
        }
        done.map(|()| Some(target))
    }

    /// Gives downloads that were only needed to compare with their place, when there is nothing in it yet: what is there
    /// may be the whole release.
    ///
    /// # Errors
    /// Input: a folder cannot be renamed.
    pub fn settle_beside(self) -> Result<()> {
        match self.place {
            Some(place) if metadata(&place.verified())?.is_none() => put(self.folder, &place.verified()),
            Some(_) | None => Ok(()),
        }
    }
}

impl Place {
    fn verified(&self) -> PathBuf {
        self.keep.dir.join(self.tag.as_str())
    }

    fn marked(&self) -> PathBuf {
        self.keep.dir.join(format!("{}{NOT_VERIFIED}", self.tag))
    }

    /// Moves what an earlier run left out of the way, and says so in `earlier`.
    fn set_aside(&self, earlier: &mut Vec<Earlier>) -> Result<()> {
        for from in [self.verified(), self.marked()] {
            if metadata(&from)?.is_some() {
                let folder = self.keep.temporary().map_err(|e| cannot("replace", &from, e))?;
                let to = folder.path().join("earlier");
                std::fs::rename(&from, &to).map_err(|e| cannot("replace", &from, e))?;
                earlier.push(Earlier { from, to, _folder: folder });
            }
        }
        Ok(())
    }

    /// Whatever lies in the release's folder is taken for a part of it. Both folders are also about to be replaced, and
    /// only what a run made is.
    fn refuse_strangers(&self) -> Result<()> {
        let marked = self.marked();
        if metadata(&marked)?.is_some_and(|m| !m.is_dir()) {
            return Err(no_folder(&marked));
        }
        let folder = self.verified();
        match metadata(&folder)? {
            None => return Ok(()),
            Some(found) if !found.is_dir() => return Err(no_folder(&folder)),
            Some(_) => {}
        }
        let unreadable = |e| cannot("list", &folder, e);
        let mut strange = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_file = entry.file_type().map_err(unreadable)?.is_file();
            match (is_file, self.names.contains(&name)) {
                (true, true) => {}
                (true, false) => strange.push(name),
                (false, _) => strange.push(format!("{name} (not a regular file)")),
            }
        }
        strange.sort();
        if strange.is_empty() {
            return Ok(());
        }
        let more = match strange.len().saturating_sub(MAX_NAMED) {
            0 => String::new(),
            number => format!(" and {number} more"),
        };
        strange.truncate(MAX_NAMED);
        let (folder, named) = (folder.display(), strange.join(", "));
        let message = format!("{folder} holds files that release {} does not have: {named}{more}", self.tag);
        Err(Error::usage(message)
            .help("move them away, or keep the release elsewhere: they would be among verified files"))
    }
}

/// Exchanges nothing: `target` must not be there.
fn put(folder: TempDir, target: &Path) -> Result<()> {
    std::fs::rename(folder.path(), target).map_err(|e| cannot("keep the release in", target, e))?;
    // It has moved: there is nothing left to remove.
    let _ = folder.keep();
    Ok(())
}

/// What is there, links not followed; `None` where nothing is.
fn metadata(path: &Path) -> Result<Option<Metadata>> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(cannot("look at", path, e)),
    }
}

fn no_folder(path: &Path) -> Error {
    Error::usage(format!("{} exists and is not a folder", path.display()))
        .help("move it away, or keep the release elsewhere")
}

fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    Error::input(format!("cannot {what} {}", path.display())).because(error)
}

#[cfg(test)]
mod tests;
