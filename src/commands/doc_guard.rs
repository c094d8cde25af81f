//! `doc-guard`: what a change touches, and whether documentation is among it.

use super::guarded::{self, Change};
use crate::{
    adapters::git::Touched,
    cli::guards::DocGuardArgs,
    context::Context,
    error::{Error, Result},
    guard::{
        config,
        docs::{self, ChangeKind, ChangedFile},
        trigger::Trigger,
    },
    product::Product,
    report::{Report, Section},
};

pub(super) fn run(args: &DocGuardArgs, context: &Context) -> Result<Product> {
    let top = guarded::top(&context.folder);
    let config = guarded::config(args.run.config.as_deref(), &top)?;
    let (subject, change) = match Change::named(&top, &args.change)? {
        Some(change) => ("change".to_owned(), change),
        None => match guarded::trigger(&args.run)? {
            Trigger::Pull(pull) => {
                (format!("pull request #{}", pull.number), Change::between(&top, &pull.base, &pull.head)?)
            }
            Trigger::Tag(_) | Trigger::Branch(_) | Trigger::Nothing => {
                return Err(Error::usage("there is no change to look at: the run is not for a pull request")
                    .help("give --base, or run it on `pull_request`"));
            }
        },
    };
    let changes: Vec<ChangedFile> = change.touched.iter().map(changed).collect();
    let mut findings = docs::documented(&config.doc_guard, &changes);
    findings.extend(config::touched(change.paths()));
    let section = Section { facts: change.facts(), findings, ..Section::new(subject) };
    Ok(Product::report(Report {
        command: "doc-guard".into(),
        rules: vec![docs::DOCUMENTED, config::GUARD_CONFIG],
        sections: vec![section],
        ..Report::default()
    }))
}

fn changed(touched: &Touched) -> ChangedFile {
    let kind = match touched {
        Touched { deleted: true, .. } => ChangeKind::Deleted,
        Touched { written: true, .. } => ChangeKind::Written,
        Touched { .. } => ChangeKind::Moved,
    };
    ChangedFile { path: touched.path.clone(), from: touched.from.clone(), kind }
}
