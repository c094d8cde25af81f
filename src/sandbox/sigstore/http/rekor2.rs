//! Rekor v2's write API: <https://github.com/sigstore/rekor-tiles/blob/main/openapi/rekor_service.swagger.yaml>.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::{Problem, Services};
use crate::sandbox::sigstore::rekor2::Proposal;

/// Logs a proposed entry, or finds it where it was logged before: the answer is the same.
pub(super) async fn propose(
    State(services): State<Services>,
    Json(proposal): Json<Value>,
) -> Result<Response, Problem> {
    let proposal: Proposal = serde_json::from_value(proposal).map_err(|e| {
        Problem::new(StatusCode::BAD_REQUEST, format!("only hashedrekord 0.0.2 can be logged here: {e}"))
    })?;
    let entry = services.with(|instance, _| instance.rekor2.add_checked(&proposal.check()?))?;
    Ok((StatusCode::CREATED, Json(entry.json())).into_response())
}
