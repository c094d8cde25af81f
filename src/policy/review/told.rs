//! What a pull request says of its evidence in words, in its text and in the `source.probes` of policies. People read it before
//! they look at the evidence, so it must not tell of other probes. Nothing is admitted by it.

use serde_json::Value;

use super::{Case, EVIDENCE, evidence::Signature};
use crate::{
    policy::{
        document::PolicyFile,
        promotion::{
            self, Part, Target,
            body::{self, Row},
            policy_path,
        },
    },
    report::Finding,
    schema::{
        excerpt::{capped, excerpt, excerpt_json},
        parse_json,
    },
    subject::role::Role,
};

/// What text and policies say of probes that is not so, under [`EVIDENCE`].
pub(super) fn told(case: &Case) -> Vec<Finding> {
    let mut findings = of_text(case);
    findings.extend(case.change.after.iter().flat_map(|policy| provenance(case, policy)));
    findings
}

fn of_text(case: &Case) -> Vec<Finding> {
    let body = case.pull.body.as_deref().unwrap_or_default();
    if !body::names_probes(body) {
        return Vec::new();
    }
    let Some(rows) = body::rows(body) else {
        let finding = EVIDENCE.fail("", "the text of the pull request names probes in a form that cannot be read");
        return vec![finding.help(REWRITE)];
    };
    let mut findings: Vec<Finding> = rows.iter().filter_map(|row| told_of(case, row)).collect();
    let committed = case.probes.iter().filter(|probe| case.states.head.contains_key(&probe.offered.path));
    findings.extend(
        committed.filter(|probe| !rows.iter().any(|row| place_of(row).as_ref() == Some(&probe.offered.path))).map(
            |probe| EVIDENCE.fail(&probe.offered.path, "is not named in the text of the pull request").help(REWRITE),
        ),
    );
    capped(findings)
}

/// What to do where words and evidence differ.
const REWRITE: &str = "go by the evidence; `merotee policy promote` writes these words anew";

fn place_of(row: &Row) -> Option<String> {
    let role = Role::ALL.into_iter().find(|role| role.as_str() == row.role)?;
    let target = Target { role, profile: row.profile };
    Some(promotion::Place { target, number: row.number, part: Part::Candidates }.to_string())
}

/// What a text says of one probe that is not so.
fn told_of(case: &Case, row: &Row) -> Option<Finding> {
    let path = place_of(row).unwrap_or_default();
    let Some(probe) = case.probes.iter().find(|probe| probe.offered.path == path) else {
        // Evidence that stays as it was is not read.
        let message = "the text of the pull request names candidates that are not in it";
        return (!case.states.head.contains_key(&path)).then(|| EVIDENCE.fail(excerpt(&path), message).help(REWRITE));
    };
    let about = probe.about()?;
    let signer = match &probe.signature {
        Signature::By(signer) => Some(signer.name.as_str()),
        Signature::WithKey | Signature::Absent | Signature::Rejected(_) => None,
    };
    let none = |text: Option<&str>| text.unwrap_or("none").to_owned();
    let differs = [
        ("SHA-256", row.candidates_sha256.clone(), probe.digest.to_string()),
        ("verdict", none(row.verdict.as_deref()), none(about.verdict.as_deref())),
        ("image", none(row.image.as_deref()), none(about.image.as_deref())),
        ("signer", row.signer.clone(), signer.map_or_else(|| row.signer.clone(), str::to_owned)),
    ];
    let (what, said, is) = differs.into_iter().find(|(_, said, is)| said != is)?;
    let message = format!("the text of the pull request tells of another {what}");
    Some(EVIDENCE.fail(&path, message).compared(excerpt(&is), excerpt(&said)).help(REWRITE))
}

/// Probes that a policy newly names as the source of its values are in the pull request.
fn provenance(case: &Case, policy: &PolicyFile) -> Vec<Finding> {
    let before = case.states.base.get(&policy.name).and_then(|entry| entry.bytes());
    let before = before.and_then(|bytes| parse_json(bytes).ok()).unwrap_or_default();
    let before = before.pointer("/source/probes").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(now) = policy.document.pointer("/source/probes") else { return Vec::new() };
    let Some(now) = now.as_array() else {
        let finding = EVIDENCE.fail(&policy.name, "names its probes in a form that cannot be read");
        return vec![finding.within("source.probes").help(REWRITE)];
    };
    let known = |named: &Value| {
        let is = |key: &str, value: Option<&str>| named.get(key).and_then(Value::as_str) == value;
        case.probes.iter().any(|probe| {
            let (target, digest) = (probe.offered.target, probe.digest.to_string());
            let image = probe.about().and_then(|about| about.image.as_deref());
            policy.name == policy_path(target.profile)
                && is("role", Some(target.role.as_str()))
                && is("candidates_sha256", Some(&digest))
                && is("image", image)
        })
    };
    // Another promotion may name another page of the run for evidence that stays.
    let proven = ["role", "candidates_sha256", "image"];
    let stays = |named: &Value| before.iter().any(|one| proven.iter().all(|key| one.get(key) == named.get(key)));
    let foreign = now.iter().filter(|named| !stays(named) && !known(named));
    let fail = |named: &Value| {
        let message = "names a probe as the source of its values that is not in the pull request";
        let named = named.get("candidates_sha256").unwrap_or(named);
        let finding = EVIDENCE.fail(&policy.name, message).compared("SHA-256 of candidates in it", excerpt_json(named));
        finding.within("source.probes").help(REWRITE)
    };
    capped(foreign.map(fail).collect())
}
