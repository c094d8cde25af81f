//! Tests of combined probes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::*;
use crate::policy::candidates::Candidates;

/// A probe whose RTMR3 and instance are of `byte`.
fn probe(byte: u8) -> Value {
    let measured = |byte: u8| json!([hex::encode([byte; 48])]);
    json!({
        "schema_version": 1,
        "generated_at": format!("2026-11-30T09:10:{byte:02}Z"),
        "measurement_source": "td_quote",
        "source": {
            "family": "kms",
            "profile": "debug",
            "label": format!("p{byte}"),
            "image": format!("ghcr.io/o/n@sha256:{}", "a".repeat(64)),
            "machine": {"instance_type": "tdx.small"},
            "nonce": hex::encode([byte; 32]),
            "quote_sha256": hex::encode([byte; 32]),
            "events": {"instance-id": hex::encode([byte; 20]), "key-provider": "aa"},
            "judged_by": ["dcap"],
            "verdict": "passed",
        },
        "profile": "debug",
        "policy": {
            "allowed_tcb_statuses": ["uptodate"],
            "allowed_mrtd": measured(1),
            "allowed_rtmr0": measured(1),
            "allowed_rtmr1": measured(1),
            "allowed_rtmr2": measured(1),
            "allowed_rtmr3": measured(byte),
        },
    })
}

fn combined(probes: &[Value], strict: bool) -> (Option<Set>, Vec<Finding>) {
    let read = |(index, value): (usize, &Value)| Given {
        file: Candidates::parse(&format!("{index}.json"), value.to_string().as_bytes()).unwrap(),
        profile: None,
    };
    combine(&probes.iter().enumerate().map(read).collect::<Vec<_>>(), strict)
}

fn about(findings: &[Finding], check: &str) -> Vec<(Status, String)> {
    let told = |finding: &Finding| {
        (finding.status, format!("{} {}", finding.message, finding.help.clone().unwrap_or_default()))
    };
    findings.iter().filter(|finding| finding.check == check).map(told).collect()
}

#[test]
fn a_register_that_differs_is_listed_marked_and_explained_and_refused_when_strict() {
    let (set, findings) = combined(&[probe(2), probe(3)], false);
    let set = set.unwrap();
    assert_eq!(set.combined.unstable, ["rtmr3"]);
    assert_eq!(set.allowed.register(Register::Rtmr3).len(), 2);
    assert_eq!(set.generated_at, "2026-11-30T09:10:03Z");
    let told = about(&findings, "probe-stable");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, Status::Warn);
    assert!(told[0].1.contains("RTMR3 is unstable: 2 values in 2 probes"), "{told:?}");
    assert!(told[0].1.contains("instance-id differ between the machines") && !told[0].1.contains("key-provider"));
    let (set, findings) = combined(&[probe(2), probe(3)], true);
    assert!(set.is_none());
    assert_eq!(about(&findings, "probe-stable")[0].0, Status::Fail);
}

#[test]
fn a_difference_that_the_logs_do_not_explain_is_said_to_be_unexplained() {
    let mut other = probe(3);
    other["source"]["events"] = probe(2)["source"]["events"].clone();
    let (set, findings) = combined(&[probe(2), other], false);
    let told = about(&findings, "probe-stable");
    assert!(set.is_none() && told[0].0 == Status::Fail && told[0].1.contains("the reason is not known"), "{told:?}");
    let mut other = probe(2);
    other["source"]["nonce"] = json!("bb");
    other["policy"]["allowed_rtmr1"] = json!([hex::encode([9; 48])]);
    let (set, findings) = combined(&[probe(2), other], false);
    let told = about(&findings, "probe-stable");
    assert!(set.is_none() && told[0].0 == Status::Fail && told[0].1.contains("RTMR1 is unstable"), "{told:?}");
    let mut bigger = probe(2);
    bigger["source"]["nonce"] = json!("bb");
    bigger["source"]["machine"]["instance_type"] = json!("tdx.large");
    bigger["policy"]["allowed_rtmr0"] = json!([hex::encode([9; 48])]);
    let (set, findings) = combined(&[probe(2), bigger], false);
    assert_eq!(set.unwrap().combined.unstable, ["rtmr0"]);
    assert!(about(&findings, "probe-stable")[0].1.contains("instance_type"));
}

#[test]
fn one_probe_alone_is_compared_with_nothing() {
    let (_, findings) = combined(&[probe(2)], true);
    let told = about(&findings, "probe-stable");
    assert!(told[0].0 == Status::Skipped && told[0].1.contains("not compared"), "{told:?}");
}

#[test]
fn nodes_are_combined_when_they_are_of_one_image_by_its_number_and_of_one_machine_type() {
    let node = |byte: u8, image: &str, kind: &str| {
        let mut node = probe(byte);
        node["source"]["family"] = json!("node");
        node["source"]["image"] = json!("projects/p/global/images/node-1");
        node["source"]["machine"] = json!({"image_id": image, "machine_type": kind, "zone": format!("zone-{byte}")});
        node
    };
    assert!(combined(&[node(2, "7", "c3-standard-4"), node(3, "7", "c3-standard-4")], false).0.is_some());
    for (other, said) in
        [(node(3, "8", "c3-standard-4"), "number of the image"), (node(3, "7", "c3-standard-8"), "machine type")]
    {
        let (set, findings) = combined(&[node(2, "7", "c3-standard-4"), other], false);
        assert!(set.is_none());
        assert!(
            about(&findings, "probe-source")
                .iter()
                .any(|(status, told)| *status == Status::Fail && told.contains(said))
        );
    }
}

#[test]
fn the_order_of_the_probes_does_not_matter_and_a_set_can_be_combined_further() {
    let (forth, back) = (combined(&[probe(2), probe(3)], false).0, combined(&[probe(3), probe(2)], false).0);
    assert_eq!(forth, back);
    let set = forth.unwrap();
    let bytes = crate::probe::artifacts::candidates(
        crate::probe::artifacts::From::Several(&set.combined),
        &set.generated_at,
        &set.allowed,
        &set.compose_hashes,
    );
    let document: Value = serde_json::from_slice(&bytes.unwrap()).unwrap();
    let (set, _) = combined(&[document, probe(4)], false);
    assert_eq!(set.unwrap().combined.probes.len(), 3);
}

#[test]
fn probes_of_another_image_profile_or_family_and_one_that_failed_or_is_given_twice_are_refused() {
    let changed = |place: &str, value: Value| {
        let mut probe = probe(3);
        *probe.pointer_mut(place).unwrap() = value;
        probe
    };
    for (other, why) in [
        (changed("/source/image", json!(format!("ghcr.io/o/n@sha256:{}", "b".repeat(64)))), "another image"),
        (changed("/source/family", json!("node")), "another family"),
        (changed("/source/verdict", json!("failed")), "did not pass"),
        (changed("/source/nonce", json!(7)), "source: "),
        (changed("/source", json!({"probes": []})), "expected 1 to"),
        (changed("/source", json!(null)), "source: "),
        (probe(2), "the same probe"),
    ] {
        let (set, findings) = combined(&[probe(2), other], false);
        let told = about(&findings, "probe-source");
        assert!(set.is_none() && told.iter().any(|(_, said)| said.contains(why)), "{why}: {told:?}");
    }
    let mut other = changed("/source/profile", json!("locked-read-only"));
    other["profile"] = json!("locked-read-only");
    let (set, findings) = combined(&[probe(2), other], false);
    assert!(set.is_none() && about(&findings, "probe-source")[0].1.contains("another profile"));
}
