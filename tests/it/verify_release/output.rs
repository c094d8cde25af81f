//! Where the report goes, and in which form.

use serde_json::Value;

use super::{KMS, NODE};
use crate::binary::{Place, usable};

#[test]
fn every_format_is_what_it_says_and_none_changes_the_exit_code() {
    for (kind, code, word) in
        [(None, 0, "PASSED"), (Some("api-digest"), 10, "FAILED"), (Some("asset-missing"), 11, "INCOMPLETE")]
    {
        let run = |format: &str| {
            let place = Place::new();
            let command = ["verify-release-assets", NODE, "--format", format];
            match kind {
                Some(kind) => place.tampered(kind, command).run().expect(code).stdout,
                None => place.sandbox(command).run().expect(code).stdout,
            }
        };
        assert!(run("human").contains(&format!("\n{NODE}: {word} — ")));
        assert!(run("markdown").contains(word));
        let html = run("html");
        assert!(html.to_lowercase().starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"));
        let sarif: Value = serde_json::from_str(&run("sarif")).unwrap();
        assert_eq!(sarif["version"], "2.1.0");
        assert_eq!(sarif["runs"][0]["tool"]["driver"]["name"], "merotee");
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.iter().any(|r| r["level"] == "error"), code != 0);
        let place = Place::new();
        let json = ["verify-release-assets", NODE, "--format", "json"];
        let run = kind.map_or_else(|| place.sandbox(json), |kind| place.tampered(kind, json)).run().expect(code);
        assert_eq!(run.report()["verdict"], word.to_lowercase());
    }
    Place::new().sandbox(["verify-release-assets", NODE, "--format", "xml"]).run().expect(2).says(&["xml", "sarif"]);
}

#[test]
fn a_report_in_a_file_is_the_report_and_standard_output_stays_empty() {
    let place = Place::new();
    let command = ["verify-release-assets", KMS, "--format", "markdown"];
    let printed = place.sandbox(command).run().expect(0).stdout;
    place.write("report.md", "the report of yesterday, which is longer\n".repeat(500));
    let run = place.sandbox(command).args(["--output", "report.md"]).run().expect(0);
    assert_eq!(run.stdout, "");
    let without = |text: &str| text.lines().filter(|l| !l.contains(" s)") && !l.contains("merotee-sandbox-")).count();
    assert_eq!(without(&place.read("report.md")), without(&printed));
    assert_eq!(place.names("."), ["report.md"]);
    let run = place.tampered("sbom-broken", command).args(["--output", "report.md"]).run().expect(10);
    assert_eq!(run.stdout, "");
    assert!(place.read("report.md").contains("FAILED"));
}

#[test]
fn a_report_that_cannot_be_written_leaves_nothing_and_harms_nothing() {
    let place = Place::new();
    let verify = |output: &str| place.sandbox(["verify-release-assets", NODE, "--output", output]).run();
    verify("nowhere/report.txt").expect(1).says(&["cannot write nowhere/report.txt"]).without_product();
    assert_eq!(place.names("."), [""; 0]);
    place.write("folder/kept", "x");
    verify("folder").expect(1).says(&["cannot write folder"]).without_product();
    assert_eq!((place.names("."), place.names("folder")), (vec!["folder".to_owned()], vec!["kept".to_owned()]));
    if usable("test", &["-c", "/dev/full"]) {
        verify("/dev/full").expect(1).says(&["cannot write /dev/full", "No space left"]).without_product();
    }
    place.write("report.txt", "the report of yesterday\n");
    place.sandbox(["verify-release-assets", "nonsense", "--output", "report.txt"]).run().expect(2);
    place.sandbox(["verify-release-assets", "mero-kms-v8.8.8", "--output", "report.txt"]).run().expect(1);
    assert_eq!(place.read("report.txt"), "the report of yesterday\n");
}

#[test]
fn a_reader_that_leaves_early_changes_no_verdict() {
    for (kind, code) in [("api-digest", 10), ("asset-missing", 11)] {
        let place = Place::new();
        let mut child = place.tampered(kind, ["verify-release-assets", KMS]).start();
        drop(child.stdout.take());
        let mut stderr = String::new();
        std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{stderr}");
        assert_eq!(stderr, "");
    }
    let place = Place::new();
    let script =
        format!("{{ {} sandbox -- verify-release-assets {KMS}; echo $? >code; }} | head -1", crate::binary::BINARY);
    let run = place.program("sh", ["-c", &script]).run().expect(0);
    assert_eq!(run.stdout.lines().count(), 1);
    assert_eq!(place.read("code"), "0\n");
}

#[test]
fn quiet_leaves_out_information_and_verbose_adds_to_it_but_the_report_is_the_same() {
    let place = Place::new();
    let run = |more: &[&str]| place.sandbox(["verify-release-assets", NODE, "--format", "json"]).args(more).run();
    let (normal, quiet, verbose) = (run(&[]).expect(0), run(&["-q"]).expect(0), run(&["-v"]).expect(0));
    assert_eq!(quiet.stderr, "");
    assert!(verbose.stderr.len() >= normal.stderr.len());
    assert_eq!(quiet.report()["counts"], verbose.report()["counts"]);
    run(&["-q", "-v"]).expect(2).without_product();
}
