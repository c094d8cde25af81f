//! `verify-blob` as its users run it: real bundles, cosign's older forms, keys, and evidence that is none.

use std::path::{Path, PathBuf};

use crate::{
    binary::{BINARY, Place, Run, names_in, serve::Serve, skip, statuses, usable},
    corpus::corpus,
};

const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";
/// Who signs the sandbox's older node release.
const NODE_WORKFLOW: &str =
    "https://github.com/calimero-network/mero-tee/.github/workflows/release-node-image-gcp.yaml@refs/heads/master";

/// A real bundle and what it is about.
fn case(name: &str) -> Option<(PathBuf, PathBuf)> {
    let cases = corpus("sigstore")?;
    let own = cases.join(name).join("artifact");
    let artifact = if own.is_file() { own } else { cases.join("a.txt") };
    Some((cases.join(name).join("bundle.sigstore.json"), artifact))
}

/// Verifies by bundle, as the beacon's, and by the trust root that lies beside the bundle if one does.
fn beacon(artifact: &str, bundle: &Path) -> Run {
    let place = Place::new();
    let command = ["verify-blob", "--offline", "--certificate-identity", BEACON, "--certificate-oidc-issuer", ISSUER];
    let run = place.merotee(command).args(["--format", "json", artifact, "--bundle"]).args([bundle]);
    let root = bundle.with_file_name("trusted_root.json");
    if root.is_file() { run.args([Path::new("--trusted-root"), &root]).run() } else { run.run() }
}

fn digest_of(path: &Path) -> String {
    format!("sha256:{}", merotee::digest::Sha256::of(&std::fs::read(path).unwrap()))
}

#[test]
fn a_real_bundle_verifies_by_file_and_by_digest_and_not_for_another_digest() {
    for name in ["happy-path-v0.1", "happy-path-v0.3", "rekor2-happy-path", "happy-path-intoto-in-dsse-v3"] {
        let Some((bundle, artifact)) = case(name) else { return };
        let report = beacon(artifact.to_str().unwrap(), &bundle).expect(0).report();
        assert_eq!((statuses(&report, "signature"), statuses(&report, "identity")), (vec!["pass"], vec!["pass"]));
        let digest = digest_of(&artifact);
        assert_eq!(beacon(&digest, &bundle).expect(0).report()["sections"][0]["facts"]["digest"], digest.as_str());
        let report = beacon(&format!("sha256:{}", "0".repeat(64)), &bundle).expect(10).report();
        assert_eq!(statuses(&report, "signature"), ["fail"], "{name}");
    }
}

#[test]
fn a_forged_or_mismatched_real_bundle_fails_and_says_why() {
    for (name, why) in [
        ("wrong-hashedrekord-cert-and-sig_fail", "log"),
        ("set-invalid-signature_fail", "promise"),
        ("invalid-ct-key_fail", "SCT"),
        ("message-digest-mismatch_fail", "digest"),
    ] {
        let Some((bundle, artifact)) = case(name) else { return };
        let run = beacon(artifact.to_str().unwrap(), &bundle).expect(10);
        assert_eq!(statuses(&run.report(), "signature"), ["fail"]);
        assert!(run.stdout.to_lowercase().contains(&why.to_lowercase()), "{name}: {}", run.stdout);
    }
}

#[test]
fn every_real_and_forged_case_is_judged_rightly() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/sigstore-cases");
    if !script.is_file() {
        return skip("no ../shared/tools/sigstore-cases");
    }
    let place = Place::new();
    let run = place.program(script.to_str().unwrap(), [BINARY]).run().expect(0);
    assert_eq!(run.stdout.lines().last(), Some("90 right, 0 wrong"), "{}", run.stdout);
}

#[test]
fn a_sound_signature_by_somebody_else_fails_on_the_identity() {
    let Some((bundle, artifact)) = case("happy-path-v0.3") else { return };
    let place = Place::new();
    let verify = |more: &[&str]| {
        let command = ["verify-blob", "--offline", "--format", "json", artifact.to_str().unwrap(), "--bundle"];
        place.merotee(command).args([&bundle]).args(more).run()
    };
    for other in [
        ["--certificate-identity", "https://github.com/somebody/else", "--certificate-oidc-issuer", ISSUER],
        ["--certificate-identity", BEACON, "--certificate-oidc-issuer", "https://accounts.example.org"],
        ["--certificate-identity-regexp", "extremely-dangerous", "--certificate-oidc-issuer", ISSUER],
    ] {
        let report = verify(&other).expect(10).report();
        assert_eq!((statuses(&report, "signature"), statuses(&report, "identity")), (vec!["pass"], vec!["fail"]));
    }
    verify(&[
        "--certificate-identity-regexp",
        "https://github.com/sigstore-conformance/.*",
        "--certificate-oidc-issuer",
        ISSUER,
    ])
    .expect(0);
}

#[test]
fn an_identity_must_be_demanded_and_evidence_given() {
    let place = Place::new();
    place.write("file", "x");
    place.write("bundle", "{}");
    for (arguments, named) in [
        (&["--bundle", "bundle", "file"][..], "--certificate-oidc-issuer is required"),
        (&["--bundle", "bundle", "--certificate-oidc-issuer", ISSUER, "file"], "--certificate-identity is required"),
        (&["--bundle", "bundle", "--certificate-identity", "x", "file"], "--certificate-oidc-issuer is required"),
        (&["--certificate-identity", "x", "--certificate-oidc-issuer", ISSUER, "file"], "--bundle"),
        (
            &["--bundle", "bundle", "--certificate-identity", "x", "--certificate-oidc-issuer", ISSUER, "sha256:beef"],
            "sha256:beef",
        ),
        (&["--bundle", "bundle", "--key", "k", "--certificate-identity", "x", "file"], "--key"),
        (&["--bundle", "bundle"], "sha256:HEX"),
    ] {
        place.merotee(["verify-blob"]).args(arguments).run().expect(2).says(&[named]).without_product();
    }
}

#[test]
fn a_file_that_is_not_there_is_named_and_there_is_no_verdict() {
    let place = Place::new();
    place.write("there", "x");
    let signer = ["--certificate-identity", "x", "--certificate-oidc-issuer", ISSUER];
    for (arguments, missing) in [
        (["--bundle", "there", "nowhere.txt"], "nowhere.txt"),
        (["--bundle", "nowhere.json", "there"], "nowhere.json"),
        (["--bundle", "there", "."], "."),
    ] {
        let run = place.merotee(["verify-blob", "--offline"]).args(signer).args(arguments).run();
        run.expect(1).says(&[&format!("cannot read {missing}")]).without_product();
    }
    let root = ["--trusted-root", "nowhere.json", "--bundle", "there", "there"];
    place.merotee(["verify-blob"]).args(signer).args(root).run().expect(1).says(&["cannot read nowhere.json"]);
}

#[test]
fn a_bundle_of_fifty_megabytes_of_brackets_is_refused_within_little_memory() {
    let place = Place::new();
    place.write("file", "x");
    place.write("huge.json", vec![b'['; 50 << 20]);
    // Small enough to be read, and nested deeper than any stack.
    place.write("deep.json", vec![b'['; 15 << 20]);
    place.write("deep-object.json", r#"{"mediaType":"#.to_owned() + &r#"{"a":"#.repeat(1 << 20));
    for (bundle, why) in
        [("huge.json", "is larger than"), ("deep.json", "malformed bundle"), ("deep-object.json", "malformed bundle")]
    {
        let verify = format!(
            "ulimit -v 400000; exec {BINARY} verify-blob --offline --bundle {bundle} --certificate-identity x --certificate-oidc-issuer y file"
        );
        let run = place.program("sh", ["-c", &verify]).run().expect(10).says(&[why, "FAILED"]);
        assert!(run.stdout.len() < 2_000, "{}", run.stdout.len());
    }
}

#[test]
fn cosigns_old_bundle_and_its_signature_with_certificate_verify_against_a_log_elsewhere() {
    let (place, serve) = (Place::new(), Serve::start());
    let tag = "mero-tee-v1.0.0";
    place.merotee(["verify-release-assets", tag, "--keep", "kept"]).envs(serve.exports()).run().expect(0);
    let file = |suffix: &str| format!("kept/{tag}/published-mrtds.json{suffix}");
    let (artifact, bundle, signature, certificate) = (file(""), file(".bundle.json"), file(".sig"), file(".pem"));
    let signer = ["--certificate-identity", NODE_WORKFLOW, "--certificate-oidc-issuer", ISSUER];
    let verify = |more: &[&str]| {
        place.merotee(["verify-blob", "--format", "json"]).args(signer).args(more).envs(serve.exports()).run()
    };
    assert!(place.read(&bundle).contains("base64Signature"));
    verify(&["--offline", "--bundle", &bundle, &artifact]).expect(0);
    let detached = ["--signature", &signature, "--certificate", &certificate];
    verify(&[&detached[..], &[&artifact]].concat()).expect(0);
    let digest = digest_of(&place.path(&artifact));
    verify(&[&detached[..], &[&digest]].concat()).expect(0);
    // The log is asked by what was signed, so nothing but that can be found there.
    let other = format!("kept/{tag}/release-provenance.json");
    let report = verify(&[&detached[..], &[&other]].concat()).expect(10).report();
    assert_eq!(statuses(&report, "signature"), ["fail"]);
    verify(&["--offline", "--bundle", &bundle, &other]).expect(10);
    verify(&[&detached[..], &["--offline", &artifact]].concat()).expect(2).says(&["--offline", "--bundle"]);
    // The pair belongs together, but no log that can be reached says when it was made.
    let unreachable = ["--rekor-url", "http://127.0.0.1:1", "--retries", "0", &artifact];
    verify(&[&detached[..], &unreachable].concat()).expect(1).says(&["127.0.0.1:1"]).without_product();
}

#[test]
fn an_ed25519_key_verifies_a_file_and_says_that_a_digest_is_not_enough() {
    let place = Place::new();
    if !usable("openssl", &["version"]) {
        return;
    }
    let openssl = |arguments: &[&str]| place.program("openssl", arguments).run().expect(0);
    place.write("file", "what was signed\n");
    place.write("other", "what was not\n");
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "key.pem"]);
    openssl(&["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"]);
    openssl(&["pkeyutl", "-sign", "-rawin", "-inkey", "key.pem", "-in", "file", "-out", "file.sig"]);
    let verify = |artifact: &str| {
        let command = ["verify-blob", "--offline", "--key", "key.pub", "--signature", "file.sig", artifact];
        place.merotee(command).run()
    };
    verify("file").expect(0).says(&["the key given with --key", "PASSED"]);
    verify("other").expect(10).says(&["invalid signature"]);
    verify(&digest_of(&place.path("file"))).expect(10).says(&["a digest is not enough"]);
    place.write("file.sig", "");
    verify("file").expect(10).says(&["the signature file is empty"]);
}

#[test]
fn every_bundle_cut_short_anywhere_is_refused_without_a_crash() {
    let Some((bundle, artifact)) = case("happy-path-v0.3") else { return };
    let whole = std::fs::read(&bundle).unwrap();
    let place = Place::new();
    for end in (0..whole.len()).step_by(whole.len() / 12) {
        let cut = place.write("cut.json", &whole[..end]);
        beacon(artifact.to_str().unwrap(), &cut).expect(10);
    }
    assert_eq!(names_in(&place.work()), ["cut.json"]);
}

#[test]
fn a_bundle_of_githubs_own_instance_is_called_that() {
    let Some(folder) = corpus("github-release") else { return };
    let bundle = folder.join("bundle.json");
    let place = Place::new();
    place.write("file", "x");
    let signer = ["--certificate-identity", "https://dotcom.releases.github.com", "--certificate-oidc-issuer", ISSUER];
    let run = place.merotee(["verify-blob", "--offline", "file", "--bundle"]).args([&bundle]).args(signer).run();
    run.expect(10).says(&["GitHub's own Sigstore instance (issuer O=GitHub, Inc.)", "gh attestation verify"]);
}
