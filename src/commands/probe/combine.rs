//! `probe combine`: several probes of one image and profile become one set of candidates.

mod vouched;

use self::vouched::Vouching;
use super::{
    deliver::{self, Seal},
    place,
};
use crate::{
    adapters::file,
    cli::probe::ProbeCombineArgs,
    commands::documents,
    context::Context,
    error::{Error, Result},
    policy::candidates::{CANDIDATES, Candidates, Given},
    probe::{
        artifacts::{self, From},
        checks::{SOURCE, STABLE},
        combine::{Set, combine},
    },
    product::Product,
    release::checks::authenticity::{IDENTITY, SIGNATURE},
    report::{Fact, Finding, Report, Section, Verdict},
    schema::SCHEMA,
};
#[cfg(feature = "sandbox")]
use crate::{probe::source::sources, subject::tag::Family};

pub(super) async fn run(args: &ProbeCombineArgs, context: &Context) -> Result<Product> {
    let seal = Seal::new(&args.sign, context)?;
    let (given, mut findings, caveat) = read(args, &seal, context)?;
    let (set, judged) = combine(&given, args.strict);
    findings.extend(judged);
    let mut section = Section { subject: args.out.display().to_string(), findings, ..Section::default() };
    if let Some(set) = &set {
        section.facts = facts(set);
    }
    let mut report = Report {
        command: "probe combine".into(),
        rules: vec![SCHEMA, CANDIDATES, SOURCE, STABLE, SIGNATURE, IDENTITY],
        sections: vec![section],
        caveats: caveat.into_iter().collect(),
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
    let first = documents::candidates_file(args.probes.first()?).ok()?;
    let file = Candidates::parse("", &documents::bytes(&first).ok()?).ok()?;
    sources(&file.document).ok()?.first().map(|source| source.family)
}

/// The candidates, what is found of the quotes and signatures beside them, and what must be said of the authorities.
fn read(
    args: &ProbeCombineArgs,
    seal: &Seal<'_>,
    context: &Context,
) -> Result<(Vec<Given>, Vec<Finding>, Option<String>)> {
    let mut vouching = Vouching::new(context, seal.key.as_ref(), args.sign.sign);
    let (mut given, mut findings) = (Vec::new(), Vec::new());
    for path in &args.probes {
        let path = documents::candidates_file(path)?;
        let bytes = documents::bytes(&path)?;
        match Candidates::parse(&file::source_name(&path), &bytes) {
            Ok(file) => {
                let one = Given { file, profile: None };
                findings.extend(vouching.judge(&path, &bytes, &one)?);
                given.push(one);
            }
            Err(finding) => findings.push(*finding),
        }
    }
    Ok((given, findings, vouching.caveat()))
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
