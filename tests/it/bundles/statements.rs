//! Attestations: what is signed is a statement, or is refused.

use aws_lc_rs::digest::{SHA512, digest};
use merotee::{
    digest::Sha256,
    sandbox::sigstore::{Identity, Instance},
};
use serde_json::{Value, json};

use super::{BLOB, Verifying, identity, now};

const IN_TOTO: &str = "application/vnd.in-toto+json";

fn sha512(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA512, bytes))
}

fn statement(subjects: Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    })
}

fn about_the_blob() -> Value {
    statement(json!([{"name": "blob", "digest": {"sha256": Sha256::of(BLOB).to_string()}}]))
}

fn changed(key: &str, value: Value) -> String {
    let mut statement = about_the_blob();
    statement[key] = value;
    statement.to_string()
}

/// An instance and a place to verify what it signs.
fn world() -> (Instance, Verifying) {
    let instance = Instance::new(7, now()).unwrap();
    let place = Verifying::under(&instance);
    (instance, place)
}

#[test]
fn what_is_soundly_signed_and_no_statement_is_refused() {
    let (mut instance, place) = world();
    let mut nameless = about_the_blob();
    nameless.as_object_mut().unwrap().remove("predicateType");
    let twice = about_the_blob().to_string().replacen('{', r#"{"subject":[],"#, 1);
    let sound = about_the_blob().to_string();
    for (kind, payload, why) in [
        (
            IN_TOTO,
            changed("_type", json!("https://in-toto.io/Statement/v2")),
            "_type is https://in-toto.io/Statement/v2",
        ),
        (IN_TOTO, changed("_type", json!("https://example.org/Statement/v1")), "_type"),
        (IN_TOTO, changed("_type", json!("https://in-toto.io/Statement/v1 ")), "_type"),
        (IN_TOTO, changed("_type", json!("")), "_type"),
        (IN_TOTO, changed("predicateType", json!("")), "predicateType"),
        (IN_TOTO, nameless.to_string(), "predicateType"),
        (IN_TOTO, changed("predicate_type", json!("p")), "another spelling"),
        (IN_TOTO, changed("type", json!("t")), "another spelling"),
        (IN_TOTO, twice, "appears twice"),
        (IN_TOTO, changed("subject", json!([])), "no subject"),
        (IN_TOTO, changed("payload", json!("e30=")), "another form"),
        (IN_TOTO, "not JSON".to_owned(), "the statement"),
        ("application/vnd.in-toto+json;v=1", sound.clone(), "payloadType"),
        ("application/json", sound.clone(), "payloadType is application/json"),
        ("application/vnd.dsse.envelope.v1+json", sound.clone(), "payloadType"),
        ("", sound, "payloadType"),
    ] {
        let bundle = instance.sign_payload(kind, payload.as_bytes(), &identity(), now()).unwrap();
        let run = place.verify(&bundle, "blob").expect(10);
        assert!(run.stdout.contains("[FAIL] signature") && run.stdout.contains(why), "{why}: {}", run.stdout);
    }
}

#[test]
fn the_older_type_and_unknown_fields_are_read() {
    let (mut instance, place) = world();
    for payload in [changed("_type", json!("https://in-toto.io/Statement/v0.1")), changed("novel", json!(1))] {
        let bundle = instance.sign_payload(IN_TOTO, payload.as_bytes(), &identity(), now()).unwrap();
        place.verify(&bundle, "blob").expect(0);
    }
}

#[test]
fn a_subject_of_sha512_alone_is_matched_by_the_file_and_a_digest_alone_is_told_so() {
    let (mut instance, place) = world();
    let (blob, other) = (sha512(BLOB), sha512(b"another asset\n"));
    let by_digest = format!("sha256:{}", Sha256::of(BLOB));
    place.0.write("other", b"another asset\n");
    let npm = |digest: &str| json!({"name": "pkg:npm/app@1.0.0", "digest": {"sha512": digest}});
    let by_sha256 = |bytes: &[u8]| json!({"name": "x", "digest": {"sha256": Sha256::of(bytes).to_string()}});
    for (subjects, file, digest) in [
        (json!([npm(&blob)]), 0, "needs the file"),
        (json!([npm(&blob.to_uppercase())]), 0, "needs the file"),
        (json!([by_sha256(b"x"), npm(&blob)]), 0, "needs the file"),
        (json!([npm(&other), by_sha256(BLOB)]), 0, "[PASS] signature"),
        (json!([npm(&other)]), 10, "needs the file"),
        (json!([by_sha256(b"x"), npm(&other)]), 10, "needs the file"),
        (json!([by_sha256(b"x")]), 10, "does not match any subject"),
    ] {
        let payload = statement(subjects.clone()).to_string();
        let bundle = instance.sign_payload(IN_TOTO, payload.as_bytes(), &identity(), now()).unwrap();
        place.verify(&bundle, "blob").expect(file);
        let run = place.verify(&bundle, &by_digest);
        assert!(run.stdout.contains(digest), "{subjects}: {}", run.shown());
        assert_eq!(run.code == 0, digest.starts_with("[PASS]"));
        let swapped = place.verify(&bundle, "other");
        assert_eq!(swapped.code == 0, subjects.to_string().contains(&other), "{subjects}");
    }
}

#[test]
fn a_signature_over_the_file_is_no_attestation_and_no_attestation_is_one() {
    let (mut instance, place) = world();
    let Identity { san, issuer, .. } = identity();
    let payload = about_the_blob().to_string();
    let bundle = instance.sign_payload(IN_TOTO, payload.as_bytes(), &identity(), now()).unwrap();
    place.verify(&bundle, "blob").expect(0);
    // In a release it is the asset that must be signed.
    let kept = place.0.kept("mero-kms-v1.2.0").join("mero-kms-v1.2.0");
    std::fs::write(kept.join("checksums.sha256.sigstore.json"), bundle).unwrap();
    let command =
        ["verify-release-assets", "mero-kms-v1.2.0", "--dir", "kept", "--offline", "--trusted-root", "root.json"];
    let signer = ["--certificate-identity", &san, "--certificate-oidc-issuer", &issuer];
    place.0.merotee(command).args(signer).run().expect(10).says(&["holds an attestation about the file"]);
}
