//! A hotfix's commit and the one of the tag it patches: every way they can lie to each other.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::{
    release::{
        checks::fixtures::snapshot,
        contract::Scope,
        signer::Signer,
        snapshot::{Signature, SignatureOutcome},
    },
    report::Status,
};

const TAG: &str = "mero-tee-v1.2.1";

/// A hotfix of two commits, from a release that lies on the default branch.
fn sound() -> Lineage {
    Lineage {
        patched: "mero-tee-v1.2.0".parse().unwrap(),
        patched_commit: "aa".into(),
        commit: "cc".into(),
        shared: Some("aa".into()),
        ahead: 2,
        trunk: Some(trunk("aa", "aa")),
    }
}

fn trunk(with_patched: &str, with_hotfix: &str) -> Trunk {
    Trunk { branch: "master".into(), with_patched: Some(with_patched.into()), with_hotfix: Some(with_hotfix.into()) }
}

fn outcome(lineage: Lineage) -> (Status, String) {
    let findings = judge(TAG, &lineage, None);
    assert_eq!(findings.len(), 1, "{findings:?}");
    (findings[0].status, findings[0].message.clone())
}

#[test]
fn commits_after_the_patched_tag_pass_and_are_counted() {
    let message = "2 commits after mero-tee-v1.2.0, none of the default branch";
    assert_eq!(outcome(sound()), (Status::Pass, message.into()));
}

#[test]
fn a_hotfix_that_is_wholly_on_the_default_branch_is_a_warning_for_a_person_to_look() {
    let (status, message) = outcome(Lineage { trunk: Some(trunk("aa", "cc")), ..sound() });
    assert_eq!(
        (status, message.as_str()),
        (Status::Warn, "2 commits after mero-tee-v1.2.0; master holds them as well")
    );
}

#[test]
fn without_a_known_default_branch_half_of_the_rule_is_undecided() {
    let (status, message) = outcome(Lineage { trunk: None, ..sound() });
    assert_eq!(status, Status::SkippedRequired);
    assert!(message.ends_with("no default branch to compare with"), "{message}");
}

#[test]
fn a_hotfix_of_a_hotfix_passes_when_neither_lies_on_the_default_branch() {
    assert_eq!(outcome(Lineage { trunk: Some(trunk("99", "99")), ..sound() }).0, Status::Pass);
}

#[test]
fn every_other_origin_fails() {
    let cases = [
        (Lineage { shared: Some("99".into()), ..sound() }, "does not branch from mero-tee-v1.2.0"),
        (Lineage { shared: Some("cc".into()), ..sound() }, "does not branch from mero-tee-v1.2.0"),
        (Lineage { shared: None, ..sound() }, "does not branch from mero-tee-v1.2.0"),
        (Lineage { commit: "aa".into(), ahead: 0, ..sound() }, "is the very commit of mero-tee-v1.2.0"),
        (Lineage { trunk: Some(trunk("aa", "bb")), ..sound() }, "brings commits of master"),
        (
            Lineage { trunk: Some(Trunk { with_patched: None, ..trunk("", "bb") }), ..sound() },
            "brings commits of master",
        ),
    ];
    for (lineage, expected) in cases {
        let (status, message) = outcome(lineage.clone());
        assert_eq!(status, Status::Fail, "{lineage:?}");
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn a_tag_that_was_moved_after_signing_fails_even_where_it_descends() {
    let findings = judge(TAG, &sound(), Some("dd"));
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].status, findings[0].message.contains("another commit")), (Status::Fail, true));
    assert_eq!(judge(TAG, &sound(), Some("CC"))[0].status, Status::Pass, "hex digits are one in any case");
}

#[test]
fn the_signed_commit_counts_when_it_was_signed_for_this_tag() {
    let of = |git_ref: &str| {
        let signer = Signer { source_ref: Some(git_ref.into()), source_commit: Some("dd".into()), ..Signer::default() };
        let mut snapshot = snapshot(&[], Scope::Whole);
        (snapshot.class, snapshot.tag) = (Class::Hotfix, TAG.parse().unwrap());
        snapshot.lineage = Available::Yes(sound());
        let outcome = SignatureOutcome::SignedBy(signer);
        snapshot.signatures = vec![Signature { asset: "checksums.sha256".into(), evidence: "e".into(), outcome }];
        hotfix_branch(&snapshot)[0].status
    };
    assert_eq!(of("refs/tags/mero-tee-v1.2.1"), Status::Fail);
    // Upstream's workflows ran on the branch, whose head may have gone on.
    assert_eq!(of("refs/heads/master"), Status::Pass);
}

#[test]
fn what_could_not_be_asked_is_never_a_pass() {
    let of = |lineage: Available<Lineage>| {
        let mut snapshot = snapshot(&[], Scope::Whole);
        (snapshot.class, snapshot.lineage) = (Class::Hotfix, lineage);
        hotfix_branch(&snapshot)[0].status
    };
    assert_eq!(of(Available::NotHere("no clone".into())), Status::Skipped);
    assert_eq!(of(Available::Failed("502".into())), Status::SkippedRequired);
    assert_eq!(of(Available::Absent("no tag".into())), Status::Missing);
}

#[test]
fn only_whole_hotfixes_are_asked() {
    let mut whole = snapshot(&[], Scope::Whole);
    assert!(!is_hotfix(&whole), "a stable release");
    whole.class = Class::Hotfix;
    assert!(is_hotfix(&whole));
    let mut quick = snapshot(&[], Scope::Quick);
    quick.class = Class::Hotfix;
    assert!(!is_hotfix(&quick));
}
