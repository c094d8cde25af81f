//! The program in the place of `docker`: a script that has this program hand its words on. Nothing of the caller's environment
//! reaches it.

use std::path::{Path, PathBuf};

use crate::{
    adapters::{file, target::STAND_IN},
    error::{Error, Result},
    text::shell_word,
};

/// Its name.
const NAME: &str = "docker";

/// Writes it into `folder`.
pub(super) fn write(folder: &Path, merotee: &Path, url: &str) -> Result<PathBuf> {
    let (path, merotee) = (folder.join(NAME), merotee.to_string_lossy());
    let script = format!("{STAND_IN}exec env -i {} sandbox docker {} \"$@\"\n", shell_word(&merotee), shell_word(url));
    file::write_atomic(&path, script.as_bytes())?;
    executable(&path)?;
    Ok(path)
}

#[cfg(unix)]
fn executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
        .map_err(|e| Error::input(format!("cannot make {} executable", path.display())).because(e))
}

/// Without scripts there is nothing to stand in, and a command that asks Docker finds nothing.
#[cfg(not(unix))]
fn executable(path: &Path) -> Result<()> {
    Err(Error::input(format!("{} cannot be run: this system runs no scripts", path.display())))
}
