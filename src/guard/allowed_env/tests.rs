//! Whole files: what they are taken for, waivers, files that cannot be parsed, and bytes of any kind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::{
    guard::config::Waiver,
    report::{Finding, Status},
};

fn scanned(path: &str, bytes: &[u8], waivers: &[Waiver]) -> Option<Scanned> {
    let file = File { path, in_repository: path, bytes, candidate: candidate(path).unwrap() };
    scan(file, Terms { today: date(2026, 6, 1), waivers })
}

/// Check, status, line, column and message of each finding.
fn told(path: &str, text: &str) -> Vec<(&'static str, Status, u32, u32, String)> {
    let told = |finding: Finding| {
        let place = finding.location.unwrap();
        let (line, column) = (place.line.unwrap_or_default(), place.column.unwrap_or_default());
        (finding.check, finding.status, line, column, finding.message)
    };
    scanned(path, text.as_bytes(), &[]).unwrap().findings.into_iter().map(told).collect()
}

#[test]
fn a_name_decides_whether_a_file_is_looked_at_and_its_content_what_it_is() {
    for (path, expected) in [
        (".github/workflows/a.yml", Some(Candidate::Yaml)),
        ("x/action.yaml", Some(Candidate::Yaml)),
        ("Docker-Compose.prod.YML", Some(Candidate::Yaml)),
        ("compose.json", Some(Candidate::Yaml)),
        ("a/b.yaml", Some(Candidate::AnyYaml)),
        (".env", Some(Candidate::EnvFile)),
        ("a/.env.production", Some(Candidate::EnvFile)),
        ("kms.env", Some(Candidate::EnvFile)),
        ("Dockerfile", Some(Candidate::Dockerfile)),
        ("a/Dockerfile.kms", Some(Candidate::Dockerfile)),
        ("kms.dockerfile", Some(Candidate::Dockerfile)),
        ("Containerfile", Some(Candidate::Dockerfile)),
        ("Dockerfile-kms", Some(Candidate::Dockerfile)),
        ("kms_Dockerfile", Some(Candidate::Dockerfile)),
        ("env.prod", Some(Candidate::EnvFile)),
        (".env-prod", Some(Candidate::EnvFile)),
        ("kms.env.example", Some(Candidate::EnvFile)),
        ("src/env.ts", None),
        ("kms.env.test.js", None),
        ("Dockerfiles", None),
        ("app-compose.json", None),
        ("policy.json", None),
        ("environment", None),
        ("README.md", None),
    ] {
        assert_eq!(candidate(path), expected, "{path}");
    }
    for (path, text, expected) in [
        ("a.yml", "jobs: {}", Some(FileKind::Workflow)),
        ("a.yml", "runs: {}", Some(FileKind::Action)),
        ("a.yml", "services: {}", Some(FileKind::Compose)),
        ("a.yml", "jobs: [", Some(FileKind::Workflow)),
        ("a.yml", "nav: {}", None),
        ("a.yml", "nav: [", None),
        (".github/dependabot.yml", "version: 2", Some(FileKind::OtherYaml)),
    ] {
        assert_eq!(scanned(path, text.as_bytes(), &[]).map(|scanned| scanned.kind), expected, "{path} {text}");
    }
}

#[test]
fn a_waiver_lets_one_name_stand_until_its_day_is_over() {
    let file = |comment: &str| format!("jobs: {{}}\nenv:\n  # merotee: allow {comment}\n  ALLOWED_MRTD: abc\n");
    let of = |comment: &str| told("a.yml", &file(comment));
    let waived = "the environment sets ALLOWED_MRTD; waived until 2026-12-31: a test bench";
    assert_eq!(
        of("ALLOWED_MRTD until 2026-12-31: a test bench"),
        [("allowed-env", Status::Warn, 4, 3, waived.to_owned())]
    );
    let expired = "the environment sets ALLOWED_MRTD; its waiver expired after 2026-05-31";
    assert_eq!(
        of("ALLOWED_MRTD until 2026-05-31: a test bench"),
        [("allowed-env", Status::Fail, 4, 3, expired.to_owned())]
    );
    let [first, second] = of("ALLOWED_RTMR0 until 2026-12-31: a test bench").try_into().unwrap();
    assert_eq!((first.1, second.0, second.1, second.2), (Status::Fail, "allowed-env-waiver", Status::Warn, 3));
    let [first, second] = of("ALLOWED_MRTD until 2026-12-31:").try_into().unwrap();
    assert_eq!((first.1, second.0, second.1), (Status::Fail, "allowed-env-waiver", Status::Fail));
    let beside = "jobs: {}\nenv:\n  ALLOWED_MRTD: abc # merotee: allow ALLOWED_MRTD until 2026-12-31: a test bench\n";
    assert_eq!(told("a.yml", beside).first().unwrap().1, Status::Warn);
}

#[test]
fn a_waiver_of_the_configuration_is_about_one_file_and_says_that_it_was_needed() {
    let waiver = |path: &str, day: &str| Waiver::new(path, "ALLOWED_MRTD", "why", day).unwrap();
    let waivers = [waiver("b.yml", "2026-12-31"), waiver("a.yml", "2026-05-31"), waiver("a.yml", "2026-12-31")];
    let scanned = scanned("a.yml", b"jobs: {}\nenv: {ALLOWED_MRTD: x, ALLOWED_RTMR0: x}\n", &waivers).unwrap();
    assert_eq!(scanned.used, [1, 2]);
    assert_eq!(scanned.findings.iter().map(|f| f.status).collect::<Vec<_>>(), [Status::Warn, Status::Fail]);
}

#[test]
fn a_file_that_a_shell_reads_as_its_environment_is_a_script() {
    for (text, column) in [
        ("export A=1 ALLOWED_MRTD=x\n", 12),
        ("if true; then export ALLOWED_MRTD=x; fi\n", 22),
        ("export\tALLOWED_MRTD=x\n", 8),
        ("ALLOWED_MRTD=x\n", 1),
    ] {
        let places: Vec<_> = told("a/.envrc", text).into_iter().map(|told| (told.0, told.3)).collect();
        assert_eq!(places, [("allowed-env", column)], "{text}");
    }
    assert_eq!(told(".envrc", "[ -z \"$ALLOWED_MRTD\" ] || unset ALLOWED_MRTD\n"), []);
}

#[test]
fn a_file_that_cannot_be_parsed_fails_and_every_name_in_it_counts() {
    let [first, second] = told(".github/workflows/a.yml", "jobs: [\n# ALLOWED_MRTD\n").try_into().unwrap();
    assert_eq!((first.0, first.1), ("allowed-env-syntax", Status::Fail));
    assert!(first.4.starts_with("not valid YAML: while parsing a flow"), "{}", first.4);
    assert_eq!((second.0, second.2, second.3), ("allowed-env", 2, 3));
}

#[test]
fn another_encoding_fails_and_hides_nothing() {
    let text = "jobs: {}\nenv: {ALLOWED_MRTD: é}\n";
    let le: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let be: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    let bare: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for bytes in [le, be, bare, latin] {
        let findings = scanned(".github/a.yml", &bytes, &[]).unwrap().findings;
        assert_eq!(findings.iter().map(|f| f.check).collect::<Vec<_>>(), ["allowed-env-syntax", "allowed-env"]);
        assert_eq!(findings.get(1).unwrap().location.as_ref().unwrap().line, Some(2));
    }
}

#[test]
fn findings_of_one_file_are_bounded_and_the_rest_is_counted() {
    let text = format!("jobs: {{}}\nenv:\n{}", "  ALLOWED_MRTD: x\n".repeat(150));
    let findings = told("a.yml", &text);
    assert_eq!(findings.len(), 101);
    assert_eq!(findings.last().unwrap().4, "50 more places set a measurement override");
}

#[test]
fn an_alias_leads_to_where_the_value_stands_and_a_thousand_aliases_cost_nothing() {
    let mut text = "x: &a\n  ALLOWED_MRTD: x\njobs:\n  a: {env: *a}\n".to_owned();
    (0..1_000).for_each(|n| text.push_str(&format!("  b{n}: {{env: {{<<: [*a, *a]}}}}\n")));
    let words = "the environment sets ALLOWED_MRTD; the alias on line 4 leads here";
    assert_eq!(told("a.yml", &text), [("allowed-env", Status::Fail, 2, 3, words.to_owned())]);
}

#[test]
fn the_environment_of_the_process_is_told_by_name_alone() {
    let findings =
        process([("A", "1"), ("ALLOWED_MRTD", "secret"), ("USE_ENV_POLICY", "false"), ("USE_ENV_POLICY_X", "")]);
    assert_eq!(
        findings.iter().map(|f| (f.status, f.message.as_str())).collect::<Vec<_>>(),
        [(Status::Fail, "ALLOWED_MRTD is set")]
    );
    assert!(!format!("{findings:?}").contains("secret"));
    assert_eq!(process([("A", "1")]).first().unwrap().message, "none in 1 variable");
}

/// Pieces that make texts which come close to what the scanners understand.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "ALLOWED_MRTD",
        "ALLOWED_",
        "env",
        "jobs",
        "run",
        "with",
        ":",
        ": ",
        "\n",
        "\n  ",
        "- ",
        "|",
        ">",
        "&a ",
        "*a",
        "<<: ",
        "\"",
        "'",
        "`",
        "$(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ",",
        "!",
        "!x",
        "#",
        "\\",
        "\\x5f",
        "${{",
        "}}",
        "vars.",
        "format(",
        "$",
        "${",
        "=",
        ">>",
        "<<EOF",
        "EOF",
        "| ",
        "case ",
        " in ",
        ";;",
        "esac",
        "((",
        "ENV ",
        "RUN ",
        "\r\n",
        "\t",
        "\u{feff}",
        "é",
        "\u{0}",
        "\u{85}",
        "\u{2028}",
        "? ",
        "---",
        "...",
        "%",
        "echo ",
        "export ",
        "merotee: allow ",
        " until ",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in pieces()) {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            for path in [".github/a.yml", ".env", "Dockerfile"] {
                let scanned = scanned(path, bytes, &[]).unwrap();
                let lines = u32::try_from(bytes.len()).unwrap() + 1;
                for place in scanned.findings.iter().filter_map(|finding| finding.location.as_ref()) {
                    prop_assert!(place.line.is_none_or(|line| line >= 1 && line <= lines));
                }
            }
            let run = format!("jobs:\n  a:\n    steps:\n      - run: {}\n", serde_quoted(bytes));
            scanned(".github/a.yml", run.as_bytes(), &[]).unwrap();
        }
    }

    /// A name that a file holds in the open is found, unless a comment, a longer name or a reader explains it.
    #[test]
    fn a_setting_is_found_below_any_keys(keys in proptest::collection::vec("[a-z]{1,8}", 1..20), indent in 1_usize..5) {
        let mut text = "jobs:\n".to_owned();
        let mut depth = indent;
        for key in keys {
            text.push_str(&format!("{}{key}_:\n", " ".repeat(depth)));
            depth += indent;
        }
        text.push_str(&format!("{0}env:\n{0} ALLOWED_MRTD: x\n", " ".repeat(depth)));
        let findings = scanned("a.yml", text.as_bytes(), &[]).unwrap().findings;
        prop_assert_eq!(findings.len(), 1);
    }
}

/// Bytes as a double-quoted scalar.
fn serde_quoted(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes)
        .chars()
        .flat_map(|c| match c {
            '"' | '\\' => vec!['\\', c],
            c if c.is_control() => vec![' '],
            c => vec![c],
        })
        .collect();
    format!("\"{text}\"")
}
