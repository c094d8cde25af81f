//! What is said of a change: never less than it admits.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::attestation::measurement::Register;
use crate::{
    policy::{
        diff::{Diff, Standing, admission::Count, human, wording},
        fixtures::{measurement, policy_json, read},
    },
    subject::{profile::Profile, role::Role},
};

fn add(document: &mut Value, list: &str, byte: u8) {
    document["policy"][list].as_array_mut().expect("a list").push(json!(measurement(byte).to_string()));
}

/// Two states of the debug policy, each the sound one changed.
fn between(old: impl FnOnce(&mut Value), new: impl FnOnce(&mut Value)) -> Diff {
    let mut documents = [policy_json(Profile::Debug), policy_json(Profile::Debug)];
    old(&mut documents[0]);
    new(&mut documents[1]);
    Diff::of("a", "b", &[read(&documents[0])], &[read(&documents[1])])
}

fn wide(diff: &Diff) -> String {
    human::render(diff, false, 400)
}

const SAME: &str = "the same machines as before";

#[test]
fn a_change_that_leaves_the_registers_alone_is_summed_up_by_what_it_admits() {
    let tcb = |old: Value, new: Value| {
        wide(&between(
            |d| d["policy"]["kms_allowed_tcb_statuses"] = old,
            |d| d["policy"]["kms_allowed_tcb_statuses"] = new,
        ))
    };
    let compose = |old: &[&str], new: &[&str]| {
        let list = |hashes: &[&str]| json!(hashes.iter().map(|h| h.repeat(32)).collect::<Vec<_>>());
        wide(&between(
            |d| d["policy"]["kms_allowed_event_payload"] = list(old),
            |d| d["policy"]["kms_allowed_event_payload"] = list(new),
        ))
    };
    let up = json!(["uptodate"]);
    for (text, sum) in [
        (tcb(up.clone(), json!(["uptodate", "OutOfDate"])), "newly admits platforms that are outofdate;"),
        (
            tcb(up.clone(), json!(["revoked", "outofdate"])),
            "newly admits platforms that are outofdate or revoked, no longer admits platforms that are uptodate;",
        ),
        (tcb(json!(["uptodate", "outofdate"]), up.clone()), "no longer admits platforms that are outofdate;"),
        (tcb(up.clone(), json!([])), "newly admits platforms of any status;"),
        (tcb(json!([]), up), "no longer admits platforms of any other status;"),
        (compose(&["ab"], &["ab", "cd"]), "newly admits 1 compose hash;"),
        (compose(&["ab"], &["cd", "ef"]), "newly admits 2 compose hashes, no longer admits 1 compose hash;"),
        (compose(&["ab", "cd"], &["ab"]), "no longer admits 1 compose hash;"),
        (compose(&["ab"], &[]), "newly admits any compose hash;"),
        (compose(&[], &["ab"]), "no longer admits any other compose hash;"),
    ] {
        assert!(text.contains(&format!("= in all   {sum} 1 combination of registers, as before")), "{sum}: {text}");
        assert!(!text.contains(SAME), "{text}");
    }
    let both = wide(&between(
        |_| {},
        |d| {
            add(d, "kms_allowed_rtmr0", 0xa0);
            d["policy"]["kms_allowed_tcb_statuses"] = json!(["uptodate", "outofdate"]);
        },
    ));
    assert!(both.contains("newly admits 1 combination and platforms that are outofdate; 1 before, 2 now"), "{both}");
}

#[test]
fn what_is_written_differently_and_means_the_same_is_no_difference() {
    type Change = fn(&mut Value);
    let same: [(Change, Change); 6] = [
        (
            |d| add(d, "kms_allowed_mrtd", 0x70),
            |d| {
                d["policy"]["kms_allowed_mrtd"] =
                    json!([format!("0X{}", "70".repeat(48)), "0x".to_owned() + &"11".repeat(48)]);
            },
        ),
        (|_| {}, |d| d["policy"]["kms_allowed_tcb_statuses"] = json!(["UpToDate"])),
        (|_| {}, |d| d["policy"]["node_allowed_tcb_statuses"] = json!(["up-to-date", "UP_TO_DATE", "uptodate"])),
        (
            |d| add(d, "node_allowed_rtmr2", 0x70),
            |d| {
                let list = d["policy"]["node_allowed_rtmr2"].clone();
                d["policy"]["node_allowed_rtmr2"] = json!(["70".repeat(48), list[0], list[0]]);
            },
        ),
        (|_| {}, |d| d["policy"]["kms_allowed_event_payload"] = json!(["AB".repeat(32)])),
        (
            |d| d["status"] = json!("policy_not_ready"),
            |d| {
                d["status"] = json!("policy_not_ready");
                d["policy"]["kms_allowed_tcb_statuses"] = json!(["upToDate"]);
            },
        ),
    ];
    for (index, (old, new)) in same.into_iter().enumerate() {
        let diff = between(old, new);
        assert!(diff.is_empty(), "{index}: {diff:#?}");
    }
    // An absent list is an empty one to a reader: the structure changes, and no list.
    let diff = between(
        |d| drop(d["policy"].as_object_mut().expect("lists").remove("kms_allowed_event_payload")),
        |d| d["policy"]["kms_allowed_event_payload"] = json!([]),
    );
    assert!(diff.files[0].roles.is_empty() && diff.is_structural());
    assert!(wide(&diff).contains("= no list changes\n"), "{}", wide(&diff));
}

fn draft(document: &mut Value) {
    document["status"] = json!("policy_not_ready");
}

fn emptied(document: &mut Value) {
    for list in document["policy"].as_object_mut().expect("lists").values_mut() {
        *list = json!([]);
    }
}

#[test]
fn a_first_promotion_reads_as_what_it_newly_admits_whatever_the_draft_listed() {
    type Change = fn(&mut Value);
    let alarming = |d: &mut Value| {
        d["policy"]["node_allowed_rtmr3"] = json!(["00".repeat(48)]);
        d["policy"]["node_allowed_tcb_statuses"] = json!(["uptodate", "OutOfDate", "Revoked"]);
    };
    let drafts: [(&str, Change); 10] = [
        ("empty lists", |d| {
            draft(d);
            emptied(d);
        }),
        ("no lists", |d| {
            draft(d);
            d["policy"] = json!({});
        }),
        ("the very lists", draft),
        ("other lists", |d| {
            draft(d);
            d["policy"]["node_allowed_rtmr3"] = json!(["70".repeat(48)]);
        }),
        ("the alarms already", |d| {
            draft(d);
            d["policy"]["node_allowed_rtmr3"] = json!(["00".repeat(48)]);
            d["policy"]["node_allowed_tcb_statuses"] = json!(["uptodate", "outofdate", "revoked"]);
        }),
        ("half of the lists", |d| {
            draft(d);
            d["policy"]["node_allowed_tcb_statuses"] = json!([]);
        }),
        ("a word that means nothing", |d| d["status"] = json!("draft")),
        ("a status that is no text", |d| {
            d["status"] = json!(7);
            emptied(d);
        }),
        ("lists that are none", |d| {
            draft(d);
            d["policy"]["node_allowed_rtmr3"] = json!("any");
        }),
        ("malformed lists", |d| {
            draft(d);
            d["policy"]["node_allowed_tcb_statuses"] = json!(["fine"]);
        }),
    ];
    for (what, old) in drafts {
        let diff = between(old, alarming);
        let text = wide(&diff);
        assert_eq!(diff.files[0].roles.len(), 2, "{what}: {text}");
        for entry in &diff.files[0].roles {
            assert_eq!(entry.standing, Standing::Promoted, "{what}");
            assert_eq!(entry.registers.len(), 5, "{what}: every list is new");
            assert_eq!(
                (entry.admission.before, entry.admission.newly),
                (Count::Exactly(0), Count::Exactly(1)),
                "{what}"
            );
        }
        for said in [
            "! status   final for the first time: all that is listed is newly admitted",
            "1 combination; all zeros: nothing was ever measured into it",
            "newly admits every machine listed on platforms of this status: firmware with published flaws",
            "of this status: Intel no longer vouches for it; must never be allowed",
            "= in all   newly admits 1 combination; 0 before, 1 now",
        ] {
            assert!(text.contains(said), "{what}: `{said}` is not in {text}");
        }
        assert!(!text.contains(SAME) && !text.contains("accepted before"), "{what}: {text}");
    }
}

#[test]
fn alarms_sound_whatever_the_old_list_was() {
    for (list, alarming, alarm) in [
        ("kms_allowed_tcb_statuses", "Revoked".to_owned(), "must never be allowed"),
        ("node_allowed_tcb_statuses", "out_of_date".to_owned(), "firmware with published flaws"),
        ("node_allowed_tcb_statuses", "OutOfDateConfigurationNeeded".to_owned(), "firmware with published flaws"),
        ("kms_allowed_tcb_statuses", "SWHardeningNeeded".to_owned(), "Intel asks for mitigations"),
        ("kms_allowed_rtmr3", "00".repeat(48), "all zeros: nothing was ever measured"),
        ("node_allowed_mrtd", format!("0x{}", "00".repeat(48)), "all zeros: nothing was ever measured"),
    ] {
        let other = if list.ends_with("statuses") { "configurationneeded".to_owned() } else { "70".repeat(48) };
        for old in [json!(null), json!([]), json!([other]), json!([other, other]), json!("any"), json!(["?"])] {
            let text = wide(&between(
                |d| match old.is_null() {
                    true => drop(d["policy"].as_object_mut().expect("lists").remove(list)),
                    false => d["policy"][list] = old.clone(),
                },
                |d| d["policy"][list] = json!([alarming]),
            ));
            assert!(text.contains(alarm), "{list} was {old}: {text}");
            assert!(!text.contains(SAME), "{list} was {old}: {text}");
        }
    }
}

#[test]
fn a_list_that_could_not_be_read_is_not_taken_for_one_that_accepted_anything() {
    let text = wide(&between(|d| d["policy"]["kms_allowed_rtmr0"] = json!("any"), |_| {}));
    assert!(text.contains("newly admits it with any listed of") && text.contains("0 before, 1 now"), "{text}");
}

#[test]
fn a_policy_that_is_taken_back_or_stays_a_draft_says_that_any_machine_is_taken() {
    for emptying in [true, false] {
        let text = wide(&between(
            |_| {},
            |d| {
                draft(d);
                if emptying {
                    emptied(d)
                }
            },
        ));
        assert!(
            text.contains("! status   policy_not_ready, and was final: newly admits any genuine machine"),
            "{text}"
        );
        assert!(text.contains("in all   newly admits any number of combinations; 1 before, any now"), "{text}");
    }
    // Even one whose lists admitted anything to some readers.
    let text = wide(&between(emptied, draft));
    assert!(text.contains("in all   newly admits any genuine machine"), "{text}");
    let text = wide(&between(draft, |d| {
        draft(d);
        add(d, "kms_allowed_rtmr0", 0);
    }));
    assert!(text.contains("policy_not_ready before and now: these lists are not enforced yet"), "{text}");
    assert!(text.contains("all zeros") && !text.contains(SAME), "{text}");
}

#[test]
fn a_file_that_changes_its_profile_is_newly_admitted_under_the_other_one() {
    let text = wide(&between(|_| {}, |d| d["profile"] = json!("locked-read-only")));
    assert!(text.contains("profile was \"debug\" and is \"locked-read-only\""), "{text}");
    assert_eq!(text.matches("in all   newly admits 1 combination; 0 before, 1 now").count(), 2, "{text}");
    assert_eq!(text.matches("in all   no longer admits 1 combination; 1 before, 0 now").count(), 2, "{text}");
}

#[test]
fn a_node_file_of_three_profiles_is_told_profile_by_profile() {
    let lists = |byte: u8| {
        let mut lists = json!({"allowed_tcb_statuses": ["UpToDate"]});
        for register in Register::ALL {
            lists[format!("allowed_{}", register.as_str())] = json!([measurement(byte).to_string()]);
        }
        lists
    };
    let file = |status: &str, debug: Value, locked: Value| {
        read(&json!({"schema_version": 1, "policy_id": "n", "release_tag": "2.1.4", "status": status,
            "profiles": {"debug": debug, "debug-read-only": lists(2), "locked-read-only": locked}}))
    };
    let old = file("approved", lists(1), lists(3));
    let mut outdated = lists(3);
    outdated["allowed_tcb_statuses"] = json!(["uptodate", "outofdate"]);
    let text = wide(&Diff::of("a", "b", std::slice::from_ref(&old), &[file("approved", lists(1), outdated)]));
    assert!(text.contains("locked-read-only · node") && !text.contains("debug · node"), "{text}");
    assert!(text.contains("in all   newly admits platforms that are outofdate"), "{text}");
    let text = wide(&Diff::of("a", "b", &[file("draft", lists(1), lists(3))], &[old]));
    assert_eq!(text.matches("final for the first time").count(), 3, "{text}");
}

/// Lists as documents have them, empty and absent ones among them.
fn any_document() -> impl Strategy<Value = Value> {
    use proptest::{collection::vec, option, sample::select};
    let registers = vec(option::weighted(0.9, vec(0_u8..3, 0..3)), 10);
    let words = ["UpToDate", "uptodate", "OutOfDate", "revoked", "SW_Hardening_Needed", "fine"];
    let statuses = vec(option::weighted(0.9, vec(select(words.to_vec()), 0..3)), 2);
    let payloads = option::weighted(0.9, vec(0_u8..3, 0..3));
    let status = option::of(select(vec!["ready", "ready", "policy_not_ready", "draft"]));
    (registers, statuses, payloads, status).prop_map(|(registers, statuses, payloads, status)| {
        let mut lists = serde_json::Map::new();
        let (mut registers, mut statuses) = (registers.into_iter(), statuses.into_iter());
        for role in Role::ALL.map(Role::as_str) {
            for register in Register::ALL.map(Register::as_str) {
                if let Some(Some(bytes)) = registers.next() {
                    let values: Vec<_> = bytes.iter().map(|byte| measurement(*byte).to_string()).collect();
                    lists.insert(format!("{role}_allowed_{register}"), json!(values));
                }
            }
            if let Some(Some(words)) = statuses.next() {
                lists.insert(format!("{role}_allowed_tcb_statuses"), json!(words));
            }
        }
        if let Some(bytes) = payloads {
            let hashes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}").repeat(32)).collect();
            lists.insert("kms_allowed_event_payload".to_owned(), json!(hashes));
        }
        let mut document =
            json!({"schema_version": 1, "role": "kms", "profile": "debug", "tag": "1.2.0", "policy": lists});
        if let Some(status) = status {
            document["status"] = json!(status);
        }
        document
    })
}

proptest! {
    #[test]
    fn the_sum_never_denies_what_a_line_says(old in any_document(), new in any_document()) {
        let diff = Diff::of("a", "b", &[read(&old)], &[read(&new)]);
        for entry in diff.files.iter().flat_map(|file| &file.roles) {
            let lines = wording::lines(entry, &mut wording::Legend::default());
            let sum = wording::in_all(entry);
            let newly = lines.iter().any(|line| line.meaning.contains("newly admits"));
            prop_assert!(!sum.contains(SAME) || lines.is_empty(), "{sum}: {entry:#?}");
            prop_assert!(!newly || sum.contains("newly admits") || entry.standing == Standing::Draft, "{sum}: {entry:#?}");
            let emptied = lines.iter().any(|line| line.meaning.contains("constrains nothing"));
            prop_assert!(!emptied || sum.contains("newly admits") || entry.standing == Standing::Draft, "{sum}: {entry:#?}");
        }
        let same = Diff::of("a", "b", &[read(&new)], &[read(&new)]);
        prop_assert!(same.is_empty());
    }
}
