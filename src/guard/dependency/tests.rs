//! Releases with and without their counterparts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;
use crate::report::{Status, Verdict};

fn lists(prefix: &str, value: u8) -> Map<String, Value> {
    let values = json!([hex::encode([value; 48])]);
    let registers =
        ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"].map(|r| (format!("{prefix}allowed_{r}"), values.clone()));
    registers.into_iter().chain([(format!("{prefix}allowed_tcb_statuses"), json!(["uptodate"]))]).collect()
}

fn policy(profile: Profile, node: u8, status: &str) -> PolicyFile {
    let mut policy = lists("kms_", 9);
    policy.extend(lists("node_", node));
    let document = json!({"schema_version": 1, "role": "kms", "profile": profile, "tag": "1.2.0", "status": status, "policy": policy});
    PolicyFile::parse(&format!("attestation-policy-{profile}.json"), document.to_string().as_bytes()).unwrap()
}

fn nodes(value: u8) -> PublishedMrtds {
    let profiles: Map<String, Value> =
        Profile::ALL.into_iter().map(|p| (p.as_str().to_owned(), Value::Object(lists("", value)))).collect();
    let document = json!({"schema_version": 1, "role": "node", "tag": "1.2.0", "profiles": profiles});
    PublishedMrtds::parse("published-mrtds.json", document.to_string().as_bytes()).unwrap()
}

fn catalog(entries: &Value) -> Available<ReadCatalog> {
    let bytes = json!({"schema_version": "1", "entries": entries}).to_string().into_bytes();
    Available::Yes(Arc::new(Catalog::parse("compatibility-catalog.json", &bytes)))
}

fn pair(kms: &str, node: &str) -> Value {
    json!({"kms": kms, "node_image": node, "profiles": Profile::ALL, "tested": true})
}

/// Everything as it should be.
fn well(tag: &str, counterpart: &str) -> Situation {
    let (tag, counterpart): (Tag, Tag) = (tag.parse().unwrap(), counterpart.parse().unwrap());
    let (kms, node) = match tag.family() {
        Family::Kms => (tag.version(), counterpart.version()),
        Family::Node => (counterpart.version(), tag.version()),
    };
    Situation {
        catalog: catalog(&json!([pair(&kms.to_string(), &node.to_string())])),
        policies: Available::Yes(Profile::ALL.map(|p| policy(p, 2, "ready")).to_vec()),
        nodes: Available::Yes(nodes(2)),
        release: Lookup::Published { prerelease: false },
        class: tag.class(),
        distrusted: Vec::new(),
        tag,
        counterpart,
    }
}

fn both() -> [Situation; 2] {
    [well("mero-kms-v1.2.0", "mero-tee-v1.1.0"), well("mero-tee-v1.1.0", "mero-kms-v1.2.0")]
}

fn outcome(situation: &Situation) -> (Verdict, Vec<(&'static str, Status)>) {
    let findings = judge(situation);
    let odd = findings.iter().filter(|f| f.status != Status::Pass).map(|f| (f.check, f.status)).collect();
    (Verdict::of(findings.iter()), odd)
}

#[test]
fn a_release_with_its_counterpart_passes_in_both_families() {
    for situation in both() {
        assert_eq!(outcome(&situation), (Verdict::Passed, vec![]), "{}", situation.tag);
    }
}

#[test]
fn a_counterpart_that_is_not_there_or_not_published_or_not_final_stops_a_final_release() {
    for situation in both() {
        let with = |release| outcome(&Situation { release, ..situation.clone() });
        assert_eq!(with(Lookup::Absent), (Verdict::Incomplete, vec![("counterpart-release", Status::Missing)]));
        assert_eq!(with(Lookup::Draft), (Verdict::Failed, vec![("counterpart-release", Status::Fail)]));
        let failed = Lookup::Failed("timed out".into());
        assert_eq!(with(failed), (Verdict::Undecided, vec![("counterpart-release", Status::SkippedRequired)]));
        let marked = with(Lookup::Published { prerelease: true });
        assert_eq!(marked, (Verdict::Passed, vec![("counterpart-release", Status::Warn)]));
    }
    let rc = well("mero-kms-v1.2.0", "mero-tee-v1.2.0-rc.1");
    assert_eq!(outcome(&rc), (Verdict::Failed, vec![("counterpart-release", Status::Fail)]));
    assert_eq!(outcome(&well("mero-kms-v1.3.0-rc.1", "mero-tee-v1.2.0-rc.1")).0, Verdict::Passed);
}

#[test]
fn a_catalog_that_is_silent_on_the_pair_stops_a_final_release_and_no_candidate() {
    for situation in both() {
        let silent = catalog(&json!([pair("1.2.0", "1.2.0"), pair("1.1.0", "1.1.0")]));
        let (verdict, odd) = outcome(&Situation { catalog: silent, ..situation.clone() });
        assert_eq!((verdict, odd), (Verdict::Failed, vec![("catalog", Status::Fail)]));
        let absent = Available::Absent("the repository has none".to_owned());
        assert_eq!(outcome(&Situation { catalog: absent, ..situation.clone() }).0, Verdict::Incomplete);
        let failed = Available::Failed("timed out".to_owned());
        assert_eq!(outcome(&Situation { catalog: failed, ..situation.clone() }).0, Verdict::Undecided);
    }
    let candidate = well("mero-kms-v1.3.0-rc.1", "mero-tee-v1.2.0");
    let silent = Situation { catalog: catalog(&json!([])), ..candidate };
    assert_eq!(outcome(&silent), (Verdict::Passed, vec![("catalog", Status::Skipped)]));
}

#[test]
fn a_policy_unlike_the_measurements_fails_and_names_profile_and_register() {
    for situation in both() {
        let files = [
            policy(Profile::Debug, 2, "ready"),
            policy(Profile::DebugReadOnly, 2, "ready"),
            policy(Profile::LockedReadOnly, 3, "ready"),
        ];
        let findings = judge(&Situation { policies: Available::Yes(files.to_vec()), ..situation });
        let failed: Vec<_> = findings.iter().filter(|f| f.status == Status::Fail).map(|f| f.message.as_str()).collect();
        assert_eq!(failed.len(), 5, "{failed:?}");
        for (message, register) in failed.iter().zip(["MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3"]) {
            assert!(message.contains("locked-read-only") && message.to_uppercase().contains(register), "{message}");
        }
    }
}

#[test]
fn a_policy_that_is_missing_or_not_ready_is_no_pass_for_a_final_release() {
    let situation = well("mero-kms-v1.2.0", "mero-tee-v1.2.0");
    let with = |files: Vec<PolicyFile>| outcome(&Situation { policies: Available::Yes(files), ..situation.clone() }).0;
    assert_eq!(with(vec![policy(Profile::Debug, 2, "ready")]), Verdict::Incomplete);
    assert_eq!(with(Vec::new()), Verdict::Incomplete);
    assert_eq!(with(Profile::ALL.map(|p| policy(p, 2, "policy_not_ready")).to_vec()), Verdict::Failed);
    let mut candidate = well("mero-kms-v1.2.0-rc.1", "mero-tee-v1.2.0");
    candidate.policies = Available::Yes(Profile::ALL.map(|p| policy(p, 2, "policy_not_ready")).to_vec());
    assert_eq!(outcome(&candidate).0, Verdict::Passed);
    for (nodes, verdict) in [
        (Available::Absent("no node".to_owned()), Verdict::Incomplete),
        (Available::Failed("timed out".to_owned()), Verdict::Undecided),
        (Available::NotHere("not measured yet".to_owned()), Verdict::Passed),
    ] {
        assert_eq!(outcome(&Situation { nodes, ..situation.clone() }).0, verdict);
    }
}

#[test]
fn the_counterpart_is_the_one_named_else_of_those_listed_the_same_version_or_the_newest() {
    let bytes = json!({"schema_version": "1", "entries": [pair("1.2.0", "1.1.0"), pair("1.2.0", "1.10.0"), pair("1.2.0", "1.9.0")]});
    let catalog = Catalog::parse("c.json", bytes.to_string().as_bytes()).unwrap();
    let tag: Tag = "mero-kms-v1.2.0".parse().unwrap();
    let chosen = |hints| counterpart(&tag, hints).map(|c| format!("{} by {}", c.tag, c.by));
    let all = Hints { given: Some("1.3.0"), variable: Some(("MERO_TEE_VERSION", "v1.4.0")), catalog: Some(&catalog) };
    assert_eq!(chosen(all).unwrap(), "mero-tee-v1.3.0 by --counterpart");
    assert_eq!(chosen(Hints { given: None, ..all }).unwrap(), "mero-tee-v1.4.0 by MERO_TEE_VERSION");
    assert_eq!(chosen(Hints { given: None, variable: None, ..all }).unwrap(), "mero-tee-v1.10.0 by the catalog");
    let later = json!({"schema_version": "1", "entries": [pair("1.2.0", "1.2.0"), pair("1.2.0", "1.10.0")]});
    let later = Catalog::parse("c.json", later.to_string().as_bytes()).unwrap();
    assert_eq!(chosen(Hints { catalog: Some(&later), ..Hints::default() }).unwrap(), "mero-tee-v1.2.0 by the catalog");
    assert_eq!(chosen(Hints::default()).unwrap(), "mero-tee-v1.2.0 by the version of the tag");
    let old = Hints { given: Some("node-image-gcp-v1.0.0"), ..Hints::default() };
    assert_eq!(chosen(old).unwrap(), "node-image-gcp-v1.0.0 by --counterpart");
    for wrong in ["mero-kms-v1.2.0", "latest", ""] {
        let error = chosen(Hints { given: Some(wrong), ..Hints::default() }).unwrap_err();
        assert!(error.contains("is not a version of a node image release"), "{error}");
    }
}

#[test]
fn a_release_that_is_not_trusted_fails_by_its_name() {
    for situation in both() {
        let distrusted = vec![(situation.counterpart.clone(), "the signature is another file's".to_owned())];
        let situation = Situation { distrusted, nodes: Available::NotHere("not trusted".into()), ..situation };
        let findings = judge(&situation);
        let failed = findings.iter().find(|f| f.status == Status::Fail).unwrap();
        assert_eq!(
            (failed.subject.as_str(), failed.check),
            (situation.counterpart.as_str(), "counterpart-measurements")
        );
    }
}
