//! RFC 3161 over HTTP (§3.4).

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Problem, Services};

/// A DER request in, a DER response out; Sigstore's authority answers 201.
pub(super) async fn timestamp(State(services): State<Services>, request: Bytes) -> Result<Response, Problem> {
    let response = services.with(|instance, now| instance.tsa.answer(&request, now))?;
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/timestamp-reply")], response).into_response())
}
