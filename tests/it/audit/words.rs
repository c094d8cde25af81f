//! Arguments, and what people, scripts and workflows are told.

use merotee::release::contract::Layout;

use super::{Repository, ordered, troubled, verdicts};
use crate::binary::Place;

const KMS: &str = "mero-kms-v1.2.0";
const NODE: &str = "mero-tee-v1.2.0";

#[test]
fn without_arguments_the_newest_releases_of_both_families_are_audited() {
    let report = Place::new().sandbox(["audit", "--format", "json"]).run().expect(0).report();
    let verdicts = verdicts(&report);
    assert!(verdicts.len() >= 7 && verdicts.contains_key(KMS) && verdicts.contains_key(NODE), "{verdicts:?}");
    assert!(verdicts.values().all(|verdict| *verdict == "passed"), "{verdicts:?}");
    let facts = &report["sections"][0]["facts"];
    assert!(facts["class"].is_string() && facts["layout"].is_string(), "{facts}");
    let node = Place::new().sandbox(["audit", "--family", "node", "--recent", "2", "--format", "json"]).run();
    let node = node.expect(0).report();
    assert_eq!(super::verdicts(&node).into_keys().collect::<Vec<_>>(), ["mero-tee-v1.1.0", NODE]);
}

#[test]
fn tags_are_audited_once_each_and_a_bare_version_is_both() {
    let report = Place::new().sandbox(["audit", "1.2.0", KMS, "--format", "json"]).run().expect(0).report();
    let subjects: Vec<_> = report["sections"].as_array().unwrap().iter().map(|s| s["subject"].clone()).collect();
    assert_eq!(subjects, [KMS, NODE]);
    let one = Place::new().sandbox(["audit", "1.2.0", "--family", "kms", "--format", "json"]).run().expect(0).report();
    assert_eq!(verdicts(&one).into_keys().collect::<Vec<_>>(), [KMS]);
}

#[test]
fn a_release_that_is_not_there_has_no_verdict_and_the_others_are_judged() {
    let run = Place::new().sandbox(["audit", "mero-kms-v9.9.9", NODE, "--format", "json"]).run().expect(1);
    let report = run.report();
    assert_eq!(verdicts(&report)["mero-kms-v9.9.9"], "no_verdict");
    assert_eq!(verdicts(&report)[NODE], "passed");
    assert_eq!(troubled(&report, "mero-kms-v9.9.9"), ["release"]);
    // Alone as well: it is a report, and no pass.
    let run = Place::new().sandbox(["audit", "mero-kms-v9.9.9"]).run().expect(1);
    run.says(&["has no release mero-kms-v9.9.9", "NO VERDICT", "check the tag"]);
    // A failure weighs more.
    let run = Place::new().tampered("payload-byte", ["audit", "mero-kms-v9.9.9", NODE]).run();
    assert_eq!(run.code, 2, "a release that is not there cannot be spoiled: {}", run.shown());
}

#[test]
fn arguments_that_make_no_sense_are_refused_before_anything_is_asked() {
    for (arguments, says) in [
        (&["--recent", "0"][..], "--recent"),
        (&["--recent=-1"], "--recent"),
        (&["--recent", "many"], "--recent"),
        (&["--recent", "3", KMS], "cannot be used with"),
        (&["latest"], "not a release tag"),
        (&[KMS, "--family", "node"], "none of the tags is of the family"),
        (&["--family", "kms-phala"], "--family"),
        (&["--class", "stable"], "TAG"),
        (&["--jobs", "0"], "--jobs"),
        (&["--cache="], "a value is required for '--cache <DIR>'"),
    ] {
        let words = [&["audit"], arguments].concat();
        Place::new().sandbox(words).run().expect(2).says(&[says]).without_product();
    }
}

#[test]
fn more_releases_than_there_are_is_said_and_no_error() {
    let run = Place::new().sandbox(["audit", "--family", "node", "--recent", "500"]).run().expect(0);
    run.says(&["of the 500 releases asked for"]);
}

#[test]
fn a_table_comes_first_and_then_what_is_wrong_with_each() {
    let tag = |n: usize, family: &str| format!("mero-{family}-v6.0.{n}");
    let releases = vec![
        ordered(&tag(2, "kms"), Layout::Pipeline, &["policy-not-ready", "notes-unpinned"]),
        ordered(&tag(2, "tee"), Layout::Pipeline, &[]),
        ordered(&tag(1, "kms"), Layout::Runbook, &["asset-missing"]),
        ordered(&tag(1, "tee"), Layout::Runbook, &[]),
    ];
    let (repository, place) = (Repository::of(releases), Place::new());
    let run = repository.audit(&place, &["--recent", "4"]).env("COLUMNS", "100").run().expect(10);
    let reset = regex::Regex::new(r"until \d{4}-[-0-9T:]+Z").unwrap();
    let shown = reset.replace_all(&run.shown(), "until TIME").into_owned();
    insta::assert_snapshot!("four_releases_of_which_two_are_broken", shown);
    let markdown = repository.audit(&place, &["--recent", "4", "--format", "markdown"]).run().expect(10).stdout;
    let row = "| FAILED | mero-kms-v6.0.2 | stable | pipeline | policy-status, notes-image |";
    assert!(markdown.contains(row), "{markdown}");
    for format in ["sarif", "html"] {
        let product = repository.audit(&place, &["--recent", "4", "--format", format]).run().expect(10).stdout;
        assert!(product.contains("mero-kms-v6.0.2") && product.contains("notes-image"), "{format}");
    }
}

#[test]
fn annotations_of_a_workflow_are_bounded_however_many_releases_fail() {
    let place = Place::new();
    let summary = place.write("summary.md", "");
    let output = place.write("output", "");
    let run = place
        .tampered("payload-byte", ["audit"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary)
        .env("GITHUB_OUTPUT", &output)
        .run()
        .expect(10);
    let annotations = |level: &str| run.stderr.lines().filter(|line| line.starts_with(level)).count();
    assert_eq!(annotations("::error "), 10, "{}", run.stderr);
    assert!(annotations("::warning ") <= 10);
    assert!(place.read("summary.md").contains("| FAILED | mero-kms-v1.2.0 |"));
    assert!(place.read("output").contains("verdict=failed"));
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_early_does_not_change_the_verdict() {
    let place = Place::new();
    let script = "\"$0\" sandbox --tamper sbom-broken -- audit 2>errors | head -n 1; echo ${PIPESTATUS[0]}";
    if !crate::binary::usable("bash", &["-c", "true"]) {
        return;
    }
    let run = place.program("bash", ["-c", script, crate::binary::BINARY]).run().expect(0);
    assert!(run.stdout.ends_with("\n10\n"), "{}{}", run.stdout, place.read("errors"));
}
