//! Whether the keys in a bootstrap document were made in a genuine TDX machine, and in which one. Each comparison is a
//! finding of its own.
//!
//! 1. The quote is genuine, by DCAP; its firmware is known; the TD is not open to its host.
//! 2. The TDX module is Intel's.
//! 3. The event log leads to the quote's registers, and says once who the application is.
//! 4. What stands beside the log repeats it: the run-time events, the OS image in the machine's configuration.
//! 5. The quote was made over these two keys.
//! 6. The keys are keys.
//!
//! Which machine is the right one, nothing in the document can say: compare [`Measured`] with an allow-list
//! ([`crate::dstack::allow_list`]) or with what the operator expects.

use serde_json::Value;

use super::{BootstrapError, BootstrapInfo};
use crate::{
    attestation::{
        event_log::{
            EventLog, Field,
            checks::{self, EVENT_LOG, IDENTITY, REPLAY},
        },
        measurement::Register,
        quote::{Quote, QuoteError},
        verdict::{
            COLLATERAL, Collateral, DEBUG, DcapVerifier, SIGNATURE, TCB, Verdict, judge_debug, judge_tcb, judge_verdict,
        },
    },
    dstack::{
        attestation::{Attestation, Form},
        measured::Measured,
    },
    report::{CheckInfo, Fact, Finding, Status},
    schema::{excerpt::excerpt, parse_json},
};

/// The document is whole.
pub const INFO: CheckInfo = CheckInfo {
    id: "dstack-bootstrap-info",
    title: "a bootstrap document holds both keys and an attestation that reads to its last byte",
};
/// The TDX module is Intel's.
pub const SEAM_SIGNER: CheckInfo = CheckInfo {
    id: "dstack-seam-signer",
    title: "the TDX module under the KMS is signed by Intel: MRSIGNERSEAM is zero",
};
/// The list of run-time events repeats the log.
pub const RUNTIME_EVENTS: CheckInfo = CheckInfo {
    id: "dstack-runtime-events",
    title: "the run-time events of an attestation are those of its event log, in the same order",
};
/// The configuration names the image that was measured.
pub const CONFIG: CheckInfo = CheckInfo {
    id: "dstack-config",
    title: "the machine's configuration names the OS image that the machine measured",
};
/// The quote is about the keys.
pub const REPORT_DATA: CheckInfo =
    CheckInfo { id: "dstack-report-data", title: "the quote was made over the two public keys of the KMS" };
/// The keys are keys.
pub const KEYS: CheckInfo =
    CheckInfo { id: "dstack-keys", title: "ca_pubkey is a P-256 public key, and k256_pubkey a secp256k1 point" };

/// A copy is kept.
pub const BACKUP: CheckInfo = CheckInfo {
    id: "dstack-backup",
    title: "a copy of the verified bootstrap document is written under its date, and reads back",
};

/// Every check of a bootstrap document, in the order they are reported.
pub const RULES: [CheckInfo; 13] = [
    INFO,
    COLLATERAL,
    SIGNATURE,
    TCB,
    DEBUG,
    SEAM_SIGNER,
    EVENT_LOG,
    REPLAY,
    IDENTITY,
    RUNTIME_EVENTS,
    CONFIG,
    REPORT_DATA,
    KEYS,
];

/// By what the quote is judged.
pub struct Basis<'a> {
    /// Under which root. It must let debug TDs through: they get a finding of their own.
    pub verifier: &'a DcapVerifier,
    /// By which documents of Intel's.
    pub collateral: &'a Collateral,
    /// As of when, in seconds since 1970 UTC.
    pub now: u64,
    /// Whether a debug TD is accepted, as in a sandbox.
    pub allow_debug: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The findings, in the order of [`RULES`].
    pub findings: Vec<Finding>,
    /// What the document says of the machine.
    pub facts: Vec<Fact>,
    /// The values that allow-lists hold. `None` where the log says nothing that counts; where the quote is not proven,
    /// they are a claim.
    pub measured: Option<Measured>,
    /// The verdict on the quote; `None` where it is rejected.
    pub verdict: Option<Verdict>,
}

impl Judged {
    /// Whether nothing failed, and everything that is required was judged.
    pub fn passed(&self) -> bool {
        self.findings.iter().all(|finding| matches!(finding.status, Status::Pass | Status::Warn | Status::Skipped))
    }

    /// What comes of a document whose quote cannot be read.
    pub fn unquotable(subject: &str, error: &QuoteError) -> Self {
        let finding = INFO
            .fail(subject, format!("the quote in it cannot be read: {error}"))
            .help("do not trust these keys: nothing proves where they were made");
        Self { findings: vec![finding], facts: Vec::new(), measured: None, verdict: None }
    }
}

/// [`INFO`], of a document that cannot be read.
pub fn malformed(subject: &str, error: &BootstrapError) -> Finding {
    let help = match error {
        BootstrapError::Null => "verify a replica by the bootstrap document of the KMS it onboarded from",
        BootstrapError::Meta => "give the value of its `bootstrap_info`, or the file that was saved at bootstrap",
        BootstrapError::Json(_)
        | BootstrapError::NotAnObject(_)
        | BootstrapError::Missing(_)
        | BootstrapError::Ambiguous(_)
        | BootstrapError::Field { .. }
        | BootstrapError::Attestation(_)
        | BootstrapError::EventLog(_)
        | BootstrapError::TooLarge(_) => "do not trust these keys: the document is not what a KMS answers to Bootstrap",
    };
    INFO.fail(subject, error.to_string()).help(help)
}

/// Judges a document by its quote, which [`BootstrapInfo::quote`] reads: collateral is fetched for that machine.
pub fn judge(subject: &str, info: &BootstrapInfo, quote: &Quote, basis: &Basis<'_>) -> Judged {
    let mut findings = vec![INFO.pass(subject, format!("read to its last byte: {}", info.attestation.form))];
    findings.extend(info.unknown.iter().map(|field| {
        INFO.warn(subject, format!("nothing vouches for its field `{field}`, which no known version writes"))
    }));
    let outcome = basis.verifier.verify(quote, basis.collateral, basis.now);
    findings.extend(judge_verdict(subject, &outcome));
    findings.push(judge_tcb(subject, &outcome, None));
    findings.push(judge_debug(subject, quote, &outcome, basis.allow_debug));
    let mut of_quote = vec![seam_signer(subject, quote)];
    let log = info.event_log();
    let measured = match &log {
        Ok(log) => {
            of_quote.extend(of_log(subject, log, quote, &info.attestation));
            Measured::of(quote, log).ok()
        }
        Err(error) => {
            of_quote.push(EVENT_LOG.fail(subject, error.to_string()).help("do not trust this evidence"));
            None
        }
    };
    of_quote.extend(config(subject, &info.attestation, measured.as_ref()));
    of_quote.extend(report_data(subject, info, quote));
    // What an unproven quote agrees with proves nothing.
    findings.extend(of_quote.into_iter().map(|finding| if outcome.is_ok() { finding } else { unproven(finding) }));
    findings.extend(keys(subject, info));
    let facts = facts(info, quote, log.as_ref().ok(), measured.as_ref());
    Judged { findings, facts, measured, verdict: outcome.ok() }
}

/// Agreement that counts for nothing, since the quote may be forged.
pub fn unproven(finding: Finding) -> Finding {
    if finding.status != Status::Pass {
        return finding;
    }
    let message = format!("{}, but the quote is not proven genuine", finding.message);
    Finding { status: Status::SkippedRequired, message, ..finding }
}

fn seam_signer(subject: &str, quote: &Quote) -> Finding {
    let signer = quote.report.mr_signer_seam;
    if signer.is_zero() {
        return SEAM_SIGNER.pass(subject, "MRSIGNERSEAM is zero, as in Intel's own module");
    }
    SEAM_SIGNER
        .fail(subject, "the TDX module is not signed by Intel")
        .compared("00".repeat(48), signer.to_string())
        .help("its signer can make the module say anything: use another machine")
}

/// The log against the quote, and what stands beside the log against it.
fn of_log(subject: &str, log: &EventLog, quote: &Quote, attestation: &Attestation) -> Vec<Finding> {
    let mut findings = vec![EVENT_LOG.pass(subject, log.to_string())];
    let registers: &[Register] = if is_stripped(log) {
        &[Register::Rtmr3]
    } else {
        &[Register::Rtmr0, Register::Rtmr1, Register::Rtmr2, Register::Rtmr3]
    };
    findings.extend(checks::replayed_in(subject, log, &quote.report.registers, registers));
    if is_stripped(log) {
        let message =
            "RTMR0 to RTMR2 were not replayed: the log holds no event of RTMR1 and RTMR2, as dstack strips it";
        findings.push(REPLAY.skip(subject, message));
    }
    findings.extend(checks::identity(subject, log));
    findings.extend(runtime_events(subject, log, attestation));
    findings
}

/// Whether the log was cut down to what RTMR3 needs. Nothing rests on the events that are gone: their registers stand in
/// the quote.
fn is_stripped(log: &EventLog) -> bool {
    !log.events().iter().any(|event| matches!(event.register(), Register::Rtmr1 | Register::Rtmr2))
}

fn runtime_events(subject: &str, log: &EventLog, attestation: &Attestation) -> Option<Finding> {
    // A bare quote has no second list.
    if attestation.form == Form::Quote {
        return None;
    }
    let logged: Vec<(&str, &[u8])> =
        log.events().iter().filter(|event| event.is_bound()).map(|event| (event.name(), event.payload())).collect();
    let listed: Vec<(&str, &[u8])> =
        attestation.runtime_events.iter().map(|event| (event.name.as_str(), event.payload.as_slice())).collect();
    let help = "readers that take the one list and readers that take the other see two machines: do not trust it";
    let first = logged.iter().zip(&listed).position(|(one, other)| one != other);
    Some(match first {
        Some(index) => {
            let shown = |events: &[(&str, &[u8])]| {
                let (name, payload) = events.get(index).copied().unwrap_or_default();
                format!("{} {}", excerpt(name), excerpt(&hex::encode(payload)))
            };
            RUNTIME_EVENTS
                .fail(subject, format!("runtime_events[{index}] differs from the event log"))
                .compared(shown(&logged), shown(&listed))
                .help(help)
        }
        None if logged.len() != listed.len() => RUNTIME_EVENTS
            .fail(subject, "runtime_events and the event log are of different length")
            .compared(logged.len().to_string(), listed.len().to_string())
            .help(help),
        None => RUNTIME_EVENTS.pass(subject, format!("{} events, as in the log", listed.len())),
    })
}

/// The OS image that the configuration names. Beside a bare quote there is no configuration.
fn config(subject: &str, attestation: &Attestation, measured: Option<&Measured>) -> Option<Finding> {
    if attestation.form == Form::Quote {
        return None;
    }
    let stated = match stated_image(&attestation.config) {
        Ok(stated) => stated,
        Err(reason) => {
            let help = "its host's configuration was altered, or is of an unknown version";
            return Some(CONFIG.fail(subject, format!("`config`: {reason}")).help(help));
        }
    };
    let measured = measured.and_then(|measured| measured.os_image.as_deref()).filter(|image| !image.is_empty());
    let measured = measured.map(hex::encode);
    Some(match (stated, measured) {
        (Some(stated), Some(measured)) if stated == measured => CONFIG.pass(subject, format!("OS image {measured}")),
        (Some(stated), Some(measured)) => CONFIG
            .fail(subject, "`config` names another OS image than the machine measured")
            .compared(measured, excerpt(&stated))
            .help("the configuration was altered: trust nothing in it"),
        (_, None) => CONFIG.skip(subject, "the log has no os-image-hash event before system-ready to compare with"),
        (None, Some(_)) if is_blank(&attestation.config) => CONFIG.skip(subject, "there is no `config` to compare"),
        // The machine takes the name that it measures from this very configuration.
        (None, Some(measured)) => CONFIG
            .fail(subject, "`config` names no OS image, and the machine measured one")
            .compared(measured, "no os_image_hash")
            .help("the configuration was altered: trust nothing in it"),
    })
}

/// Whether a configuration says nothing at all.
fn is_blank(config: &str) -> bool {
    matches!(config.trim(), "" | "{}")
}

/// `os_image_hash`, of the configuration itself or of the `vm_config` in it, lowercase; `None` where there is none.
fn stated_image(config: &str) -> Result<Option<String>, String> {
    if config.is_empty() {
        return Ok(None);
    }
    let document = parse_json(config.as_bytes()).map_err(|error| format!("not acceptable JSON: {error}"))?;
    let inner = match document.get("vm_config") {
        Some(Value::String(text)) if !text.is_empty() => {
            Some(parse_json(text.as_bytes()).map_err(|error| format!("vm_config is not acceptable JSON: {error}"))?)
        }
        Some(value @ Value::Object(_)) => Some(value.clone()),
        _ => None,
    };
    match inner.as_ref().unwrap_or(&document).get("os_image_hash") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.to_lowercase())),
        Some(_) => Err("os_image_hash is not text".to_owned()),
    }
}

fn report_data(subject: &str, info: &BootstrapInfo, quote: &Quote) -> Vec<Finding> {
    let (expected, actual) = (info.keys.report_data(), quote.report.report_data);
    let mut findings = Vec::new();
    if let Some(stated) = info.attestation.report_data.filter(|stated| *stated != actual) {
        findings.push(
            REPORT_DATA
                .fail(subject, "`report_data` of the attestation differs from its quote's")
                .compared(hex::encode(actual), hex::encode(stated))
                .help("the attestation was assembled from two: do not trust its sender"),
        );
    }
    findings.push(if expected == actual {
        REPORT_DATA.pass(subject, "the hash of ca_pubkey and k256_pubkey, and 32 zero bytes")
    } else {
        REPORT_DATA
            .fail(subject, "the quote was made over other keys than ca_pubkey and k256_pubkey")
            .compared(hex::encode(expected), hex::encode(actual))
            .help("one of the keys was exchanged, or the attestation is another KMS's: do not trust these keys")
    });
    findings
}

fn keys(subject: &str, info: &BootstrapInfo) -> Vec<Finding> {
    let faults = info.keys.faults();
    if faults.is_empty() {
        return vec![KEYS.pass(subject, "ca_pubkey on P-256, k256_pubkey on secp256k1")];
    }
    let fault = |(field, what): &(&str, String)| {
        KEYS.fail(subject, format!("`{field}`: {what}")).help("no KMS makes such a key: do not register it")
    };
    faults.iter().map(fault).collect()
}

fn facts(info: &BootstrapInfo, quote: &Quote, log: Option<&EventLog>, measured: Option<&Measured>) -> Vec<Fact> {
    let mut facts = vec![
        Fact::named("attestation", info.attestation.form.as_str()),
        Fact::named("k256 key", hex::encode(&info.keys.k256)),
        Fact::named("quote", format!("version {}, {}", quote.header.version.number(), quote.report.body.as_str())),
    ];
    let Some(measured) = measured else { return facts };
    facts.push(Fact::named("mr_aggregated", measured.mr_aggregated.to_string()));
    facts.push(Fact::named("mr_system", measured.mr_system.to_string()));
    let bytes = |bytes: &Vec<u8>| excerpt(&hex::encode(bytes));
    facts.extend(measured.os_image.as_ref().map(|image| Fact::named("OS image", bytes(image))));
    facts.extend(measured.compose_hash.map(|hash| Fact::named("compose hash", hash.to_string())));
    facts.extend(measured.app_id.as_ref().map(|id| Fact::named("app id", bytes(id))));
    let provider = log.and_then(|log| log.identity().ok()?.get(Field::KeyProvider).map(<[u8]>::to_vec));
    facts.extend(provider.map(|text| Fact::named("key provider", excerpt(&String::from_utf8_lossy(&text)))));
    facts
}
