//! GitHub on a bad day.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use super::KMS;
use crate::binary::{
    Place, Run, findings,
    loopback::{Answer, Server},
    statuses,
};

const RELEASE: &str = "/repos/calimero-network/mero-tee/releases/tags/mero-kms-v1.2.0";

/// Verifies a release that `server` is asked for, keeping what comes. Nothing may be kept in the end but whole files.
fn verify(server: &Server, more: &[&str]) -> Run {
    let place = Place::new();
    let command = ["verify-release-assets", KMS, "--api-url", &server.url, "--keep", "kept"];
    let run = place.merotee(command).args(more).run();
    let folders = if place.path("kept").exists() { place.names("kept") } else { Vec::new() };
    for folder in folders {
        assert!(!folder.starts_with('.') && folder.ends_with(".NOT-VERIFIED"), "left behind: {folder}");
        for name in place.names(&format!("kept/{folder}")) {
            assert!(!name.starts_with('.'), "left behind: {name}");
        }
    }
    run
}

#[test]
fn a_status_that_is_a_refusal_is_told_at_once_with_what_to_do() {
    for (status, says) in [
        ("401 Unauthorized", &["refused access without valid credentials (401)", "GH_TOKEN"][..]),
        ("403 Forbidden", &["refused access (403)", "GH_TOKEN"]),
        ("404 Not Found", &["has no repository calimero-network/mero-tee (404)", "GH_TOKEN"]),
        ("410 Gone", &["410"]),
    ] {
        let server = Server::start(move |_, _| Answer::status(status, "so it is"));
        verify(&server, &[]).expect(1).says(says).without_product();
        // A 404 is asked about once more: is it the release or the repository that is not there?
        assert!(server.asked() <= 2, "{status}: asked {} times", server.asked());
    }
}

#[test]
fn a_spent_rate_limit_says_when_it_ends_and_is_not_waited_for() {
    let server = Server::start(|_, _| {
        // By the server's own clock, 24 minutes from now.
        let headers =
            "date: Fri, 02 Jan 2026 03:00:00 GMT\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-reset: 1767324240\r\n";
        Answer::Reply("403 Forbidden", headers.to_owned(), br#"{"message":"API rate limit exceeded"}"#.to_vec())
    });
    let run = verify(&server, &[]).expect(1);
    run.says(&["rate limit is reached", "24 min", "2026-01-02T03:24:00Z", "set GH_TOKEN"]).without_product();
    assert_eq!(server.asked(), 1);
}

#[test]
fn failing_servers_are_asked_again_as_often_as_told_and_the_flag_wins_over_the_variable() {
    let asked = |flags: &[&str], variable: &str| {
        let server = Server::start(|_, _| Answer::status("503 Service Unavailable", "down for repairs"));
        let place = Place::new();
        let command = ["verify-release-assets", KMS, "--api-url", &server.url];
        let run = place.merotee(command).args(flags).env("MEROTEE_RETRIES", variable).run();
        run.expect(1).says(&["503: down for repairs", "try again later"]).without_product();
        server.asked()
    };
    assert_eq!(asked(&["--retries", "0"], "5"), 1);
    assert_eq!(asked(&[], "0"), 1);
    assert_eq!(asked(&["--retries", "1"], ""), 2);
}

#[test]
fn a_server_that_recovers_is_forgiven() {
    let failures = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&failures);
    let server = Server::start(move |path, _| match path {
        RELEASE if count.fetch_add(1, Ordering::SeqCst) == 0 => Answer::status("500 Internal Server Error", "oops"),
        RELEASE => Answer::json(&release(&[])),
        _ => Answer::status("404 Not Found", "Not Found"),
    });
    verify(&server, &["--retries", "1"]).expect(11).says(&["[WARN] ", "500: oops", "INCOMPLETE"]);
    assert!(failures.load(Ordering::SeqCst) >= 2);
}

#[test]
fn a_server_that_hangs_is_left_after_the_time_given() {
    let server = Server::start(|_, _| Answer::Silence);
    let started = Instant::now();
    verify(&server, &["--retries", "0", "--timeout", "1"])
        .expect(1)
        .says(&["did not answer within 1 s", KMS])
        .without_product();
    // Far below the 30 s of the default, and far above what a busy machine needs.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn a_server_that_hangs_in_the_middle_of_an_asset_leaves_no_part_of_it() {
    let server = Server::start(|path, base| match path {
        RELEASE => Answer::json(&release(&[asset(base, 1, "checksums.sha256"), asset(base, 2, "sbom.spdx.json")])),
        path if path.ends_with("/assets/1") => Answer::Reply("200 OK", String::new(), vec![b'x'; 10]),
        path if path.contains("/assets/") => Answer::Stall(b"half".to_vec(), 10),
        _ => Answer::status("404 Not Found", "Not Found"),
    });
    let place = Place::new();
    let command = ["verify-release-assets", KMS, "--api-url", &server.url, "--keep", "kept", "--format", "json"];
    let run = place.merotee(command).args(["--retries", "0", "--timeout", "1"]).run().expect(10);
    assert_eq!(place.names("kept"), [format!("{KMS}.NOT-VERIFIED")]);
    assert_eq!(place.names(&format!("kept/{KMS}.NOT-VERIFIED")), ["checksums.sha256", "release-notes.md"]);
    let unread = findings(&run.report()).into_iter().any(|f| {
        f["status"] == "skipped_required" && f["message"].as_str().unwrap().contains("did not answer within 1 s")
    });
    assert!(unread, "{}", run.stdout);
}

#[test]
fn garbage_in_place_of_json_is_shown_escaped_and_in_part() {
    for garbage in [
        "<html>\u{1b}[31m\n::error::Welcome to the hotel's wireless network</html>".to_owned(),
        String::new(),
        "[]".to_owned(),
        r#"{"id":"#.to_owned(),
        "[".repeat(1 << 20),
        r#"{"id":1,"tag_name":"mero-kms-v6.6.6","assets":[]}"#.to_owned(),
    ] {
        let body = garbage.clone();
        let server = Server::start(move |_, _| Answer::Reply("200 OK", String::new(), body.clone().into_bytes()));
        let run = verify(&server, &["--retries", "0"]).expect(1).says(&[KMS, "127.0.0.1"]).without_product();
        assert!(!run.stderr.contains('\u{1b}') && run.stderr.len() < 2_000, "{:?}", run.stderr);
        let repository = "[INFO] repository calimero-network/mero-tee, the default";
        let ours = |line: &str| line.starts_with("[ERROR] ") || line.starts_with(repository);
        assert!(run.stderr.lines().all(ours), "{}", run.stderr);
    }
}

#[test]
fn a_release_without_assets_is_incomplete_and_every_required_asset_is_named() {
    let server = Server::start(|path, _| match path {
        RELEASE => Answer::json(&release(&[])),
        _ => Answer::status("404 Not Found", "Not Found"),
    });
    let report = verify(&server, &["--format", "json"]).expect(11).report();
    assert_eq!(report["verdict"], "incomplete");
    let missing: Vec<_> = findings(&report).into_iter().filter(|f| f["status"] == "missing").collect();
    let named = |name: &str| missing.iter().any(|f| f["subject"] == name);
    for name in ["checksums.sha256", "published-mrtds.json", "attestation-policy-locked-read-only.json"] {
        assert!(named(name), "{name}: {missing:?}");
    }
    assert_eq!(statuses(&report, "signature"), ["skipped_required"]);
}

#[test]
fn a_server_that_cannot_be_reached_is_named() {
    let place = Place::new();
    let nobody = ["--api-url", "http://127.0.0.1:1", "--retries", "0"];
    let run = place.merotee(["verify-release-assets", KMS]).args(nobody).run();
    run.expect(1).says(&["could not reach 127.0.0.1:1", "correct --api-url"]).without_product();
    let run = place.merotee(["verify-release-assets", KMS, "--api-url", "ftp://127.0.0.1/"]).run();
    run.expect(2).says(&["https://", "ftp"]).without_product();
}

/// Notes with nothing to object to, so that what is judged is the rest.
const NOTES: &str =
    "`ghcr.io/calimero-network/mero-kms-phala@sha256:0000000000000000000000000000000000000000000000000000000000000000`

## Changelog

- One.

## Breaking changes

None.

## Upgrade path

Restart.

## MRTD/RTMR changes

None.

## Compatible versions

- mero-tee-v1.2.0
";

fn release(assets: &[serde_json::Value]) -> serde_json::Value {
    json!({"id": 1, "tag_name": KMS, "name": KMS, "body": NOTES, "draft": false, "prerelease": false,
        "published_at": "2026-01-02T03:04:05Z", "html_url": "https://x/", "assets": assets})
}

fn asset(base: &str, id: u64, name: &str) -> serde_json::Value {
    let url = format!("{base}/repos/calimero-network/mero-tee/releases/assets/{id}");
    json!({"id": id, "name": name, "size": 10, "state": "uploaded", "digest": null, "url": url,
        "content_type": "text/plain", "browser_download_url": "https://x/y", "uploader": {}})
}
