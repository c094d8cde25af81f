//! `probe run --family kms`: a KMS on Phala Cloud, or one that runs already.

mod measure;
mod order;

use std::time::Instant;

use self::{
    measure::{Found, Measuring},
    order::Order,
};
use super::{
    deliver::{self, Findings, Seal},
    place,
};
use crate::{
    adapters::phala::Phala,
    attestation::{event_log::checks as event_log, ita, verdict},
    cli::probe::ProbeRunArgs,
    commands::{
        kms::{attest, health},
        machine::{
            cvm::{self, Cvm},
            removed::Removed,
            signals,
        },
        quote::judgement::Judgement,
        stop::Orders,
    },
    context::Context,
    error::{self, Error, Result},
    probe::{
        checks::{self, FILES, MACHINE, TEARDOWN},
        kms::{Deployment, Plan, Target},
    },
    product::Product,
    release::checks::authenticity::{IDENTITY, SIGNATURE},
    report::{Action, CheckInfo, Fact, Finding, Report, Section},
};

/// Checks of the probe of a KMS.
fn rules(args: &ProbeRunArgs) -> Vec<CheckInfo> {
    let log = [event_log::EVENT_LOG, event_log::REPLAY, event_log::IDENTITY];
    let mut rules = vec![checks::IMAGE, MACHINE, health::HEALTH, health::IDENTITY, attest::ATTEST];
    rules.extend(verdict::RULES.into_iter().chain(log));
    if measure::asks_ita(args) {
        rules.extend(ita::RULES);
    }
    rules.extend([checks::COMPOSE, checks::AS_RELEASED, TEARDOWN, FILES, SIGNATURE, IDENTITY]);
    rules
}

pub(super) async fn run(args: &ProbeRunArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let out = args.out.as_deref().map(place::fresh).transpose()?;
    let order = order::order(args, context).await?;
    let plan = &order.plan;
    let mut section = Section::new(subject(plan));
    section.facts = facts(plan);
    section.findings.extend(order.findings.iter().cloned());
    let (false, Some(out)) = (args.dry_run, out) else {
        section.actions = planned(plan);
        if let Target::Deployed(deployment) = &plan.target {
            // Line by line, whole: these bytes decide what is measured.
            section.actions.extend(deployment.compose.lines().map(|line| Action::planned("deploy", line)));
        }
        return Ok(Product::report(report(section, args, &order, started, Vec::new())));
    };
    let by = args.by.judgement(args.profile);
    let judgement = Judgement::new(&by, context, false)?;
    let seal = Seal::new(&args.sign, context)?;
    let (patience, tolerant) = (args.patience(), args.by.expect_policy.is_some());
    let measuring = Measuring { order: &order, judgement: &judgement, patience, tolerant, context };
    let mut found = Found::default();
    let interrupted = match &plan.target {
        Target::Running(url) => {
            let outcome = measuring.measure(std::slice::from_ref(url), None, &mut found).await;
            told(outcome, &section.subject, &mut found);
            false
        }
        Target::Deployed(deployment) => deployed(&measuring, deployment, out, &mut section, &mut found).await?,
    };
    section.facts.append(&mut found.facts);
    section.findings.append(&mut found.findings);
    section.exhibits.append(&mut found.exhibits);
    // What may be left of the machine is part of the verdict: candidates are of a probe that passed.
    section.findings.append(&mut found.teardown);
    let measured = found.measured(&order, args, context, &section);
    let caveats = found.caveats.into_iter().chain(judgement.caveats()).collect();
    let findings = Findings {
        report: report(section, args, &order, started, caveats),
        quote: found.evidence.as_ref().map(|evidence| &evidence.input),
        measured: measured.as_ref(),
    };
    let report = deliver::deliver(findings, out, &seal, context).await;
    let product = Product { interrupted, ..Product::report(report) };
    Ok(product.output("label", plan.label.as_str()))
}

/// Deploys, measures, and takes down whatever happens in between. Says whether a signal ended it.
async fn deployed(
    measuring: &Measuring<'_>,
    deployment: &Deployment,
    out: &std::path::Path,
    section: &mut Section,
    found: &mut Found,
) -> Result<bool> {
    let (plan, context) = (&measuring.order.plan, measuring.context);
    let phala = context.phala()?;
    let mut journal = place::journal(out)?;
    refuse_taken(&phala, deployment, plan).await?;
    // From here on a signal ends the work in good order: what was made is taken down.
    let mut orders = Orders::heard()?;
    let mut cvm = Cvm::new(&phala, deployment, &plan.label, &mut journal, context);
    let work = async {
        let running = cvm.start(measuring.patience).await?;
        measuring.measure(&running.addresses, Some(&running), found).await
    };
    let mut interrupted = tokio::select! {
        outcome = work => {
            told(outcome, &section.subject, found);
            false
        }
        () = orders.next() => true,
    };
    if interrupted {
        tracing::warn!("interrupted: taking down what the probe made (a second signal leaves it)");
        found.findings.push(MACHINE.undecided(&section.subject, "interrupted before everything was measured"));
    }
    section.actions.append(&mut cvm.done);
    let again = format!("merotee probe cleanup --out {}", out.display());
    let taking_down = cvm::removal::take_down(&phala, &mut journal, context, &again);
    let removed = signals::to_the_end(taking_down, &mut orders, &mut interrupted).await;
    let removed = removed.unwrap_or_else(|| given_up(&section.subject, &again));
    removed.tell();
    section.actions.extend(removed.actions);
    found.teardown = removed.findings;
    Ok(interrupted)
}

/// Refuses a name that is taken: what bears it is not this probe's, and is never deleted.
async fn refuse_taken(phala: &Phala, deployment: &Deployment, plan: &Plan) -> Result<()> {
    if !cvm::is_taken(phala, &deployment.name).await? {
        return Ok(());
    }
    let message = format!("the account holds a machine {} already, which this probe did not make", deployment.name);
    Err(Error::input(message).help(format!(
        "choose another --label; if a crashed probe left it: merotee probe cleanup --label {}",
        plan.label
    )))
}

/// The second signal came.
fn given_up(name: &str, again: &str) -> Removed {
    let left = TEARDOWN.undecided(name, "interrupted: the machine may still be there, and costs money");
    Removed {
        findings: vec![left.help(format!("run `{again}`"))],
        actions: vec![Action::failed("delete machine", name)],
    }
}

/// A failure in the midst of the probe is a finding: there is a machine to be told of.
fn told(outcome: Result<()>, subject: &str, found: &mut Found) {
    if let Err(error) = outcome {
        found.findings.push(undone(subject, &error));
    }
}

fn undone(subject: &str, error: &error::Error) -> Finding {
    let words = error::chain(error);
    let finding = match error.class() {
        error::Class::Trust => MACHINE.fail(subject, words),
        error::Class::Usage | error::Class::Input | error::Class::Remote | error::Class::Internal => {
            MACHINE.undecided(subject, words)
        }
    };
    match error.advice() {
        Some(advice) => finding.help(advice),
        None => finding,
    }
}

/// What the report is about.
fn subject(plan: &Plan) -> String {
    match &plan.target {
        Target::Running(url) => crate::adapters::http::host(url),
        Target::Deployed(_) => plan.label.machine(),
    }
}

fn facts(plan: &Plan) -> Vec<Fact> {
    let mut facts = vec![Fact::named("profile", plan.profile.as_str())];
    facts.extend(plan.version.as_ref().map(|version| Fact::named("expected version", format!("v{version}"))));
    if let Target::Deployed(deployment) = &plan.target {
        facts.push(Fact::Image(deployment.image.to_string()));
        facts.push(Fact::named("label", plan.label.as_str()));
        facts.push(Fact::named("instance type", deployment.instance_type.clone()));
        facts.extend(deployment.region.clone().map(|region| Fact::named("region", region)));
        facts.extend(
            order::compose_hash(deployment).map(|hash| Fact::named("docker-compose hash", format!("sha256:{hash}"))),
        );
    }
    facts
}

/// What would be done, in the order of doing it.
fn planned(plan: &Plan) -> Vec<Action> {
    match &plan.target {
        Target::Running(url) => vec![Action::planned("ask for a quote", crate::adapters::http::host(url))],
        Target::Deployed(_) => {
            let name = plan.label.machine();
            vec![
                Action::planned("register application", format!("{name} on Phala Cloud")),
                Action::planned("create machine", format!("{name} on Phala Cloud")),
                Action::planned("ask for a quote", name.clone()),
                Action::planned("delete machine", name),
            ]
        }
    }
}

fn report(section: Section, args: &ProbeRunArgs, order: &Order, started: Instant, caveats: Vec<String>) -> Report {
    Report {
        command: "probe run".into(),
        rules: rules(args),
        sections: vec![section],
        caveats: order.caveats.iter().cloned().chain(caveats).collect(),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }
}
