//! From a verdict, and from what a caller expects of a quote, to findings.
//!
//! What a quote says is compared even when it is not proven genuine, because a difference is a difference; but
//! agreement then proves nothing, and is never called a pass.

use super::{
    Concern, Dated, Rejection, Verdict,
    admission::{register_violation, tcb_violation},
};
use crate::{
    attestation::{
        measurement::{Allowed, Measurement, Register, TcbStatus},
        quote::Quote,
        report_data::default_binding,
    },
    report::{CheckInfo, Finding},
    text::{counted, time},
};

/// The documents a quote is judged by are trustworthy.
pub const COLLATERAL: CheckInfo = CheckInfo {
    id: "quote-collateral",
    title: "collateral is signed under the trust root, fits the machine, and every document is valid at the time",
};
/// The quote is genuine.
pub const SIGNATURE: CheckInfo = CheckInfo {
    id: "quote-signature",
    title: "a quote is signed by Intel's quoting enclave on a platform certified under the trust root",
};
/// The machine's firmware is in a tolerated state.
pub const TCB: CheckInfo =
    CheckInfo { id: "quote-tcb", title: "the platform's TCB status is known, not revoked, and one the policy allows" };
/// No one else sees into the TD.
pub const DEBUG: CheckInfo =
    CheckInfo { id: "quote-debug", title: "the TD does not run in debug mode, and its attributes let no one into it" };
/// The quote was made for this occasion.
pub const REPORT_DATA: CheckInfo =
    CheckInfo { id: "quote-report-data", title: "the report data holds the expected nonce and binding" };
/// The machine runs what the policy allows.
pub const POLICY: CheckInfo =
    CheckInfo { id: "quote-policy", title: "every register holds a value that the policy allows" };

/// Every check of a quote, in the order they are reported.
pub const RULES: [CheckInfo; 6] = [COLLATERAL, SIGNATURE, TCB, DEBUG, REPORT_DATA, POLICY];

/// What the caller expects in the second half of the report data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedBinding {
    /// These 32 bytes.
    Given([u8; 32]),
    /// The caller did not say.
    Unstated,
}

/// One role in a policy's profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// What to call it: `locked-read-only kms`.
    pub name: String,
    /// The lists.
    pub allowed: Allowed,
    /// The policy says that it is not final.
    pub not_ready: bool,
}

/// [`COLLATERAL`] and [`SIGNATURE`]: the outcome of the verification.
pub fn judge_verdict(subject: &str, outcome: &Result<Verdict, Rejection>) -> Vec<Finding> {
    let rejection = match outcome {
        Ok(verdict) => {
            let Dated { document, validity } = verdict.until;
            let until = format!("every document is valid until {} ({document})", time(validity.until));
            let genuine = "signed by Intel's quoting enclave on a certified platform";
            return vec![COLLATERAL.pass(subject, until), SIGNATURE.pass(subject, genuine)];
        }
        Err(rejection) => rejection,
    };
    match (rejection.concern(), rejection) {
        (Concern::Collateral, _) => vec![
            COLLATERAL.fail(subject, rejection.to_string()).help(advice(rejection)),
            SIGNATURE.undecided(subject, "not judged: the collateral failed verification"),
        ],
        // How far the library got is unknown.
        (_, Rejection::Other(_) | Rejection::Disagreement) => vec![
            COLLATERAL.undecided(subject, "not judged"),
            SIGNATURE.fail(subject, rejection.to_string()).help(advice(rejection)),
        ],
        (Concern::Signature, _) => vec![
            COLLATERAL.pass(subject, "signed under the trust root, and valid at this time"),
            SIGNATURE.fail(subject, rejection.to_string()).help(advice(rejection)),
        ],
        (Concern::Tcb | Concern::Debug, _) => vec![
            COLLATERAL.pass(subject, "signed under the trust root, and valid at this time"),
            SIGNATURE.pass(subject, "signed by Intel's quoting enclave on a certified platform"),
        ],
    }
}

/// [`TCB`]: the status, and whether `expected` tolerates it: a list that is absent or empty tolerates none. Without a
/// policy anything but `uptodate` is a warning.
pub fn judge_tcb(subject: &str, outcome: &Result<Verdict, Rejection>, expected: Option<&Expectation>) -> Finding {
    let verdict = match outcome {
        Ok(verdict) => verdict,
        Err(rejection) if rejection.concern() == Concern::Tcb => {
            return TCB.fail(subject, rejection.to_string()).help(advice(rejection));
        }
        Err(_) => return TCB.undecided(subject, "not judged: the quote is not proven genuine"),
    };
    tolerated(TCB, subject, verdict, expected)
}

/// Whether `expected` tolerates the status of a verdict, whichever authority it is from, as a finding of `check`.
pub(in crate::attestation) fn tolerated(
    check: CheckInfo,
    subject: &str,
    verdict: &Verdict,
    expected: Option<&Expectation>,
) -> Finding {
    let said = described(verdict);
    let Some(Expectation { name, allowed, not_ready }) = expected else {
        if verdict.tcb == TcbStatus::UpToDate {
            return check.pass(subject, said);
        }
        return check.warn(subject, format!("{said}; no policy says whether that is tolerated")).help(OUTDATED);
    };
    match (tcb_violation(verdict, allowed), verdict.tcb) {
        // A verdict never says so. If one did, no list could make up for it.
        (_, TcbStatus::Revoked) => check.fail(subject, Rejection::TcbRevoked.to_string()),
        (Some(_), _) if allowed.tcb().is_empty() && *not_ready => check
            .undecided(subject, format!("{said}; {name}: the policy says policy_not_ready and lists no TCB status yet"))
            .help("use the policy of a final release"),
        (Some(_), _) if allowed.tcb().is_empty() => check
            .fail(subject, format!("{name}: no TCB status is listed, so none is tolerated"))
            .compared("a list with the machine's status in it", said)
            .help("list the tolerated statuses in the policy, and run `policy validate` on it"),
        (Some(_), _) => {
            let words: Vec<_> = allowed.tcb().iter().map(|s| s.as_str()).collect();
            check
                .fail(subject, format!("{name}: the TCB status is not tolerated"))
                .compared(words.join(" or "), said)
                .help("update the machine's firmware and TDX module, or have the policy reviewed")
        }
        (None, TcbStatus::UpToDate) => check.pass(subject, said),
        (None, TcbStatus::OutOfDate | TcbStatus::OutOfDateConfigurationNeeded) => {
            check.warn(subject, format!("{said}: tolerated by the policy")).help(OUTDATED)
        }
        (
            None,
            TcbStatus::SwHardeningNeeded
            | TcbStatus::ConfigurationNeeded
            | TcbStatus::ConfigurationAndSwHardeningNeeded,
        ) => check.pass(subject, format!("{said}: tolerated by the policy")),
    }
}

const OUTDATED: &str = "the advisories say what is known against this state of the firmware; update it";

/// [`DEBUG`]: the TD's attributes. `allowed` means that the caller asked for debug TDs by name.
pub fn judge_debug(subject: &str, quote: &Quote, outcome: &Result<Verdict, Rejection>, allowed: bool) -> Finding {
    let attributes = quote.report.attributes;
    let help = "anyone who controls its host can read its keys: never release one to it";
    match outcome {
        Err(rejection @ Rejection::Attributes(_)) => DEBUG.fail(subject, rejection.to_string()).help(advice(rejection)),
        _ if attributes.is_under_debug() && !allowed => {
            DEBUG.fail(subject, Rejection::Debug(attributes).to_string()).help(help)
        }
        Err(_) => DEBUG.undecided(subject, "not judged: verification ended before it"),
        Ok(_) if attributes.is_under_debug() => {
            DEBUG.warn(subject, format!("{}, as allowed", Rejection::Debug(attributes))).help(help)
        }
        Ok(_) => DEBUG.pass(subject, format!("attributes {attributes}")),
    }
}

/// [`REPORT_DATA`]: nonce and binding, and what an answer states beside the quote.
pub fn judge_report_data(
    subject: &str,
    quote: &Quote,
    proven: bool,
    nonce: Option<[u8; 32]>,
    binding: ExpectedBinding,
    stated: Option<[u8; 64]>,
) -> Vec<Finding> {
    let report = &quote.report;
    let mut findings = Vec::new();
    match nonce {
        Some(nonce) => findings.push(half(subject, "nonce", nonce, report.nonce(), proven)),
        None => findings.push(
            REPORT_DATA
                .skip(subject, "no nonce was given to compare with: the quote may be a replay")
                .help("give the nonce of your request with --nonce"),
        ),
    }
    let default = *default_binding().as_bytes();
    match binding {
        ExpectedBinding::Given(binding) => findings.push(half(subject, "binding", binding, report.binding(), proven)),
        ExpectedBinding::Unstated if nonce.is_none() => {}
        ExpectedBinding::Unstated if report.binding() == default => {
            findings.push(agreed(subject, "the binding is a KMS's default one".to_owned(), proven));
        }
        ExpectedBinding::Unstated => {
            let message =
                format!("the binding is {}, and none was given to compare with", hex::encode(report.binding()));
            findings.push(REPORT_DATA.warn(subject, message).help("give the expected one with --binding"));
        }
    }
    if let Some(stated) = stated.filter(|stated| *stated != report.report_data) {
        let finding = REPORT_DATA
            .fail(subject, "the answer's report data differs from its quote's")
            .compared(hex::encode(report.report_data), hex::encode(stated));
        findings.push(finding.help("the answer was assembled from two: do not trust its sender"));
    }
    findings
}

fn half(subject: &str, what: &str, expected: [u8; 32], actual: [u8; 32], proven: bool) -> Finding {
    if expected == actual {
        return agreed(subject, format!("the {what} matches"), proven);
    }
    REPORT_DATA
        .fail(subject, format!("the {what} differs"))
        .compared(hex::encode(expected), hex::encode(actual))
        .help("the quote was made for another request: ask again with a fresh nonce")
}

fn agreed(subject: &str, message: String, proven: bool) -> Finding {
    if proven {
        return REPORT_DATA.pass(subject, message);
    }
    REPORT_DATA.undecided(subject, format!("{message}, but the quote is not proven genuine"))
}

/// [`POLICY`]: one finding a register. TCB statuses are [`judge_tcb`]'s.
pub fn judge_policy(quote: &Quote, proven: bool, expected: &Expectation) -> Vec<Finding> {
    let one = |register: Register| {
        let (subject, name) = (register.to_string(), &expected.name);
        let actual = quote.report.registers.get(register);
        let list = expected.allowed.register(register);
        if list.is_empty() && expected.not_ready {
            let message = format!("{name}: the policy says policy_not_ready and allows no value yet");
            return POLICY.undecided(subject, message).help("use the policy of a final release");
        }
        if list.is_empty() {
            let message = format!("{name}: the policy's list is empty, so it allows nothing");
            return POLICY.fail(subject, message).help("run `policy validate` on the file");
        }
        if register_violation(&quote.report, register, &expected.allowed).is_some() {
            return POLICY
                .fail(subject, format!("{name}: a value the policy does not allow"))
                .compared(alternatives(list), actual.to_string())
                .help(meaning(register));
        }
        if !proven {
            let message = format!("{name}: {}, but the quote is not proven genuine", actual.short());
            return POLICY.undecided(subject, message);
        }
        POLICY.pass(subject, format!("{name}: {}", actual.short()))
    };
    Register::ALL.into_iter().map(one).collect()
}

/// Values of a list, whole, as somebody will compare them by eye; the first three of a long one.
fn alternatives(list: &[Measurement]) -> String {
    let shown: Vec<_> = list.iter().take(3).map(ToString::to_string).collect();
    match list.len() {
        0..=3 => shown.join(" or "),
        more => format!("{} or {}", shown.join(" or "), counted(more - 3, "other", "others")),
    }
}

/// What another value of a register means.
fn meaning(register: Register) -> &'static str {
    match register {
        Register::Mrtd => "the virtual firmware differs",
        Register::Rtmr0 => "the firmware's configuration differs: machine size or devices",
        Register::Rtmr1 => "the kernel differs",
        Register::Rtmr2 => "the kernel command line or initial file system differs",
        Register::Rtmr3 => "what was started differs: application or profile",
    }
}

fn described(verdict: &Verdict) -> String {
    let advisories: Vec<_> = verdict.advisories.iter().map(ToString::to_string).collect();
    let relaunch = if verdict.relaunch_advised { ", a restart is advised after an update" } else { "" };
    let against = if advisories.is_empty() { String::new() } else { format!(": {}", advisories.join(", ")) };
    format!("{}{relaunch}{against}", verdict.tcb)
}

fn advice(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::OutsideValidity { .. } => {
            "fetch fresh collateral (or a fresh quote), or judge as of another time: --at TIME"
        }
        Rejection::WrongRoot(_) => "a quote under a root of your own needs that root: --root FILE",
        Rejection::Collateral(_)
        | Rejection::Unfit { .. }
        | Rejection::FmspcMismatch { .. }
        | Rejection::PceIdMismatch { .. } => "fetch the TDX collateral for this quote",
        Rejection::BadSignature(_)
        | Rejection::BadChain { .. }
        | Rejection::QuotingEnclave(_)
        | Rejection::Disagreement
        | Rejection::Other(_) => "do not trust this evidence: it was changed, or assembled from several",
        Rejection::Revoked { .. } | Rejection::TcbRevoked => "Intel no longer vouches for this: use another machine",
        Rejection::TdxModule(_) | Rejection::NoTcbLevel => "update the machine's firmware and TDX module",
        Rejection::Debug(_) | Rejection::Attributes(_) => "start the TD without these attributes",
    }
}
