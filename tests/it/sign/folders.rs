//! `sign --dir`: what a release wants signed, by whom it must be, and never what does not match its checksums.

use super::{token, workflow};
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
