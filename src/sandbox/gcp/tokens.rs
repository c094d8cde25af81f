//! What gives out access tokens: Google's token services, the metadata server, and the runner of a job of GitHub Actions.
//! Each checks what it is shown, and repeats it where it says no: the worst case for a client's messages.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{SERVICE_ACCOUNT, Shared};
use crate::sandbox::trouble::{self, Asked, Mishap};

/// What a user of gcloud has.
pub const REFRESH_TOKEN: &str = "1//sandbox-refresh-token-0123456789abcdefghij";
/// What goes with it.
pub const CLIENT_SECRET: &str = "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6789";
/// With what a job asks its runner.
pub const RUNNER_TOKEN: &str = "sandbox-runner-token-0123456789abcdefghijkl";
/// The workload identity provider.
pub const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/github";
/// How the identity token of a job begins.
const IDENTITY: &str = "eyJhbGciOiJSUzI1NiJ9.sandbox-job-";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const LIFETIME: u64 = 3599;

pub(super) fn router(cloud: Shared) -> Router {
    Router::new()
        .route("/oauth2/token", post(refresh))
        .route("/sts/v1/token", post(exchange))
        .route("/iam/v1/projects/-/serviceAccounts/{call}", post(impersonate))
        .route("/runner/idtoken", get(runner))
        .route("/computeMetadata/v1/instance/service-accounts/default/token", get(metadata))
        .with_state(cloud)
}

/// Whether a token is one that the service account signed for itself, in its time and for this.
pub(super) fn is_self_signed(cloud: &Shared, token: &str) -> bool {
    let check = || {
        let (signed, signature) = token.rsplit_once('.')?;
        let (_, claims) = signed.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = cloud.key().ok()?;
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
        public.verify(signed.as_bytes(), &signature).ok()?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let time = |name: &str| claims.get(name).and_then(Value::as_i64);
        let now = jiff::Timestamp::now().as_second();
        let timely = time("iat")? <= now + 60 && time("exp")? > now && time("exp")? - time("iat")? <= 3600;
        let ours = text("iss") == Some(SERVICE_ACCOUNT) && text("sub") == Some(SERVICE_ACCOUNT);
        Some(timely && ours && text("scope") == Some(SCOPE))
    };
    token.contains('.') && token.starts_with("ey") && check().unwrap_or_default()
}

/// Notes a request, which may fail.
fn noted(cloud: &Shared, method: Method, path: &str, answer: impl FnOnce() -> Response) -> Response {
    let mishap = cloud.troubles.hit(&method, path);
    let response = match mishap {
        Some(Mishap::Status(code) | Mishap::DoneButStatus(code)) => {
            let words = json!({"error": {"code": code, "message": format!("failed with {ECHO}")}, "message": ECHO});
            (trouble::status(code), Json(words)).into_response()
        }
        Some(Mishap::Dropped | Mishap::AnswerLost) => trouble::dropped(),
        Some(Mishap::Limited(_)) => StatusCode::TOO_MANY_REQUESTS.into_response(),
        Some(Mishap::Ignored) => StatusCode::ACCEPTED.into_response(),
        Some(Mishap::Slow(_) | Mishap::Stuck | Mishap::DoneAndStuck) | None => answer(),
    };
    let status = (!mishap.is_some_and(Mishap::loses_the_answer)).then(|| response.status().as_u16());
    cloud.record.add(Asked { method, path: path.to_owned(), authorized: true, status });
    response
}

/// What a failing service repeats.
const ECHO: &str = REFRESH_TOKEN;

fn refused(word: &str, shown: &str) -> Response {
    let body = json!({"error": word, "error_description": format!("this was not accepted: {shown}")});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn given(token: &str) -> Response {
    Json(json!({"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"})).into_response()
}

fn fields(body: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

async fn refresh(State(cloud): State<Shared>, body: Bytes) -> Response {
    let fields = fields(&body);
    let is = |name: &str, value: &str| fields.get(name).is_some_and(|field| field == value);
    noted(&cloud, Method::POST, "/oauth2/token", || {
        if is("grant_type", "refresh_token") && is("refresh_token", REFRESH_TOKEN) && is("client_secret", CLIENT_SECRET)
        {
            given(&cloud.issue("user"))
        } else {
            refused("invalid_grant", &String::from_utf8_lossy(&body))
        }
    })
}

async fn exchange(State(cloud): State<Shared>, body: Bytes) -> Response {
    let fields = fields(&body);
    let is = |name: &str, value: &str| fields.get(name).is_some_and(|field| field == value);
    let subject = fields.get("subject_token").cloned().unwrap_or_default();
    noted(&cloud, Method::POST, "/sts/v1/token", || {
        let right = is("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            && is("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
            && is("audience", AUDIENCE)
            && subject == format!("{IDENTITY}{AUDIENCE}");
        match (right, fields.get("scope").map(String::as_str)) {
            (true, Some(SCOPE)) => given(&cloud.issue("workload")),
            // Good for the next step, and not for Compute Engine.
            (true, Some("https://www.googleapis.com/auth/iam")) => given(FEDERATED),
            (true | false, _) => refused("invalid_target", &subject),
        }
    })
}

/// A token that is good for impersonation alone.
const FEDERATED: &str = "ya29.federated-0123456789abcdefghijklmnopqrstuv";

async fn impersonate(
    State(cloud): State<Shared>,
    Path(call): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let shown = bearer(&headers);
    noted(&cloud, Method::POST, "/iam/v1/generateAccessToken", || {
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let right =
            call == format!("{SERVICE_ACCOUNT}:generateAccessToken") && asked.get("scope") == Some(&json!([SCOPE]));
        if right && shown == FEDERATED {
            let end = jiff::Timestamp::now().saturating_add(jiff::SignedDuration::from_secs(3600)).unwrap_or_default();
            return Json(json!({"accessToken": cloud.issue("account"), "expireTime": end})).into_response();
        }
        let error = json!({"code": 403, "message": format!("denied: {shown}"), "status": "PERMISSION_DENIED"});
        (StatusCode::FORBIDDEN, Json(json!({"error": error}))).into_response()
    })
}

async fn runner(
    State(cloud): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let shown = bearer(&headers);
    noted(&cloud, Method::GET, "/runner/idtoken", || {
        if shown != RUNNER_TOKEN {
            return (StatusCode::UNAUTHORIZED, Json(json!({"message": format!("bad token {shown}")}))).into_response();
        }
        let audience = query.get("audience").map(String::as_str).unwrap_or_default();
        Json(json!({"value": format!("{IDENTITY}{audience}")})).into_response()
    })
}

async fn metadata(State(cloud): State<Shared>, headers: HeaderMap) -> Response {
    let asked = headers.get("metadata-flavor").is_some_and(|flavor| flavor == "Google");
    noted(&cloud, Method::GET, "/computeMetadata/v1/token", || {
        if !asked {
            return StatusCode::FORBIDDEN.into_response();
        }
        let mut response = given(&cloud.issue("metadata"));
        response.headers_mut().insert("metadata-flavor", header::HeaderValue::from_static("Google"));
        response
    })
}

fn bearer(headers: &HeaderMap) -> String {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.strip_prefix("Bearer ").unwrap_or_default().to_owned()
}
