//! A node's `config.toml`: read, and exchanged with a backup.
//!
//! The file may hold the node's private key, so neither it nor the backup ever has a wider mode than it had.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::file;
use crate::error::{Error, Result};

/// Largest configuration read. Real ones have a few kilobytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Backups beside a configuration before an operator must tidy up.
const MAX_BACKUPS: usize = 1_000;

/// A configuration, and where it really is.
#[derive(Debug)]
pub struct EditedFile {
    /// The file itself, links followed: exchanging a link would leave what it points to as it was.
    path: PathBuf,
    /// What it says.
    pub text: String,
}

impl EditedFile {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, is too large, is not a regular file or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |e: io::Error| Error::input(format!("cannot read {}", path.display())).because(e);
        let real = fs::canonicalize(path).map_err(failed)?;
        if !fs::metadata(&real).map_err(failed)?.is_file() {
            return Err(Error::input(format!("{} is not a regular file", path.display())));
        }
        let text = String::from_utf8(file::read_bounded(&real, MAX_FILE_BYTES)?)
            .map_err(|_| Error::usage(format!("{} is not UTF-8, so it is not TOML", path.display())))?;
        Ok(Self { path: real, text })
    }

    /// Exchanges the file for `text` and keeps what it said in a new file beside it, whose path is returned. Older
    /// backups are left alone.
    ///
    /// # Errors
    /// When either cannot be written, or the file is no longer what was read. It is then as it was.
    pub fn replace(&self, text: &str) -> Result<PathBuf> {
        let failed = |what: &str, e: io::Error| Error::input(format!("cannot write {what}")).because(e);
        let shown = self.path.display().to_string();
        let metadata = fs::metadata(&self.path).map_err(|e| failed(&shown, e))?;
        if file::read_bounded(&self.path, MAX_FILE_BYTES)? != self.text.as_bytes() {
            return Err(
                Error::input(format!("{shown} changed while it was being edited")).help("run the command again")
            );
        }
        let backup = self.back_up(&metadata)?;
        let exchange = || -> io::Result<()> {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            let mut temporary = tempfile::Builder::new().prefix(".merotee-").tempfile_in(folder)?;
            like(temporary.as_file(), &metadata)?;
            temporary.write_all(text.as_bytes())?;
            temporary.as_file().sync_all()?;
            temporary.persist(&self.path).map_err(|e| e.error)?;
            Ok(())
        };
        exchange().map_err(|e| {
            // Nothing changed, so there is nothing to go back to.
            let _ = fs::remove_file(&backup);
            failed(&shown, e)
        })?;
        Ok(backup)
    }

    /// Writes the old text to the first free name of `config.toml.bak`, `config.toml.bak.1`, …
    fn back_up(&self, metadata: &fs::Metadata) -> Result<PathBuf> {
        for number in 0..MAX_BACKUPS {
            let mut name = self.path.clone().into_os_string();
            name.push(if number == 0 { ".bak".to_owned() } else { format!(".bak.{number}") });
            let path = PathBuf::from(name);
            let mut file = match private().open(&path) {
                Ok(file) => file,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(Error::input(format!("cannot write {}", path.display())).because(e)),
            };
            let mut write = || -> io::Result<()> {
                like(&file, metadata)?;
                file.write_all(self.text.as_bytes())?;
                file.sync_all()
            };
            return match write() {
                Ok(()) => Ok(path),
                Err(e) => {
                    let _ = fs::remove_file(&path);
                    Err(Error::input(format!("cannot write {}", path.display())).because(e))
                }
            };
        }
        let shown = self.path.display();
        Err(Error::input(format!("{shown} has {MAX_BACKUPS} backups beside it"))
            .help("remove those you no longer need"))
    }
}

/// Opens a file that must not be there yet, for its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

/// Gives `file` the owner and mode of another, so that the node can still read it, and no one else newly can.
fn like(file: &File, metadata: &fs::Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
            std::os::unix::fs::fchown(file, Some(metadata.uid()), Some(metadata.gid()))?;
        }
    }
    file.set_permissions(metadata.permissions())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_mode_is_kept_and_no_backup_is_ever_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "a = 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let first = EditedFile::read(&path).unwrap().replace("a = 2\n").unwrap();
        let second = EditedFile::read(&path).unwrap().replace("a = 3\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a = 3\n");
        assert_eq!(fs::read_to_string(&first).unwrap(), "a = 1\n");
        assert_eq!(fs::read_to_string(&second).unwrap(), "a = 2\n");
        for file in [&path, &first, &second] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_link_is_followed_and_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.toml"), folder.path().join("config.toml"));
        fs::write(&real, "a = 1\n").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        EditedFile::read(&link).unwrap().replace("a = 2\n").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "a = 2\n");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "a = 1\n").unwrap();
        let config = EditedFile::read(&path).unwrap();
        fs::write(&path, "a = 9\n").unwrap();
        assert!(config.replace("a = 2\n").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "a = 9\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
