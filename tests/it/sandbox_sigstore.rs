//! The sandbox's Sigstore instance, judged by other people's verifiers and clients.

mod http;
mod python;

use base64::{Engine, engine::general_purpose::STANDARD};
use merotee::digest::Sha256;
use merotee::sandbox::sigstore::{Identity, Instance, Signed, Statement};
use serde_json::{Value, json};
use sigstore_trust_root::TrustedRoot;
use sigstore_types::Bundle;
use sigstore_verify::{VerificationPolicy, VerificationResult, Verifier};

const BASE: &str = "http://127.0.0.1:1";
const BLOB: &[u8] = b"a release asset\n";
/// 2025-10-09T08:53:20Z, in the past for every machine that runs this.
const SIGNED_AT: i64 = 1_760_000_000;

fn at(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(seconds).unwrap()
}

fn instance(seed: u64) -> Instance {
    Instance::new(seed, at(SIGNED_AT)).unwrap()
}

fn identity() -> Identity {
    Identity::github_workflow(
        "calimero-network/mero-tee",
        "release-kms-phala.yaml",
        "refs/tags/mero-kms-v1.2.0",
        "0123456789abcdef0123456789abcdef01234567",
    )
}

fn signed() -> (Instance, Signed) {
    let mut instance = instance(7);
    let signed = instance.sign(BLOB, &identity(), at(SIGNED_AT)).unwrap();
    (instance, signed)
}

fn statement() -> Statement {
    Statement {
        subjects: vec![("asset".to_owned(), Sha256::of(BLOB)), ("other".to_owned(), Sha256::of(b"other"))],
        predicate_type: "https://slsa.dev/provenance/v1".to_owned(),
        predicate: json!({ "buildDefinition": { "buildType": "https://example.com/build" } }),
    }
}

fn policy() -> VerificationPolicy {
    VerificationPolicy::new(identity().san, identity().issuer)
}

fn verify(
    instance: &Instance,
    bundle: &str,
    blob: &[u8],
    policy: &VerificationPolicy,
) -> Result<VerificationResult, String> {
    let root = TrustedRoot::from_json(&instance.trusted_root_json(BASE)).unwrap();
    let bundle = Bundle::from_json(bundle).map_err(|e| e.to_string())?;
    Verifier::new(&root).unwrap().verify(blob, &bundle, policy).map_err(|e| e.to_string())
}

/// Why the verifier refuses the bundle of [`signed`] after `change`.
fn refusal(bundle: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut changed: Value = serde_json::from_str(bundle).unwrap();
    change(&mut changed);
    assert_ne!(changed.to_string(), bundle, "the change changed nothing");
    verify(&instance(7), &changed.to_string(), BLOB, &policy()).expect_err("a changed bundle was accepted")
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

/// Flips one bit in the middle of a base64 field.
fn flip(field: &mut Value) {
    let mut bytes = STANDARD.decode(field.as_str().unwrap()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    *field = STANDARD.encode(bytes).into();
}

#[test]
fn a_signed_blob_verifies_for_its_identity_and_issuer() {
    let (instance, signed) = signed();
    let result = verify(&instance, &signed.bundle_json, BLOB, &policy()).unwrap();
    assert!(result.certificate_verified() && result.sct_verified() && result.tlog_verified());
    assert_eq!(result.integrated_time(), Some(at(SIGNED_AT)));
    let claims = &result.certificate().unwrap().ci_claims;
    assert_eq!(claims.source_repository_uri.as_deref(), Some("https://github.com/calimero-network/mero-tee"));
    assert_eq!(claims.source_repository_ref.as_deref(), Some("refs/tags/mero-kms-v1.2.0"));
}

#[test]
fn the_first_entry_is_proved_in_a_tree_of_many() {
    let (_, signed) = signed();
    let mut bundle: Value = serde_json::from_str(&signed.bundle_json).unwrap();
    let proof = &entry(&mut bundle)["inclusionProof"];
    let size: u64 = proof["treeSize"].as_str().unwrap().parse().unwrap();
    assert_eq!(size, 12);
    assert_eq!(proof["logIndex"], "11");
    assert_eq!(proof["hashes"].as_array().unwrap().len(), 3);
    assert_ne!(entry(&mut bundle)["logIndex"], "11", "an entry's index is not its place in the tree");
}

#[test]
fn every_size_of_the_tree_proves_its_newest_entry() {
    let mut instance = instance(3);
    for number in 0..24u8 {
        let signed = instance.sign(&[number], &identity(), at(SIGNED_AT)).unwrap();
        verify(&instance, &signed.bundle_json, &[number], &policy()).unwrap();
        verify(&instance, &signed.rekor2_bundle_json, &[number], &policy()).unwrap();
    }
}

#[test]
fn another_blob_is_refused() {
    let (instance, signed) = signed();
    for bundle in [&signed.bundle_json, &signed.rekor2_bundle_json] {
        verify(&instance, bundle, b"another asset\n", &policy()).unwrap_err();
    }
}

#[test]
fn another_identity_or_issuer_is_refused() {
    let (instance, signed) = signed();
    let other = VerificationPolicy::new(format!("{}-rc.1", identity().san), identity().issuer);
    let error = verify(&instance, &signed.bundle_json, BLOB, &other).unwrap_err();
    assert!(error.to_lowercase().contains("identity"), "{error}");
    let other = VerificationPolicy::new(identity().san, "https://accounts.example.com");
    let error = verify(&instance, &signed.bundle_json, BLOB, &other).unwrap_err();
    assert!(error.to_lowercase().contains("issuer"), "{error}");
}

#[test]
fn another_instance_is_not_trusted() {
    let (_, signed) = signed();
    verify(&instance(8), &signed.bundle_json, BLOB, &policy()).unwrap_err();
}

#[test]
fn an_altered_log_body_is_refused() {
    let (_, signed) = signed();
    let error = refusal(&signed.bundle_json, |bundle| {
        let body = &mut entry(bundle)["canonicalizedBody"];
        let text = String::from_utf8(STANDARD.decode(body.as_str().unwrap()).unwrap()).unwrap();
        let digest = Sha256::of(BLOB).to_string();
        *body = STANDARD.encode(text.replace(&digest, &Sha256::of(b"another").to_string())).into();
    });
    assert!(error.contains("inclusion") || error.contains("SET"), "{error}");
}

#[test]
fn an_altered_proof_is_refused() {
    let (_, signed) = signed();
    let error = refusal(&signed.bundle_json, |bundle| flip(&mut entry(bundle)["inclusionProof"]["hashes"][1]));
    assert!(error.contains("inclusion proof"), "{error}");
    let error = refusal(&signed.bundle_json, |bundle| entry(bundle)["inclusionProof"]["logIndex"] = "10".into());
    assert!(error.contains("inclusion proof"), "{error}");
}

#[test]
fn an_altered_checkpoint_is_refused() {
    let (_, signed) = signed();
    let error = refusal(&signed.bundle_json, |bundle| {
        let envelope = &mut entry(bundle)["inclusionProof"]["checkpoint"]["envelope"];
        *envelope = envelope.as_str().unwrap().replacen("rekor.", "roker.", 1).into();
    });
    assert!(error.to_lowercase().contains("checkpoint"), "{error}");
}

#[test]
fn an_altered_promise_or_time_is_refused() {
    let (_, signed) = signed();
    let error = refusal(&signed.bundle_json, |bundle| {
        flip(&mut entry(bundle)["inclusionPromise"]["signedEntryTimestamp"]);
    });
    assert!(error.contains("SET"), "{error}");
    let error = refusal(&signed.bundle_json, |bundle| {
        entry(bundle)["integratedTime"] = (SIGNED_AT + 1).to_string().into();
    });
    assert!(error.contains("SET"), "{error}");
}

#[test]
fn an_altered_certificate_is_refused() {
    let (_, signed) = signed();
    refusal(&signed.bundle_json, |bundle| flip(&mut bundle["verificationMaterial"]["certificate"]["rawBytes"]));
}

#[test]
fn a_bundle_of_the_second_log_verifies_by_its_timestamp() {
    let (instance, signed) = signed();
    let result = verify(&instance, &signed.rekor2_bundle_json, BLOB, &policy()).unwrap();
    assert!(result.certificate_verified() && result.sct_verified() && result.tlog_verified());
    assert_eq!(result.integrated_time(), None);
    assert_eq!(result.verified_timestamps(), [at(SIGNED_AT)]);
    let mut bundle: Value = serde_json::from_str(&signed.rekor2_bundle_json).unwrap();
    assert_eq!(entry(&mut bundle).get("inclusionPromise"), None);
}

#[test]
fn an_altered_or_absent_timestamp_is_refused() {
    let (_, signed) = signed();
    let timestamps = |bundle: &mut Value| bundle["verificationMaterial"]["timestampVerificationData"].take();
    refusal(&signed.rekor2_bundle_json, |bundle| drop(timestamps(bundle)));
    // The last bytes of a response are the authority's signature.
    refusal(&signed.rekor2_bundle_json, |bundle| {
        let field = &mut bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0];
        let mut bytes = STANDARD.decode(field["signedTimestamp"].as_str().unwrap()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        field["signedTimestamp"] = STANDARD.encode(bytes).into();
    });
    refusal(&signed.rekor2_bundle_json, |bundle| flip(&mut entry(bundle)["inclusionProof"]["hashes"][0]));
}

#[test]
fn the_loose_files_carry_the_bundles_signature_and_certificate() {
    let (_, signed) = signed();
    let bundle: Value = serde_json::from_str(&signed.bundle_json).unwrap();
    let cosign: Value = serde_json::from_str(&signed.cosign_bundle_json).unwrap();
    assert_eq!(bundle["messageSignature"]["signature"], signed.signature_base64.as_str());
    assert_eq!(cosign["base64Signature"], signed.signature_base64.as_str());

    let pem = sigstore_types::DerCertificate::from_pem(&signed.certificate_pem).unwrap();
    assert_eq!(bundle["verificationMaterial"]["certificate"]["rawBytes"], pem.to_base64());
    assert_eq!(cosign["cert"], STANDARD.encode(&signed.certificate_pem));

    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    let payload = &cosign["rekorBundle"]["Payload"];
    assert_eq!(payload["body"], entry["canonicalizedBody"]);
    assert_eq!(payload["integratedTime"], SIGNED_AT);
    assert_eq!(payload["logIndex"], signed.log_index);
    assert_eq!(entry["logIndex"], signed.log_index.to_string());
    assert_eq!(cosign["rekorBundle"]["SignedEntryTimestamp"], entry["inclusionPromise"]["signedEntryTimestamp"]);
    let log_id = STANDARD.decode(entry["logId"]["keyId"].as_str().unwrap()).unwrap();
    assert_eq!(payload["logID"], hex::encode(log_id));

    let body = STANDARD.decode(entry["canonicalizedBody"].as_str().unwrap()).unwrap();
    assert_eq!(signed.entry_uuid.len(), 80);
    assert!(signed.entry_uuid.ends_with(&sigstore_merkle::hash_leaf(&body).to_hex()));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let (instance, signed) = signed();
    let (again, signed_again) = self::signed();
    assert_eq!(signed, signed_again);
    assert_eq!(instance.trusted_root_json(BASE), again.trusted_root_json(BASE));

    let mut other = self::instance(8);
    let other_signed = other.sign(BLOB, &identity(), at(SIGNED_AT)).unwrap();
    assert_ne!(instance.trusted_root_json(BASE), other.trusted_root_json(BASE));
    assert_ne!(signed.signature_base64, other_signed.signature_base64);
    assert_ne!(signed.entry_uuid, other_signed.entry_uuid);
}

#[test]
fn every_signing_has_a_key_and_a_certificate_of_its_own() {
    let (mut instance, first) = signed();
    let second = instance.sign(BLOB, &identity(), at(SIGNED_AT)).unwrap();
    assert_ne!(first.certificate_pem, second.certificate_pem);
    assert_ne!(first.signature_base64, second.signature_base64);
    assert_eq!(second.log_index, first.log_index + 1);
}

#[test]
fn fractions_of_a_second_are_dropped() {
    let mut instance = instance(7);
    let time = jiff::Timestamp::new(SIGNED_AT, 999_999_999).unwrap();
    assert_eq!(instance.sign(BLOB, &identity(), time).unwrap(), signed().1);
}

#[test]
fn an_identity_that_no_certificate_can_hold_is_the_callers_error() {
    let identity = Identity { san: "https://example.com/ü".to_owned(), ..identity() };
    let error = instance(7).sign(BLOB, &identity, at(SIGNED_AT)).unwrap_err();
    assert_eq!(error.class(), merotee::error::Class::Usage);
}

#[test]
fn a_signed_statement_verifies_for_its_subjects_alone() {
    let mut instance = instance(7);
    let bundle = instance.sign_statement(&statement(), &identity(), at(SIGNED_AT)).unwrap();
    let result = verify(&instance, &bundle, BLOB, &policy()).unwrap();
    assert!(result.tlog_verified());
    verify(&instance, &bundle, b"other", &policy()).unwrap();
    verify(&instance, &bundle, b"a stranger", &policy()).unwrap_err();
    let error = refusal(&bundle, |bundle| flip(&mut bundle["dsseEnvelope"]["payload"]));
    assert!(!error.is_empty());
}
