//! The JSON of what several resources show: commits, labels, changed files.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    accounts::Account,
    repository::{Label, Repository},
};
use crate::sandbox::git::{Commit, Files, Oid, Person};

/// A commit as the commits API shows it.
pub(super) fn commit_json(repository: &Repository, base: &str, id: Oid, commit: &Commit) -> Value {
    let web = format!("https://github.com/{}/commit", repository.full_name);
    let parents: Vec<Value> = commit
        .parents
        .iter()
        .map(|parent| json!({"sha": parent, "url": format!("{base}/commits/{parent}"), "html_url": format!("{web}/{parent}")}))
        .collect();
    let tree = commit.tree;
    json!({
        "sha": id,
        "node_id": format!("C_{id}"),
        "url": format!("{base}/commits/{id}"),
        "html_url": format!("{web}/{id}"),
        "commit": {
            "message": commit.message,
            "author": person_json(&commit.author),
            "committer": person_json(&commit.committer),
            "tree": {"sha": tree, "url": format!("{base}/git/trees/{tree}")},
            "url": format!("{base}/git/commits/{id}"),
            "comment_count": 0,
            "verification": unsigned(),
        },
        "author": login_json(&commit.author),
        "committer": login_json(&commit.committer),
        "parents": parents,
    })
}

/// A commit as the Git API shows it.
pub(super) fn git_commit_json(repository: &Repository, base: &str, id: Oid, commit: &Commit) -> Value {
    let tree = commit.tree;
    let parents: Vec<Value> = commit
        .parents
        .iter()
        .map(|parent| json!({"sha": parent, "url": format!("{base}/git/commits/{parent}")}))
        .collect();
    json!({
        "sha": id,
        "node_id": format!("C_{id}"),
        "url": format!("{base}/git/commits/{id}"),
        "html_url": format!("https://github.com/{}/commit/{id}", repository.full_name),
        "message": commit.message,
        "author": person_json(&commit.author),
        "committer": person_json(&commit.committer),
        "tree": {"sha": tree, "url": format!("{base}/git/trees/{tree}")},
        "parents": parents,
        "verification": unsigned(),
    })
}

fn person_json(person: &Person) -> Value {
    json!({"name": person.name, "email": person.email, "date": person.time.to_string()})
}

/// The account of an address, where it shows: that of a sample's author, or one of GitHub's own addresses.
fn login_json(person: &Person) -> Option<Value> {
    let (local, domain) = person.email.split_once('@')?;
    let login = local.rsplit_once('+').map_or(local, |(_, login)| login);
    matches!(domain, "users.noreply.github.com" | "example.com").then(|| Account::json(login))
}

fn unsigned() -> Value {
    json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null})
}

/// The files that differ, and how.
pub(super) fn changed(before: &Files, after: &Files) -> Value {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = paths.into_iter().filter_map(|path| {
        let (was, is) = (before.get(path), after.get(path));
        let status = match (was, is) {
            (None, _) => "added",
            (_, None) => "removed",
            _ if was == is => return None,
            _ => "modified",
        };
        Some(json!({"filename": path, "status": status, "sha": is.or(was).map(|(_, id)| id)}))
    });
    differ.collect()
}

/// A label.
pub(super) fn label_json(base: &str, label: &Label) -> Value {
    let name = percent_encoding::utf8_percent_encode(&label.name, percent_encoding::NON_ALPHANUMERIC);
    json!({
        "id": label.id,
        "node_id": format!("LA_{}", label.id),
        "url": format!("{base}/labels/{name}"),
        "name": label.name,
        "color": label.color,
        "description": label.description,
        "default": false,
    })
}
