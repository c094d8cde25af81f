//! One report with everything in it, in every format: snapshots, the formats' own validators, and hostile text.

use std::{fs, time::Duration};

use merotee::report::{
    Action, AssetRow, CheckInfo, Exhibit, Fact, Finding, Format, Location, RegisterMatrix, RegisterRow, Report,
    Section, SignatureRow, Status, Style, Table, escape, github, render, sarif,
};
use proptest::prelude::*;
use serde_json::Value;

const AA: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const BB: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn rules() -> Vec<CheckInfo> {
    vec![
        CheckInfo { id: "asset-present", title: "a required asset is not in the release" },
        CheckInfo { id: "signature", title: "an asset's signature is missing, wrong or somebody else's" },
        CheckInfo { id: "checksum", title: "an asset's SHA-256 differs from the checksums file" },
        CheckInfo { id: "api-digest", title: "an asset's SHA-256 differs from the digest the API states" },
        CheckInfo { id: "profile-isolation", title: "two profiles accept the same machine" },
        CheckInfo { id: "notes-image-pinned", title: "the release notes name an image without its digest" },
    ]
}

fn kms() -> Section {
    let finding = Finding::new;
    Section {
        subject: "mero-kms-v1.2.0".into(),
        facts: vec![
            Fact::Repository("calimero-network/mero-tee".into()),
            Fact::named("layout", "pipeline"),
            Fact::named("class", "stable"),
            Fact::LogIndex(123_456_789),
            Fact::Image(format!("ghcr.io/calimero-network/mero-kms-phala@{AA}")),
        ],
        findings: vec![
            finding("asset-present", Status::Pass, "checksums.sha256", ""),
            finding("asset-present", Status::Missing, "sbom.spdx.json", "not among the 14 assets of the release")
                .help("upload the SBOM the build made, or run `merotee publish --resume`"),
            finding(
                "signature",
                Status::Pass,
                "checksums.sha256",
                "release-kms-phala.yaml @ refs/tags/mero-kms-v1.2.0",
            ),
            finding("checksum", Status::Pass, "published-mrtds.json", AA),
            finding("checksum", Status::Fail, "attestation-policy-locked-read-only.json", "")
                .compared(AA, BB)
                .help("do not deploy; compare the asset with the build's artifact, then publish a new patch release"),
            finding("api-digest", Status::Skipped, "checksums.sha256", "a local directory has no API digests"),
            finding("profile-isolation", Status::Warn, "debug, debug-read-only", "the lists of RTMR3 overlap")
                .help("extend RTMR3 differently in each profile, see https://example.com/docs/profiles#rtmr3")
                .at(Location::file("policies/debug.json").on(12, 5).until(12, 14).quoting(&source())),
            finding("notes-image-pinned", Status::SkippedRequired, "", "the release notes could not be fetched")
                .help("give a token in GH_TOKEN"),
        ],
        caveats: vec!["the release is a draft".into()],
        actions: vec![
            Action::done("upload", "checksums.sha256"),
            Action::failed("upload", "sbom.spdx.json"),
            Action::planned("publish", "mero-kms-v1.2.0").holding("name: mero-kms-v1.2.0\n::error::```\u{1b}\n"),
        ],
        told: &[],
        exhibits: exhibits(),
    }
}

/// Fourteen lines, of which the twelfth is quoted.
fn source() -> String {
    (1..=14).map(|line| format!("    \"rtmr3\": [\"{line}\"],\n")).collect()
}

fn exhibits() -> Vec<Exhibit> {
    let asset = |name: &str, checksum, signature| AssetRow {
        name: name.into(),
        checksum,
        signature,
        signer: checksum.map(|_| "release-kms-phala.yaml @ refs/tags/mero-kms-v1.2.0".into()),
    };
    let row = |profile: &str, mrtd: &str, rtmr3: &[&str]| RegisterRow {
        profile: profile.into(),
        role: None,
        values: vec![vec![mrtd.repeat(48)], rtmr3.iter().map(|value| value.repeat(48)).collect()],
    };
    let matrix = RegisterMatrix {
        registers: vec!["MRTD", "RTMR3"],
        rows: vec![row("debug", "a1", &["b1", "b2"]), row("debug-read-only", "a2", &["b1"]), row("locked", "a3", &[])],
    };
    let signature = SignatureRow {
        asset: "checksums.sha256".into(),
        evidence: "checksums.sha256.sigstore.json".into(),
        signer: Some("https://github.com/calimero-network/mero-tee/.github/workflows/release-kms-phala.yaml@refs/tags/mero-kms-v1.2.0".into()),
        signed_at: "2026-11-28T10:00:07Z".parse().ok(),
        log_index: Some(123_456_789),
        log: Some("https://rekor.sigstore.dev".into()),
        valid: "2026-11-28T10:00:00Z".parse().ok().zip("2026-11-28T10:10:00Z".parse().ok()),
    };
    vec![
        Exhibit {
            checks: &["checksum", "signature"],
            table: Table::Assets(vec![
                asset("checksums.sha256", None, Some(Status::Pass)),
                asset("attestation-policy-locked-read-only.json", Some(Status::Fail), None),
            ]),
        },
        Exhibit { checks: &["profile-isolation"], table: Table::Registers(matrix) },
        Exhibit { checks: &["identity"], table: Table::Signatures(vec![signature]) },
    ]
}

fn hostile() -> Section {
    let finding = Finding::new;
    Section {
        subject: "::error::mero-tee-v1.2.0".into(),
        facts: vec![Fact::named("layout", "up\u{1b}[2Jstream\n::error::x")],
        findings: vec![
            finding("asset-present", Status::Fail, "../x\n::error::owned", "::error file=a,line=1::b ##[error]c")
                .compared("a|b `c` <script>alert(1)</script>", "@octocat #1 https://evil.example [x](y)")
                .help("100% sure:\r\nyes, really"),
            finding("asset-present", Status::Fail, "sbom\u{202e}nosj.exe", "two assets of one name")
                .at(Location::file("/etc/../passwd c:\\x").on(0, 3)),
            finding("signature", Status::Pass, "\u{9b}31m\u{200b}red", &"x".repeat(400)),
            finding("unlisted-check", Status::Fail, "", ""),
        ],
        ..Section::default()
    }
}

/// Every status, two sections, a caveat, an elapsed time and texts that try to break out.
pub(crate) fn everything() -> Report {
    Report {
        command: "verify-release-assets".into(),
        rules: rules(),
        sections: vec![kms(), hostile()],
        caveats: vec!["the trust root is not the built-in one: root.json (sha256:0f3c…)".into()],
        made_at: "2026-11-29T07:10:04Z".parse().ok(),
        elapsed: Some(Duration::from_millis(214)),
        ..Report::default()
    }
}

/// A release in order: the common case.
fn clean() -> Report {
    let mut section = kms();
    section.findings.retain(|finding| matches!(finding.status, Status::Pass | Status::Warn));
    section.actions.clear();
    Report {
        command: "verify-release-assets".into(),
        rules: rules(),
        sections: vec![section],
        elapsed: Some(Duration::from_millis(214)),
        ..Report::default()
    }
}

fn rendered(format: Format, report: &Report, style: &Style) -> String {
    let mut out = Vec::new();
    render(format, report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(format: Format, report: &Report) -> String {
    rendered(format, report, &Style::default())
}

/// The text without the one thing in it that changes with every release of this tool.
fn unversioned(text: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    text.replace(&format!("ersion\": \"{version}\""), "ersion\": \"[VERSION]\"")
        .replace(&format!("merotee {version}"), "merotee [VERSION]")
}

/// The page without its style sheet and that sheet's digest, which say nothing about the report.
fn unstyled(text: &str) -> String {
    let Some((before, rest)) = text.split_once("<style>") else { return text.to_owned() };
    let (_, after) = rest.split_once("</style>").unwrap();
    let (policy, rest) = before.split_once("'sha256-").unwrap();
    let (_, head) = rest.split_once('\'').unwrap();
    format!("{policy}'[DIGEST]'{head}<style>[STYLE]</style>{after}")
}

#[test]
fn every_format_shows_the_same_report() {
    for format in Format::ALL {
        insta::assert_snapshot!(format!("everything_{format}"), unversioned(&unstyled(&plain(format, &everything()))));
    }
}

#[test]
fn the_human_report_follows_width_and_colour() {
    for (name, color, width) in [("80", false, 80), ("200", false, 200), ("120_color", true, 120)] {
        let text = rendered(Format::Human, &everything(), &Style { color, width, every_pass: false });
        insta::assert_snapshot!(format!("human_{name}"), text.replace('\u{1b}', "ESC"));
    }
}

#[test]
fn what_could_not_be_checked_is_told_again_only_where_it_is_the_cause() {
    let gate = |name: &str| Finding::new("gate", Status::SkippedRequired, name, "not reached");
    let recalled = |first: Finding| {
        let mut section = Section::new("rollout");
        section.findings = vec![first];
        section.findings.extend(["D3", "D4", "D5", "D6"].map(gate));
        let report = Report { sections: vec![section], ..Report::default() };
        let text = plain(Format::Human, &report);
        let (_, end) = text.split_once("\n\n").unwrap_or_default();
        end.lines().filter(|line| line.starts_with("  ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(recalled(Finding::new("gate", Status::Fail, "D2", "unhealthy")), ["  FAIL gate  D2  unhealthy"]);
    assert_eq!(recalled(gate("D2")), [] as [&str; 0]);
    let cause = gate("D2").help("set GH_TOKEN");
    assert_eq!(recalled(cause.clone()), ["  SKIP gate  D2  required but not checked: not reached"]);
    assert_eq!(recalled(Finding { status: Status::Missing, ..cause }), ["  MISS gate  D2  not reached"]);
}

#[test]
fn a_clean_release_reads_at_a_glance() {
    insta::assert_snapshot!("clean_human", plain(Format::Human, &clean()));
    insta::assert_snapshot!("clean_markdown", plain(Format::Markdown, &clean()));
}

#[test]
fn annotations_outputs_and_summary_speak_for_the_same_report() {
    let report = everything();
    let mut out = Vec::new();
    github::annotations(&report, &mut out).unwrap();
    insta::assert_snapshot!("annotations", String::from_utf8(out).unwrap());
    insta::assert_debug_snapshot!("outputs", github::outputs(&report));
    assert_eq!(github::summary(&report), plain(Format::Markdown, &report));
}

#[test]
fn without_colour_there_is_no_escape_and_with_it_the_words_are_the_same() {
    let plain = rendered(Format::Human, &everything(), &Style { width: 80, ..Style::default() });
    let colored = rendered(Format::Human, &everything(), &Style { color: true, width: 80, every_pass: false });
    assert!(!plain.contains('\u{1b}'));
    assert!(colored.contains("\u{1b}[1m\u{1b}[31m[FAIL]\u{1b}[0m "), "{colored}");
    let mut stripped = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(stripped + rest, plain);
}

#[test]
fn an_empty_report_has_no_verdict_in_any_format() {
    let report = Report { command: "verify-blob".into(), ..Report::default() };
    assert_eq!(plain(Format::Human, &report), "verify-blob: NO VERDICT — 0 passed, 0 failed, 0 missing, 0 skipped\n");
    assert!(plain(Format::Markdown, &report).starts_with("## `verify-blob` NO VERDICT\n"));
    assert!(plain(Format::Html, &report).contains("<title>verify-blob: NO VERDICT</title>"));
    let json: Value = serde_json::from_str(&plain(Format::Json, &report)).unwrap();
    assert_eq!(json["verdict"], "no_verdict");
    let sarif: Value = serde_json::from_str(&plain(Format::Sarif, &report)).unwrap();
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert_eq!(sarif["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn the_json_report_is_valid_against_its_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/report.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for report in [everything(), clean(), Report::default()] {
        let json: Value = serde_json::from_str(&plain(Format::Json, &report)).unwrap();
        assert_valid(&validator, &json);
    }
    let mut foreign: Value = serde_json::from_str(&plain(Format::Json, &clean())).unwrap();
    foreign["sections"][0]["findings"][0]["status"] = "ok".into();
    assert!(!validator.is_valid(&foreign), "the schema lets an unknown status through");
}

#[test]
fn the_json_report_keeps_untrusted_text_whole() {
    let json: Value = serde_json::from_str(&plain(Format::Json, &everything())).unwrap();
    let finding = &json["sections"][1]["findings"][0];
    assert_eq!(finding["subject"], "../x\n::error::owned");
    assert_eq!(finding["message"], "::error file=a,line=1::b ##[error]c");
    assert_eq!(json["sections"][1]["findings"][2]["message"], "x".repeat(400));
    assert_eq!(json["sections"][0]["facts"]["layout"], "pipeline");
}

#[test]
#[allow(clippy::print_stderr, reason = "a skip must be seen")]
fn sarif_is_valid_against_the_standard_s_schema() {
    let Some(path) = std::env::var_os("MEROTEE_SARIF_SCHEMA") else {
        assert!(
            std::env::var_os("MEROTEE_REQUIRE_INTEROP").is_none_or(|v| v != "1"),
            "MEROTEE_SARIF_SCHEMA is not set"
        );
        eprintln!("SKIPPED: MEROTEE_SARIF_SCHEMA names no SARIF 2.1.0 schema");
        return;
    };
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    // The published pattern of a field this tool does not write has a stray bracket that strict readers refuse.
    for owner in ["run", "toolComponent"] {
        if let Some(language) = schema.pointer_mut(&format!("/definitions/{owner}/properties/language")) {
            language.as_object_mut().unwrap().remove("pattern");
        }
    }
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    for report in [everything(), clean(), Report::default()] {
        let log = sarif_log(&report);
        assert_valid(&validator, &log);
        // The schema must be the right one to have said anything.
        let mut foreign = log;
        foreign["runs"][0]["columnKind"] = "bytes".into();
        assert!(!validator.is_valid(&foreign), "the schema is not that of SARIF");
    }
}

#[test]
fn sarif_results_are_what_a_person_should_act_on_with_a_rule_a_relative_place_and_a_level() {
    let log = sarif_log(&everything());
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 7);
    for result in results {
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(result["kind"] == "fail" && (result["level"] == "error" || result["level"] == "warning"), "{result}");
        assert_relative(uri(result));
    }
    assert_eq!(uri(&results[1]), "mero-kms-v1.2.0/attestation-policy-locked-read-only.json");
    assert_eq!(results[2]["locations"][0]["physicalLocation"]["region"]["startLine"], 12);
    assert_eq!(run["properties"]["passed"], 4);
}

#[test]
fn a_clean_release_raises_no_alert_but_for_its_warnings() {
    let mut report = clean();
    let log = sarif_log(&report);
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 1, "the warning");
    report.sections[0].findings.retain(|finding| finding.status == Status::Pass);
    assert_eq!(sarif_log(&report)["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn sarif_fingerprints_differ_between_findings_and_stay_from_run_to_run() {
    let finding = |check, subject: &str| Finding::new(check, Status::Fail, subject, "");
    let prints = |findings: Vec<Finding>| -> Vec<String> {
        let section = Section { subject: "v1".into(), findings, ..Section::default() };
        let report = Report { sections: vec![section.clone(), section], ..clean() };
        let log = sarif_log(&report);
        let print = |result: &Value| result["partialFingerprints"]["merotee/v1"].as_str().unwrap().to_owned();
        log["runs"][0]["results"].as_array().unwrap().iter().map(print).collect()
    };
    let findings = vec![
        finding("schema", "a.json").within("/x"),
        finding("schema", "a.json").within("/y"),
        finding("schema", "a.json").within("/y"),
        finding("schema", "a.json"),
        finding("schema", "a.json"),
        finding("schema", "b.json"),
        finding("sbom", "b.json"),
        finding("sbom", ""),
        finding("sb", "omb.json"),
        finding("sbom", "a.json").at(Location::file("a.json").on(1, None)),
    ];
    let first = prints(findings.clone());
    let mut unique = first.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!((first.len(), unique.len()), (20, 20));
    assert!(first.iter().all(|print| print.len() == 64));
    // Another line, another value, another finding before it: the same alert.
    let mut moved = findings;
    moved[9].location = None;
    moved[0].actual = Some("other".to_owned());
    moved.insert(0, finding("class", "c"));
    assert_eq!(prints(moved)[1..11], first[..10]);
}

#[test]
fn the_passes_of_one_check_share_a_line_unless_each_is_asked_for() {
    let finding = |status, subject: &str| Finding::new("checksum", status, subject, "equal");
    let several = vec![
        finding(Status::Pass, "a"),
        finding(Status::Fail, "b"),
        finding(Status::Pass, "c"),
        Finding::new("signature", Status::Pass, "a", "by the workflow"),
        Finding::new("asset-size", Status::Pass, "a", ""),
        Finding::new("asset-size", Status::Pass, "b", ""),
    ];
    let section = Section { subject: "v1".into(), findings: several, ..Section::default() };
    let report = Report { sections: vec![section], elapsed: None, ..clean() };
    let lines = |every_pass| -> Vec<String> {
        let text = rendered(Format::Human, &report, &Style { every_pass, ..Style::default() });
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(
        lines(false),
        [
            "[INFO] v1",
            "[PASS] checksum 2 of 3",
            "[FAIL] checksum b equal",
            "[PASS] signature a by the workflow",
            "[PASS] asset-size all 2",
            "",
            "FAIL checksum b equal",
            "v1: FAILED — 5 passed, 1 failed, 0 missing, 0 skipped",
        ]
    );
    assert_eq!(lines(true).len(), 10);
}

/// Names of checks, as many as make a report long.
const MANY: [&str; 24] = [
    "c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09", "c10", "c11", "c12", "c13", "c14", "c15", "c16",
    "c17", "c18", "c19", "c20", "c21", "c22", "c23", "c24",
];

fn report_on(subjects: &[(&str, Vec<Finding>)]) -> Report {
    let section = |(subject, findings): &(&str, Vec<Finding>)| Section {
        subject: (*subject).into(),
        findings: findings.clone(),
        ..Section::default()
    };
    Report { command: "audit".into(), sections: subjects.iter().map(section).collect(), ..Report::default() }
}

fn lines_of(report: &Report, every_pass: bool) -> Vec<String> {
    let text = rendered(Format::Human, report, &Style { every_pass, width: 80, color: false });
    text.lines().map(str::to_owned).collect()
}

#[test]
fn in_a_long_report_checks_that_have_no_more_to_say_share_lines_and_keep_their_order() {
    let mut findings: Vec<Finding> = MANY.map(|check| Finding::new(check, Status::Pass, "", "fine")).to_vec();
    findings.insert(2, Finding::new("signature", Status::Pass, "a", "by the workflow"));
    findings.insert(5, Finding::new("checksum", Status::Fail, "b", "differs"));
    let report = report_on(&[("v1", findings)]);
    let all = "[PASS] c05, c06, c07, c08, c09, c10, c11, c12, c13, c14, c15, c16, c17, c18,";
    let expected = [
        "[INFO] v1",
        "[PASS] c01, c02",
        "[PASS] signature  a  by the workflow",
        "[PASS] c03, c04",
        "[FAIL] checksum   b  differs",
        all,
        "       c19, c20, c21, c22, c23, c24",
        "",
        "  FAIL checksum  b  differs",
        "v1: FAILED — 25 passed, 1 failed, 0 missing, 0 skipped",
    ];
    assert_eq!(lines_of(&report, false), expected);
    assert_eq!(lines_of(&report, true).len(), 1 + 26 + 3);
}

#[test]
fn a_pass_says_how_much_was_not_looked_at() {
    let finding = |status| Finding::new("measurements-match", status, "debug", "");
    let verdict = |statuses: &[Status]| {
        let report = report_on(&[("v1", statuses.iter().copied().map(finding).collect())]);
        lines_of(&report, false).pop().unwrap()
    };
    use Status::{Fail, Pass, Skipped};
    assert!(verdict(&[Pass]).starts_with("v1: PASSED — 1 passed"));
    assert!(verdict(&[Pass, Skipped]).starts_with("v1: PASSED, 1 check not made — 1 passed"));
    assert!(verdict(&[Pass, Skipped, Skipped]).starts_with("v1: PASSED, 2 checks not made — 1 passed"));
    assert!(verdict(&[Fail, Skipped]).starts_with("v1: FAILED — 0 passed, 1 failed, 0 missing, 1 skipped"));
    let report = report_on(&[("v1", vec![finding(Pass), finding(Skipped)])]);
    assert!(plain(Format::Markdown, &report).starts_with("## `v1` PASSED, 1 check not made"));
    assert!(plain(Format::Html, &report).contains("<title>v1: PASSED, 1 check not made</title>"));
}

#[test]
fn of_several_subjects_there_is_a_table_first_and_then_what_is_wrong_with_each() {
    let pass = || Finding::new("checksum", Status::Pass, "a", "equal");
    let report = report_on(&[
        ("v1", vec![pass()]),
        ("v2", vec![pass(), Finding::new("signature", Status::Missing, "a", "not signed").help("sign it")]),
    ]);
    let expected = [
        "Verdict     Passed  Failed  Missing  Skipped  Warnings  Subject",
        "PASSED           1       0        0        0         0  v1",
        "INCOMPLETE       1       0        1        0         0  v2",
        "",
        "[INFO] v2",
        "[MISS] signature  a  not signed",
        "       → sign it",
        "",
        "audit: INCOMPLETE — 2 passed, 0 failed, 1 missing, 0 skipped",
    ];
    assert_eq!(lines_of(&report, false), expected);
    assert!(lines_of(&report, true).iter().any(|line| line.starts_with("[PASS] checksum")));
}

#[test]
fn the_page_asks_for_nothing_and_runs_nothing() {
    let page = plain(Format::Html, &everything());
    for foreign in ["<script", "<link", "<img", "<iframe", "src=", "url(", "@import", "onload"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let page_of_checks = "https://github.com/calimero-network/merotee/blob/main/docs/checks.md#";
    let links = || page.split("href=\"").skip(1);
    let signed =
        ["https://search.sigstore.dev/?logIndex=123456789", "https://github.com/calimero-network/mero-tee/blob/refs/"];
    let known = |link: &str| {
        link.starts_with(['#']) || [&[page_of_checks][..], &signed].concat().iter().any(|known| link.starts_with(known))
    };
    assert!(links().count() > 5 && links().all(known), "{page}");
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "{page}");
}

fn uri(result: &Value) -> &str {
    result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap()
}

fn sarif_log(report: &Report) -> Value {
    let mut out = Vec::new();
    sarif::render(report, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn assert_valid(validator: &jsonschema::Validator, document: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
}

fn assert_relative(uri: &str) {
    assert!(!uri.is_empty() && !uri.starts_with('/'), "{uri}");
    assert!(uri.split('/').all(|segment| !segment.is_empty() && segment != "." && segment != ".."), "{uri}");
    assert!(uri.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%/".contains(&b)), "{uri}");
    // Resolved under a base it stays under that base.
    let base = url::Url::parse("file:///release/").unwrap();
    assert!(base.join(uri).unwrap().as_str().starts_with("file:///release/"), "{uri}");
}

/// Text as an attacker would write it: anything, and often the characters that mean something somewhere.
fn hostile_text() -> impl Strategy<Value = String> {
    let sharp = prop::sample::select(vec![
        "\u{1b}[31m",
        "\n",
        "\r",
        "::error::",
        "##[error]",
        "|",
        "`",
        "\\",
        "<b>",
        "](",
        "@a",
        "#1",
        "http://x",
        " ",
        "\u{202e}",
        "\u{2028}",
        "\u{9b}",
        "\u{a0}",
        "\0",
        "..",
        "/",
        "%0A",
        "{0}",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
    ]);
    let piece = prop_oneof![sharp.prop_map(str::to_owned), any::<char>().prop_map(String::from)];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn report_of(texts: &[String; 8], status: Status) -> Report {
    let [subject, fact, asset, message, expected, actual, help, file] = texts;
    let finding = Finding::new("checksum", status, asset, message).compared(expected, actual).help(help);
    let quoted = Location::file(file.clone()).on(1, 3).until(2, 2).quoting(&format!("{message}\n{expected}{actual}\n"));
    let placed = finding.clone().at(quoted);
    let exhibit = |table| Exhibit { checks: &["checksum"], table };
    let row =
        |profile: &String| RegisterRow { profile: profile.clone(), role: None, values: vec![vec![actual.clone()]] };
    let matrix = RegisterMatrix { registers: vec!["MRTD"], rows: vec![row(subject), row(asset)] };
    Report {
        command: "verify-release-assets".into(),
        rules: rules(),
        sections: vec![Section {
            subject: subject.clone(),
            facts: vec![Fact::named("layout", fact.clone()), Fact::Image(fact.clone())],
            caveats: vec![fact.clone()],
            findings: vec![finding, placed],
            actions: vec![Action::failed(message.clone(), asset.clone())],
            told: &[],
            exhibits: vec![
                exhibit(Table::Assets(vec![AssetRow {
                    name: asset.clone(),
                    checksum: Some(Status::Fail),
                    signature: None,
                    signer: Some(subject.clone()),
                }])),
                exhibit(Table::Registers(matrix)),
                exhibit(Table::Signatures(vec![SignatureRow {
                    asset: asset.clone(),
                    evidence: file.clone(),
                    signer: Some(subject.clone()),
                    signed_at: None,
                    log_index: Some(7),
                    log: Some(file.clone()),
                    valid: None,
                }])),
            ],
        }],
        caveats: vec![fact.clone()],
        ..Report::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_text_stays_text_in_every_format(
        texts in prop::array::uniform8(hostile_text()),
        status in prop::sample::select(vec![Status::Pass, Status::Fail, Status::Missing, Status::SkippedRequired]),
        width in prop_oneof![40_usize..200, Just(usize::MAX)],
    ) {
        let report = report_of(&texts, status);
        for format in Format::ALL {
            let text = rendered(format, &report, &Style { color: false, width, every_pass: true });
            prop_assert!(text.chars().all(|c| c == '\n' || !escape::is_hidden(c)), "{format}: {text:?}");
            prop_assert!(text.lines().all(|line| !line.trim_start().starts_with("::")), "{format}: {text}");
            prop_assert!(!text.contains("##["), "{format}: {text}");
        }

        let human = rendered(Format::Human, &report, &Style { color: false, width, every_pass: true });
        let tagged = human.lines().filter(|line| line.starts_with('[') && !texts[0].starts_with('[')).count();
        prop_assert!(texts[0].starts_with('[') || tagged == 5, "a line of its own: {human}");

        let json: Value = serde_json::from_str(&plain(Format::Json, &report)).unwrap();
        let finding = &json["sections"][0]["findings"][0];
        prop_assert_eq!(finding["subject"].as_str(), Some(texts[2].as_str()));
        prop_assert_eq!(finding["message"].as_str(), Some(texts[3].as_str()));

        let log = sarif_log(&report);
        for result in log["runs"][0]["results"].as_array().unwrap() {
            assert_relative(uri(result));
        }

        let mut out = Vec::new();
        github::annotations(&report, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let commands = if status == Status::Pass { 2 } else { 4 };
        prop_assert_eq!(out.lines().count(), commands, "{}", out);
        prop_assert!(out.lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning ")));
    }

    #[test]
    fn a_markdown_table_row_keeps_its_four_cells(text in hostile_text()) {
        let row = format!("| {} | {} |", escape::markdown(&text), escape::markdown_code(&text));
        prop_assert_eq!(row.matches('|').count(), 3, "{}", row);
        prop_assert!(!row.contains('\n'));
    }
}
