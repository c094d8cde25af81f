//! The folder of a probe: empty of earlier findings, and with a journal that nothing stands in.

use std::path::{Path, PathBuf};

use crate::{
    adapters::journal::Journal,
    cli::probe::ProbeRunArgs,
    commands::sign::seal,
    context::Context,
    error::{Error, Result},
    probe::{artifacts, journal::Owner, label::Label},
};

/// Makes a folder, and refuses one that holds files of an earlier probe: mixed with those of another they would mislead.
///
/// # Errors
/// Usage: it holds the files of an earlier probe. Input: it cannot be made.
pub(super) fn fresh(out: &Path) -> Result<&Path> {
    let cannot = |e| Error::input(format!("cannot make the folder {}", out.display())).because(e);
    std::fs::create_dir_all(out).map_err(cannot)?;
    if let Some(there) = written(out).into_iter().find(|path| path.symlink_metadata().is_ok()) {
        let message = format!("{} is there already, from an earlier probe", there.display());
        return Err(Error::usage(message).help("name another folder with --out, or remove the old files first"));
    }
    Ok(out)
}

/// Every file that a probe may write, with the signatures.
fn written(out: &Path) -> Vec<PathBuf> {
    let with =
        |name: &str| ["", seal::SUFFIXES[0], seal::SUFFIXES[1]].map(|suffix| out.join(format!("{name}{suffix}")));
    artifacts::NAMES.into_iter().flat_map(with).collect()
}

/// The journal of a folder, in which nothing stands.
///
/// # Errors
/// Usage: an earlier probe left something behind. Input: the journal cannot be used.
pub(super) fn journal(out: &Path) -> Result<Journal> {
    let journal = Journal::open(out, Owner::Probe)?;
    match journal.standing()?.first() {
        None => Ok(journal),
        Some(standing) => {
            let what = standing.effect.kind.name();
            let message =
                format!("an earlier probe in {} may have left the {what} {}", out.display(), standing.effect.name);
            Err(Error::usage(message).help(format!("remove it first: merotee probe cleanup --out {}", out.display())))
        }
    }
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
