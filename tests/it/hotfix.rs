//! A hotfix, from its sample release to where its commit must come from.

use serde_json::Value;

use crate::binary::{Place, findings, statuses, usable};

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

/// A kept release, and a clone of its repository beside it.
fn with_a_clone() -> Option<Place> {
    if !usable("git", &["--version"]) {
        return None;
    }
    let place = Place::new();
    place.sandbox(["verify-release-assets", HOTFIX, "--keep", "kept"]).run().expect(0);
    place.merotee(["sandbox", "artifacts", "mero-kms-v1.2.1", "--out", "build"]).run().expect(0);
    Some(place)
}

/// What is said of the kept release by the clone.
fn by_the_clone(place: &Place, code: i32) -> Value {
    let local = ["--dir", "kept/mero-kms-v1.1.1", "--repo-dir", "build/repository"];
    let report = place.sandbox(AS_HOTFIX).args(local).run().expect(code).report();
    findings(&report).into_iter().find(|f| f["check"] == "hotfix-branch").unwrap().clone()
}

fn git(place: &Place, words: &[&str]) {
    place.program("git", [&["-C", "build/repository"], words].concat()).run().expect(0);
}

#[test]
fn a_clone_says_the_same_where_github_is_not_asked() {
    let Some(place) = with_a_clone() else { return };
    let found = by_the_clone(&place, 0);
    assert_eq!(found["status"], "pass");
    assert_eq!(found["message"], "1 commit after mero-kms-v1.1.0, none of the default branch");
    // A clone that was never told which branch is the default one.
    git(&place, &["symbolic-ref", "--delete", "refs/remotes/origin/HEAD"]);
    let found = by_the_clone(&place, 1);
    assert_eq!(found["status"], "skipped_required");
    assert!(found["message"].as_str().unwrap().ends_with("no default branch to compare with"), "{found}");
    assert!(found["help"].as_str().unwrap().contains("git remote set-head origin -a"), "{found}");
}

#[test]
fn without_github_and_without_a_clone_the_check_is_skipped_for_all_to_see() {
    let Some(place) = with_a_clone() else { return };
    let local = ["--dir", "kept/mero-kms-v1.1.1"];
    let report = place.sandbox(AS_HOTFIX).args(local).run().expect(0).report();
    assert_eq!(statuses(&report, "hotfix-branch"), ["skipped"]);
    assert!(report["caveats"].to_string().contains("hotfix-branch"), "{}", report["caveats"]);
    place.sandbox(AS_HOTFIX).args(["--repo-dir", "build/repository"]).run().expect(2).says(&["--dir"]);
}

#[test]
fn a_clone_that_cannot_say_gives_no_verdict_and_one_without_the_tag_is_incomplete() {
    let Some(place) = with_a_clone() else { return };
    place.write("build/repository/shallow", "");
    let head = place.program("git", ["-C", "build/repository", "rev-parse", "mero-kms-v1.1.1"]).run().stdout;
    place.write("build/repository/shallow", head);
    assert_eq!(by_the_clone(&place, 1)["status"], "skipped_required");
    std::fs::remove_file(place.path("build/repository/shallow")).unwrap();
    git(&place, &["update-ref", "-d", "refs/tags/mero-kms-v1.1.0"]);
    let found = by_the_clone(&place, 11);
    assert_eq!(found["status"], "missing");
    assert!(found["message"].as_str().unwrap().ends_with("has no tag mero-kms-v1.1.0"), "{found}");
    std::fs::remove_dir_all(place.path("build/repository")).unwrap();
    std::fs::create_dir(place.path("build/repository")).unwrap();
    assert_eq!(by_the_clone(&place, 1)["status"], "skipped_required");
}

#[test]
fn a_tag_that_was_moved_after_signing_and_one_beside_the_patched_release_fail() {
    let Some(place) = with_a_clone() else { return };
    git(&place, &["update-ref", "refs/tags/mero-kms-v1.1.1", "refs/heads/release/1.2"]);
    let found = by_the_clone(&place, 10);
    assert!(found["message"].as_str().unwrap().contains("another commit than the one that was signed"), "{found}");
    git(&place, &["update-ref", "refs/tags/mero-kms-v1.1.0", "refs/tags/mero-kms-v1.2.0"]);
    git(&place, &["update-ref", "refs/tags/mero-kms-v1.1.1", "refs/heads/release/1.1"]);
    let found = by_the_clone(&place, 10);
    assert!(found["message"].as_str().unwrap().starts_with("does not branch from mero-kms-v1.1.0"), "{found}");
}
