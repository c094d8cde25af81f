//! The comment: one, ours, brought up to date, and inert whatever stands in the pull request.

use merotee::sandbox::github::{Fault, Trouble};
use reqwest::Method;
use serde_json::json;

use super::site::{Draft, Site, problems};

#[test]
fn one_comment_is_written_and_later_runs_bring_it_up_to_date() {
    let site = Site::start();
    let pull = site.opened("comment", Draft::new()).approved(&["alice"]);
    // Others may write what they like, the marker included.
    pull.comment("dave", "<!-- merotee: policy review -->\n## Policy review: PASSED");
    let run = pull.judge(&["--comment"]).run().expect(11);
    let report = run.report();
    assert_eq!(report["sections"][0]["actions"][0]["what"], "comment");
    let comments = pull.comments();
    assert_eq!(comments.len(), 2);
    assert_eq!(comments[1]["user"]["login"], "github-actions[bot]");
    let body = comments[1]["body"].as_str().unwrap();
    for part in [
        "## Policy review: INCOMPLETE",
        "promotion-approvals",
        "## Probes",
        "## Approvals",
        "`@alice`",
        "Registers by profile",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    // Nothing new, nothing written.
    let run = pull.judge(&["--comment"]).run().expect(11).says(&["the comment says this already"]);
    assert_eq!(run.report()["sections"][0]["actions"], json!([]));
    let pull = pull.approved(&["bob"]);
    pull.judge(&["--comment"]).run().expect(0).says(&["brought up to date"]);
    let after = pull.comments();
    assert_eq!(after.len(), 2);
    assert_eq!((&after[0], &after[1]["id"]), (&comments[0], &comments[1]["id"]));
    assert!(after[1]["body"].as_str().unwrap().contains("## Policy review: PASSED"));
    // What the comment says is what `--format markdown` prints.
    let printed = pull.plain(&["--format", "markdown"]).run().expect(0).stdout;
    assert_eq!(printed.trim(), after[1]["body"].as_str().unwrap().trim());
}

#[test]
fn a_comment_is_ours_by_its_author_also_where_the_token_may_not_ask_who_it_is() {
    let site = Site::start();
    let pull = site.opened("account", Draft::new()).approved(&["alice", "bob"]);
    let account = |status| {
        site.hub().faults().add(Fault {
            method: Method::GET,
            path: "/user".to_owned(),
            after: 0,
            what: Trouble::Status(status),
        })
    };
    account(403);
    pull.judge(&["--comment"]).run().expect(0);
    account(403);
    pull.judge(&["--comment"]).run().expect(0).says(&["says this already"]);
    assert_eq!(pull.comments().len(), 1);
    account(500);
    let report = pull.judge(&["--comment"]).run().expect(1).report();
    assert_eq!(problems(&report), [("promotion-comment".into(), "skipped_required".into())]);
    pull.judge(&["--comment", "--comment-as", "other[bot]"]).run().expect(0);
    assert_eq!(pull.comments().len(), 2, "that one is not ours under this name");
}

#[test]
fn a_lost_answer_leaves_one_comment_and_a_refusal_leaves_the_verdict() {
    let site = Site::start();
    let pull = site.opened("lost", Draft::new()).approved(&["alice", "bob"]);
    let fault =
        |method: Method, what| site.hub().faults().add(Fault { method, path: "/comments".to_owned(), after: 0, what });
    fault(Method::POST, Trouble::AnswerLost);
    pull.judge(&["--comment"]).run().expect(0);
    assert_eq!(pull.comments().len(), 1);
    let pull = pull.approved(&["carol"]);
    fault(Method::PATCH, Trouble::DoneButStatus(502));
    pull.judge(&["--comment"]).run().expect(0);
    assert_eq!(pull.comments().len(), 1);
    let other = site.opened("refused", Draft::new()).approved(&["alice", "bob"]);
    fault(Method::POST, Trouble::Status(403));
    let run = other.judge(&["--comment"]).run().expect(0).says(&["the token may not comment", "pull-requests: write"]);
    assert_eq!(run.report()["sections"][0]["actions"][0]["state"], "failed");
    other.judge(&["--comment"]).env("GH_TOKEN", "").run().expect(2).says(&["a comment needs a token"]);
}

#[test]
fn hostile_words_stay_text_in_the_comment_and_in_a_workflow() {
    let site = Site::start();
    let mut draft = Draft::new();
    let evil = "@everyone <img src=x> [x](http://evil) #1\r\n::error::pwned\u{1b}[2J";
    draft.title = "::error::pwned".to_owned();
    draft.candidates["source"]["run_url"] = json!(format!("javascript:{evil}"));
    draft.policy["source"]["ref"] = json!(evil);
    draft.committer = ("::set-output name=verdict::passed", "x@example.invalid");
    draft.files = vec![("docs/@everyone <b>|x.md".to_owned(), Some("x".to_owned()))];
    let pull = site.opened("hostile", draft).approved(&["alice", "bob"]);
    let (outputs, summary) = (site.place.path("outputs"), site.place.path("summary"));
    let run = pull.plain(&["--comment", "--format", "markdown"]).env("GITHUB_ACTIONS", "true");
    let run = run.env("GITHUB_OUTPUT", &outputs).env("GITHUB_STEP_SUMMARY", &summary).run().expect(0);
    let comments = pull.comments();
    let body = comments[0]["body"].as_str().unwrap();
    assert!(body.chars().count() < 65_536);
    for line in body.lines().chain(run.stderr.lines()) {
        assert!(!line.contains('\u{1b}') && !line.trim_start().starts_with("::error::pwned"), "{line}");
        assert!(!line.trim_start().starts_with("::set-output"), "{line}");
    }
    // Outside of code, no markup and no mention is left.
    let outside: String = body.split('`').step_by(2).collect();
    for bad in ["<img", "@everyone", "](http://evil", "<b>"] {
        assert!(!outside.contains(bad), "{bad}: {body}");
    }
}
