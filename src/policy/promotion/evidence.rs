//! What may lie in a folder of evidence: candidates of its role and profile, and bundles. Anything else there would be a
//! place to hide a policy in.

use serde_json::Value;

use super::{PROMOTION, Part, Probe, Seal, Target, judge};
use crate::{
    report::Finding,
    schema::{parse_json, unreadable},
};

/// Fields of a Sigstore bundle, and of cosign's older one.
const BUNDLE_FIELDS: [&str; 7] =
    ["mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope", "base64Signature", "cert", "rekorBundle"];

/// What is to be said of the JSON file `file`, called `name`, in the folder of `target`. Signatures are not judged here.
pub fn judge(name: &str, target: Target, file: &str, bytes: &[u8]) -> Vec<Finding> {
    let part = file.split_once('.').and_then(|(_, ending)| Part::ALL.into_iter().find(|part| part.ending() == ending));
    match part {
        Some(Part::Candidates) => candidates(name, target, bytes),
        Some(Part::Bundle) => bundle(name, bytes),
        Some(Part::Signature) | None => vec![
            PROMOTION
                .fail(name, "only the evidence of probes may lie here")
                .compared("N.candidates.json and N.candidates.bundle.json", file)
                .help("a policy lies in the folder above, where it is judged; move or remove this file"),
        ],
    }
}

fn candidates(name: &str, target: Target, bytes: &[u8]) -> Vec<Finding> {
    let probe = match Probe::read(name, bytes, Some(target.profile), Seal::Bundle(String::new())) {
        Ok(probe) => probe,
        Err(finding) => return vec![*finding],
    };
    let mut findings = judge::candidates(std::slice::from_ref(&probe));
    if let Some(role) = probe.about.role.filter(|role| *role != target.role) {
        let message = "the candidates are of another role than their folder";
        findings.push(PROMOTION.fail(name, message).compared(target.role.as_str(), role.as_str()));
    }
    findings
}

fn bundle(name: &str, bytes: &[u8]) -> Vec<Finding> {
    let document = match parse_json(bytes) {
        Ok(document) => document,
        Err(error) => return vec![unreadable(name, &error)],
    };
    let fields = document.as_object().filter(|fields| !fields.is_empty());
    let is_bundle = fields.is_some_and(|fields| fields.keys().all(|key| BUNDLE_FIELDS.contains(&key.as_str())));
    let signs = |field: &str| document.get(field).is_some_and(|value| !matches!(value, Value::Null));
    match is_bundle && ["verificationMaterial", "base64Signature"].into_iter().any(signs) {
        true => vec![PROMOTION.pass(name, "a bundle over candidates; `policy review` verifies it")],
        false => vec![
            PROMOTION.fail(name, "not a Sigstore bundle").help("only the signature over the candidates belongs here"),
        ],
    }
}
