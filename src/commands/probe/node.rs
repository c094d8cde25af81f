//! `probe run --family node`: a node on Compute Engine, made from its image and deleted in the end.

pub(super) mod cleanup;
mod measure;
mod order;

use std::{path::Path, time::Instant};

use self::{
    measure::{Found, Measuring},
    order::Order,
};
use super::{
    deliver::{self, Findings, Seal},
    place,
};
use crate::{
    attestation::{ita, verdict},
    cli::probe::ProbeRunArgs,
    commands::{
        machine::{
            removed::Removed,
            signals,
            vm::{self, Maker, Stop},
        },
        quote::judgement::Judgement,
        stop::Orders,
    },
    context::Context,
    error::{self, Class, Result},
    probe::{
        checks::{AS_RELEASED, FILES, IMAGE, MACHINE, TEARDOWN},
        node::{ATTEST, COVERED, HEALTH, Plan, UNBOUND, UNCOVERED},
    },
    product::Product,
    release::checks::authenticity::{IDENTITY, SIGNATURE},
    report::{Action, CheckInfo, Fact, Finding, Report, Section},
};

/// Checks of the probe of a node.
fn rules(args: &ProbeRunArgs) -> Vec<CheckInfo> {
    let mut rules = vec![IMAGE, MACHINE, HEALTH, ATTEST];
    rules.extend(verdict::RULES);
    if asks_ita(args) {
        rules.extend(ita::RULES);
    }
    rules.extend([AS_RELEASED, TEARDOWN, FILES, SIGNATURE, IDENTITY]);
    rules
}

pub(super) async fn run(args: &ProbeRunArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let out = args.out.as_deref().map(place::fresh).transpose()?;
    let order = order::order(args, context).await?;
    let plan = &order.plan;
    let mut section = Section::new(plan.name());
    section.facts = facts(plan, &order);
    section.told = &["probe-image", "probe-teardown"];
    section.findings.extend(order.findings.iter().cloned());
    let (false, Some(out)) = (args.dry_run, out) else {
        section.actions = plan.actions();
        return Ok(Product::report(report(section, args, &order, started, Vec::new())));
    };
    let by = args.by.judgement(args.profile);
    let judgement = Judgement::new(&by, context, false)?;
    let seal = Seal::new(&args.sign, context)?;
    let compute = context.compute()?;
    let mut found = Found::default();
    let tolerant = args.by.expect_policy.is_some();
    let measuring = Measuring { compute: &compute, order: &order, judgement: &judgement, tolerant, context, out };
    let interrupted = probed(&measuring, &mut section, &mut found).await?;
    section.facts.append(&mut found.facts);
    section.findings.append(&mut found.findings);
    // A probe passes when the machine is gone; without that it proposes nothing.
    section.findings.append(&mut found.teardown);
    let measured = found.measured(&order, args, context, &section);
    let caveats = found.caveats.drain(..).chain(judgement.caveats()).collect();
    let findings = Findings {
        report: report(section, args, &order, started, caveats),
        quote: found.evidence.as_ref().map(|evidence| &evidence.input),
        measured: measured.as_ref(),
    };
    let report = deliver::deliver(findings, out, &seal, context).await;
    let product = Product { interrupted, ..Product::report(report) };
    Ok(product.output("label", plan.label.as_str()))
}

/// Looks at the image, makes the machine, measures it, and takes everything down whatever happens in between. Says whether a
/// signal ended it.
async fn probed(measuring: &Measuring<'_>, section: &mut Section, found: &mut Found) -> Result<bool> {
    let Measuring { compute, order, context, out, .. } = measuring;
    let plan = &order.plan;
    let image = measure::image(compute, plan).await?;
    section.facts.push(Fact::named("image id", image.id.clone()));
    let looked = measure::usable(plan, &image);
    let usable = looked.iter().all(|finding| finding.status != crate::report::Status::Fail);
    found.findings.extend(looked);
    if !usable {
        return Ok(false);
    }
    let network = vm::network(compute, plan).await?;
    let mut journal = place::journal(out)?;
    // From here on a signal ends the work in good order: what was made is taken down.
    let mut orders = Orders::heard()?;
    let mut maker = Maker { compute, journal: &mut journal, plan, context, actions: Vec::new() };
    let work = async {
        maker.rule(&network).await?;
        let (zone, id) = maker.machine().await?;
        let instance = maker.running(&zone).await?;
        measuring.measure(&image, &zone, &id, &instance, found).await
    };
    let mut interrupted = tokio::select! {
        outcome = work => {
            if let Err(stop) = outcome {
                found.findings.push(stopped(&plan.name(), stop));
            }
            false
        }
        () = orders.next() => true,
    };
    if interrupted {
        tracing::warn!("interrupted: taking down what the probe made (a second signal leaves it)");
        found.findings.push(MACHINE.undecided(plan.name(), "interrupted before everything was measured"));
    }
    section.actions.append(&mut maker.actions);
    let again = format!("merotee probe cleanup --out {}", out.display());
    let taking_down = vm::removal::take_down(compute, &mut journal, context, &again);
    let removed = signals::to_the_end(taking_down, &mut orders, &mut interrupted).await;
    let removed = removed.unwrap_or_else(|| given_up(&plan.name(), &again));
    removed.tell();
    section.actions.extend(removed.actions);
    found.teardown = removed.findings;
    Ok(interrupted)
}

/// The second signal came.
fn given_up(name: &str, again: &str) -> Removed {
    let left = TEARDOWN
        .undecided(name, "interrupted: the machine may still be there, and costs money until it deletes itself");
    Removed {
        findings: vec![left.help(format!("run `{again}`"))],
        actions: vec![Action::failed("delete machine", name)],
    }
}

/// A failure in the midst of the probe is a finding: there is a machine to be told of.
fn stopped(name: &str, stop: Stop) -> Finding {
    let error = match stop {
        Stop::Finding(finding) => return *finding,
        Stop::Error(error) => error,
    };
    let words = error::chain(&error);
    let finding = match error.class() {
        Class::Trust => MACHINE.fail(name, words),
        Class::Usage | Class::Input | Class::Remote | Class::Internal => MACHINE.undecided(name, words),
    };
    match error.advice() {
        Some(advice) => finding.help(advice),
        None => finding,
    }
}

fn facts(plan: &Plan, order: &Order) -> Vec<Fact> {
    let zones: Vec<&str> = plan.zones.iter().map(|zone| zone.as_str()).collect();
    let mut facts = vec![
        Fact::named("profile", plan.profile.as_str()),
        Fact::Image(format!("{}/{}", plan.image_project, plan.image)),
        Fact::named("label", plan.label.as_str()),
        Fact::named("machine type", plan.machine_type.as_str()),
        Fact::named("project", plan.project.as_str()),
        Fact::named("zone", zones.join(", else ")),
    ];
    let relation = if order.vouched { "release" } else { "compared with" };
    facts.extend(order.release.as_ref().map(|release| Fact::named(relation, release.to_string())));
    facts
}

fn report(section: Section, args: &ProbeRunArgs, order: &Order, started: Instant, caveats: Vec<String>) -> Report {
    let told = [COVERED, UNCOVERED, UNBOUND].map(str::to_owned);
    Report {
        command: "probe run".into(),
        rules: rules(args),
        sections: vec![section],
        caveats: order.caveats.iter().cloned().chain(told).chain(caveats).collect(),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }
}

/// Whether Intel Trust Authority judges the quote too.
fn asks_ita(args: &ProbeRunArgs) -> bool {
    args.by.ita.ita || args.by.ita.ita_token.is_some()
}

/// Keeps what helps to find out why a machine does not answer.
fn keep(out: &Path, name: &str, text: &str) -> Result<()> {
    crate::adapters::file::write_atomic(&out.join(name), text.as_bytes())
}
