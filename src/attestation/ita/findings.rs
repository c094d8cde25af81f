//! From the outcome of a verification to findings.

use super::{ItaVerdict, Refusal, Step};
use crate::{
    attestation::verdict::{AGREEMENT, Expectation, tolerated},
    report::{CheckInfo, Finding},
    text::{excerpt, time},
};

/// The signer of the token is Intel Trust Authority.
pub const CERTIFICATES: CheckInfo = CheckInfo {
    id: "ita-certificates",
    title: "the key of the Intel Trust Authority token is certified up to the root, and no certificate is revoked",
};
/// The token is theirs, and current.
pub const TOKEN: CheckInfo = CheckInfo {
    id: "ita-token",
    title: "the Intel Trust Authority token is signed by that key, issued by the portal asked, and valid at the time",
};
/// The token is about this quote.
pub const CLAIMS: CheckInfo = CheckInfo {
    id: "ita-claims",
    title: "every claim of the token about the quote matches the quote's own bytes, and the TD is not debuggable",
};
/// The machine's firmware is in a tolerated state.
pub const TCB: CheckInfo =
    CheckInfo { id: "ita-tcb", title: "the TCB status in the token is known, not revoked, and one the policy allows" };
/// The customer's own policies.
pub const POLICY_IDS: CheckInfo =
    CheckInfo { id: "ita-policy", title: "the token matches every policy asked for, and leaves none unmatched" };

/// Every check of a token, in the order they are reported, and that of its agreement with DCAP.
pub const RULES: [CheckInfo; 6] = [CERTIFICATES, TOKEN, CLAIMS, TCB, POLICY_IDS, AGREEMENT];

/// A step, its check, and what passing it means.
const STEPS: [(Step, CheckInfo); 5] = [
    (Step::Certificates, CERTIFICATES),
    (Step::Token, TOKEN),
    (Step::Claims, CLAIMS),
    (Step::Tcb, TCB),
    (Step::Policies, POLICY_IDS),
];

/// The outcome of a verification. `expected` judges the TCB status; `asked` says whether any policy id was asked for.
pub fn judge(
    subject: &str,
    outcome: &Result<ItaVerdict, Refusal>,
    expected: Option<&Expectation>,
    asked: bool,
) -> Vec<Finding> {
    match outcome {
        Ok(vouched) => accepted(subject, vouched, expected, asked),
        Err(refusal) => refused(subject, refusal, asked),
    }
}

/// What there is to report when Intel Trust Authority itself gives no token for the quote, and why not, in its words.
pub fn judge_refused(subject: &str, words: &str, asked: bool) -> Vec<Finding> {
    let what = format!("Intel Trust Authority refuses the quote: {}", excerpt(words));
    let token =
        TOKEN.fail(subject, what).help("it names the reason; a policy with that id must exist, and the quote meet it");
    let rest = [CERTIFICATES, CLAIMS, TCB].map(|check| check.undecided(subject, "not judged: there is no token"));
    let policies = asked.then(|| POLICY_IDS.undecided(subject, "not judged: there is no token"));
    std::iter::once(token).chain(rest).chain(policies).collect()
}

fn accepted(subject: &str, vouched: &ItaVerdict, expected: Option<&Expectation>, asked: bool) -> Vec<Finding> {
    let ItaVerdict { verdict, root, pinned, revocation, matched, .. } = vouched;
    let whose = if *pinned { "the pinned root" } else { "the root that the portal itself names" };
    let listed = revocation.iter().filter(|one| one.unknown.is_none()).count();
    let certified = format!(
        "certified under {whose}, SHA-256 {root}; {listed} of {} certificates known not to be revoked",
        revocation.len()
    );
    let certificates = match (*pinned, listed == revocation.len()) {
        (true, true) => CERTIFICATES.pass(subject, certified),
        (false, _) => CERTIFICATES.warn(subject, certified).help(
            "compare that digest with one you have from Intel by another way, keep the certificate, and name it with --ita-root",
        ),
        (true, false) => CERTIFICATES
            .warn(subject, certified)
            .help("the report says which revocation list could not be had, and why"),
    };
    let until = time(verdict.until.validity.until);
    let mut findings = vec![
        certificates,
        TOKEN.pass(subject, format!("signed by Intel Trust Authority ({}), valid until {until}", vouched.form)),
        CLAIMS.pass(subject, "registers, report data, TDX module and attributes are the quote's own"),
        tolerated(TCB, subject, verdict, expected),
    ];
    if asked {
        let ids: Vec<_> = matched.iter().map(ToString::to_string).collect();
        findings.push(POLICY_IDS.pass(subject, format!("matched: {}", ids.join(", "))));
    }
    findings
}

fn refused(subject: &str, refusal: &Refusal, asked: bool) -> Vec<Finding> {
    let at = refusal.step();
    let wanted = |step: Step| asked || step != Step::Policies || at == Step::Policies;
    let one = |(step, check): (Step, CheckInfo)| {
        if step == at || (at == Step::Form && step == Step::Token) {
            fails(subject, check, refusal)
        } else if step < at {
            vec![check.pass(subject, passed(step))]
        } else {
            vec![check.undecided(subject, "not judged: the token failed verification before")]
        }
    };
    STEPS.into_iter().filter(|(step, _)| wanted(*step)).flat_map(one).collect()
}

fn passed(step: Step) -> &'static str {
    match step {
        Step::Form | Step::Certificates => "the token's key is certified up to the root",
        Step::Token => "signed by Intel Trust Authority, and valid at this time",
        Step::Claims => "registers, report data, TDX module and attributes are the quote's own",
        Step::Tcb => "the TCB status is known",
        Step::Policies => "every policy is matched",
    }
}

/// A finding for each claim that differs, else one.
fn fails(subject: &str, check: CheckInfo, refusal: &Refusal) -> Vec<Finding> {
    if let Refusal::Mismatch(mismatches) = refusal {
        let differs = |mismatch: &super::Mismatch| {
            let message = format!("the token's {} differs from the quote's", mismatch.claim);
            let finding = check.fail(subject, message).compared(&*mismatch.expected, &*mismatch.found);
            finding.help(refusal.advice())
        };
        return mismatches.iter().map(differs).collect();
    }
    vec![check.fail(subject, refusal.to_string()).help(refusal.advice())]
}
