//! Refs, objects, files, history and comparisons.

use super::*;

const SAMPLE: &str = "/repos/calimero-network/mero-tee";

async fn head(github: &mut GitHub, repo: &str, branch: &str) -> String {
    let found = github.get(&format!("{repo}/git/ref/heads/{branch}")).await;
    found.json["object"]["sha"].as_str().unwrap().to_owned()
}

/// A commit with this file on top of another one, made as a client without a clone makes it.
async fn committed(github: &mut GitHub, parent: &str, path: &str, content: &str) -> String {
    let tree = github.get(&format!("{REPO}/git/commits/{parent}")).await.json["tree"]["sha"].clone();
    let entry = json!({"path": path, "mode": "100644", "type": "blob", "content": content});
    let tree = github.post(&format!("{REPO}/git/trees"), json!({"base_tree": tree, "tree": [entry]})).await;
    assert_eq!(tree.status, 201, "{}", tree.json);
    let author = json!({"name": "A", "email": "a@example.com", "date": "2026-01-02T03:04:05Z"});
    let wish = json!({"message": "m", "tree": tree.json["sha"], "parents": [parent], "author": author});
    let made = github.post(&format!("{REPO}/git/commits"), wish).await;
    assert_eq!(made.status, 201, "{}", made.json);
    made.json["sha"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_branch_is_made_moved_forwards_forced_back_and_deleted() {
    let mut github = GitHub::new();
    let (refs, branch) = (format!("{REPO}/git/refs"), format!("{REPO}/git/refs/heads/topic/a"));
    let start = head(&mut github, REPO, "master").await;
    let next = committed(&mut github, &start, "a/b.txt", "1").await;
    let make = |name: &str, sha: &str| json!({"ref": name, "sha": sha});
    assert_eq!(github.post(&refs, make("refs/heads/topic/a", &start)).await.status, 201);
    for (wish, message) in [
        (make("refs/heads/topic/a", &start), "Reference already exists"),
        (make("refs/heads/b", &"0".repeat(40)), "Object does not exist"),
        (make("refs/heads/topic", &start), "refs/heads/topic conflicts with another ref"),
        (make("refs/heads/topic/a/b", &start), "refs/heads/topic/a/b conflicts with another ref"),
        (make("heads/b", &start), "heads/b is not a valid ref name."),
        (make("refs/heads/a b", &start), "refs/heads/a b is not a valid ref name."),
    ] {
        let refused = github.post(&refs, wish).await;
        assert_eq!((refused.status, refused.json["message"].as_str().unwrap()), (422, message));
    }
    assert_eq!(github.patch(&branch, json!({"sha": next})).await.status, 200);
    let back = github.patch(&branch, json!({"sha": start})).await;
    assert_eq!((back.status, back.json["message"].as_str().unwrap()), (422, "Update is not a fast forward"));
    assert_eq!(head(&mut github, REPO, "topic/a").await, next);
    assert_eq!(github.patch(&branch, json!({"sha": start, "force": true})).await.status, 200);
    assert_eq!(head(&mut github, REPO, "topic/a").await, start);
    assert_eq!(github.get(&format!("{REPO}/branches/topic/a")).await.json["commit"]["sha"], start);
    assert_eq!(names(&github.get(&format!("{REPO}/branches")).await, "name"), ["master", "topic/a"]);
    assert_eq!((github.delete(&branch).await.status, github.delete(&branch).await.status), (204, 422));
    assert_eq!(github.patch(&branch, json!({"sha": start})).await.status, 422);
    assert_eq!(github.asked(Method::POST, &refs, make("refs/heads/x", &start).to_string(), false).await.status, 401);
}

#[tokio::test]
async fn a_tree_is_made_over_another_one_and_the_same_files_give_the_same_id() {
    let mut github = GitHub::new();
    let trees = format!("{REPO}/git/trees");
    let start = head(&mut github, REPO, "master").await;
    let base = github.get(&format!("{REPO}/git/commits/{start}")).await.json["tree"]["sha"].clone();
    let blob =
        github.post(&format!("{REPO}/git/blobs"), json!({"content": "aGVsbG8K", "encoding": "base64"})).await.json;
    assert_eq!(blob["sha"], "ce013625030ba8dba906f756967f9e9ca394464a");
    let by = |key: &str, value: Value| json!({"path": "a/b.txt", "mode": "100644", "type": "blob", key: value});
    let mut made = Vec::new();
    for entry in [by("content", json!("hello\n")), by("sha", blob["sha"].clone())] {
        made.push(github.post(&trees, json!({"base_tree": base, "tree": [entry]})).await.json["sha"].clone());
    }
    assert_eq!(made[0], made[1]);
    let all = github.get(&format!("{trees}/{}?recursive=1", made[0].as_str().unwrap())).await.json;
    let paths: Vec<_> = all["tree"].as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["README.md", "a", "a/b.txt"]);
    // A file in the place of a folder, and nothing in that of a file.
    let over = json!({"path": "a", "mode": "100755", "type": "blob", "content": "x"});
    let gone = json!({"path": "README.md", "mode": "100644", "type": "blob", "sha": null});
    let other = github.post(&trees, json!({"base_tree": made[0], "tree": [over, gone]})).await.json;
    assert_eq!((other["tree"].as_array().unwrap().len(), &other["tree"][0]["mode"]), (1, &json!("100755")));
    for entry in [
        json!({"path": "../a", "mode": "100644", "content": "x"}),
        json!({"path": ".git/config", "mode": "100644", "content": "x"}),
        json!({"path": "a", "mode": "644", "content": "x"}),
        json!({"path": "a", "mode": "100644", "type": "tree", "content": "x"}),
        json!({"path": "a", "mode": "100644"}),
        json!({"path": "a", "mode": "100644", "sha": "0".repeat(40)}),
        json!({"path": "a", "mode": "040000", "sha": blob["sha"]}),
        json!({"path": "no/such", "mode": "100644", "sha": null}),
    ] {
        assert_eq!(github.post(&trees, json!({"base_tree": base, "tree": [entry]})).await.status, 422, "{entry}");
    }
    assert_eq!(github.post(&trees, json!({"base_tree": start, "tree": []})).await.status, 422);
}

#[tokio::test]
async fn a_commit_needs_a_tree_and_parents_that_are_there_and_bears_who_was_named() {
    let mut github = GitHub::new();
    let commits = format!("{REPO}/git/commits");
    let start = head(&mut github, REPO, "master").await;
    let made = committed(&mut github, &start, "a", "1").await;
    let commit = github.get(&format!("{commits}/{made}")).await.json;
    assert_eq!(commit["author"], json!({"name": "A", "email": "a@example.com", "date": "2026-01-02T03:04:05Z"}));
    assert_eq!((&commit["committer"], &commit["parents"][0]["sha"]), (&commit["author"], &json!(start)));
    let tree = commit["tree"]["sha"].clone();
    for wish in [
        json!({"message": "m", "tree": start}),
        json!({"message": "m", "tree": tree, "parents": [tree]}),
        json!({"message": "m"}),
    ] {
        assert_eq!(github.post(&commits, wish).await.status, 422);
    }
    github.hub.give_token("t", Account { login: "rita".to_owned(), permission: Permission::Write });
    let own = github.with("t", Method::POST, &commits, json!({"message": "m", "tree": tree})).await.json;
    assert_eq!(own["author"]["name"], "rita");
}

#[tokio::test]
async fn files_are_read_at_any_ref_and_folders_are_listed() {
    let mut github = GitHub::new();
    let start = head(&mut github, REPO, "master").await;
    let next = committed(&mut github, &start, "a/b.txt", "hello\n").await;
    let at = |path: &str, git_ref: &str| format!("{REPO}/contents{path}?ref={git_ref}");
    let file = github.get(&at("/a/b.txt", &next)).await.json;
    assert_eq!((&file["content"], &file["path"]), (&json!("aGVsbG8K"), &json!("a/b.txt")));
    assert_eq!(file["sha"], "ce013625030ba8dba906f756967f9e9ca394464a");
    assert_eq!(github.get(&at("/a/b.txt", &start)).await.status, 404);
    assert_eq!(github.get(&at("/a/b.txt", "master")).await.status, 404);
    assert_eq!(names(&github.get(&at("", &next)).await, "type"), ["file", "dir"]);
    assert_eq!(names(&github.get(&at("/a", &next)).await, "path"), ["a/b.txt"]);
}

#[tokio::test]
async fn two_commits_are_compared_by_what_each_has_and_the_other_lacks() {
    let mut github = GitHub::new();
    for (ends, status, ahead, behind) in [
        ("mero-kms-v1.2.0...mero-kms-v1.2.0", "identical", 0, 0),
        ("mero-kms-v1.1.0...mero-kms-v1.2.0", "ahead", 5, 0),
        ("mero-kms-v1.2.0...mero-kms-v1.1.0", "behind", 0, 5),
        ("calimero-network:mero-kms-v1.2.0...master", "ahead", 7, 0),
    ] {
        let found = github.get(&format!("{SAMPLE}/compare/{ends}")).await.json;
        let numbers = (found["status"].as_str().unwrap(), &found["ahead_by"], &found["behind_by"]);
        assert_eq!(numbers, (status, &json!(ahead), &json!(behind)), "{ends}");
    }
    let found = github.get(&format!("{SAMPLE}/compare/mero-kms-v1.1.0...mero-kms-v1.2.0?per_page=2")).await.json;
    let base = github.get(&format!("{SAMPLE}/commits/mero-kms-v1.1.0")).await.json["sha"].clone();
    assert_eq!((&found["merge_base_commit"]["sha"], &found["base_commit"]["sha"]), (&base, &base));
    let message = |at: usize| found["commits"][at]["commit"]["message"].as_str().unwrap();
    assert_eq!(
        (message(0), found["commits"].as_array().unwrap().len()),
        ("feat(image): measure the root file system (#12)", 2)
    );
    assert_eq!(found["files"][0]["status"], "added");
    assert_eq!(github.get(&format!("{SAMPLE}/compare/no-such...master")).await.status, 404);

    let start = head(&mut github, REPO, "master").await;
    let [left, right] =
        [committed(&mut github, &start, "a", "1").await, committed(&mut github, &start, "b", "2").await];
    let apart = github.get(&format!("{REPO}/compare/{left}...{right}")).await.json;
    assert_eq!((&apart["status"], &apart["merge_base_commit"]["sha"]), (&json!("diverged"), &json!(start)));
    assert_eq!(apart["files"], json!([{"filename": "b", "status": "added", "sha": apart["files"][0]["sha"]}]));
}

#[tokio::test]
async fn a_history_is_listed_from_a_ref_and_for_a_path() {
    let mut github = GitHub::new();
    let titles = |answer: &Answer| -> Vec<String> {
        let title = |one: &Value| one["commit"]["message"].as_str().unwrap().lines().next().unwrap().to_owned();
        answer.json.as_array().unwrap().iter().map(title).collect()
    };
    let all = github.get(&format!("{SAMPLE}/commits?sha=mero-kms-v1.0.0")).await;
    assert_eq!(titles(&all), ["feat(kms): release keys to attested nodes (#3)", "Initial commit"]);
    let of_path = github.get(&format!("{SAMPLE}/commits?sha=mero-tee-v1.2.0&path=mero-tee&per_page=1&page=2")).await;
    assert_eq!(titles(&of_path), ["feat(image): measure the root file system (#12)"]);
    let link = of_path.headers[header::LINK].to_str().unwrap();
    assert!(link.contains("/commits?sha=mero-tee-v1.2.0&path=mero-tee&per_page=1&page=3>"), "{link}");
    let merge = github.get(&format!("{SAMPLE}/commits?sha=mero-kms-v1.2.0&per_page=2")).await;
    assert_eq!(merge.json[1]["parents"].as_array().unwrap().len(), 2);
    let short = merge.json[1]["sha"].as_str().unwrap()[..8].to_owned();
    assert_eq!(github.get(&format!("{SAMPLE}/commits/{short}")).await.json["sha"], merge.json[1]["sha"]);
    assert_eq!(github.get(&format!("{SAMPLE}/commits?sha=no-such")).await.status, 404);
}
