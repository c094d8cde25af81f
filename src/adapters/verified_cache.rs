//! A folder that remembers what was downloaded, so that a later audit downloads only what is new: documents themselves, and
//! of everything else that its bytes were once hashed.
//!
//! It vouches for nothing but digests, and is as hostile as the network: what is read from it is bounded, compared in every
//! field and hashed again, and an entry that is not right is a miss, said and replaced. No verdict lies in it: every check is
//! made again, signatures included. What an entry may replace is decided by the caller.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde::Serialize;

use crate::{
    digest::{Sha256, Sha256Hasher},
    error::{self, Error, Result},
};

/// Documents, by their digests.
const DOCUMENTS: &str = "documents";
/// What was hashed, by the digest of what it is called.
const HASHED: &str = "hashed";
/// The largest entry of [`HASHED`]: a few names and numbers.
const MAX_ENTRY_BYTES: u64 = 16 * 1024;
const CHUNK: usize = 64 * 1024;
/// Tells backup programs to leave the folder out (<https://bford.info/cachedir/>).
const CACHEDIR_TAG: (&str, &[u8]) = (
    "CACHEDIR.TAG",
    b"Signature: 8a477f597d28d172789f06886806bc55\n# What merotee downloaded. It can be removed at any time.\n",
);

/// A cache in a folder. Several processes may use it at the same time: entries appear whole, and the same entry is the same
/// bytes, whichever wrote it.
#[derive(Debug)]
pub struct VerifiedCache {
    dir: PathBuf,
    hits: AtomicU64,
    spared: AtomicU64,
    /// Whether it was said that nothing can be written.
    complained: AtomicBool,
}

/// An asset whose bytes were hashed: everything by which the API tells it from another, and their digest. The entry of an
/// asset is exactly this, so that reading one is comparing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hashed {
    /// The API that lists it.
    pub api: String,
    /// Its repository.
    pub repository: String,
    /// The number of its release.
    pub release: u64,
    /// Its own.
    pub asset: u64,
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// When the API says it was last changed.
    pub updated_at: Option<String>,
    /// The digest that the API states and that its bytes have.
    pub sha256: String,
}

/// How much was not downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spared {
    /// Assets.
    pub assets: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl VerifiedCache {
    /// The cache in `dir`, which is made where it is not there.
    ///
    /// # Errors
    /// Usage: it is not a folder. Input: it cannot be made, or not be written to.
    pub fn open(dir: &Path) -> Result<Self> {
        for folder in [dir, &dir.join(DOCUMENTS), &dir.join(HASHED)] {
            make(folder, folder == dir)?;
        }
        let unwritable = |e| Error::input(format!("cannot write to the cache in {}", dir.display())).because(e);
        for folder in [DOCUMENTS, HASHED] {
            temporary(&dir.join(folder)).map_err(unwritable)?;
        }
        let cache = Self { dir: dir.to_owned(), hits: 0.into(), spared: 0.into(), complained: false.into() };
        let (name, text) = CACHEDIR_TAG;
        if !dir.join(name).exists() {
            write(dir, name, text).map_err(unwritable)?;
        }
        Ok(cache)
    }

    /// Copies the document of this digest and size to `destination`. Whether it was there. What is copied is hashed on the
    /// way, and the caller judges the copy: no other process can change it between.
    pub fn copy_document(&self, sha256: Sha256, size: u64, destination: &Path) -> bool {
        let entry = self.dir.join(DOCUMENTS).join(sha256.to_string());
        match copied(&entry, size, destination) {
            Ok(None) => return false,
            Ok(Some(digest)) if digest == sha256 => {
                self.hit(size);
                return true;
            }
            Ok(Some(_)) => self.ignored(&entry, "it is not what its name says"),
            Err(error) => self.ignored(&entry, &error::chain(&error)),
        }
        // What was copied so far is nothing.
        let _ = fs::remove_file(destination);
        false
    }

    /// Whether the bytes of this asset were hashed before.
    pub fn has(&self, asset: &Hashed) -> bool {
        let Some(expected) = text_of(asset) else { return false };
        let entry = self.dir.join(HASHED).join(name_of(&expected));
        match entry_text(&entry) {
            Ok(None) => false,
            Ok(Some(text)) if text == expected => {
                self.hit(asset.size);
                true
            }
            Ok(Some(_)) => {
                self.ignored(&entry, "it is not what its name says");
                false
            }
            Err(error) => {
                self.ignored(&entry, &error::chain(&error));
                false
            }
        }
    }

    /// Whether a document seems to be there: it is not read.
    pub fn seems_to_have_document(&self, sha256: Sha256, size: u64) -> bool {
        let entry = self.dir.join(DOCUMENTS).join(sha256.to_string());
        fs::symlink_metadata(entry).is_ok_and(|found| found.is_file() && found.len() == size)
    }

    /// Whether an asset seems to have been hashed: the entry is not read.
    pub fn seems_to_have(&self, asset: &Hashed) -> bool {
        text_of(asset).is_some_and(|text| self.dir.join(HASHED).join(name_of(&text)).is_file())
    }

    /// Remembers a document whose digest was found to be this one.
    pub fn keep_document(&self, sha256: Sha256, bytes: &[u8]) {
        self.keep(DOCUMENTS, &sha256.to_string(), bytes);
    }

    /// Remembers an asset whose bytes were hashed.
    pub fn keep_hashed(&self, asset: &Hashed) {
        if let Some(text) = text_of(asset) {
            self.keep(HASHED, &name_of(&text), &text);
        }
    }

    /// How much it spared so far.
    pub fn spared(&self) -> Spared {
        Spared { assets: self.hits.load(Ordering::Relaxed), bytes: self.spared.load(Ordering::Relaxed) }
    }

    fn hit(&self, bytes: u64) {
        self.hits.fetch_add(1, Ordering::Relaxed);
        self.spared.fetch_add(bytes, Ordering::Relaxed);
    }

    fn ignored(&self, entry: &Path, why: &str) {
        tracing::warn!("{} in the cache is ignored: {why}", entry.display());
    }

    /// A verdict does not hang on it, so what cannot be written is said once and then left.
    fn keep(&self, folder: &str, name: &str, bytes: &[u8]) {
        if let Err(error) = write(&self.dir.join(folder), name, bytes)
            && !self.complained.swap(true, Ordering::Relaxed)
        {
            let dir = self.dir.display();
            tracing::warn!("cannot write to the cache in {dir}, so that the next run downloads again: {error}");
        }
    }
}

/// Makes a folder of the cache. Those inside must not be links: they would lead what is written elsewhere.
fn make(folder: &Path, top: bool) -> Result<()> {
    let shown = folder.display();
    let found = if top { fs::metadata(folder) } else { fs::symlink_metadata(folder) };
    match found {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Error::usage(format!("{shown} is not a folder, and a cache is kept in one"))
            .help("name another folder with --cache, or move it away")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => fs::create_dir_all(folder)
            .map_err(|e| Error::input(format!("cannot make the folder {shown} for the cache")).because(e)),
        Err(e) => Err(Error::input(format!("cannot use {shown} as the cache")).because(e)),
    }
}

/// An entry that is there, opened; `None` where there is none. Links and pipes are not opened.
fn opened(entry: &Path) -> Result<Option<(File, u64)>> {
    let unreadable = |e| Error::input("it cannot be read").because(e);
    match fs::symlink_metadata(entry) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unreadable(e)),
        Ok(found) if !found.is_file() => Err(Error::input("it is not a regular file")),
        Ok(found) => Ok(Some((File::open(entry).map_err(unreadable)?, found.len()))),
    }
}

fn copied(entry: &Path, size: u64, destination: &Path) -> Result<Option<Sha256>> {
    let Some((file, there)) = opened(entry)? else { return Ok(None) };
    if there != size {
        return Err(Error::input(format!("it has {there} bytes, not {size}")));
    }
    let copy = || -> io::Result<Sha256> {
        let (mut hasher, mut buffer) = (Sha256Hasher::new(), vec![0; CHUNK]);
        let (mut from, mut to) = (file.take(size), File::create_new(destination)?);
        loop {
            let read = from.read(&mut buffer)?;
            let piece = buffer.get(..read).unwrap_or_default();
            if piece.is_empty() {
                return Ok(hasher.finish());
            }
            hasher.update(piece);
            to.write_all(piece)?;
        }
    };
    copy().map(Some).map_err(|e| Error::input("it cannot be copied").because(e))
}

fn entry_text(entry: &Path) -> Result<Option<Vec<u8>>> {
    let Some((file, _)) = opened(entry)? else { return Ok(None) };
    let mut text = Vec::new();
    file.take(MAX_ENTRY_BYTES + 1).read_to_end(&mut text).map_err(|e| Error::input("it cannot be read").because(e))?;
    Ok(Some(text))
}

/// What an entry holds, byte by byte; `None` of what is described at a length that only an attack has.
fn text_of(asset: &Hashed) -> Option<Vec<u8>> {
    serde_json::to_vec(asset).ok().filter(|text| text.len() as u64 <= MAX_ENTRY_BYTES)
}

fn name_of(text: &[u8]) -> String {
    format!("{}.json", Sha256::of(text))
}

fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(".merotee-").suffix(".part").tempfile_in(folder)
}

/// Writes an entry whole or not at all.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = temporary(folder)?;
    file.write_all(bytes)?;
    file.persist(folder.join(name)).map(drop).map_err(|e| e.error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
