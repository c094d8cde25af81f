//! The pull request that `policy promote` opens is one that `policy review` passes, once two people approved it.

use merotee::sandbox::github::Recorded;
use reqwest::Method;
use serde_json::json;

use super::site::{Draft, Opened, Site, bundle, problems};

/// Writes the candidates, and what a workflow of the repository signs over them.
fn signed(site: &Site, repository: &str, workflow: &str) {
    let text = format!("{:#}\n", Draft::new().candidates);
    site.place.write("candidates.json", &text);
    site.place.write("candidates.json.bundle.json", bundle(repository, workflow, "refs/heads/master", &text));
}

/// Promotes them with these options in a repository of its own, and finds the pull request.
fn promoted<'s>(site: &'s Site, repository: String, options: &[&str]) -> Opened<'s> {
    let words = ["policy", "promote", "--candidates", "candidates.json"];
    let run = site.place.merotee(words).args(options).env("GITHUB_API_URL", site.world.api_url());
    let run = run.env("GITHUB_REPOSITORY", &repository).env("MEROTEE_TRUSTED_ROOT", site.world.trusted_root());
    run.env("GH_TOKEN", "author").run().expect(0);
    let pulls = site.get(&format!("/repos/{repository}/pulls?state=open"));
    let number = pulls[0]["number"].as_u64().unwrap();
    Opened { site, repository, number }
}

#[test]
fn a_promotion_that_this_program_proposed_waits_for_approvals_and_then_passes() {
    let site = Site::start();
    let repository = site.repository("promoted");
    signed(&site, &repository, "kms-phala-staging-probe.yaml");
    // With nothing but defaults on either side.
    let pull = promoted(&site, repository, &[]);
    let waiting = pull.judge(&["--comment"]).run().expect(11);
    assert_eq!(problems(&waiting.report()), [("promotion-approvals".into(), "missing".into())]);
    let pull = pull.approved(&["alice", "bob"]);
    pull.judge(&["--comment"]).run().expect(0).says(&["6 new values, all measured by 1 probe"]);
    // One comment, and nothing else was written by the review.
    let of_workflow = |one: &Recorded| one.method != Method::GET && one.path.contains("/comments");
    assert_eq!(site.hub().recorder().requests().iter().filter(|one| of_workflow(one)).count(), 2);
    assert_eq!(pull.comments().len(), 1);
    // What another workflow signed may be proposed by whoever names it, and is still not the probe's.
    let repository = site.repository("other");
    signed(&site, &repository, "release-kms-phala.yaml");
    let other =
        promoted(&site, repository, &["--probe-workflow", "release-kms-phala.yaml"]).approved(&["alice", "bob"]);
    let report = other.judge(&[]).run().expect(10).says(&["another workflow signed"]).report();
    assert!(problems(&report).contains(&("promotion-signer".into(), "fail".into())));
}

#[test]
fn the_workflows_that_sign_candidates_are_there_under_the_paths_that_are_demanded() {
    for role in merotee::subject::role::Role::ALL {
        let path = merotee::release::probe_signer::workflow(role);
        let text = std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let family = format!("--family\n            {}\n", role.as_str());
        assert!(text.contains("--sign\n") && text.contains(&family), "{path}");
    }
}

#[test]
fn a_promotion_by_a_key_carries_the_signature_and_is_reviewed_with_that_key() {
    let site = Site::start();
    let repository = site.repository("by-key");
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/sign/keys");
    let (secret, public) = (format!("{keys}/ed25519.pem"), format!("{keys}/ed25519.pub"));
    site.place.write("candidates.json", format!("{:#}\n", Draft::new().candidates));
    site.place.merotee(["sign", "--key", &secret, "candidates.json"]).run().expect(0);
    let signature = site.place.read("candidates.json.sig");
    let pull = promoted(&site, repository, &["--key", &public]).approved(&["alice", "bob"]);
    let files = site.get(&format!("/repos/{}/pulls/{}/files", pull.repository, pull.number));
    let named: Vec<_> = files.as_array().unwrap().iter().map(|one| one["filename"].as_str().unwrap()).collect();
    assert!(named.contains(&"policies/probes/kms-debug/1.candidates.sig"), "{named:?}");
    assert!(!named.iter().any(|name| name.ends_with("bundle.json")), "{named:?}");
    assert!(!signature.is_empty());
    pull.judge(&["--key", &public]).run().expect(0).says(&["the key given with --key"]);
    // Without the key, and with another one, it proves nothing.
    pull.judge(&[]).run().expect(10).says(&["the signature proves nothing"]);
    let other = format!("{keys}/p256.pub");
    pull.judge(&["--key", &other]).run().expect(10).says(&["the signature proves nothing"]);
    pull.judge(&["--key", &public, "--probe-ref", "refs/heads/master"]).run().expect(2);
}

#[test]
fn a_text_that_tells_of_other_candidates_than_the_pull_request_holds_fails() {
    let site = Site::start();
    let repository = site.repository("told");
    signed(&site, &repository, "kms-phala-staging-probe.yaml");
    let pull = promoted(&site, repository, &[]).approved(&["alice", "bob"]);
    let path = format!("/repos/{}/pulls/{}", pull.repository, pull.number);
    let body = site.get(&path)["body"].as_str().unwrap().to_owned();
    let digest = merotee::digest::Sha256::of(site.place.read("candidates.json").as_bytes()).to_string();
    assert!(body.contains(&digest), "{body}");
    let edit = |body: String| site.ask("author", Method::PATCH, &path, Some(json!({"body": body})));
    edit(body.replace(&digest, &"0".repeat(64)));
    let report = pull.judge(&[]).run().expect(10).says(&["tells of another SHA-256", &digest]).report();
    assert_eq!(problems(&report), [("promotion-evidence".into(), "fail".into())]);
    edit(format!("Read this first.\n\n{body}"));
    pull.judge(&[]).run().expect(0);
}
