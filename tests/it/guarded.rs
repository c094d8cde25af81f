//! Repositories to be guarded, and workflow runs in them.

use serde_json::{Value, json};

use crate::binary::{Invocation, Place, Run, usable};

/// A repository with the files of the defaults, in the working folder.
pub(crate) struct Guarded {
    pub(crate) place: Place,
}

pub(crate) const KMS: &str = "mero-kms/Cargo.toml";
pub(crate) const NODE: &str = "mero-tee/versions.json";

impl Guarded {
    /// A first commit, tagged `base`, in which everything agrees on version 1.2.0. `None` without git.
    pub(crate) fn new() -> Option<Self> {
        if !usable("git", &["--version"]) {
            return None;
        }
        let guarded = Self { place: Place::new() };
        guarded.kms("1.2.0");
        guarded.node("1.2.0");
        guarded.place.write("docs/page.md", "a page\n");
        guarded.git(&["init", "-q", "-b", "main"]);
        guarded.commit("Begin");
        guarded.git(&["tag", "base"]);
        Some(guarded)
    }

    pub(crate) fn git(&self, words: &[&str]) -> String {
        let identity = ["-c", "user.name=A. Person", "-c", "user.email=t@example", "-c", "core.autocrlf=false"];
        self.place.program("git", identity.iter().chain(words).copied()).run().expect(0).stdout.trim().to_owned()
    }

    /// Commits everything, and returns its id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// The KMS's version, locked.
    pub(crate) fn kms(&self, version: &str) {
        self.manifest(KMS, version);
        self.lock(version);
    }

    pub(crate) fn manifest(&self, path: &str, version: &str) {
        let more = "edition = \"2024\"\npublish = false\n\n[dependencies]\nserde = \"1\"\n";
        self.place.write(path, format!("[package]\nname = \"mero-kms-phala\"\nversion = \"{version}\"\n{more}"));
    }

    pub(crate) fn lock(&self, version: &str) {
        let text = format!("version = 4\n\n[[package]]\nname = \"mero-kms-phala\"\nversion = \"{version}\"\n");
        self.place.write("Cargo.lock", text);
    }

    pub(crate) fn node(&self, version: &str) {
        let text = format!("{{\n  \"merodVersion\": \"0.10.0\",\n  \"imageVersion\": \"{version}\"\n}}\n");
        self.place.write(NODE, text);
    }

    /// The event of pull request 42, from `base` to `head`, with the labels it had then.
    pub(crate) fn event(&self, base: &str, head: &str, labels: &[&str]) -> Value {
        let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
        let end = |name: &str, sha: &str| json!({"ref": name, "sha": sha, "repo": {"full_name": "o/r"}});
        json!({"action": "synchronize", "number": 42, "pull_request": {
            "number": 42, "title": "\n::error::pwned", "body": "skip-version-sync: I say so", "labels": labels,
            "user": {"login": "mallory"}, "base": end("main", base), "head": end("$(touch pwned)", head),
        }})
    }

    /// The command as a step of a run for a pull request, with no arguments but those given.
    pub(crate) fn pull_step(&self, command: &[&str], event: &Value, api: &str) -> Run {
        self.place.write("event.json", event.to_string());
        let step = self.step(command).env("GITHUB_EVENT_PATH", self.place.path("event.json"));
        step.env("GITHUB_REF", "refs/pull/42/merge").env("GITHUB_API_URL", api).run()
    }

    /// The command as a step of a run.
    pub(crate) fn step(&self, command: &[&str]) -> Invocation<'_> {
        for file in ["summary.md", "output.txt"] {
            // A file of the step before.
            let _ = std::fs::remove_file(self.place.path(file));
        }
        self.place
            .merotee(command)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REPOSITORY", "o/r")
            .env("GITHUB_STEP_SUMMARY", self.place.path("summary.md"))
            .env("GITHUB_OUTPUT", self.place.path("output.txt"))
    }
}

/// The annotations that a step writes.
pub(crate) fn annotations(run: &Run) -> Vec<&str> {
    run.stderr.lines().filter(|line| line.starts_with("::")).collect()
}
