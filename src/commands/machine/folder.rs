//! The folder of a run that makes machines: its journal, in which nothing of an earlier run stands.

use std::path::Path;

use crate::{
    adapters::journal::Journal,
    error::{Error, Result},
    probe::journal::{Kind, Owner},
};

/// Refuses a folder in which an earlier run may have left a machine. Nothing is made.
///
/// # Errors
/// Usage: an earlier run left something behind. Input: its journal cannot be read.
pub(in crate::commands) fn settled(out: &Path) -> Result<()> {
    Journal::existing(out, Owner::Probe)?.map_or(Ok(()), |journal| is_settled(out, &journal))
}

/// The journal of a folder, in which nothing stands; both are made where they are not there.
///
/// # Errors
/// Usage: an earlier run left something behind. Input: the folder or the journal cannot be used.
pub(in crate::commands) fn journal(out: &Path) -> Result<Journal> {
    made(out)?;
    let journal = Journal::open(out, Owner::Probe)?;
    is_settled(out, &journal)?;
    Ok(journal)
}

/// Makes a folder where it is not there.
///
/// # Errors
/// Input: it cannot be made.
pub(in crate::commands) fn made(out: &Path) -> Result<()> {
    std::fs::create_dir_all(out)
        .map_err(|e| Error::input(format!("cannot make the folder {}", out.display())).because(e))
}

/// What a person does about what a run left, by the journal in its folder.
pub(in crate::commands) fn again(out: &Path) -> String {
    format!("merotee probe cleanup --out {}", out.display())
}

/// Refuses a journal by which something may be left.
fn is_settled(out: &Path, journal: &Journal) -> Result<()> {
    let Some(standing) = journal.standing()?.into_iter().next() else { return Ok(()) };
    let (shown, name) = (out.display(), standing.effect.name);
    let message = match standing.effect.kind {
        Kind::Machine => format!("{shown} holds an earlier run whose machine may still be running: {name}"),
        kind @ (Kind::Application | Kind::FirewallRule) => {
            format!("{shown} holds an earlier run whose {} may still be there: {name}", kind.name())
        }
    };
    Err(Error::usage(message).help(format!("run `{}` first", again(out))))
}
