//! Git's objects over HTTP: blobs, trees and commits, to read and to make.

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ask::{Change, Here, Said},
    refusal::Refusal,
    repository::{Repository, now},
    shapes::git_commit_json,
};
use crate::sandbox::git::{Commit, Entry, Files, Mode, Object, Oid, Person, path_is_safe};

/// An object in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    sha: String,
}

/// A blob to make.
#[derive(Debug, Deserialize)]
pub(super) struct WantedBlob {
    content: String,
    encoding: Option<String>,
}

/// A tree to make: what changes over another one, or over none.
#[derive(Debug, Deserialize)]
pub(super) struct WantedTree {
    base_tree: Option<String>,
    tree: Vec<WantedEntry>,
}

/// An entry of it: content, or an object that is there already. `sha: null` takes the path out.
#[derive(Debug, Deserialize)]
struct WantedEntry {
    path: String,
    mode: Option<String>,
    r#type: Option<String>,
    #[serde(default, deserialize_with = "given")]
    sha: Option<Option<String>>,
    content: Option<String>,
}

/// A commit to make.
#[derive(Debug, Deserialize)]
pub(super) struct WantedCommit {
    message: String,
    tree: String,
    #[serde(default)]
    parents: Vec<String>,
    author: Option<WantedPerson>,
    committer: Option<WantedPerson>,
}

/// Who made it.
#[derive(Debug, Clone, Deserialize)]
struct WantedPerson {
    name: String,
    email: String,
    date: Option<Timestamp>,
}

/// Whether all folders below are wanted too.
#[derive(Debug, Deserialize)]
pub(super) struct Depth {
    recursive: Option<String>,
}

/// Tells `null` from a field that is not there.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

pub(super) async fn blob(here: Here, Path(Named { sha }): Path<Named>) -> Result<Json<Value>, Refusal> {
    here.read(|repository, base| {
        let id: Oid = sha.parse().map_err(|_| Refusal::not_found())?;
        let bytes = repository.objects.blob(id).ok_or_else(Refusal::not_found)?;
        Ok(Json(json!({
            "sha": id,
            "node_id": format!("B_{id}"),
            "url": format!("{base}/git/blobs/{id}"),
            "size": bytes.len(),
            "encoding": "base64",
            "content": STANDARD.encode(bytes),
        })))
    })
}

pub(super) async fn create_blob(
    here: Here,
    Said(wanted): Said<WantedBlob>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let bytes = match wanted.encoding.as_deref() {
        None | Some("utf-8") => wanted.content.into_bytes(),
        Some("base64") => {
            let packed: String = wanted.content.split_whitespace().collect();
            STANDARD.decode(packed).map_err(|_| Refusal::refused("content is not valid Base64"))?
        }
        Some(_) => return Err(Refusal::refused("encoding must be utf-8 or base64")),
    };
    here.write(|repository, change| {
        let id = repository.objects.add(Object::Blob(bytes.into()));
        Ok((StatusCode::CREATED, Json(json!({"sha": id, "url": format!("{}/git/blobs/{id}", change.base)}))))
    })
}

/// A tree by its id, or that of a commit, a branch or a tag.
pub(super) async fn tree(
    here: Here,
    Path(Named { sha }): Path<Named>,
    Query(depth): Query<Depth>,
) -> Result<Json<Value>, Refusal> {
    here.read(|repository, base| {
        let objects = &repository.objects;
        let itself = sha.parse().ok().filter(|id| objects.tree(*id).is_some());
        let of_commit = || objects.commit(repository.commit(&sha)?).map(|commit| commit.tree);
        let id = itself.or_else(of_commit).ok_or_else(Refusal::not_found)?;
        Ok(Json(tree_json(repository, base, id, depth.recursive.is_some())))
    })
}

pub(super) async fn create_tree(
    here: Here,
    Said(wanted): Said<WantedTree>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    here.write(|repository, change| {
        let mut files = match &wanted.base_tree {
            None => Files::new(),
            Some(sha) => {
                let id = sha.parse().ok().filter(|id| repository.objects.tree(*id).is_some());
                repository.objects.files(id.ok_or_else(|| Refusal::refused("base_tree is not a valid tree oid"))?)
            }
        };
        if wanted.tree.is_empty() {
            return Err(Refusal::refused("Invalid tree info"));
        }
        for entry in &wanted.tree {
            put(repository, &mut files, entry)?;
        }
        let id = repository.objects.write_tree(&files);
        Ok((StatusCode::CREATED, Json(tree_json(repository, &change.base, id, false))))
    })
}

pub(super) async fn commit(here: Here, Path(Named { sha }): Path<Named>) -> Result<Json<Value>, Refusal> {
    here.read(|repository, base| {
        let id: Oid = sha.parse().map_err(|_| Refusal::not_found())?;
        let commit = repository.objects.commit(id).ok_or_else(Refusal::not_found)?;
        Ok(Json(git_commit_json(repository, base, id, commit)))
    })
}

pub(super) async fn create_commit(
    here: Here,
    Said(wanted): Said<WantedCommit>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    here.write(|repository, change| {
        let tree = wanted.tree.parse().ok().filter(|id| repository.objects.tree(*id).is_some());
        let tree = tree.ok_or_else(|| Refusal::refused("Tree SHA does not exist"))?;
        let parent = |sha: &String| sha.parse().ok().filter(|id| repository.objects.commit(*id).is_some());
        let parents: Option<Vec<Oid>> = wanted.parents.iter().map(parent).collect();
        let parents = parents.ok_or_else(|| Refusal::refused("Parent SHA does not exist or is not a commit object"))?;
        let author = person(wanted.author.clone(), change);
        let committer =
            wanted.committer.or(wanted.author).map_or_else(|| person(None, change), |one| person(Some(one), change));
        let commit = Commit { tree, parents, author, committer, message: wanted.message };
        let id = repository.objects.add(Object::Commit(commit.clone()));
        Ok((StatusCode::CREATED, Json(git_commit_json(repository, &change.base, id, &commit))))
    })
}

/// Who is named, or else the account that asks, now.
fn person(named: Option<WantedPerson>, change: &Change<'_>) -> Person {
    let account = change.account;
    match named {
        Some(WantedPerson { name, email, date }) => Person { name, email, time: date.unwrap_or_else(now) },
        None => Person { name: account.login.clone(), email: account.email(), time: now() },
    }
}

/// Puts an entry among the files, or takes it out.
fn put(repository: &mut Repository, files: &mut Files, entry: &WantedEntry) -> Result<(), Refusal> {
    let path = &entry.path;
    if !path_is_safe(path) {
        return Err(Refusal::refused("tree.path contains a malformed path component"));
    }
    let below = format!("{path}/");
    let stands_on = |other: &String| path.starts_with(&format!("{other}/"));
    if let (Some(None), None) = (&entry.sha, &entry.content) {
        let before = files.len();
        files.retain(|other, _| other != path && !other.starts_with(&below));
        let gone = files.len() < before;
        return if gone { Ok(()) } else { Err(Refusal::refused("GitRPC::BadObjectState")) };
    }
    let mode =
        entry.mode.as_deref().and_then(Mode::of).ok_or_else(|| Refusal::refused("Must supply a valid tree.mode"))?;
    if entry.r#type.as_deref().is_some_and(|kind| kind != mode.kind()) {
        return Err(Refusal::refused("tree.type does not match tree.mode"));
    }
    let id = match (&entry.sha, &entry.content) {
        (None, Some(content)) if mode.kind() == "blob" => repository.objects.add(Object::Blob(content.clone().into())),
        (Some(Some(sha)), None) => sha.parse().map_err(|_| Refusal::refused("tree.sha is not a valid oid"))?,
        _ => return Err(Refusal::refused("Must supply either tree.sha or tree.content, not both or neither")),
    };
    files.retain(|other, _| other != path && !other.starts_with(&below) && !stands_on(other));
    match (mode, repository.objects.get(id)) {
        (Mode::Submodule, _) | (Mode::File | Mode::Executable | Mode::Link, Some(Object::Blob(_))) => {
            files.insert(path.clone(), (mode, id));
        }
        (Mode::Tree, Some(Object::Tree(_))) => {
            files.extend(repository.objects.files(id).into_iter().map(|(name, file)| (format!("{below}{name}"), file)));
        }
        _ => return Err(Refusal::refused(&format!("tree.sha {id} does not exist or is of another type"))),
    }
    Ok(())
}

fn tree_json(repository: &Repository, base: &str, id: Oid, recursive: bool) -> Value {
    let mut entries = Vec::new();
    list(repository, base, id, "", recursive, &mut entries);
    json!({"sha": id, "url": format!("{base}/git/trees/{id}"), "tree": entries, "truncated": false})
}

fn list(repository: &Repository, base: &str, id: Oid, above: &str, recursive: bool, entries: &mut Vec<Value>) {
    for Entry { mode, name, id } in repository.objects.tree(id).unwrap_or_default() {
        let (path, kind) = (format!("{above}{name}"), mode.kind());
        let size = repository.objects.blob(*id).map(|bytes| bytes.len());
        let mut entry = json!({"path": path, "mode": mode.digits(), "type": kind, "sha": id, "url": format!("{base}/git/{kind}s/{id}")});
        if let (Some(size), Some(fields)) = (size, entry.as_object_mut()) {
            fields.insert("size".to_owned(), json!(size));
        }
        entries.push(entry);
        if recursive && *mode == Mode::Tree {
            list(repository, base, *id, &format!("{path}/"), recursive, entries);
        }
    }
}
