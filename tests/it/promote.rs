//! `policy promote` through the binary: signed candidates, the sandbox's GitHub, and other people in between.

mod refusals;

use std::sync::Arc;

use merotee::sandbox::{
    github::{Fault, Hub, Trouble},
    sigstore::{Identity, Instance, Log},
    world::{Plan, World},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::binary::{Invocation, Place, Run, findings, statuses};

const REPOSITORY: &str = "calimero-network/mero-tee";
const LOCKED: &str = "policies/kms-phala-attestation-policy.locked-read-only.json";
const DEBUG: &str = "policies/kms-phala-attestation-policy.debug.json";
const BRANCH: &str = "merotee/policy-promotion/kms-locked-read-only";

/// A world, a place with signed candidates, and a person who looks at the repository.
struct Stage {
    runtime: Runtime,
    world: World,
    place: Place,
}

/// The workflow that probes machines of a role, at a ref.
fn probe(workflow: &str, git_ref: &str) -> Identity {
    Identity::github_workflow(REPOSITORY, workflow, git_ref, "0123456789abcdef0123456789abcdef01234567")
}

fn workflow_of(role: &str) -> &'static str {
    if role == "kms" { "kms-phala-staging-probe.yaml" } else { "node-image-gcp-staging-probe.yaml" }
}

/// What a probe of `role` and `profile` left: its registers begin with `byte`, and RTMR3 differs by profile.
fn candidates(role: &str, profile: &str, byte: u8) -> Value {
    let value = |byte: u8| json!([format!("{byte:02x}").repeat(48)]);
    let own = byte + u8::try_from(profile.len()).unwrap();
    json!({
        "schema_version": 1,
        "generated_at": "2026-11-30T08:00:00Z",
        "measurement_source": "td_quote",
        "source": {
            "family": role, "profile": profile, "label": "nightly", "verdict": "passed",
            "image": format!("ghcr.io/calimero-network/mero-kms-phala@sha256:{}", "ab".repeat(32)),
        },
        "profile": profile,
        "policy": {
            "allowed_tcb_statuses": ["uptodate"],
            "allowed_mrtd": value(byte), "allowed_rtmr0": value(byte + 1), "allowed_rtmr1": value(byte + 2),
            "allowed_rtmr2": value(byte + 3), "allowed_rtmr3": value(own),
        },
    })
}

/// Writes files and signs them as `identity`, each beside itself, by the services of a world of seed 0.
fn write_signed(place: &Place, exports: Vec<(String, String)>, identity: &Identity, files: &[(&str, &Value)]) {
    let now = jiff::Timestamp::now();
    let token = Instance::new(0, now).unwrap().identity_token(identity, now).unwrap();
    place.write("token", token);
    for (name, document) in files {
        place.write(name, format!("{document:#}\n"));
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let sign = place.merotee(["sign", "--force", "--identity-token", "token"]).args(&names);
    sign.envs(exports).run().expect(0);
}

/// The candidates that the documents speak of.
pub(crate) fn write_examples(place: &Place, exports: Vec<(String, String)>) {
    let kms = candidates("kms", "locked-read-only", 0x10);
    let mut again = kms.clone();
    again["source"]["label"] = json!("again");
    let of_kms = [("measurement-policy-candidates.json", &kms), ("kms-1.json", &kms), ("kms-2.json", &again)];
    write_signed(place, exports.clone(), &probe(workflow_of("kms"), "refs/heads/master"), &of_kms);
    let node = candidates("node", "locked-read-only", 0x80);
    let identity = probe(workflow_of("node"), "refs/heads/master");
    write_signed(place, exports, &identity, &[("node-1.json", &node)]);
}

impl Stage {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = runtime.block_on(World::start(&Plan::default())).unwrap();
        Self { runtime, world, place: Place::new() }
    }

    fn hub(&self) -> &Arc<Hub> {
        self.world.github()
    }

    fn exports(&self) -> Vec<(String, String)> {
        let variables = [
            ("GITHUB_API_URL", self.world.api_url().to_owned()),
            ("GITHUB_REPOSITORY", REPOSITORY.to_owned()),
            ("GH_TOKEN", "t0p-s3cret".to_owned()),
            ("MEROTEE_TRUSTED_ROOT", self.world.trusted_root().to_str().unwrap().to_owned()),
            ("MEROTEE_REKOR_URL", self.world.sigstore_url().to_owned()),
            ("MEROTEE_SIGNING_CONFIG", self.world.signing_config(Log::Rekor1).to_str().unwrap().to_owned()),
        ];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Writes files and signs them as `identity`, each beside itself.
    fn signed_by(&self, identity: &Identity, files: &[(&str, &Value)]) {
        write_signed(&self.place, self.exports(), identity, files);
    }

    /// The same as the workflow that probes machines of `role`, on the main branch.
    fn signed(&self, role: &str, files: &[(&str, &Value)]) {
        self.signed_by(&probe(workflow_of(role), "refs/heads/master"), files);
    }

    /// `policy promote` of these candidates, reported as JSON.
    fn promote(&self, files: &[&str]) -> Invocation<'_> {
        let files = files.iter().flat_map(|file| ["--candidates", file]);
        let run = self.place.merotee(["policy", "promote", "--format", "json"]).args(files);
        run.envs(self.exports())
    }

    fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/repos/{REPOSITORY}/{path}", self.world.api_url());
        self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut request = client.request(method, url).bearer_auth("person").header("user-agent", "tests");
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = request.send().await.unwrap();
            let (status, bytes) = (answer.status(), answer.bytes().await.unwrap());
            assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
            serde_json::from_slice(&bytes).unwrap_or_default()
        })
    }

    fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None)
    }

    /// Pull requests, open or not.
    fn pulls(&self) -> Vec<Value> {
        self.get("pulls?state=all").as_array().unwrap().clone()
    }

    fn head(&self, branch: &str) -> String {
        self.get(&format!("git/ref/heads/{branch}"))["object"]["sha"].as_str().unwrap().to_owned()
    }

    /// A file of a branch.
    fn file(&self, branch: &str, path: &str) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let file = self.get(&format!("contents/{path}?ref={branch}"));
        String::from_utf8(STANDARD.decode(file["content"].as_str().unwrap().replace('\n', "")).unwrap()).unwrap()
    }

    /// Paths in which a branch differs from the main one.
    fn touched(&self, branch: &str) -> Vec<String> {
        let compared = self.get(&format!("compare/master...{branch}"));
        let files = compared["files"].as_array().unwrap().iter();
        files
            .map(|file| format!("{} {}", file["status"].as_str().unwrap(), file["filename"].as_str().unwrap()))
            .collect()
    }

    /// A person's commit.
    fn put(&self, branch: &str, changes: &[(&str, Option<&str>)]) {
        let head = self.head(branch);
        let base = self.get(&format!("git/commits/{head}"))["tree"]["sha"].clone();
        let entries: Vec<Value> = changes
            .iter()
            .map(|(path, content)| match content {
                Some(content) => json!({"path": path, "mode": "100644", "type": "blob", "content": content}),
                None => json!({"path": path, "mode": "100644", "type": "blob", "sha": null}),
            })
            .collect();
        let tree = self.ask(Method::POST, "git/trees", Some(json!({"base_tree": base, "tree": entries})));
        let ada = json!({"name": "Ada", "email": "ada@example.com"});
        let body =
            json!({"message": "By hand", "tree": tree["sha"], "parents": [head], "author": ada, "committer": ada});
        let commit = self.ask(Method::POST, "git/commits", Some(body));
        self.ask(Method::PATCH, &format!("git/refs/heads/{branch}"), Some(json!({"sha": commit["sha"]})));
    }

    /// Methods and paths of requests with our token that change something, since `from`.
    fn writes(&self, from: usize) -> Vec<String> {
        let requests = self.hub().recorder().requests().into_iter().skip(from);
        requests.filter(|one| one.method != Method::GET).map(|one| format!("{} {}", one.method, one.path)).collect()
    }

    fn asked(&self) -> usize {
        self.hub().recorder().requests().len()
    }

    /// Lets what lies on a branch into the main one, as a merge does.
    fn merge(&self, branch: &str) {
        let head = self.head(branch);
        self.ask(Method::PATCH, "git/refs/heads/master", Some(json!({"sha": head})));
    }
}

fn actions(run: &Run) -> Vec<String> {
    let report = run.report();
    let all = report["sections"][0]["actions"].as_array().unwrap();
    all.iter().map(|one| format!("{} {}", one["what"].as_str().unwrap(), one["state"].as_str().unwrap())).collect()
}

/// Messages of the findings of one check.
fn said(run: &Run, check: &str) -> Vec<String> {
    let report = run.report();
    let of = findings(&report).into_iter().filter(|one| one["check"] == check);
    of.map(|one| one["message"].as_str().unwrap().to_owned()).collect()
}

fn policy(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn two_probes_of_a_kms_become_one_pull_request_with_their_evidence_and_a_second_run_changes_nothing() {
    let stage = Stage::new();
    let (one, mut two) = (candidates("kms", "locked-read-only", 0x10), candidates("kms", "locked-read-only", 0x10));
    two["source"]["label"] = json!("again");
    stage.signed("kms", &[("one.json", &one), ("two.json", &two)]);
    let files = ["one.json", "two.json"];

    let before = stage.asked();
    let planned = stage.promote(&files).args(["--dry-run"]).run().expect(0);
    assert_eq!(actions(&planned), ["create branch planned", "open pull request planned", "add label planned"]);
    // The folder of a probe stands for the candidates in it.
    stage.signed("kms", &[("k/measurement-policy-candidates.json", &one)]);
    stage.promote(&["k"]).args(["--dry-run"]).run().expect(0);
    stage.place.write("failed/probe-report.md", "# failed\n");
    let failed = stage.promote(&["failed"]).run().expect(1);
    drop(failed.says(&["the probe in failed wrote no candidates", "failed/probe-report.md"]));
    assert_eq!(stage.writes(before), [""; 0]);

    let first = stage.promote(&files).args(["--run-url", "https://github.com/o/r/actions/runs/7"]).run().expect(0);
    assert_eq!(actions(&first), ["create branch done", "open pull request done", "add label done"]);
    let folder = "policies/probes/kms-locked-read-only";
    let evidence = ["1.candidates.bundle.json", "1.candidates.json", "2.candidates.bundle.json", "2.candidates.json"];
    let mut touched = vec![format!("modified {LOCKED}")];
    touched.extend(evidence.map(|name| format!("added {folder}/{name}")));
    assert_eq!(stage.touched(BRANCH), touched);
    assert_eq!(stage.file(BRANCH, &format!("{folder}/2.candidates.json")), stage.place.read("two.json"));
    assert_eq!(
        stage.file(BRANCH, &format!("{folder}/1.candidates.bundle.json")),
        stage.place.read("one.json.sigstore.json")
    );
    let text = stage.file(BRANCH, LOCKED);
    let promoted = policy(&text);
    assert_eq!(promoted["policy"]["kms_allowed_rtmr0"], json!(["11".repeat(48)]));
    assert_eq!((&promoted["status"], &promoted["policy"]["allowed_rtmr0"]), (&json!("policy_not_ready"), &json!([])));
    assert_eq!(promoted["generated_at"], "2026-11-30T08:00:00Z");
    assert_eq!(promoted["source"]["probes"].as_array().unwrap().len(), 2);
    // Whatever is not a value of the KMS stays, line by line.
    let rest = |text: &str| text.lines().filter(|line| line.contains("node_")).count();
    assert_eq!(rest(&text), rest(&stage.file("master", LOCKED)));

    let pulls = stage.pulls();
    let [pull] = &pulls[..] else { panic!("{pulls:#?}") };
    assert_eq!(pull["title"], "Promote measured values of kms locked-read-only");
    assert_eq!(
        (&pull["state"], &pull["draft"], &pull["labels"][0]["name"]),
        (&json!("open"), &json!(false), &json!("policy-promotion"))
    );
    let body = pull["body"].as_str().unwrap();
    for words in ["Merging is for people", "actions/runs/7", "MRTD", "kms-phala-staging-probe.yaml", "1: passed"] {
        assert!(body.contains(words), "{words} is not in {body}");
    }
    let rows = merotee::policy::promotion::body::rows(body).unwrap();
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2]);

    let before = stage.asked();
    let again = stage.promote(&files).args(["--run-url", "https://github.com/o/r/actions/runs/7"]).run().expect(0);
    assert_eq!((actions(&again), stage.writes(before)), (Vec::new(), Vec::new()));
    again.says(&["proposes this already"]);
}

#[test]
fn both_roles_and_several_profiles_go_together_and_what_is_merged_makes_the_policy_ready_and_valid() {
    let stage = Stage::new();
    let profiles = ["debug", "locked-read-only"];
    let documents: Vec<(String, &str, Value)> = ["kms", "node"]
        .into_iter()
        .flat_map(|role| {
            profiles.map(|profile| {
                (
                    format!("{role}-{profile}.json"),
                    role,
                    candidates(role, profile, if role == "kms" { 0x10 } else { 0x80 }),
                )
            })
        })
        .collect();
    for role in ["kms", "node"] {
        let of: Vec<_> = documents
            .iter()
            .filter(|(_, one, _)| *one == role)
            .map(|(name, _, document)| (name.as_str(), document))
            .collect();
        stage.signed(role, &of);
    }
    let names: Vec<&str> = documents.iter().map(|(name, _, _)| name.as_str()).collect();
    let outputs = stage.place.path("outputs");
    std::fs::write(&outputs, "").unwrap();
    let run = stage.promote(&names).args(["--tag", "mero-kms-v1.4.0", "--draft"]).env("GITHUB_ACTIONS", "true");
    run.env("GITHUB_OUTPUT", &outputs).run().expect(0);
    let told = stage.place.read("outputs");
    for name in ["pull-request-number", "pull-request-url", "pull-request-operation"] {
        assert!(told.contains(name), "{told}");
    }
    let branch = "merotee/policy-promotion/kms-debug_kms-locked-read-only_node-debug_node-locked-read-only-1.4.0";
    for path in [DEBUG, LOCKED] {
        let promoted = policy(&stage.file(branch, path));
        assert_eq!((&promoted["status"], &promoted["tag"]), (&json!("ready"), &json!("1.4.0")));
        for name in ["tcb_statuses", "mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
            let list = &promoted["policy"][format!("kms_allowed_{name}")];
            assert_ne!(list, &json!([]));
            assert_eq!(&promoted["policy"][format!("allowed_{name}")], list, "merod reads the same");
        }
    }
    // What CI sees of it, evidence and all.
    for entry in stage.get(&format!("git/trees/{branch}?recursive=1"))["tree"].as_array().unwrap() {
        let path = entry["path"].as_str().unwrap();
        if entry["type"] == "blob" && path.starts_with("policies/") {
            stage.place.write(path, stage.file(branch, path));
        }
    }
    let valid = stage.place.merotee(["policy", "validate", "policies", "--format", "json"]).run().expect(0);
    let sections = valid.report()["sections"].as_array().unwrap().len();
    assert!(sections >= 3 + 8, "{sections} sections");

    stage.merge(branch);
    let before = stage.asked();
    let run = stage.promote(&names).args(["--tag", "mero-kms-v1.4.0"]).run().expect(0);
    run.says(&["say all of this already"]);
    assert_eq!(stage.writes(before), [""; 0]);
}

#[test]
fn the_pull_request_follows_candidates_that_change_and_drops_evidence_that_is_no_longer_part_of_it() {
    let stage = Stage::new();
    let [one, two, three] = [0x10, 0x20, 0x30].map(|byte| candidates("kms", "locked-read-only", byte));
    stage.signed("kms", &[("one.json", &one), ("two.json", &two), ("three.json", &three)]);
    stage.promote(&["one.json", "two.json"]).run().expect(0);
    let first = stage.head(BRANCH);
    let followed = stage.promote(&["three.json"]).run().expect(0);
    assert_eq!(actions(&followed), ["commit to branch done", "update text done"]);
    assert_eq!(stage.pulls().len(), 1);
    let folder = "policies/probes/kms-locked-read-only";
    let names = ["1.candidates.bundle.json", "1.candidates.json"].map(|name| format!("added {folder}/{name}"));
    assert_eq!(stage.touched(BRANCH)[1..], names);
    assert_eq!(policy(&stage.file(BRANCH, LOCKED))["policy"]["kms_allowed_mrtd"], json!(["30".repeat(48)]));
    let commit = stage.get(&format!("git/commits/{}", stage.head(BRANCH)));
    assert_eq!(commit["parents"][0]["sha"], first, "it follows, and nothing is forced");

    // Evidence of a promotion that was merged goes with the next one.
    stage.promote(&["one.json", "two.json"]).run().expect(0);
    stage.merge(BRANCH);
    stage.put("master", &[("policies/probes/kms-locked-read-only/README.md", Some("For people\n"))]);
    let pull = stage.pulls()[0]["number"].clone();
    stage.ask(Method::PATCH, &format!("pulls/{pull}"), Some(json!({"state": "closed"})));
    stage.ask(Method::DELETE, &format!("git/refs/heads/{BRANCH}"), None);
    stage.promote(&["three.json"]).run().expect(0);
    let gone = ["2.candidates.bundle.json", "2.candidates.json"].map(|name| format!("removed {folder}/{name}"));
    let touched = stage.touched(BRANCH);
    assert!(gone.iter().all(|one| touched.contains(one)), "{touched:?}");
    assert!(!touched.iter().any(|one| one.ends_with("README.md")), "{touched:?}");
    let again = stage.promote(&["three.json"]).run().expect(0);
    assert_eq!(actions(&again), [""; 0]);
}

#[test]
fn a_persons_commit_stays_and_a_promotion_that_was_closed_stays_closed() {
    let stage = Stage::new();
    let [one, two] = [0x10, 0x20].map(|byte| candidates("kms", "locked-read-only", byte));
    stage.signed("kms", &[("one.json", &one), ("two.json", &two)]);
    stage.promote(&["one.json"]).run().expect(0);
    stage.put(BRANCH, &[("notes.md", Some("hers\n"))]);
    let hers = stage.head(BRANCH);
    let run = stage.promote(&["two.json"]).run().expect(10).says(&["commits that are not ours", "Ada"]);
    assert_eq!((stage.head(BRANCH), actions(&run)), (hers, Vec::new()));

    let files = ["--branch", "merotee/other"];
    stage.promote(&["one.json"]).args(files).run().expect(0);
    let other = stage.pulls().into_iter().find(|pull| pull["head"]["ref"] == "merotee/other").unwrap();
    stage.ask(Method::PATCH, &format!("pulls/{}", other["number"]), Some(json!({"state": "closed"})));
    let before = stage.asked();
    stage.promote(&["one.json"]).args(files).run().expect(10).says(&["closed without a merge"]);
    assert_eq!(stage.writes(before), [""; 0]);
    // Other candidates are another proposal.
    stage.promote(&["two.json"]).args(files).run().expect(0);
}

#[test]
fn a_token_that_may_not_open_pull_requests_leaves_the_branch_and_says_where_to_open_one() {
    let stage = Stage::new();
    stage.signed("kms", &[("one.json", &candidates("kms", "locked-read-only", 0x10))]);
    let path = format!("/repos/{REPOSITORY}/pulls");
    stage.hub().faults().add(Fault { method: Method::POST, path, after: 0, what: Trouble::Status(403) });
    let outputs = stage.place.path("outputs");
    std::fs::write(&outputs, "").unwrap();
    let run = stage.promote(&["one.json"]).env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &outputs).run().expect(0);
    let page = format!("https://github.com/{REPOSITORY}/compare/master...{BRANCH}?expand=1");
    run.says(&["the branch is pushed", &page]);
    assert_eq!((stage.pulls().len(), stage.touched(BRANCH).len()), (0, 3));
    let told = stage.place.read("outputs");
    assert!(told.contains(&page) && told.contains("pushed"), "{told}");
    stage.promote(&["one.json"]).run().expect(0);
    assert_eq!(stage.pulls().len(), 1);
}

#[test]
fn registers_that_do_not_repeat_are_promoted_with_a_warning_for_the_reviewer() {
    let stage = Stage::new();
    let (mut one, mut two) = (candidates("kms", "locked-read-only", 0x10), candidates("kms", "locked-read-only", 0x10));
    one["source"]["events"] = json!({"instance-id": "aa"});
    two["policy"]["allowed_rtmr3"] = json!(["ee".repeat(48)]);
    two["source"]["unstable"] = json!(["rtmr3"]);
    stage.signed("kms", &[("one.json", &one), ("two.json", &two)]);
    let run = stage.promote(&["one.json", "two.json"]).run().expect(0);
    assert_eq!(
        said(&run, "candidates-agree"),
        ["locked-read-only: RTMR3 differs between probes: a policy of both admits 2"]
    );
    let warned = "RTMR3 differs from one deployment to the next";
    assert_eq!(said(&run, "candidates").iter().filter(|message| *message == warned).count(), 2);
    let body = stage.pulls()[0]["body"].as_str().unwrap().to_owned();
    assert!(body.contains("**To look at**") && body.contains(warned) && body.contains("no_instance_id"), "{body}");
    assert_eq!(policy(&stage.file(BRANCH, LOCKED))["policy"]["kms_allowed_rtmr3"].as_array().unwrap().len(), 2);
    assert_eq!(statuses(&run.report(), "candidates-agree"), ["warn"]);
}
