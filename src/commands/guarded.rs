//! What the guards of a repository have in common: its top, and its configuration.

use std::path::{Path, PathBuf};

use crate::{
    adapters::file,
    error::{Error, Result},
    guard::config::{Config, FILE_NAME, MAX_BYTES},
};

/// The top of the repository that `folder` lies in; the folder itself where it lies in none.
pub(super) fn top(folder: &Path) -> PathBuf {
    folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(folder).to_owned()
}

/// The configuration: the file named, or the repository's own, or the defaults.
///
/// # Errors
/// Usage: it is not there although it was named, or does not parse. Input: it cannot be read.
pub(super) fn config(named: Option<&Path>, top: &Path) -> Result<Config> {
    let own = top.join(FILE_NAME);
    let path = match named {
        Some(path) => path,
        None if own.symlink_metadata().is_ok() => &own,
        None => return Ok(Config::default()),
    };
    let shown = if named.is_some() { path.display().to_string() } else { FILE_NAME.to_owned() };
    let bytes = file::read_bounded(path, MAX_BYTES as u64)?;
    Config::parse(&bytes).map_err(|why| {
        Error::usage(format!("{shown}, {why}")).help("docs/merotee-toml.md lists every key with its default")
    })
}
