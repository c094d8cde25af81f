//! What it takes that a guardrail was made at all. What each makes of releases that are spoilt is tried through the binary.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::report::Status;

fn pair() -> Pair {
    let profiles = vec![Profile::Debug, Profile::LockedReadOnly];
    Pair { kms: "mero-kms-v1.2.0".parse().unwrap(), node: "mero-tee-v1.2.0".parse().unwrap(), profiles }
}

fn scheme(pairs: Vec<Pair>, left_out: usize) -> Scheme {
    let listed = pairs.iter().map(|pair| pair.kms.clone()).collect();
    Scheme { listed, unlisted: Vec::new(), pairs, left_out }
}

fn statuses(made: &Made) -> Vec<Status> {
    made.findings.iter().map(|finding| finding.status).collect()
}

fn worst(made: &Made) -> crate::report::Verdict {
    crate::report::Verdict::of(made.findings.iter())
}

#[test]
fn a_pair_of_unreleased_versions_is_passed_over_and_nothing_else_is() {
    let pair = pair();
    let with = |kms: &Known<KmsRelease>, left_out| {
        let both = [Both { pair: &pair, kms, node: &Known::NotReleased }];
        statuses(&cross_version(&scheme(vec![pair.clone()], left_out), &both))
    };
    // Nothing was tried, which is no pass.
    assert_eq!(with(&Known::NotReleased, 0), [Status::Skipped, Status::Skipped, Status::SkippedRequired]);
    assert_eq!(with(&Known::NotTrusted("x".into()), 0), [Status::Fail, Status::Skipped]);
    assert_eq!(with(&Known::Unknown("x".into()), 0), [Status::SkippedRequired, Status::Skipped]);
    assert_eq!(
        with(&Known::Unknown("x".into()), 3),
        [Status::SkippedRequired, Status::Skipped, Status::SkippedRequired]
    );
}

#[test]
fn a_release_that_the_catalog_does_not_list_is_missing() {
    let tag: Tag = "mero-kms-v9.9.9".parse().unwrap();
    let nothing = Scheme { listed: Vec::new(), unlisted: vec![tag], pairs: Vec::new(), left_out: 0 };
    assert_eq!(statuses(&cross_version(&nothing, &[])), [Status::Missing]);
}

#[test]
fn isolation_wants_every_node_to_have_asked_every_kms() {
    let pair = pair();
    let both = Both { pair: &pair, kms: &Known::NotReleased, node: &Known::NotReleased };
    let made = isolation(&both, &[]);
    assert_eq!(statuses(&made), [Status::SkippedRequired; 6], "two KMSs, three nodes each");
    let answer = KeyAnswer::NoVerdict("connection refused".to_owned());
    let heard = Heard { kms: Profile::Debug, node: Profile::Debug, answer, registers: None, kms_registers: None };
    assert_eq!(statuses(&isolation(&both, &[heard])), [Status::SkippedRequired; 6]);
}

#[test]
fn without_an_older_release_no_policy_is_stale_and_one_that_cannot_be_read_is_no_verdict() {
    let pair = pair();
    let published = crate::policy::mrtds::PublishedMrtds::parse("p", b"{\"profiles\":{}}").unwrap();
    let kms = Known::Stated(KmsRelease { tag: pair.kms.clone(), policies: Vec::new(), published: None });
    let node = Known::Stated(NodeRelease { tag: pair.node.clone(), published });
    let with = |older: &[(Tag, Known<KmsRelease>)]| {
        let new = Both { pair: &pair, kms: &kms, node: &node };
        stale_policy(&Stale { new, older, heard: &[], seen: &[] })
    };
    assert_eq!(statuses(&with(&[])), [Status::Skipped]);
    let older = ("mero-kms-v1.1.0".parse().unwrap(), Known::Unknown("no answer".to_owned()));
    assert_eq!(statuses(&with(&[older])), [Status::SkippedRequired]);
    let unread = Both { pair: &pair, kms: &Known::NotReleased, node: &node };
    assert_eq!(
        worst(&stale_policy(&Stale { new: unread, older: &[], heard: &[], seen: &[] })),
        crate::report::Verdict::Undecided
    );
}
