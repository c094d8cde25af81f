//! Notes, checksums files and SBOMs that seem to be right, through the binary.

use super::{KMS, only};
use crate::binary::{Place, statuses};

/// Judges a kept release whose notes were replaced.
fn with_notes(notes: &str) -> serde_json::Value {
    let place = Place::new();
    place.kept(KMS);
    let kept = place.read(&format!("kept/{KMS}/release-notes.md"));
    let (before, rest) = kept.split_once("## Image\n").unwrap();
    let (_, after) = rest.split_once("## Changelog").unwrap();
    place.write(&format!("kept/{KMS}/release-notes.md"), format!("{before}## Image\n\n{notes}\n\n## Changelog{after}"));
    let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"];
    place.sandbox(command).run().report()
}

#[test]
fn notes_that_pin_another_owners_image_or_anothers_beside_a_tag_fail() {
    let hex = "a".repeat(64);
    for notes in [
        format!("`ghcr.io/evil/mero-kms-phala@sha256:{hex}`"),
        format!("`ghcr.io/calimero-network/mero-kms-phala:latest`\n\nRuns beside `ghcr.io/acme/postgres@sha256:{hex}`"),
    ] {
        let report = with_notes(&notes);
        assert_eq!(only(&report, "notes-image")["status"], "fail", "{report}");
        assert_eq!(report["verdict"], "failed");
    }
    let report = with_notes(&format!("`ghcr.io/calimero-network/mero-kms-phala@sha256:{hex}`"));
    assert_eq!(only(&report, "notes-image")["status"], "pass");
}

#[test]
fn the_owner_of_the_image_is_the_repositorys_and_its_name_the_contracts() {
    let place = Place::new();
    place.kept(KMS);
    let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"];
    let other = ["--repo", "Somebody/mero-tee", "--signer-repo", "calimero-network/mero-tee"];
    let report = place.sandbox(command).args(other).run().expect(10).report();
    let found = only(&report, "notes-image");
    assert_eq!(found["expected"], "ghcr.io/somebody/mero-kms-phala@sha256:<64 hex digits>");
    let listed = place.merotee(["verify-release-assets", "--list-contract"]).run().expect(0).stdout;
    place.write("contract.json", listed.replace("{owner}/mero-kms-phala", "{owner}/another-kms"));
    let report = place.sandbox(command).args(["--contract", "contract.json"]).run().expect(10).report();
    assert_eq!(only(&report, "notes-image")["expected"], "ghcr.io/calimero-network/another-kms@sha256:<64 hex digits>");
}

#[test]
fn a_checksums_file_that_lists_itself_or_holds_prefixed_digests_is_one_finding_that_says_so() {
    let place = Place::new();
    place.kept(KMS);
    let right = place.read(&format!("kept/{KMS}/checksums.sha256"));
    let prefixed = |prefix: &str| right.lines().map(|line| format!("{prefix}{line}\n")).collect::<String>();
    let garbage: String = (0..100).map(|i| format!("zz  file-{i}\n")).collect();
    for (content, said) in [
        (format!("{right}{}  checksums.sha256\n", "e3".repeat(32)), "the file lists itself"),
        (prefixed("sha256:"), "7 lines cannot be used: line 1: the digest has a prefix, `sha256:`"),
        (prefixed("0x"), "the digest has a prefix, `0x`"),
        (prefixed("sha256:0x"), "the digest has a prefix, `sha256:0x`"),
        (right.clone() + &garbage, "100 lines cannot be used: "),
    ] {
        place.write(&format!("kept/{KMS}/checksums.sha256"), content);
        let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"];
        let report = place.sandbox(command).run().expect(10).report();
        let found = only(&report, "checksums-file");
        assert_eq!(found["status"], "fail");
        assert!(found["message"].as_str().unwrap().contains(said), "{found}");
        assert!(!statuses(&report, "checksum").contains(&"fail"), "no asset was changed: {report}");
    }
}

#[test]
fn a_checksums_file_as_coreutils_tags_it_is_read() {
    let place = Place::new();
    place.kept(KMS);
    let right = place.read(&format!("kept/{KMS}/checksums.sha256"));
    let tagged = right.lines().map(|line| line.split_once("  ").unwrap());
    let tagged: String = tagged.map(|(digest, name)| format!("SHA256 ({name}) = {digest}\n")).collect();
    place.write(&format!("kept/{KMS}/checksums.sha256"), tagged);
    let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"];
    // It is not the file that was signed.
    let report = place.sandbox(command).run().expect(10).report();
    assert_eq!(only(&report, "checksums-file")["status"], "pass");
    assert!(statuses(&report, "checksum").iter().all(|status| *status == "pass"));
    assert_eq!(only(&report, "signature")["status"], "fail");
}

#[test]
fn an_sbom_that_lists_nothing_or_names_an_undefined_licence_fails() {
    let place = Place::new();
    place.kept(KMS);
    let right = place.read(&format!("kept/{KMS}/sbom.spdx.json"));
    let mut nothing: serde_json::Value = serde_json::from_str(&right).unwrap();
    for list in ["packages", "relationships"] {
        nothing[list].as_array_mut().unwrap().truncate(1);
    }
    for (content, said) in [
        (nothing.to_string(), "no package is listed but the document root"),
        (right.replacen("\"MIT\"", "\"LicenseRef-Own\"", 1), "a licence is named and nowhere defined"),
    ] {
        place.write(&format!("kept/{KMS}/sbom.spdx.json"), content);
        let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"];
        let report = place.sandbox(command).run().expect(10).report();
        let found = only(&report, "sbom");
        assert_eq!(found["status"], "fail");
        assert!(found["message"].as_str().unwrap().contains(said), "{found}");
    }
}
