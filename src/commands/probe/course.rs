//! The course of a probe, whichever family it is of: what is to be probed is found out, it is made and measured, everything is
//! taken down again, and what was found is written. What is made and how it is measured is each family's own ([`Probed`]).

use std::{collections::BTreeMap, path::Path, time::Instant};

use super::{
    deliver::{self, Findings, Measured, Seal},
    place,
};
use crate::{
    cli::probe::ProbeRunArgs,
    commands::{
        kms::attest::Evidence,
        machine::{folder, removed::Removed, signals, vm::Stop},
        quote::judgement::Judgement,
        stop::Orders,
    },
    context::Context,
    digest::Sha256,
    error::Result,
    probe::{
        checks::{FILES, MACHINE, TEARDOWN},
        label::Label,
        source::{PASSED, Source},
    },
    product::Product,
    release::checks::authenticity::{IDENTITY, SIGNATURE},
    report::{Action, CheckInfo, Exhibit, Fact, Finding, Report, Section, Verdict},
    subject::tag::Tag,
};

/// A probe that can begin.
pub(super) struct Order<P> {
    /// What is done.
    pub(super) probed: P,
    /// The release it is of, or compared with.
    pub(super) release: Option<Tag>,
    /// What was found out about the image.
    pub(super) findings: Vec<Finding>,
    /// What a reader must know of that.
    pub(super) caveats: Vec<String>,
}

/// What one family adds to the course.
pub(super) trait Probed: Sized {
    /// What a machine does that may be left behind.
    const LEFT: &'static str;
    /// Checks that are told although they passed.
    const TOLD: &'static [&'static str];
    /// What every reader must know.
    const CAVEATS: &'static [&'static str];

    /// Checks before those of the quote, and after.
    fn rules() -> [Vec<CheckInfo>; 2];

    /// What the report is about.
    fn name(&self) -> String;

    /// What everything it makes is named by.
    fn label(&self) -> &Label;

    /// What is known beforehand.
    fn facts(order: &Order<Self>) -> Vec<Fact>;

    /// What would be done, in the order of doing it.
    fn planned(&self) -> Vec<Action>;

    /// Makes what is to be measured, measures it and takes it down whatever happens in between. Says whether a signal ended it.
    ///
    /// # Errors
    /// Nothing was made, and nothing can be.
    async fn probe(order: &Order<Self>, course: &Course<'_>, found: &mut Found) -> Result<bool>;

    /// Where the values are from, beside what every source says; `None` where that is not known as it must be.
    fn source(order: &Order<Self>, evidence: &Evidence, common: Source) -> Option<Source>;
}

/// What a probe goes by.
pub(super) struct Course<'a> {
    pub(super) args: &'a ProbeRunArgs,
    pub(super) judgement: &'a Judgement<'a>,
    /// Folder for what is found.
    pub(super) out: &'a Path,
    pub(super) context: &'a Context,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) facts: Vec<Fact>,
    pub(super) findings: Vec<Finding>,
    pub(super) exhibits: Vec<Exhibit>,
    pub(super) caveats: Vec<String>,
    /// What was done.
    pub(super) actions: Vec<Action>,
    /// What came of taking down.
    pub(super) teardown: Vec<Finding>,
    pub(super) evidence: Option<Evidence>,
    /// What the quote was asked over.
    pub(super) nonce: [u8; 32],
    /// The version that what answered says it is.
    pub(super) version: Option<String>,
    /// What registers depend on in addition to the image.
    pub(super) machine: BTreeMap<String, String>,
}

/// Goes the whole way.
///
/// # Errors
/// What is to be done makes no sense or cannot begin: nothing was made.
pub(super) async fn run<P: Probed>(
    args: &ProbeRunArgs,
    context: &Context,
    order: impl Future<Output = Result<Order<P>>>,
) -> Result<Product> {
    let started = Instant::now();
    args.out.as_deref().map(place::fresh).transpose()?;
    let order = order.await?;
    let by = args.by.judgement(args.profile, context.endpoints.ita.key.is_some());
    let judgement = Judgement::new(&by, context, false)?;
    let mut section = Section::new(order.probed.name());
    section.facts = P::facts(&order);
    section.told = P::TOLD;
    section.findings.extend(order.findings.iter().cloned());
    let (false, Some(out)) = (args.dry_run, args.out.as_deref()) else {
        section.actions = order.probed.planned();
        section.findings.push(MACHINE.skip(order.probed.name(), "dry run: nothing was made"));
        return Ok(Product::report(report(section, &order, &judgement, started)));
    };
    let seal = Seal::new(&args.sign, context)?;
    let course = Course { args, judgement: &judgement, out, context };
    let mut found = Found::default();
    let interrupted = P::probe(&order, &course, &mut found).await?;
    section.facts.append(&mut found.facts);
    section.findings.append(&mut found.findings);
    section.exhibits.append(&mut found.exhibits);
    section.actions.append(&mut found.actions);
    // What may be left of the machine is part of the verdict: candidates are of a probe that passed.
    section.findings.append(&mut found.teardown);
    let measured = measured(&order, &found, &course, &section);
    let mut report = report(section, &order, &judgement, started);
    report.caveats.extend(found.caveats.drain(..).chain(judgement.caveats()));
    let quote = found.evidence.as_ref().map(|evidence| &evidence.input);
    let findings = Findings { report, quote, measured: measured.as_ref() };
    let report = deliver::deliver(findings, out, &seal, context).await;
    let product = Product { interrupted, ..Product::report(report) };
    Ok(product.output("label", order.probed.label().as_str()))
}

fn report<P: Probed>(section: Section, order: &Order<P>, judgement: &Judgement<'_>, started: Instant) -> Report {
    let [before, after] = P::rules();
    let last = [TEARDOWN, FILES, SIGNATURE, IDENTITY];
    Report {
        command: "probe run".into(),
        rules: before.into_iter().chain(judgement.rules()).chain(after).chain(last).collect(),
        sections: vec![section],
        caveats: order.caveats.iter().cloned().chain(P::CAVEATS.iter().map(|text| (*text).to_owned())).collect(),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }
}

/// What was measured, where the probe passed: nothing is wrong with the quote or the machine, and the machine is gone.
fn measured<P: Probed>(order: &Order<P>, found: &Found, course: &Course<'_>, section: &Section) -> Option<Measured> {
    let Course { args, judgement, context, .. } = course;
    let evidence = found.evidence.as_ref().filter(|_| section.verdict() == Verdict::Passed)?;
    let identity = evidence.log.as_ref().map(|log| log.identity().ok());
    let compose_hash = identity.flatten().and_then(|identity| identity.compose_hash());
    let quote = &evidence.input.quote;
    let common = Source {
        family: args.family,
        profile: args.profile,
        label: order.probed.label().clone(),
        image: None,
        release: None,
        version: found.version.clone(),
        machine: found.machine.clone(),
        nonce: hex::encode(found.nonce),
        quote_sha256: Sha256::of(quote.as_bytes()).to_string(),
        compose_hash: compose_hash.map(|hash| hash.to_string()),
        docker_compose_hash: None,
        events: BTreeMap::new(),
        run_url: context.actions.as_ref().and_then(|actions| actions.run.clone()),
        judged_by: judgement.judges(),
        verdict: PASSED.to_owned(),
    };
    let source = P::source(order, evidence, common)?;
    Some(Measured { registers: quote.report.registers, tcb: evidence.tcb?, compose_hash, source })
}

impl Course<'_> {
    /// Tells how the work on a machine ended (`None`: by a signal), and has everything taken down. Says whether a signal came.
    pub(super) async fn end<P: Probed>(
        &self,
        probed: &P,
        outcome: Option<Result<(), Stop>>,
        taking_down: impl Future<Output = Removed>,
        orders: &mut Orders,
        found: &mut Found,
    ) -> bool {
        let name = probed.name();
        let mut interrupted = outcome.is_none();
        match outcome {
            Some(Ok(())) => {}
            Some(Err(stop)) => found.findings.push(stop.told(&name)),
            None => {
                tracing::warn!("interrupted: taking down what the probe made (a second signal leaves it)");
                found.findings.push(MACHINE.undecided(&name, "interrupted before everything was measured"));
            }
        }
        let removed = signals::to_the_end(taking_down, orders, &mut interrupted).await;
        let removed = removed.unwrap_or_else(|| given_up(&name, P::LEFT, &self.again()));
        removed.tell();
        found.actions.extend(removed.actions);
        found.teardown = removed.findings;
        interrupted
    }

    /// What a person does about what is left.
    pub(super) fn again(&self) -> String {
        folder::again(self.out)
    }

    /// Whether a policy says which TCB statuses are tolerated.
    pub(super) fn is_tolerant(&self) -> bool {
        self.args.by.expect_policy.is_some()
    }
}

/// The second signal came.
fn given_up(name: &str, left: &str, again: &str) -> Removed {
    let left = TEARDOWN.undecided(name, format!("interrupted: the machine may still be there, and {left}"));
    Removed {
        findings: vec![left.help(format!("run `{again}`"))],
        actions: vec![Action::failed("delete machine", name)],
    }
}
