//! The HTTP of a dstack KMS, the same over plain connections and over TLS.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};

use super::{
    Flaw,
    kms::{Kms, Phase},
    methods, refusal,
};
use crate::sandbox::trouble::{self, Asked, Mishap};

/// Largest body taken, as the real one has it.
const MAX_BODY: usize = 10 << 20;

/// What a KMS answers.
pub(super) fn router(kms: Arc<Kms>) -> Router {
    let watch = middleware::from_fn_with_state(Arc::clone(&kms), watched);
    Router::new().fallback(asked).layer(watch).with_state(kms)
}

async fn asked(State(kms): State<Arc<Kms>>, request: Request) -> Response {
    let (path, method) = (request.uri().path().to_owned(), request.method().clone());
    let body = axum::body::to_bytes(request.into_body(), MAX_BODY).await.unwrap_or_default();
    let mut response = answered(&kms, &method, &path, body).await;
    // What was opened in one phase is of no use in the next.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn answered(kms: &Arc<Kms>, method: &Method, path: &str, body: Bytes) -> Response {
    match (method, path) {
        (&Method::GET, "/health") => "OK".into_response(),
        (&Method::GET, "/finish") if kms.phase() == Phase::Waits => {
            methods::finish(kms);
            "OK".into_response()
        }
        (_, path) => match path.strip_prefix("/prpc/") {
            Some(name) => match methods::answer(kms, name, &body).await {
                Ok(body) => refusal::json_text(body),
                Err(refused) => refused.into_response(),
            },
            None => (StatusCode::NOT_FOUND, Body::from("404: Not Found")).into_response(),
        },
    }
}

/// Lets a mishap happen, and notes the request.
async fn watched(State(kms): State<Arc<Kms>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let lasting = (kms.host.has(Flaw::BootstrapLost) && path.contains("Bootstrap")).then_some(Mishap::AnswerLost);
    let mishap = kms.host.troubles.hit(&method, &path).or(lasting);
    let lost = mishap.is_some_and(Mishap::loses_the_answer);
    let response = trouble::suffered(&kms.host.troubles, mishap, refusal::status, request, next).await;
    let status = (!lost).then(|| response.status().as_u16());
    kms.host.record.add(Asked { method, path, authorized: false, status });
    response
}
