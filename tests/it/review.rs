//! `policy review` on pull requests of the sandbox's GitHub: what is right passes, and each way to be wrong is caught by its
//! own check.

mod commented;
mod hostile;
mod promoted;
mod read;
pub(crate) mod site;
mod wrong;

use merotee::subject::profile::Profile;
use reqwest::Method;
use serde_json::json;

use self::site::{Draft, Site, problems};
use crate::binary::statuses;

#[test]
fn a_promotion_with_evidence_and_two_approvals_passes_and_tells_what_it_admits() {
    let site = Site::start();
    let pull = site.opened("good", Draft::new()).approved(&["alice", "bob"]);
    let outputs = site.place.path("outputs");
    let run = pull.judge(&[]).env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &outputs).run().expect(0);
    let report = run.report();
    assert_eq!(problems(&report), []);
    for check in ["state", "label", "files", "shape", "evidence", "signer", "values", "approvals"] {
        let found = statuses(&report, &format!("promotion-{check}"));
        assert!(found.contains(&"pass"), "{check}: {found:?}");
    }
    for check in ["schema", "policy-profile", "profile-isolation", "role-separation", "candidates"] {
        assert!(statuses(&report, check).contains(&"pass"), "{check}: {report:#}");
    }
    let told = site.place.read("outputs");
    assert!(told.contains("structural=false\nnewly_admits=6\nverdict=passed\n"), "{told}");
    let kinds: Vec<_> =
        report["sections"][0]["exhibits"].as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    assert_eq!(kinds, [json!("registers"), json!("signatures")], "{report:#}");
    // Nothing is written unless it is asked for.
    assert_eq!(pull.comments(), [json!(null); 0]);
    assert_eq!(
        site.hub().recorder().requests().iter().rev().take(12).filter(|one| one.method != Method::GET).count(),
        0
    );
    let human = pull.plain(&[]).run().expect(0);
    human.says(&["@alice", "@bob", "6 new values", "kms-phala-staging-probe.yaml @ refs/heads/master"]);
}

#[test]
fn the_pull_request_comes_from_the_event_and_nothing_else_of_it_does() {
    let site = Site::start();
    let pull = site.opened("event", Draft { label: "", ..Draft::new() }).approved(&["alice", "bob"]);
    let sha = "0".repeat(40);
    let event = json!({"action": "labeled", "repository": {"full_name": pull.repository}, "pull_request": {"number": pull.number, "labels": [{"name": "policy-promotion"}],
        "base": {"sha": sha}, "head": {"sha": sha}}});
    let path = site.place.write("event.json", event.to_string());
    let by_event = || {
        let run = site.place.merotee(["policy", "review", "--format", "json"]).env("GITHUB_EVENT_PATH", &path);
        let run = run.env("GITHUB_API_URL", site.world.api_url()).env("GITHUB_REPOSITORY", &pull.repository);
        run.env("MEROTEE_TRUSTED_ROOT", site.world.trusted_root()).env("GH_TOKEN", "x").run()
    };
    assert_eq!(problems(&by_event().expect(11).report()), [("promotion-label".into(), "missing".into())]);
    site.place.write("event.json", json!({"ref": "refs/heads/master"}).to_string());
    by_event().expect(2).says(&["not of a pull request", "--pr"]);
    site.place.merotee(["policy", "review"]).run().expect(2).says(&["no pull request is named", "--pr"]);
}

#[test]
fn evidence_may_lie_in_a_folder_and_be_signed_with_a_key() {
    let site = Site::start();
    let draft = Draft { signed: false, ..Draft::new() };
    let (candidates, keys) =
        (format!("{:#}\n", draft.candidates), concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/sign/keys"));
    // What lies at another path is no evidence.
    let pull = site.opened("folder", Draft { evidence: "README.md".to_owned(), ..draft }).approved(&["alice", "bob"]);
    let bundle = site::bundle(&pull.repository, "kms-phala-staging-probe.yaml", "refs/heads/master", &candidates);
    site.place.write("probe/measurement-policy-candidates.json", &candidates);
    site.place.write("probe/measurement-policy-candidates.json.bundle.json", bundle);
    pull.judge(&["--candidates", "probe"]).run().expect(0);
    pull.judge(&[]).run().expect(10).says(&["has no candidates of a probe"]);
    let secret = format!("{keys}/ed25519.pem");
    site.place.write("by-key/measurement-policy-candidates.json", &candidates);
    site.place.merotee(["sign", "--key", &secret, "by-key/measurement-policy-candidates.json"]).run().expect(0);
    let by = |key: &str| pull.judge(&["--candidates", "by-key", "--key", &format!("{keys}/{key}")]).run();
    by("ed25519.pub").expect(0).says(&["the key given with --key"]);
    by("p256.pub").expect(10).says(&["the signature proves nothing"]);
    pull.judge(&["--candidates", "by-key"]).run().expect(10).says(&["the signature proves nothing"]);
}

#[test]
fn a_change_of_structure_waits_for_an_architecture_review_besides_the_two_approvals() {
    let site = Site::start();
    let mut draft = Draft::new();
    draft.policy["source"]["note"] = json!("a new field");
    let pull = site.opened("shape", draft).approved(&["alice", "bob"]);
    // Alice is in both teams, and counts for one of them.
    let run = pull.judge(&[]).run().expect(11);
    assert_eq!(problems(&run.report()), [("promotion-shape".into(), "missing".into())]);
    run.says(&["source.note", "calimero-network/architecture"]);
    let outputs = site.place.path("outputs");
    let pull = pull.approved(&["archie"]);
    let run = pull.judge(&[]).env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &outputs).run().expect(0);
    assert!(site.place.read("outputs").contains("structural=true\n"));
    run.says(&["reviewed for calimero-network/architecture by @archie"]);
    // A third member lets Alice count for the other team.
    let mut draft = Draft::new();
    draft.policy["source"]["note"] = json!("a new field");
    let pull = site.opened("shape-2", draft).approved(&["alice", "bob", "carol"]);
    pull.judge(&[]).run().expect(0);
    pull.judge(&["--architecture-team", "calimero-network/no-one"]).run().expect(1).says(&["there is no team"]);
}

#[test]
fn what_is_taken_off_the_lists_is_told() {
    let site = Site::start();
    let mut draft = Draft::new();
    let before = site::policy_before(Profile::Debug);
    for register in ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
        draft.policy["policy"][format!("kms_allowed_{register}")].as_array_mut().unwrap().remove(0);
    }
    let pull = site.opened("less", draft).approved(&["alice", "bob"]);
    let gone = before["policy"]["kms_allowed_rtmr2"][0].as_str().unwrap()[..8].to_owned();
    pull.plain(&[]).run().expect(0).says(&["no longer lists", &format!("RTMR2 {gone}")]);
}

#[test]
fn what_is_not_a_promotion_passes_where_every_pull_request_is_asked_for() {
    let site = Site::start();
    let words = ["--if-promotion", "--comment"];
    let other = Draft { label: "", ..Draft::new() };
    let pull = site.opened("other", other);
    pull.judge(&words).run().expect(11).says(&["it is not marked as a promotion"]);
    let repository = site.repository("code");
    site.commit(&repository, "code", &[("src/lib.rs".to_owned(), Some("x\n".to_owned()))], ("m", "m@example.invalid"));
    let body = json!({"title": "Code", "head": "code", "base": "master"});
    let (_, opened) = site.ask("author", Method::POST, &format!("/repos/{repository}/pulls"), Some(body));
    let pull = site::Opened { site: &site, repository, number: opened["number"].as_u64().unwrap() };
    let run = pull.judge(&words).run().expect(0).says(&["there is nothing to judge"]);
    assert_eq!(run.report()["verdict"], "passed");
    assert_eq!(pull.comments(), [json!(null); 0]);
    pull.judge(&[]).run().expect(10);
}

/// The script of the action, started as the runner does, with a compiler that has the binary at hand.
#[test]
#[cfg(unix)]
fn the_action_passes_its_inputs_on_as_one_word_each_and_leaves_the_empty_ones_out() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join(".github/actions/policy-review/action.yml")).unwrap();
    let (_, script) = text.split_once("run: >-\n").unwrap();
    let script: String = script.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let site = Site::start();
    let pull = site.opened("action", Draft::new()).approved(&["alice", "bob"]);
    let place = &site.place;
    let stub =
        format!("#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec '{}' \"$@\"\n", crate::binary::BINARY);
    let cargo = place.write("bin/cargo", stub);
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let number = pull.number.to_string();
    let run = |pr: &str, team: &str, approvals: &str, comment: &str| {
        place
            .program("bash", ["-euo", "pipefail", "-c", &script])
            .env("PATH", format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap()))
            .env("GITHUB_ACTION_PATH", root.join(".github/actions/policy-review"))
            .env("GITHUB_API_URL", site.world.api_url())
            .env("MEROTEE_TRUSTED_ROOT", site.world.trusted_root())
            .envs(
                [("PR", pr), ("TEAM", team), ("APPROVALS", approvals), ("COMMENT", comment)]
                    .map(|(n, v)| (n.to_owned(), v.to_owned())),
            )
            .env("REPOSITORY", &pull.repository)
            .env("ARCHITECTURE", "")
            .env("GH_TOKEN", "a workflow's")
            .env("MEROTEE_TEAM_TOKEN", "")
            .run()
    };
    run(&number, "", "2", "").expect(0);
    assert_eq!(pull.comments(), [json!(null); 0]);
    run(&number, "calimero-network/security", "2", "yes").expect(0);
    assert_eq!(pull.comments().len(), 1);
    run(&number, "", "3", "").expect(11);
    run("", "", "2", "").expect(2).says(&["no pull request is named"]);
    for hostile in ["1 --team x/y", "$(touch pwned)", "1; touch pwned", "--help"] {
        run(hostile, "", "2", "").expect(2);
    }
    assert!(!place.path("pwned").exists());
}
