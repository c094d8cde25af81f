//! `sign`: what it signs, what it keeps, and what it refuses to take from services.

mod crooked;
mod faults;
mod folders;
mod interop;
mod keys;
mod left_alone;
mod secrets;

use merotee::sandbox::sigstore::{Identity, Instance};

use crate::binary::{Place, Run, serve::Serve};

pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The KMS's release workflow, running for a ref.
pub(super) fn workflow(git_ref: &str) -> Identity {
    Identity::github_workflow("calimero-network/mero-tee", "release-kms-phala.yaml", git_ref, COMMIT)
}

/// A token that a served world of seed 0 takes.
pub(super) fn token(identity: &Identity) -> String {
    let now = jiff::Timestamp::now();
    Instance::new(0, now).unwrap().identity_token(identity, now).unwrap()
}

/// `verify-blob` of `NAME` by `NAME.sigstore.json`.
pub(super) fn verified(place: &Place, world: &Serve, name: &str, identity: &Identity) -> Run {
    let (bundle, Identity { san, issuer, .. }) = (format!("{name}.sigstore.json"), identity);
    let who = ["--certificate-identity", san, "--certificate-oidc-issuer", issuer];
    place.merotee(["verify-blob", "--bundle", &bundle, "--offline", name]).args(who).envs(world.exports()).run()
}

/// The signing configuration of a served world that has entries written to its Rekor v2.
pub(super) fn rekor2(world: &Serve) -> String {
    world.export("MEROTEE_SIGNING_CONFIG").replace("signing_config.json", "signing_config_rekor2.json")
}

#[test]
fn a_job_signs_a_file_in_either_log_and_the_bundle_verifies_for_its_workflow_alone() {
    let (world, place) = (Serve::start(), Place::new());
    for (name, config) in [("one", world.export("MEROTEE_SIGNING_CONFIG").to_owned()), ("two", rekor2(&world))] {
        place.write(name, name);
        let sign = place.merotee(["sign", name, "--signing-config", &config]).envs(world.exports()).run();
        let bundle = format!("write   {name}.sigstore.json");
        sign.expect(0).says(&["release-kms-phala.yaml @ refs/heads/master", &bundle]);
        verified(&place, &world, name, &workflow("refs/heads/master")).expect(0);
        verified(&place, &world, name, &workflow("refs/heads/other")).expect(10);
        place.write(name, "changed");
        verified(&place, &world, name, &workflow("refs/heads/master")).expect(10);
    }
    let bundle: serde_json::Value = serde_json::from_str(&place.read("two.sigstore.json")).unwrap();
    let material = &bundle["verificationMaterial"];
    assert_eq!(material["tlogEntries"][0]["kindVersion"]["version"], "0.0.2");
    assert!(material["tlogEntries"][0].get("inclusionPromise").is_none());
    assert_eq!(material["timestampVerificationData"]["rfc3161Timestamps"].as_array().unwrap().len(), 1);
}

#[test]
fn a_given_token_wins_over_that_of_the_job_and_one_from_the_environment_is_taken() {
    let (world, place) = (Serve::start(), Place::new());
    place.write("blob", "x");
    let given = workflow("refs/tags/mero-kms-v9.0.0");
    place.write("token", token(&given) + "\n");
    place.merotee(["sign", "blob", "--identity-token", "token"]).envs(world.exports()).run().expect(0);
    verified(&place, &world, "blob", &given).expect(0);
    let other = workflow("refs/tags/mero-kms-v9.0.1");
    let signed =
        place.merotee(["sign", "blob", "--force"]).envs(world.exports()).env("SIGSTORE_ID_TOKEN", token(&other));
    signed.run().expect(0).says(&["replace"]);
    verified(&place, &world, "blob", &other).expect(0);
}

#[test]
fn a_valid_signature_of_the_same_signer_is_kept_one_of_another_is_not_replaced_and_a_stale_one_is() {
    let (world, place) = (Serve::start(), Place::new());
    place.write("blob", "x");
    let sign = |more: &[&str]| place.merotee(["sign", "blob"]).args(more).envs(world.exports());
    sign(&[]).run().expect(0).says(&["write"]);
    let first = place.read("blob.sigstore.json");
    sign(&[]).run().expect(0).says(&["keep"]);
    assert_eq!(place.read("blob.sigstore.json"), first);

    let other = token(&workflow("refs/tags/mero-kms-v9.0.0"));
    let refused = sign(&[]).env("SIGSTORE_ID_TOKEN", &other).run().expect(10);
    refused.says(&[
        "[FAIL] signature",
        "it is signed already, by release-kms-phala.yaml @ refs/heads/master",
        "--force",
    ]);
    assert_eq!(place.read("blob.sigstore.json"), first);

    place.write("blob", "changed since");
    sign(&[]).run().expect(0).says(&["replace", "does not sign blob as it is"]);
    assert_ne!(place.read("blob.sigstore.json"), first);
    verified(&place, &world, "blob", &workflow("refs/heads/master")).expect(0);
    let second = place.read("blob.sigstore.json");
    sign(&["--force"]).run().expect(0).says(&["replace"]);
    assert_ne!(place.read("blob.sigstore.json"), second);
}

#[test]
fn many_files_are_signed_by_one_certificate_and_told_of_in_their_order() {
    let (world, place) = (Serve::start(), Place::new());
    let names: Vec<String> = (0..12).map(|n| format!("file-{n:02}")).collect();
    names.iter().for_each(|name| drop(place.write(name, name)));
    let run = place.merotee(["sign", "--format", "json"]).args(&names).envs(world.exports()).run().expect(0);
    let report = run.report();
    let signed: Vec<&str> =
        crate::binary::findings(&report).iter().map(|finding| finding["subject"].as_str().unwrap()).collect();
    assert_eq!(signed, names);
    let certificate = |name: &String| {
        let bundle: serde_json::Value = serde_json::from_str(&place.read(&format!("{name}.sigstore.json"))).unwrap();
        bundle["verificationMaterial"]["certificate"].clone()
    };
    assert!(names.iter().all(|name| certificate(name) == certificate(&names[0])));
}

#[test]
fn a_file_that_is_named_in_two_ways_is_signed_once() {
    let (world, place) = (Serve::start(), Place::new());
    place.write("blob", "x");
    let run = place.merotee(["sign", "blob", "./blob", "--format", "json"]).envs(world.exports()).run().expect(0);
    assert_eq!(crate::binary::findings(&run.report()).len(), 1);
}

#[test]
fn without_an_identity_it_says_how_to_get_one() {
    let place = Place::new();
    place.write("blob", "x");
    let run = place.merotee(["sign", "blob"]).run().expect(2).without_product();
    run.says(&["there is no identity to sign as", "id-token: write", "--identity-token", "SIGSTORE_ID_TOKEN"]);
    assert_eq!(place.names("."), ["blob"]);
}

#[test]
fn what_cannot_be_signed_is_refused_before_anything_is_asked() {
    let (world, place) = (Serve::start(), Place::new());
    place.write("blob", "x");
    place.write("blob.sigstore.json", "{}");
    for (arguments, code, says) in [
        (&["sign", "blob.sigstore.json"][..], 2, "is a signature itself"),
        (&["sign", "."], 2, "is not a file that can be signed"),
        (&["sign", "-"], 2, "standard input cannot be signed"),
        (&["sign", "absent"], 1, "cannot read absent"),
        #[cfg(unix)]
        (&["sign", "/dev/null"], 2, "/dev/null is not a regular file"),
        (&["sign"], 2, "required"),
        (&["sign", "blob", "--dir", "."], 2, "cannot be used with"),
        (&["sign", "--dir", "."], 2, ". holds no checksums file (expected checksums.sha256)"),
        (&["sign", "blob", "--signing-config", "blob"], 2, "not a usable signing configuration"),
        (&["sign", "blob", "--trusted-root", "blob"], 2, "not a usable trusted root"),
    ] {
        place.merotee(arguments).envs(world.exports()).run().expect(code).says(&[says]);
    }
    assert_eq!(place.names("."), ["blob", "blob.sigstore.json"]);
    assert_eq!(place.read("blob.sigstore.json"), "{}");
}
