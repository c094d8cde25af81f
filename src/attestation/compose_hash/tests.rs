//! What normalises to the same text, what to another, and what is refused.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod readers;

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The compose file that every spelling below means, and that every change below differs from.
const BASE: &str = "\
services:
  kms:
    image: ghcr.io/example/kms@sha256:1111
    command: [serve, --verbose]
    environment:
      LOG: info
      EMPTY: \"\"
      PORT: \"8080\"
    ports: [\"22:22\"]
    read_only: true
    mem_limit: 512
    cpus: 1.5
    labels: {a: info, b: null}
";

const NORMAL: &str = concat!(
    r#"{"services":{"kms":{"command":["serve","--verbose"],"cpus":1.5,"environment":{"EMPTY":"","LOG":"info","PORT":"8080"},"#,
    r#""image":"ghcr.io/example/kms@sha256:1111","labels":{"a":"info","b":null},"mem_limit":512,"ports":["22:22"],"read_only":true}}}"#
);

fn replaced(from: &str, to: &str) -> String {
    assert!(BASE.contains(from), "the base holds `{from}`");
    BASE.replacen(from, to, 1)
}

fn normal(text: &str) -> String {
    match normalised(text.as_bytes()) {
        Ok(text) => text,
        Err(error) => format!("refused: {error}"),
    }
}

fn same() -> Vec<(&'static str, String)> {
    let kms = |body: &str| format!("services:\n  kms:\n{body}");
    let rest = "    ports: [\"22:22\"]\n    read_only: true\n    mem_limit: 512\n    cpus: 1.5\n    labels: {a: info, b: null}\n";
    let head = "    image: ghcr.io/example/kms@sha256:1111\n    command: [serve, --verbose]\n";
    vec![
        ("a comment at the top", format!("# deployed by nobody\n{BASE}")),
        ("a comment behind a value", replaced("LOG: info", "LOG: info   # or debug")),
        ("a comment among lines", replaced("    ports:", "\n# ports\n\n    ports:")),
        (
            "another key order",
            kms(&format!("{rest}    environment: {{PORT: \"8080\", LOG: info, EMPTY: \"\"}}\n{head}")),
        ),
        ("double quotes", replaced("LOG: info", "LOG: \"info\"")),
        ("single quotes", replaced("LOG: info", "LOG: 'info'")),
        ("quoted keys", replaced("LOG: info", "\"LOG\": info")),
        ("an escape", replaced("LOG: info", "LOG: \"in\\x66o\"")),
        ("a list in block style", replaced("[serve, --verbose]", "\n      - serve\n      - --verbose")),
        ("a list indented less", replaced("[serve, --verbose]", "\n    - serve\n    - --verbose")),
        ("a mapping in block style", replaced("{a: info, b: null}", "\n      a: info\n      b: null")),
        ("Windows line ends", BASE.replace('\n', "\r\n")),
        ("old Macintosh line ends", BASE.replace('\n', "\r")),
        ("a byte order mark", format!("\u{feff}{BASE}")),
        ("document marks", format!("---\n{BASE}...\n")),
        ("no final newline", BASE.trim_end().to_owned()),
        ("deeper indentation", BASE.replace("  ", "    ")),
        ("JSON", NORMAL.to_owned()),
        ("another null", replaced("b: null", "b: ~")),
        ("no value for null", replaced("{a: info, b: null}", "\n      a: info\n      b:")),
        ("another truth value", replaced("read_only: true", "read_only: True")),
        ("a hexadecimal number", replaced("mem_limit: 512", "mem_limit: 0x200")),
        ("an octal number", replaced("mem_limit: 512", "mem_limit: 0o1000")),
        ("an octal number as file modes have it", replaced("mem_limit: 512", "mem_limit: 01000")),
        ("a plus sign", replaced("mem_limit: 512", "mem_limit: +512")),
        ("a float with more digits", replaced("cpus: 1.5", "cpus: 1.50")),
        ("a float with an exponent", replaced("cpus: 1.5", "cpus: 15e-1")),
        ("a string tag", replaced("PORT: \"8080\"", "PORT: !!str 8080")),
        ("an anchor nobody uses", replaced("LOG: info", "LOG: &level info")),
        ("an alias", replaced("LOG: info", "LOG: &level info").replacen("a: info", "a: *level", 1)),
        ("an alias as a key", replaced("LOG: info", "LOG: &level info").replacen("{a: info", "{? a : *level", 1)),
        (
            "a merge key",
            kms(&format!(
                "{head}    environment:\n      <<: {{LOG: info, EMPTY: \"\", PORT: \"1\"}}\n      PORT: \"8080\"\n{rest}"
            )),
        ),
        (
            "a merge key at the end",
            kms(&format!(
                "{head}    environment:\n      PORT: \"8080\"\n      <<: {{LOG: info, EMPTY: \"\", PORT: \"1\"}}\n{rest}"
            )),
        ),
        (
            "a list of merges, the first wins",
            kms(&format!(
                "{head}    environment:\n      <<: [{{LOG: info, EMPTY: \"\"}}, {{LOG: debug, PORT: \"8080\"}}]\n{rest}"
            )),
        ),
        ("a folded scalar", replaced("LOG: info", "LOG: >-\n        info")),
        ("a literal scalar", replaced("LOG: info", "LOG: |-\n        info")),
    ]
}

fn changed() -> Vec<(&'static str, String)> {
    vec![
        ("another image digest", replaced("sha256:1111", "sha256:1112")),
        ("another command", replaced("serve", "serve2")),
        ("another order in a list", replaced("[serve, --verbose]", "[--verbose, serve]")),
        ("an argument more", replaced("--verbose]", "--verbose, --debug]")),
        ("an argument less", replaced("[serve, --verbose]", "[serve]")),
        ("two arguments in one", replaced("[serve, --verbose]", "[\"serve, --verbose\"]")),
        ("a string for a list", replaced("[serve, --verbose]", "serve --verbose")),
        ("a variable more", replaced("LOG: info", "LOG: info\n      DEBUG: \"1\"")),
        ("a variable less", replaced("      LOG: info\n", "")),
        ("another variable's name", replaced("LOG: info", "Log: info")),
        ("null for an empty string", replaced("EMPTY: \"\"", "EMPTY:")),
        ("a space for an empty string", replaced("EMPTY: \"\"", "EMPTY: \" \"")),
        ("a number for a string", replaced("PORT: \"8080\"", "PORT: 8080")),
        ("a string for a truth value", replaced("read_only: true", "read_only: \"true\"")),
        ("the other truth value", replaced("read_only: true", "read_only: false")),
        ("a word that is no truth value", replaced("read_only: true", "read_only: yes")),
        ("a string for null", replaced("b: null", "b: \"null\"")),
        ("another number", replaced("mem_limit: 512", "mem_limit: 513")),
        ("a string for a number", replaced("mem_limit: 512", "mem_limit: \"512\"")),
        ("a float for a number", replaced("mem_limit: 512", "mem_limit: 512.0")),
        ("the next float", replaced("cpus: 1.5", "cpus: 1.5000000000000002")),
        ("another port", replaced("22:22", "22:23")),
        ("a port bound to one address", replaced("22:22", "127.0.0.1:22:22")),
        ("a final newline in a value", replaced("LOG: info", "LOG: |\n        info")),
        ("a value with a trailing space", replaced("LOG: info", "LOG: \"info \"")),
        ("a character that only looks the same", replaced("LOG: info", "LOG: \u{456}nfo")),
        ("the same letter composed otherwise", replaced("a: info", "a: \"\\u0065\\u0301\"")),
        ("that letter", replaced("a: info", "a: \"\\u00e9\"")),
        (
            "a key in another mapping",
            replaced("    read_only: true\n", "").replacen("a: info", "a: info, read_only: true", 1),
        ),
        ("a service more", format!("{BASE}  other: {{image: x}}\n")),
        (
            "a merge that overrides nothing, and adds",
            replaced("LOG: info", "<<: {NEW: x, LOG: debug}\n      LOG: info"),
        ),
        ("privileges", replaced("    read_only: true\n", "    read_only: true\n    privileged: true\n")),
    ]
}

#[test]
fn every_spelling_of_one_meaning_has_one_hash() {
    let spellings = same();
    assert!(spellings.len() >= 20);
    assert_eq!(normal(BASE), NORMAL);
    for (what, text) in spellings {
        assert_eq!(normal(&text), NORMAL, "{what}:\n{text}");
    }
}

#[test]
fn every_change_of_meaning_has_a_hash_of_its_own() {
    let changes = changed();
    assert!(changes.len() >= 20);
    let mut seen = HashMap::from([(of_compose_file(BASE.as_bytes()).expect("the base"), "the base")]);
    for (what, text) in changes {
        let hash = of_compose_file(text.as_bytes()).unwrap_or_else(|e| unreachable(what, &e));
        assert_eq!(seen.insert(hash, what), None, "{what}");
    }
}

#[allow(clippy::panic, reason = "a test fails by panicking")]
fn unreachable(what: &str, error: &ComposeError) -> Sha256 {
    panic!("{what}: {error}")
}

const DOCS: &str = include_str!("../../../docs/compose-hash.md");

#[test]
fn the_vectors_of_the_documentation_hold() {
    let table = DOCS.split_once("<!-- vectors -->\n").expect("a table of vectors").1;
    let rows: Vec<_> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 60);
    for row in rows {
        let (file, expected) =
            row.strip_prefix("| `").and_then(|r| r.strip_suffix(" |")?.split_once("` | ")).expect("two cells");
        let text = file.replace('⏎', "\n").replace('→', "\t");
        let actual = match normalised(text.as_bytes()) {
            Ok(text) => format!("`{text}`"),
            Err(error) => error.to_string(),
        };
        assert_eq!(actual, expected, "{file}");
    }
}

#[test]
fn the_whole_file_of_the_documentation_has_the_stated_hash() {
    let block =
        |language: &str| DOCS.split_once(&format!("```{language}\n")).and_then(|(_, rest)| rest.split_once("\n```"));
    let (yaml, json) = (block("yaml").expect("a file").0, block("json").expect("its normal form").0);
    assert_eq!(normal(yaml), json);
    let hash = of_compose_file(yaml.as_bytes()).expect("a hash");
    assert!(DOCS.ends_with(&format!("hash: `sha256:{hash}`\n")), "sha256:{hash}");
}

fn problem(text: &str) -> Option<ComposeProblem> {
    normalised(text.as_bytes()).err().map(|e| e.problem)
}

#[test]
fn characters_that_hide_a_line_from_one_reader_are_refused() {
    for c in ['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}', '\u{0}', '\u{1b}', '\u{7f}', '\u{9b}', '\u{ffff}'] {
        let error = normalised(format!("a: 1\nb: 2 # {c}privileged: true\n").as_bytes()).err();
        let problem = ComposeProblem::Character(format!("U+{:04X}", u32::from(c)));
        assert_eq!(error, Some(ComposeError { at: Some((2, 8)), problem }));
    }
    assert_eq!(normal("a: \"\\N\\L\\P\\uFEFF\\e\"\n"), "{\"a\":\"\u{85}\u{2028}\u{2029}\u{feff}\\u001b\"}");
    assert_eq!(problem("a: \u{10ffff}\u{fffd}🦀\t# tab\n"), None);
    assert_eq!(normalised(b"a: \xff").err().map(|e| e.problem), Some(ComposeProblem::NotUtf8));
}

#[test]
fn aliases_that_multiply_are_refused_before_they_are_written_out() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert_eq!(problem(&text), Some(ComposeProblem::TooMuch));
    let merges = "{p: {<<: [*a, *a, *a]}}, ".repeat(20_000);
    let text = format!("a: &a {{k: {}}}\nb: [{merges}]", "x".repeat(1000));
    assert_eq!(problem(&text), Some(ComposeProblem::TooMuch));
}

#[test]
fn depth_counts_through_aliases() {
    let nested = |levels: usize| format!("{}x{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(problem(&format!("a: {}", nested(63))), None);
    assert_eq!(problem(&format!("a: {}", nested(64))), Some(ComposeProblem::TooDeep));
    assert_eq!(problem(&format!("a: &a {}\nb: [[*a]]", nested(61))), None);
    assert_eq!(problem(&format!("a: &a {}\nb: [[[*a]]]", nested(61))), Some(ComposeProblem::TooDeep));
    let chain: String = (1..70).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
    assert_eq!(problem(&format!("a0: &a0 x\n{chain}")), Some(ComposeProblem::TooDeep));
    let deep: String = (0..5000).map(|n| format!("{}a:\n", " ".repeat(n))).take(1000).collect();
    assert_eq!(problem(&deep), Some(ComposeProblem::TooDeep));
}

#[test]
fn a_file_over_the_limit_is_refused_by_its_size() {
    let text = format!("a: {}", "x".repeat(MAX_YAML_BYTES));
    assert_eq!(problem(&text), Some(ComposeProblem::TooLarge(MAX_YAML_BYTES + 3)));
}

#[test]
fn the_kind_follows_from_the_name() {
    let cases = [
        ("docker-compose.yml", Some(Kind::Release)),
        ("X.YAML", Some(Kind::Release)),
        ("compose.json", Some(Kind::Release)),
        ("docker-compose.kms.json", Some(Kind::Release)),
        ("app-compose.json", Some(Kind::Dstack)),
        ("near-mpc.app_compose.json", Some(Kind::Dstack)),
        ("compose.txt", None),
        ("yml", None),
    ];
    for (name, kind) in cases {
        assert_eq!(Kind::of_name(name), kind, "{name}");
    }
}

/// Compose-like YAML: enough structure that much of it parses.
fn yamlish() -> impl Strategy<Value = String> {
    let word = "[a-z0-9+._~<:'\"&*!|>#%@{},\\[\\]?-]{0,6}";
    let line = (0..4usize, word, prop::sample::select(vec![": ", ":", "- ", " ", ""]), word);
    prop::collection::vec(line, 0..12)
        .prop_map(|lines| lines.into_iter().map(|(n, a, sep, b)| format!("{}{a}{sep}{b}\n", "  ".repeat(n))).collect())
}

proptest! {
    #[test]
    fn whatever_the_bytes_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = normalised(&bytes);
    }

    #[test]
    fn a_normal_form_is_its_own_normal_form(text in yamlish()) {
        if let Ok(normal) = normalised(text.as_bytes()) {
            // JSON is YAML, but for line separators, which stand in it unescaped.
            prop_assert_eq!(normalised(normal.as_bytes()), Ok(normal));
        }
    }

    #[test]
    fn any_text_survives_in_quotes(text in "\\PC{0,30}") {
        let quoted = format!("k: '{}'\n", text.replace('\'', "''"));
        if let Ok(normal) = normalised(quoted.as_bytes()) {
            prop_assert_eq!(normal, format!("{{\"k\":{}}}", Value::from(text)));
        }
    }
}
