//! `verify-release-assets` as its users run it.

mod asking;
mod contracts;
mod detached_key;
mod documents;
mod evidence;
mod keep;
mod local;
mod offline;
mod output;
mod repository;
mod source;

use merotee::digest::Sha256;
use serde_json::Value;

use crate::binary::{Place, findings, serve::Serve, statuses};

const KMS: &str = "mero-kms-v1.2.0";
const NODE: &str = "mero-tee-v1.2.0";

#[test]
fn both_families_pass_in_all_three_layouts_and_each_report_names_its_own() {
    for (version, layout) in [("1.2.0", "pipeline"), ("1.1.0", "runbook"), ("1.0.0", "upstream")] {
        for family in ["mero-kms-v", "mero-tee-v"] {
            let tag = format!("{family}{version}");
            let run = Place::new().sandbox(["verify-release-assets", &tag, "--format", "json"]).run();
            let report = run.expect(0).report();
            assert_eq!(report["sections"][0]["subject"], tag.as_str());
            assert_eq!(report["sections"][0]["facts"]["layout"], layout);
            assert_eq!(report["sections"][0]["facts"]["class"], "stable");
            assert_eq!(report["counts"]["skipped"], 0, "{tag}");
            for check in ["asset-present", "signature", "identity", "checksum", "api-digest", "sbom", "catalog"] {
                let found = statuses(&report, check);
                assert!(!found.is_empty() && found.iter().all(|s| *s == "pass"), "{tag} {check}: {found:?}");
            }
        }
    }
}

#[test]
fn a_bare_version_means_both_families_two_sections_and_one_verdict() {
    for bare in ["1.2.0", "v1.2.0"] {
        let run = Place::new().sandbox(["verify-release-assets", bare]).run().expect(0);
        let verdicts: Vec<_> = run.stdout.lines().filter(|line| line.starts_with("PASSED ")).collect();
        assert_eq!(verdicts.len(), 2, "{}", run.stdout);
        assert!(verdicts[0].ends_with(KMS) && verdicts[1].ends_with(NODE), "{verdicts:?}");
        let last = run.stdout.lines().last().unwrap();
        assert!(last.starts_with("verify-release-assets: PASSED — "), "{last}");
    }
    let run = Place::new().sandbox(["verify-release-assets", "1.2.0", "--format", "json"]).run().expect(0);
    let sections: Vec<_> = run.report()["sections"].as_array().unwrap().iter().map(|s| s["subject"].clone()).collect();
    assert_eq!(sections, [KMS, NODE]);
}

#[test]
fn the_old_name_of_the_node_family_is_understood_and_its_absence_is_said_plainly() {
    let run = Place::new().sandbox(["verify-release-assets", "node-image-gcp-v1.2.0"]).run();
    run.expect(1)
        .says(&["calimero-network/mero-tee has no release node-image-gcp-v1.2.0", "check the tag"])
        .without_product();
}

#[test]
fn a_quick_run_looks_at_checksums_signature_and_measurements_and_says_so() {
    for (tag, measurements) in [(KMS, true), (NODE, true), ("mero-kms-v1.1.0", false), ("mero-tee-v1.0.0", true)] {
        let place = Place::new();
        let command = ["verify-release-assets", tag, "--quick", "--keep", "kept", "--format", "json"];
        let report = place.sandbox(command).run().expect(0).report();
        assert!(report["sections"][0]["facts"]["scope"].as_str().unwrap().starts_with("quick"));
        let kept = place.names(&format!("kept/{tag}"));
        assert_eq!(kept.contains(&"published-mrtds.json".to_owned()), measurements, "{kept:?}");
        assert!(!kept.iter().any(|name| name.contains("sbom") || name.contains("policy")), "{kept:?}");
        for check in ["signature", "identity", "checksums-file"] {
            assert!(statuses(&report, check).contains(&"pass"), "{tag} {check}");
        }
        assert_eq!(statuses(&report, "sbom"), [""; 0]);
    }
}

#[test]
fn a_quick_run_still_catches_what_it_looks_at() {
    for (kind, code, check) in [
        ("signature-missing", 11, "signature"),
        ("signature-other-file", 10, "signature"),
        ("identity-ref", 10, "identity"),
        ("mrtd-malformed", 10, "mrtds"),
        ("asset-traversal", 10, "asset-name"),
    ] {
        let command = ["verify-release-assets", NODE, "--quick", "--format", "json"];
        let report = Place::new().tampered(kind, command).run().expect(code).report();
        assert!(statuses(&report, check).iter().any(|s| *s == "fail" || *s == "missing"), "{kind}");
    }
}

#[test]
fn a_signer_that_was_not_demanded_is_named_whole() {
    let signer = |tamper: &[&str]| {
        let words = [&["sandbox"], tamper, &["--", "verify-release-assets", KMS, "--format", "json"]].concat();
        let report = Place::new().merotee(words).run().report();
        report["sections"][0]["facts"]["signer"].as_str().unwrap().to_owned()
    };
    assert_eq!(signer(&[]), format!("release-kms-phala.yaml @ refs/tags/{KMS}"));
    for (kind, part) in [("identity-repository", "somebody/"), ("identity-issuer", "oidc.example.org")] {
        let said = signer(&["--tamper", kind]);
        assert!(said.starts_with("https://github.com/") && said.contains(part), "{kind}: {said}");
    }
}

#[test]
fn tampering_that_a_command_cannot_meet_is_refused() {
    for command in [
        &["policy", "validate", "policies"][..],
        &["explain", "signature"],
        &["verify-release-assets", KMS, "--dir", "d"],
    ] {
        let words = [&["sandbox", "--tamper", "payload-byte", "--"], command].concat();
        Place::new().merotee(words).run().expect(2).says(&["--tamper spoils releases"]).without_product();
    }
}

#[test]
fn an_identity_pattern_must_match_as_a_whole() {
    let whole =
        r"https://github\.com/calimero-network/mero-tee/\.github/workflows/release-kms-phala\.yaml@refs/tags/.*";
    let verify = |pattern: &str| {
        let command = ["verify-release-assets", KMS, "--format", "json", "--certificate-identity-regexp", pattern];
        Place::new().sandbox(command).run()
    };
    verify(whole).expect(0);
    for part in ["release-kms-phala", "calimero-network", "https://github"] {
        let report = verify(part).expect(10).report();
        assert_eq!(statuses(&report, "identity"), ["fail"], "{part:?}");
    }
    verify("").expect(2).says(&["--certificate-identity-regexp has an empty value"]).without_product();
    verify("(").expect(2).says(&["--certificate-identity-regexp"]).without_product();
}

#[test]
fn the_names_cosign_users_know_work_from_the_environment() {
    let serve = Serve::start();
    let place = Place::new();
    let with = |name: &str, value: &str| {
        place.merotee(["verify-release-assets", KMS]).envs(serve.exports()).env(name, value).run()
    };
    let run = with("COSIGN_CERTIFICATE_IDENTITY_REGEXP", ".*release-kms-phala.*").expect(0);
    assert!(run.stdout.contains("any signer that matches .*release-kms-phala.* is accepted"), "{}", run.stdout);
    with("COSIGN_CERTIFICATE_IDENTITY_REGEXP", "release-kms-phala").expect(10);
    with("COSIGN_CERTIFICATE_OIDC_ISSUER", "https://accounts.example.org").expect(10);
    with("COSIGN_REPOSITORY", "somebody/mero-tee").expect(10);
}

#[test]
fn a_sandbox_in_another_process_serves_the_same_and_the_trust_root_is_announced() {
    let serve = Serve::start();
    let place = Place::new();
    let run = place.merotee(["verify-release-assets", "1.0.0"]).envs(serve.exports()).run().expect(0);
    let root = Sha256::of(&std::fs::read(serve.export("MEROTEE_TRUSTED_ROOT")).unwrap());
    let announced = format!("using custom trust root trusted_root.json (sha256:{root})");
    assert!(run.stdout.contains(&announced), "{}", run.stdout);
    // Under an Enterprise host the API has a path of its own.
    let enterprise = format!("{}/api/v3", serve.export("GITHUB_API_URL"));
    let run = place.merotee(["verify-release-assets", NODE]).envs(serve.exports()).env("GITHUB_API_URL", enterprise);
    run.run().expect(0);
    // The public-good root knows nothing of the sandbox.
    let run = place.merotee(["verify-release-assets", NODE, "--format", "json"]).envs(serve.exports());
    let report = run.env("MEROTEE_TRUSTED_ROOT", "").run().expect(10).report();
    assert_eq!(statuses(&report, "signature"), ["fail"]);
}

#[test]
fn the_same_seed_gives_the_same_release_and_another_seed_another_signature() {
    let kept = |seed: &str| {
        let place = Place::new();
        let command = ["sandbox", "--seed", seed, "--", "verify-release-assets", NODE, "--keep", "kept"];
        place.merotee(command).run().expect(0);
        place.read("kept/mero-tee-v1.2.0/checksums.sha256.sigstore.json")
    };
    assert_eq!(kept("7"), kept("7"));
    assert_ne!(kept("7"), kept("8"));
}

#[test]
fn a_release_in_order_and_one_that_is_not_read_as_they_always_did() {
    let good = Place::new().sandbox(["verify-release-assets", NODE]).run();
    insta::assert_snapshot!("node_release_in_order", good.shown());
    let command = ["verify-release-assets", "mero-tee-v1.0.0"];
    let bad = Place::new().tampered("payload-byte", command).run();
    insta::assert_snapshot!("node_release_with_a_changed_byte", bad.shown());
}

/// The one finding of a check.
#[track_caller]
fn only<'a>(report: &'a Value, check: &str) -> &'a Value {
    let found: Vec<_> = findings(report).into_iter().filter(|f| f["check"] == check).collect();
    assert_eq!(found.len(), 1, "{check}: {found:?}");
    found[0]
}
