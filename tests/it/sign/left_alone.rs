//! What lies where a signature would be written and is not shown to be stale: without `--force` it stays.

use merotee::sandbox::sigstore::{Identity, Log};
use serde_json::{Value, json};

use super::{
    crooked::{Crooked, Honest, sign},
    token,
};
use crate::binary::Place;

const BUNDLE: &str = "blob.sigstore.json";

/// Signing says this and changes nothing; with `--force` it replaces what is there.
#[track_caller]
fn stays(place: &Place, says: &str) {
    let before = place.read(BUNDLE);
    sign(place).run().expect(10).says(&["[FAIL] signature", says, "--force"]);
    assert_eq!(place.read(BUNDLE), before);
    sign(place).args(["--force"]).run().expect(0).says(&["replace"]);
    assert_ne!(place.read(BUNDLE), before);
}

#[test]
fn a_bundle_that_fits_the_file_and_does_not_verify_here_is_not_replaced() {
    let crooked = Crooked::start(Honest);
    let place = crooked.place(Log::Rekor1);
    sign(&place).run().expect(0);
    let mut bundle: Value = serde_json::from_str(&place.read(BUNDLE)).unwrap();
    // The log did not sign this time.
    bundle["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = json!("1700000000");
    place.write(BUNDLE, bundle.to_string());
    stays(&place, "it is signed already");
}

#[test]
fn what_is_not_a_bundle_is_not_replaced() {
    let crooked = Crooked::start(Honest);
    let place = crooked.place(Log::Rekor1);
    for content in ["{}", "someone's notes"] {
        place.write(BUNDLE, content);
        stays(&place, "blob.sigstore.json is there");
    }
}

#[test]
fn a_bundle_made_for_another_commit_is_not_kept_as_ours() {
    let crooked = Crooked::start(Honest);
    let place = crooked.place(Log::Rekor1);
    let commit = "f".repeat(40);
    let other =
        Identity::github_workflow("calimero-network/mero-tee", "release-kms-phala.yaml", "refs/heads/master", &commit);
    sign(&place).env("SIGSTORE_ID_TOKEN", token(&other)).run().expect(0);
    stays(&place, &format!("(commit {commit}) and not by"));
}
