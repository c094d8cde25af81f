//! The pull request that `policy promote` opens is one that `policy review` passes, once two people approved it.

use merotee::sandbox::github::Recorded;
use reqwest::Method;
use serde_json::json;

use super::site::{Draft, Opened, Site, bundle, problems};

/// Promotes signed candidates in a repository of its own, and finds the pull request.
fn promoted<'s>(site: &'s Site, name: &str, workflow: &str) -> Opened<'s> {
    let repository = site.repository(name);
    let mut candidates = Draft::new().candidates;
    candidates["source"]["verdict"] = json!("passed");
    let text = format!("{candidates:#}\n");
    site.place.write("candidates.json", &text);
    site.place.write("candidates.json.bundle.json", bundle(&repository, workflow, "refs/heads/master", &text));
    let path = format!(".github/workflows/{workflow}");
    let words = ["policy", "promote", "--candidates", "candidates.json", "--probe-workflow", &path];
    let run = site.place.merotee(words).env("GITHUB_API_URL", site.world.api_url());
    let run = run.env("GITHUB_REPOSITORY", &repository).env("MEROTEE_TRUSTED_ROOT", site.world.trusted_root());
    run.env("GH_TOKEN", "author").run().expect(0);
    let pulls = site.get(&format!("/repos/{repository}/pulls?state=open"));
    let number = pulls[0]["number"].as_u64().unwrap();
    Opened { site, repository, number }
}

#[test]
fn a_promotion_that_this_program_proposed_waits_for_approvals_and_then_passes() {
    let site = Site::start();
    let pull = promoted(&site, "promoted", "kms-phala-staging-probe.yaml");
    let waiting = pull.judge(&["--comment"]).run().expect(11);
    assert_eq!(problems(&waiting.report()), [("promotion-approvals".into(), "missing".into())]);
    let pull = pull.approved(&["alice", "bob"]);
    pull.judge(&["--comment"]).run().expect(0).says(&["6 new values, all measured by 1 probe"]);
    // One comment, and nothing else was written by the review.
    let of_workflow = |one: &Recorded| one.method != Method::GET && one.path.contains("/comments");
    assert_eq!(site.hub().recorder().requests().iter().filter(|one| of_workflow(one)).count(), 2);
    assert_eq!(pull.comments().len(), 1);
    // What another workflow signed may be proposed by whoever names it, and is still not the probe's.
    let other = promoted(&site, "other", "release-kms-phala.yaml").approved(&["alice", "bob"]);
    let report = other.judge(&[]).run().expect(10).says(&["another workflow signed"]).report();
    assert!(problems(&report).contains(&("promotion-signer".into(), "fail".into())));
}
