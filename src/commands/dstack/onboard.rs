//! `dstack onboard`: a new KMS takes the keys of one whose keys were verified. It has no bootstrap document of its own, ever; what
//! it serves by is the proof. It may be run again at any time: it finds out how far the KMS is.

use std::time::{Duration, Instant};

use super::{
    allowed::{ALLOWED, Authority},
    evidence, reach,
    serving::{self, Expectation},
};
use crate::{
    adapters::dstack_kms::{Answered, Onboarding},
    cli::dstack::onboarding::OnboardArgs,
    commands::quote::judgement::Judgement,
    context::Context,
    dstack::{
        bootstrap_info::{self, BootstrapInfo},
        meta::Origin,
    },
    error::{self, Error, Result},
    product::Product,
    report::{Action, CheckInfo, Fact, Finding, Report, Section, Status},
};

/// It took the keys.
pub(super) const TAKEN: CheckInfo =
    CheckInfo { id: "dstack-onboarded", title: "a replica has taken the keys that were attested, and no others" };

/// Checks of `dstack onboard`.
pub(super) fn rules() -> Vec<CheckInfo> {
    bootstrap_info::RULES.into_iter().chain([ALLOWED, TAKEN]).chain(serving::rules()).collect()
}

/// What came of it so far.
#[derive(Default)]
struct Told {
    facts: Vec<Fact>,
    findings: Vec<Finding>,
    actions: Vec<Action>,
}

pub(super) async fn run(args: &OnboardArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let base = reach::kms(context)?;
    let kms = Onboarding::new(&base, context.http.clone())?;
    let authority = Authority::named(&args.allowed, context)?;
    let by = args.quotes.alone();
    let judgement = Judgement::new(&by, context, false)?;
    let path = args.bootstrap_info.as_ref().or(context.endpoints.dstack.bootstrap_info.as_ref());
    let path = path.ok_or_else(|| {
        Error::usage("nothing says which keys the replica must have")
            .help("name the bootstrap-info.json of the KMS that made them with --bootstrap-info")
    })?;
    let given = evidence::read(path)?;
    let mut told = Told { facts: vec![Fact::named("KMS", kms.host())], ..Told::default() };
    let info = match &given.info {
        Ok(info) => {
            let judged = evidence::judged(&given.name, info, &judgement).await?;
            told.findings.extend(judged.findings.clone());
            judged.passed().then_some(info)
        }
        Err(finding) => {
            told.findings.push(finding.as_ref().clone());
            None
        }
    };
    if let Some(info) = info {
        taken(args, context, &kms, &authority, info, &mut told).await?;
        if told.findings.iter().all(|one| matches!(one.status, Status::Pass | Status::Warn | Status::Skipped))
            && !args.dry_run
        {
            let expected = Expectation {
                base: &base,
                domain: &args.kms.domain,
                keys: &info.keys,
                origin: Origin::Replica,
                allow_dev: args.kms.allow_dev,
                patience: Duration::from_secs(args.kms.wait.into()),
            };
            told.findings.extend(serving::judge(&expected, context).await?);
        }
    }
    let section = Section {
        subject: args.kms.domain.to_string(),
        facts: told.facts,
        caveats: judgement.caveats(),
        findings: told.findings,
        actions: told.actions,
        ..Section::default()
    };
    Ok(Product::report(Report {
        command: "dstack onboard".into(),
        rules: rules(),
        sections: vec![section],
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}

/// Has the KMS take the keys and serve, as far as it has not done so already.
async fn taken(
    args: &OnboardArgs,
    context: &Context,
    kms: &Onboarding,
    authority: &Authority,
    info: &BootstrapInfo,
    told: &mut Told,
) -> Result<()> {
    let subject = args.kms.domain.to_string();
    match kms.waits().await {
        Ok(true) => {}
        Ok(false) | Err(_) => {
            told.findings
                .push(TAKEN.skip(&subject, "the KMS does not wait: whether it has the keys is seen by its TLS"));
            told.findings
                .push(ALLOWED.skip(&subject, "not asked: a KMS that does not wait says nothing of its machine"));
            return Ok(());
        }
    }
    let announced = kms.attestation_info().await?;
    told.facts.push(Fact::named("mr_aggregated", announced.info.mr_aggregated.to_string()));
    let allowed = authority.judge(&subject, &announced.info).await?;
    let is_allowed = allowed.status == Status::Pass;
    told.findings.push(allowed);
    if !is_allowed {
        return Ok(());
    }
    let source = args.source_url.as_ref().or(context.endpoints.dstack.source_url.as_ref());
    let source = source.ok_or_else(|| {
        Error::usage("nothing says which KMS to take the keys from")
            .help("name it with --source-url, such as https://kms.example.com:9100")
    })?;
    if args.dry_run {
        told.actions.push(Action::planned("onboard the KMS", kms.host()));
        told.findings.push(TAKEN.skip(&subject, "the KMS was not asked (--dry-run)"));
        return Ok(());
    }
    match kms.onboard(source, &args.kms.domain).await? {
        Answered::Done(bytes) => {
            told.actions.push(Action::done("onboard the KMS", kms.host()));
            told.findings.push(same_key(&subject, &bytes, info));
        }
        Answered::Refused(refused) if refused.to_string().contains("already been bootstrapped") => {
            told.findings.push(
                TAKEN
                    .fail(&subject, "it has keys already, and nothing says that they are these")
                    .help("it does not serve: remove the VM, deploy it again, and onboard that"),
            );
            return Ok(());
        }
        Answered::Refused(refused) => {
            told.findings.push(TAKEN.fail(&subject, refused.to_string()).help(
                "the KMS fetches the keys itself: it must reach --source-url, and the auth API of each must allow the other",
            ));
            return Ok(());
        }
        Answered::Unknown(error) => {
            let message = format!("whether it took the keys is not known: {}", error::chain(&error));
            told.findings
                .push(TAKEN.undecided(&subject, message).help("remove the VM, deploy it again, and onboard that"));
            return Ok(());
        }
    }
    if told.findings.iter().any(|one| one.status == Status::Fail) {
        return Ok(());
    }
    match kms.finish().await? {
        Answered::Done(()) => told.actions.push(Action::done("have the KMS serve", kms.host())),
        Answered::Refused(error) => return Err(error),
        Answered::Unknown(error) => tracing::warn!("{error}"),
    }
    Ok(())
}

fn same_key(subject: &str, answer: &[u8], info: &BootstrapInfo) -> Finding {
    let said: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    let expected = hex::encode(&info.keys.k256);
    match said.get("k256_pubkey").and_then(serde_json::Value::as_str) {
        Some(key) if key.trim_start_matches("0x").eq_ignore_ascii_case(&expected) => {
            TAKEN.pass(subject, format!("k256_pubkey {expected}"))
        }
        Some(other) => TAKEN
            .fail(subject, "it took another key than the attested one")
            .compared(expected, crate::text::excerpt(other))
            .help("--source-url leads to another KMS: remove the VM and deploy it again"),
        // Versions before 0.5.6 answer nothing.
        None => TAKEN.skip(subject, "its answer names no key: whether it has the right ones is seen by its TLS"),
    }
}
