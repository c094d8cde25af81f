//! Pull requests against a GitHub by other people.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    binary::{Place, Run, findings},
    outside::emulate::{Emulate, OWNER, REPOSITORY, STRANGER},
};

const PATH: &str = "compatibility-catalog.json";

/// A repository with a catalog, and a place to propose changes of it from.
struct Work {
    github: Emulate,
    place: Place,
}

impl Work {
    fn start() -> Option<Self> {
        let work = Self { github: Emulate::start()?, place: Place::new() };
        work.put("master", &catalog(&[]));
        Some(work)
    }

    /// Proposes KMS 1.2.0 with node image 1.1.0.
    fn add(&self, token: &str) -> Run {
        let words =
            ["catalog", "add", "1.2.0", "1.1.0", "--untested", "--pr", "--format", "json", "--repo", REPOSITORY];
        let run = self.place.merotee(words).env("GITHUB_API_URL", self.github.url());
        run.env("GH_TOKEN", token).run()
    }

    /// What Ada makes the catalog of a branch.
    fn put(&self, branch: &str, catalog: &str) {
        let there = self.github.get(&format!("contents/?ref={branch}"));
        let mut body = json!({"message": "By hand", "content": STANDARD.encode(catalog), "branch": branch});
        if let Some(file) = there.as_array().unwrap().iter().find(|file| file["path"] == PATH) {
            body["sha"] = file["sha"].clone();
        }
        self.github.write(Method::PUT, &format!("contents/{PATH}"), &body);
    }

    fn pulls(&self) -> Vec<Value> {
        self.github.get("pulls?state=all").as_array().unwrap().clone()
    }

    fn head(&self, branch: &str) -> String {
        self.github.get(&format!("git/ref/heads/{branch}"))["object"]["sha"].as_str().unwrap().to_owned()
    }

    /// The pairs of a branch's catalog.
    fn pairs(&self, branch: &str) -> Vec<(String, String)> {
        let file = self.github.get(&format!("contents/{PATH}?ref={branch}"));
        let text = STANDARD.decode(file["content"].as_str().unwrap().replace('\n', "")).unwrap();
        let catalog: Value = serde_json::from_slice(&text).unwrap();
        let word = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
        let entries = catalog["entries"].as_array().unwrap();
        entries.iter().map(|entry| (word(entry, "kms"), word(entry, "node_image"))).collect()
    }

    /// Messages of the commits that a branch has and `master` has not.
    fn messages(&self, branch: &str) -> Vec<String> {
        let compared = self.github.get(&format!("compare/master...{branch}"));
        let commits = compared["commits"].as_array().unwrap();
        commits.iter().map(|one| one["commit"]["message"].as_str().unwrap().to_owned()).collect()
    }
}

fn catalog(kms: &[&str]) -> String {
    let entry = |kms: &&str| json!({"kms": kms, "node_image": "1.0.0", "profiles": ["debug"], "tested": false});
    format!("{:#}\n", json!({"schema_version": "1", "entries": kms.iter().map(entry).collect::<Vec<_>>()}))
}

#[track_caller]
fn branch_of(run: &Run) -> String {
    run.report()["sections"][0]["facts"]["branch"].as_str().unwrap().to_owned()
}

#[test]
fn emulate_takes_a_branch_a_commit_a_pull_request_and_a_label_and_a_second_run_changes_nothing() {
    let Some(work) = Work::start() else { return };
    let run = work.add(OWNER).expect(0).says(&["pull request #1 is open: http://emulate.invalid/"]);
    let branch = branch_of(&run);
    let after_one = (work.pulls(), work.head(&branch), work.github.get("labels"));
    let [pull] = &after_one.0[..] else { panic!("{after_one:?}") };
    assert_eq!((&pull["head"]["ref"], &pull["base"]["ref"]), (&json!(branch), &json!("master")));
    assert_eq!(pull["labels"][0]["name"], "compatibility-catalog");
    assert!(pull["body"].as_str().unwrap().contains("KMS `1.2.0` with node image `1.1.0`, **not tested**"), "{pull}");
    let messages = work.messages(&branch);
    assert!(messages.len() == 1 && messages[0].contains("\n\nMerotee-Change: "), "{messages:?}");
    assert_eq!(work.pairs(&branch), [("1.2.0".to_owned(), "1.1.0".to_owned())]);
    assert_eq!(work.pairs("master"), [], "the base is for people to change");

    let run = work.add(OWNER).expect(0).says(&["pull request #1 proposes this already"]);
    assert_eq!(run.report()["sections"][0]["actions"], json!([]));
    assert_eq!((work.pulls(), work.head(&branch), work.github.get("labels")), after_one);
}

#[test]
fn emulate_sees_the_edit_made_again_on_a_base_that_moved_on_and_no_commit_of_a_person_overwritten() {
    let Some(work) = Work::start() else { return };
    let branch = branch_of(&work.add(OWNER).expect(0));
    let first = work.head(&branch);
    work.put("master", &catalog(&["1.0.0"]));
    work.add(OWNER).expect(0).says(&["pull request #1 is brought up to date"]);
    let pair = |kms: &str, node: &str| (kms.to_owned(), node.to_owned());
    assert_eq!(work.pairs(&branch), [pair("1.0.0", "1.0.0"), pair("1.2.0", "1.1.0")]);
    let second = work.head(&branch);
    let parents = work.github.get(&format!("git/commits/{second}"))["parents"].clone();
    assert_eq!((&parents[0]["sha"], &parents[1]["sha"]), (&json!(first), &json!(work.head("master"))));
    assert_eq!(work.github.get(&format!("compare/master...{branch}"))["behind_by"], 0);

    // Ada corrects the proposal, and the base moves on once more.
    work.put(&branch, &catalog(&["1.0.0", "1.2.0"]));
    let hers = work.head(&branch);
    work.put("master", &catalog(&["1.0.0", "1.1.0"]));
    let run =
        work.add(OWNER).expect(10).says(&["the branch has commits that are not ours", "(By hand) by Ada", "--branch"]);
    assert_eq!(run.report()["sections"][0]["actions"], json!([]));
    assert_eq!((work.head(&branch), work.pulls().len()), (hers, 1));
}

#[test]
fn emulate_refuses_a_token_that_may_only_read_and_says_which_permission_it_needs() {
    let Some(work) = Work::start() else { return };
    let run = work.add(STRANGER).expect(1).says(&["the token may not write to calimero-network/mero-tee"]);
    run.says(&["contents: write"]).without_product();
    assert_eq!(work.pulls().len(), 0);
    assert_eq!(work.github.get("git/matching-refs/heads/merotee"), json!([]));
}

#[test]
fn emulate_keeps_a_pull_request_closed_that_a_person_closed() {
    let Some(work) = Work::start() else { return };
    work.add(OWNER).expect(0);
    work.github.write(Method::PATCH, "pulls/1", &json!({"state": "closed"}));
    let run = work.add(OWNER).expect(10).says(&["pull request #1 proposed the same and was closed without a merge"]);
    assert_eq!(findings(&run.report()).last().unwrap()["check"], "pull-request");
    let states: Vec<Value> = work.pulls().iter().map(|pull| pull["state"].clone()).collect();
    assert_eq!(states, ["closed"]);
}
