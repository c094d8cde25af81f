//! The admin API of one node, on an address of its own: health, quote, and the node's own verdict on quotes, which is that of
//! the verifier that this program has.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::QUOTE_BYTES;
use crate::{
    attestation::{
        quote::Quote,
        verdict::{Collateral, DcapVerifier},
    },
    sandbox::{
        boot::Boot,
        e2e::Flaw,
        tdx::{Platform, QuoteRequest},
        trouble,
    },
};

/// A node.
pub(in crate::sandbox) struct Admin {
    pub(in crate::sandbox) platform: Arc<Platform>,
    pub(in crate::sandbox) boot: Boot,
    pub(in crate::sandbox) flaw: Option<Flaw>,
}

/// The API of a node.
pub(in crate::sandbox) fn router(node: Admin) -> Router {
    Router::new()
        .route("/admin-api/health", get(health))
        .route("/admin-api/tee/attest", post(attest))
        .route("/admin-api/tee/verify-quote", post(verify_quote))
        .with_state(Arc::new(node))
}

fn refused(status: StatusCode, words: &str) -> Response {
    (status, Json(json!({ "error": words }))).into_response()
}

/// 32 bytes in hex.
fn hash(asked: &Value, name: &str) -> Option<[u8; 32]> {
    hex::decode(asked.get(name)?.as_str()?).ok()?.try_into().ok()
}

async fn health(State(node): State<Arc<Admin>>) -> Response {
    if node.flaw == Some(Flaw::NotAlive) {
        let body = json!({"data": {"status": "store_unavailable"}});
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    }
    Json(json!({"data": {"status": "alive"}})).into_response()
}

async fn attest(State(node): State<Arc<Admin>>, Json(asked): Json<Value>) -> Response {
    let Some(mut nonce) = hash(&asked, "nonce") else {
        return refused(StatusCode::BAD_REQUEST, "nonce must be 64 hex characters");
    };
    if node.flaw == Some(Flaw::OtherNonce) {
        nonce.reverse();
    }
    let mut report_data = [0; 64];
    report_data.iter_mut().zip(&nonce).for_each(|(to, from)| *to = *from);
    let mut quote = node.platform.quote(&QuoteRequest::new(node.boot.registers(), report_data));
    quote.resize(quote.len().max(QUOTE_BYTES), 0);
    Json(json!({"data": {"quoteB64": STANDARD.encode(&quote)}})).into_response()
}

async fn verify_quote(State(node): State<Arc<Admin>>, Json(asked): Json<Value>) -> Response {
    if node.flaw == Some(Flaw::Silent) {
        return trouble::dropped();
    }
    verdict(&node.platform, &asked, node.flaw == Some(Flaw::Credulous))
}

/// What a node's own verifier makes of a quote: this program's verdict, or a yes to everything.
pub(super) fn verdict(platform: &Platform, asked: &Value, credulous: bool) -> Response {
    let quote = asked.get("quoteB64").and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
    let quote = quote.and_then(|bytes| Quote::parse(&bytes).ok());
    let (Some(quote), Some(nonce)) = (quote, hash(asked, "nonce")) else {
        return refused(StatusCode::BAD_REQUEST, "quoteB64 and nonce are needed");
    };
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
    let collateral = platform.collateral_json().ok().and_then(|json| Collateral::from_json(json.as_bytes()).ok());
    let verifier = DcapVerifier::new(platform.root_der()).ok();
    let genuine = verifier.zip(collateral).is_some_and(|(verifier, of)| verifier.verify(&quote, &of, now).is_ok());
    let mut data = json!({
        "quoteVerified": credulous || genuine,
        "nonceVerified": credulous || quote.report.nonce() == nonce,
    });
    if let (Some(application), Some(fields)) = (hash(asked, "expectedApplicationHash"), data.as_object_mut()) {
        let same = credulous || quote.report.binding() == application;
        fields.insert("applicationHashVerified".to_owned(), json!(same));
    }
    Json(json!({ "data": data })).into_response()
}
