//! Inside a workflow step: annotations, summary, outputs — and hostile text, which must stay text.

use serde_json::json;

use crate::binary::{
    Place, Run, findings,
    loopback::{Answer, Server},
};

const KMS: &str = "mero-kms-v1.2.0";
/// Names of assets and lines of notes that would be workflow commands, or hide or forge something.
const HOSTILE: [&str; 9] = [
    "::error::pwned",
    "::set-output name=verdict::passed",
    "##[error]pwned",
    "  ::add-mask::x",
    "a\n::error::pwned",
    "a\r\n::stop-commands::x",
    "\u{1b}[2J\u{1b}]0;pwned\u{7}",
    "a\u{202e}gnp.exe",
    "a%0A::error title=x,y:z::b",
];

/// As the runner starts a step.
fn step<'a>(place: &'a Place, run: crate::binary::Invocation<'a>) -> Run {
    run.env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", place.path("summary.md"))
        .env("GITHUB_OUTPUT", place.path("output.txt"))
        .run()
}

/// Asserts that no line could be taken for a workflow command but the annotations this program means to write.
#[track_caller]
fn inert(run: &Run) {
    for (stream, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        // The runner ends lines at a carriage return, too.
        for line in text.split(['\n', '\r']) {
            let ours = stream == "stderr" && (line.starts_with("::error ") || line.starts_with("::warning "));
            assert!(ours || !line.trim_start().starts_with("::"), "{stream}: {line:?}");
            assert!(!line.contains("##["), "{stream}: {line:?}");
            assert!(!line.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{stream}: {line:?}");
        }
    }
    for line in run.stderr.lines().filter(|line| line.starts_with("::")) {
        let (properties, message) = line.split_once(' ').unwrap().1.split_once("::").unwrap();
        for property in properties.split(',') {
            let (name, value) = property.split_once('=').unwrap_or_else(|| panic!("no property: {line}"));
            assert!(["file", "line", "col", "title"].contains(&name), "{line}");
            assert!(!value.contains([':', ',']), "{line}");
        }
        assert!(!message.is_empty() && line.len() < 4_000, "{line}");
    }
}

#[test]
fn failures_are_annotated_the_summary_is_appended_and_outputs_are_set() {
    let place = Place::new();
    place.write("summary.md", "# Earlier steps\n");
    place.write("output.txt", "earlier=1\n");
    let run = step(&place, place.tampered("api-digest", ["verify-release-assets", KMS])).expect(10);
    inert(&run);
    let annotations: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(annotations.len(), 2, "{}", run.stderr);
    assert!(
        annotations[0].starts_with(
            "::error title=api-digest%3A sbom.spdx.json::GitHub states a different digest; expected sha256:"
        )
    );
    assert!(annotations[1].starts_with("::warning title=caveat::using custom trust root "));
    let summary = place.read("summary.md");
    assert!(summary.starts_with("# Earlier steps\n") && summary.contains("FAILED"), "{summary}");
    let outputs = place.read("output.txt");
    let lines: Vec<_> = outputs.lines().collect();
    assert_eq!(&lines[..2], ["earlier=1", "verdict=failed"]);
    assert_eq!(lines[3..], ["failed=1", "missing=0", "skipped=0", "warnings=0"]);
}

#[test]
fn the_verdict_of_each_exit_code_is_an_output() {
    for (kind, code, verdict) in
        [(None, 0, "passed"), (Some("asset-missing"), 11, "incomplete"), (Some("sbom-broken"), 10, "failed")]
    {
        let place = Place::new();
        let command = ["verify-release-assets", KMS];
        let run = kind.map_or_else(|| place.sandbox(command), |kind| place.tampered(kind, command));
        step(&place, run).expect(code);
        let outputs = place.read("output.txt");
        assert!(outputs.lines().any(|line| line == format!("verdict={verdict}")), "{outputs}");
    }
}

#[test]
fn standard_output_holds_the_product_alone_in_every_format() {
    let place = Place::new();
    let command = |format| ["verify-release-assets", KMS, "--format", format];
    let run = step(&place, place.tampered("policy-tag", command("json"))).expect(10);
    assert_eq!(run.report()["verdict"], "failed");
    let run = step(&place, place.tampered("policy-tag", command("sarif"))).expect(10);
    serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap();
    let run = step(&place, place.merotee(["verify-release-assets", "--list-contract"])).expect(0);
    serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap();
    assert_eq!(run.stderr, "");
}

#[test]
fn an_error_without_a_report_is_annotated_too() {
    let place = Place::new();
    let run = step(&place, place.sandbox(["verify-release-assets", "mero-kms-v9.9.9"])).expect(1);
    inert(&run);
    assert!(
        run.stderr
            .contains("\n::error title=merotee::calimero-network/mero-tee has no release mero-kms-v9.9.9%0A→ check")
    );
    let run = step(&place, place.merotee(["verify-release-assets", "nonsense"])).expect(2);
    inert(&run);
    assert!(run.stderr.contains("\n::error title=merotee::invalid value 'nonsense' for '[TAG]'"), "{}", run.stderr);
}

#[test]
fn a_run_without_a_report_leaves_no_verdict_a_summary_and_an_annotation() {
    let refused = "http://127.0.0.1:9";
    for (code, arguments, why) in [
        (1, &["verify-release-assets", KMS, "--api-url", refused, "--retries", "0"][..], "could not reach"),
        (1, &["sandbox", "--", "verify-release-assets", "mero-kms-v9.9.9"], "no release"),
        (1, &["policy", "validate", "absent"], "cannot read absent"),
        (1, &["policy", "validate", "x", "-o", "absent/report"], "cannot write absent/report"),
        (2, &["verify-release-assets", "nonsense"], "invalid value"),
        (2, &["verify-release-assets", KMS, "--nonsense"], "unexpected argument"),
        (2, &["nonsense"], "unrecognized subcommand"),
        (2, &[], "no command"),
        (2, &["quote"], "no command"),
        (2, &["completions", "bash", "--format", "json"], "one form only"),
        (2, &["sandbox", "--", "verify-release-assets", "nonsense"], "invalid value"),
        (2, &["sandbox", "--", "nonsense"], "unrecognized subcommand"),
        (2, &["sandbox"], "nothing to run"),
        (2, &["sandbox", "--tamper", "nonsense", "--", "verify-release-assets", KMS], "nonsense"),
    ] {
        let place = Place::new();
        let run = step(&place, place.merotee(arguments)).expect(code).without_product();
        inert(&run);
        let annotations: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("::error ")).collect();
        assert!(annotations.len() == 1 && annotations[0].contains(why), "{arguments:?}: {}", run.stderr);
        assert_eq!(place.read("output.txt"), "verdict=no_verdict\n", "{arguments:?}");
        let summary = place.read("summary.md");
        assert!(summary.starts_with("## merotee: NO VERDICT\n"), "{arguments:?}: {summary}");
    }
    // Help and the version are no failures.
    for arguments in [&["--help"][..], &["--version"], &["help", "policy", "diff"], &["sandbox", "serve", "--help"]] {
        let place = Place::new();
        step(&place, place.merotee(arguments)).expect(0);
        assert!(!place.path("output.txt").exists() && !place.path("summary.md").exists());
    }
}

#[test]
fn findings_in_local_files_carry_file_line_and_column() {
    let place = Place::new();
    place.kept(KMS);
    let folder = format!("kept/{KMS}");
    let policy = format!("{folder}/attestation-policy-debug.json");
    let text = place.read(&policy);
    let entry = text.lines().position(|line| line.contains("allowed_rtmr1")).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document["policy"]["kms_allowed_rtmr1"] = json!(["zz"]);
    let pretty = serde_json::to_string_pretty(&document).unwrap();
    let line = pretty.lines().position(|line| line.trim() == "\"zz\"").unwrap() + 1;
    assert!(entry > 0);
    place.write(&policy, &pretty);
    let sums = format!("{folder}/checksums.sha256");
    let entries = place.read(&sums);
    place.write(&sums, format!("{entries}no entry\n"));
    let last = entries.lines().count() + 1;
    let place_of = |run: &Run, check: &str, file: &str| {
        let start = format!("::error file={file},line=");
        let of = |l: &&str| l.starts_with(&start) && l.contains(&format!("title={check}"));
        run.stderr.lines().find(of).map(|l| l[start.len()..].split(",title=").next().unwrap().to_owned())
    };
    let command = ["verify-release-assets", KMS, "--offline", "--dir"];
    for dir in [folder.clone(), place.path(&folder).display().to_string()] {
        let run = step(&place, place.sandbox(command).args([&dir])).expect(10);
        inert(&run);
        let found = place_of(&run, "schema", &policy).unwrap_or_else(|| panic!("{}", run.stderr));
        assert!(found.starts_with(&format!("{line},col=")), "{found}, expected line {line}");
        assert_eq!(place_of(&run, "checksums-file", &sums), Some(last.to_string()));
    }
    // On its own: Actions shows ten annotations a step, and the rest are a roll-up.
    let (other, sbom) = (Place::new(), format!("{folder}/sbom.spdx.json"));
    other.kept(KMS);
    other.write(&sbom, "{\n  \"spdxVersion\": 1,\n}\n");
    let run = step(&other, other.sandbox(command).args([&folder])).expect(10);
    assert_eq!(place_of(&run, "sbom", &sbom).as_deref(), Some("3,col=1"));
    let run = step(&place, place.merotee(["policy", "validate", &policy])).expect(10);
    let found = place_of(&run, "policy-measurements", &policy).unwrap_or_else(|| panic!("{}", run.stderr));
    assert!(found.starts_with(&format!("{line},col=")), "{found}");
    // One reference an asset, whether or not a line is known.
    let sarif = place.merotee(["policy", "validate", &policy, "--format", "sarif"]).run().expect(10);
    let log: serde_json::Value = serde_json::from_str(&sarif.stdout).unwrap();
    for result in log["runs"][0]["results"].as_array().unwrap() {
        assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], policy.as_str(), "{result}");
    }
}

#[test]
fn hostile_names_and_notes_in_a_folder_start_no_command_in_any_format() {
    for format in ["human", "json", "sarif", "markdown", "html"] {
        let place = Place::new();
        place.kept(KMS);
        for name in HOSTILE.iter().filter(|name| !name.contains('/')) {
            place.write(&format!("kept/{KMS}/{name}"), "x");
        }
        place.write(&format!("kept/{KMS}/release-notes.md"), HOSTILE.join("\n"));
        let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", format];
        let run = step(&place, place.sandbox(command)).expect(10);
        inert(&run);
        let (summary, outputs) = (place.read("summary.md"), place.read("output.txt"));
        assert!(!summary.contains(['\u{1b}', '\u{202e}']) && !summary.contains("##["), "{summary}");
        assert_eq!(outputs.lines().filter(|line| line.starts_with("verdict=")).count(), 1);
        assert_eq!(outputs.lines().count(), 6, "{outputs}");
    }
}

#[test]
fn hostile_names_from_the_api_start_no_command_and_are_all_reported() {
    let server = Server::start(|path, base| match path {
        "/repos/calimero-network/mero-tee/releases/tags/mero-kms-v1.2.0" => {
            let asset = |(id, name): (usize, &&str)| {
                let url = format!("{base}/repos/calimero-network/mero-tee/releases/assets/{id}");
                json!({"id": id, "name": name, "size": 1, "state": "uploaded", "digest": "sha256:\n::error::pwned", "url": url,
                    "content_type": "", "browser_download_url": "https://x/", "uploader": {}})
            };
            let assets: Vec<_> = HOSTILE.iter().enumerate().map(asset).collect();
            Answer::json(
                &json!({"id": 1, "tag_name": KMS, "name": HOSTILE[0], "body": HOSTILE.join("\n"), "draft": false,
                "prerelease": false, "published_at": null, "html_url": "https://x/", "assets": assets}),
            )
        }
        path if path.contains("/releases/assets/") => Answer::Reply("200 OK", String::new(), b"x".to_vec()),
        _ => Answer::status("404 Not Found", "\n::error::pwned ##[error]"),
    });
    for format in ["human", "json", "sarif", "markdown", "html"] {
        let place = Place::new();
        let command = ["verify-release-assets", KMS, "--api-url", &server.url, "--format", format];
        let run = step(&place, place.merotee(command).args(["--keep", "kept"])).expect(10);
        inert(&run);
        if format == "json" {
            let report = run.report();
            for name in HOSTILE {
                assert!(findings(&report).into_iter().any(|f| f["subject"] == name), "{name:?}");
            }
        }
        let kept = place.names(&format!("kept/{KMS}.NOT-VERIFIED"));
        assert!(kept.iter().all(|name| name.bytes().all(|b| b.is_ascii_graphic())), "{kept:?}");
    }
}

#[test]
fn hostile_words_of_a_failing_server_start_no_command() {
    let server =
        Server::start(|_, _| Answer::status("500 Internal Server Error", "\n::error::pwned\r##[group]x\u{1b}[2J"));
    let place = Place::new();
    let command = ["verify-release-assets", KMS, "--api-url", &server.url, "--retries", "0"];
    let run = step(&place, place.merotee(command)).expect(1);
    inert(&run);
    assert!(run.says(&["pwned"]).stdout.is_empty());
}

#[test]
fn a_summary_that_cannot_be_written_is_an_error_and_not_a_silent_loss() {
    let place = Place::new();
    let run = place.sandbox(["verify-release-assets", KMS]).env("GITHUB_ACTIONS", "true");
    run.env("GITHUB_STEP_SUMMARY", "/nonexistent/summary").run().expect(1).says(&["cannot write the step summary"]);
}

#[test]
fn outside_a_workflow_nothing_is_annotated_or_appended() {
    let place = Place::new();
    let run = place.tampered("api-digest", ["verify-release-assets", KMS]);
    let run = run.env("GITHUB_STEP_SUMMARY", place.path("summary.md")).env("GITHUB_OUTPUT", place.path("output.txt"));
    let run = run.run().expect(10);
    assert_eq!(run.stderr, "");
    assert_eq!(place.names("."), [""; 0]);
}

#[test]
fn no_color_wins_over_forced_color_which_wins_over_the_absence_of_a_terminal() {
    let place = Place::new();
    let colored = |variables: &[(&str, &str)], more: &[&str]| {
        let mut run = place.sandbox(["verify-release-assets", KMS]).args(more);
        for (name, value) in variables {
            run = run.env(name, value);
        }
        let run = run.run().expect(0);
        assert!(!run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
        run.stdout.contains('\u{1b}')
    };
    assert!(!colored(&[], &[]));
    assert!(colored(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!colored(&[("CLICOLOR_FORCE", "0")], &[]));
    assert!(!colored(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], &[]));
    assert!(!colored(&[("CLICOLOR_FORCE", "1")], &["--format", "json"]));
    assert!(!colored(&[("CLICOLOR_FORCE", "1")], &["--output", "report.txt"]));
    assert!(!place.read("report.txt").contains('\u{1b}'));
}

/// A folder of one policy, and what a change makes of it.
fn changed(place: &Place, change: impl FnOnce(&mut serde_json::Value)) {
    let mut policy = json!({"schema_version": 1, "role": "kms", "profile": "debug", "tag": "1.2.0", "status": "ready",
        "policy": {"kms_allowed_tcb_statuses": ["uptodate"], "node_allowed_tcb_statuses": ["uptodate"]}});
    for (at, side) in ["kms", "node"].into_iter().enumerate() {
        for (register, name) in ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"].into_iter().enumerate() {
            policy["policy"][format!("{side}_allowed_{name}")] = json!([format!("{at}{register}").repeat(48)]);
        }
    }
    place.write("old/attestation-policy-debug.json", policy.to_string());
    change(&mut policy);
    place.write("new/attestation-policy-debug.json", policy.to_string());
}

#[test]
fn a_difference_of_policies_is_annotated_summed_up_and_an_output() {
    let place = Place::new();
    changed(&place, |d| {
        d["policy"]["kms_allowed_tcb_statuses"] = json!(["uptodate", "revoked"]);
        d["policy"]["node_allowed_rtmr3"] = json!(["00".repeat(48)]);
        d["a\n::error::pwned"] = json!("::set-output name=verdict::passed");
    });
    let run = step(&place, place.merotee(["policy", "diff", "old", "new"])).expect(0);
    inert(&run);
    let annotations: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("::")).collect();
    let begin = "::warning title=policy-change%3A attestation-policy-debug.json::";
    assert!(annotations.iter().all(|line| line.starts_with(begin)), "{}", run.stderr);
    for said in
        ["an architecture review", "revoked newly admits", "all zeros", "newly admits platforms that are revoked"]
    {
        assert!(annotations.iter().any(|line| line.contains(said)), "{said}: {}", run.stderr);
    }
    let summary = place.read("summary.md");
    assert!(summary.starts_with("## Policy changes: `old` → `new`"), "{summary}");
    assert!(!summary.lines().any(|line| line.starts_with("::")), "{summary}");
    assert!(place.read("output.txt").starts_with("verdict=passed\n"), "{}", place.read("output.txt"));
    let run = step(&place, place.merotee(["policy", "diff", "old", "new", "--fail-on-change", "--format", "json"]));
    let run = run.expect(10).says(&["::error title=policy-change%3A old → new::old and new differ"]);
    assert!(run.stdout.starts_with("{\n") && place.read("output.txt").contains("verdict=failed\n"));
    let place = Place::new();
    changed(&place, |_| {});
    let run = step(&place, place.merotee(["policy", "diff", "old", "new", "--fail-on-change"])).expect(0);
    assert!(!run.stderr.contains("::"), "{}", run.stderr);
    assert!(place.read("output.txt").starts_with("verdict=passed\npassed=1\n"));
    assert!(place.read("summary.md").contains("No difference (1 file compared)"));
}
