//! An attestation that GitHub made, and whatever can be wrong with it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::adapters::sigstore::{GitHubRoot, UnverifiedRelease};
use serde_json::{Value, json};

use crate::{
    binary::{Place, Run, findings, statuses},
    corpus::corpus,
};

const RELEASE: &str = "bdehamer/delme@v6";
/// What the tag pointed to.
const OBJECT: &str = "c5e17a62e06a1d201570249c61fae531e9244e1b";
const PAYLOAD: &str = "/dsseEnvelope/payload";
const TIMESTAMPS: &str = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";

/// The bundle, and a place with it.
fn real() -> Option<(Place, Value)> {
    let bundle = std::fs::read(corpus("github-release")?.join("bundle.json")).unwrap();
    let place = Place::new();
    place.write("bundle.json", &bundle);
    Some((place, serde_json::from_slice(&bundle).unwrap()))
}

fn verify(place: &Place, release: &str, bundle: &str, more: &[&str]) -> Run {
    let command = ["verify-attestation", "--release", release, "--bundle", bundle, "--format", "json"];
    place.merotee(command).args(more).run()
}

fn payload(bundle: &Value) -> Value {
    serde_json::from_slice(&STANDARD.decode(bundle.pointer(PAYLOAD).unwrap().as_str().unwrap()).unwrap()).unwrap()
}

#[test]
fn it_verifies_offline_under_github_s_own_root_and_says_what_was_not_compared() {
    let Some((place, _)) = real() else { return };
    let report = verify(&place, RELEASE, "bundle.json", &[]).expect(0).report();
    assert_eq!(report["verdict"], "passed");
    assert_eq!(statuses(&report, "release-attestation"), ["pass", "skipped", "skipped"]);
    let facts = &report["sections"][0]["facts"];
    assert_eq!((&facts["signed_at"], &facts["release_id"]), (&json!("2025-05-30T20:13:39Z"), &json!("222158671")));
    // Nothing is asked for, and nothing is relaxed by saying so.
    assert_eq!(report["caveats"].as_array().map_or(0, Vec::len), 0, "{}", report["caveats"]);
    let ids =
        ["--repository-id", "905988044", "--owner-id", "398027", "--release-id", "222158671", "--tag-ref", OBJECT];
    let report = verify(&place, RELEASE, "bundle.json", &ids).expect(0).report();
    assert_eq!(statuses(&report, "release-attestation"), ["pass", "skipped"]);
    // A name of a repository is one in any case.
    verify(&place, "BDehamer/Delme@v6", "bundle.json", &[]).expect(0);
}

#[test]
fn it_fails_for_another_repository_tag_id_or_object() {
    let Some((place, _)) = real() else { return };
    for (release, more, what) in [
        ("bdehamer/other@v6", [""; 2], "another repository"),
        ("someone/delme@v6", [""; 2], "another repository"),
        ("bdehamer/delme@v7", [""; 2], "another tag"),
        ("bdehamer/delme@V6", [""; 2], "another tag"),
        (RELEASE, ["--repository-id", "905988045"], "another repository: its id"),
        (RELEASE, ["--owner-id", "398028"], "another owner: its id"),
        (RELEASE, ["--release-id", "222158670"], "another release: its id"),
        (RELEASE, ["--tag-ref", "c5e17a62e06a1d201570249c61fae531e9244e1c"], "the tag has moved"),
    ] {
        let more: Vec<&str> = more.into_iter().filter(|word| !word.is_empty()).collect();
        let report = verify(&place, release, "bundle.json", &more).expect(10).report();
        let said = findings(&report)
            .into_iter()
            .any(|f| f["status"] == "fail" && f["message"].as_str().unwrap().contains(what));
        assert!(said, "{release} {more:?}: {report}");
    }
}

#[test]
fn it_fails_for_a_file_with_other_bytes_and_for_one_of_another_name() {
    let Some((place, _)) = real() else { return };
    place.write("artifact.zip", "not what was released");
    let report = verify(&place, RELEASE, "bundle.json", &["artifact.zip"]).expect(10).report();
    let failed = findings(&report).into_iter().find(|f| f["status"] == "fail").unwrap();
    assert_eq!(failed["subject"], "artifact.zip");
    assert!(failed["expected"].as_str().unwrap().starts_with("sha256:e15b593c"), "{failed}");
    place.write("other.zip", "x");
    let report = verify(&place, RELEASE, "bundle.json", &["other.zip"]).expect(10).report();
    let failed = findings(&report).into_iter().find(|f| f["status"] == "fail").unwrap();
    assert_eq!(failed["subject"], "other.zip");
    let said = failed["message"].as_str().unwrap();
    assert!(
        said.starts_with("GitHub attests no asset of this name; it attests: ") && said.contains("artifact.zip"),
        "{said}"
    );
    assert_eq!(failed["help"], "give the file under its published name");
}

#[test]
fn it_fails_for_each_field_of_the_statement_that_was_changed_after_it_was_signed() {
    let Some((place, bundle)) = real() else { return };
    let mut changes: Vec<(String, Value)> = vec![
        ("/subject/0/uri".into(), json!("pkg:github/bdehamer/delme@v7")),
        ("/subject/0/digest/sha1".into(), json!("0".repeat(40))),
        ("/subject/1/name".into(), json!("other.zip")),
        ("/subject/1/digest/sha256".into(), json!("0".repeat(64))),
        ("/predicateType".into(), json!("https://in-toto.io/attestation/release/v0.2")),
    ];
    for field in ["ownerId", "purl", "releaseId", "repository", "repositoryId", "tag"] {
        let other = if field.ends_with("Id") { "1" } else { "other/other" };
        changes.push((format!("/predicate/{field}"), json!(other)));
    }
    for (pointer, to) in changes {
        let mut statement = payload(&bundle);
        *statement.pointer_mut(&pointer).unwrap() = to;
        let mut changed = bundle.clone();
        *changed.pointer_mut(PAYLOAD).unwrap() = json!(STANDARD.encode(statement.to_string()));
        place.write("changed.json", changed.to_string());
        let report = verify(&place, RELEASE, "changed.json", &[]).expect(10).report();
        assert_eq!(statuses(&report, "release-attestation"), ["fail"], "{pointer}: {report}");
    }
    // The same statement in other bytes: nothing of it changed, and it is not what was signed.
    let mut changed = bundle.clone();
    *changed.pointer_mut(PAYLOAD).unwrap() = json!(STANDARD.encode(payload(&bundle).to_string()));
    place.write("changed.json", changed.to_string());
    verify(&place, RELEASE, "changed.json", &[]).expect(10);
}

#[test]
fn it_fails_without_its_timestamp_with_a_spoilt_one_and_with_spoilt_evidence() {
    let Some((place, bundle)) = real() else { return };
    let flipped = |pointer: &str| {
        let mut changed = bundle.clone();
        let place = changed.pointer_mut(pointer).unwrap();
        let mut bytes = STANDARD.decode(place.as_str().unwrap()).unwrap();
        let last = bytes.len() - 5;
        bytes[last] ^= 1;
        *place = json!(STANDARD.encode(bytes));
        changed
    };
    let mut none = bundle.clone();
    *none.pointer_mut(TIMESTAMPS).unwrap() = json!([]);
    let mut no_field = bundle.clone();
    no_field["verificationMaterial"].as_object_mut().unwrap().remove("timestampVerificationData");
    let mut logged = bundle.clone();
    logged["verificationMaterial"]["tlogEntries"] = json!([{}]);
    let spoilt = [
        flipped(&format!("{TIMESTAMPS}/0/signedTimestamp")),
        flipped("/verificationMaterial/certificate/rawBytes"),
        flipped("/dsseEnvelope/signatures/0/sig"),
    ];
    for changed in [none, no_field, logged].iter().chain(&spoilt) {
        place.write("changed.json", changed.to_string());
        let report = verify(&place, RELEASE, "changed.json", &[]).expect(10).report();
        assert_eq!(statuses(&report, "release-attestation"), ["fail"], "{changed}");
    }
}

#[test]
fn no_flipped_bit_of_it_makes_another_statement_pass() {
    let Some(folder) = corpus("github-release") else { return };
    let bundle = std::fs::read(folder.join("bundle.json")).unwrap();
    let root = GitHubRoot::load(None).unwrap();
    let original = UnverifiedRelease::read(&bundle).unwrap();
    root.verify(&original).unwrap();
    let wrong: Vec<usize> = (0..bundle.len())
        .filter(|place| {
            let mut flipped = bundle.clone();
            flipped[*place] ^= 1 << (place % 7);
            let read = UnverifiedRelease::read(&flipped);
            read.is_ok_and(|read| root.verify(&read).is_ok() && read.claims() != original.claims())
        })
        .collect();
    assert_eq!(wrong, [0; 0], "of {} bytes", bundle.len());
}

#[test]
fn what_is_no_attestation_of_a_release_is_refused_by_name() {
    let (Some((place, _)), Some(cases)) = (real(), corpus("sigstore")) else { return };
    for case in ["happy-path-v0.3", "happy-path-intoto-in-dsse-v3", "rekor2-happy-path"] {
        let bundle = cases.join(case).join("bundle.sigstore.json");
        let run = verify(&place, RELEASE, bundle.to_str().unwrap(), &[]).expect(10);
        assert_eq!(statuses(&run.report(), "release-attestation"), ["fail"], "{case}");
        run.says(&["not an attestation"]);
    }
    for (name, text) in [("empty", ""), ("text", "x"), ("list", "[]"), ("deep", &"[".repeat(100_000)), ("other", "{}")]
    {
        place.write(name, text);
        let report = verify(&place, RELEASE, name, &[]).expect(10).report();
        assert_eq!(statuses(&report, "release-attestation"), ["fail"], "{name}");
    }
    verify(&place, RELEASE, "not-there.json", &[]).expect(1).without_product();
}
