//! Fifty releases, ten of them broken in ten ways.

use std::collections::{BTreeMap, BTreeSet};

use merotee::{release::contract::Layout, sandbox::world::Ordered};

use super::{Ended, Repository, ordered, troubled, verdicts};
use crate::binary::Place;

/// What is broken, how, which check says so, and the verdict.
const BROKEN: [(&str, &str, &str, &str); 10] = [
    ("mero-kms-v2.0.24", "payload-byte", "checksum", "failed"),
    ("mero-tee-v2.0.23", "sbom-broken", "sbom", "failed"),
    ("mero-kms-v2.0.21", "asset-missing", "asset-present", "incomplete"),
    ("mero-kms-v2.0.19", "asset-unlisted", "asset-listed", "failed"),
    ("mero-kms-v2.0.16", "signature-other-file", "signature", "failed"),
    ("mero-kms-v2.0.14", "identity-workflow", "identity", "failed"),
    ("mero-kms-v2.0.12", "api-digest", "api-digest", "failed"),
    ("mero-kms-v2.0.9", "policy-not-isolated", "profile-isolation", "failed"),
    ("mero-kms-v2.0.5", "policy-not-ready", "policy-status", "failed"),
    ("mero-kms-v2.0.0", "notes-unpinned", "notes-image", "failed"),
];

/// Releases of 25 versions and both families, newest first, in all layouts.
fn fifty() -> Vec<Ordered> {
    let mut releases = Vec::new();
    for patch in (0..25).rev() {
        let layout = match patch {
            0 | 1 => Layout::Upstream,
            2..12 => Layout::Runbook,
            _ => Layout::Pipeline,
        };
        for family in ["mero-kms-v", "mero-tee-v"] {
            let tag = format!("{family}2.0.{patch}");
            let tampers: Vec<&str> = BROKEN.iter().filter(|row| row.0 == tag).map(|row| row.1).collect();
            releases.push(ordered(&tag, layout, &tampers));
        }
    }
    releases
}

#[test]
fn of_fifty_releases_exactly_the_ten_broken_ones_fail_each_by_its_check_and_again_without_downloads() {
    let repository = Repository::of(fifty());
    let (place, mut since) = (Place::new(), 0);
    let arguments = ["--recent", "50", "--cache", "audited", "--format", "json"];
    let first = Ended::of(repository.audit(&place, &arguments).start()).expect(10);
    assert_eq!(place.temporary(), [""; 0]);
    let report = first.report();
    judged_rightly(&report);
    let downloads =
        |asked: &[String]| asked.iter().filter(|path| path.contains("/releases/assets/")).cloned().collect::<Vec<_>>();
    let asked = repository.asked(&mut since);
    let distinct: BTreeSet<&String> = asked.iter().collect();
    // A list of releases, the catalog, and each asset once, whoever needs it: within GitHub's 5,000 an hour.
    assert_eq!(asked.len(), distinct.len(), "asked twice: {asked:?}");
    assert_eq!(asked.len(), 2 + downloads(&asked).len(), "{asked:?}");
    assert!((300..5_000).contains(&asked.len()), "{}", asked.len());
    // What is not what the API says it is was not remembered. Everything else was, and is not downloaded again.
    let second = Ended::of(repository.audit(&place, &arguments).start()).expect(10);
    judged_rightly(&second.report());
    let asked = repository.asked(&mut since);
    assert!(downloads(&asked).len() <= 2 && asked.len() == 2 + downloads(&asked).len(), "{asked:?}");
    let (first, second) = (sections(&report), sections(&second.report()));
    for (one, other) in first.iter().zip(&second) {
        assert_eq!(one, other);
    }
}

fn judged_rightly(report: &serde_json::Value) {
    let expected: BTreeMap<&str, &str> = BROKEN.iter().map(|row| (row.0, row.3)).collect();
    let verdicts = verdicts(report);
    assert_eq!(verdicts.len(), 50);
    for (tag, verdict) in &verdicts {
        let trouble = troubled(report, tag);
        assert_eq!(*verdict, *expected.get(tag).unwrap_or(&"passed"), "{tag}: {trouble:?}");
    }
    for (tag, kind, check, _) in BROKEN {
        let trouble = troubled(report, tag);
        assert!(trouble.contains(&check), "{kind} on {tag}: {trouble:?}");
    }
}

/// What is said of each release, whichever run said it.
fn sections(report: &serde_json::Value) -> Vec<(String, String)> {
    let sections = report["sections"].as_array().unwrap();
    sections.iter().map(|s| (s["subject"].to_string(), s["findings"].to_string())).collect()
}
