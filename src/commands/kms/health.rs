//! `kms health`: whether a KMS is there and can release keys.

use std::time::{Duration, Instant};

use semver::Version;

use crate::{
    cli::kms_client::KmsHealthArgs,
    context::Context,
    error::{self, Result},
    kms::{
        client::{KmsClient, Refused},
        wire::Health,
    },
    product::Product,
    report::{CheckInfo, Fact, Finding, Report, Section},
    schema::excerpt::excerpt,
    subject::profile::Profile,
};

/// The service answers and can release keys.
pub(in crate::commands) const HEALTH: CheckInfo =
    CheckInfo { id: "kms-health", title: "the KMS answers, and has loaded its policy" };
/// The service is the one that is expected.
pub(in crate::commands) const IDENTITY: CheckInfo =
    CheckInfo { id: "kms-identity", title: "the KMS says that it is of the expected release and profile" };
/// Checks of `kms health`.
pub(in crate::commands) const RULES: [CheckInfo; 2] = [HEALTH, IDENTITY];

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn run(args: &KmsHealthArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let client = super::client(&args.kms, context)?;
    let health = asked(&client, Duration::from_secs(args.wait.into())).await?;
    let subject = client.host();
    let mut findings = vec![ready(&subject, &health)];
    if let Ok(health) = &health {
        findings.extend(expected(&subject, health, args.expect_version.as_ref(), args.expect_profile));
    }
    Ok(Product::report(Report {
        command: "kms health".into(),
        rules: RULES.to_vec(),
        sections: vec![Section { subject, facts: facts(health), findings, ..Section::default() }],
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}

/// The last answer before the time is over, or the first good one.
async fn asked(client: &KmsClient, wait: Duration) -> Result<Result<Health, Refused>> {
    let end = Instant::now() + wait;
    loop {
        let answer = client.health().await;
        let good = matches!(&answer, Ok(Ok(health)) if is_ready(health));
        let left = end.saturating_duration_since(Instant::now());
        if good || left.is_zero() {
            return answer;
        }
        match &answer {
            Ok(_) => tracing::debug!("{} is not ready yet", client.host()),
            Err(error) => tracing::debug!("{}", error::chain(error)),
        }
        tokio::time::sleep(PAUSE.min(left)).await;
    }
}

/// Upstream's service says `alive` and nothing about its policy, which it has loaded when it answers.
pub(in crate::commands) fn is_ready(health: &Health) -> bool {
    match health.status.as_str() {
        "ok" => health.policy_loaded,
        "alive" => true,
        _ => false,
    }
}

fn ready(subject: &str, health: &Result<Health, Refused>) -> Finding {
    match health {
        Ok(health) if is_ready(health) => HEALTH.pass(subject, "ready to release keys"),
        Ok(_) => HEALTH
            .fail(subject, "it answers, and has not loaded its policy")
            .help("it may still be starting: ask again with --wait SECONDS; else look at its log"),
        Err(refused) => HEALTH.fail(subject, format!("it answers {refused}")).help("is this the address of a KMS?"),
    }
}

/// Whether the service says that it is of this version and profile, as far as they are known.
pub(in crate::commands) fn expected(
    subject: &str,
    health: &Health,
    version: Option<&Version>,
    profile: Option<Profile>,
) -> Vec<Finding> {
    let compare = |what: &str, expected: String, actual: &str| {
        if expected == actual {
            return IDENTITY.pass(subject, format!("{what} {expected}"));
        }
        IDENTITY
            .fail(subject, format!("another {what}"))
            .compared(expected, excerpt(actual))
            .help("the deployment is not the one this check was written for")
    };
    version
        .map(|version| compare("version", format!("v{version}"), &health.version))
        .into_iter()
        .chain(profile.map(|profile| compare("profile", profile.to_string(), &health.profile)))
        .collect()
}

fn facts(health: Result<Health, Refused>) -> Vec<Fact> {
    let Ok(health) = health else { return Vec::new() };
    [("service", health.service), ("version", health.version), ("profile", health.profile)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| Fact::named(name, value))
        .collect()
}
