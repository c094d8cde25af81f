//! What a file is that lies where policies are kept: a policy, one that was meant to be a policy and is none, published
//! measurements, or another document.
//!
//! A folder may hold other documents beside its policies, and they are left alone. Left alone must never be what was meant
//! as a policy: a file counts as meant when its name promises a policy or its content speaks of what is allowed.

use semver::Version;
use serde_json::{Map, Value};

use super::document::PolicyFile;
use crate::{
    policy::mrtds::PublishedMrtds,
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
    /// `published-mrtds.json`, and whose measurements it says it holds.
    Published(Role, Box<PublishedMrtds>),
    /// Another document.
    Other,
}

/// Reads the file `name`. `named` says that the caller asked for this very file, so that it must be a policy.
pub fn read(name: &str, named: bool, bytes: &[u8]) -> Entry {
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
#[allow(clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        policy::fixtures::{mrtds_json, policy_json},
        subject::profile::Profile,
    };

    fn entry(name: &str, document: &Value) -> &'static str {
        match read(name, false, document.to_string().as_bytes()) {
            Entry::Policy(_) => "policy",
            Entry::Unreadable(_) => "unreadable",
            Entry::Published(Role::Kms, _) => "kms measurements",
            Entry::Published(Role::Node, _) => "node measurements",
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
