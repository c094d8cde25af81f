//! `e2e`: the guardrails, against real services and nodes of the sandbox, each broken on purpose; and the report as evidence.

mod cloud;

use serde_json::Value;

use crate::{
    binary::{Place, findings, serve::Serve, statuses},
    tampering::document::Document,
};

const PROFILES: [&str; 3] = ["debug", "debug-read-only", "locked-read-only"];

fn section<'r>(report: &'r Value, subject: &str) -> &'r Value {
    let sections = report["sections"].as_array().unwrap();
    sections.iter().find(|section| section["subject"] == subject).unwrap_or_else(|| panic!("no {subject}: {report:#}"))
}

fn rows<'r>(report: &'r Value, subject: &str) -> &'r Vec<Value> {
    let exhibit = &section(report, subject)["exhibits"][0];
    assert_eq!(exhibit["kind"], "trials");
    exhibit["rows"].as_array().unwrap()
}

#[test]
fn a_version_passes_with_the_whole_matrix_and_the_report_is_evidence_for_the_catalog() {
    let place = Place::new();
    let run = place.sandbox(["e2e", "1.2.0", "--format", "json", "-o", "e2e.json"]).run().expect(0);
    assert_eq!(run.stdout, "");
    let report: Value = serde_json::from_str(&place.read("e2e.json")).unwrap();
    for part in ["A: cross-version", "B: profile isolation"] {
        let rows = rows(&report, part);
        assert_eq!(rows.len(), 9, "{part}");
        for row in rows {
            let same = row["kms"] == row["node"];
            assert_eq!(row["expected"], if same { "a key" } else { "no key" }, "{row}");
            let got = row["got"].as_str().unwrap();
            assert!(if same { got == "a key" } else { got.starts_with("no key, for RTMR") }, "{row}");
        }
    }
    // In documents, by what nodes were seen to measure, and by a service that runs the older policy.
    let stale = rows(&report, "C: stale policy");
    let of_older = stale.iter().filter(|row| row["kms"] == "1.1.1 locked-read-only");
    assert_eq!(of_older.map(|row| &row["basis"]).collect::<Vec<_>>(), ["published", "measured", "running KMS"]);
    assert_eq!(statuses(&report, "e2e-measurements"), ["pass"; 6]);
    assert_eq!(statuses(&report, "e2e-anti-fake"), ["pass"; 12]);
    // What runs before the run is left as it is.
    let suite = statuses(&report, "e2e-node-suite");
    let of = |status| suite.iter().filter(|one| **one == status).count();
    assert_eq!((of("pass"), of("skipped"), suite.len()), (12, 3, 15));
    let left = findings(&report).into_iter().find(|one| one["subject"] == "debug terminate").unwrap();
    assert_eq!(left["message"], "left running: this run did not start it");
    // The pair that is listed in advance is told, and tried once it is released.
    let skipped = findings(&report).into_iter().find(|f| f["subject"] == "mero-kms-v1.2.1").unwrap();
    assert_eq!(skipped["status"], "skipped");
    place.write("catalog.json", r#"{"schema_version": "1", "entries": []}"#);
    let add = ["catalog", "add", "1.2.0", "1.2.0", "--catalog", "catalog.json", "--evidence", "e2e.json"];
    let added = place.sandbox(add).run().expect(0);
    assert!(place.read("catalog.json").contains("\"e2e\""), "{}", added.shown());
    // Of another pair it shows nothing.
    let add = ["catalog", "add", "1.2.0", "1.1.0", "--catalog", "catalog.json", "--evidence", "e2e.json"];
    place.sandbox(add).run().expect(10).says(&["not of the pair"]);
}

#[test]
fn every_way_to_spoil_a_run_is_caught_by_its_guardrail_with_its_exit_code() {
    let document = Document::read();
    let kinds: Vec<_> = document.services.iter().filter(|row| row.service == "an end-to-end run").collect();
    assert!(kinds.len() >= 13, "{}", kinds.len());
    let spoilt = |row: &crate::tampering::document::Service| {
        let run = Place::new().tampered(&row.kind, ["e2e", "1.2.0"]).run();
        (run.code != row.exit || !run.stdout.contains(&row.says)).then(|| format!("{}: {}", row.kind, run.shown()))
    };
    let failures: Vec<String> = kinds.into_iter().filter_map(spoilt).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn a_run_in_which_nothing_runs_has_no_verdict_and_documents_alone_are_no_evidence() {
    let place = Place::new();
    let world = Serve::start();
    let run = place.merotee(["e2e", "1.2.0", "--format", "json"]).envs(world.exports()).run().expect(1);
    let report = run.report();
    assert_eq!(section(&report, "A: cross-version")["verdict"], "passed");
    assert_eq!(section(&report, "C: stale policy")["verdict"], "passed");
    for part in ["B: profile isolation", "D: measurements", "node suite"] {
        let section = section(&report, part);
        let findings = section["findings"].as_array().unwrap();
        assert_eq!((&section["verdict"], findings.len()), (&"no_verdict".into(), 1), "{part}");
    }
    // A KMS cannot be asked without a node, whether it answers or not.
    for option in ["--kms-url", "--stale-kms-url"] {
        let run = place.merotee(["e2e", "1.2.0", option, "debug=http://127.0.0.1:1"]).envs(world.exports()).run();
        run.expect(2).says(&["no node named: --node or --node-socket"]);
    }
    let words = ["e2e", "1.2.0", "--documents-only", "--format", "json", "-o", "documents.json"];
    place.merotee(words).envs(world.exports()).run().expect(0);
    place.write("catalog.json", r#"{"schema_version": "1", "entries": []}"#);
    let add = ["catalog", "add", "1.2.0", "1.2.0", "--catalog", "catalog.json", "--evidence", "documents.json"];
    place.merotee(add).envs(world.exports()).run().expect(10).says(&["was not looked at as a whole"]);
}

#[test]
fn documents_are_tried_offline_from_folders_and_a_release_without_one_is_no_verdict() {
    let place = Place::new();
    let world = Serve::start();
    for release in ["1.2.0", "mero-kms-v1.1.1"] {
        let words = ["verify-release-assets", release, "--keep", "kept"];
        place.merotee(words).envs(world.exports()).run().expect(0);
    }
    let pair = |kms: &str, node: &str| serde_json::json!({"kms": kms, "node_image": node, "profiles": PROFILES, "tested": true});
    let with = |pairs: &[Value]| serde_json::json!({"schema_version": "1", "entries": pairs}).to_string();
    place.write("catalog.json", with(&[pair("1.2.0", "1.2.0"), pair("1.1.1", "1.1.0")]));
    let root = world.export("MEROTEE_TRUSTED_ROOT");
    let words = ["e2e", "1.2.0", "--documents-only", "--offline", "--dir", "kept", "--catalog", "catalog.json"];
    let offline = || place.merotee(words).args(["--trusted-root", root]).run();
    offline().expect(0).says(&["A: cross-version"]);
    // A pair that does not work is found without a network too.
    place.write("catalog.json", with(&[pair("1.2.0", "1.2.0"), pair("1.1.1", "1.2.0")]));
    offline().expect(10).says(&["a node of the listed pair gets no key"]);
    place.write("catalog.json", with(&[pair("1.2.0", "1.2.0"), pair("1.2.0", "1.0.0")]));
    offline().expect(1).says(&["no folder"]);
    let words = ["e2e", "1.2.0", "--documents-only", "--offline", "--dir", "kept", "--catalog", "nope"];
    place.merotee(words).run().expect(1).says(&["no catalog: cannot read nope", "--catalog FILE"]);
}

#[test]
fn a_node_is_asked_by_a_command_and_one_that_says_nothing_of_a_kms_was_not() {
    let place = Place::new();
    let world = Serve::start();
    let binary = env!("CARGO_BIN_EXE_merotee");
    let kms = format!("locked-read-only={}", world.export("MERO_KMS_URL"));
    let ask = |command: &str| {
        let node = format!("locked-read-only={command}");
        // None of the other profile's nodes is there to ask this one.
        let stale = kms.replace("locked-read-only=", "debug=");
        let words = ["e2e", "1.2.0", "--kms-url", &kms, "--stale-kms-url", &stale, "--node", &node, "--format", "json"];
        let root = ["--root", world.export("MEROTEE_TDX_ROOT")];
        // The other profiles are not there: the run as a whole has no verdict.
        place.merotee(words).args(root).envs(world.exports()).run()
    };
    let control = |report: &Value| {
        let rows = rows(report, "B: profile isolation");
        rows.iter().find(|row| row["kms"] == "1.2.0 locked-read-only" && row["node"] == row["kms"]).unwrap().clone()
    };
    let report = ask(&format!("{binary} kms get-key --root {}", world.export("MEROTEE_TDX_ROOT"))).expect(1).report();
    assert_eq!((&control(&report)["got"], &control(&report)["status"]), (&"a key".into(), &"pass".into()));
    let measured = findings(&report).into_iter().find(|f| f["subject"] == "mero-tee-v1.2.0 locked-read-only").unwrap();
    assert_eq!(measured["status"], "pass", "{measured}");
    let measured = findings(&report).into_iter().find(|f| f["subject"] == "mero-kms-v1.2.0 locked-read-only").unwrap();
    assert_eq!(measured["status"], "pass", "{measured}");
    let unasked = section(&report, "C: stale policy")["findings"][0].clone();
    assert_eq!(
        (&unasked["status"], &unasked["subject"]),
        (&"skipped_required".into(), &"KMS of --stale-kms-url, debug".into())
    );
    assert!(unasked["message"].as_str().unwrap().contains("no node of debug is named"), "{unasked}");
    for nonsense in ["echo TEE is not configured in this node", "false", "no-such-program-at-all", "echo {}"] {
        let report = ask(nonsense).expect(1).report();
        assert_eq!(control(&report)["status"], "skipped_required", "{nonsense}");
    }
}

#[test]
fn a_release_that_the_catalog_does_not_list_is_missing_there() {
    Place::new()
        .sandbox(["e2e", "9.9.9"])
        .run()
        .expect(11)
        .says(&["the catalog lists no pair with it", "check the tag (the catalog lists kms releases 1.0.0 to"]);
}

#[test]
fn what_to_do_about_a_failure_names_its_cause() {
    let place = Place::new();
    for (kind, says) in [
        ("e2e-node-nonce", ["the node's quote failed here too", "correct the node's quote first"]),
        ("e2e-old-image", ["node 1.2.0 locked-read-only, measured", "see part D"]),
        ("e2e-pair-listed", ["the pair does not belong in the catalog", "KMS 1.2.0 debug, node 1.0.0 debug"]),
    ] {
        place.tampered(kind, ["e2e", "1.2.0"]).run().expect(10).says(&says);
    }
}

#[test]
fn the_older_kms_that_is_named_is_the_one_that_is_asked() {
    let words = ["e2e", "1.2.0", "--stale", "mero-kms-v1.0.0", "--format", "json"];
    let report = Place::new().sandbox(words).run().expect(0).report();
    let stale = rows(&report, "C: stale policy");
    let asked: Vec<&Value> = stale.iter().filter(|row| row["basis"] == "running KMS").collect();
    assert_eq!(asked.iter().map(|row| &row["kms"]).collect::<Vec<_>>(), ["1.0.0 locked-read-only"]);
    assert!(asked[0]["got"].as_str().unwrap().starts_with("no key, for "), "{}", asked[0]);
}

#[test]
fn a_kms_of_a_profile_that_the_pair_is_not_listed_in_is_told_and_not_asked() {
    let (place, world) = (Place::new(), Serve::start());
    let pair = serde_json::json!({"kms": "1.2.0", "node_image": "1.2.0", "profiles": ["debug"], "tested": true});
    place.write("catalog.json", serde_json::json!({"schema_version": "1", "entries": [pair]}).to_string());
    let kms = format!("locked-read-only={}", world.export("MERO_KMS_URL"));
    let words = ["e2e", "1.2.0", "--catalog", "catalog.json", "--kms-url", &kms, "--node", "locked-read-only=false"];
    let run = place.merotee(words).args(["--format", "json"]).envs(world.exports()).run().expect(1);
    let report = run.report();
    let told =
        findings(&report).into_iter().find(|one| one["subject"] == "KMS of --kms-url, locked-read-only").unwrap();
    assert_eq!((&told["check"], &told["status"]), (&"e2e-isolation".into(), &"skipped_required".into()));
    assert!(told["message"].as_str().unwrap().contains("the catalog does not list the pair in locked-read-only"));
}

#[test]
fn no_row_of_the_matrix_is_wider_than_80_columns_and_no_register_is_cut_from_it() {
    let run = Place::new().sandbox(["e2e", "1.2.0", "--stale", "mero-kms-v1.0.0"]).run().expect(0);
    let tables = run.stdout.split("       Keys:\n").skip(1).map(|rest| rest.split("\n\n").next().unwrap());
    let lines: Vec<&str> = tables.flat_map(str::lines).filter(|line| line.starts_with("       ")).collect();
    assert!(lines.len() > 27, "{}", run.shown());
    for line in &lines {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let whole = lines.iter().filter(|line| line.ends_with("for MRTD, RTMR0, RTMR1 and RTMR2")).count();
    assert!(whole >= 6, "{}", run.shown());
}
