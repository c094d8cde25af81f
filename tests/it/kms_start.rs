//! What a KMS does not start with, and what it starts with: `kms serve --check`, which goes up to the moment where it would
//! listen.

use std::path::PathBuf;

use merotee::{policy::acceptance::accept, subject::profile::Profile};

use crate::binary::{
    Place, Run,
    loopback::{Answer, Server},
};

mod settings;
mod sources;

/// `kms serve` of the sample release, or of another version, in the sandbox.
fn serve<'a>(version: &'a str, profile: &'a str) -> Vec<&'a str> {
    vec!["kms", "serve", "--check", "--rehearsal", "--kms-version", version, "--profile", profile]
}

#[test]
fn a_stable_version_starts_with_the_final_policy_of_its_release_in_every_layout_and_profile() {
    // The oldest layout was signed on the branch.
    for (version, signed_at) in [
        ("1.2.0", "refs/tags/mero-kms-v1.2.0"),
        ("v1.1.0", "refs/tags/mero-kms-v1.1.0"),
        ("mero-kms-v1.0.0", "refs/heads/master"),
    ] {
        for profile in Profile::ALL {
            let run = Place::new().sandbox(serve(version, profile.as_str())).run().expect(0);
            let run = run.says(&["policy loaded from mero-kms-v1.", "everything holds, policy enforced"]);
            let run = run.says(&[
                &format!("profile=\"{profile}\""),
                &format!("signed by release-kms-phala.yaml @ {signed_at}\n"),
            ]);
            assert!(!run.stderr.contains("not_ready"), "{}", run.stderr);
        }
    }
}

#[test]
fn a_release_candidate_starts_with_a_policy_that_is_not_ready_and_warns() {
    let run = Place::new().sandbox(serve("1.3.0-rc.1", "locked-read-only")).run().expect(0);
    run.says(&["[WARN] the policy says policy_not_ready: every genuine machine gets a key. Never for production"])
        .says(&["everything holds, policy policy_not_ready"])
        .says(&["[WARN] kms-start", "every genuine machine gets a key", "mero-kms-v1.3.0-rc.1: PASSED"]);
}

#[test]
fn whatever_is_spoilt_about_the_release_the_service_does_not_start_and_says_where() {
    let locked = "attestation-policy-locked-read-only.json";
    let debug = "attestation-policy-debug.json";
    let spoilt: [(&str, &str, &[&str]); 14] = [
        ("signature-missing", "locked-read-only", &["signature: checksums.sha256: no signature"]),
        (
            "signature-other-file",
            "locked-read-only",
            &["signature: checksums.sha256: checksums.sha256.sigstore.json: "],
        ),
        ("log-entry-forged", "locked-read-only", &["signature: checksums.sha256: checksums.sha256.sigstore.json: "]),
        ("identity-workflow", "locked-read-only", &["identity: checksums.sha256: another workflow signed: expected "]),
        ("identity-repository", "locked-read-only", &["identity: checksums.sha256: another repository signed"]),
        ("identity-ref", "locked-read-only", &["identity: checksums.sha256: another ref signed: expected "]),
        ("identity-issuer", "locked-read-only", &["identity: checksums.sha256: another issuer signed: expected "]),
        ("policy-profile", "debug", &["policy-profile: ", debug, ": expected debug, got locked-read-only"]),
        ("policy-tag", "locked-read-only", &["policy-tag: ", locked, ": expected 1.2.0, got 9.9.9"]),
        (
            "policy-not-ready",
            "locked-read-only",
            &["policy-status: ", locked, ": policy_not_ready in a stable release"],
        ),
        ("policy-empty-list", "locked-read-only", &["policy-measurements: ", locked, ", got nothing in RTMR0"]),
        ("role-overlap", "locked-read-only", &["role-separation: ", locked, "KMS and node share a value of RTMR3"]),
        // One of the two policies is sound: neither service starts, since the release opens keys to strangers.
        ("role-overlap-across-profiles", "debug", &["role-separation: ", debug, "one machine passes for both"]),
        (
            "role-overlap-across-profiles",
            "locked-read-only",
            &["locked-read-only KMS", debug, "one machine passes for both"],
        ),
    ];
    for (kind, profile, says) in spoilt {
        let run = Place::new().tampered(kind, serve("1.2.0", profile)).run();
        assert_eq!(run.code, 10, "{kind}: {}", run.shown());
        run.says(&["[ERROR] the policy is refused: "]).says(says).says(&["[FAIL] kms-start", "1.2.0: FAILED"]);
    }
}

#[test]
fn a_check_of_a_start_speaks_in_a_workflow_step_as_every_check_does() {
    for (kind, version, code, outputs, annotation) in [
        (None, "1.2.0", 0, "verdict=passed\n", None),
        (None, "1.3.0-rc.1", 0, "verdict=passed\n", Some("::warning title=kms-start")),
        (Some("policy-tag"), "1.2.0", 10, "verdict=failed\n", Some("::error title=kms-start")),
    ] {
        let place = Place::new();
        let serve = serve(version, "locked-read-only");
        let run = kind.map_or_else(|| place.sandbox(serve.clone()), |kind| place.tampered(kind, serve.clone()));
        let run = run
            .args(["--format", "json"])
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", place.path("summary.md"))
            .env("GITHUB_OUTPUT", place.path("output.txt"))
            .run()
            .expect(code);
        assert!(place.read("output.txt").starts_with(outputs), "{version}");
        assert!(place.read("summary.md").contains("kms-start"), "{version}");
        if let Some(annotation) = annotation {
            assert!(run.stderr.contains(annotation), "{}", run.stderr);
        }
        let report = run.report();
        assert_eq!(report["command"], "kms serve --check");
    }
}

#[test]
fn a_spoilt_policy_of_another_profile_is_nothing_to_this_one() {
    Place::new().tampered("policy-tag", serve("1.2.0", "debug")).run().expect(0);
}

#[test]
fn a_detached_signature_over_the_policy_itself_is_demanded_where_the_layout_has_one() {
    let run = Place::new().tampered("identity-ref", serve("1.0.0", "locked-read-only")).run().expect(10);
    run.says(&["another ref signed"]);
}

#[test]
fn a_release_that_is_not_there_and_a_host_that_does_not_answer_are_no_verdict() {
    let run = Place::new().sandbox(serve("7.7.7", "locked-read-only")).run().expect(1);
    run.says(&["calimero-network/mero-tee has no release mero-kms-v7.7.7", "check the tag"]).without_product();
    // A port that was just free: nobody listens there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}");
    let run =
        Place::new().merotee(serve("1.2.0", "locked-read-only")).args(["--api-url", &url, "--retries", "0"]).run();
    run.expect(1).says(&[&gone.to_string()]).without_product();
    let silent = Server::start(|_, _| Answer::status("503 Service Unavailable", "later"));
    let run = Place::new().merotee(serve("1.2.0", "debug")).args(["--api-url", &silent.url, "--retries", "0"]).run();
    run.expect(1).says(&["503"]).without_product();
}

#[test]
fn a_log_that_cannot_be_asked_about_a_detached_signature_is_no_verdict() {
    let silent = Server::start(|_, _| Answer::status("503 Service Unavailable", "later"));
    let log = ["--rekor-url", &silent.url, "--retries", "0"];
    let run = Place::new().sandbox(serve("1.0.0", "locked-read-only")).args(log).run().expect(1);
    run.says(&["[ERROR] the policy could not be verified: signature: ", "503"]).without_product();
}

#[test]
fn the_canonical_policies_of_this_repository_are_acceptable_to_a_release_candidate() {
    for profile in Profile::ALL {
        let name = format!("kms-phala-attestation-policy.{profile}.json");
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policies").join(&name);
        let bytes = std::fs::read(path).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let tag = format!("mero-kms-v{}", document["tag"].as_str().unwrap()).parse().unwrap();
        let accepted = accept(&name, &bytes, profile, &tag).unwrap_or_else(|why| panic!("{name}: {why:?}"));
        assert_eq!(accepted.ready, document["status"] == "ready", "{name}");
    }
}

#[test]
fn messages_are_json_lines_when_asked_for_and_one_place_decides_it() {
    let lines = |run: &Run| -> Vec<serde_json::Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        run.stderr.lines().map(parse).collect()
    };
    let place = Place::new();
    let run = place.merotee(["sandbox", "--log-format", "json", "--"]).args(serve("1.2.0", "debug")).run().expect(0);
    let said = lines(&run);
    let loaded = said.iter().find(|l| l["message"].as_str().unwrap().starts_with("policy loaded")).unwrap();
    assert_eq!((&loaded["level"], &loaded["target"]), (&"INFO".into(), &"merotee::kms::policy".into()));
    assert_eq!((&loaded["profile"], &loaded["release"]), (&"debug".into(), &"mero-kms-v1.2.0".into()));
    assert!(loaded["time"].as_str().unwrap().ends_with('Z'));
    let run = place.sandbox(serve("1.2.0", "debug")).args(["--log-format", "json"]).run().expect(0);
    assert!(!lines(&run).is_empty());
    // An error is one too, also when the words could not be read at all.
    let run = place.merotee(["kms", "serve"]).env("MEROTEE_LOG_FORMAT", "json").run().expect(2);
    assert!(lines(&run)[0]["message"].as_str().unwrap().starts_with("MERO_KMS_VERSION is not set"));
    let run = place.merotee(["kms", "serve", "--not-there"]).env("MEROTEE_LOG_FORMAT", "json").run().expect(2);
    assert_eq!(lines(&run)[0]["level"], "ERROR");
    let run = place.merotee(["kms", "serve", "--log-format", "xml"]).run().expect(2);
    run.says(&["invalid value 'xml'"]);
}

#[test]
fn said_twice_verbose_is_more_than_once_and_libraries_stay_quiet() {
    let said = |more: &[&str]| Place::new().sandbox(serve("1.2.0", "debug")).args(more).run().expect(0).stderr;
    let (normal, verbose, everything) = (said(&[]), said(&["-v"]), said(&["-vv", "--log-format", "json"]));
    assert!(!normal.contains("[DEBUG]") && normal.lines().count() <= verbose.lines().count());
    assert!(verbose.lines().count() <= everything.lines().count());
    for line in everything.lines() {
        let target = serde_json::from_str::<serde_json::Value>(line).unwrap()["target"].as_str().unwrap().to_owned();
        assert!(target.starts_with("merotee"), "{line}");
    }
}
