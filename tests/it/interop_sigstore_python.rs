//! A whole release of the sandbox judged by sigstore-python, and what sigstore-python signs in it judged by us.

use std::process::Output;

use merotee::sandbox::sigstore::{Identity, Instance};

use crate::{
    binary::{Place, serve::Serve},
    outside::sigstore_python::SigstorePython,
};

const KMS: &str = "mero-kms-v1.2.0";
const FILE: &str = "checksums.sha256";
const BUNDLE: &str = "checksums.sha256.sigstore.json";

fn workflow(git_ref: &str) -> Identity {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    Identity::github_workflow("calimero-network/mero-tee", "release-kms-phala.yaml", git_ref, commit)
}

fn release_workflow() -> Identity {
    workflow("refs/tags/mero-kms-v1.2.0")
}

#[track_caller]
fn refuses(output: &Output, why: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "accepted although {why}");
    // It judged, and did not merely fail to run.
    assert!(stderr.contains("Verifying") || stderr.contains("FAIL") || stderr.contains("erif"), "{why}: {stderr}");
}

#[test]
fn sigstore_python_accepts_the_checksums_of_a_release_and_refuses_them_changed() {
    let Some(python) = SigstorePython::find() else { return };
    let (world, place) = (Serve::start(), Place::new());
    place.merotee(["verify-release-assets", KMS, "--keep", "."]).envs(world.exports()).run().expect(0);
    let (folder, trust) = (place.path(KMS), world.trust_config());
    let verify = |file: &str, bundle: &str, who: &Identity| python.verify(&folder, &trust, file, bundle, who);

    let accepted = verify(FILE, BUNDLE, &release_workflow());
    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
    refuses(&verify(FILE, BUNDLE, &workflow("refs/tags/mero-kms-v1.1.0")), "another tag's workflow was demanded");

    let change = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let changed = text.replacen(from, to, 1);
        assert_ne!(text, changed, "{name} holds no {from}");
        std::fs::write(folder.join(format!("changed-{name}")), changed).unwrap();
    };
    change(FILE, "  sbom.spdx.json", "  sbom.spdx.jsoN");
    refuses(&verify("changed-checksums.sha256", BUNDLE, &release_workflow()), "the file was changed");
    change(BUNDLE, "\"logIndex\":\"", "\"logIndex\":\"1");
    let changed = "changed-checksums.sha256.sigstore.json";
    refuses(&verify(FILE, changed, &release_workflow()), "the bundle was changed");
}

/// A token that the served world's OIDC provider would give: its keys follow from the seed.
fn token(identity: &Identity) -> String {
    let now = jiff::Timestamp::now();
    Instance::new(0, now).unwrap().identity_token(identity, now).unwrap()
}

#[test]
fn what_sigstore_python_signs_in_the_sandbox_verifies_as_a_blob_for_its_signer_only() {
    let Some(python) = SigstorePython::find() else { return };
    let (world, place) = (Serve::start(), Place::new());
    let signer = release_workflow();
    place.write("blob", "a release asset\n");
    let sign = ["sign", "--identity-token", &token(&signer), "--bundle", "blob.sigstore.json", "blob"];
    let signed = python.run(&place.work(), &world.trust_config(), &sign);
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));

    let verify = |artifact: &str, identity: &Identity| {
        let Identity { san, issuer, .. } = identity;
        let who = ["--certificate-identity", san, "--certificate-oidc-issuer", issuer];
        let command = ["verify-blob", "--bundle", "blob.sigstore.json", "--offline", artifact];
        place.merotee(command).args(who).envs(world.exports()).run()
    };
    verify("blob", &signer).expect(0).says(&["[PASS] signature", "[PASS] identity", "PASSED"]);
    let digest = merotee::digest::Sha256::of(b"a release asset\n");
    verify(&format!("sha256:{digest}"), &signer).expect(0);
    verify("blob", &workflow("refs/heads/feature")).expect(10).says(&["[FAIL] identity"]);
    place.write("another", "another asset\n");
    verify("another", &signer).expect(10).says(&["[FAIL] signature"]);
}
