//! Reading a pull request that moves, lies in a fork, is too large, or may not be read.

use std::time::Duration;

use merotee::sandbox::github::{Fault, Trouble};
use reqwest::Method;
use serde_json::Value;

use super::site::{Draft, Opened, Site, problems};
use crate::binary::findings;

fn fault(pull: &Opened<'_>, path: &str, what: Trouble) {
    pull.site.hub().faults().add(Fault { method: Method::GET, path: path.to_owned(), after: 0, what });
}

fn undecided(report: &Value) -> Vec<String> {
    problems(report).into_iter().map(|(check, status)| format!("{check} {status}")).collect()
}

#[test]
fn a_pull_request_that_moves_meanwhile_is_not_judged() {
    let site = Site::start();
    let pull = site.opened("moves", Draft::new()).approved(&["alice", "bob"]);
    let before = pull.head();
    fault(&pull, "/reviews", Trouble::Slow(Duration::from_millis(1500)));
    let asked = site.hub().recorder().requests().len();
    let run = std::thread::scope(|scope| {
        let run = scope.spawn(|| pull.judge(&[]).run());
        // As soon as its head was read.
        let end = std::time::Instant::now() + Duration::from_secs(20);
        let head_was_read = || {
            let requests = site.hub().recorder().requests();
            requests.iter().skip(asked).any(|one| one.path.contains("/commits?"))
        };
        while !head_was_read() {
            assert!(std::time::Instant::now() < end, "it never asked");
            std::thread::yield_now();
        }
        pull.push("README.md", "meanwhile\n", ("m", "m@example.invalid"));
        run.join().unwrap()
    });
    let report = run.expect(1).says(&[&format!("its branch moved from {}", &before[..12])]).report();
    assert_eq!(undecided(&report), ["promotion-state skipped_required"], "{report:#}");
}

#[test]
fn a_fork_is_told_and_one_that_is_gone_is_still_judged_by_its_commits() {
    let site = Site::start();
    let pull = site.opened("fork", Draft::new()).approved(&["alice", "bob"]);
    assert!(site.hub().from_fork(&pull.repository, pull.number, Some("someone/mero-tee")));
    pull.judge(&[]).run().expect(0).says(&["its branch lies in the fork someone/mero-tee"]);
    assert!(site.hub().from_fork(&pull.repository, pull.number, None));
    pull.judge(&[]).run().expect(0).says(&["the fork that its branch lay in is gone"]);
}

#[test]
fn memberships_that_cannot_be_read_are_no_pass() {
    let site = Site::start();
    let pull = site.opened("members", Draft::new()).approved(&["alice", "bob"]);
    let missing = ["promotion-approvals skipped_required"];
    for (path, status, words) in [
        ("/memberships/", 403, "refused access (403)"),
        ("/teams/security", 403, "refused access (403)"),
        ("/teams/security", 404, "or the token may not see it (404)"),
        ("/memberships/alice", 500, "answered 500"),
    ] {
        fault(&pull, path, Trouble::Status(status));
        let run = pull.judge(&[]).run().expect(1).says(&[words, "MEROTEE_TEAM_TOKEN"]);
        assert_eq!(undecided(&run.report()), missing, "{path} {status}");
        assert!(site.hub().faults().are_over(), "{path}");
    }
    // That an account is not in a team that can be seen is an answer.
    fault(&pull, "/memberships/alice", Trouble::Status(404));
    pull.judge(&[]).run().expect(11);
    // Where enough others approve, it does not matter.
    let pull = pull.approved(&["carol"]);
    fault(&pull, "/memberships/alice", Trouble::Status(403));
    pull.judge(&[]).run().expect(0);
    // A token of its own may read them.
    let run = pull.judge(&[]).env("MEROTEE_TEAM_TOKEN", "carol").run().expect(0);
    assert!(!run.stdout.contains("carol's"), "{}", run.stdout);
}

#[test]
fn a_pull_request_that_cannot_be_read_whole_is_no_pass() {
    let site = Site::start();
    let pull = site.opened("whole", Draft::new()).approved(&["alice", "bob"]);
    for path in ["/pulls/", "/compare/", "/files", "/reviews", "/git/trees/", "/git/blobs/", "/commits?"] {
        for status in [404, 500] {
            fault(&pull, path, Trouble::Status(status));
            pull.judge(&[]).run().expect(1).without_product();
            assert!(site.hub().faults().are_over(), "{path}");
        }
    }
    let mut missing = pull;
    missing.number = 7;
    missing.judge(&[]).run().expect(1).says(&["has no pull request #7", "pull-requests: read"]).without_product();
}

#[test]
fn more_files_than_github_lists_are_refused() {
    let site = Site::start();
    let many = (0..3001).map(|n| (format!("policies/probes/{n}.md"), Some(String::new())));
    let pull = site.opened("many", Draft { files: many.collect(), ..Draft::new() }).approved(&["alice", "bob"]);
    let report = pull.judge(&[]).run().expect(10).says(&["files, more than GitHub lists"]).report();
    assert_eq!(undecided(&report), ["promotion-files fail"]);
    assert_eq!(findings(&report).iter().filter(|one| one["check"] == "promotion-files").count(), 1);
}
