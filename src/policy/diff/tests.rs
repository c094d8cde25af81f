//! Differences between policies, their admission and their structure.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{admission::Count, structure::StructuralChange, *};
use crate::policy::fixtures::{allowed, measurement, policy_json, read};

fn changed(profile: Profile, change: impl FnOnce(&mut Value)) -> Diff {
    let old = policy_json(profile);
    let mut new = old.clone();
    change(&mut new);
    Diff::of("a", "b", &[read(&old)], &[read(&new)])
}

fn add(document: &mut Value, list: &str, byte: u8) {
    document["policy"][list].as_array_mut().expect("a list").push(json!(measurement(byte).to_string()));
}

#[test]
fn the_same_file_has_no_difference_however_it_is_written() {
    assert!(changed(Profile::Debug, |_| {}).is_empty());
    let spelled = changed(Profile::Debug, |d| {
        let value = d["policy"]["kms_allowed_mrtd"][0].as_str().expect("hex").to_uppercase();
        d["policy"]["kms_allowed_mrtd"] = json!([format!("0x{value}"), value.to_lowercase()]);
    });
    assert!(spelled.is_empty(), "{spelled:#?}");
}

#[test]
fn an_added_value_says_how_many_combinations_it_admits() {
    let diff = changed(Profile::Debug, |d| {
        add(d, "kms_allowed_rtmr0", 0xa0);
        add(d, "kms_allowed_rtmr2", 0xa2);
    });
    let entry = &diff.files[0].roles[0];
    assert_eq!((entry.profile, entry.role), (Profile::Debug, Role::Kms));
    assert_eq!(entry.registers.iter().map(|r| r.register).collect::<Vec<_>>(), [Register::Rtmr0, Register::Rtmr2]);
    assert_eq!(entry.registers[0].change.added, [measurement(0xa0)]);
    assert_eq!((entry.admission.before, entry.admission.after), (Count::Exactly(1), Count::Exactly(4)));
    assert_eq!(entry.admission.newly, Count::Exactly(3));
    assert_eq!(entry.admission.with_one_of(Register::Rtmr0), Count::Exactly(2));
    assert!(!diff.is_structural());
    let text = human::render(&diff, false, 80);
    assert!(text.contains("newly admits it with any listed of 1 MRTD"), "{text}");
    assert!(text.contains("newly admits 3 combinations; 1 before, 4 now"), "{text}");
}

#[test]
fn the_page_says_in_one_sentence_which_profile_newly_admits_machines_and_as_what() {
    let page = |lists: &[&str]| {
        let diff = changed(Profile::LockedReadOnly, |d| {
            for list in lists {
                add(d, list, 0xa0);
            }
        });
        html::render(&diff).expect("a page")
    };
    let both = page(&["kms_allowed_rtmr0", "node_allowed_rtmr0"]);
    assert!(both.contains(">locked-read-only newly admits machines as kms and node.<"), "{both}");
    let one = page(&["node_allowed_rtmr0", "node_allowed_rtmr1"]);
    assert!(one.contains(">locked-read-only newly admits machines as node.<"), "{one}");
}

#[test]
fn an_emptied_list_and_a_status_that_is_not_ready_admit_without_bound() {
    let emptied = changed(Profile::Debug, |d| d["policy"]["node_allowed_rtmr1"] = json!([]));
    let entry = &emptied.files[0].roles[0];
    assert!(entry.registers[0].change.emptied);
    assert_eq!(entry.admission.newly, Count::Unbounded);
    let text = human::render(&emptied, false, 80);
    assert!(text.contains("constrains nothing: any value is"), "{text}");
    let unready = changed(Profile::Debug, |d| d["status"] = json!("policy_not_ready"));
    assert_eq!(unready.files[0].roles.len(), 2);
    assert!(unready.files[0].roles.iter().all(|s| s.admission.newly == Count::Unbounded));
    assert_eq!(unready.files[0].restated[0].place, "status");
}

#[test]
fn a_list_that_was_empty_never_reads_as_newly_admitting() {
    let old = {
        let mut d = policy_json(Profile::Debug);
        d["policy"]["node_allowed_tcb_statuses"] = json!([]);
        d
    };
    let diff = Diff::of("a", "b", &[read(&old)], &[read(&policy_json(Profile::Debug))]);
    let text = human::render(&diff, false, 200);
    assert!(text.contains("the list was empty and accepted any status; now only these"), "{text}");
    assert!(!text.contains("newly"), "{text}");
}

#[test]
fn tcb_statuses_and_compose_hashes_are_told_with_what_they_mean() {
    let diff = changed(Profile::Debug, |d| {
        d["policy"]["kms_allowed_tcb_statuses"] = json!(["uptodate", "OutOfDate"]);
        d["policy"]["kms_allowed_event_payload"] = json!(["cd".repeat(32)]);
    });
    let entry = &diff.files[0].roles[0];
    assert_eq!(entry.tcb.added, [TcbStatus::OutOfDate]);
    assert_eq!((entry.event_payloads.added.len(), entry.event_payloads.removed.len()), (1, 1));
    let text = human::render(&diff, false, 200);
    assert!(text.contains("firmware with published flaws") && text.contains("this compose hash"), "{text}");
}

#[test]
fn fields_that_come_go_or_change_type_are_structure_and_values_are_not() {
    let diff = changed(Profile::Debug, |d| {
        d["tag"] = json!("1.2.1");
        d["extra"] = json!({"a": 1});
        d["kms"] = json!({"attest_endpoint": "/attest"});
        d["policy"]["kms_allowed_rtmr3"] = json!("one");
        d["status"] = json!(null);
    });
    let file = &diff.files[0];
    let places: Vec<_> = file.structural.iter().map(|s| s.place.as_str()).collect();
    assert_eq!(places, ["extra", "kms", "policy.kms_allowed_rtmr3", "status"]);
    assert_eq!(file.structural[2].change, StructuralChange::Retyped { from: "list", to: "text" });
    assert_eq!(file.restated.iter().map(|r| r.place.as_str()).collect::<Vec<_>>(), ["tag"]);
    assert_eq!(file.malformed.len(), 1);
    assert!(diff.is_structural());
}

#[test]
fn values_that_say_how_attestation_works_are_structure() {
    let kms = |endpoint: &str| json!({"attest_endpoint": endpoint});
    let old = {
        let mut d = policy_json(Profile::Debug);
        d["kms"] = kms("/attest");
        d
    };
    let new = {
        let mut d = policy_json(Profile::Debug);
        d["kms"] = kms("/other");
        d["profile"] = json!("locked-read-only");
        d
    };
    let diff = Diff::of("a", "b", &[read(&old)], &[read(&new)]);
    let places: Vec<_> = diff.files[0].structural.iter().map(|s| s.place.as_str()).collect();
    assert_eq!(places, ["kms.attest_endpoint", "profile"]);
    assert_eq!(diff.files[0].roles.len(), 4, "one profile vanishes and another appears");
}

#[test]
fn files_are_paired_by_name_and_else_by_profile() {
    let old: Vec<_> = Profile::ALL.map(|p| read(&policy_json(p))).to_vec();
    let mut renamed = old.clone();
    for (policy, profile) in renamed.iter_mut().zip(Profile::ALL) {
        policy.name = format!("kms-phala-attestation-policy.{profile}.json");
    }
    assert!(Diff::of("a", "b", &old, &renamed).is_empty());
    let gone = Diff::of("a", "b", &old, &old[..2]);
    assert_eq!((gone.files.len(), gone.unchanged), (1, 2));
    assert_eq!((gone.files[0].from.is_some(), gone.files[0].to.is_some()), (true, false));
    assert!(gone.files[0].roles.iter().all(|s| s.admission.after == Count::Exactly(0)));
}

#[test]
fn hostile_text_stays_on_its_line_and_in_its_cell() {
    let diff = changed(Profile::Debug, |d| {
        d["::error::x\u{1b}[31m|<b>`@all"] = json!(1);
        d["tag"] = json!("1\n::stop-commands::x | <img src=x>");
    });
    let (human, markdown) = (human::render(&diff, false, 80), markdown::render(&diff));
    assert!(!human.contains('\u{1b}') && human.lines().all(|l| !l.trim_start().starts_with("::")), "{human}");
    assert!(!markdown.contains('\u{1b}') && markdown.lines().all(|l| !l.trim_start().starts_with("::")), "{markdown}");
    assert!(!markdown.replace('`', "").is_empty() && !markdown.contains("\n<img"));
    assert!(json::render(&diff).is_ok_and(|text| serde_json::from_str::<Value>(&text).is_ok()));
}

#[test]
fn a_difference_too_long_for_a_comment_is_cut_at_a_line_and_says_so() {
    let diff = changed(Profile::Debug, |d| {
        let many: Vec<_> = (0..2_000_u32).map(|n| json!(format!("{n:096x}"))).collect();
        d["policy"]["kms_allowed_mrtd"] = json!(many);
    });
    let text = markdown::render(&diff);
    assert!(text.chars().count() < 65_536 && text.contains("**Cut here"), "{}", text.len());
}

proptest! {
    #[test]
    fn counting_agrees_with_enumeration(
        before in proptest::array::uniform5(proptest::collection::btree_set(0_u8..4, 1..4)),
        after in proptest::array::uniform5(proptest::collection::btree_set(0_u8..4, 1..4)),
    ) {
        let combinations = |sets: &[BTreeSet<u8>; 5]| {
            let mut all: BTreeSet<Vec<u8>> = BTreeSet::from([Vec::new()]);
            for set in sets {
                all = all.iter().flat_map(|c| set.iter().map(move |v| [c.clone(), vec![*v]].concat())).collect();
            }
            all
        };
        let product = |sets: &[BTreeSet<u8>; 5]| {
            let lists: Vec<Vec<u8>> = sets.iter().map(|s| s.iter().copied().collect()).collect();
            Product::of(&allowed([&lists[0], &lists[1], &lists[2], &lists[3], &lists[4]]))
        };
        let counted = Admission::of(&product(&before), &product(&after));
        let (old, new) = (combinations(&before), combinations(&after));
        let exactly = |count: usize| Count::Exactly(count as u128);
        prop_assert_eq!(counted.newly, exactly(new.difference(&old).count()));
        prop_assert_eq!(counted.no_longer, exactly(old.difference(&new).count()));
        prop_assert_eq!((counted.before, counted.after), (exactly(old.len()), exactly(new.len())));
    }
}
