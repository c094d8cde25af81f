//! Identity tokens as a job of GitHub Actions asks for them:
//! <https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token>. Which workflow the
//! job is of, the address says.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Problem, Services};
use crate::sandbox::sigstore::{Identity, JOB_TOKEN};

/// The job, and whom the token is to be for.
#[derive(Deserialize)]
pub(super) struct Asked {
    audience: Option<String>,
    repository: String,
    workflow: String,
    #[serde(rename = "ref")]
    git_ref: String,
    sha: String,
}

pub(super) async fn token(
    State(services): State<Services>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Problem> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if bearer.and_then(|value| value.strip_prefix("Bearer ")) != Some(JOB_TOKEN) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "the token of the job is needed"));
    }
    let identity = Identity::github_workflow(&asked.repository, &asked.workflow, &asked.git_ref, &asked.sha);
    // Without an audience GitHub names the owner of the repository.
    let owner = asked.repository.split('/').next().unwrap_or_default();
    let audience = asked.audience.unwrap_or_else(|| format!("https://github.com/{owner}"));
    let token = services.with(|instance, now| instance.oidc.token_for(&audience, &identity, now))?;
    Ok(Json(json!({ "count": token.len(), "value": token })))
}
