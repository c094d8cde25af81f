//! API and portal on HTTP, two hosts as in the real world. The key is wanted at the API, and nothing of it at the portal.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{API_KEY, Fault, Ita, Layout, POLICY, Seen, Signing, claims, held, token};
use crate::error::{Result, chain};

/// Largest request that is taken, in bytes.
const MAX_REQUEST_BYTES: usize = 500_000;

/// A request for a token, in either version.
#[derive(Deserialize)]
struct Attest {
    tdx: Option<Evidence>,
    quote: Option<String>,
    #[serde(default)]
    policy_ids: Vec<String>,
    #[serde(default)]
    policy_must_match: bool,
    token_signing_alg: Option<String>,
}

#[derive(Deserialize)]
struct Evidence {
    quote: String,
}

/// The API.
pub fn api(ita: Arc<Ita>) -> Router {
    Router::new()
        .route("/appraisal/v2/attest", post(attest))
        .route("/appraisal/v1/attest", post(attest))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(ita)
}

/// The portal.
pub fn portal(ita: Arc<Ita>) -> Router {
    Router::new()
        .route("/certs", get(certs))
        .route("/crl/root.crl", get(list))
        .route("/crl/signing.crl", get(list))
        .route("/appraisal/v2/attest", post(misled))
        .with_state(ita)
}

async fn attest(State(ita): State<Arc<Ita>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let asked: Option<Attest> = serde_json::from_slice(&body).ok();
    let quote = asked.as_ref().and_then(|asked| asked.tdx.as_ref().map(|tdx| &tdx.quote).or(asked.quote.as_ref()));
    let quote = quote.and_then(|text| STANDARD.decode(text).ok());
    let policies = asked.as_ref().map(|asked| asked.policy_ids.clone()).unwrap_or_default();
    record(&ita, &uri, &headers, quote.as_ref().map(Vec::len), policies);
    if let Some(failure) = failure(&ita) {
        return failure;
    }
    if headers.get("x-api-key").is_none_or(|key| key.as_bytes() != API_KEY.as_bytes()) {
        return problem(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    let (Some(asked), Some(quote)) = (asked, quote) else {
        return problem(StatusCode::BAD_REQUEST, "the request has no quote in base64");
    };
    match appraise(&ita, &asked, &quote, uri.path().contains("/v1/")) {
        Ok(answer) => answer,
        Err(error) => problem(StatusCode::BAD_REQUEST, &chain(&error)),
    }
}

fn appraise(ita: &Ita, asked: &Attest, quote: &[u8], flat: bool) -> Result<Response> {
    let now = Timestamp::now();
    let (quote, verdict) = ita.appraised(quote, now)?;
    let mut manner = ita.manner();
    if flat {
        manner.layout = Layout::One;
    }
    if asked.token_signing_alg.as_deref() == Some("RS256") {
        manner.signing = Signing::Rs256;
    }
    let has = |fault| manner.faults.contains(&fault);
    let (mut matched, mut unmatched): (Vec<_>, Vec<_>) =
        asked.policy_ids.iter().partition(|id| id.as_str() == POLICY && !has(Fault::PolicyUnmatched));
    if asked.policy_must_match && !unmatched.is_empty() && !has(Fault::PolicyUnmatched) {
        return Ok(problem(StatusCode::BAD_REQUEST, "one or more policies are unmatched"));
    }
    if has(Fault::PolicyMissing) {
        (matched, unmatched) = (Vec::new(), Vec::new());
    }
    let mut claims = claims::of(&quote, &verdict, &ita.portal, now.as_second(), &manner);
    let ids = |ids: &[&String]| ids.iter().map(|id| json!({ "id": id, "version": "v1" })).collect::<Vec<_>>();
    if let Some(claims) = claims.as_object_mut() {
        claims.insert("policy_ids_matched".to_owned(), json!(ids(&matched)));
        claims.insert("policy_ids_unmatched".to_owned(), json!(ids(&unmatched)));
        if has(Fault::KeyInToken) {
            claims.insert("jti".to_owned(), json!(API_KEY));
        }
    }
    let token = token::signed(&claims, &*ita.signers()?, &manner)?;
    let names = [("trace-id", "Root=1-sandbox"), ("request-id", "sandbox-request")];
    Ok((names, axum::Json(json!({ "token": token }))).into_response())
}

/// How a request fails before anybody looks at it.
fn failure(ita: &Ita) -> Option<Response> {
    let mut manner = held(&ita.manner);
    for fault in &mut manner.faults {
        if let Fault::Status(code, left) = fault
            && *left > 0
        {
            *left -= 1;
            let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Some(problem(status, "it does not work at present"));
        }
    }
    let has = |fault| manner.faults.contains(&fault);
    if has(Fault::EchoesKey) {
        let words = format!("no appraisal for the key {API_KEY}");
        return Some(problem(StatusCode::INTERNAL_SERVER_ERROR, &words));
    }
    if has(Fault::RefusesWithKey) {
        let spelt: String = API_KEY.bytes().map(|byte| format!("\\u00{byte:02x}")).collect();
        let body = format!("{{\"error\":\"no appraisal for {spelt}\"}}");
        let media_type = [(header::CONTENT_TYPE, "application/json")];
        return Some((StatusCode::BAD_REQUEST, media_type, body).into_response());
    }
    if has(Fault::Oversized) {
        return Some(axum::Json(json!({ "token": "x".repeat(10 << 20) })).into_response());
    }
    let elsewhere = format!("{}/appraisal/v2/attest", ita.portal);
    has(Fault::Redirects).then(|| Redirect::temporary(&elsewhere).into_response())
}

async fn certs(State(ita): State<Arc<Ita>>, uri: Uri, headers: HeaderMap) -> Response {
    record(&ita, &uri, &headers, None, Vec::new());
    answer(ita.jwks().map(|jwks| axum::Json(jwks).into_response()))
}

async fn list(State(ita): State<Arc<Ita>>, uri: Uri, headers: HeaderMap) -> Response {
    record(&ita, &uri, &headers, None, Vec::new());
    if ita.manner().faults.contains(&Fault::ListMissing) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let lists = ita.lists(Timestamp::now()).map(|[root, signing]| {
        let der = if uri.path().ends_with("root.crl") { root } else { signing };
        ([(header::CONTENT_TYPE, "application/pkix-crl")], der).into_response()
    });
    answer(lists)
}

/// What comes here was sent to the wrong host, with a key or without.
async fn misled(State(ita): State<Arc<Ita>>, uri: Uri, headers: HeaderMap) -> Response {
    record(&ita, &uri, &headers, None, Vec::new());
    StatusCode::NOT_FOUND.into_response()
}

fn record(ita: &Ita, uri: &Uri, headers: &HeaderMap, quote: Option<usize>, policies: Vec<String>) {
    let keyed = headers.contains_key("x-api-key") || headers.contains_key(header::AUTHORIZATION);
    held(&ita.seen).push(Seen { path: uri.path().to_owned(), keyed, quote, policies });
}

fn answer(outcome: Result<Response>) -> Response {
    outcome.unwrap_or_else(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, &chain(&error)))
}

fn problem(status: StatusCode, words: &str) -> Response {
    let body: Value = json!({ "error": words });
    (status, axum::Json(body)).into_response()
}
