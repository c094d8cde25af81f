//! What a file is that lies where policies are kept: a policy, one that was meant to be a policy and is none, published
//! measurements, or another document.
//!
//! Below `probes` lies the evidence of promotions, candidates and the signatures over them: a policy has no place there, and
//! would be found.
//!
//! A folder may hold other documents beside its policies, and they are left alone. Left alone must never be what was meant
//! as a policy: a file counts as meant when its name promises a policy or its content speaks of what is allowed.

use semver::Version;
use serde_json::{Map, Value};

use super::document::PolicyFile;
use crate::{
    policy::{
        mrtds::PublishedMrtds,
        promotion::{Target, evidence},
    },
    report::Finding,
    schema::parse_json,
    subject::{evidence_name::signed_by, role::Role},
};

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A policy of some kind.
    Policy(Box<PolicyFile>),
    /// Meant as a policy, and none: why not.
    Unreadable(Box<Finding>),
    /// Evidence of a promotion, or what lies where only that may lie: what is to be said of it.
    Evidence(Vec<Finding>),
    /// `published-mrtds.json`, and whose measurements it says it holds.
    Published(Role, Box<PublishedMrtds>),
    /// Another document.
    Other,
}

/// Reads the file `name`. `named` says that the caller asked for this very file, so that it must be a policy.
pub fn read(name: &str, named: bool, bytes: &[u8]) -> Entry {
    if let Some((target, file)) = among_evidence(name) {
        return Entry::Evidence(evidence::judge(name, target, file, bytes));
    }
    let why = match PolicyFile::parse(name, bytes) {
        Ok(policy) => return Entry::Policy(Box::new(policy)),
        Err(why) => why,
    };
    if named || promises_policy(name) {
        return Entry::Unreadable(why);
    }
    // What is broken JSON may have been anything.
    let Ok(document) = parse_json(bytes) else { return Entry::Unreadable(why) };
    let Value::Object(fields) = document else { return Entry::Other };
    match (published(name, &fields, bytes), speaks_of_policy(&fields)) {
        (Some((role, published)), _) => Entry::Published(role, Box::new(published)),
        (None, true) => Entry::Unreadable(why),
        (None, false) => Entry::Other,
    }
}

/// Whose evidence a file is, when it lies in a folder for such: `probes/{role}-{profile}`. And its own name.
fn among_evidence(name: &str) -> Option<(Target, &str)> {
    let mut parts = name.rsplit(['/', '\\']);
    let (file, folder, above) = (parts.next()?, parts.next()?, parts.next()?);
    let target = Target::all().find(|target| target.to_string() == folder)?;
    (above == "probes").then_some((target, file))
}

/// Whether the name of a JSON file, with or without its folder, promises a policy: it speaks of one, or is a version as in
/// upstream's registry. What signs a policy, its JSON Schema, and candidates for one are none.
pub fn promises_policy(name: &str) -> bool {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name).to_lowercase();
    let stem = base.strip_suffix(".json").unwrap_or(&base);
    if signed_by(&base).is_some() || ["candidates", "schema"].iter().any(|other| stem.contains(other)) {
        return false;
    }
    let version = stem.strip_prefix('v').unwrap_or(stem);
    ["policy", "policies"].iter().any(|word| stem.contains(word)) || Version::parse(version).is_ok()
}

fn published(name: &str, fields: &Map<String, Value>, bytes: &[u8]) -> Option<(Role, PublishedMrtds)> {
    if !fields.get("profiles").is_some_and(Value::is_object) {
        return None;
    }
    let role = fields.get("role")?.as_str()?;
    let role = Role::ALL.into_iter().find(|known| known.as_str() == role)?;
    Some((role, PublishedMrtds::parse(name, bytes).ok()?))
}

/// Whether a document that does not read as a policy speaks of what is allowed, by itself or for profiles.
fn speaks_of_policy(fields: &Map<String, Value>) -> bool {
    // Candidates and the catalog do, and are documents of their own.
    let another = fields.contains_key("measurement_source") || fields.contains_key("releases");
    let speaks =
        |key: &String| matches!(key.as_str(), "policy" | "policy_id" | "release_tag") || key.contains("allowed_");
    let of_profiles = fields.get("profiles").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let mut lists = of_profiles.filter_map(Value::as_object).flat_map(Map::keys);
    !another && (fields.keys().any(speaks) || lists.any(speaks))
}

#[cfg(test)]
#[allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        policy::fixtures::{mrtds_json, policy_json},
        report::Status,
        subject::profile::Profile,
    };

    fn entry(name: &str, document: &Value) -> &'static str {
        match read(name, false, document.to_string().as_bytes()) {
            Entry::Policy(_) => "policy",
            Entry::Unreadable(_) => "unreadable",
            Entry::Published(Role::Kms, _) => "kms measurements",
            Entry::Published(Role::Node, _) => "node measurements",
            Entry::Evidence(findings) if findings.iter().all(|f| f.status == Status::Pass) => "evidence",
            Entry::Evidence(_) => "no evidence",
            Entry::Other => "other",
        }
    }

    #[test]
    fn a_name_promises_a_policy_when_it_speaks_of_one_or_is_a_version() {
        for name in [
            "attestation-policy-debug.json",
            "attestation-policy-production.json",
            "a/b/attestation-policy-locked-read-only.json",
            "kms-phala-attestation-policy.json",
            "kms-phala-attestation-policy.debug.json",
            "Attestation-Policy-Debug.JSON",
            "attestation_policy.json",
            "policy.json",
            "policies.json",
            "node-policy.2.1.4.json",
            "mero-tee/2.1.4.json",
            "2.1.4-rc.1.json",
            "v2.1.4.json",
            r"policies\policy-debug.json",
        ] {
            assert!(promises_policy(name), "{name}");
        }
        for name in [
            "index.json",
            "notes.json",
            "published-mrtds.json",
            "compatibility-catalog.json",
            "measurement-policy-candidates.json",
            "schemas/attestation-policy.schema.json",
            "attestation-policy-debug.json.sigstore.json",
            "attestation-policy-debug.json.bundle.json",
            "policies/notes.json",
            "2.1.json",
        ] {
            assert!(!promises_policy(name), "{name}");
        }
    }

    #[test]
    fn what_a_promising_name_holds_is_a_policy_or_unreadable() {
        let none = [
            json!({}),
            json!([]),
            json!(null),
            json!("policy"),
            json!({"note": "moved"}),
            json!({"tag": "1.2.0"}),
            json!({"releases": []}),
            json!({"measurement_source": "td_quote"}),
            mrtds_json(Role::Node),
            json!({"profiles": {}}),
            json!({"Policy": {}}),
        ];
        for document in &none {
            assert_eq!(entry("attestation-policy-debug.json", document), "unreadable", "{document}");
            assert_eq!(entry("mero-tee/2.1.4.json", document), "unreadable", "{document}");
        }
        assert_eq!(entry("attestation-policy-debug.json", &policy_json(Profile::Debug)), "policy");
    }

    #[test]
    fn a_folder_of_evidence_holds_evidence_alone() {
        let folder = "policies/probes/kms-debug";
        let lists = &policy_json(Profile::Debug)["policy"];
        let list = |name: &str| lists[format!("kms_allowed_{name}")].clone();
        let mut candidates = json!({
            "schema_version": 1, "generated_at": "2026-11-30T08:00:00Z", "measurement_source": "td_quote",
            "profile": "debug", "source": {"family": "kms", "verdict": "passed"}, "policy": {},
        });
        for name in ["tcb_statuses", "mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
            candidates["policy"][format!("allowed_{name}")] = list(name);
        }
        let bundle = json!({"mediaType": "x", "verificationMaterial": {}, "messageSignature": {}});
        for (name, document, expected) in [
            ("1.candidates.json", &candidates, "evidence"),
            ("1.candidates.bundle.json", &bundle, "evidence"),
            ("1.candidates.json", &policy_json(Profile::Debug), "no evidence"),
            ("1.candidates.bundle.json", &policy_json(Profile::Debug), "no evidence"),
            ("1.candidates.json", &bundle, "no evidence"),
            ("1.candidates.bundle.json", &json!({}), "no evidence"),
            ("attestation-policy-debug.json", &policy_json(Profile::Debug), "no evidence"),
            ("notes.json", &json!({"note": "moved"}), "no evidence"),
        ] {
            assert_eq!(entry(&format!("{folder}/{name}"), document), expected, "{name} {document}");
        }
        assert_eq!(entry("a\\probes\\node-debug\\1.candidates.json", &candidates), "no evidence", "of the other role");
        assert_eq!(
            entry("probes/kms-locked-read-only/1.candidates.json", &candidates),
            "no evidence",
            "of another profile"
        );
        // Anywhere else a policy is one.
        for name in ["policies/probes/x.json", "policies/probes/a/x.json", "policies/probes/kms-debug/a/x.json"] {
            assert_eq!(entry(name, &policy_json(Profile::Debug)), "policy", "{name}");
        }
    }

    #[test]
    fn under_any_other_name_the_content_decides() {
        for (document, expected) in [
            (policy_json(Profile::Debug), "policy"),
            (mrtds_json(Role::Node), "node measurements"),
            (mrtds_json(Role::Kms), "kms measurements"),
            (json!({"note": "moved"}), "other"),
            (json!([]), "other"),
            (json!({"releases": [], "policy_id": "x"}), "other"),
            (json!({"measurement_source": "td_quote", "profiles": {"debug": {"allowed_mrtd": []}}}), "other"),
            (json!({"policy_id": "mero-tee/2.1.4", "profiles": {}}), "unreadable"),
            (json!({"profiles": {"debug": {"allowed_mrtd": []}}}), "unreadable"),
            (json!({"kms_allowed_mrtd": []}), "unreadable"),
            (json!({"release_tag": "2.1.4"}), "unreadable"),
            (json!({"role": "kms", "profile": "debug"}), "other"),
        ] {
            assert_eq!(entry("document.json", &document), expected, "{document}");
        }
        let Entry::Unreadable(why) = read("document.json", false, b"{") else { panic!("broken JSON is meant") };
        assert!(why.message.starts_with("not acceptable JSON"), "{}", why.message);
        assert!(matches!(read("document.json", true, b"{}"), Entry::Unreadable(_)), "the caller asked for this one");
    }
}
