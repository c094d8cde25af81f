//! The folder of a probe, empty of earlier findings; and its label.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{
    cli::probe::ProbeRunArgs,
    commands::{machine::folder, sign::seal},
    context::Context,
    error::{Error, Result},
    probe::{artifacts, label::Label},
};

/// Refuses a folder in which an earlier probe may have left a machine, or files: mixed with those of another they would
/// mislead. Nothing is made.
///
/// # Errors
/// Usage: an earlier probe left something behind. Input: it is not a folder, or its journal cannot be read.
pub(super) fn fresh(out: &Path) -> Result<()> {
    match out.metadata() {
        Ok(there) if there.is_dir() => {}
        Ok(_) => {
            return Err(Error::usage(format!("{} is not a folder", out.display())).help("name a folder with --out"));
        }
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::input(format!("cannot look into {}", out.display())).because(e)),
    }
    folder::settled(out)?;
    match written(out).into_iter().find(|path| path.symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(there) => {
            let message = format!("{} is there already, from an earlier probe", there.display());
            Err(Error::usage(message).help("name another folder with --out, or remove the old files first"))
        }
    }
}

/// Every file that a probe may write, with the signatures.
fn written(out: &Path) -> Vec<PathBuf> {
    let with =
        |name: &str| ["", seal::SUFFIXES[0], seal::SUFFIXES[1]].map(|suffix| out.join(format!("{name}{suffix}")));
    artifacts::NAMES.into_iter().flat_map(with).collect()
}

/// The label that was given, or one that no other probe has.
///
/// # Errors
/// Internal: the system gives no random bytes.
pub(super) fn label(args: &ProbeRunArgs, context: &Context) -> Result<Label> {
    match &args.label {
        Some(label) => Ok(label.clone()),
        None => {
            let [a, b, c, d, ..] = crate::product::random_bytes()?;
            Ok(Label::derived(args.profile, context.now(), [a, b, c, d]))
        }
    }
}
