//! What an account holds of probes, without a journal: by label, or by age.

use std::time::{Duration, Instant};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{super::node, unreached};
use crate::{
    adapters::phala::{Listed, Phala},
    cli::probe::ProbeCleanupArgs,
    commands::machine::{pauses::Pauses, removed::Removed},
    context::Context,
    error::{self, Error, Result},
    probe::{
        checks::TEARDOWN,
        label::{Label, PREFIX},
        leftover::{Match, Wanted, ageless},
    },
    progress::Phase,
    report::Action,
    subject::tag::Family,
};

/// How long machines that are deleted may take to be gone.
const PATIENCE: Duration = Duration::from_secs(180);

/// Looks through the accounts, and removes what is meant.
///
/// # Errors
/// Usage: there is no account to search. Remote: one cannot be asked.
pub(super) async fn sweep(args: &ProbeCleanupArgs, context: &Context) -> Result<(String, Removed)> {
    let (wanted, subject) = match (&args.label, args.older_than) {
        (Some(label), _) => (Wanted::Label(label.clone()), label.machine()),
        (None, Some(age)) => {
            let before = context.now() - age;
            (Wanted::Before(before), format!("{PREFIX}* made before {before:.0}"))
        }
        (None, None) => return Err(Error::usage("say which probes: --out, --label or --older-than")),
    };
    let mut removed = Removed::default();
    let mut looked = 0;
    if args.family != Some(Family::Node) {
        if args.family.is_none() && context.endpoints.phala.key.is_none() {
            removed.findings.push(TEARDOWN.skip("Phala Cloud", "not looked at: PHALA_CLOUD_API_KEY is not set"));
        } else {
            looked += 1;
            let found = match context.phala() {
                Ok(account) => phala(&account, &wanted, args.dry_run).await,
                Err(error) => Err(error),
            };
            removed.extend(match found {
                // The other account is looked through all the same.
                Err(error) if args.family.is_none() => unreached("Phala Cloud", &error),
                found => found?,
            });
        }
    }
    if args.family != Some(Family::Kms) {
        match node::cleanup::sweep(&wanted, args.dry_run, context).await {
            // What came of the other account must be told.
            Err(error) if looked > 0 => removed.extend(unreached("Compute Engine", &error)),
            Err(error) => return Err(error),
            Ok(Some(found)) => {
                looked += 1;
                removed.extend(found);
            }
            Ok(None) if args.family.is_none() => {
                removed
                    .findings
                    .push(TEARDOWN.skip("Compute Engine", "not looked at: no project is named (--project)"));
            }
            Ok(None) => {
                return Err(Error::usage("no project is named").help("give --project, or set GOOGLE_CLOUD_PROJECT"));
            }
        }
    }
    if looked == 0 {
        return Err(Error::usage("no cloud account to search")
            .help("set PHALA_CLOUD_API_KEY for machines of a KMS, or name the --project of a node's"));
    }
    Ok((subject, removed))
}

/// What is meant on Phala Cloud.
async fn phala(phala: &Phala, wanted: &Wanted, dry_run: bool) -> Result<Removed> {
    let mut removed = Removed::default();
    let mut found = Vec::new();
    for listed in phala.named(PREFIX).await? {
        let made = listed.created_at.as_deref().and_then(time);
        match wanted.judge(Label::of_machine(&listed.name).as_ref(), made) {
            Match::Yes => found.push(listed),
            Match::No => {}
            Match::Unknown => removed.findings.push(ageless(&listed.name)),
        }
    }
    if found.is_empty() {
        removed.findings.push(TEARDOWN.pass("Phala Cloud", "no matching machines in the account"));
    }
    for listed in found {
        if dry_run {
            removed.actions.push(Action::planned("delete machine", format!("{} on Phala Cloud", listed.name)));
            removed.findings.push(TEARDOWN.skip(&listed.name, "not removed: --dry-run"));
            continue;
        }
        match delete(phala, &listed).await {
            Ok(()) => {
                removed.findings.push(TEARDOWN.pass(&listed.name, "deleted, and the account holds it no more"));
                removed.actions.push(Action::done("delete machine", listed.name));
            }
            Err(error) => {
                let words = format!("it may still be there, and costs money: {}", error::chain(&error));
                removed.findings.push(TEARDOWN.undecided(&listed.name, words).help("run it again"));
                removed.actions.push(Action::failed("delete machine", listed.name));
            }
        }
    }
    Ok(removed)
}

/// A time as the service writes it: UTC where it names no zone.
fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

/// Deletes a machine, and finds out that it is gone.
async fn delete(phala: &Phala, listed: &Listed) -> Result<()> {
    let nameless = || Error::remote("the service lists it without an id");
    let id = listed.handle().ok_or_else(nameless)?;
    let end = Instant::now() + PATIENCE;
    let _shown = Phase::waiting(format!("waiting until {id} is gone"));
    let mut pauses = Pauses::new();
    loop {
        phala.delete(&id).await?;
        let is_there = phala.cvm(&id).await?.is_some();
        // The list is what the next one who looks goes by.
        if !is_there && !phala.named(&listed.name).await?.iter().any(|other| other.handle().as_ref() == Some(&id)) {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(Error::remote(format!("machine {id} is still there after its deletion")));
        }
        pauses.sleep().await;
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn a_time_without_a_zone_is_utc_and_one_with_a_zone_is_taken_by_it() {
        let utc = time("2026-11-30T09:10:04Z");
        assert!(utc.is_some());
        for text in ["2026-11-30T09:10:04", "2026-11-30 09:10:04", "2026-11-30T10:10:04+01:00"] {
            assert_eq!(time(text), utc, "{text}");
        }
        assert_eq!(time("lately"), None);
    }
}
