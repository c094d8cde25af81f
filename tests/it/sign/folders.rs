//! `sign --dir`: what a release wants signed, by whom it must be, and never what does not match its checksums.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use merotee::sandbox::sigstore::Log;

use super::{
    crooked::{Asked, Crooked, Fault},
    token, workflow,
};
use crate::binary::{Place, serve::Serve, statuses};

const KMS: &str = "mero-kms-v1.2.0";

/// A folder with the files of a release, their signatures taken away.
fn unsigned(place: &Place, tag: &str) -> String {
    place.kept(tag);
    let folder = format!("kept/{tag}");
    for name in place.names(&folder).iter().filter(|name| name.ends_with(".sigstore.json")) {
        std::fs::remove_file(place.path(&folder).join(name)).unwrap();
    }
    folder
}

#[test]
fn a_release_is_signed_by_its_workflow_and_then_verifies() {
    for tag in [KMS, "mero-tee-v1.2.0"] {
        let place = Place::new();
        let folder = unsigned(&place, tag);
        place.sandbox(["verify-release-assets", tag, "--dir", &folder]).run().expect(11);
        let run = place.sandbox(["sign", "--dir", &folder, "--tag", tag]).run().expect(0);
        run.says(&["[PASS] signature", "[PASS] identity", "checksums.sha256.sigstore.json"]);
        place.sandbox(["verify-release-assets", tag, "--dir", &folder]).run().expect(0);
        place.sandbox(["sign", "--dir", &folder, "--tag", tag]).run().expect(0).says(&["keep"]);
    }
}

#[test]
fn the_upstream_layout_has_every_asset_signed() {
    let (world, place) = (Serve::start(), Place::new());
    place.write("up/published-mrtds.json", "{}");
    place.write("up/release-provenance.json", "{}\n");
    place.write("up/node-image-gcp-release-sbom.spdx.json", "{} ");
    place.merotee(["checksums", "write", "--dir", "up"]).run().expect(0);
    place.merotee(["sign", "--dir", "up"]).envs(world.exports()).run().expect(0);
    let signed = place.names("up").into_iter().filter(|name| name.ends_with(".sigstore.json")).count();
    assert_eq!(signed, 4, "{:?}", place.names("up"));
}

#[test]
fn another_signer_than_the_tag_demands_signs_nothing() {
    let (world, place) = (Serve::start(), Place::new());
    let folder = unsigned(&place, KMS);
    let names = place.names(&folder);
    for (tag, identity) in [
        ("mero-tee-v1.2.0", workflow("refs/tags/mero-tee-v1.2.0")),
        (KMS, workflow("refs/tags/mero-kms-v1.1.0")),
        (KMS, workflow("refs/heads/feature")),
    ] {
        let run = place.merotee(["sign", "--dir", &folder, "--tag", tag, "--format", "json"]).envs(world.exports());
        let report = run.env("SIGSTORE_ID_TOKEN", token(&identity)).run().expect(10).report();
        assert!(statuses(&report, "identity").contains(&"fail"));
        assert_eq!(statuses(&report, "signature"), [""; 0]);
    }
    assert_eq!(place.names(&folder), names);
}

#[test]
fn files_of_another_family_or_version_than_the_tag_are_not_signed_and_no_certificate_is_asked_for() {
    for (files, tag, check, says) in [
        (KMS, "mero-tee-v1.2.0", "identity", "the other family"),
        ("mero-tee-v1.2.0", KMS, "identity", "the other family"),
        (KMS, "mero-kms-v9.9.9", "policy-tag", "the policy is for another release"),
        ("mero-tee-v1.2.0", "mero-tee-v9.9.9", "mrtds", "the tag is that of another release"),
    ] {
        let place = Place::new();
        let folder = unsigned(&place, files);
        // Without an identity: were one needed to come this far, that would be said, with code 2.
        let run = place.merotee(["sign", "--dir", &folder, "--tag", tag]).run().expect(10);
        run.says(&[&format!("[FAIL] {check}"), says]);
    }
}

/// Changes a file of the caller's when a certificate is asked for.
struct Meddler(Arc<OnceLock<PathBuf>>);

impl Fault for Meddler {
    fn asked(&self, asked: &mut Asked) {
        if asked.path == "/api/v2/signingCert" {
            std::fs::write(self.0.get().unwrap(), "changed").unwrap();
        }
    }
}

#[test]
fn a_file_that_changes_after_the_folder_was_checked_is_not_signed_and_nothing_is_logged() {
    let meddled = Arc::new(OnceLock::new());
    let crooked = Crooked::start(Meddler(Arc::clone(&meddled)));
    let place = crooked.place(Log::Rekor1);
    place.write("out/asset", "x");
    place.merotee(["checksums", "write", "--dir", "out"]).run().expect(0);
    meddled.set(place.path("out/checksums.sha256")).unwrap();
    let sign = place.merotee(["sign", "--dir", "out", "--signing-config", "config.json"]);
    let sign =
        sign.args(["--trusted-root", "root.json"]).env("SIGSTORE_ID_TOKEN", token(&workflow("refs/heads/master")));
    sign.run().expect(10).says(&["[FAIL] signature", "changed since it was checked"]);
    assert_eq!(place.names("out"), ["asset", "checksums.sha256"]);
    assert_eq!(crooked.seen(), ["POST /api/v2/signingCert"]);
}

#[test]
fn a_stale_form_of_signature_beside_a_file_is_named_and_nothing_is_signed() {
    let (world, place) = (Serve::start(), Place::new());
    place.write("out/asset", "x");
    place.merotee(["checksums", "write", "--dir", "out"]).run().expect(0);
    place.merotee(["sign", "--dir", "out"]).envs(world.exports()).run().expect(0);
    let (bundle, other) = ("out/checksums.sha256.sigstore.json", "out/checksums.sha256.bundle.json");
    std::fs::rename(place.path(bundle), place.path(other)).unwrap();
    place.write("out/asset", "changed");
    place.merotee(["checksums", "write", "--dir", "out"]).run().expect(0);
    let sign = || place.merotee(["sign", "--dir", "out"]).envs(world.exports());
    sign().run().expect(10).says(&["[FAIL] signature", "checksums.sha256.bundle.json", "as it is", "remove it"]);
    assert!(!place.path(bundle).exists());
    std::fs::remove_file(place.path(other)).unwrap();
    sign().run().expect(0);
    // What nothing can be said of is left to the one who signs.
    place.write("out/checksums.sha256.sig", "bm90aGluZw==");
    sign().run().expect(0).says(&["[WARN] signature", "checksums.sha256.sig", "without a certificate beside it"]);
}

#[test]
fn what_the_check_of_a_folder_warns_of_is_said_of_a_signed_one_too() {
    let (world, place) = (Serve::start(), Place::new());
    place.write("out/asset", "x");
    place.merotee(["checksums", "write", "--dir", "out"]).run().expect(0);
    let warned = |run: crate::binary::Run| {
        let report = run.expect(0).report();
        let found = crate::binary::findings(&report);
        found.into_iter().filter(|finding| finding["status"] == "warn").cloned().collect::<Vec<_>>()
    };
    std::fs::create_dir_all(place.path("out/inner")).unwrap();
    let checked = warned(place.merotee(["checksums", "check", "--dir", "out", "--format", "json"]).run());
    let signed = warned(place.merotee(["sign", "--dir", "out", "--format", "json"]).envs(world.exports()).run());
    assert!(!checked.is_empty());
    assert_eq!(signed, checked);
}

#[test]
fn what_does_not_match_its_checksums_is_not_signed() {
    let place = Place::new();
    let folder = unsigned(&place, KMS);
    let names = place.names(&folder);
    place.write(&format!("{folder}/compose-hash.txt"), "changed\n");
    let run = place.sandbox(["sign", "--dir", &folder]).run().expect(10);
    run.says(&["[FAIL] checksum", "compose-hash.txt"]);
    std::fs::remove_file(place.path(&folder).join("compose-hash.txt")).unwrap();
    place.sandbox(["sign", "--dir", &folder]).run().expect(11).says(&["compose-hash.txt"]);
    assert_eq!(place.names(&folder).len(), names.len() - 1);
}
