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
    Scheme { listed, unlisted: Vec::new(), pairs, left_out, known: Vec::new() }
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
    let known = ["mero-kms-v1.10.0", "mero-kms-v1.9.0", "mero-tee-v7.0.0"].map(|tag| tag.parse().unwrap()).to_vec();
    let nothing = Scheme { listed: Vec::new(), unlisted: vec![tag], pairs: Vec::new(), left_out: 0, known };
    let made = cross_version(&nothing, &[]);
    assert_eq!(statuses(&made), [Status::Missing]);
    let help = made.findings.first().and_then(|finding| finding.help.clone()).unwrap();
    assert!(help.contains("1.9.0 to 1.10.0"), "{help}");
}

#[test]
fn isolation_wants_every_node_to_have_asked_every_kms() {
    let pair = pair();
    let both = Both { pair: &pair, kms: &Known::NotReleased, node: &Known::NotReleased };
    let made = isolation(&both, &[]);
    assert_eq!(statuses(&made), [Status::SkippedRequired], "nothing was asked");
    let answer = KeyAnswer::NoVerdict("connection refused".to_owned());
    let heard = Heard { kms: Profile::Debug, node: Profile::Debug, answer, registers: None, kms_registers: None };
    let made = isolation(&both, &[heard]);
    assert_eq!(made.rows.len(), 6, "two KMSs, three nodes each");
    assert_eq!(statuses(&made), [Status::SkippedRequired; 4], "one reason is said once");
}

#[test]
fn without_an_older_release_no_policy_is_stale_and_one_that_cannot_be_read_is_no_verdict() {
    let pair = pair();
    let published = crate::policy::mrtds::PublishedMrtds::parse("p", b"{\"profiles\":{}}").unwrap();
    let kms = Known::Stated(KmsRelease { tag: pair.kms.clone(), policies: Vec::new(), published: None });
    let node = Known::Stated(NodeRelease { tag: pair.node.clone(), published });
    let with = |older: &[(Tag, Known<KmsRelease>)]| {
        let new = Both { pair: &pair, kms: &kms, node: &node };
        stale_policy(&Stale { new, older, heard: &[], seen: &[], unasked: &[] })
    };
    assert_eq!(statuses(&with(&[])), [Status::Skipped]);
    let older = ("mero-kms-v1.1.0".parse().unwrap(), Known::Unknown("no answer".to_owned()));
    assert_eq!(statuses(&with(&[older])), [Status::SkippedRequired]);
    let unread = Both { pair: &pair, kms: &Known::NotReleased, node: &node };
    let made = stale_policy(&Stale { new: unread, older: &[], heard: &[], seen: &[], unasked: &[] });
    assert_eq!(worst(&made), crate::report::Verdict::Undecided);
    // A KMS that was named is not passed over in silence, not even where no policy is stale.
    let unasked = [(Profile::Debug, "no node of debug is named".to_owned())];
    let new = Both { pair: &pair, kms: &kms, node: &node };
    let made = stale_policy(&Stale { new, older: &[], heard: &[], seen: &[], unasked: &unasked });
    assert_eq!(statuses(&made), [Status::SkippedRequired, Status::Skipped]);
}

#[test]
fn the_newest_stale_release_that_cannot_be_tried_is_no_verdict_although_an_older_one_can() {
    let tag: Tag = "mero-kms-v1.1.1".parse().unwrap();
    for (known, status) in [
        (Known::Unknown("no answer".to_owned()), Status::SkippedRequired),
        (Known::NotTrusted("a signature".to_owned()), Status::SkippedRequired),
        (
            Known::Stated(KmsRelease { tag: tag.clone(), policies: Vec::new(), published: None }),
            Status::SkippedRequired,
        ),
        (Known::NotReleased, Status::Skipped),
    ] {
        let finding = passed_over(&(tag.clone(), known));
        assert_eq!((finding.status, finding.subject.as_str()), (status, "mero-kms-v1.1.1"));
    }
}
