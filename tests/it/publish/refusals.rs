//! What is refused before the first byte goes up: each through the binary, and each without a single change on the server.

use std::{fs, fs::File};

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    KMS, NODE, RC, Stage,
    gate::{Instead, Which},
};
use crate::binary::{Place, Run, findings, statuses};

/// Runs it, and asserts the exit code, that this check said no, and that nothing was changed.
#[track_caller]
fn refused(stage: &Stage, options: &[&str], code: i32, check: &str) -> Value {
    let run = stage.publish(options).args(["--format", "json"]).run().expect(code);
    assert_eq!(stage.gate.writes(), [""; 0], "{}", run.shown());
    let report = run.report();
    assert_eq!(report["sections"][0]["actions"].as_array().unwrap().len(), 0);
    let found = statuses(&report, check);
    assert!(
        found.iter().any(|status| matches!(*status, "fail" | "missing" | "skipped_required")),
        "{check}: {found:?}"
    );
    report
}

/// The finding of a check that is no pass.
fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    findings(report).into_iter().find(|f| f["check"] == check && f["status"] != "pass").unwrap()
}

/// The files of a release that the sandbox spoils before it signs it.
fn tampered(tag: &'static str, kind: &str) -> Stage {
    let stage = Stage::new(tag);
    fs::remove_dir_all(stage.place.path("kept")).unwrap();
    let run = stage.place.tampered(kind, ["verify-release-assets", tag, "--keep", "kept"]).run();
    assert_ne!(run.code, 0, "{}", run.shown());
    let folder = stage.place.names("kept").into_iter().find(|name| name.starts_with(tag)).unwrap();
    fs::rename(stage.place.path("kept").join(folder), stage.place.path("kept").join(tag)).unwrap();
    stage
}

#[test]
fn what_the_contract_the_class_or_the_documents_refuse() {
    for (tag, kind, code, check) in [
        (KMS, "asset-missing", 11, "asset-present"),
        (NODE, "asset-missing", 11, "asset-present"),
        (KMS, "policy-not-ready", 10, "policy-status"),
        (KMS, "policy-not-isolated", 10, "profile-isolation"),
        (KMS, "role-overlap", 10, "role-separation"),
        (KMS, "policy-tag", 10, "policy-tag"),
        (KMS, "notes-unpinned", 10, "notes-image"),
        (NODE, "payload-byte", 10, "checksum"),
        (NODE, "signature-missing", 11, "signature"),
        (KMS, "identity-workflow", 10, "identity"),
        (KMS, "asset-unlisted", 10, "asset-listed"),
        (NODE, "sbom-broken", 10, "sbom"),
    ] {
        refused(&tampered(tag, kind), &[], code, check);
    }
}

#[test]
fn a_folder_of_another_version() {
    let stage = Stage::new(KMS);
    let run = stage.place.merotee(["publish", "mero-kms-v1.2.1", "--dir", &stage.folder(), "--format", "json"]);
    let run = run.envs(stage.gate.exports()).run().expect(10);
    assert_eq!(stage.gate.writes(), [""; 0]);
    let report = run.report();
    for check in ["policy-tag", "identity", "publish-tag"] {
        assert!(statuses(&report, check).iter().any(|s| matches!(*s, "fail" | "missing")), "{check}");
    }
}

#[test]
fn notes_without_their_sections_and_no_notes_at_all() {
    let stage = Stage::new(KMS);
    let notes = stage.place.read(&format!("{}/release-notes.md", stage.folder()));
    let short = stage.place.write("short.md", notes.split("\n## ").next().unwrap());
    refused(&stage, &["--notes", short.to_str().unwrap()], 10, "notes-sections");
    fs::remove_file(stage.place.path(stage.folder()).join("release-notes.md")).unwrap();
    refused(&stage, &[], 11, "notes-sections");
    fs::write(stage.place.path("long.md"), format!("{notes}\n{}", "x".repeat(125_000))).unwrap();
    refused(&stage, &["--notes", stage.place.path("long.md").to_str().unwrap()], 10, "publish-files");
}

#[test]
fn a_published_release_that_differs_and_an_immutable_one_even_with_leave() {
    let stage = Stage::new(NODE);
    stage.finish(&[]);
    let release = stage.gate.releases(NODE).pop().unwrap();
    let path = format!("releases/{}", release["id"]);
    stage.gate.ask(Method::PATCH, &path, Some(&json!({ "body": "other notes" })));
    stage.gate.forget();
    let report = refused(&stage, &[], 10, "publish-target");
    assert!(finding(&report, "publish-target")["help"].as_str().unwrap().contains("--replace"));
    stage.gate.says_immutable();
    let report = refused(&stage, &["--replace"], 10, "publish-target");
    assert_eq!(finding(&report, "publish-target")["actual"], "immutable");
}

#[test]
fn a_tag_that_is_not_there_and_one_at_another_commit() {
    let stage = Stage::new(NODE);
    stage
        .gate
        .instead(Which::Of(Method::GET, "/git/ref/tags/mero-tee-v1.2.0", 0), Instead::Answered(404, &[], "Not Found"));
    let report = refused(&stage, &[], 11, "publish-tag");
    assert!(finding(&report, "publish-tag")["help"].as_str().unwrap().contains("git push origin"));
    stage.gate.moves_tags();
    let report = refused(&stage, &[], 10, "publish-tag");
    let finding = finding(&report, "publish-tag");
    assert_ne!(finding["expected"], finding["actual"]);
}

#[test]
fn files_that_cannot_be_assets() {
    let stage = Stage::new(NODE);
    let folder = stage.place.path(stage.folder());
    let odd = |name: &str| folder.join(name);
    let check = |expected: &str| {
        let report = refused(&stage, &[], 10, "publish-files");
        let message = finding(&report, "publish-files")["message"].as_str().unwrap().to_owned();
        assert!(message.contains(expected), "{message}");
    };
    // Two gigabytes of nothing: a hole takes no room.
    File::create(odd("large.bin")).unwrap().set_len(2 << 30).unwrap();
    check("too large");
    fs::remove_file(odd("large.bin")).unwrap();
    File::create(odd("empty.bin")).unwrap();
    check("empty");
    fs::remove_file(odd("empty.bin")).unwrap();
    for name in ["a b.json", "a..b", "-rf", "über.json", ".hidden", "a\nb", "a\u{202e}b"] {
        fs::write(odd(name), "x").unwrap();
        check("rename");
        fs::remove_file(odd(name)).unwrap();
    }
    fs::create_dir(odd("sub")).unwrap();
    check("folder");
    fs::remove_dir(odd("sub")).unwrap();
    for n in 0..1_000 {
        fs::write(odd(&format!("x{n}")), "x").unwrap();
    }
    check("no more assets");
}

#[cfg(unix)]
#[test]
fn links_pipes_and_names_that_differ_in_case_alone() {
    let stage = Stage::new(NODE);
    let folder = stage.place.path(stage.folder());
    let check = |name: &str, check: &str| {
        refused(&stage, &[], 10, check);
        fs::remove_file(folder.join(name)).unwrap();
    };
    std::os::unix::fs::symlink("sbom.spdx.json", folder.join("other.json")).unwrap();
    check("other.json", "publish-files");
    std::os::unix::fs::symlink("/nowhere", folder.join("dangling.json")).unwrap();
    check("dangling.json", "publish-files");
    assert!(std::process::Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    check("pipe", "publish-files");
    fs::write(folder.join("SBOM.spdx.json"), "{}").unwrap();
    check("SBOM.spdx.json", "asset-unique");
}

#[test]
fn a_draft_that_somebody_made_by_hand_and_assets_that_the_folder_lacks() {
    let stage = Stage::new(NODE);
    let draft = json!({ "tag_name": NODE, "name": "by hand", "body": "by hand", "draft": true });
    stage.gate.ask(Method::POST, "releases", Some(&draft));
    let report = refused(&stage, &[], 10, "publish-target");
    assert!(finding(&report, "publish-target")["help"].as_str().unwrap().contains("--replace"));
    stage.finish(&["--replace"]);
}

#[test]
fn a_run_without_a_token_and_with_arguments_that_make_no_sense() {
    let place = Place::new();
    let run = |words: &[&str]| -> Run { place.merotee(["publish"]).args(words).run() };
    run(&[NODE, "--dir", "."]).expect(2).without_product().says(&["takes a token", "GH_TOKEN"]);
    run(&["1.2.0", "--dir", "."]).expect(2).without_product();
    run(&[NODE]).expect(2).without_product().says(&["--dir"]);
    let with_token = |words: &[&str]| place.merotee(["publish"]).args(words).env("GH_TOKEN", "t0p-s3cret").run();
    let run = with_token(&[NODE, "--dir", "nowhere"]).expect(1).without_product();
    assert!(!run.shown().contains("t0p-s3cret"));
    run.says(&["cannot list nowhere"]);
}

#[test]
fn a_file_that_is_changed_while_it_is_uploaded() {
    let stage = Stage::new(RC);
    // The folder was checked when the draft is made; what is changed then is noticed before its last byte is sent.
    let stopped = stage.gate.stop(Which::Of(Method::POST, "/releases", 0), Instead::DoneAndStopped);
    let run = stage.publish_aside(&[]);
    stopped.wait("the draft");
    let path = stage.place.path(stage.folder()).join("sbom.spdx.json");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, [&bytes[..bytes.len() - 1], b" "].concat()).unwrap();
    stopped.let_go();
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let words =
        ["sbom.spdx.json was changed after it was checked", "find out what writes into the folder", "run it again"];
    assert!(output.status.code() == Some(1) && words.iter().all(|word| said.contains(word)), "{said}");
    let release = stage.gate.releases(RC).pop().unwrap();
    assert_eq!(release["draft"], true);
    assert!(!stage.gate.assets(&release).contains_key("sbom.spdx.json"), "{release:#?}");
    fs::write(&path, bytes).unwrap();
    stage.finish(&[]);
}
