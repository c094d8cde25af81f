//! `version-sync` on real repositories, at a terminal and in a simulated workflow run.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::{
    binary::{
        Run,
        loopback::{Answer, Server},
        statuses,
    },
    guarded::{Guarded, KMS, NODE, annotations},
};

/// Nothing answers there.
const NOBODY: &str = "http://127.0.0.1:9";

/// GitHub, as far as pull request 42 of `o/r` goes.
struct GitHub {
    server: Server,
    asked: Arc<Mutex<Vec<String>>>,
}

impl GitHub {
    /// With these labels, and comments of author, kind of account, and text.
    fn with(labels: &[&str], comments: &[(&str, &str, &str)]) -> Self {
        let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
        let comments: Vec<Value> = comments
            .iter()
            .enumerate()
            .map(|(id, (login, kind, body))| {
                let url = format!("https://github.com/o/r/pull/42#issuecomment-{id}");
                json!({"id": id, "user": {"login": login, "type": kind}, "body": body, "html_url": url,
                    "author_association": "MEMBER"})
            })
            .collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let server = Server::start(move |path, _| {
            let path = path.split('?').next().unwrap();
            seen.lock().unwrap().push(path.to_owned());
            match path.strip_prefix("/repos/o/r/").unwrap_or_default() {
                "issues/42" => Answer::json(&json!({"number": 42, "labels": labels})),
                "issues/42/comments" => Answer::json(&json!(comments)),
                "collaborators/alice/permission" => {
                    Answer::json(&json!({"permission": "write", "role_name": "maintain"}))
                }
                "collaborators/root/permission" => Answer::json(&json!({"permission": "admin", "role_name": "admin"})),
                "collaborators/mallory/permission" => {
                    Answer::json(&json!({"permission": "read", "role_name": "triage"}))
                }
                _ => Answer::status("404 Not Found", "Not Found"),
            }
        });
        Self { server, asked }
    }
}

/// A repository whose head bumps the KMS alone, and the event of its pull request.
fn alone() -> Option<(Guarded, Value)> {
    let guarded = Guarded::new()?;
    guarded.kms("1.3.0");
    let head = guarded.commit("Bump the KMS");
    let base = guarded.git(&["rev-parse", "base"]);
    let event = guarded.event(&base, &head, &[]);
    Some((guarded, event))
}

fn between(guarded: &Guarded, base: &str) -> Run {
    guarded.place.merotee(["version-sync", "--base", base, "--format", "json"]).run()
}

#[test]
fn versions_that_change_together_or_not_at_all_pass() {
    let Some(guarded) = Guarded::new() else { return };
    guarded.place.write("src/main.rs", "fn main() {}\n");
    guarded.commit("Something else");
    let report = between(&guarded, "base").expect(0).says(&["neither version changes"]).report();
    assert_eq!(statuses(&report, "version-coupling"), ["pass"]);
    guarded.kms("1.3.0");
    guarded.node("1.3.0");
    guarded.commit("Bump both");
    let report = between(&guarded, "base").expect(0).report();
    assert_eq!(statuses(&report, "version-coupling"), ["pass", "pass"]);
    assert_eq!(statuses(&report, "version-files"), ["pass", "pass"], "each other's, and the lock file's");
}

#[test]
fn a_version_that_changes_alone_fails_on_its_line_whichever_it_is() {
    let Some((guarded, _)) = alone() else { return };
    let run = between(&guarded, "base").expect(10);
    let report = run.says(&["kms goes from 1.2.0 to 1.3.0", "Version-Unchanged: node"]).report();
    let location = &report["sections"][0]["findings"][0]["location"];
    assert_eq!((location["file"].as_str(), location["line"].as_u64()), (Some(KMS), Some(3)), "{report:#}");
    guarded.git(&["reset", "-q", "--hard", "base"]);
    guarded.node("1.3.0");
    guarded.commit("Bump the node image");
    between(&guarded, "base").expect(10).says(&["node image goes from 1.2.0 to 1.3.0", "Version-Unchanged: kms"]);
}

#[test]
fn two_versions_that_change_must_be_one_and_go_up() {
    let Some(guarded) = Guarded::new() else { return };
    for (node, why) in [
        ("1.2.1", "the two families have different versions"),
        ("1.1.0", "node image goes from 1.2.0 to 1.1.0, which goes back"),
        ("1.2.0+x", "the version of the node image does not"),
        ("1.2.0", "the version of the node image does not"),
    ] {
        guarded.git(&["reset", "-q", "--hard", "base"]);
        guarded.kms("1.3.0");
        guarded.node(node);
        guarded.commit("Bump both, or not");
        between(&guarded, "HEAD~1").expect(10).says(&[why]);
    }
    guarded.git(&["reset", "-q", "--hard", "base"]);
    guarded.kms("1.3.0");
    guarded.node("1.2.1");
    guarded.place.write("merotee.toml", "[version-sync]\nshared-version = false\n");
    guarded.commit("Bump each to a version of its own");
    between(&guarded, "base").expect(0);
}

#[test]
fn the_other_version_is_marked_as_unchanged_by_a_commit_of_the_change() {
    let Some((guarded, _)) = alone() else { return };
    guarded.commit("Say why\n\nThe image is the same.\n\nVersion-Unchanged: node");
    between(&guarded, "base").expect(0).says(&["node image marked as unchanged by commit ", "A. Person"]);
    // What the base says of an earlier change marks nothing in this one.
    guarded.git(&["tag", "-f", "base"]);
    guarded.kms("1.4.0");
    guarded.commit("Bump the KMS again");
    between(&guarded, "base").expect(10);
}

#[test]
fn in_a_workflow_the_label_excuses_only_with_a_reason_by_a_person_who_may_write() {
    let Some((guarded, event)) = alone() else { return };
    let reason = "Thanks.\nskip-version-sync: the node image has no code of the KMS\n::error::pwned";
    let quoted = "Add a line like\n```\nskip-version-sync: only docs change\n```\n<!-- skip-version-sync: x -->";
    for (labels, comments, code, says) in [
        (vec![], vec![("alice", "User", reason)], 10, "or add the label skip-version-sync"),
        (vec!["skip-version-sync"], vec![], 10, "the label skip-version-sync has no justification"),
        (vec!["skip-version-sync"], vec![("alice", "User", "looks good")], 10, "has no justification"),
        (vec!["skip-version-sync"], vec![("alice", "User", "skip-version-sync: REASON")], 10, "has no justification"),
        (vec!["skip-version-sync"], vec![("alice", "User", quoted)], 10, "has no justification"),
        (vec!["skip-version-sync"], vec![("app[bot]", "Bot", reason)], 10, "has no justification"),
        (vec!["skip-version-sync"], vec![("mallory", "User", reason)], 10, "@mallory has read access"),
        (vec!["skip-version-sync"], vec![("stranger", "User", reason)], 10, "@stranger has no access"),
        (vec!["x", "Skip-Version-Sync"], vec![("alice", "User", reason)], 0, "@alice (write access) says"),
        (
            vec!["skip-version-sync"],
            vec![("root", "User", reason), ("mallory", "User", reason)],
            0,
            "@root (admin access) says",
        ),
        (vec!["node-version-unchanged"], vec![], 0, "marked as unchanged by label node-version-unchanged"),
        (vec!["kms-version-unchanged"], vec![], 10, "kms goes from 1.2.0 to 1.3.0"),
    ] {
        let github = GitHub::with(&labels, &comments);
        let run = guarded.pull_step(&["version-sync"], &event, &github.server.url);
        let run = run.expect(code);
        let (summary, output) = (guarded.place.read("summary.md"), guarded.place.read("output.txt"));
        assert!(output.starts_with(if code == 0 { "verdict=passed\n" } else { "verdict=failed\n" }), "{output}");
        assert!(!summary.lines().any(|line| line.starts_with("::")), "{summary}");
        assert!(run.stdout.contains(says) || summary.contains(says), "{says}: {}{summary}", run.stdout);
        if says.starts_with('@') && code == 0 {
            let start = format!("::warning file={KMS},line=3,col=11,title=version-coupling");
            assert!(annotations(&run).iter().any(|line| line.starts_with(&start)), "{}", run.stderr);
            run.says(&["\"the node image has no code of the KMS\"", "#issuecomment-0"]);
        } else if code == 10 {
            let start = format!("::error file={KMS},line=3,col=11,title=version-coupling");
            assert!(annotations(&run).iter().any(|line| line.starts_with(&start)), "{}", run.stderr);
        }
    }
}

#[test]
fn labels_of_the_event_are_not_believed_since_a_rerun_has_those_of_the_first_run() {
    let Some((guarded, mut event)) = alone() else { return };
    event["pull_request"]["labels"] = json!([{"name": "skip-version-sync"}, {"name": "node-version-unchanged"}]);
    let github = GitHub::with(&[], &[]);
    guarded.pull_step(&["version-sync"], &event, &github.server.url).expect(10);
    assert_eq!(*github.asked.lock().unwrap(), ["/repos/o/r/issues/42"]);
}

#[test]
fn github_is_asked_only_where_its_answer_matters_and_without_it_there_is_no_verdict() {
    let Some((guarded, event)) = alone() else { return };
    let run = guarded.pull_step(&["version-sync", "--retries", "0"], &event, NOBODY).expect(1);
    assert_eq!(guarded.place.read("output.txt"), "verdict=no_verdict\n");
    run.says(&["could not reach"]);
    guarded.node("1.3.0");
    let head = guarded.commit("Bump the other too");
    let event = guarded.event(&guarded.git(&["rev-parse", "base"]), &head, &[]);
    guarded.pull_step(&["version-sync", "--retries", "0"], &event, NOBODY).expect(0);
}

#[test]
fn a_pull_request_by_number_is_compared_by_the_commits_that_github_names() {
    let Some((guarded, event)) = alone() else { return };
    let pull = event["pull_request"].clone();
    let server = Server::start(move |path, _| match path {
        "/repos/o/r/pulls/42" => Answer::json(&pull),
        "/repos/o/r/pulls/43" => {
            Answer::json(&json!({"number": 43, "base": {"sha": "0".repeat(40)}, "head": {"sha": "1".repeat(40)}}))
        }
        "/repos/o/r/pulls/44" => {
            Answer::json(&json!({"number": 44, "base": {"sha": "--output=x"}, "head": {"sha": ""}}))
        }
        "/repos/o/r/issues/42" => Answer::json(&json!({"labels": []})),
        _ => Answer::status("404 Not Found", "Not Found"),
    });
    let ask = |number: &str| {
        let command = ["version-sync", "--pr", number, "--repo", "o/r", "--api-url", &server.url];
        guarded.place.merotee(command).run()
    };
    ask("42").expect(10).says(&["pull request #42", "kms goes from 1.2.0 to 1.3.0"]);
    ask("43").expect(2).says(&["names no commit of this repository", "git fetch origin pull/43/head"]);
    ask("44").expect(1).says(&["`base.sha` of the pull request is not the id of a commit"]);
    ask("45").expect(1).says(&["404", "check the number and --repo"]);
    ask("0").expect(2);
}

#[test]
fn a_stale_lock_file_fails_on_the_line_of_the_old_version() {
    let Some(guarded) = Guarded::new() else { return };
    guarded.manifest(KMS, "1.3.0");
    guarded.node("1.3.0");
    let head = guarded.commit("Bump both and forget the lock file");
    let event = guarded.event(&guarded.git(&["rev-parse", "base"]), &head, &[]);
    let run = guarded.pull_step(&["version-sync"], &event, NOBODY).expect(10);
    let lines = annotations(&run);
    let start = "::error file=Cargo.lock,line=5,col=11,title=version-files%3A Cargo.lock::the lock file is stale";
    assert!(lines.len() == 1 && lines[0].starts_with(start), "{lines:?}");
    guarded
        .place
        .merotee(["version-sync", "--repo-files"])
        .run()
        .expect(10)
        .says(&["1.2.0", "cargo update --workspace"]);
    guarded.lock("1.3.0");
    guarded
        .place
        .merotee(["version-sync", "--repo-files", "-v"])
        .run()
        .expect(0)
        .says(&["both families have version 1.3.0"]);
}

#[test]
fn a_tag_is_compared_with_the_variable_of_its_family() {
    let Some(guarded) = Guarded::new() else { return };
    let kms = |value: &'static str| [("MERO_KMS_VERSION", value)];
    for (tag, variables, code) in [
        ("mero-kms-v1.2.0", &kms("1.2.0")[..], 0),
        ("mero-kms-v1.2.0", &kms("v1.2.0"), 0),
        ("mero-kms-v1.3.0", &kms("1.2.0"), 10),
        ("mero-kms-v1.2.0", &kms("$(id)\n::error::pwned"), 10),
        ("mero-kms-v1.2.0", &[], 11),
        ("mero-kms-v1.2.0", &kms(""), 11),
        ("mero-tee-v2.0.0", &kms("2.0.0"), 11),
        ("mero-tee-v2.0.0", &[("MERO_TEE_VERSION", "1.9.0")], 10),
        ("node-image-gcp-v2.0.0", &[("MERO_TEE_VERSION", "2.0.0")], 0),
        ("v1.2.0", &[("MERO_TEE_VERSION", "1.2.0"), ("MERO_KMS_VERSION", "1.2.0")], 0),
        ("v1.2.0", &kms("1.2.0"), 11),
    ] {
        let mut runs = vec![guarded.step(&["version-sync", "--tag", tag])];
        if !tag.starts_with('v') {
            let reference = format!("refs/tags/{tag}");
            runs.push(guarded.step(&["version-sync"]).env("GITHUB_REF", reference));
        }
        for mut run in runs {
            for (name, value) in variables {
                run = run.env(name, value);
            }
            let run = run.run().expect(code);
            assert!(
                annotations(&run).iter().all(|line| line.starts_with("::error title=version-tag")),
                "{}",
                run.stderr
            );
        }
    }
    let both = guarded.step(&["version-sync", "--tag", "mero-kms-v1.3.0", "--repo-files"]);
    both.env("MERO_KMS_VERSION", "1.3.0").run().expect(10).says(&["does not state the version of mero-kms-v1.3.0"]);
}

#[test]
fn a_shallow_clone_is_refused_and_told_to_set_the_fetch_depth() {
    let Some((guarded, event)) = alone() else { return };
    let from = format!("file://{}", guarded.place.work().display());
    guarded.git(&["clone", "-q", "--depth", "1", &from, "shallow"]);
    guarded.place.write("event.json", event.to_string());
    for command in ["version-sync", "doc-guard"] {
        let script = format!("cd shallow && exec {} {command}", crate::binary::BINARY);
        let run =
            guarded.place.program("sh", ["-c", &script]).env("GITHUB_EVENT_PATH", guarded.place.path("event.json"));
        run.env("GITHUB_REF", "refs/pull/42/merge")
            .run()
            .expect(1)
            .says(&["this clone is shallow", "`fetch-depth: 0`"]);
    }
}

#[test]
fn a_merge_brings_in_what_the_base_did_and_that_is_not_the_change() {
    let Some(guarded) = Guarded::new() else { return };
    guarded.git(&["checkout", "-q", "-b", "topic"]);
    guarded.place.write("src/main.rs", "fn main() {}\n");
    guarded.commit("Work");
    guarded.git(&["checkout", "-q", "main"]);
    guarded.kms("1.3.0");
    guarded.commit("Bump the KMS on main");
    let main = guarded.git(&["rev-parse", "HEAD"]);
    // Behind main: its bump is not undone by the topic.
    guarded.git(&["checkout", "-q", "topic"]);
    between(&guarded, &main).expect(0).says(&["neither version changes"]);
    guarded.git(&["merge", "-q", "--no-ff", "-m", "Merge main", "main"]);
    between(&guarded, &main).expect(0).says(&["neither version changes"]);
    // As the runner checks out: the merge of the topic into main.
    guarded.node("1.3.0");
    guarded.commit("Bump the node image");
    guarded.git(&["checkout", "-q", "-b", "merged", &main]);
    guarded.git(&["merge", "-q", "--no-ff", "-m", "Merge the topic", "topic"]);
    between(&guarded, &main).expect(10).says(&["node image goes from 1.2.0 to 1.3.0"]);
}

#[test]
fn a_renamed_manifest_is_followed_where_the_configuration_follows_it() {
    let Some(guarded) = Guarded::new() else { return };
    guarded.git(&["rm", "-q", KMS]);
    guarded.manifest("kms/Cargo.toml", "1.3.0");
    guarded.lock("1.3.0");
    guarded.commit("Move the KMS, and bump it");
    let run = between(&guarded, "base").expect(11);
    run.says(&["kms-manifest = \\\"kms/Cargo.toml\\\""]);
    guarded.place.write("merotee.toml", "[version-sync]\nkms-manifest = \"kms/Cargo.toml\"\n");
    guarded.commit("Say where it is");
    let run = between(&guarded, "base").expect(10);
    let report = run.says(&["kms goes from 1.2.0 to 1.3.0"]).report();
    assert_eq!(statuses(&report, "guard-config"), ["warn"]);
    guarded.node("1.3.0");
    guarded.commit("Bump the node image");
    between(&guarded, "base").expect(0);
}

#[test]
fn what_a_run_is_for_must_be_known_and_make_sense() {
    let Some(guarded) = Guarded::new() else { return };
    let place = &guarded.place;
    place.merotee(["version-sync"]).run().expect(2).says(&["this is not a workflow run", "--repo-files"]);
    let reference = |name: &str| guarded.step(&["version-sync", "-v"]).env("GITHUB_REF", name).run();
    reference("refs/heads/main").expect(0).says(&["both families have version 1.2.0"]);
    reference("refs/tags/nonsense").expect(2).says(&["`nonsense` is not a release tag"]);
    reference("refs/tags/v1.2.0").expect(2);
    reference("refs/pull/1/merge").expect(2).says(&["holds no pull request"]);
    let base = guarded.git(&["rev-parse", "base"]);
    for (change, why) in [
        (json!({"pull_request": {}}), "the pull request has no number"),
        (json!({"pull_request": {"number": 1, "base": {"sha": base}, "head": {"sha": "HEAD"}}}), "`head.sha`"),
        (json!({"deleted": true}), "deletes its ref"),
        (json!("\u{1b}[2J"), "holds no pull request"),
    ] {
        guarded.pull_step(&["version-sync"], &change, NOBODY).expect(2).says(&[why]);
    }
    place.write("event.json", b"\xff{");
    let event = guarded.step(&["version-sync"]).env("GITHUB_EVENT_PATH", place.path("event.json"));
    event.run().expect(2).says(&["the event is not JSON"]);
    let absent = guarded.step(&["version-sync"]).env("GITHUB_EVENT_PATH", place.path("absent.json"));
    absent.run().expect(1).says(&["cannot read"]);
    for words in [&["--base", "--upload-pack=x"][..], &["--base", "base", "--head", "nowhere"], &["--head", "base"]] {
        place.merotee(["version-sync"]).args(words).run().expect(2);
    }
    let outside = crate::binary::Place::new();
    outside.merotee(["version-sync", "--base", "a"]).run().expect(1).says(&["there is no git repository here"]);
}

#[test]
fn a_configuration_that_does_not_parse_is_refused_with_its_line() {
    let Some(guarded) = Guarded::new() else { return };
    let run = |config: &str| {
        guarded.place.write("merotee.toml", config);
        guarded.place.merotee(["version-sync", "--repo-files"]).run()
    };
    run("[version-sync]\nkms_manifest = \"x\"\n").expect(2).says(&["merotee.toml, line 2, column 1: unknown field"]);
    run("[version-sync]\nlock-file = \"../x\"\n")
        .expect(2)
        .says(&["line 2, column 13: the path leaves the repository"]);
    run("[version-sync]\nshared-version = false\n").expect(0);
    run("[version-sync]\nnode-versions = \"elsewhere.json\"\n").expect(11).says(&["elsewhere.json", "node-versions"]);
    guarded.place.write("other.toml", "nonsense");
    let named = ["version-sync", "--repo-files", "--config", "other.toml"];
    guarded.place.merotee(named).run().expect(2).says(&["other.toml, line 1"]);
    guarded.place.merotee(["version-sync", "--repo-files", "--config", "absent"]).run().expect(1);
}

#[test]
fn the_summary_of_a_run_for_a_pull_request() {
    let Some((guarded, event)) = alone() else { return };
    let github = GitHub::with(&["skip-version-sync"], &[("alice", "User", "skip-version-sync: a label only")]);
    let run = guarded.pull_step(&["version-sync"], &event, &github.server.url).expect(0);
    let ids = regex::Regex::new("[0-9a-f]{12}").unwrap();
    let told = format!(
        "{}--- summary\n{}--- output\n{}",
        run.shown(),
        guarded.place.read("summary.md"),
        guarded.place.read("output.txt")
    );
    insta::assert_snapshot!(ids.replace_all(&told, "[commit]"));
    assert_eq!(NODE, "mero-tee/versions.json");
}
