//! By construction no other root than one without logs gets what GitHub's root gets, and that one nothing else.

use merotee::sandbox::sigstore::{Attester, Instance};
use serde_json::{Value, json};

use crate::binary::Place;

const BASE: &str = "https://sigstore.invalid";
const RELEASE: &str = "o/r@v1";

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_760_000_000).unwrap()
}

fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"uri": "pkg:github/o/r@v1", "digest": {"sha1": "0".repeat(40)}},
            {"name": "asset", "digest": {"sha256": merotee::digest::Sha256::of(b"bytes").to_string()}},
        ],
        "predicateType": "https://in-toto.io/attestation/release/v0.2",
        "predicate": {
            "databaseId": "1", "ownerId": "3", "packageId": "2", "purl": "pkg:github/o/r@v1", "repository": "o/r",
            "repositoryId": "2", "tag": "v1",
        },
    })
}

#[test]
fn a_root_with_logs_is_refused_in_the_place_of_github_s_and_one_without_in_every_other() {
    let place = Place::new();
    let (instance, mut attester) = (Instance::new(1, now()).unwrap(), Attester::new(1).unwrap());
    let sigstore: Value = serde_json::from_str(&instance.trusted_root_json(BASE)).unwrap();
    place.write("sigstore.json", sigstore.to_string());
    place.write("github.json", attester.trusted_root_json().unwrap());
    place.write("asset", "bytes");
    place.write("bundle.json", attester.attest(&statement(), now()).unwrap().to_string());
    let verify = |root: &str| {
        let command = ["verify-attestation", "--release", RELEASE, "--bundle", "bundle.json", "asset"];
        place.merotee(command).args(["--github-root", root]).run()
    };
    let good = verify("github.json").expect(0);
    good.says(&["using custom root github.json (sha256:", "for GitHub's attestations, not GitHub's own root"]);
    verify("sigstore.json")
        .expect(2)
        .says(&["it names logs, and what is signed under it must be in them"])
        .without_product();
    // Neither with one kind of log alone, nor without authorities.
    for (gone, why) in
        [("tlogs", "it names logs"), ("ctlogs", "it names logs"), ("certificateAuthorities", "it names logs")]
    {
        let mut changed = sigstore.clone();
        changed.as_object_mut().unwrap().remove(gone);
        place.write("changed.json", changed.to_string());
        verify("changed.json").expect(2).says(&[why]).without_product();
    }
    for gone in ["certificateAuthorities", "timestampAuthorities"] {
        let mut changed: Value = serde_json::from_str(&attester.trusted_root_json().unwrap()).unwrap();
        changed.as_object_mut().unwrap().remove(gone);
        place.write("changed.json", changed.to_string());
        verify("changed.json").expect(2).says(&["it lacks a certificate authority or a timestamp authority"]);
    }
    for (name, text) in [("none.json", "{}"), ("text", "x"), ("bundle.json", "")] {
        if !text.is_empty() {
            place.write(name, text);
        }
        verify(name).expect(2).says(&["not a usable root of GitHub's"]).without_product();
    }
    let blob = ["verify-blob", "asset", "--bundle", "bundle.json", "--offline", "--trusted-root", "github.json"];
    let signer = ["--certificate-identity", "x", "--certificate-oidc-issuer", "https://x.example"];
    place.merotee(blob).args(signer).run().expect(2).says(&["it names no transparency log"]).without_product();
}

#[test]
fn an_attestation_by_any_other_holder_authority_or_form_of_evidence_fails() {
    let place = Place::new();
    let (mut attester, mut other) = (Attester::new(1).unwrap(), Attester::new(2).unwrap());
    place.write("github.json", attester.trusted_root_json().unwrap());
    place.write("asset", "bytes");
    let text = statement().to_string();
    let good = attester.attest(&statement(), now()).unwrap();
    let by_other = other.attest(&statement(), now()).unwrap();
    let with = |pointer: &str, from: &Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = from.pointer(pointer).unwrap().clone();
        changed
    };
    let mut two_timestamps = good.clone();
    let timestamps = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
    let foreign = by_other.pointer(timestamps).unwrap()[0].clone();
    two_timestamps.pointer_mut(timestamps).unwrap().as_array_mut().unwrap().push(foreign);
    let mut as_identity = |identity: &str| attester.attest_as(identity, text.as_bytes(), now()).unwrap();
    let bundles = [
        ("another root", by_other.clone()),
        ("another certificate", with("/verificationMaterial/certificate", &by_other)),
        ("another authority's timestamp", with("/verificationMaterial/timestampVerificationData", &by_other)),
        ("one more timestamp, which is not GitHub's", two_timestamps),
        ("another identity", as_identity("https://github.com/o/r/.github/workflows/x.yml@refs/tags/v1")),
        ("a longer identity", as_identity("https://dotcom.releases.github.com/")),
        ("another tenant", as_identity("https://other.releases.github.com")),
        ("a mailbox of the name", as_identity("dotcom.releases@github.com")),
    ];
    let verify = |bundle: &Value| {
        place.write("bundle.json", bundle.to_string());
        let command = ["verify-attestation", "--release", RELEASE, "--bundle", "bundle.json", "asset"];
        place.merotee(command).args(["--github-root", "github.json"]).run()
    };
    verify(&good).expect(0);
    for (what, bundle) in &bundles {
        let run = verify(bundle);
        assert_eq!(run.code, 10, "{what}: {}", run.shown());
    }
    // Signed well, by the right one, and of no asset at all: its signature cannot be tied to anything.
    let mut empty = statement();
    empty["subject"].as_array_mut().unwrap().truncate(1);
    verify(&attester.attest(&empty, now()).unwrap()).expect(10).says(&["names no asset"]);
    // Bytes that are signed well and are not a statement.
    for payload in ["", "{}", "null", "x", &"[".repeat(100_000)] {
        verify(&attester.attest_as("https://dotcom.releases.github.com", payload.as_bytes(), now()).unwrap())
            .expect(10);
    }
}
