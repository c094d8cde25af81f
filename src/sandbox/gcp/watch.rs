//! What happens to every request to Compute Engine around its handler: the token is looked at, it may fail, it is noted.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{Flaw, Shared, refusal::Refusal, tokens};
use crate::sandbox::trouble::{self, Asked, Mishap};

/// How long the account is over its limit with [`Flaw::Limited`], in seconds.
const LIMITED_FOR: u64 = 3600;

/// Lets a fault happen, and notes the request.
pub(super) async fn watched(State(cloud): State<Shared>, request: Request, next: Next) -> Response {
    let held = cloud.hold.arrives().await;
    let method = request.method().clone();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
    let flaw = cloud.flaw();
    let mishap = cloud.troubles.hit(&method, &path).or_else(|| lasting(flaw, &method, &path));
    let lost = mishap.is_some_and(Mishap::loses_the_answer);
    let response = match barred(&cloud, token.as_deref()) {
        Some(refusal) => refusal.into_response(),
        None => trouble::suffered(&cloud.troubles, mishap, refuse, request, next).await,
    };
    if held {
        return cloud.hold.stays().await;
    }
    let status = (!lost).then(|| response.status().as_u16());
    cloud.record.add(Asked { method, path, authorized: token.is_some(), status });
    response
}

fn barred(cloud: &Shared, token: Option<&str>) -> Option<Refusal> {
    let token = token.unwrap_or_default();
    let known = cloud.takes(token) || tokens::is_self_signed(cloud, token);
    if !known || cloud.flaw() == Some(Flaw::TokenRefused) {
        // A service that repeats what it was sent is the worst case for a client's messages.
        let words = format!("Request had invalid authentication credentials: {token}");
        return Some(Refusal::new(StatusCode::UNAUTHORIZED, "authError", words));
    }
    if cloud.flaw() == Some(Flaw::Forbidden) {
        let words = "Required 'compute.instances.create' permission for 'projects/merotee-sandbox'";
        return Some(Refusal::new(StatusCode::FORBIDDEN, "forbidden", words));
    }
    None
}

/// What lasts and happens to requests of one kind.
fn lasting(flaw: Option<Flaw>, method: &Method, path: &str) -> Option<Mishap> {
    let flaw = flaw?;
    let deletes = |what: &str| *method == Method::DELETE && path.contains(what);
    let (machine, rule) = (deletes("/instances/"), deletes("/firewalls/"));
    let all = [
        (Flaw::Limited, true, Mishap::Limited(LIMITED_FOR)),
        (Flaw::Unavailable, true, Mishap::Status(503)),
        (Flaw::GoneBeforeDelete, machine, Mishap::DoneButStatus(404)),
        (Flaw::DeleteFails, machine, Mishap::Status(500)),
        (Flaw::FirewallDeleteFails, rule, Mishap::Status(500)),
    ];
    all.into_iter().find(|(one, applies, _)| *one == flaw && *applies).map(|(_, _, mishap)| mishap)
}

fn refuse(status: StatusCode, wait: Option<u64>) -> Response {
    let mut response =
        Refusal::new(status, "backendError", status.canonical_reason().unwrap_or_default()).into_response();
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
