//! The instance judged and used by sigstore-python.

use std::{
    path::Path,
    process::Output,
    sync::{Arc, Mutex},
};

use merotee::sandbox::sigstore::router;

use super::*;
use crate::outside::sigstore_python::SigstorePython;

/// The least SLSA provenance that sigstore-python attests.
const PREDICATE: &str = r#"{
    "buildDefinition": { "buildType": "https://example.com/build", "externalParameters": {} },
    "runDetails": { "builder": { "id": "https://example.com/builder" } }
}"#;

/// Writes the files of one verification and runs it.
fn accepts(python: &SigstorePython, instance: &Instance, bundle: &str, blob: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("trust.json"), instance.client_trust_config_json(BASE)).unwrap();
    std::fs::write(folder.path().join("bundle.json"), bundle).unwrap();
    std::fs::write(folder.path().join("blob"), blob).unwrap();
    python.verify(folder.path(), Path::new("trust.json"), "blob", "bundle.json", &identity())
}

#[test]
fn sigstore_python_accepts_a_bundle_of_either_log_and_refuses_a_tampered_one() {
    let Some(python) = SigstorePython::find() else { return };
    let (instance, signed) = signed();
    for bundle in [&signed.bundle_json, &signed.rekor2_bundle_json] {
        let output = accepts(&python, &instance, bundle, BLOB);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(!accepts(&python, &instance, &signed.bundle_json, b"another asset\n").status.success());
    let mut tampered: Value = serde_json::from_str(&signed.bundle_json).unwrap();
    flip(&mut entry(&mut tampered)["inclusionProof"]["hashes"][0]);
    assert!(!accepts(&python, &instance, &tampered.to_string(), BLOB).status.success());
}

#[test]
fn sigstore_python_accepts_a_statement_for_its_subject() {
    let Some(python) = SigstorePython::find() else { return };
    let mut instance = instance(7);
    let bundle = instance.sign_statement(&statement(), &identity(), at(SIGNED_AT)).unwrap();
    let output = accepts(&python, &instance, &bundle, BLOB);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!accepts(&python, &instance, &bundle, b"a stranger").status.success());
}

/// Runs a signing subcommand on [`BLOB`] against a served instance; the bundle it wrote must verify with the times of
/// both the log and the timestamp authority.
async fn signs(python: &SigstorePython, subcommand: &[&str]) {
    let now = jiff::Timestamp::now();
    let instance = Arc::new(Mutex::new(Instance::new(7, now).unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = router(Arc::clone(&instance));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let folder = tempfile::tempdir().unwrap();
    let (trust, token) = {
        let instance = instance.lock().unwrap();
        (instance.client_trust_config_json(&base), instance.identity_token(&identity(), now).unwrap())
    };
    std::fs::write(folder.path().join("trust.json"), trust).unwrap();
    std::fs::write(folder.path().join("blob"), BLOB).unwrap();
    std::fs::write(folder.path().join("predicate.json"), PREDICATE).unwrap();
    let rest = ["--identity-token", &token, "--bundle", "bundle.json", "blob"];
    let output = python.run(folder.path(), Path::new("trust.json"), &[subcommand, &rest].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let bundle = std::fs::read_to_string(folder.path().join("bundle.json")).unwrap();
    let result = verify(&instance.lock().unwrap(), &bundle, BLOB, &policy()).unwrap();
    assert!(result.tlog_verified());
    assert_eq!(result.verified_timestamps().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sigstore_python_signs_with_the_instance_verifies() {
    let Some(python) = SigstorePython::find() else { return };
    signs(&python, &["sign"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sigstore_python_attests_with_the_instance_verifies() {
    let Some(python) = SigstorePython::find() else { return };
    let kind = "https://slsa.dev/provenance/v1";
    signs(&python, &["attest", "--predicate-type", kind, "--predicate", "predicate.json"]).await;
}
