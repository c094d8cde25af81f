//! Files and folders of a repository at any ref.

use axum::{
    Json,
    extract::{Path, Query},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ask::Here,
    refusal::Refusal,
    repository::{BRANCH, Repository},
};
use crate::sandbox::git::{Mode, Oid};

/// A path in the path.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    path: String,
}

/// At which ref it is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct AtRef {
    r#ref: Option<String>,
}

/// A file, as bytes or as JSON by what the client accepts, or the list of a folder.
pub(super) async fn read(
    here: Here,
    Path(Named { path }): Path<Named>,
    Query(at): Query<AtRef>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    here.read(|repository, base| {
        let git_ref = at.r#ref.as_deref().unwrap_or(BRANCH);
        let no_commit = || Refusal::said(StatusCode::NOT_FOUND, &format!("No commit found for the ref {git_ref}"));
        let commit = repository.commit(git_ref).and_then(|id| repository.objects.commit(id)).ok_or_else(no_commit)?;
        let found = repository.objects.at(commit.tree, &path).ok_or_else(Refusal::not_found)?;
        let place = Place { repository, base, git_ref };
        if let Some(entries) = repository.objects.tree(found.1) {
            let above = if path.is_empty() { String::new() } else { format!("{path}/") };
            let listed =
                entries.iter().map(|entry| place.json(&format!("{above}{}", entry.name), (entry.mode, entry.id)));
            return Ok(Json(listed.collect::<Value>()).into_response());
        }
        let bytes = repository.objects.blob(found.1).ok_or_else(Refusal::not_found)?;
        if accepts.contains("raw") {
            return Ok(([(header::CONTENT_TYPE, "application/vnd.github.raw+json")], bytes.clone()).into_response());
        }
        let mut json = place.json(&path, found);
        if let Some(fields) = json.as_object_mut() {
            fields.insert("encoding".to_owned(), json!("base64"));
            fields.insert("content".to_owned(), json!(STANDARD.encode(bytes)));
        }
        Ok(Json(json).into_response())
    })
}

/// Where an entry lies.
struct Place<'a> {
    repository: &'a Repository,
    base: &'a str,
    git_ref: &'a str,
}

impl Place<'_> {
    /// An entry without its content.
    fn json(&self, path: &str, (mode, id): (Mode, Oid)) -> Value {
        let kind = match mode {
            Mode::File | Mode::Executable => "file",
            Mode::Link => "symlink",
            Mode::Submodule => "submodule",
            Mode::Tree => "dir",
        };
        let full_name = &self.repository.full_name;
        json!({
            "type": kind,
            "name": path.rsplit('/').next(),
            "path": path,
            "sha": id,
            "size": self.repository.objects.blob(id).map_or(0, |bytes| bytes.len()),
            "url": format!("{}/contents/{path}?ref={}", self.base, self.git_ref),
            "git_url": format!("{}/git/{}s/{id}", self.base, mode.kind()),
            "html_url": format!("https://github.com/{full_name}/blob/{}/{path}", self.git_ref),
            "download_url": null,
        })
    }
}
