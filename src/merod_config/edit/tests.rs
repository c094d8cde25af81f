//! Configurations of every shape, edited in place.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::{
    attestation::measurement::{Allowed, Register, Registers, TcbStatus},
    policy::fixtures::measurement,
};

fn config() -> MerodConfig {
    let registers = Registers::from_fn(|r| match r {
        Register::Mrtd => vec![measurement(1), measurement(2)],
        Register::Rtmr0 | Register::Rtmr1 | Register::Rtmr2 | Register::Rtmr3 => vec![measurement(3)],
    });
    MerodConfig {
        origin: "release 1.2.0".into(),
        url: "https://kms.example:8080/".into(),
        allowed: Allowed::new(registers, vec![TcbStatus::UpToDate]),
        binding_b64: "IyP+rOn9F1GomrK+u4q6FF80OjaI49FlXtQo6wdm45Y=".into(),
    }
}

fn edited(text: &str) -> Edited {
    let first = apply(text, &config()).unwrap_or_else(|e| unreachable!("{e}\n{text}"));
    let second = apply(&first.text, &config()).expect("the result is editable");
    assert_eq!(
        (second.text.as_str(), second.changed.len()),
        (first.text.as_str(), 0),
        "the second time changes nothing"
    );
    first
}

/// Every line of the old text that is not one of ours stands in the new one, in order.
fn keeps_the_rest(old: &str, new: &str, ours: &[&str]) {
    let mut lines = new.split_inclusive('\n');
    for line in old.split_inclusive('\n').filter(|line| !ours.iter().any(|our| line.trim_start().starts_with(our))) {
        let bare = line.trim_end_matches(['\r', '\n']);
        assert!(lines.any(|l| l == line || l.trim_end_matches(['\r', '\n']) == bare), "{line:?} is gone:\n{new}");
    }
}

#[test]
fn an_empty_file_gets_both_tables() {
    let result = edited("");
    assert!(result.text.starts_with("[tee.kms.phala]\nurl = \"https://kms.example:8080/\"\n\n"), "{}", result.text);
    assert_eq!(result.changed.len(), 10);
    assert!(result.text.ends_with("45Y=\"\n"));
}

#[test]
fn tables_that_are_not_there_follow_what_is() {
    for old in ["# only a comment", "a = 1", "a = 1\n", "[identity]\nkey = 'secret' # keep\n\n\n"] {
        let result = edited(old);
        assert!(result.text.starts_with(old), "{}", result.text);
        assert!(result.text.contains("\n[tee.kms.phala]\n") && result.text.contains("\n[tee.kms.phala.attestation]\n"));
    }
}

#[test]
fn values_are_exchanged_where_they_stand_and_comments_stay() {
    let old = "[tee.kms.phala]   # the KMS\nurl   =  'http://old/'   # where\n\n[tee.kms.phala.attestation]\n\
               enabled=false#off\naccept_mock = true\nallowed_mrtd = [\n  'aa', # first\n]\n[other]\nx = 1";
    let result = edited(old);
    assert!(result.text.starts_with(
        "[tee.kms.phala]   # the KMS\nurl   =  \"https://kms.example:8080/\"   # where\n\n[tee.kms.phala.attestation]\n\
         enabled=true#off\naccept_mock = false\nallowed_mrtd = [\n  \"0101"
    ));
    assert!(result.text.ends_with("45Y=\"\n[other]\nx = 1"), "{}", result.text);
}

#[test]
fn line_ends_a_byte_order_mark_and_a_missing_last_line_end_are_kept() {
    let old = "\u{feff}a = 1\r\n[tee.kms.phala]\r\nurl = \"x\" # é\r\n[tee.kms.phala.attestation]\r\nenabled = true";
    let result = edited(old);
    assert!(result.text.starts_with("\u{feff}a = 1\r\n[tee.kms.phala]\r\nurl = \"https://kms.example:8080/\" # é\r\n"));
    assert_eq!(result.text.matches('\n').count(), result.text.matches("\r\n").count());
    assert!(result.text.ends_with("45Y=\""), "no line end is invented: {:?}", result.text);
}

#[test]
fn one_table_alone_is_enough_to_start_from() {
    for old in [
        "[tee.kms.phala.attestation]\nenabled = true\n[z]\n",
        "[tee]\ntype = 'tdx'\n[z]\n",
        "[tee.kms]\n[tee.kms.phala]\n[z]\n",
        "[tee.kms.phala]\n# nothing yet\n[z]\n",
    ] {
        keeps_the_rest(old, &edited(old).text, &["enabled"]);
    }
}

#[test]
fn forms_that_cannot_be_extended_in_place_are_refused() {
    let error = |text: &str| apply(text, &config()).expect_err("refused").to_string();
    assert!(error("tee = {kms = {}}\n").contains("`tee` is an inline table"));
    assert!(
        error("[tee.kms]\nphala.url = 'x'\n").contains("`tee.kms.phala` is an inline table or made of dotted keys")
    );
    assert!(error("[tee.kms.phala]\nattestation = {enabled = true}\n").contains("`tee.kms.phala.attestation`"));
    assert_eq!(error("[[tee]]\na = 1\n"), "`tee` is not a table");
    assert_eq!(error("tee = 1\n"), "`tee` is not a table");
    assert!(error("[tee.kms.phala.url]\na = 1\n").contains("tee.kms.phala.url"));
    assert!(error("a = \n").starts_with("not TOML: "));
    assert!(error("a = 1\na = 2\n").starts_with("not TOML: "));
}

#[test]
fn a_setting_that_undoes_what_was_set_is_told() {
    let result = edited("[tee.kms.phala.attestation]\npolicy_json_path = '/p.json'\n");
    assert_eq!(result.overriding.len(), 1);
    assert_eq!(result.overriding[0].0, "tee.kms.phala.attestation.policy_json_path");
}

#[test]
fn text_is_quoted_so_that_it_stays_text() {
    let hostile = MerodConfig { url: "https://k/\"\n[x]\\\u{7f}".into(), ..config() };
    let result = apply("", &hostile).expect("quoted");
    assert!(result.text.contains("url = \"https://k/\\\"\\u000A[x]\\\\\\u007F\"\n"), "{}", result.text);
}

proptest! {
    #[test]
    fn whatever_else_a_file_holds_stays_as_it_is(
        before in "([a-z]{1,6} ?= ?(1|'x'|\"é#\"|\\[1, 2\\])( # [ -~]{0,9})?\n|# [ -~]{0,9}\n|\n){0,4}",
        between in "(\\[z[a-z]{1,5}\\]\n)?(#[ -~]{0,9}\n|\n){0,3}",
        with_service in any::<bool>(),
        with_attestation in any::<bool>(),
        crlf in any::<bool>(),
    ) {
        let service = if with_service { "[tee.kms.phala]\nurl = 'old'\n" } else { "" };
        let attestation = if with_attestation { "[tee.kms.phala.attestation]\nenabled = false\n" } else { "" };
        let mut old = format!("{before}{between}{service}# mine\n{attestation}");
        if crlf {
            old = old.replace('\n', "\r\n");
        }
        if let Ok(result) = apply(&old, &config()) {
            keeps_the_rest(&old, &result.text, &["url", "enabled"]);
            let again = apply(&result.text, &config()).expect("editable");
            prop_assert_eq!(again.text, result.text);
        } else {
            // Only keys given twice can make such a file unusable.
            prop_assert!(parse(&old).is_err());
        }
    }
}
