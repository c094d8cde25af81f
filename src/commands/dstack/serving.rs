//! A KMS that serves, met over TLS by the attested key and no other, and compared with what was attested.

use std::time::{Duration, Instant};

use url::Url;

use crate::{
    adapters::{
        dstack_kms::{Met, Serving},
        http::readable,
    },
    commands::machine::pauses::Pauses,
    context::Context,
    dstack::{
        keys::PublicKeys,
        kms_deploy::Domain,
        meta::{self, Expected, Meta, Origin},
    },
    error::{self, Result},
    progress::Phase,
    report::{CheckInfo, Finding},
    text::excerpt,
};

/// It serves by the attested key.
pub(super) const TLS: CheckInfo = CheckInfo {
    id: "dstack-tls",
    title: "a KMS serves TLS under its name with a certificate of the attested ca_pubkey",
};
/// It answers in time.
pub(super) const IN_TIME: CheckInfo =
    CheckInfo { id: "dstack-response-time", title: "a KMS that serves answers GetMeta in under a second" };

/// Every check of a KMS that serves, in the order they are reported.
pub(super) fn rules() -> Vec<CheckInfo> {
    [TLS, IN_TIME].into_iter().chain(meta::RULES).collect()
}

/// How long an answer may take.
const IN_UNDER: Duration = Duration::from_secs(1);
/// How often a slow one is asked again: the first answer may have had to wait for something.
const TRIES: u32 = 2;

/// The KMS that must serve.
#[derive(Clone, Copy)]
pub(super) struct Expectation<'a> {
    /// Where it is.
    pub(super) base: &'a Url,
    /// Its name.
    pub(super) domain: &'a Domain,
    /// The keys that were attested.
    pub(super) keys: &'a PublicKeys,
    /// Where it has them from.
    pub(super) origin: Origin<'a>,
    /// Whether one for development is accepted.
    pub(super) allow_dev: bool,
    /// How long it may take to serve.
    pub(super) patience: Duration,
}

/// Meets it, and says what came of it.
///
/// # Errors
/// Trust: the attested key is none. Remote: its host has no address.
pub(super) async fn judge(expected: &Expectation<'_>, context: &Context) -> Result<Vec<Finding>> {
    let subject = expected.domain.to_string();
    let kms = Serving::new(expected.base, expected.domain, &expected.keys.ca, context.http.clone()).await?;
    let (body, took) = match met(&kms, expected.patience).await? {
        Met::Serves { body, took } => (body, took),
        Met::Distrusted(words) => {
            let finding = TLS
                .fail(&subject, format!("what answers is not certified by the attested key: {}", excerpt(&words)))
                .help("somebody answers in its place, or it has other keys than it attested: send nothing there");
            return Ok(vec![finding]);
        }
        Met::Silent(error) => {
            let message = format!("it does not serve: {}", error::chain(&error));
            let finding = TLS.undecided(&subject, message);
            return Ok(vec![finding.help("look at its log with `dstack logs`; wait longer with --wait")]);
        }
    };
    let mut findings = vec![TLS.pass(&subject, "certified by the attested key, and by no other")];
    findings.push(in_time(&kms, &subject, took).await?);
    let now = u64::try_from(context.now().as_second()).unwrap_or_default();
    match Meta::parse(&body) {
        Ok(meta) => {
            let expected =
                Expected { keys: expected.keys, origin: expected.origin, now, allow_dev: expected.allow_dev };
            findings.extend(meta.judge(&subject, &expected));
        }
        Err(error) => findings.push(meta::CA.fail(&subject, format!("its metadata cannot be read: {error}"))),
    }
    Ok(findings)
}

/// How it answers at last.
async fn met(kms: &Serving, patience: Duration) -> Result<Met> {
    let end = Instant::now() + patience;
    let _shown = Phase::waiting("waiting for the KMS to serve");
    let mut pauses = Pauses::new();
    loop {
        match kms.meta().await? {
            Met::Silent(_) if Instant::now() < end => pauses.sleep().await,
            met @ (Met::Serves { .. } | Met::Distrusted(_) | Met::Silent(_)) => return Ok(met),
        }
    }
}

async fn in_time(kms: &Serving, subject: &str, first: Duration) -> Result<Finding> {
    let mut best = first;
    for _ in 1..TRIES {
        if best < IN_UNDER {
            break;
        }
        if let Met::Serves { took, .. } = kms.meta().await? {
            best = best.min(took);
        }
    }
    let took = format!("GetMeta is answered in {} ms", best.as_millis());
    Ok(if best < IN_UNDER {
        IN_TIME.pass(subject, took)
    } else {
        IN_TIME
            .fail(subject, took)
            .compared(format!("under {}", readable(IN_UNDER)), format!("{} ms", best.as_millis()))
            .help(
                "applications wait for it when they boot: look at the load of its host, and at what its auth API takes",
            )
    })
}
