//! `probe cleanup`: what a probe that died left behind, by its journal or by what the account holds. Only what bears the name of
//! a probe is looked at, and nothing counts as gone before the account says so.

mod account;

use std::path::Path;

use crate::{
    adapters::journal::Journal,
    cli::probe::ProbeCleanupArgs,
    commands::machine::{cvm, folder, removed::Removed, vm},
    context::Context,
    error::{self, Error, Result},
    probe::{
        checks::TEARDOWN,
        journal::{Cloud, Owner},
    },
    product::Product,
    report::{Action, Report, Section},
};

pub(super) async fn run(args: &ProbeCleanupArgs, context: &Context) -> Result<Product> {
    let (subject, removed) = match &args.out {
        Some(out) => (out.display().to_string(), by_journal(out, args, context).await?),
        None => account::sweep(args, context).await?,
    };
    Ok(Product::report(Report {
        command: "probe cleanup".into(),
        rules: vec![TEARDOWN],
        sections: vec![Section {
            subject,
            findings: removed.findings,
            actions: removed.actions,
            told: &["probe-teardown"],
            ..Section::default()
        }],
        ..Report::default()
    }))
}

/// What stands in the journal of a folder.
async fn by_journal(out: &Path, args: &ProbeCleanupArgs, context: &Context) -> Result<Removed> {
    if !out.is_dir() {
        return Err(Error::input(format!("there is no folder {}", out.display()))
            .help("check --out, or search the account with --label LABEL"));
    }
    let shown = out.display().to_string();
    let Some(mut journal) = Journal::existing(out, Owner::Probe)? else {
        let finding = TEARDOWN
            .undecided(&shown, format!("no {} in {shown}", Owner::Probe.file()))
            .help("check --out, or search the account with --label LABEL or --older-than TIME");
        return Ok(Removed { findings: vec![finding], actions: Vec::new() });
    };
    let standing = journal.standing()?;
    if standing.is_empty() {
        let finding = TEARDOWN.pass(shown, "by its journal, everything is gone");
        return Ok(Removed { findings: vec![finding], actions: Vec::new() });
    }
    if args.dry_run {
        let planned = standing.iter().map(|one| {
            let what = format!("delete {}", one.effect.kind.name());
            Action::planned(what, format!("{} on {}", one.effect.name, one.effect.cloud.name()))
        });
        let actions = planned.collect();
        let finding = TEARDOWN.skip(shown, "nothing was removed: --dry-run");
        return Ok(Removed { findings: vec![finding], actions });
    }
    let again = folder::again(out);
    let mut removed = Removed::default();
    if standing.iter().any(|one| one.effect.cloud == Cloud::Phala) {
        removed.extend(match context.phala() {
            Ok(phala) => cvm::removal::take_down(&phala, &mut journal, context, &again).await,
            Err(error) => unreached(&shown, &error),
        });
    }
    if standing.iter().any(|one| one.effect.cloud == Cloud::Gcp) {
        removed.extend(match context.compute() {
            Ok(compute) => vm::removal::take_down(&compute, &mut journal, context, &again).await,
            Err(error) => unreached(&shown, &error),
        });
    }
    Ok(removed)
}

/// A cloud that cannot be asked. What is there stays there.
fn unreached(subject: &str, error: &Error) -> Removed {
    let finding = TEARDOWN.undecided(subject, error::chain(error));
    let finding = match error.advice() {
        Some(advice) => finding.help(advice),
        None => finding,
    };
    Removed { findings: vec![finding], actions: Vec::new() }
}
