//! Literals for every escape.

use super::*;

#[test]
fn a_name_that_is_too_long_loses_its_middle() {
    assert_eq!(cut_name("kept/mero-kms-v1.2.0/attestation-policy-debug.json", 30), "kept/mero-…n-policy-debug.json");
    assert_eq!(cut_name("kept/mero-kms-v1.2.0/attestation-policy-debug.json", 30).chars().count(), 30);
    assert_eq!(cut_name("short.json", 30), "short.json");
    assert_eq!(
        cut_name("several words stay as they are, however long", 20),
        "several words stay as they are, however long"
    );
    assert_eq!(cut_name("ünïcödé/ünïcödé", 9), "ünï…ïcödé");
}

#[test]
fn a_long_field_is_cut_by_characters() {
    assert_eq!(cut("äöü", 3), "äöü");
    assert_eq!(cut("äöü!", 3), "äöü…");
    assert_eq!(terminal(&"x".repeat(301)), format!("{}…", "x".repeat(300)));
    assert_eq!(terminal(&"x".repeat(300)), "x".repeat(300));
}

#[test]
fn a_terminal_sees_control_and_bidi_characters_written_out() {
    assert_eq!(terminal("a\nb\r\tc"), r"a\nb\r\tc");
    assert_eq!(terminal("\u{1b}[31mred\u{9b}2J\u{7f}"), r"\u{1b}[31mred\u{9b}2J\u{7f}");
    assert_eq!(
        terminal("sbom\u{202e}nosj.exe\u{2066}\u{200b}\u{feff}"),
        r"sbom\u{202e}nosj.exe\u{2066}\u{200b}\u{feff}"
    );
    assert_eq!(terminal("größe 大 …"), "größe 大 …");
}

#[test]
fn an_old_workflow_command_is_broken_anywhere_in_a_line() {
    assert_eq!(terminal("x ##[add-mask]1"), r"x #\u{23}[add-mask]1");
    assert_eq!(json(r###"{"a":"##[error]"}"###), r##"{"a":"#\u0023[error]"}"##);
}

#[test]
fn a_workflow_command_cannot_start_a_line() {
    assert_eq!(at_line_start("::error::x"), r"\u{3a}:error::x");
    assert_eq!(at_line_start("\u{a0} ::error::x"), r"\u{3a}:error::x");
    assert_eq!(at_line_start("a::b"), "a::b");
}

#[test]
fn annotation_data_keeps_colons_and_escapes_percent_and_line_ends() {
    assert_eq!(annotation_data("50% of a::b, c:\r\nd"), "50%25 of a::b, c:%0D%0Ad");
    assert_eq!(annotation_data("%0A"), "%250A");
    assert_eq!(annotation_data("\u{1b}[0m"), r"\u{1b}[0m");
}

#[test]
fn annotation_properties_also_escape_colon_and_comma() {
    assert_eq!(annotation_property("a,b::c:%\n"), "a%2Cb%3A%3Ac%3A%25%0A");
}

#[test]
fn plain_words_stay_plain_in_markdown() {
    for text in ["", "expected 3 entries, got 4", "release 1.2.0 (stable): ready", "größer"] {
        assert_eq!(markdown(text), text);
    }
}

#[test]
fn anything_markdown_gives_a_meaning_is_set_as_code() {
    for text in [
        "@octocat",
        "#123",
        "GH-12",
        "https://evil.example",
        "WWW.evil.example",
        "[x](y)",
        "**bold**",
        "snake_case",
        "<img src=x>",
        "&lt;",
        "a~b",
        "$x$",
        ":white_check_mark:",
        ":tada:",
        "deadbeef",
        "sha256:aa",
        "-",
        "---",
        "1.",
        "12)",
        "mail:a",
        "back\\slash",
        ">",
    ] {
        assert_eq!(markdown(text), format!("`{text}`"), "{text}");
    }
}

#[test]
fn only_the_words_that_need_it_are_set_as_code() {
    assert_eq!(markdown("give a token in GH_TOKEN, or ask"), "give a token in `GH_TOKEN`, or ask");
    assert_eq!(markdown("see @a #1 there"), "see `@a #1` there");
    assert_eq!(markdown("run `merotee publish --replace` again"), "run `merotee publish --replace` again");
    assert_eq!(markdown("`a``b`<c>"), "`a` `b` `<c>`");
    assert_eq!(markdown("one ` alone <b>"), "``one ` alone <b>``");
    assert_eq!(markdown("`a|b` x|y"), "`a`&#124;`b` `x`&#124;`y`");
    assert_eq!(markdown("x`*y*`"), "x`*y*`");
    assert_eq!(markdown("a `b`, (`c`) and `d`."), "a `b`, (`c`) and `d`.");
    assert_eq!(markdown("`a`@b `c`x"), "`a` `@b` `c`x");
    assert_eq!(markdown("<a>, #1, see @b."), "`<a>, #1`, see `@b`.");
    assert_eq!(markdown("set GH_TOKEN; is it a_b? or c_d: yes"), "set `GH_TOKEN`; is it `a_b`? or `c_d`: yes");
    assert_eq!(markdown("(see GH_TOKEN) and (a_b), or (a_b #1)."), "(see `GH_TOKEN`) and (`a_b`), or (`a_b #1`).");
    assert_eq!(markdown("call f(x_y) or (@c then"), "call `f(x_y)` or (`@c` then");
    assert_eq!(markdown("first 1. then ..."), "first `1.` then ...");
    assert_eq!(markdown(&format!("{} {}", "w".repeat(299), "cut")), format!("{} …", "w".repeat(299)));
}

#[test]
fn markdown_code_survives_backticks_pipes_and_line_ends() {
    assert_eq!(markdown_code("a`b"), "``a`b``");
    assert_eq!(markdown_code("```"), "```` ``` ````");
    assert_eq!(markdown_code("a|b"), "`a`&#124;`b`");
    assert_eq!(markdown_code("a\\|"), "`a\\`&#124;");
    assert_eq!(markdown_code("x\n| FAIL |"), "`x\\n`&#124;`  FAIL  `&#124;");
    assert_eq!(markdown_code(""), "");
}

#[test]
fn json_escapes_keep_the_value() {
    let value = "\u{9b}\u{202e}\u{e0041}\u{7f}##[x]\nplain ü";
    let escaped = json(&serde_json::to_string(value).unwrap_or_default());
    assert!(!escaped.chars().any(is_hidden), "{escaped}");
    assert_eq!(serde_json::from_str::<String>(&escaped).ok().as_deref(), Some(value));
}

#[test]
fn a_uri_segment_cannot_climb_or_name_a_scheme() {
    assert_eq!(uri_segment(".."), "__");
    assert_eq!(uri_segment("."), "_");
    assert_eq!(uri_segment("c:/x y%?#"), "c%3A%2Fx%20y%25%3F%23");
    assert_eq!(uri_segment("ü"), "%C3%BC");
    assert_eq!(uri_segment("checksums.sha256"), "checksums.sha256");
}
