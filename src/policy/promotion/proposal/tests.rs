//! Branch, mark and files of a promotion.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use super::*;
use crate::subject::{profile::Profile, role::Role};

fn probe(time: &str) -> Probe {
    let text = format!("{{\"generated_at\": \"{time}\", \"source\": {{\"family\": \"kms\"}}}}");
    Probe::read("candidates.json", text.as_bytes(), None, Seal::Bundle("{}".to_owned())).expect("candidates")
}

fn change(probes: &[(Place, &Probe)], there: &[&str], version: Option<&Version>) -> Change {
    let base = "master".parse().expect("a branch");
    let proposal =
        Proposal { base: &base, branch: None, label: "policy-promotion", draft: false, version, commit: None };
    let policies = [("policies/p.json".to_owned(), "new".to_owned())];
    let there: Vec<String> = there.iter().map(|path| (*path).to_owned()).collect();
    proposal.change(&Content { policies: &policies, probes, there: &there, body: "body" })
}

fn place(profile: Profile, number: usize) -> Place {
    Place { target: Target { role: Role::Kms, profile }, number, part: Part::Candidates }
}

#[test]
fn the_branch_follows_from_targets_and_release_and_the_mark_from_the_candidates() {
    let (first, second) = (probe("1"), probe("2"));
    let one = change(&[(place(Profile::Debug, 1), &first)], &[], None);
    let other = change(&[(place(Profile::Debug, 1), &second)], &[], None);
    assert_eq!(one.branch.as_str(), "merotee/policy-promotion/kms-debug");
    assert_eq!(one.branch, other.branch);
    assert_ne!(one.mark, other.mark);
    assert_eq!(one.mark, change(&[(place(Profile::Debug, 1), &first)], &[], None).mark);
    let version = Version::new(1, 2, 0);
    let both = [(place(Profile::Debug, 1), &first), (place(Profile::LockedReadOnly, 1), &second)];
    let both = change(&both, &[], Some(&version));
    assert_eq!(both.branch.as_str(), "merotee/policy-promotion/kms-debug_kms-locked-read-only-1.2.0");
    assert_eq!(both.title, "Promote measured values of kms debug, kms locked-read-only for 1.2.0");
}

#[test]
fn evidence_that_is_no_longer_part_of_it_goes_and_nothing_else() {
    let first = probe("1");
    let there = [
        "policies/probes/kms-debug/1.candidates.json",
        "policies/probes/kms-debug/1.candidates.sig",
        "policies/probes/kms-debug/2.candidates.json",
        "policies/probes/kms-debug/README.md",
        "policies/probes/node-debug/2.candidates.json",
        "policies/p2.json",
    ];
    let change = change(&[(place(Profile::Debug, 1), &first)], &there, None);
    let files: Vec<_> = change.files.iter().map(|file| (file.path.as_str(), file.content.is_some())).collect();
    assert_eq!(
        files,
        [
            ("policies/p.json", true),
            ("policies/probes/kms-debug/1.candidates.json", true),
            ("policies/probes/kms-debug/1.candidates.bundle.json", true),
            ("policies/probes/kms-debug/1.candidates.sig", false),
            ("policies/probes/kms-debug/2.candidates.json", false),
        ]
    );
}
