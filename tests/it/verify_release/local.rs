//! `--keep`, and `--dir` on what was kept.

use super::{KMS, NODE, only};
use crate::binary::{Place, statuses};

#[test]
fn what_was_kept_verifies_offline_and_checks_only_github_could_answer_are_shown_as_skipped() {
    let place = Place::new();
    place.kept(KMS);
    assert!(place.names(&format!("kept/{KMS}")).contains(&"release-notes.md".to_owned()));
    // The counterpart's measurements were fetched to compare with, so they were kept too.
    assert!(place.names(&format!("kept/{NODE}")).contains(&"published-mrtds.json".to_owned()));
    for dir in ["kept".to_owned(), format!("kept/{KMS}")] {
        let command = ["verify-release-assets", KMS, "--dir", &dir, "--offline", "--format", "json"];
        let report = place.sandbox(command).run().expect(0).report();
        assert_eq!(report["sections"][0]["facts"]["folder"], format!("kept/{KMS}"));
        for check in ["api-digest", "asset-size", "catalog"] {
            assert_eq!(only(&report, check)["status"], "skipped", "{check}");
        }
        assert_eq!(statuses(&report, "counterpart-measurements"), ["pass"; 3]);
        assert_eq!(only(&report, "signature")["status"], "pass");
    }
}

#[test]
fn a_counterpart_that_is_not_there_is_a_visible_skip_and_one_elsewhere_can_be_named() {
    let place = Place::new();
    place.kept(KMS);
    std::fs::rename(place.path("kept").join(NODE), place.path("elsewhere")).unwrap();
    let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"];
    let report = place.sandbox(command).run().expect(0).report();
    let skipped = only(&report, "counterpart-measurements");
    assert_eq!(skipped["status"], "skipped");
    assert!(skipped["message"].as_str().unwrap().contains("--counterpart-dir"), "{skipped}");
    let report = place.sandbox(command).args(["--counterpart-dir", "elsewhere"]).run().expect(0).report();
    assert_eq!(statuses(&report, "counterpart-measurements"), ["pass"; 3]);
    std::fs::write(place.path("elsewhere/published-mrtds.json"), "{}").unwrap();
    let report = place.sandbox(command).args(["--counterpart-dir", "elsewhere"]).run().expect(10).report();
    assert_eq!(only(&report, "counterpart-measurements")["subject"], NODE);
}

#[test]
fn a_bare_version_verifies_one_folder_a_tag_and_names_the_one_that_is_not_there() {
    let place = Place::new();
    place.kept("1.2.0");
    let command = ["verify-release-assets", "1.2.0", "--dir", "kept", "--offline"];
    place.sandbox(command).run().expect(0).says(&["verify-release-assets: PASSED, 8 checks not made — "]);
    std::fs::remove_dir_all(place.path("kept").join(NODE)).unwrap();
    let run = place.sandbox(command).run().expect(1);
    assert!(run.stdout.contains(&format!("cannot list kept/{NODE}")), "{}", run.stdout);
    let passed = run.stdout.lines().any(|line| line.starts_with("PASSED ") && line.ends_with(KMS));
    assert!(passed, "the other one is judged all the same: {}", run.stdout);
}

#[test]
fn a_file_changed_on_disk_is_caught_and_so_is_one_that_was_slipped_in() {
    let place = Place::new();
    place.kept(NODE);
    let sbom = place.read(&format!("kept/{NODE}/sbom.spdx.json")).replace("3.5.0", "3.5.1");
    place.write(&format!("kept/{NODE}/sbom.spdx.json"), sbom);
    place.write(&format!("kept/{NODE}/extra.json"), "{}");
    let command = ["verify-release-assets", NODE, "--dir", "kept", "--offline", "--format", "json"];
    let report = place.sandbox(command).run().expect(10).report();
    assert!(statuses(&report, "checksum").contains(&"fail"));
    assert_eq!(only(&report, "asset-listed")["subject"], "extra.json");
    assert!(statuses(&report, "sbom").iter().all(|status| *status == "pass"));
}

#[test]
fn detached_signatures_need_the_log_so_offline_there_is_no_verdict_and_a_wrong_one_still_fails() {
    let place = Place::new();
    for tag in ["mero-kms-v1.1.0", "mero-kms-v1.0.0"] {
        place.kept(tag);
        let command = ["verify-release-assets", tag, "--dir", "kept", "--offline", "--format", "json"];
        let report = place.sandbox(command).run().expect(1).report();
        assert_eq!(report["verdict"], "no_verdict");
        assert!(statuses(&report, "signature").iter().all(|status| *status == "skipped_required"));
        let online = ["verify-release-assets", tag, "--dir", "kept"];
        place.sandbox(online).run().expect(0);
    }
    place.write("kept/mero-kms-v1.1.0/checksums.txt", "changed\n");
    let command = ["verify-release-assets", "mero-kms-v1.1.0", "--dir", "kept", "--offline", "--format", "json"];
    let report = place.sandbox(command).run().expect(10).report();
    assert_eq!(only(&report, "signature")["status"], "fail");
}

#[test]
fn the_catalog_and_the_notes_can_be_given_as_files() {
    let place = Place::new();
    place.kept(KMS);
    let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"];
    let catalog = |pair: &str| {
        let profiles = r#"["debug","debug-read-only","locked-read-only"]"#;
        let entry =
            format!(r#"{{"kms":"1.2.0","node_image":"{pair}","profiles":{profiles},"tested":true,"notes":"x"}}"#);
        place.write("catalog.json", format!(r#"{{"schema_version":"1","entries":[{entry}]}}"#));
        place.sandbox(command).args(["--catalog", "catalog.json"]).run()
    };
    assert_eq!(only(&catalog("1.2.0").expect(0).report(), "catalog")["status"], "pass");
    // Paired with a release that is nowhere to be found.
    let report = catalog("1.4.0").expect(0).report();
    assert!(only(&report, "counterpart-measurements")["message"].as_str().unwrap().contains("mero-tee-v1.4.0"));
    place.write("notes.md", "Nothing to say.\n");
    let report = place.sandbox(command).args(["--notes", "notes.md"]).run().expect(10).report();
    assert_eq!(only(&report, "notes-image")["status"], "fail");
}

#[test]
fn options_that_contradict_each_other_are_usage_errors() {
    let place = Place::new();
    for (arguments, named) in [
        (&["--offline"][..], "--dir"),
        (&["--keep", "a", "--dir", "b"], "--keep"),
        (&["--notes", "x"], "--dir"),
        (&["--jobs", "0"], "--jobs"),
        (&["--class", "beta"], "--class"),
    ] {
        place.merotee(["verify-release-assets", KMS]).args(arguments).run().expect(2).says(&[named]).without_product();
    }
}
