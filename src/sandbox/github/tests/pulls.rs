//! Pull requests, labels, comments, reviews and people.

use super::*;

/// A branch `topic` with one commit more than `master`.
async fn topic(github: &mut GitHub) {
    let tip = github.get(&format!("{REPO}/git/ref/heads/master")).await.json["object"]["sha"].clone();
    let entry = json!({"path": "a", "mode": "100644", "content": "1"});
    let tree = github.post(&format!("{REPO}/git/trees"), json!({"tree": [entry]})).await.json["sha"].clone();
    let commit = json!({"message": "m", "tree": tree, "parents": [tip]});
    let commit = github.post(&format!("{REPO}/git/commits"), commit).await.json["sha"].clone();
    let made = github.post(&format!("{REPO}/git/refs"), json!({"ref": "refs/heads/topic", "sha": commit})).await;
    assert_eq!(made.status, 201, "{}", made.json);
}

fn wish() -> Value {
    json!({"title": "A title", "head": "topic", "base": "master", "body": "b"})
}

#[tokio::test]
async fn a_pull_request_is_opened_once_found_edited_closed_and_opened_again() {
    let mut github = GitHub::new();
    let pulls = format!("{REPO}/pulls");
    assert_eq!(code(&github.post(&pulls, wish()).await), (422, "invalid"), "there is no such branch");
    topic(&mut github).await;
    let pull = github.post(&pulls, wish()).await;
    assert_eq!((pull.status, &pull.json["number"]), (201, &json!(101)));
    assert_eq!((&pull.json["head"]["label"], &pull.json["commits"]), (&json!("o:topic"), &json!(1)));
    let again = github.post(&pulls, wish()).await;
    assert_eq!(again.json["errors"][0]["message"], "A pull request already exists for o:topic.");
    let itself = json!({"title": "t", "head": "master", "base": "master"});
    assert_eq!(github.post(&pulls, itself).await.json["errors"][0]["message"], "No commits between master and master");

    let one = format!("{pulls}/101");
    let edited = github.patch(&one, json!({"title": "Another"})).await.json;
    assert_eq!((&edited["title"], &edited["body"]), (&json!("Another"), &json!("b")));
    let found = async |github: &mut GitHub, query: &str| {
        github.get(&format!("{pulls}?{query}")).await.json.as_array().unwrap().len()
    };
    for (query, count) in [
        ("head=o:topic&base=master", 1),
        ("head=o:other", 0),
        ("base=topic", 0),
        ("state=closed", 0),
        ("state=all", 1),
        ("", 1),
    ] {
        assert_eq!(found(&mut github, query).await, count, "{query}");
    }
    assert_eq!(names(&github.get(&format!("{one}/files")).await, "filename"), ["README.md", "a"]);
    assert_eq!(github.get(&format!("{one}/commits")).await.json.as_array().unwrap().len(), 1);
    let head = pull.json["head"]["sha"].as_str().unwrap();
    assert_eq!(github.get(&format!("{REPO}/commits/{head}/pulls")).await.json[0]["number"], 101);
    assert_eq!(github.patch(&one, json!({"state": "closed"})).await.json["state"], "closed");
    assert_eq!((found(&mut github, "").await, found(&mut github, "state=closed").await), (0, 1));
    github.delete(&format!("{REPO}/git/refs/heads/topic")).await;
    assert_eq!(github.get(&one).await.json["head"]["sha"], head, "a closed one keeps what it offered");
    assert_eq!(github.patch(&one, json!({"state": "open"})).await.json["state"], "open");
    assert_eq!(code(&github.patch(&one, json!({"state": "merged"})).await), (422, "invalid"));
    assert_eq!(github.get(&format!("{pulls}/9")).await.status, 404);
}

#[tokio::test]
async fn a_label_is_made_once_and_put_on_a_pull_request_beside_others() {
    let mut github = GitHub::new();
    topic(&mut github).await;
    github.post(&format!("{REPO}/pulls"), wish()).await;
    let (labels, of_pull) = (format!("{REPO}/labels"), format!("{REPO}/issues/101/labels"));
    assert_eq!(code(&github.post(&of_pull, json!({"labels": ["policy"]})).await), (422, "invalid"));
    for name in ["policy", "other one"] {
        assert_eq!(github.post(&labels, json!({"name": name, "color": "ff0000"})).await.status, 201);
    }
    assert_eq!(code(&github.post(&labels, json!({"name": "Policy"})).await), (422, "already_exists"));
    assert_eq!(code(&github.post(&labels, json!({"name": "x", "color": "#ff0000"})).await), (422, "invalid"));
    assert_eq!(github.get(&format!("{labels}/other%20one")).await.json["name"], "other one");
    assert_eq!(names(&github.post(&of_pull, json!({"labels": ["policy"]})).await, "name"), ["policy"]);
    assert_eq!(names(&github.post(&of_pull, json!(["other one"])).await, "name"), ["other one", "policy"]);
    assert_eq!(names(&github.delete(&format!("{of_pull}/policy")).await, "name"), ["other one"]);
    let issue = github.get(&format!("{REPO}/issues/101")).await.json;
    assert_eq!((&issue["labels"][0]["name"], issue["pull_request"]["url"].is_string()), (&json!("other one"), true));
}

#[tokio::test]
async fn comments_and_reviews_bear_who_wrote_them_and_nobody_approves_their_own_work() {
    let mut github = GitHub::new();
    topic(&mut github).await;
    let account = |login: &str, permission| Account { login: login.to_owned(), permission };
    github.hub.give_token("author", account("ana", Permission::Write));
    github.hub.give_token("reviewer", account("rita", Permission::Read));
    github.with("author", Method::POST, &format!("{REPO}/pulls"), wish()).await;
    let comments = format!("{REPO}/issues/101/comments");
    let comment = github.with("reviewer", Method::POST, &comments, json!({"body": "Why?"})).await;
    assert_eq!((comment.status, &comment.json["user"]["login"]), (201, &json!("rita")));
    let edited = github.patch(&format!("{REPO}/issues/comments/{}", comment.json["id"]), json!({"body": "So."})).await;
    assert_eq!(edited.json["body"], "So.");
    assert_eq!(names(&github.get(&comments).await, "body"), ["So."]);

    let reviews = format!("{REPO}/pulls/101/reviews");
    let own = github.with("author", Method::POST, &reviews, json!({"event": "APPROVE"})).await;
    assert_eq!(own.json["message"], "Can not approve your own pull request");
    for (event, body) in [("COMMENT", "hm"), ("REQUEST_CHANGES", "no"), ("APPROVE", "")] {
        let wish = json!({"event": event, "body": body});
        assert_eq!(github.with("reviewer", Method::POST, &reviews, wish).await.status, 200, "{event}");
    }
    assert_eq!(github.with("reviewer", Method::POST, &reviews, json!({"event": "REQUEST_CHANGES"})).await.status, 422);
    let all = github.get(&reviews).await;
    assert_eq!(names(&all, "state"), ["COMMENTED", "CHANGES_REQUESTED", "APPROVED"]);
    let head = github.get(&format!("{REPO}/pulls/101")).await.json["head"]["sha"].clone();
    assert_eq!(all.json[2]["commit_id"], head);
}

#[tokio::test]
async fn teams_have_members_and_logins_have_permissions() {
    let mut github = GitHub::new();
    github.hub.give_token("t", Account { login: "rita".to_owned(), permission: Permission::Admin });
    github.hub.join_team("o", "security", "rita", Membership::Active);
    github.hub.join_team("o", "security", "bo", Membership::Pending);
    for (login, state) in [("Rita", json!("active")), ("bo", json!("pending")), ("ana", Value::Null)] {
        assert_eq!(github.get(&format!("/orgs/o/teams/security/memberships/{login}")).await.json["state"], state);
    }
    let permission = |login: &str| format!("{REPO}/collaborators/{login}/permission");
    assert_eq!(github.get(&permission("rita")).await.json["permission"], "admin");
    assert_eq!(github.get(&permission("nobody")).await.json["permission"], "read");
    assert_eq!(github.with("t", Method::GET, "/user", json!({})).await.json["login"], "rita");
    assert_eq!(github.asked(Method::GET, "/user", Body::empty(), false).await.status, 401);
}
