//! Rekor v1's REST API, the parts clients use:
//! <https://github.com/sigstore/rekor/blob/main/openapi.yaml>.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Problem, Services};
use crate::digest::Sha256;
use crate::sandbox::sigstore::proposal::read_proposal;
use crate::sandbox::sigstore::rekor::{Logged, LoggedEntry};

/// How many entries one retrieval may ask for, as in Rekor.
const RETRIEVE_LIMIT: usize = 10;

pub(super) async fn state(State(services): State<Services>) -> Result<Json<Value>, Problem> {
    services.with(|instance, _| Ok(Json(instance.rekor.state())))
}

pub(super) async fn public_key(State(services): State<Services>) -> Result<Response, Problem> {
    let pem = services.with(|instance, _| Ok(instance.rekor.key().public_pem().to_owned()))?;
    Ok(([(header::CONTENT_TYPE, "application/x-pem-file")], pem).into_response())
}

#[derive(Deserialize)]
pub(super) struct ByIndex {
    #[serde(rename = "logIndex")]
    log_index: u64,
}

pub(super) async fn by_index(
    State(services): State<Services>,
    Query(query): Query<ByIndex>,
) -> Result<Json<Value>, Problem> {
    found(services.with(|instance, _| instance.rekor.entry_by_log_index(query.log_index))?)
}

pub(super) async fn by_uuid(
    State(services): State<Services>,
    Path(uuid): Path<String>,
) -> Result<Json<Value>, Problem> {
    found(services.with(|instance, _| instance.rekor.entry_by_uuid(&uuid))?)
}

#[derive(Deserialize)]
pub(super) struct Search {
    hash: Option<String>,
}

/// UUIDs of the entries about a digest. Searching by key or by e-mail is not offered.
pub(super) async fn search(
    State(services): State<Services>,
    Json(query): Json<Search>,
) -> Result<Json<Vec<String>>, Problem> {
    let digest = query.hash.as_deref().and_then(|hash| hash.parse::<Sha256>().ok());
    let Some(digest) = digest else {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the search needs a SHA-256 hash"));
    };
    services.with(|instance, _| Ok(Json(instance.rekor.search(&digest))))
}

#[derive(Deserialize)]
pub(super) struct Retrieve {
    #[serde(rename = "entryUUIDs", default)]
    uuids: Vec<String>,
    #[serde(rename = "logIndexes", default)]
    log_indexes: Vec<u64>,
    #[serde(default)]
    entries: Vec<Value>,
}

/// The entries asked for, each as `{uuid: entry}`; those the log does not hold are left out.
pub(super) async fn retrieve(
    State(services): State<Services>,
    Json(query): Json<Retrieve>,
) -> Result<Json<Value>, Problem> {
    let asked = query.uuids.len().saturating_add(query.log_indexes.len()).saturating_add(query.entries.len());
    if asked == 0 || asked > RETRIEVE_LIMIT {
        let message = format!("a retrieval asks for 1 to {RETRIEVE_LIMIT} entries");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    services.with(|instance, _| {
        let mut answers = Vec::new();
        for uuid in &query.uuids {
            answers.extend(instance.rekor.entry_by_uuid(uuid)?);
        }
        for index in &query.log_indexes {
            answers.extend(instance.rekor.entry_by_log_index(*index)?);
        }
        for proposal in &query.entries {
            answers.extend(instance.rekor.entry_by_body(&read_proposal(proposal)?.body)?);
        }
        Ok(Json(Value::Array(answers.iter().map(LoggedEntry::api_json).collect())))
    })
}

/// Logs a proposed entry: 201 with the entry, or 409 naming the same entry logged before.
pub(super) async fn propose(
    State(services): State<Services>,
    Json(proposal): Json<Value>,
) -> Result<Response, Problem> {
    let (before, entry) = services.with(|instance, now| {
        let (before, index) = match instance.rekor.add(read_proposal(&proposal)?, now) {
            Logged::New(index) => (false, index),
            Logged::Before(index) => (true, index),
        };
        Ok((before, instance.rekor.entry(index)?))
    })?;
    let entry = entry.ok_or_else(|| Problem::not_found("entry"))?;
    let location = [(header::LOCATION, format!("/api/v1/log/entries/{}", entry.uuid))];
    if before {
        let message = format!("an equivalent entry already exists in the transparency log with UUID {}", entry.uuid);
        let body = json!({ "code": StatusCode::CONFLICT.as_u16(), "message": message });
        return Ok((StatusCode::CONFLICT, location, Json(body)).into_response());
    }
    Ok((StatusCode::CREATED, location, Json(entry.api_json())).into_response())
}

fn found(entry: Option<LoggedEntry>) -> Result<Json<Value>, Problem> {
    entry.map(|entry| Json(entry.api_json())).ok_or_else(|| Problem::not_found("entry"))
}
