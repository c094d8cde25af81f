//! Commits over HTTP: one, a list of them, and the comparison of two.

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ask::{Here, Page},
    pulls::pull_json,
    refusal::Refusal,
    repository::Repository,
    shapes::{changed, commit_json},
};
use crate::sandbox::git::{Commit, Oid};

/// How many commits a comparison shows when no page is asked for.
const COMPARED: usize = 250;

/// A commit in the path, by any name, or something about it.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    git_ref: String,
}

/// Which commits are wanted. The page is a query of its own.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    sha: Option<String>,
    path: Option<String>,
    author: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// Two commits in the path: `BASE...HEAD`.
#[derive(Debug, Deserialize)]
pub(super) struct Ends {
    ends: String,
}

/// The commit that a branch, a tag or an id leads to, or the pull requests that hold it.
pub(super) async fn one(here: Here, Path(Named { git_ref }): Path<Named>) -> Result<Json<Value>, Refusal> {
    here.read(|repository, base| {
        if let Some(name) = git_ref.strip_suffix("/pulls") {
            return pulls_with(repository, base, name);
        }
        let (id, commit) = found(repository, &git_ref)?;
        let mut json = commit_json(repository, base, id, commit);
        if let Some(fields) = json.as_object_mut() {
            let before = commit.parents.first().map(|parent| repository.objects.files_of(*parent)).unwrap_or_default();
            fields.insert("files".to_owned(), changed(&before, &repository.objects.files_of(id)));
        }
        Ok(Json(json))
    })
}

/// The commits that lead to a ref, newest first.
pub(super) async fn list(here: Here, Query(filter): Query<Filter>, page: Page) -> Result<Response, Refusal> {
    here.read(|repository, base| {
        let git_ref = filter.sha.as_deref().unwrap_or(super::repository::BRANCH);
        let start = repository.commit(git_ref).ok_or_else(Refusal::not_found)?;
        let objects = &repository.objects;
        let all = objects.log(start).into_iter().filter_map(|id| Some((id, objects.commit(id)?)));
        let wanted = all.filter(|(id, commit)| filter.takes(repository, *id, commit));
        let all: Vec<Value> = wanted.map(|(id, commit)| commit_json(repository, base, id, commit)).collect();
        Ok(page.of(&all, &format!("{base}/commits")))
    })
}

/// What one commit has and another lacks.
pub(super) async fn compare(here: Here, Path(Ends { ends }): Path<Ends>, page: Page) -> Result<Json<Value>, Refusal> {
    here.read(|repository, base_url| {
        let (base, head) = ends.split_once("...").ok_or_else(Refusal::not_found)?;
        let owned = format!("{}:", repository.owner());
        let end =
            |name: &str| repository.commit(name.strip_prefix(&owned).unwrap_or(name)).ok_or_else(Refusal::not_found);
        let (base_id, head_id) = (end(base)?, end(head)?);
        let objects = &repository.objects;
        let merge_base = objects.merge_base(base_id, head_id).ok_or_else(|| {
            Refusal::said(StatusCode::NOT_FOUND, &format!("No common ancestor between {base} and {head}."))
        })?;
        let (mut ahead, behind) = (objects.since(base_id, head_id), objects.since(head_id, base_id));
        // Oldest first, unlike everywhere else.
        ahead.reverse();
        let status = match (ahead.is_empty(), behind.is_empty()) {
            (true, true) => "identical",
            (false, true) => "ahead",
            (true, false) => "behind",
            (false, false) => "diverged",
        };
        let show = |id: Oid| objects.commit(id).map(|commit| commit_json(repository, base_url, id, commit));
        let commits: Vec<Value> = page.slice(&ahead, COMPARED).filter_map(|id| show(*id)).collect();
        let web = format!("https://github.com/{}", repository.full_name);
        Ok(Json(json!({
            "url": format!("{base_url}/compare/{ends}"),
            "html_url": format!("{web}/compare/{ends}"),
            "base_commit": show(base_id),
            "merge_base_commit": show(merge_base),
            "status": status,
            "ahead_by": ahead.len(),
            "behind_by": behind.len(),
            "total_commits": ahead.len(),
            "commits": commits,
            "files": changed(&objects.files_of(merge_base), &objects.files_of(head_id)),
        })))
    })
}

impl Filter {
    fn takes(&self, repository: &Repository, id: Oid, commit: &Commit) -> bool {
        let time = commit.committer.time;
        let by = |wanted: &String| commit.author.email == *wanted || commit.author.name == *wanted;
        self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time <= until)
            && self.author.as_ref().is_none_or(by)
            && self.path.as_ref().is_none_or(|path| touches(repository, id, commit, path))
    }
}

/// Whether a commit left this path other than all of its parents had it.
fn touches(repository: &Repository, id: Oid, commit: &Commit, path: &str) -> bool {
    let at = |id: Oid| repository.objects.at(repository.objects.commit(id)?.tree, path);
    let now = at(id);
    if commit.parents.is_empty() { now.is_some() } else { commit.parents.iter().all(|parent| at(*parent) != now) }
}

fn found<'a>(repository: &'a Repository, git_ref: &str) -> Result<(Oid, &'a Commit), Refusal> {
    let found = repository.commit(git_ref).and_then(|id| Some((id, repository.objects.commit(id)?)));
    found.ok_or_else(|| Refusal::refused(&format!("No commit found for SHA: {git_ref}")))
}

fn pulls_with(repository: &Repository, base: &str, name: &str) -> Result<Json<Value>, Refusal> {
    let (id, _) = found(repository, name)?;
    let holds = |head, base| repository.objects.since(base, head).contains(&id);
    let pulls = repository.pulls.values().filter(|pull| {
        let (head, base) = repository.ends_of(pull);
        holds(head, base)
    });
    Ok(Json(pulls.map(|pull| pull_json(repository, base, pull)).collect()))
}
