//! Isolation on literals, against brute force, and on large lists.
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::policy::fixtures::{allowed, measurement, only, policy, spoiled, statuses};

const NOT_ISOLATED: [&[u8]; 5] = [&[1], &[2], &[3], &[4], &[5]];

fn cohort(profile: Profile, allowed: &Allowed) -> Cohort<'_> {
    Cohort { source: profile.as_str(), profile, allowed, not_ready: false }
}

fn three(lists: [&Allowed; 3]) -> Vec<Finding> {
    let cohorts: Vec<_> = Profile::ALL.into_iter().zip(lists).map(|(p, a)| cohort(p, a)).collect();
    cohorts_isolated("node", &cohorts)
}

#[test]
fn profiles_that_differ_in_rtmr3_are_isolated() {
    let [debug, read_only, locked] = [5, 6, 7].map(|b| allowed([&[1], &[2], &[3], &[4], &[b]]));
    let findings = three([&debug, &read_only, &locked]);
    assert_eq!(statuses(&findings), [Status::Pass; 3]);
    assert_eq!(findings[0].message, "node: debug and debug-read-only are separated by RTMR3");
}

#[test]
fn identical_profiles_fail_with_a_machine_that_satisfies_both() {
    let same = allowed(NOT_ISOLATED);
    let findings = three([&same, &same, &same]);
    assert_eq!(findings.iter().filter(|f| f.status == Status::Fail).count(), 3);
    let last = &findings[4];
    assert_eq!((last.status, last.subject.as_str()), (Status::Fail, "locked-read-only"));
    assert_eq!(last.message, "node: debug-read-only and locked-read-only are not isolated: one machine satisfies both");
    assert_eq!(
        last.actual.as_deref(),
        Some(
            "accepted by both: MRTD 0101010101010101…, RTMR0 0202020202020202…, RTMR1 0303030303030303…, \
             RTMR2 0404040404040404…, RTMR3 0505050505050505…"
        )
    );
}

#[test]
fn another_register_separates_too_but_sharing_rtmr3_is_warned_about() {
    let debug = allowed(NOT_ISOLATED);
    let read_only = allowed([&[1], &[2], &[3], &[44], &[5, 6]]);
    let locked = allowed([&[1], &[2], &[3], &[45], &[7]]);
    let findings = three([&debug, &read_only, &locked]);
    assert_eq!(statuses(&findings), [Status::Pass, Status::Warn, Status::Pass, Status::Pass]);
    assert_eq!(findings[0].message, "node: debug and debug-read-only are separated by RTMR2");
    assert_eq!(findings[1].actual.as_deref(), Some("0505050505050505…"));
}

#[test]
fn lists_that_merely_differ_do_not_separate_when_they_share_a_value() {
    let debug = allowed([&[1, 9], &[2, 9], &[3, 9], &[4, 9], &[5, 9]]);
    let locked = allowed([&[1, 8], &[2, 8], &[3, 8], &[4, 8], &[5, 8]]);
    let other = allowed([&[7], &[7], &[7], &[7], &[7]]);
    let findings = three([&debug, &other, &locked]);
    assert_eq!(only(&findings, Status::Fail).subject, "locked-read-only");
}

#[test]
fn an_empty_list_never_separates() {
    let empty = allowed([&[1], &[2], &[3], &[4], &[]]);
    let filled = allowed(NOT_ISOLATED);
    let other = allowed([&[7], &[7], &[7], &[7], &[7]]);
    let finding = only(&three([&empty, &other, &filled]), Status::Fail);
    assert!(finding.actual.is_some_and(|a| a.ends_with("RTMR3 0505050505050505…")), "the value the other list allows");
    let nothing = Allowed::default();
    let findings = three([&nothing, &nothing, &nothing]);
    assert_eq!(statuses(&findings), [Status::Fail; 3]);
    assert!(findings[0].actual.as_ref().is_some_and(|a| a.ends_with("RTMR3 any value")));
}

#[test]
fn three_final_policies_are_isolated_on_both_sides() {
    let files = Profile::ALL.map(policy);
    let findings = policies(&files.each_ref());
    assert_eq!(statuses(&findings), [Status::Pass; 6]);
    assert!(findings[3].message.starts_with("node: "));
}

#[test]
fn a_profile_nobody_states_is_a_required_skip_and_no_policy_at_all_is_one_too() {
    let files = [policy(Profile::Debug), policy(Profile::LockedReadOnly)];
    let findings = policies(&files.each_ref());
    let skips = findings.iter().filter(|f| f.status == Status::SkippedRequired).count();
    assert_eq!((findings.len(), skips), (6, 4));
    assert_eq!(statuses(&policies(&[])), [Status::SkippedRequired]);
}

#[test]
fn pairs_with_an_unready_policy_are_skipped_and_the_others_judged() {
    let unready = spoiled(Profile::Debug, |d| d["status"] = json!("policy_not_ready"));
    let files = [unready, policy(Profile::DebugReadOnly), policy(Profile::LockedReadOnly)];
    let findings = policies(&files.each_ref());
    let one_side = [Status::Skipped, Status::Skipped, Status::Pass];
    assert_eq!(statuses(&findings), [one_side, one_side].concat());
}

#[test]
fn lists_of_a_hundred_thousand_values_are_compared_without_comparing_every_pair() {
    let value = |side: u8, n: u32| {
        let mut bytes = [side; 48];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        Measurement::from_bytes(bytes)
    };
    let large = |side: u8| {
        use crate::attestation::measurement::Registers;
        Allowed::new(Registers::from_fn(|_| (0..100_000).map(|n| value(side, n)).collect()), Vec::new())
    };
    // Every pair of values would take 5·10¹⁰ comparisons: minutes. This returns at once.
    assert_eq!(overlap(&large(1), &large(2), Register::Rtmr3), Overlap::Separate);
    assert_eq!(overlap(&large(1), &large(1), Register::Rtmr3), Overlap::Shared(value(1, 0)));
}

/// Whether `machine` is accepted, spelled out: each value in its list, and an empty list accepts anything.
fn accepts(policy: &Allowed, machine: [u8; 5]) -> bool {
    Register::ALL.into_iter().zip(machine).all(|(register, byte)| {
        let list = policy.register(register);
        list.is_empty() || list.contains(&measurement(byte))
    })
}

fn lists() -> impl Strategy<Value = Allowed> {
    proptest::collection::vec(proptest::collection::vec(0_u8..4, 0..3), 5)
        .prop_map(|l| allowed([&l[0], &l[1], &l[2], &l[3], &l[4]]))
}

proptest! {
    #[test]
    fn the_verdict_agrees_with_trying_every_machine(left in lists(), right in lists()) {
        let satisfies_both = (0..4_u32.pow(5)).any(|n| {
            let machine = [0, 2, 4, 6, 8].map(|shift| ((n >> shift) & 3) as u8);
            accepts(&left, machine) && accepts(&right, machine)
        });
        let pair = [cohort(Profile::Debug, &left), cohort(Profile::LockedReadOnly, &right)];
        let failed = cohorts_isolated("node", &pair).iter().any(|f| f.status == Status::Fail);
        prop_assert_eq!(failed, satisfies_both);
    }
}
