//! Changes proposed to the sandbox's GitHub, with faults and other people in between.

use std::{sync::Arc, time::Duration};

use merotee::{
    adapters::{
        github::{GitHub, Proposed, Proposing, Snapshot},
        http::HttpOptions,
    },
    change::{Change, Ending, File, How, Label, Outcome, Plan, Refusal, Remark, Tried},
    digest::Sha256,
    error::Result,
    sandbox::{
        github::{Fault, Hub, Recorded, Trouble},
        world::{self, World},
    },
    subject::repository::Repository,
};
use reqwest::Method;
use serde_json::{Value, json};

const BRANCH: &str = "merotee/a-change";
const LABEL: &str = "a label";

/// One world, with a fresh repository for each case.
struct Hosted {
    world: World,
}

/// A repository to propose changes to.
struct Work {
    github: GitHub,
    api: String,
    name: String,
    hub: Arc<Hub>,
}

impl Hosted {
    async fn start() -> Self {
        Self { world: World::start(&world::Plan::default()).await.unwrap() }
    }

    async fn repository(&self, name: &str) -> Work {
        let hub = Arc::clone(self.world.github());
        let name = format!("owner/{name}");
        hub.add_repository(&name, false);
        let backoff = Duration::from_millis(1);
        let options = HttpOptions { attempts: 1, backoff, limit_pause: backoff, ..HttpOptions::default() };
        let api = self.world.api_url().to_owned();
        let github = GitHub::new(api.parse().unwrap(), Some("token".to_owned().into()), options).unwrap();
        let work = Work { github, api, name, hub };
        work.put("master", "a.txt", "one\n").await;
        work
    }
}

impl Work {
    /// Proposes that `a.txt` says one thing more.
    async fn propose(&self) -> Result<Outcome> {
        self.propose_as(false).await
    }

    async fn propose_as(&self, dry_run: bool) -> Result<Outcome> {
        let repository: Repository = self.name.parse().unwrap();
        let proposing = Proposing {
            repository: &repository,
            base: None,
            paths: &["a.txt"],
            folders: &[],
            server: "https://github.com",
            dry_run,
        };
        let make = |snapshot: &Snapshot| {
            let text = String::from_utf8(snapshot.files["a.txt"].clone()).unwrap();
            let wanted = if text.ends_with("more\n") { Vec::new() } else { vec![format!("{text}more\n")] };
            let files = wanted.into_iter().map(|content| File { path: "a.txt".to_owned(), content: Some(content) });
            let change = Change {
                branch: BRANCH.parse().unwrap(),
                mark: Sha256::of(b"a change"),
                title: "Say more".to_owned(),
                body: "Because.".to_owned(),
                label: Label { name: LABEL.to_owned(), description: "For tests" },
                draft: false,
                files: files.collect(),
            };
            Ok((Some(change), ()))
        };
        let Proposed { change, .. } = self.github.propose(&proposing, make).await?;
        Ok(change.unwrap().1)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client.request(method, format!("{}/repos/{}/{path}", self.api, self.name));
        request = request.bearer_auth("person").header("user-agent", "tests");
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let (status, bytes) = (answer.status(), answer.bytes().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None).await
    }

    /// The path of the one pull request that is open.
    async fn pull(&self) -> String {
        let open = self.get("pulls?state=open").await;
        assert_eq!(open.as_array().map(Vec::len), Some(1), "{open}");
        format!("pulls/{}", open[0]["number"])
    }

    /// A person's commit on a branch.
    async fn put(&self, branch: &str, path: &str, content: &str) {
        let head = self.head(branch).await;
        let base = self.get(&format!("git/commits/{head}")).await["tree"]["sha"].clone();
        let entry = json!({"path": path, "mode": "100644", "type": "blob", "content": content});
        let tree = self.ask(Method::POST, "git/trees", Some(json!({"base_tree": base, "tree": [entry]}))).await;
        let ada = json!({"name": "Ada", "email": "ada@example.com"});
        let body =
            json!({"message": "By hand", "tree": tree["sha"], "parents": [head], "author": ada, "committer": ada});
        let commit = self.ask(Method::POST, "git/commits", Some(body)).await;
        self.ask(Method::PATCH, &format!("git/refs/heads/{branch}"), Some(json!({"sha": commit["sha"]}))).await;
    }

    async fn head(&self, branch: &str) -> String {
        self.get(&format!("git/ref/heads/{branch}")).await["object"]["sha"].as_str().unwrap().to_owned()
    }

    async fn text(&self, branch: &str) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let file = self.get(&format!("contents/a.txt?ref={branch}")).await;
        String::from_utf8(STANDARD.decode(file["content"].as_str().unwrap().replace('\n', "")).unwrap()).unwrap()
    }

    /// Requests to this repository with our token so far.
    fn requests(&self) -> Vec<Recorded> {
        let of = format!("/repos/{}", self.name);
        self.hub.recorder().requests().into_iter().filter(|one| one.path.starts_with(&of)).collect()
    }

    fn fault(&self, method: &Method, after: usize, what: Trouble) {
        let path = format!("/repos/{}", self.name);
        self.hub.faults().add(Fault { method: method.clone(), path, after, what });
    }

    /// What is wrong with a repository in which the change should be proposed once.
    async fn wrong(&self) -> Option<String> {
        let pulls = self.get("pulls?state=all").await;
        let refs = self.get("git/matching-refs/heads/").await;
        let commits = self.get(&format!("compare/master...{BRANCH}")).await["commits"].clone();
        let labels = self.get("labels").await;
        let ours = |labels: &Value| labels.as_array().unwrap().iter().filter(|one| one["name"] == LABEL).count();
        let (pulls, refs) = (pulls.as_array().unwrap(), refs.as_array().unwrap());
        let counts = (pulls.len(), refs.len(), commits.as_array().unwrap().len(), ours(&labels));
        if counts != (1, 2, 1, 1) {
            return Some(format!("(pull requests, branches, commits, labels) are {counts:?}"));
        }
        if ours(&pulls[0]["labels"]) != 1 || self.text(BRANCH).await != "one\nmore\n" {
            return Some(format!("{}", pulls[0]));
        }
        let before = self.requests().len();
        let again = self.propose().await;
        let wrote: Vec<_> = self.requests().into_iter().skip(before).filter(|one| one.method != Method::GET).collect();
        let unchanged = matches!(&again, Ok(Outcome { ending: Ending::Proposed { how: How::Unchanged, .. }, .. }));
        (!unchanged || !wrote.is_empty()).then(|| format!("one more run changes something: {again:?} {wrote:?}"))
    }
}

#[track_caller]
fn how(outcome: Result<Outcome>) -> How {
    let outcome = outcome.unwrap();
    let Ending::Proposed { how, .. } = outcome.ending else { panic!("{outcome:?}") };
    how
}

#[tokio::test]
async fn a_change_is_proposed_once_as_it_was_planned_and_a_second_run_changes_nothing() {
    let hosted = Hosted::start().await;
    let work = hosted.repository("once").await;
    let before = work.requests().len();
    let Ending::Planned(Plan::Steps { steps, .. }) = work.propose_as(true).await.unwrap().ending else { panic!() };
    assert!(work.requests().iter().skip(before).all(|one| one.method == Method::GET), "a plan only reads");
    let outcome = work.propose().await.unwrap();
    let tried: Vec<Tried> = steps.into_iter().map(|step| Tried { step, succeeded: true }).collect();
    assert_eq!(outcome.tried, tried);
    assert_eq!(how(Ok(outcome)), How::Opened);
    assert_eq!(work.wrong().await, None);
    assert_eq!(work.text("master").await, "one\n", "the base is for people to change");
}

/// What goes wrong, and whether the run is killed there.
const WAYS: [(Trouble, bool); 6] = [
    (Trouble::Status(502), false),
    (Trouble::DoneButStatus(500), false),
    (Trouble::Dropped, false),
    (Trouble::AnswerLost, false),
    (Trouble::Dropped, true),
    (Trouble::AnswerLost, true),
];

#[tokio::test]
async fn whatever_goes_wrong_at_any_request_a_second_run_leaves_one_branch_one_commit_and_one_pull_request() {
    let hosted = Hosted::start().await;
    let work = hosted.repository("clean").await;
    let before = work.requests().len();
    work.propose().await.unwrap();
    let requests: Vec<Method> = work.requests().into_iter().skip(before).map(|one| one.method).collect();
    assert!(requests.len() >= 10, "{requests:?}");
    assert_eq!(requests.iter().filter(|method| **method != Method::GET).count(), 6, "{requests:?}");

    let mut wrong = Vec::new();
    for at in 0..requests.len() {
        for (way, (what, killed)) in WAYS.into_iter().enumerate() {
            let work = hosted.repository(&format!("fault-{at}-{way}")).await;
            let (method, earlier) = (&requests[at], &requests[..at]);
            let count = |method: &Method| earlier.iter().filter(|one| *one == method).count();
            work.fault(method, count(method), what);
            if killed && *method != Method::GET {
                // It would look at what there is, and never gets to.
                work.fault(&Method::GET, count(&Method::GET), Trouble::Dropped);
            }
            let first = work.propose().await;
            let healed = if first.is_ok() { Ok(()) } else { work.propose().await.map(drop) };
            if let Err(error) = healed {
                wrong.push(format!("{what:?} at {at} ({method}), killed: {killed}: {error}"));
            } else if let Some(why) = work.wrong().await {
                wrong.push(format!("{what:?} at {at} ({method}), killed: {killed}: {why}"));
            }
            if killed && first.is_ok() {
                wrong.push(format!("{what:?} at {at} ({method}): was not killed"));
            }
            assert!(work.hub.faults().are_over(), "{what:?} at {at} ({method}) did not happen");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_at_once_both_end_well_with_one_pull_request() {
    let hosted = Hosted::start().await;
    for round in 0..10 {
        let work = hosted.repository(&format!("race-{round}")).await;
        let (one, other) = tokio::join!(work.propose(), work.propose());
        for outcome in [one, other] {
            assert!(matches!(outcome.unwrap().ending, Ending::Proposed { number: 1.., .. }));
        }
        assert_eq!(work.wrong().await, None, "round {round}");
    }
}

#[tokio::test]
async fn the_edit_is_made_again_on_a_base_that_moved_on_and_only_then() {
    let hosted = Hosted::start().await;
    let work = hosted.repository("moved").await;
    work.propose().await.unwrap();
    let first = work.head(BRANCH).await;
    work.put("master", "b.txt", "elsewhere\n").await;
    assert_eq!(how(work.propose().await), How::Unchanged, "approvals are not dismissed for nothing");
    work.put("master", "a.txt", "one\ntwo\n").await;
    assert_eq!(how(work.propose().await), How::Updated);
    assert_eq!(work.text(BRANCH).await, "one\ntwo\nmore\n");
    let commit = work.get(&format!("git/commits/{}", work.head(BRANCH).await)).await;
    assert_eq!([&commit["parents"][0]["sha"], &commit["parents"][1]["sha"]], [&first, &work.head("master").await]);
    let compared = work.get(&format!("compare/master...{BRANCH}")).await;
    let files = compared["files"].as_array().unwrap();
    assert!(compared["behind_by"] == 0 && files.len() == 1 && files[0]["filename"] == "a.txt", "{compared}");
    assert_eq!(how(work.propose().await), How::Unchanged);
    // A push that somebody else's made outdated is refused by GitHub, and looked at again.
    work.put("master", "a.txt", "zero\n").await;
    work.fault(&Method::PATCH, 0, Trouble::Status(422));
    assert_eq!(how(work.propose().await), How::Updated);
    assert_eq!((work.text(BRANCH).await.as_str(), work.hub.faults().are_over()), ("zero\nmore\n", true));
}

#[tokio::test]
async fn a_persons_commit_on_the_branch_is_never_overwritten() {
    let hosted = Hosted::start().await;
    let work = hosted.repository("persons").await;
    work.propose().await.unwrap();
    // A commit beside ours is no obstacle while the branch holds the change.
    work.put(BRANCH, "b.txt", "hers\n").await;
    let hers = work.head(BRANCH).await;
    let outcome = work.propose().await.unwrap();
    assert!(
        matches!(&outcome.ending, Ending::Proposed { how: How::Unchanged, remarks, .. }
        if matches!(&remarks[..], [Remark::OthersCommits { commits, more: 0 }] if commits[0].0 == "Ada")),
        "{outcome:?}"
    );
    work.put("master", "a.txt", "two\n").await;
    let outcome = work.propose().await.unwrap();
    let Ending::Planned(Plan::Refused(Refusal::OthersCommits { commits, more: 0, pull: Some(_) })) = &outcome.ending
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(commits, &[("Ada".to_owned(), format!("{} (By hand)", &hers[..7]))]);
    assert_eq!((work.head(BRANCH).await, outcome.tried.len()), (hers, 0));
}

#[tokio::test]
async fn a_branch_of_somebody_else_is_neither_moved_nor_proposed() {
    let hosted = Hosted::start().await;
    let work = hosted.repository("theirs").await;
    let branch = json!({"ref": format!("refs/heads/{BRANCH}"), "sha": work.head("master").await});
    work.ask(Method::POST, "git/refs", Some(branch)).await;
    let before = work.head(BRANCH).await;
    work.put("master", "b.txt", "elsewhere\n").await;
    let outcome = work.propose().await.unwrap();
    assert!(matches!(outcome.ending, Ending::Planned(Plan::Refused(Refusal::NotOurs))), "{outcome:?}");
    assert_eq!(work.head(BRANCH).await, before);
    // It says by chance what would be proposed.
    work.put(BRANCH, "a.txt", "one\nmore\n").await;
    let outcome = work.propose().await.unwrap();
    assert!(
        matches!(outcome.ending, Ending::Planned(Plan::Refused(Refusal::OthersCommits { pull: None, .. }))),
        "{outcome:?}"
    );
    assert_eq!(work.get("pulls?state=all").await, json!([]));
}

#[tokio::test]
async fn a_pull_request_that_a_person_moved_to_another_base_is_named_and_gets_no_second_one() {
    let hosted = Hosted::start().await;
    let work = hosted.repository("rebased").await;
    work.propose().await.unwrap();
    let next = json!({"ref": "refs/heads/next", "sha": work.head("master").await});
    work.ask(Method::POST, "git/refs", Some(next)).await;
    let pull = work.pull().await;
    work.ask(Method::PATCH, &pull, Some(json!({"base": "next"}))).await;
    let outcome = work.propose().await.unwrap();
    assert!(
        matches!(&outcome.ending, Ending::Planned(Plan::Refused(Refusal::Elsewhere(other))) if other.base == "next"),
        "{outcome:?}"
    );
    assert_eq!(work.pull().await, pull);
}

#[tokio::test]
async fn a_token_that_may_not_open_pull_requests_pushes_the_branch_and_names_the_page_that_does() {
    let hosted = Hosted::start().await;
    let work = hosted.repository("pushed").await;
    // The fourth POST opens the pull request.
    work.fault(&Method::POST, 3, Trouble::Status(403));
    let outcome = work.propose().await.unwrap();
    let Ending::Pushed { page, .. } = &outcome.ending else { panic!("{outcome:?}") };
    assert_eq!(page, &format!("https://github.com/{}/compare/master...{BRANCH}?expand=1", work.name));
    assert_eq!(outcome.tried.iter().map(|one| one.succeeded).collect::<Vec<_>>(), [true, false]);
    assert_eq!(how(work.propose().await), How::Opened, "with another token");
    assert_eq!(work.wrong().await, None);
}

#[tokio::test]
async fn a_token_that_may_not_write_or_label_says_which_permission_it_needs() {
    let hosted = Hosted::start().await;
    for (name, status) in [("forbidden", 403), ("hidden", 404)] {
        let work = hosted.repository(name).await;
        work.fault(&Method::POST, 0, Trouble::Status(status));
        let error = work.propose().await.unwrap_err();
        assert!(error.to_string().contains("the token may not write to owner/"), "{error}");
        assert!(error.advice().unwrap().contains("contents: write"), "{error:?}");
    }
    let work = hosted.repository("unlabelled").await;
    work.fault(&Method::POST, 4, Trouble::Status(403));
    let outcome = work.propose().await.unwrap();
    assert!(
        matches!(&outcome.ending, Ending::Proposed { how: How::Opened, remarks, .. }
        if matches!(&remarks[..], [Remark::Unlabelled(_)])),
        "{outcome:?}"
    );
    assert_eq!(how(work.propose().await), How::Updated);
    assert_eq!(work.wrong().await, None);
}

#[tokio::test]
async fn a_pull_request_that_was_closed_stays_closed_and_one_that_was_merged_is_done() {
    let hosted = Hosted::start().await;
    let work = hosted.repository("closed").await;
    work.propose().await.unwrap();
    let pull = work.pull().await;
    work.ask(Method::PATCH, &pull, Some(json!({"state": "closed"}))).await;
    let outcome = work.propose().await.unwrap();
    assert!(matches!(outcome.ending, Ending::Planned(Plan::Refused(Refusal::Declined { .. }))), "{outcome:?}");
    assert_eq!(work.get("pulls?state=open").await, json!([]));
    work.ask(Method::PATCH, &pull, Some(json!({"state": "open"}))).await;
    assert_eq!(work.wrong().await, None);

    work.put("master", "a.txt", "one\nmore\n").await;
    let outcome = work.propose().await.unwrap();
    assert!(matches!(outcome.ending, Ending::Planned(Plan::Nothing { obsolete: Some(_) })), "{outcome:?}");
    assert_eq!(work.get(&pull).await["state"], "open", "it is for a person to close");
}

#[tokio::test]
async fn what_people_write_into_the_pull_request_stays() {
    let hosted = Hosted::start().await;
    let work = hosted.repository("text").await;
    work.propose().await.unwrap();
    let pull = work.pull().await;
    let said = work.get(&pull).await["body"].as_str().unwrap().to_owned();
    let around = format!("Hello\r\n\r\n{}\r\nBye", said.replace('\n', "\r\n"));
    work.ask(Method::PATCH, &pull, Some(json!({"body": around}))).await;
    assert_eq!(how(work.propose().await), How::Unchanged);
    let stale = around.replace("Because.", "Before.");
    work.ask(Method::PATCH, &pull, Some(json!({"body": stale}))).await;
    assert_eq!(how(work.propose().await), How::Updated);
    assert_eq!(work.get(&pull).await["body"], around.replace("\r\n", "\n"));
    work.ask(Method::PATCH, &pull, Some(json!({"body": "Mine"}))).await;
    let outcome = work.propose().await.unwrap();
    assert!(
        matches!(&outcome.ending, Ending::Proposed { how: How::Unchanged, remarks, .. }
        if remarks == &[Remark::TextIsTheirs]),
        "{outcome:?}"
    );
}
