//! A hotfix, from its sample release to where its commit must come from.

use crate::binary::{Place, findings, statuses};

const HOTFIX: &str = "mero-kms-v1.1.1";
const AS_HOTFIX: [&str; 6] = ["verify-release-assets", HOTFIX, "--class", "hotfix", "--format", "json"];

#[test]
fn the_sample_hotfix_passes_as_one_and_the_report_says_how_far_it_is_from_the_patched_release() {
    let report = Place::new().sandbox(AS_HOTFIX).run().expect(0).report();
    assert_eq!(report["sections"][0]["facts"]["class"], "hotfix");
    let found = findings(&report).into_iter().find(|f| f["check"] == "hotfix-branch").unwrap();
    assert_eq!(found["status"], "pass");
    assert_eq!(found["message"], "1 commit after mero-kms-v1.1.0, none of the default branch");
    let sections = findings(&report).into_iter().filter(|f| f["check"] == "notes-sections");
    assert_eq!(sections.count(), 9, "the five of a stable release and the four of a hotfix");
}

#[test]
fn a_hotfix_without_its_reasons_in_the_notes_is_incomplete_or_failed() {
    let report = Place::new().sandbox(["verify-release-assets", "mero-kms-v1.2.0", "--class", "hotfix"]).run();
    // 1.2.0 patches nothing, and says nothing of an incident.
    report.expect(10).says(&["a hotfix patches a stable release", "CVE or incident reference"]);
}

#[test]
fn a_release_that_is_not_a_hotfix_is_not_asked_where_it_branched() {
    let report = Place::new().sandbox(["verify-release-assets", HOTFIX, "--format", "json"]).run().expect(0).report();
    assert_eq!(statuses(&report, "hotfix-branch"), [""; 0]);
    let quick = Place::new().sandbox(AS_HOTFIX).args(["--quick"]).run().expect(0).report();
    assert_eq!(statuses(&quick, "hotfix-branch"), [""; 0]);
}

#[test]
fn a_hotfix_made_from_the_default_branch_is_refused() {
    let run = Place::new().tampered("hotfix-branch", AS_HOTFIX).run().expect(10);
    let report = run.report();
    let found = findings(&report).into_iter().find(|f| f["check"] == "hotfix-branch").unwrap();
    assert_eq!(found["status"], "fail");
    assert!(found["message"].as_str().unwrap().starts_with("brings commits of master"), "{found}");
    // Everything else is as sound as it was: the wrong commit was signed like a right one.
    let failed = findings(&report).into_iter().filter(|f| f["status"] == "fail");
    assert_eq!(failed.count(), 1, "{}", run.shown());
}
