//! `kms serve --check`: whether a service may start so, as a report; nothing is served.

use std::time::Instant;

use super::settings::settled;
use crate::{
    cli::kms::KmsServeArgs,
    context::Context,
    error::{self, Class, Error, Result},
    kms::{
        config::Settings,
        instance,
        policy::{self, NodePolicy, Standing},
    },
    product::Product,
    report::{CheckInfo, Fact, Finding, Report, Section},
};

/// The service would start, and give keys to the machines of its release alone.
const START: CheckInfo = CheckInfo {
    id: "kms-start",
    title: "a service may start with these settings, and its policy is vouched for and safe",
};
/// Checks of `kms serve --check`.
pub(in crate::commands) const RULES: [CheckInfo; 1] = [START];

pub(super) async fn run(args: &KmsServeArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let section = match judged(args, context).await {
        Ok((settings, policy)) => {
            let (release, profile, standing) = (&settings.release, settings.profile, policy.standing);
            tracing::info!("{release} for {profile}: everything holds, policy {standing}");
            Section {
                subject: release.to_string(),
                facts: facts(&settings, &policy),
                findings: vec![found(&settings, &policy)],
                ..Section::default()
            }
        }
        Err(error) if error.class() == Class::Trust => {
            tracing::error!("{}", error::chain(&error));
            if let Some(advice) = error.advice() {
                tracing::error!("→ {advice}");
            }
            Section { subject: subject(args), findings: vec![refused(args, &error)], ..Section::default() }
        }
        Err(error) => return Err(error),
    };
    Ok(Product::report(Report {
        command: "kms serve --check".into(),
        rules: RULES.to_vec(),
        sections: vec![section],
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}

async fn judged(args: &KmsServeArgs, context: &Context) -> Result<(Settings, NodePolicy)> {
    let (settings, publisher) = settled(args, context)?;
    instance::parts(&settings)?;
    let policy = policy::load(&settings, &publisher).await?;
    Ok((settings, policy))
}

fn found(settings: &Settings, policy: &NodePolicy) -> Finding {
    let (profile, standing) = (settings.profile.as_str(), policy.standing);
    match standing {
        Standing::Enforced => START.pass(profile, format!("everything holds, policy {standing}")),
        Standing::NotReady | Standing::NotEnforced => START
            .warn(profile, format!("it would start, policy {standing}: every genuine machine gets a key"))
            .help("never in production"),
    }
}

fn refused(args: &KmsServeArgs, error: &Error) -> Finding {
    let profile = args.release.profile.as_deref().unwrap_or_default();
    let finding = START.fail(profile, error::chain(error));
    match error.advice() {
        Some(advice) => finding.help(advice),
        None => finding,
    }
}

fn facts(settings: &Settings, policy: &NodePolicy) -> Vec<Fact> {
    vec![
        Fact::named("profile", settings.profile.to_string()),
        Fact::named("policy", policy.origin.clone()),
        Fact::named("policy digest", format!("sha256:{}", policy.digest)),
    ]
}

/// What was to be judged, in the words it was given in.
fn subject(args: &KmsServeArgs) -> String {
    args.release.kms_version.clone().unwrap_or_else(|| "kms serve".to_owned())
}
