//! sigstore-python, a second and independent implementation, as verifier and as signer.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use merotee::sandbox::sigstore::router;

use super::*;

/// The least SLSA provenance that sigstore-python attests.
const PREDICATE: &str = r#"{
    "buildDefinition": { "buildType": "https://example.com/build", "externalParameters": {} },
    "runDetails": { "builder": { "id": "https://example.com/builder" } }
}"#;

/// The program, or `None` with a line on stderr where it is absent; required when `MEROTEE_REQUIRE_INTEROP=1`.
#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn program() -> Option<PathBuf> {
    let named = std::env::var_os("MEROTEE_SIGSTORE_PYTHON").map(PathBuf::from);
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("sigstore")).find(|program| program.is_file())
    };
    let program = named.or_else(on_path);
    if program.is_none() {
        let message = "no sigstore-python: set MEROTEE_SIGSTORE_PYTHON or put `sigstore` on PATH";
        assert!(std::env::var_os("MEROTEE_REQUIRE_INTEROP").is_none_or(|value| value != "1"), "{message}");
        eprintln!("SKIPPED: {message}");
    }
    program
}

fn run(program: &Path, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(["--trust-config", "trust.json"])
        .args(arguments)
        .current_dir(folder)
        // Whatever it caches or reads stays in the folder.
        .env_clear()
        .env("HOME", folder)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .unwrap()
}

/// Writes the files of one verification and runs it.
fn accepts(program: &Path, instance: &Instance, bundle: &str, blob: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("trust.json"), instance.client_trust_config_json(BASE)).unwrap();
    std::fs::write(folder.path().join("bundle.json"), bundle).unwrap();
    std::fs::write(folder.path().join("blob"), blob).unwrap();
    let Identity { san, issuer, .. } = identity();
    let arguments = ["verify", "identity", "--bundle", "bundle.json", "--cert-identity", &san];
    run(program, folder.path(), &[&arguments[..], &["--cert-oidc-issuer", &issuer, "blob"]].concat())
}

#[test]
fn sigstore_python_accepts_a_bundle_of_either_log_and_refuses_a_tampered_one() {
    let Some(program) = program() else { return };
    let (instance, signed) = signed();
    for bundle in [&signed.bundle_json, &signed.rekor2_bundle_json] {
        let output = accepts(&program, &instance, bundle, BLOB);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(!accepts(&program, &instance, &signed.bundle_json, b"another asset\n").status.success());
    let mut tampered: Value = serde_json::from_str(&signed.bundle_json).unwrap();
    flip(&mut entry(&mut tampered)["inclusionProof"]["hashes"][0]);
    assert!(!accepts(&program, &instance, &tampered.to_string(), BLOB).status.success());
}

#[test]
fn sigstore_python_accepts_a_statement_for_its_subject() {
    let Some(program) = program() else { return };
    let mut instance = instance(7);
    let bundle = instance.sign_statement(&statement(), &identity(), at(SIGNED_AT)).unwrap();
    let output = accepts(&program, &instance, &bundle, BLOB);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!accepts(&program, &instance, &bundle, b"a stranger").status.success());
}

/// Runs a signing subcommand on [`BLOB`] against a served instance; the bundle it wrote must verify with the times of
/// both the log and the timestamp authority.
async fn signs(program: &Path, subcommand: &[&str]) {
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
    let output = run(program, folder.path(), &[subcommand, &rest].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let bundle = std::fs::read_to_string(folder.path().join("bundle.json")).unwrap();
    let result = verify(&instance.lock().unwrap(), &bundle, BLOB, &policy()).unwrap();
    assert!(result.tlog_verified());
    assert_eq!(result.verified_timestamps().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sigstore_python_signs_with_the_instance_verifies() {
    let Some(program) = program() else { return };
    signs(&program, &["sign"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sigstore_python_attests_with_the_instance_verifies() {
    let Some(program) = program() else { return };
    let kind = "https://slsa.dev/provenance/v1";
    signs(&program, &["attest", "--predicate-type", kind, "--predicate", "predicate.json"]).await;
}
