//! Texts in many hands, changed in one place each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::digest::Sha256;

const NAME: &str = "compatibility-catalog.json";

/// Written by hand: blanks, order, escapes and fields of its author's own.
const OURS: &str = r#"{
    "$schema" : "./schemas/compatibility-catalog.schema.json",
    "schema_version": "1",
    "entries": [
        {
            "node_image": "1.2.0",
            "kms": "1.2.0",
            "profiles": ["debug", "debug-read-only", "locked-read-only"],
            "x-owner":  {"team":"tee","n":1.50},
            "tested": true,
            "notes": "caf\u00e9"
        },
        { "kms": "1.2.0", "node_image": "1.1.0", "profiles": ["locked-read-only"], "tested": false }
    ],
    "x-tail": [ ]
}

"#;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn report(n: u8) -> Evidence {
    Evidence { command: "e2e".to_owned(), sha256: Sha256::from_bytes([n; 32]) }
}

fn pair(kms: &str, node: &str) -> Statement {
    let (kms, node_image) = (version(kms), version(node));
    Statement { kms, node_image, profiles: Profile::ALL.to_vec(), evidence: vec![report(1)], notes: None }
}

fn added(text: &str, statement: &Statement) -> Result<Edited, EditError> {
    let repository = "o/r".parse().unwrap();
    add(NAME, text.as_bytes(), statement, &Releases { server: "https://github.com", repository: &repository })
}

fn read(text: &str) -> Catalog {
    Catalog::parse(NAME, text.as_bytes()).unwrap()
}

/// What `new` holds more than `old`, when it is only in one place more.
#[track_caller]
fn inserted<'n>(old: &str, new: &'n str) -> &'n str {
    let before = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    let after = old.bytes().rev().zip(new.bytes().rev()).take_while(|(a, b)| a == b).count();
    let after = after.min(old.len() - before);
    assert_eq!(before + after, old.len(), "something else changed:\n{new}");
    &new[before..new.len() - after]
}

#[test]
fn a_new_pair_is_written_as_the_entries_beside_it_are_and_nothing_else_changes() {
    let edited = added(OURS, &pair("1.0.0", "1.0.0")).unwrap();
    let digest = "01".repeat(32);
    assert_eq!(
        inserted(OURS, &edited.text).trim_start_matches(','),
        format!(
            "\n        {{\"kms\": \"1.0.0\", \"node_image\": \"1.0.0\", \"profiles\": [\"debug\", \"debug-read-only\", \
             \"locked-read-only\"], \"tested\": true, \"evidence\": [{{\"report\": \"e2e\", \"sha256\": \"{digest}\"}}]}}"
        )
    );
    assert_eq!(edited.changes, ["KMS 1.0.0 with node image 1.0.0 is now listed in all three profiles, tested"]);
}

#[test]
fn a_list_that_goes_down_stays_so_and_the_neighbour_above_gives_the_layout() {
    let edited = added(OURS, &pair("1.2.0", "1.1.5")).unwrap();
    let versions: Vec<_> = read(&edited.text).entries.iter().map(|e| e.node_image.to_string()).collect();
    assert_eq!(versions, ["1.2.0", "1.1.5", "1.1.0"]);
    let text = inserted(OURS, &edited.text);
    assert!(
        text.contains("\n            \"tested\": true,\n            \"evidence\": [\n                {\"report\""),
        "{text}"
    );
    let edited = added(OURS, &pair("2.0.0", "2.0.0")).unwrap();
    assert_eq!(read(&edited.text).entries[0].kms, version("2.0.0"));
}

#[test]
fn an_empty_list_is_filled_in_the_documents_hand_and_emptied_again() {
    for (empty, expected) in [
        (
            "{\n  \"schema_version\": \"1\",\n  \"entries\": []\n}\n",
            "{\n  \"schema_version\": \"1\",\n  \"entries\": [\n    {\n      \"kms\": \"1.2.0\",\n      \"node_image\": \"1.1.0\",\n      \
             \"profiles\": [\"debug\"],\n      \"tested\": false,\n      \"notes\": \"why\"\n    }\n  ]\n}\n",
        ),
        (
            "{\r\n\t\"entries\": [ ],\r\n\t\"schema_version\": \"1\"\r\n}",
            "{\r\n\t\"entries\": [\r\n\t\t{\r\n\t\t\t\"kms\": \"1.2.0\",\r\n\t\t\t\"node_image\": \"1.1.0\",\r\n\t\t\t\
             \"profiles\": [\"debug\"],\r\n\t\t\t\"tested\": false,\r\n\t\t\t\"notes\": \"why\"\r\n\t\t}\r\n\t],\r\n\t\"schema_version\": \"1\"\r\n}",
        ),
        (
            r#"{"schema_version":"1","entries":[]}"#,
            r#"{"schema_version":"1","entries":[{"kms":"1.2.0","node_image":"1.1.0","profiles":["debug"],"tested":false,"notes":"why"}]}"#,
        ),
    ] {
        let statement = Statement {
            profiles: vec![Profile::Debug],
            evidence: Vec::new(),
            notes: Some("why".to_owned()),
            ..pair("1.2.0", "1.1.0")
        };
        let edited = added(empty, &statement).unwrap();
        assert_eq!(edited.text, expected);
        let back = remove(NAME, edited.text.as_bytes(), &statement.kms, &statement.node_image).unwrap();
        assert_eq!(back.text, empty.replace("[ ]", "[]"));
    }
}

#[test]
fn a_listed_pair_gains_profiles_and_evidence_and_keeps_the_bytes_of_its_other_fields() {
    let locked = Statement { profiles: vec![Profile::LockedReadOnly], ..pair("1.2.0", "1.1.0") };
    let edited = added(OURS, &locked).unwrap();
    assert!(edited.text.contains(r#""profiles": ["locked-read-only"], "tested": true, "evidence": [{"report""#));
    assert!(edited.text.contains("\"x-owner\":  {\"team\":\"tee\",\"n\":1.50}") && edited.text.contains(r"caf\u00e9"));
    assert_eq!(edited.changes.len(), 2, "{:?}", edited.changes);
    let debug = Statement { profiles: vec![Profile::Debug], evidence: vec![report(2)], ..locked.clone() };
    let twice = added(&edited.text, &debug).unwrap();
    let entry = &read(&twice.text).entries[1];
    assert_eq!(entry.profiles, [Profile::Debug, Profile::LockedReadOnly]);
    assert_eq!(entry.evidence, ["01".repeat(32), "02".repeat(32)]);
    let again = added(&twice.text, &debug).unwrap();
    assert_eq!((again.text, again.changes.len()), (twice.text, 0), "what is said already changes nothing");
}

#[test]
fn a_profile_that_was_listed_without_a_test_is_not_tested_by_a_test_in_another() {
    let untested = Statement { evidence: Vec::new(), ..pair("1.0.0", "1.0.0") };
    let text = added(OURS, &untested).unwrap().text;
    let locked = Statement { profiles: vec![Profile::LockedReadOnly], ..pair("1.0.0", "1.0.0") };
    let edited = added(&text, &locked).unwrap();
    let entry = read(&edited.text).lists(&locked.kms, &locked.node_image).unwrap().clone();
    assert!(entry.tested && entry.profiles == [Profile::LockedReadOnly], "{entry:?}");
    assert!(edited.changes[0].contains("locked-read-only instead of all three profiles"), "{:?}", edited.changes);
}

#[test]
fn a_tested_pair_does_not_become_untested_and_a_doubtful_catalog_is_left_alone() {
    let untested = Statement { evidence: Vec::new(), ..pair("1.2.0", "1.2.0") };
    assert!(matches!(added(OURS, &untested), Err(EditError::AlreadyTested(..))));
    let twice = OURS.replace("1.1.0", "1.2.0");
    assert!(matches!(added(&twice, &pair("1.2.0", "1.2.0")), Err(EditError::Twice(..))));
    let malformed = OURS.replace("\"1.1.0\"", "7");
    let error = added(&malformed, &pair("1.0.0", "1.0.0")).unwrap_err().to_string();
    assert_eq!(error, "1 of its entries cannot be read, the first at entries[1].node_image");
    let odd = OURS.replace("\"tested\": false", "\"tested\": false, \"evidence\": \"see the wiki\"");
    let error = added(&odd, &pair("1.2.0", "1.1.0")).unwrap_err().to_string();
    assert_eq!(error, "1 of its entries cannot be read, the first at entries[1].evidence");
    for text in ["", "[]", "{}", "{\"entries\": [], \"entries\": []}"] {
        assert!(matches!(added(text, &pair("1.0.0", "1.0.0")), Err(EditError::Unreadable(_))), "{text}");
    }
}

#[test]
fn upstreams_form_takes_addresses_after_its_neighbours_and_only_what_it_can_say() {
    let upstream = r#"{
  "schema_version": 1,
  "releases": [
    {
      "version": "2.3.7",
      "kms_tag": "mero-kms-v2.3.7",
      "node_image_tag": "mero-tee-v2.3.7",
      "kms_policy_url": "https://github.com/o/r/releases/download/mero-kms-v2.3.7/kms-phala-attestation-policy.json",
      "node_policy_url": "https://github.com/o/r/releases/download/mero-tee-v2.3.7/published-mrtds.json"
    }
  ]
}
"#;
    let edited = added(upstream, &Statement { evidence: vec![report(1)], ..pair("2.3.8", "2.3.8") }).unwrap();
    let of_new = inserted(upstream, &edited.text);
    let of_old = upstream.split("\"releases\": [").nth(1).unwrap().split("\n    }").next().unwrap();
    assert!(of_new.contains(&of_old.replace("2.3.7", "2.3.8")), "{of_new}");
    let only = |statement: Statement| added(upstream, &statement).unwrap_err().to_string();
    assert!(only(pair("2.3.8", "2.3.7")).ends_with("pairs of one version only"));
    assert!(only(Statement { evidence: Vec::new(), ..pair("2.3.8", "2.3.8") }).ends_with("tested pairs only"));
    let debug = Statement { profiles: vec![Profile::Debug], ..pair("2.3.8", "2.3.8") };
    assert!(only(debug).ends_with("every pair in all three profiles"));
}

#[test]
fn each_pair_taken_out_leaves_the_others_as_they_were() {
    let without_first = remove(NAME, OURS.as_bytes(), &version("1.2.0"), &version("1.2.0")).unwrap().text;
    assert!(
        without_first.contains("\"entries\": [\n        { \"kms\": \"1.2.0\", \"node_image\": \"1.1.0\""),
        "{without_first}"
    );
    let without_last = remove(NAME, OURS.as_bytes(), &version("1.2.0"), &version("1.1.0")).unwrap().text;
    assert!(without_last.contains("\"notes\": \"caf\\u00e9\"\n        }\n    ],"), "{without_last}");
    let none = remove(NAME, OURS.as_bytes(), &version("9.0.0"), &version("1.1.0")).unwrap();
    assert_eq!((none.text.as_str(), none.changes.len()), (OURS, 0));
}

proptest! {
    #[test]
    fn added_and_taken_out_again_is_as_before_in_any_layout(
        versions in proptest::collection::btree_set((0u64..5, 0u64..5), 1..6),
        new in (5u64..9, 0u64..5),
        down in any::<bool>(),
        layout in 0usize..4,
    ) {
        let mut entries: Vec<Value> = versions.iter().map(|(a, b)| json!({
            "kms": format!("1.{a}.0"), "node_image": format!("1.{b}.0"), "profiles": ["debug"], "tested": true, "x": [1, {}]
        })).collect();
        if down { entries.reverse(); }
        let document = json!({"schema_version": "1", "x": null, "entries": entries, "y": {"entries": [1]}});
        let text = match layout {
            0 => format!("{document}"),
            1 => format!("{document:#}\n"),
            2 => format!("{document:#}\n").replace('\n', "\r\n"),
            _ => format!("{document:#}").replace("  ", "\t"),
        };
        let statement = pair(&format!("1.{}.0", new.0), &format!("1.{}.0", new.1));
        let edited = added(&text, &statement).unwrap();
        prop_assert_eq!(read(&edited.text).entries.len(), versions.len() + 1);
        let back = remove(NAME, edited.text.as_bytes(), &statement.kms, &statement.node_image).unwrap();
        prop_assert_eq!(back.text, text);
    }

    #[test]
    fn whatever_the_text_nothing_panics(text in r#"[\{\}\[\]",:a-z1 \n]{0,60}"#) {
        let _ = added(&text, &pair("1.0.0", "1.0.0"));
    }
}
