//! Every row of `docs/tampering.md` against the binary: the document is the test's table, so neither can go stale alone.

pub(crate) mod document;

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;

use self::document::{Document, Row};
use crate::binary::{Place, findings, statuses};

/// Every sample release, newest first.
const SAMPLES: [&str; 8] = [
    "mero-kms-v1.3.0-rc.1",
    "mero-kms-v1.2.0",
    "mero-tee-v1.2.0",
    "mero-kms-v1.1.1",
    "mero-kms-v1.1.0",
    "mero-tee-v1.1.0",
    "mero-kms-v1.0.0",
    "mero-tee-v1.0.0",
];

#[test]
fn every_row_of_the_document_is_caught_with_its_code_by_its_check_and_by_name() {
    let document = Document::read();
    let runs: Vec<(&Row, &str)> =
        document.tampers.iter().flat_map(|row| row.releases.iter().map(move |tag| (row, tag.as_str()))).collect();
    assert!(runs.len() > 100, "the table is cut short: {}", runs.len());
    each(&runs, |(row, tag)| {
        let place = Place::new();
        let command = ["verify-release-assets", tag, "--format", "json"];
        let run = place.tampered(&row.kind, command).args(class_of(&row.kind)).run();
        let report = if run.code == row.exit { run.report() } else { Value::Null };
        row.unmet(tag, run.code, &report)
    });
}

#[test]
fn the_last_line_for_people_gives_the_verdict_and_a_line_above_it_the_reason() {
    let document = Document::read();
    each(&document.tampers, |row| {
        let tag = row.releases.first().unwrap();
        let run = Place::new().tampered(&row.kind, ["verify-release-assets", tag]).args(class_of(&row.kind)).run();
        let word = if row.exit == 11 { "INCOMPLETE" } else { "FAILED" };
        let last = run.stdout.lines().last().unwrap_or_default();
        let told = run.stdout.lines().any(|line| {
            ["[FAIL] ", "[MISS] "].iter().any(|tag| line.starts_with(tag))
                && [&row.check, &row.names].iter().all(|word| line.contains(word.as_str()))
        });
        let verdict = last.starts_with(&format!("{tag}: {word} — ")) && run.code == row.exit;
        (!verdict || !told).then(|| format!("{} on {tag}: {}", row.kind, run.shown()))
    });
}

#[test]
fn every_mistake_of_the_document_is_caught_on_an_untouched_release() {
    let document = Document::read();
    assert!(document.mistakes.len() >= 5);
    each(&document.mistakes, |row| {
        let place = Place::new();
        let run = place.sandbox(["verify-release-assets", "--format", "json"]).args(row.kind.split(' ')).run();
        let report = if run.code == row.exit { run.report() } else { Value::Null };
        row.unmet(row.kind.split(' ').next().unwrap(), run.code, &report)
    });
}

#[test]
fn the_document_and_the_program_know_the_same_kinds() {
    let listed = Place::new().merotee(["sandbox", "--tamper", "list"]).run().expect(0);
    assert_eq!(listed.stderr, "");
    let mut kinds = BTreeSet::new();
    for line in listed.stdout.lines() {
        let (kind, does) = line.split_once("  ").unwrap_or_else(|| panic!("no two spaces: {line:?}"));
        assert!(
            !kind.is_empty() && kind.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{line}"
        );
        assert!(does.trim_start().contains(' '), "it does not say what it does: {line}");
        assert!(kinds.insert(kind.to_owned()), "twice: {kind}");
    }
    let document = Document::read();
    let of_releases = document.tampers.iter().map(|row| row.kind.clone());
    let documented: BTreeSet<String> = of_releases.chain(document.services.into_iter().map(|row| row.kind)).collect();
    assert_eq!(documented, kinds);
}

#[test]
fn every_release_a_kind_is_not_documented_for_is_refused_and_both_are_named() {
    let document = Document::read();
    let kinds: BTreeSet<&str> = document.tampers.iter().map(|row| row.kind.as_str()).collect();
    let documented = |kind: &str, tag: &str| document.rows_of(kind).any(|row| row.releases.iter().any(|r| r == tag));
    let pairs: Vec<(&str, &str)> = kinds
        .into_iter()
        .flat_map(|kind| SAMPLES.map(|tag| (kind, tag)))
        .filter(|(kind, tag)| !documented(kind, tag))
        .collect();
    assert!(pairs.contains(&("policy-tag", "mero-tee-v1.2.0")));
    assert!(pairs.contains(&("log-entry-forged", "mero-kms-v1.1.0")));
    each(&pairs, |(kind, tag)| {
        let run = Place::new().tampered(kind, ["verify-release-assets", tag]).run();
        let named = run.stderr.contains(kind) && run.stderr.contains(tag) && run.stderr.starts_with("[ERROR] ");
        (run.code != 2 || !named || !run.stdout.is_empty()).then(|| format!("{kind} on {tag}: {}", run.shown()))
    });
}

#[test]
fn every_kind_is_tried_in_all_layouts_it_applies_to_and_on_both_families() {
    let document = Document::read();
    let covered = |kind: &str| {
        let releases: BTreeSet<&str> = document.rows_of(kind).flat_map(|r| &r.releases).map(String::as_str).collect();
        SAMPLES.iter().filter(|tag| releases.contains(**tag)).count()
    };
    for everywhere in ["payload-byte", "checksum-entry", "asset-missing", "signature-missing", "identity-ref"] {
        assert_eq!(covered(everywhere), SAMPLES.len(), "{everywhere}");
    }
    for row in &document.tampers {
        assert!(document.rows_of(&row.kind).any(|r| r.releases.iter().any(|tag| tag.contains("kms"))), "{}", row.kind);
    }
}

#[test]
fn every_untouched_sample_passes() {
    each(&SAMPLES, |tag| {
        let run = Place::new().sandbox(["verify-release-assets", tag, "--format", "json"]).run();
        let passed = run.code == 0 && run.report()["verdict"] == "passed";
        (!passed).then(|| format!("{tag}: {}", run.shown()))
    });
}

#[test]
fn a_release_candidate_passes_as_one_and_says_what_it_must_not_be_used_for() {
    let run = Place::new().sandbox(["verify-release-assets", "mero-kms-v1.3.0-rc.1", "--format", "json"]).run();
    let report = run.expect(0).report();
    assert_eq!(report["sections"][0]["facts"]["class"], "rc");
    assert_eq!(statuses(&report, "policy-status"), ["warn"; 3]);
    assert!(report["counts"]["warnings"].as_u64() >= Some(3));
    let warned = findings(&report).into_iter().find(|f| f["check"] == "policy-status").unwrap();
    assert!(warned["message"].as_str().unwrap().contains("accepts any genuine machine"), "{warned}");
}

#[test]
fn several_kinds_at_once_are_all_caught() {
    let kinds = ["--tamper", "api-digest", "--tamper", "policy-tag", "--tamper", "asset-traversal"];
    let command = ["--", "verify-release-assets", "mero-kms-v1.2.0", "--format", "json"];
    let report = Place::new().merotee(["sandbox"]).args(kinds).args(command).run().expect(10).report();
    for check in ["api-digest", "policy-tag", "asset-name"] {
        assert!(statuses(&report, check).contains(&"fail"), "{check}");
    }
    // A failure outweighs what is missing.
    let kinds = ["--tamper", "signature-missing", "--tamper", "sbom-broken"];
    let report = Place::new().merotee(["sandbox"]).args(kinds).args(command).run().expect(10).report();
    assert_eq!(statuses(&report, "signature"), ["missing"]);
    assert!(statuses(&report, "sbom").contains(&"fail"));
}

#[test]
fn an_unknown_kind_and_a_release_that_is_not_there_are_usage_errors() {
    let run = Place::new().tampered("paint-it-red", ["verify-release-assets", "mero-kms-v1.2.0"]).run();
    run.expect(2).says(&["`paint-it-red` is not a kind of tampering", "--tamper list"]).without_product();
    let run = Place::new().tampered("api-digest", ["verify-release-assets", "mero-kms-v8.8.8"]).run();
    run.expect(2).says(&["no release mero-kms-v8.8.8"]).without_product();
}

#[test]
fn a_kind_that_touches_one_of_two_releases_spoils_that_one_only() {
    let run = Place::new().tampered("policy-tag", ["verify-release-assets", "1.2.0", "--format", "json"]).run();
    let report = run.expect(10).report();
    let verdicts: Vec<_> = report["sections"].as_array().unwrap().iter().map(|s| &s["verdict"]).collect();
    assert_eq!(verdicts, ["failed", "passed"]);
}

#[test]
fn a_kind_that_spoils_a_service_is_refused_by_a_command_that_asks_nothing_of_it() {
    let document = Document::read();
    assert!(!document.services.is_empty());
    each(&document.services, |row| {
        let kind = &row.kind;
        let run = Place::new().tampered(kind, ["verify-release-assets", "mero-kms-v1.2.0"]).run();
        let named = run.stderr.contains(kind.as_str()) && run.stderr.contains("asks nothing of");
        (run.code != 2 || !named || !run.stdout.is_empty()).then(|| format!("{kind}: {}", run.shown()))
    });
}

#[test]
fn a_rehearsal_that_would_spoil_nothing_the_command_reads_is_refused() {
    let place = Place::new();
    let catalog = r#"{"schema_version":"1","entries":[]}"#;
    place.write("catalog.json", catalog);
    place.write("compatibility-catalog.json", catalog);
    std::fs::create_dir(place.path("folder")).unwrap();
    let serve = ["kms", "serve", "--check", "--kms-version", "1.2.0", "--profile", "debug"];
    let with = |words: &[&'static str]| [&serve[..], words].concat();
    let guard = |tag: &'static str| vec!["dependency-guard", "--tag", tag, "--policies", "folder"];
    let none = "reads none from there";
    let runs: Vec<(&str, Vec<&str>, &str)> = vec![
        ("payload-byte", vec!["catalog", "check", "1.2.0", "1.2.0"], none),
        ("payload-byte", vec!["catalog", "check", "1.2.0", "1.2.0", "--catalog", "catalog.json"], none),
        ("payload-byte", vec!["catalog", "show"], none),
        ("payload-byte", vec!["catalog", "add", "1.2.0", "1.2.0", "--untested"], none),
        ("payload-byte", vec!["verify-release-assets", "mero-kms-v1.2.0", "--dir", "folder"], none),
        ("policy-tag", with(&["--policy-file", "policy.json"]), none),
        ("policy-tag", with(&["--policy-url", "http://127.0.0.1:9/policy.json"]), none),
        ("policy-tag", with(&["--use-env-policy"]), none),
        // What is read is of the other family.
        ("policy-tag", guard("mero-kms-v1.2.0"), "--tamper policy-tag cannot touch mero-tee-v"),
    ];
    each(&runs, |(kind, words, why)| {
        let run = place.tampered(kind, words).run();
        (run.code != 2 || !run.stderr.contains(why) || !run.stdout.is_empty())
            .then(|| format!("{kind} {words:?}: {}", run.shown()))
    });
    assert_eq!(place.read("compatibility-catalog.json"), catalog);
    // What it does read is spoilt, and found.
    place.kept("mero-kms-v1.2.0");
    for tag in ["mero-kms-v1.2.0", "mero-tee-v1.2.0"] {
        let words = ["dependency-guard", "--tag", tag, "--policies", "kept/mero-kms-v1.2.0"];
        place.tampered("mrtd-malformed", words).run().expect(10).says(&["not trusted: "]);
    }
}

/// Options without which nobody looks for what a kind spoils.
fn class_of(kind: &str) -> &'static [&'static str] {
    if kind == "hotfix-branch" { &["--class", "hotfix"] } else { &[] }
}

/// Runs `test` on each item, as many at a time as there are processors, and fails with everything that was wrong.
#[track_caller]
pub(crate) fn each<T: Sync>(items: &[T], test: impl Fn(&T) -> Option<String> + Sync) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::SeqCst)) {
            if let Some(why) = test(item) {
                wrong.lock().unwrap().push(why);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} went wrong:\n{}", wrong.len(), items.len(), wrong.join("\n"));
}
