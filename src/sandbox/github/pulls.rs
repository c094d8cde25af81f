//! Pull requests over HTTP, and the reviews of them.

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    accounts::Account,
    ask::{Here, Page, Said},
    refusal::Refusal,
    repository::{Pull, PullWish, Repository, Review, Verdict, WantedPull, now},
    shapes::{changed, commit_json, label_json},
};
use crate::sandbox::git::Oid;

/// A pull request in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Numbered {
    pub(super) number: u64,
}

/// Which pull requests are wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    state: Option<String>,
    /// `owner:branch`.
    head: Option<String>,
    base: Option<String>,
}

/// A review to submit.
#[derive(Debug, Deserialize)]
pub(super) struct WantedReview {
    event: Option<String>,
    #[serde(default)]
    body: String,
    commit_id: Option<String>,
}

/// A review of a pull request in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Dismissed {
    number: u64,
    id: u64,
}

/// Why a review is dismissed.
#[derive(Debug, Deserialize)]
pub(super) struct Dismissal {
    message: String,
}

/// Newest first.
pub(super) async fn list(here: Here, Query(filter): Query<Filter>, page: Page) -> Result<Response, Refusal> {
    here.read(|repository, base| {
        let wanted = repository.pulls.values().rev().filter(|pull| filter.takes(repository, pull));
        let all: Vec<Value> = wanted.map(|pull| pull_json(repository, base, pull)).collect();
        Ok(page.of(&all, &format!("{base}/pulls")))
    })
}

pub(super) async fn one(here: Here, Path(Numbered { number }): Path<Numbered>) -> Result<Json<Value>, Refusal> {
    here.read(|repository, base| Ok(Json(pull_json(repository, base, repository.pull(number)?))))
}

pub(super) async fn create(here: Here, Said(wanted): Said<WantedPull>) -> Result<(StatusCode, Json<Value>), Refusal> {
    here.write(|repository, change| {
        let pull = repository.open_pull(change.id, &change.account.login, wanted)?.clone();
        Ok((StatusCode::CREATED, Json(pull_json(repository, &change.base, &pull))))
    })
}

pub(super) async fn edit(
    here: Here,
    Path(Numbered { number }): Path<Numbered>,
    Said(wish): Said<PullWish>,
) -> Result<Json<Value>, Refusal> {
    here.write(|repository, change| {
        let pull = repository.edit_pull(number, wish)?.clone();
        Ok(Json(pull_json(repository, &change.base, &pull)))
    })
}

/// The commits of a pull request, oldest first.
pub(super) async fn commits(
    here: Here,
    Path(Numbered { number }): Path<Numbered>,
    page: Page,
) -> Result<Response, Refusal> {
    here.read(|repository, base| {
        let (head, onto) = repository.ends_of(repository.pull(number)?);
        let ids = repository.objects.since(onto, head).into_iter().rev();
        let found = ids.filter_map(|id| Some(commit_json(repository, base, id, repository.objects.commit(id)?)));
        Ok(page.of(&found.collect::<Vec<_>>(), &format!("{base}/pulls/{number}/commits")))
    })
}

/// The files that a pull request changes, as far as GitHub lists them.
pub(super) async fn files(
    here: Here,
    Path(Numbered { number }): Path<Numbered>,
    page: Page,
) -> Result<Response, Refusal> {
    here.read(|repository, base| {
        let changed = changed_files(repository, repository.pull(number)?);
        let listed = changed.get(..MAX_FILES.min(changed.len())).unwrap_or_default();
        Ok(page.of(listed, &format!("{base}/pulls/{number}/files")))
    })
}

/// GitHub lists no more files of a pull request.
const MAX_FILES: usize = 3_000;

fn changed_files(repository: &Repository, pull: &Pull) -> Vec<Value> {
    let (head, onto) = repository.ends_of(pull);
    let before = repository.objects.merge_base(head, onto).map(|id| repository.objects.files_of(id));
    let changed = changed(&before.unwrap_or_default(), &repository.objects.files_of(head));
    changed.as_array().cloned().unwrap_or_default()
}

pub(super) async fn reviews(
    here: Here,
    Path(Numbered { number }): Path<Numbered>,
    page: Page,
) -> Result<Response, Refusal> {
    here.read(|repository, base| {
        let url = format!("{base}/pulls/{number}");
        let reviews = &repository.pull(number)?.reviews;
        let all: Vec<Value> = reviews.iter().map(|review| review_json(&url, review)).collect();
        Ok(page.of(&all, &format!("{url}/reviews")))
    })
}

/// Anybody with a token may review.
pub(super) async fn create_review(
    here: Here,
    Path(Numbered { number }): Path<Numbered>,
    Said(wanted): Said<WantedReview>,
) -> Result<Json<Value>, Refusal> {
    let verdict = match wanted.event.as_deref() {
        Some("APPROVE") => Verdict::Approved,
        Some("REQUEST_CHANGES") => Verdict::ChangesRequested,
        Some("COMMENT") => Verdict::Commented,
        None | Some(_) => return Err(Refusal::refused("event must be APPROVE, REQUEST_CHANGES or COMMENT")),
    };
    if wanted.body.is_empty() && verdict != Verdict::Approved {
        return Err(Refusal::refused("Review body can not be blank"));
    }
    here.change(|repository, change| {
        let (head, _) = repository.ends_of(repository.pull(number)?);
        let commit = wanted.commit_id.map_or(Ok(head), |id| id.parse::<Oid>());
        let commit = commit.ok().filter(|id| repository.objects.commit(*id).is_some());
        let commit = commit.ok_or_else(|| Refusal::refused("commit_id is not part of the pull request"))?;
        let (author, body) = (change.account.login.clone(), wanted.body);
        let review = Review { id: change.id, author, body, verdict, commit, submitted: now() };
        let review = repository.review(number, review)?;
        Ok(Json(review_json(&format!("{}/pulls/{number}", change.base), &review)))
    })
}

/// Takes a verdict back.
pub(super) async fn dismiss(
    here: Here,
    Path(Dismissed { number, id }): Path<Dismissed>,
    Said(Dismissal { message }): Said<Dismissal>,
) -> Result<Json<Value>, Refusal> {
    if message.is_empty() {
        return Err(Refusal::field("PullRequestReview", "missing_field", "message"));
    }
    here.write(|repository, change| {
        let review = repository.dismiss(number, id)?;
        Ok(Json(review_json(&format!("{}/pulls/{number}", change.base), &review)))
    })
}

impl Filter {
    fn takes(&self, repository: &Repository, pull: &Pull) -> bool {
        let label = format!("{}:{}", repository.owner(), pull.head);
        let in_state = match self.state.as_deref() {
            Some("all") => true,
            Some("closed") => !pull.open,
            None | Some(_) => pull.open,
        };
        in_state
            && self.head.as_ref().is_none_or(|head| *head == label)
            && self.base.as_ref().is_none_or(|base| *base == pull.base)
    }
}

/// A pull request.
pub(super) fn pull_json(repository: &Repository, base_url: &str, pull: &Pull) -> Value {
    let (head, base) = repository.ends_of(pull);
    let (number, web) = (pull.number, format!("https://github.com/{}/pull/{}", repository.full_name, pull.number));
    let labels = pull.labels.iter().filter_map(|key| repository.labels.get(key));
    let labels: Vec<Value> = labels.map(|label| label_json(base_url, label)).collect();
    let fork = pull.fork.as_ref();
    let end = |branch: &str, sha: Oid, fork: Option<&Option<String>>| {
        let owner = repository.owner();
        if let Some(fork) = fork {
            let repo = fork.as_ref().map(|name| json!({"full_name": name, "fork": true}));
            return json!({"label": branch, "ref": branch, "sha": sha, "user": null, "repo": repo});
        }
        json!({
            "label": format!("{owner}:{branch}"),
            "ref": branch,
            "sha": sha,
            "user": Account::json(owner),
            "repo": {
                "id": repository.id,
                "name": repository.name(),
                "full_name": repository.full_name,
                "fork": false,
                "url": base_url,
            },
        })
    };
    let merged = pull.merged.as_ref();
    json!({
        "id": pull.id,
        "node_id": format!("PR_{}", pull.id),
        "number": number,
        "url": format!("{base_url}/pulls/{number}"),
        "issue_url": format!("{base_url}/issues/{number}"),
        "html_url": web,
        "diff_url": format!("{web}.diff"),
        "patch_url": format!("{web}.patch"),
        "state": if pull.open { "open" } else { "closed" },
        "title": pull.title,
        "body": pull.body,
        "user": Account::json(&pull.author),
        "author_association": "CONTRIBUTOR",
        "labels": labels,
        "draft": pull.draft,
        "locked": false,
        "head": end(&pull.head, head, fork),
        "base": end(&pull.base, base, None),
        "merged": merged.is_some(),
        "merge_commit_sha": merged.map(|(id, _)| id),
        "merged_at": merged.map(|(_, time)| time.to_string()),
        "closed_at": pull.closed.map(|time| time.to_string()),
        "created_at": pull.created.to_string(),
        "updated_at": pull.updated.to_string(),
        "maintainer_can_modify": false,
        "comments": pull.comments.len(),
        "commits": repository.objects.since(base, head).len(),
        "changed_files": changed_files(repository, pull).len(),
    })
}

fn review_json(url: &str, review: &Review) -> Value {
    json!({
        "id": review.id,
        "node_id": format!("PRR_{}", review.id),
        "user": Account::json(&review.author),
        "body": review.body,
        "state": review.verdict.name(),
        "commit_id": review.commit,
        "submitted_at": review.submitted.to_string(),
        "pull_request_url": url,
        "author_association": "MEMBER",
    })
}
