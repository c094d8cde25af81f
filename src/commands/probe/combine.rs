//! `probe combine`: several probes of one image and profile become one set of candidates.

use std::path::{Path, PathBuf};

use super::{
    deliver::{self, Seal},
    place,
};
use crate::{
    cli::{policy::ProfileFile, probe::ProbeCombineArgs},
    commands::documents,
    context::Context,
    error::{Error, Result},
    policy::candidates::CANDIDATES,
    probe::{
        artifacts::{self, From},
        checks::{SOURCE, STABLE},
        combine::{Set, combine},
    },
    product::Product,
    release::checks::authenticity::SIGNATURE,
    report::{Fact, Report, Section, Verdict},
    schema::SCHEMA,
};
#[cfg(feature = "sandbox")]
use crate::{probe::source::sources, subject::tag::Family};

pub(super) async fn run(args: &ProbeCombineArgs, context: &Context) -> Result<Product> {
    let seal = Seal::new(&args.sign, context)?;
    let files: Vec<ProfileFile> =
        args.probes.iter().map(|path| ProfileFile { profile: None, file: candidates_in(path) }).collect();
    let (given, mut findings) = documents::candidates(&files)?;
    let (set, judged) = combine(&given, args.strict);
    findings.extend(judged);
    let mut section = Section { subject: args.out.display().to_string(), findings, ..Section::default() };
    if let Some(set) = &set {
        section.facts = facts(set);
    }
    let mut report = Report {
        command: "probe combine".into(),
        rules: vec![SCHEMA, CANDIDATES, SOURCE, STABLE, SIGNATURE],
        sections: vec![section],
        ..Report::default()
    };
    match &set {
        Some(set) if report.verdict() == Verdict::Passed => {
            place::fresh(&args.out)?;
            let candidates = artifacts::candidates(
                From::Several(&set.combined),
                &set.generated_at,
                &set.allowed,
                &set.compose_hashes,
            )
            .map_err(|e| Error::internal("the candidates cannot be written as JSON").because(e))?;
            let text = deliver::markdown(&report)?;
            let files = vec![(artifacts::CANDIDATES.to_owned(), candidates), (artifacts::REPORT.to_owned(), text)];
            deliver::write(&args.out, &files, &mut report)?;
            if args.sign.sign {
                deliver::sign(&args.out, &files, &seal, context, &mut report).await;
            }
        }
        Some(_) | None => tracing::error!("nothing was written"),
    }
    Ok(Product::report(report))
}

/// The family that the probes are of, as the first of them says; `None` where it cannot be read, which [`run`] reports.
#[cfg(feature = "sandbox")]
pub(super) fn family(args: &ProbeCombineArgs) -> Option<Family> {
    let first = args.probes.first()?;
    let files = [ProfileFile { profile: None, file: candidates_in(first) }];
    let (given, _) = documents::candidates(&files).ok()?;
    sources(&given.first()?.file.document).ok()?.first().map(|source| source.family)
}

/// The candidates of a probe's folder, or the file itself.
fn candidates_in(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(artifacts::CANDIDATES) } else { path.to_owned() }
}

fn facts(set: &Set) -> Vec<Fact> {
    let mut facts = vec![
        Fact::named("family", set.combined.family.role()),
        Fact::named("profile", set.combined.profile.as_str()),
        Fact::named("probes", set.combined.probes.len().to_string()),
    ];
    facts.extend(set.combined.image.clone().map(Fact::Image));
    if !set.combined.unstable.is_empty() {
        facts.push(Fact::named("unstable", set.combined.unstable.join(", ")));
    }
    facts
}
