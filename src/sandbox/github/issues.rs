//! Labels and comments over HTTP. The only issues here are pull requests.

use axum::{Json, extract::Path, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    accounts::Account,
    ask::{Here, Page, Said},
    pulls::{Numbered, pull_json},
    refusal::Refusal,
    repository::{Comment, Label, now},
    shapes::label_json,
};

/// A label in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    label: String,
}

/// A label of a pull request in the path.
#[derive(Debug, Deserialize)]
pub(super) struct NamedOf {
    number: u64,
    label: String,
}

/// A comment in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Id {
    id: u64,
}

/// A label to make.
#[derive(Debug, Deserialize)]
pub(super) struct WantedLabel {
    name: String,
    color: Option<String>,
    description: Option<String>,
}

/// Labels to put on a pull request, in either of the forms that GitHub takes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Labels {
    Object { labels: Vec<String> },
    List(Vec<String>),
}

/// The text of a comment.
#[derive(Debug, Deserialize)]
pub(super) struct Text {
    body: String,
}

pub(super) async fn issue(here: Here, Path(at): Path<Numbered>) -> Result<Json<Value>, Refusal> {
    here.read(|repository, base| {
        let pull = repository.pull(at.number)?;
        let mut json = pull_json(repository, base, pull);
        if let Some(fields) = json.as_object_mut() {
            for of_pulls in
                ["head", "base", "merged", "merge_commit_sha", "merged_at", "commits", "maintainer_can_modify"]
            {
                fields.remove(of_pulls);
            }
            let url = fields.insert("url".to_owned(), json!(format!("{base}/issues/{}", pull.number)));
            fields.insert("pull_request".to_owned(), json!({"url": url}));
        }
        Ok(Json(json))
    })
}

pub(super) async fn labels(here: Here, page: Page) -> Result<Response, Refusal> {
    here.read(|repository, base| {
        let all: Vec<Value> = repository.labels.values().map(|label| label_json(base, label)).collect();
        Ok(page.of(&all, &format!("{base}/labels")))
    })
}

pub(super) async fn label(here: Here, Path(Named { label }): Path<Named>) -> Result<Json<Value>, Refusal> {
    here.read(|repository, base| {
        let found = repository.labels.get(&label.to_lowercase()).ok_or_else(Refusal::not_found)?;
        Ok(Json(label_json(base, found)))
    })
}

pub(super) async fn create_label(
    here: Here,
    Said(wanted): Said<WantedLabel>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let color = wanted.color.unwrap_or_else(|| "ededed".to_owned());
    if color.len() != 6 || !color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::field("Label", "invalid", "color"));
    }
    here.write(|repository, change| {
        let label = Label { id: change.id, name: wanted.name, color, description: wanted.description };
        let label = repository.add_label(label)?;
        Ok((StatusCode::CREATED, Json(label_json(&change.base, label))))
    })
}

pub(super) async fn labels_of(here: Here, Path(at): Path<Numbered>) -> Result<Json<Value>, Refusal> {
    here.read(|repository, base| {
        let keys = repository.pull(at.number)?.labels.iter();
        Ok(Json(keys.filter_map(|key| Some(label_json(base, repository.labels.get(key)?))).collect()))
    })
}

pub(super) async fn put_labels(
    here: Here,
    Path(at): Path<Numbered>,
    Said(labels): Said<Labels>,
) -> Result<Json<Value>, Refusal> {
    let (Labels::Object { labels } | Labels::List(labels)) = labels;
    let name = here.write(|repository, _| {
        repository.put_labels(at.number, &labels)?;
        Ok(repository.full_name.clone())
    })?;
    here.hub.onlookers.look(&here.hub, &name, at.number, &labels);
    labels_of(here, Path(at)).await
}

pub(super) async fn remove_label(here: Here, Path(at): Path<NamedOf>) -> Result<Json<Value>, Refusal> {
    here.write(|repository, _| {
        let gone = repository.pull_mut(at.number)?.labels.remove(&at.label.to_lowercase());
        if gone { Ok(()) } else { Err(Refusal::said(StatusCode::NOT_FOUND, "Label does not exist")) }
    })?;
    labels_of(here, Path(Numbered { number: at.number })).await
}

pub(super) async fn comments(here: Here, Path(at): Path<Numbered>, page: Page) -> Result<Response, Refusal> {
    here.read(|repository, base| {
        let comments = &repository.pull(at.number)?.comments;
        let all: Vec<Value> = comments.iter().map(|comment| comment_json(base, at.number, comment)).collect();
        Ok(page.of(&all, &format!("{base}/issues/{}/comments", at.number)))
    })
}

/// Anybody with a token may comment.
pub(super) async fn comment(
    here: Here,
    Path(at): Path<Numbered>,
    Said(Text { body }): Said<Text>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    if body.is_empty() {
        return Err(Refusal::field("IssueComment", "missing_field", "body"));
    }
    here.change(|repository, change| {
        let (author, time) = (change.account.login.clone(), now());
        let comment = Comment { id: change.id, author, body, created: time, updated: time };
        let shown = comment_json(&change.base, at.number, &comment);
        repository.pull_mut(at.number)?.comments.push(comment);
        Ok((StatusCode::CREATED, Json(shown)))
    })
}

pub(super) async fn edit_comment(
    here: Here,
    Path(Id { id }): Path<Id>,
    Said(Text { body }): Said<Text>,
) -> Result<Json<Value>, Refusal> {
    here.write(|repository, change| {
        let pulls = repository.pulls.values_mut();
        let mut all = pulls.flat_map(|pull| {
            let number = pull.number;
            pull.comments.iter_mut().map(move |comment| (number, comment))
        });
        let (number, comment) = all.find(|(_, comment)| comment.id == id).ok_or_else(Refusal::not_found)?;
        (comment.body, comment.updated) = (body, now());
        Ok(Json(comment_json(&change.base, number, comment)))
    })
}

fn comment_json(base: &str, number: u64, comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "node_id": format!("IC_{}", comment.id),
        "url": format!("{base}/issues/comments/{}", comment.id),
        "issue_url": format!("{base}/issues/{number}"),
        "user": Account::json(&comment.author),
        "body": comment.body,
        "created_at": comment.created.to_string(),
        "updated_at": comment.updated.to_string(),
        "author_association": "CONTRIBUTOR",
    })
}
