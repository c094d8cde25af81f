//! A GitHub with repositories whose policies are promoted, and the people who do it.

use std::collections::BTreeMap;

use merotee::{
    digest::Sha256,
    sandbox::{
        documents,
        github::{Account, Hub, Membership, Permission},
        sigstore::{Identity, Instance},
        world::{self, World},
    },
    subject::profile::Profile,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::binary::{Invocation, Place, findings};

const ORGANISATION: &str = "calimero-network";
/// Members of the security team, one of the architecture team, and an account in neither.
const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "archie", "dave"];
const REGISTERS: [&str; 5] = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"];
/// The policy that is changed.
pub(crate) const POLICY: &str = "policies/kms-phala-attestation-policy.debug.json";
/// The evidence for that.
pub(crate) const CANDIDATES: &str = "policies/probes/kms-debug/1.candidates.json";
pub(crate) const BUNDLE: &str = "policies/probes/kms-debug/1.candidates.bundle.json";

/// A world, and a runtime for what is asked of it here.
pub(crate) struct Site {
    pub(crate) world: World,
    runtime: Runtime,
    pub(crate) place: Place,
}

/// A pull request that promotes, before it is opened.
pub(crate) struct Draft {
    /// The policy of the debug profile.
    pub(crate) policy: Value,
    /// What a probe measured.
    pub(crate) candidates: Value,
    /// Where that lies.
    pub(crate) evidence: String,
    /// Who signs it.
    pub(crate) workflow: &'static str,
    pub(crate) git_ref: &'static str,
    pub(crate) signed: bool,
    /// More files, or none where there was one.
    pub(crate) files: Vec<(String, Option<String>)>,
    pub(crate) label: &'static str,
    pub(crate) title: String,
    pub(crate) draft: bool,
    /// The author of the commit.
    pub(crate) committer: (&'static str, &'static str),
}

/// A pull request.
pub(crate) struct Opened<'s> {
    pub(crate) site: &'s Site,
    pub(crate) repository: String,
    pub(crate) number: u64,
}

/// A measurement by a label.
pub(crate) fn value(label: &str) -> String {
    let hash = Sha256::of(label.as_bytes()).to_string();
    format!("{hash}{}", &hash[..32])
}

/// Brings the plain spelling of the KMS's lists, where a policy has it, up to date with the other.
fn respell(policy: &mut Value) {
    for list in REGISTERS.into_iter().chain(["tcb_statuses"]) {
        let of_kms = policy["policy"][format!("kms_allowed_{list}")].clone();
        if let Some(plain) = policy["policy"].get_mut(format!("allowed_{list}")) {
            *plain = of_kms;
        }
    }
}

/// The policy of a profile as it was.
pub(crate) fn policy_before(profile: Profile) -> Value {
    let mut policy = documents::policy(&"mero-kms-v1.2.0".parse().unwrap(), profile);
    // One spelling, so that a test changes a list in one place.
    policy["policy"].as_object_mut().unwrap().retain(|list, _| !list.starts_with("allowed_"));
    policy
}

fn text(document: &Value) -> String {
    format!("{document:#}\n")
}

impl Draft {
    /// One that is right.
    pub(crate) fn new() -> Self {
        let mut policy = policy_before(Profile::Debug);
        let mut lists = json!({"allowed_tcb_statuses": ["uptodate"], "allowed_event_payload": ["cd".repeat(32)]});
        for register in REGISTERS {
            let measured = value(&format!("kms debug {register}"));
            policy["policy"][format!("kms_allowed_{register}")].as_array_mut().unwrap().push(json!(measured));
            lists[format!("allowed_{register}")] = json!([measured]);
        }
        policy["policy"]["kms_allowed_event_payload"].as_array_mut().unwrap().push(json!("cd".repeat(32)));
        let candidates = json!({
            "schema_version": 1,
            "generated_at": "2026-11-01T00:00:00Z",
            "measurement_source": "td_quote",
            "source": {"family": "kms", "verdict": "passed", "release": "mero-kms-v1.2.0", "version": "1.2.0", "run_url": "https://github.com/calimero-network/x/actions/runs/7"},
            "profile": "debug",
            "policy": lists,
        });
        Self {
            policy,
            candidates,
            evidence: CANDIDATES.to_owned(),
            workflow: "kms-phala-staging-probe.yaml",
            git_ref: "refs/heads/master",
            signed: true,
            files: Vec::new(),
            label: "policy-promotion",
            title: "Promote".to_owned(),
            draft: false,
            committer: ("merotee", "merotee@example.invalid"),
        }
    }
}

impl Site {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let world = runtime.block_on(World::start(&world::Plan::default())).unwrap();
        let hub = world.github();
        for login in PEOPLE.into_iter().chain(["author"]) {
            hub.give_token(login, Account { login: login.to_owned(), permission: Permission::Write });
        }
        for login in ["alice", "bob", "carol"] {
            hub.join_team(ORGANISATION, "security", login, Membership::Active);
        }
        hub.join_team(ORGANISATION, "architecture", "archie", Membership::Active);
        hub.join_team(ORGANISATION, "architecture", "alice", Membership::Active);
        hub.join_team(ORGANISATION, "security", "dave", Membership::Pending);
        Self { world, runtime, place: Place::new() }
    }

    pub(crate) fn hub(&self) -> &Hub {
        self.world.github()
    }

    /// Asks the API as an account.
    pub(crate) fn ask(&self, who: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut request = client.request(method, format!("{}{path}", self.world.api_url()));
            request = request.bearer_auth(who).header("user-agent", "tests");
            if let Some(body) = body {
                request = request.header("content-type", "application/json").body(body.to_string());
            }
            let answer = request.send().await.unwrap();
            let (status, bytes) = (answer.status().as_u16(), answer.bytes().await.unwrap());
            (status, serde_json::from_slice(&bytes).unwrap_or_default())
        })
    }

    /// A repository with policies.
    pub(crate) fn repository(&self, name: &str) -> String {
        let repository = format!("{ORGANISATION}/{name}");
        self.hub().add_repository(&repository, false);
        let policies = Profile::ALL.map(|profile| {
            let path = format!("policies/kms-phala-attestation-policy.{profile}.json");
            (path, Some(text(&policy_before(profile))))
        });
        self.commit(&repository, "master", &policies, ("Ada", "ada@example.invalid"));
        repository
    }

    fn done(&self, who: &str, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(who, method, path, Some(body));
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask("author", Method::GET, path, None);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Commits files to a branch; one that is not there is made on top of master.
    pub(crate) fn commit(
        &self,
        repository: &str,
        branch: &str,
        files: &[(String, Option<String>)],
        (name, email): (&str, &str),
    ) -> String {
        let repos = format!("/repos/{repository}");
        let (status, found) = self.ask("author", Method::GET, &format!("{repos}/git/ref/heads/{branch}"), None);
        let (exists, parent) = match status {
            200 => (true, found["object"]["sha"].clone()),
            _ => (false, self.get(&format!("{repos}/git/ref/heads/master"))["object"]["sha"].clone()),
        };
        let base = self.get(&format!("{repos}/git/commits/{}", parent.as_str().unwrap()))["tree"]["sha"].clone();
        let entry = |(path, content): &(String, Option<String>)| match content {
            Some(content) => json!({"path": path, "mode": "100644", "type": "blob", "content": content}),
            None => json!({"path": path, "mode": "100644", "type": "blob", "sha": null}),
        };
        let entries: Vec<Value> = files.iter().map(entry).collect();
        let tree = self.done(
            "author",
            Method::POST,
            &format!("{repos}/git/trees"),
            json!({"base_tree": base, "tree": entries}),
        );
        let person = json!({"name": name, "email": email});
        let commit = json!({"message": "Change", "tree": tree["sha"], "parents": [parent], "author": person,
            "committer": person});
        let commit = self.done("author", Method::POST, &format!("{repos}/git/commits"), commit);
        if exists {
            let path = format!("{repos}/git/refs/heads/{branch}");
            self.done("author", Method::PATCH, &path, json!({"sha": commit["sha"]}));
        } else {
            let body = json!({"ref": format!("refs/heads/{branch}"), "sha": commit["sha"]});
            self.done("author", Method::POST, &format!("{repos}/git/refs"), body);
        }
        commit["sha"].as_str().unwrap().to_owned()
    }

    /// A pull request in a repository of its own.
    pub(crate) fn opened(&self, name: &str, mut draft: Draft) -> Opened<'_> {
        respell(&mut draft.policy);
        let repository = self.repository(name);
        let candidates = text(&draft.candidates);
        let mut files =
            vec![(POLICY.to_owned(), Some(text(&draft.policy))), (draft.evidence.clone(), Some(candidates.clone()))];
        if draft.signed {
            let bundle = bundle(&repository, draft.workflow, draft.git_ref, &candidates);
            files.push((draft.evidence.replace("candidates.json", "candidates.bundle.json"), Some(bundle)));
        }
        let mut all: BTreeMap<String, Option<String>> = files.into_iter().collect();
        all.extend(draft.files);
        let files: Vec<_> = all.into_iter().collect();
        self.commit(&repository, "promotion", &files, draft.committer);
        let repos = format!("/repos/{repository}");
        let wanted =
            json!({"title": draft.title, "head": "promotion", "base": "master", "body": "", "draft": draft.draft});
        let pull = self.done("author", Method::POST, &format!("{repos}/pulls"), wanted);
        let number = pull["number"].as_u64().unwrap();
        if !draft.label.is_empty() {
            let label = json!({"name": draft.label, "color": "ededed"});
            self.done("author", Method::POST, &format!("{repos}/labels"), label);
            let path = format!("{repos}/issues/{number}/labels");
            self.done("author", Method::POST, &path, json!({"labels": [draft.label]}));
        }
        Opened { site: self, repository, number }
    }
}

/// The bundle of a workflow of a repository over a text.
pub(crate) fn bundle(repository: &str, workflow: &str, git_ref: &str, text: &str) -> String {
    let now = jiff::Timestamp::now();
    let mut sigstore = Instance::new(0, now).unwrap();
    let identity = Identity::github_workflow(repository, workflow, git_ref, &"a".repeat(40));
    sigstore.sign(text.as_bytes(), &identity, now).unwrap().bundle_json
}

impl Opened<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repository)
    }

    pub(crate) fn review(&self, who: &str, event: &str, commit: Option<&str>) -> u64 {
        let mut body = json!({"event": event, "body": "as I see it"});
        if let Some(commit) = commit {
            body["commit_id"] = json!(commit);
        }
        let path = self.path(&format!("/pulls/{}/reviews", self.number));
        self.site.done(who, Method::POST, &path, body)["id"].as_u64().unwrap()
    }

    /// Each of these approves the newest commit.
    pub(crate) fn approved(self, by: &[&str]) -> Self {
        for who in by {
            self.review(who, "APPROVE", None);
        }
        self
    }

    pub(crate) fn dismiss(&self, review: u64) {
        let path = self.path(&format!("/pulls/{}/reviews/{review}/dismissals", self.number));
        self.site.done("author", Method::PUT, &path, json!({"message": "no longer"}));
    }

    pub(crate) fn head(&self) -> String {
        let pull = self.site.get(&self.path(&format!("/pulls/{}", self.number)));
        pull["head"]["sha"].as_str().unwrap().to_owned()
    }

    /// A further commit on its branch.
    pub(crate) fn push(&self, path: &str, content: &str, committer: (&str, &str)) -> String {
        let files = [(path.to_owned(), Some(content.to_owned()))];
        self.site.commit(&self.repository, "promotion", &files, committer)
    }

    pub(crate) fn comments(&self) -> Vec<Value> {
        let path = self.path(&format!("/issues/{}/comments?per_page=100", self.number));
        self.site.get(&path).as_array().unwrap().clone()
    }

    pub(crate) fn comment(&self, who: &str, body: &str) {
        let path = self.path(&format!("/issues/{}/comments", self.number));
        self.site.done(who, Method::POST, &path, json!({"body": body}));
    }

    /// The command, in JSON.
    pub(crate) fn judge(&self, words: &[&str]) -> Invocation<'_> {
        self.plain(words).args(["--format", "json"])
    }

    pub(crate) fn plain(&self, words: &[&str]) -> Invocation<'_> {
        let number = self.number.to_string();
        self.site
            .place
            .merotee(["policy", "review", "--pr", &number])
            .args(words)
            .env("GITHUB_API_URL", self.site.world.api_url())
            .env("GITHUB_REPOSITORY", &self.repository)
            .env("MEROTEE_TRUSTED_ROOT", self.site.world.trusted_root())
            .env("MEROTEE_RETRIES", "0")
            .env("GH_TOKEN", "a workflow's")
    }
}

/// Ids of the checks that stand in the way, each with its status.
pub(crate) fn problems(report: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let of = |status: &str| matches!(status, "fail" | "missing" | "skipped_required");
    let all = findings(report).into_iter().map(|one| (text(one, "check"), text(one, "status")));
    let mut found: Vec<_> = all.filter(|(_, status)| of(status)).collect();
    found.dedup();
    found
}
