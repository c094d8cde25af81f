//! `kms attest`: a KMS's own attestation, judged: quote, nonce, binding, registers, event log.

use std::time::Instant;

use crate::{
    adapters::file,
    attestation::{
        event_log::{
            EventLog,
            checks::{self, EVENT_LOG},
        },
        measurement::TcbStatus,
        quote::input::Input,
        report_data::default_binding,
        verdict::ExpectedBinding,
    },
    cli::{kms_client::KmsAttestArgs, quote::Half},
    commands::quote::judgement::{Judgement, Occasion},
    context::Context,
    error::{Error, Result},
    kms::client::KmsClient,
    product::Product,
    report::{CheckInfo, Finding, Report, Section},
    subject::role::Role,
};

/// The service gives an attestation at all.
pub(in crate::commands) const ATTEST: CheckInfo =
    CheckInfo { id: "kms-attest", title: "the KMS answers /attest with a quote that can be read" };

/// It is known which machines are the KMS.
pub(in crate::commands) const KNOWN: CheckInfo =
    CheckInfo { id: "kms-known", title: "a policy says which machines are the KMS, so that no other is taken for it" };

/// Checks of `kms attest`.
pub(super) fn rules(judgement: &Judgement<'_>) -> Vec<CheckInfo> {
    let log = [EVENT_LOG, checks::REPLAY, checks::IDENTITY];
    [ATTEST, KNOWN].into_iter().chain(judgement.rules()).chain(log).collect()
}

pub(super) async fn run(args: &KmsAttestArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let judgement = Judgement::of_kms(&args.by, context)?;
    let client = super::client(&args.kms, context)?;
    let nonce = match args.nonce {
        Some(Half(nonce)) => nonce,
        None => fresh_nonce()?,
    };
    let binding = args.binding.map(|Half(binding)| binding);
    let attested = attested(&client, &judgement, nonce, binding).await?;
    if let (Some(path), Some(answer)) = (&args.save, &attested.answer) {
        file::write_atomic(path, answer)?;
    }
    Ok(Product::report(Report {
        command: "kms attest".into(),
        rules: rules(&judgement),
        sections: vec![attested.section],
        caveats: caveats(&judgement),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}

/// The outcome of asking a service to attest.
pub(in crate::commands) struct Attested {
    pub(in crate::commands) section: Section,
    /// The answer as it came.
    answer: Option<Vec<u8>>,
    /// What was read of it.
    pub(in crate::commands) read: Option<Evidence>,
}

/// A quote that was judged, and the log beside it.
pub(in crate::commands) struct Evidence {
    pub(in crate::commands) input: Input,
    pub(in crate::commands) log: Option<EventLog>,
    /// What the platform's firmware is, where the quote is genuine.
    pub(in crate::commands) tcb: Option<TcbStatus>,
}

/// Asks a service for its quote over `nonce`, and judges the answer.
///
/// # Errors
/// The service does not answer, or there is nothing to judge by.
pub(in crate::commands) async fn attested(
    client: &KmsClient,
    judgement: &Judgement<'_>,
    nonce: [u8; 32],
    binding: Option<[u8; 32]>,
) -> Result<Attested> {
    let subject = client.host();
    let unread = |finding: Finding, answer| Attested {
        section: Section { subject: client.host(), findings: vec![finding], ..Section::default() },
        answer,
        read: None,
    };
    let answer = match client.attest(&nonce, binding.as_ref()).await? {
        Ok((_, answer)) => answer,
        Err(refused) => {
            let finding = ATTEST.fail(&subject, format!("it answers {refused}"));
            return Ok(unread(finding.help("look at the KMS's log: does its guest agent answer?"), None));
        }
    };
    let input = match Input::read(&answer) {
        Ok(input) => input,
        Err(error) => {
            let finding = ATTEST.fail(&subject, format!("no quote that can be read: {error}"));
            return Ok(unread(finding.help("is this the address of a KMS in a TDX machine?"), Some(answer)));
        }
    };
    let binding = ExpectedBinding::Given(binding.unwrap_or_else(|| *default_binding().as_bytes()));
    let occasion = Occasion { role: Some(Role::Kms), nonce: Some(nonce), binding };
    let (mut section, tcb) = judgement.judged(&subject, &input, &occasion).await?;
    if !judgement.by_policy() {
        let what =
            "no policy was given: the quote proves a genuine TDX machine that answered just now, not a KMS on it";
        section.findings.insert(0, KNOWN.warn(&subject, what).help("give the policy of its release: --expect-policy"));
    }
    section.findings.insert(0, ATTEST.pass(&subject, format!("a quote of {} bytes", input.quote.as_bytes().len())));
    let (log, findings) = event_log(&subject, &answer, &input);
    section.findings.extend(findings);
    Ok(Attested { section, answer: Some(answer), read: Some(Evidence { input, log, tcb }) })
}

/// The log explains the registers that it can: all but MRTD.
fn event_log(subject: &str, answer: &[u8], input: &Input) -> (Option<EventLog>, Vec<Finding>) {
    let log = match checks::read(subject, answer) {
        Ok(log) => log,
        Err(finding) => return (None, vec![*finding]),
    };
    let mut findings = vec![EVENT_LOG.pass(subject, log.to_string())];
    findings.extend(checks::replayed(subject, &log, &input.quote.report.registers));
    findings.extend(checks::identity(subject, &log));
    (Some(log), findings)
}

/// What a reader must know of the judgement.
pub(super) fn caveats(judgement: &Judgement<'_>) -> Vec<String> {
    let mut caveats = judgement.caveats();
    if !judgement.by_policy() {
        caveats.push("no policy was given (--expect-policy): any genuine machine could be this KMS".to_owned());
    }
    caveats
}

/// 32 bytes that could not be known before.
pub(in crate::commands) fn fresh_nonce() -> Result<[u8; 32]> {
    let mut nonce = [0; 32];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(nonce)
}
