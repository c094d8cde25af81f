//! Interrupted: exit code 130, nothing half-written, whatever the command is doing.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command},
};

use crate::binary::{
    Place,
    loopback::{Answer, Server},
    names_in,
};

const KMS: &str = "mero-kms-v1.2.0";

/// Sends a signal.
fn signal(child: &Child, name: &str) {
    let kill = format!("kill -s {name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
}

/// Waits for the end: the exit code, and what was said.
#[track_caller]
fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    (child.wait().unwrap().code(), stderr)
}

/// Reads messages until one holds these words.
#[track_caller]
fn until(child: &mut Child, words: &str) {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(words) {
        let before = said.len();
        stderr.read_line(&mut said).unwrap();
        assert!(said.len() > before, "it ended before it said {words:?}: {said}");
    }
    child.stderr = Some(stderr.into_inner());
}

/// A GitHub that has the release and sends the start of an asset, and then nothing.
fn stalling() -> Server {
    Server::start(|path, base| match path {
        "/repos/calimero-network/mero-tee/releases/tags/mero-kms-v1.2.0" => {
            let url = format!("{base}/repos/calimero-network/mero-tee/releases/assets/1");
            let asset = serde_json::json!({"id": 1, "name": "checksums.sha256", "size": 1000, "state": "uploaded",
                "digest": null, "url": url, "content_type": "", "browser_download_url": "https://x/", "uploader": {}});
            Answer::json(&serde_json::json!({"id": 1, "tag_name": KMS, "name": null, "body": "", "draft": false,
                "prerelease": false, "published_at": null, "html_url": "https://x/", "assets": [asset]}))
        }
        path if path.contains("/releases/assets/") => Answer::Stall(vec![b'a'; 100], 1000),
        // Silence would be waited for, and asked again.
        _ => Answer::status("404 Not Found", "Not Found"),
    })
}

#[test]
fn a_download_that_is_interrupted_by_either_signal_leaves_nothing_half_written() {
    for name in ["INT", "TERM"] {
        let (server, place) = (stalling(), Place::new());
        let command = ["verify-release-assets", KMS, "--api-url", &server.url, "--keep", "kept", "-v"];
        let mut child = place.merotee(command).args(["-o", "report.txt"]).start();
        until(&mut child, "/releases/assets/1");
        signal(&child, name);
        let (code, said) = ended(child);
        assert_eq!(code, Some(130), "{name}: {said}");
        assert!(said.contains("[ERROR] interrupted"), "{said}");
        assert_eq!(place.temporary(), [""; 0]);
        assert!(!place.path("report.txt").exists());
        let kept = place.path("kept").join(KMS);
        assert!(!kept.is_dir() || names_in(&kept).is_empty(), "{:?}", names_in(&kept));
    }
}

#[test]
fn an_audit_that_is_interrupted_leaves_no_half_written_cache() {
    let (server, place) = (stalling(), Place::new());
    let command = ["audit", KMS, "--api-url", &server.url, "--cache", "audited", "-v", "-o", "report.txt"];
    let mut child = place.merotee(command).start();
    until(&mut child, "/releases/assets/1");
    signal(&child, "INT");
    let (code, said) = ended(child);
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(place.temporary(), [""; 0]);
    assert!(!place.path("report.txt").exists());
    for folder in ["audited/documents", "audited/hashed"] {
        assert_eq!(place.names(folder), [""; 0], "{folder}");
    }
}

#[test]
fn a_sandbox_that_is_interrupted_takes_its_world_with_it() {
    let place = Place::new();
    let mut child = place.sandbox(["kms", "health", "--url", "http://127.0.0.1:9", "--wait", "600", "-v"]).start();
    until(&mut child, "127.0.0.1:9");
    signal(&child, "INT");
    assert_eq!(ended(child).0, Some(130));
    assert_eq!(place.temporary(), [""; 0]);
}

#[test]
fn a_command_that_waits_for_standard_input_is_interrupted_too() {
    for command in [&["quote", "inspect", "-"][..], &["compose-hash", "-", "--kind", "release"]] {
        let place = Place::new();
        let mut child = place.merotee(command).args(["-v"]).with_input().start();
        // The pipe's other end stays open: there may always be more to read.
        let stdin = child.stdin.take().unwrap();
        until(&mut child, "reading standard input");
        signal(&child, "INT");
        let (code, said) = ended(child);
        assert_eq!(code, Some(130), "{said}");
        drop(stdin);
    }
}

#[test]
fn in_a_workflow_an_interruption_is_no_verdict() {
    let (server, place) = (stalling(), Place::new());
    let run = place.merotee(["verify-release-assets", KMS, "--api-url", &server.url, "-v"]);
    let output = place.path("output.txt");
    let mut child = run.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &output).start();
    until(&mut child, "/releases/assets/1");
    signal(&child, "INT");
    let (code, said) = ended(child);
    assert_eq!(code, Some(130));
    assert!(said.contains("::error title=merotee::interrupted"), "{said}");
    assert_eq!(std::fs::read_to_string(output).unwrap(), "verdict=no_verdict\n");
}
