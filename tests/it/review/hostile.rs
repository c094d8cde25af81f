//! What an attacker would try: another branch, another release, another pull request, a long list, a link.

use merotee::sandbox::github::{Fault, Trouble};
use reqwest::Method;
use serde_json::{Value, json};

use super::site::{Draft, Site, problems};

/// What stands in the way, as `check status`.
fn found(report: &Value) -> Vec<String> {
    problems(report).into_iter().map(|(check, status)| format!("{check} {status}")).collect()
}

#[test]
fn an_objection_behind_a_hundred_remarks_is_heard() {
    let site = Site::start();
    let pull = site.opened("long", Draft::new());
    for _ in 0..100 {
        pull.review("dave", "COMMENT", None);
    }
    let pull = pull.approved(&["alice", "bob"]);
    pull.judge(&[]).run().expect(0);
    pull.review("carol", "REQUEST_CHANGES", None);
    let report = pull.judge(&[]).run().expect(10).says(&["@carol", "asks for changes"]).report();
    assert_eq!(found(&report), ["promotion-approvals fail"]);
}

#[test]
fn a_pull_request_to_another_branch_is_refused_and_one_whose_base_changes_meanwhile_is_not_judged() {
    let site = Site::start();
    let pull = site.opened("base", Draft::new()).approved(&["alice", "bob"]);
    let path = format!("/repos/{}/pulls/{}", pull.repository, pull.number);
    site.commit(
        &pull.repository,
        "elsewhere",
        &[("a.md".to_owned(), Some("a".to_owned()))],
        ("Ada", "a@example.invalid"),
    );
    let retarget = |base: &str| {
        let (status, answer) = site.ask("author", Method::PATCH, &path, Some(json!({"base": base})));
        assert_eq!(status, 200, "{answer}");
    };
    retarget("elsewhere");
    let run =
        pull.judge(&[]).run().expect(10).says(&["it goes to another branch", "\"actual\": \"elsewhere\"", "--base"]);
    assert_eq!(found(&run.report()), ["promotion-state fail"]);
    // Where promotions go is where the probe must have run, too.
    let report = pull.judge(&["--base", "elsewhere"]).run().expect(10).says(&["another ref signed"]).report();
    assert!(found(&report).contains(&"promotion-signer fail".to_owned()), "{report:#}");
    pull.judge(&["--base", "elsewhere", "--probe-ref", "refs/heads/master"]).run().expect(0);
    retarget("master");
    let what = Trouble::Slow(std::time::Duration::from_millis(1500));
    site.hub().faults().add(Fault { method: Method::GET, path: "/reviews".to_owned(), after: 0, what });
    let asked = site.hub().recorder().requests().len();
    let run = std::thread::scope(|scope| {
        let run = scope.spawn(|| pull.judge(&[]).run());
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let was_read = || site.hub().recorder().requests().iter().skip(asked).any(|one| one.path.contains("/commits?"));
        while !was_read() {
            assert!(std::time::Instant::now() < end, "it never asked");
            std::thread::yield_now();
        }
        retarget("elsewhere");
        run.join().unwrap()
    });
    let report = run.expect(1).says(&["its base changed from master to elsewhere"]).report();
    assert_eq!(found(&report), ["promotion-state skipped_required"]);
}

#[test]
fn a_genuine_probe_of_an_older_release_is_caught_and_the_policy_cannot_follow_it_unseen() {
    let site = Site::start();
    let mut draft = Draft::new();
    draft.candidates["source"]["release"] = json!("mero-kms-v1.1.0");
    draft.candidates["source"]["version"] = json!("1.1.0");
    let pull = site.opened("replay", draft).approved(&["alice", "bob"]);
    let run = pull.judge(&[]).run().expect(10);
    let run = run.says(&["was measured of another release", "\"actual\": \"1.1.0\""]);
    assert_eq!(found(&run.report()), ["policy-promotion fail"]);
    let mut draft = Draft::new();
    draft.candidates["source"] =
        json!({"family": "kms", "verdict": "passed", "image": "ghcr.io/evil/kms", "version": "1.2.0"});
    let pull = site.opened("by-hand", draft).approved(&["alice", "bob"]);
    pull.judge(&["--comment"]).run().expect(0).says(&["the image was named by hand", "ghcr.io/evil/kms"]);
    assert!(pull.comments()[0]["body"].as_str().unwrap().contains("ghcr.io/evil/kms"));
}

#[test]
fn links_and_renamed_files_are_refused_where_only_text_may_change() {
    let site = Site::start();
    let pull = site.opened("link", Draft::new());
    let repos = format!("/repos/{}", pull.repository);
    let head = pull.head();
    let tree = site.get(&format!("{repos}/git/commits/{head}"))["tree"]["sha"].clone();
    let entries = json!([
        {"path": "docs/link.md", "mode": "120000", "type": "blob", "content": "../src/main.rs"},
        {"path": "policies/probes/kms-debug/README.md", "mode": "100755", "type": "blob", "content": "x"},
    ]);
    let post = |path: &str, body: Value| site.ask("author", Method::POST, &format!("{repos}{path}"), Some(body)).1;
    let tree = post("/git/trees", json!({"base_tree": tree, "tree": entries}));
    let commit = post("/git/commits", json!({"message": "Link", "tree": tree["sha"], "parents": [head]}));
    let to = json!({"sha": commit["sha"]});
    let (status, _) = site.ask("author", Method::PATCH, &format!("{repos}/git/refs/heads/promotion"), Some(to));
    assert_eq!(status, 200);
    let pull = pull.approved(&["alice", "bob"]);
    let run = pull.judge(&[]).run().expect(10);
    let run = run.says(&["is not a regular file", "mode 120000", "mode 100755", "docs/link.md"]);
    assert_eq!(found(&run.report()), ["promotion-files fail"]);
    for (name, path) in [
        ("case", "Policies/kms-phala-attestation-policy.debug.json"),
        ("deep", "policies/probes/kms-debug/x/1.candidates.json"),
    ] {
        let files = vec![(path.to_owned(), Some("{}\n".to_owned()))];
        let pull = site.opened(name, Draft { files, ..Draft::new() }).approved(&["alice", "bob"]);
        assert_eq!(found(&pull.judge(&[]).run().expect(10).report()), ["promotion-files fail"], "{path}");
    }
}

#[test]
fn the_event_of_another_repository_names_no_pull_request_of_this_one() {
    let site = Site::start();
    let pull = site.opened("mine", Draft::new()).approved(&["alice", "bob"]);
    let sha = "0".repeat(40);
    let of = |repository: Value| {
        let event = json!({"pull_request": {"number": pull.number, "base": {"sha": sha}, "head": {"sha": sha}}, "repository": repository});
        let path = site.place.write("event.json", event.to_string());
        let run = site.place.merotee(["policy", "review"]).env("GITHUB_EVENT_PATH", &path);
        let run = run.env("GITHUB_API_URL", site.world.api_url()).env("GITHUB_REPOSITORY", &pull.repository);
        run.env("MEROTEE_TRUSTED_ROOT", site.world.trusted_root()).env("GH_TOKEN", "x").run()
    };
    of(json!({"full_name": pull.repository})).expect(0);
    of(json!({"full_name": "evil/copy"})).expect(2).says(&["is of evil/copy", "--pr"]);
    of(json!(null)).expect(2).says(&["does not say of which repository"]);
}
