//! The folder of a probe: empty of earlier findings, and with a journal that nothing stands in.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{
    adapters::journal::Journal,
    cli::probe::ProbeRunArgs,
    commands::sign::seal,
    context::Context,
    error::{Error, Result},
    probe::{
        artifacts,
        journal::{Kind, Owner},
        label::Label,
    },
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
    if let Some(journal) = Journal::existing(out, Owner::Probe)? {
        is_settled(out, &journal)?;
    }
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

/// The journal of a folder, in which nothing stands; both are made where they are not there.
///
/// # Errors
/// Usage: an earlier probe left something behind. Input: the folder or the journal cannot be used.
pub(super) fn journal(out: &Path) -> Result<Journal> {
    made(out)?;
    let journal = Journal::open(out, Owner::Probe)?;
    is_settled(out, &journal)?;
    Ok(journal)
}

/// Makes a folder where it is not there.
///
/// # Errors
/// Input: it cannot be made.
pub(super) fn made(out: &Path) -> Result<()> {
    std::fs::create_dir_all(out)
        .map_err(|e| Error::input(format!("cannot make the folder {}", out.display())).because(e))
}

/// Refuses a journal by which something may be left.
fn is_settled(out: &Path, journal: &Journal) -> Result<()> {
    let Some(standing) = journal.standing()?.into_iter().next() else { return Ok(()) };
    let (out, name) = (out.display(), standing.effect.name);
    let message = match standing.effect.kind {
        Kind::Machine => format!("{out} holds an earlier probe whose machine may still be running: {name}"),
        kind @ (Kind::Application | Kind::FirewallRule) => {
            format!("{out} holds an earlier probe whose {} may still be there: {name}", kind.name())
        }
    };
    Err(Error::usage(message).help(format!("run `merotee probe cleanup --out {out}` first")))
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
