//! Immutable releases of the sandbox. How each is spoilt stands in `docs/tampering.md`, all of which is run.

use crate::binary::{Place, findings, serve::Serve, statuses};

const KMS: &str = "mero-kms-v1.1.1";
const NODE: &str = "mero-tee-v1.1.0";
const REPOSITORY: &str = "calimero-network/mero-tee";

#[test]
fn an_immutable_release_passes_in_either_form_and_a_report_says_that_it_is_one() {
    for tag in [KMS, NODE] {
        let command = ["verify-release-assets", tag, "--require-immutable", "--format", "json"];
        let report = Place::new().sandbox(command).run().expect(0).report();
        assert_eq!(statuses(&report, "release-attestation"), ["pass", "pass"]);
        assert_eq!(report["sections"][0]["facts"]["immutable"], "yes");
        let caveats = report["caveats"].to_string();
        assert!(caveats.contains("using custom root github_root.json"), "{caveats}");
    }
}

#[test]
fn a_release_that_can_be_changed_verifies_as_ever_and_is_missing_where_an_immutable_one_is_demanded() {
    let report =
        Place::new().sandbox(["verify-release-assets", "mero-kms-v1.2.0", "--format", "json"]).run().expect(0).report();
    assert_eq!(statuses(&report, "release-attestation"), [""; 0]);
    assert_eq!(report["sections"][0]["facts"]["release_attestation"], "does not apply: not immutable");
    let command = ["verify-release-assets", "mero-kms-v1.2.0", "--require-immutable", "--format", "json"];
    let report = Place::new().sandbox(command).run().expect(11).report();
    assert_eq!(statuses(&report, "release-attestation"), ["missing"]);
}

#[test]
fn of_a_folder_github_is_not_asked_and_the_option_that_demands_an_answer_is_refused() {
    let place = Place::new();
    place.kept(KMS);
    let report =
        place.sandbox(["verify-release-assets", KMS, "--dir", "kept", "--format", "json"]).run().expect(0).report();
    assert_eq!(statuses(&report, "release-attestation"), ["skipped"]);
    let command = ["verify-release-assets", KMS, "--dir", "kept", "--require-immutable"];
    place.sandbox(command).run().expect(2).says(&["--require-immutable"]).without_product();
}

#[test]
fn a_quick_run_is_held_to_the_attestation_too_by_the_digests_that_github_states() {
    let command = ["verify-release-assets", KMS, "--quick", "--format", "json"];
    let report = Place::new().sandbox(command).run().expect(0).report();
    assert_eq!(statuses(&report, "release-attestation"), ["pass", "pass"]);
    let report = Place::new().tampered("immutable-asset-renamed", command).run().expect(10).report();
    assert!(statuses(&report, "release-attestation").contains(&"fail"));
}

#[test]
fn an_audit_makes_the_check_as_well() {
    let report =
        Place::new().tampered("immutable-owner-id", ["audit", KMS, "--format", "json"]).run().expect(10).report();
    assert!(statuses(&report, "release-attestation").contains(&"fail"));
}

#[test]
fn verify_attestation_asks_for_the_release_as_it_is_now_and_compares_files_by_name() {
    let place = Place::new();
    place.kept(KMS);
    let release = format!("{REPOSITORY}@{KMS}");
    let command = ["verify-attestation", "--release", &release, "--format", "json"];
    let report = place.sandbox(command).run().expect(0).report();
    assert_eq!(statuses(&report, "release-attestation"), ["pass", "pass"]);
    let file = format!("kept/{KMS}/sbom.spdx.json");
    let report = place.sandbox(command).args([&file]).run().expect(0).report();
    assert_eq!(statuses(&report, "release-attestation"), ["pass"; 3]);
    // The right bytes under another name: a download by name would fetch a different file.
    std::fs::copy(place.path(&file), place.path("renamed.json")).unwrap();
    let report = place.sandbox(command).args(["renamed.json"]).run().expect(10).report();
    let failed = findings(&report).into_iter().find(|f| f["status"] == "fail").unwrap();
    assert_eq!(failed["expected"], "the name sbom.spdx.json");
    place.write("sbom.spdx.json", "{}");
    place.sandbox(command).args(["sbom.spdx.json"]).run().expect(10);
    place
        .sandbox(command)
        .args(["sbom.spdx.json", &file])
        .run()
        .expect(2)
        .says(&["two files are called sbom.spdx.json"]);
    // One that can be changed has none, and it is asked for one.
    let release = format!("{REPOSITORY}@mero-kms-v1.2.0");
    let command = ["verify-attestation", "--release", &release, "--format", "json"];
    let report = place.sandbox(command).run().expect(11).report();
    assert_eq!(statuses(&report, "release-attestation"), ["missing"]);
    let release = format!("{REPOSITORY}@v9.9.9");
    place.sandbox(["verify-attestation", "--release", &release]).run().expect(1).says(&["has no release v9.9.9"]);
}

#[test]
fn every_kind_of_spoilt_attestation_is_caught_by_the_command_that_verifies_nothing_else() {
    let listed = Place::new().merotee(["sandbox", "--tamper", "list"]).run().expect(0).stdout;
    let kinds: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|kind| kind.starts_with("immutable-"))
        .collect();
    assert!(kinds.len() >= 15, "{kinds:?}");
    let release = format!("{REPOSITORY}@{NODE}");
    crate::tampering::each(&kinds, |kind| {
        let run = Place::new().tampered(kind, ["verify-attestation", "--release", &release]).run();
        (!matches!(run.code, 10 | 11)).then(|| format!("{kind}: {}", run.shown()))
    });
}

#[test]
fn outside_the_sandbox_its_attestations_are_trusted_only_under_the_root_that_is_named() {
    let (serve, place) = (Serve::start(), Place::new());
    let verify = || place.merotee(["verify-release-assets", KMS, "--format", "json"]).envs(serve.exports());
    verify().run().expect(0).says(&["using custom root github_root.json"]);
    let report = verify().env("MEROTEE_GITHUB_ROOT", "").run().expect(10).report();
    assert_eq!(statuses(&report, "release-attestation"), ["fail"]);
    let root = serve.export("MEROTEE_GITHUB_ROOT");
    verify().env("MEROTEE_GITHUB_ROOT", "").args(["--github-root", root]).run().expect(0);
}
