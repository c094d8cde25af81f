//! `release-notes check`: of files, of standard input, and of releases on GitHub.

use std::io::Write as _;

use crate::binary::{Place, findings};

const SECTIONS: [&str; 5] =
    ["Changelog", "Breaking changes", "Upgrade path", "MRTD/RTMR changes", "Compatible counterpart versions"];

fn notes() -> String {
    SECTIONS.iter().map(|heading| format!("## {heading}\n\nWhat there is to tell.\n\n")).collect()
}

#[test]
fn a_file_is_held_to_the_class_that_is_named_or_that_its_tag_has() {
    let place = Place::new();
    place.write("notes.md", notes());
    let check = |words: &[&str]| place.merotee(["release-notes", "check", "notes.md"]).args(words).run();
    insta::assert_snapshot!("check_file", check(&[]).expect(0).shown());
    check(&["--tag", "mero-tee-v1.2.0"]).expect(0);
    check(&["--tag", "mero-kms-v1.2.0"]).expect(10).says(&["notes-image", "the notes name no image"]);
    check(&["--tag", "mero-tee-v1.2.1", "--class", "hotfix"])
        .expect(10)
        .says(&["the section `Exact change` is missing"]);
    place.write("notes.md", notes().replacen("What there is to tell.", "- a fix\n- TODO: the rest", 1));
    insta::assert_snapshot!("check_gap", check(&["--class", "stable"]).expect(10).shown());
    check(&["--tag", "mero-tee-v1.2.0-rc.1"]).expect(10).says(&["a gap is left under `Changelog`"]);
    place.write("notes.md", "For testing.");
    check(&["--tag", "mero-tee-v1.2.0-rc.1"]).expect(0);
    let report = check(&["--tag", "mero-tee-v1.2.0", "--format", "json"]).expect(10).report();
    assert_eq!(findings(&report).len(), 5);
}

#[test]
fn standard_input_is_read_and_what_is_no_text_is_refused() {
    let place = Place::new();
    let mut child = place.merotee(["release-notes", "check", "-"]).with_input().start();
    child.stdin.take().unwrap().write_all(notes().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    place.write("notes.md", b"\xff\xfe");
    let refused = |words: &[&str]| place.merotee([&["release-notes", "check"], words].concat()).run();
    refused(&["notes.md"]).expect(2).without_product().says(&["notes.md: not UTF-8 text"]);
    refused(&["absent.md"]).expect(1).without_product().says(&["absent.md", "not a release tag"]);
    refused(&["mero-kms-v1.2.0", "--tag", "mero-kms-v1.2.0"]).expect(2).without_product().says(&["./NAME"]);
    refused(&[]).expect(2).without_product();
    place.write("1.2.0", notes());
    refused(&["./1.2.0"]).expect(0);
}

#[test]
fn a_release_is_asked_for_its_notes_and_a_version_for_those_of_both_families() {
    let place = Place::new();
    let check = ["release-notes", "check"];
    let run = place.sandbox(check).args(["mero-kms-v1.2.0"]).run().expect(0);
    insta::assert_snapshot!("check_release", run.shown());
    place.sandbox(check).args(["1.2.0"]).run().expect(0).says(&["mero-kms-v1.2.0", "mero-tee-v1.2.0", "PASSED"]);
    place.tampered("notes-unpinned", check).args(["mero-kms-v1.2.0"]).run().expect(10).says(&["notes-image"]);
    place.sandbox(check).args(["mero-kms-v1.2.0", "--class", "hotfix"]).run().expect(10).says(&["`Exact change`"]);
    let absent = place.sandbox(check).args(["mero-kms-v9.9.9"]).run();
    absent.expect(1).without_product().says(&["has no release mero-kms-v9.9.9"]);
}
