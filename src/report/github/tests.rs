//! The runner's formats, on literals.

use super::*;
use crate::report::Location;

fn report(findings: Vec<Finding>) -> Report {
    let section = Section { subject: "mero-kms-v1.2.0".into(), findings, ..Section::default() };
    Report { command: "verify-release-assets".into(), sections: vec![section], ..Report::default() }
}

fn annotated(report: &Report) -> String {
    let mut out = Vec::new();
    assert!(annotations(report, &mut out).is_ok());
    String::from_utf8_lossy(&out).into_owned()
}

fn output(name: &str, value: &str, delimiter: &str) -> Result<String, io::ErrorKind> {
    let mut out = Vec::new();
    let written = write_output(name, value, delimiter, &mut out).map_err(|error| error.kind());
    written.map(|()| String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn an_annotation_escapes_properties_and_data_differently() {
    let finding = Finding::new("checksum", Status::Fail, "a,b::c\n", "100% wrong:\r\n::error::x, y")
        .compared("a", "b")
        .help("ask")
        .at(Location::file("x,y:z%.json").on(3, 7));
    assert_eq!(
        annotated(&report(vec![finding])),
        "::error file=x%2Cy%3Az%25.json,line=3,col=7,title=checksum%3A a%2Cb%3A%3Ac%0A::\
         100%25 wrong:%0D%0A::error::x, y; expected a, got b%0A→ ask\n"
    );
}

#[test]
fn each_status_has_its_level_and_passes_have_none() {
    let all = [Status::Pass, Status::Warn, Status::Fail, Status::Missing, Status::SkippedRequired, Status::Skipped];
    let findings = all.into_iter().map(|status| Finding::new("c", status, "s", "m")).collect();
    assert_eq!(
        annotated(&report(findings)),
        "::error title=c%3A s::m\n::error title=c%3A s::missing: m\n::error title=c%3A s::required but not checked: m\n\
         ::warning title=c%3A s::m\n"
    );
}

#[test]
fn the_tenth_annotation_speaks_for_those_github_would_drop() {
    let failed = |count| report((0..count).map(|i| Finding::new("c", Status::Fail, format!("s{i}"), "m")).collect());
    let ten = annotated(&failed(10));
    assert_eq!(ten.lines().count(), 10);
    assert!(ten.ends_with("title=c%3A s9::m\n"), "{ten}");
    let many = annotated(&failed(25));
    assert_eq!(many.lines().count(), 10);
    assert!(
        many.ends_with("::error title=16 more problems::16 more problems: see the step summary or the report\n"),
        "{many}"
    );
}

#[test]
fn outputs_carry_the_verdict_and_the_counts() {
    let report = report(vec![Finding::new("c", Status::Missing, "s", ""), Finding::new("c", Status::Pass, "s", "")]);
    let expected = [("verdict", "incomplete"), ("passed", "1"), ("failed", "0"), ("missing", "1")];
    let got = outputs(&report);
    assert_eq!(got.iter().take(4).map(|(n, v)| (*n, v.as_str())).collect::<Vec<_>>(), expected);
    assert_eq!(got.iter().skip(4).map(|(n, _)| *n).collect::<Vec<_>>(), ["skipped", "warnings"]);
}

#[test]
fn an_output_of_several_lines_is_a_heredoc() {
    assert_eq!(output("verdict", "passed", "D"), Ok("verdict=passed\n".into()));
    assert_eq!(output("verdict", "a<<b=c", "D"), Ok("verdict=a<<b=c\n".into()));
    assert_eq!(output("notes", "a\nb", "EOF_1"), Ok("notes<<EOF_1\na\nb\nEOF_1\n".into()));
}

#[test]
fn an_output_that_would_end_its_heredoc_or_start_another_is_refused() {
    assert_eq!(output("notes", "a\nEOF_1\nx=y", "EOF_1"), Err(io::ErrorKind::InvalidInput));
    assert_eq!(output("notes", "a\rEOF_1", "EOF_1"), Err(io::ErrorKind::InvalidInput));
    assert_eq!(output("a=b", "c", "D"), Err(io::ErrorKind::InvalidInput));
    assert_eq!(output("notes", "a\nb", ""), Err(io::ErrorKind::InvalidInput));
}

#[test]
fn a_summary_drops_passes_first_and_is_then_cut_at_a_line() {
    let mut findings: Vec<_> = (0..50).map(|i| Finding::new("c", Status::Pass, format!("pass-{i}"), "ü")).collect();
    findings.extend((0..50).map(|i| Finding::new("c", Status::Fail, format!("fail-{i}"), "ü")));
    let report = report(findings);
    let full = summary(&report);
    assert!(full.contains("pass-49") && full.contains("fail-49"));

    let short = summary_within(&report, full.len());
    assert!(short.len() < full.len() && !short.contains("pass-49") && short.contains("fail-49"));
    assert!(short.ends_with(PASSES_DROPPED));

    for limit in 200..short.len() {
        let cut = summary_within(&report, limit);
        assert!(cut.len() < limit && cut.ends_with(CUT_SHORT), "{limit}");
        assert!(cut.trim_end_matches(CUT_SHORT).lines().all(|l| !l.starts_with("| FAIL") || l.ends_with('|')));
    }
}
