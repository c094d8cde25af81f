//! What stands before a service and should not: it hands every request on, and bends some of them. One asks for an attestation
//! over a nonce of its own choice, as one does who replays what was attested before; others are slow, fail, or are barred.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Request, State},
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::flaw::Flaw;
use crate::error::{Error, Result};

/// The largest request handed on, in bytes.
const MAX_BODY: usize = 64 << 10;

/// How long a key takes that is slow to come: several times as long as any other.
const SLOW: Duration = Duration::from_millis(900);
/// Which of so many key requests fails.
const FAILS: usize = 4;
/// How many questions for health are answered well, and how many badly, in turn.
const FLAPS: usize = 3;

/// What is bent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Bend {
    /// The nonce of an attestation.
    Nonce,
    /// The time that a key takes.
    Slow,
    /// Some key requests fail.
    Fails,
    /// Health comes and goes.
    Flaps,
    /// No key request is handed on: 403, in the words of a proxy.
    Bars,
}

impl Bend {
    /// What a flaw bends.
    pub(super) fn of(flaw: Flaw) -> Option<Self> {
        let all = [
            (Flaw::OtherNonce, Self::Nonce),
            (Flaw::UpdatedSlow, Self::Slow),
            (Flaw::UpdatedFailing, Self::Fails),
            (Flaw::UpdatedFlapping, Self::Flaps),
        ];
        all.into_iter().find(|(of, _)| *of == flaw).map(|(_, bend)| bend)
    }
}

/// A server in front of another. It ends when it is dropped.
pub(in crate::sandbox) struct Front {
    url: String,
    _server: JoinSet<()>,
}

#[derive(Clone)]
struct Behind {
    client: reqwest::Client,
    url: String,
    bend: Bend,
    /// Requests so far that were looked at.
    seen: Arc<AtomicUsize>,
}

impl Front {
    /// Stands before the service at `url`.
    pub(in crate::sandbox) async fn before(url: &str, bend: Bend) -> Result<Self> {
        let cannot = |e: std::io::Error| Error::input("cannot listen on loopback").because(e);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.map_err(|e| Error::internal("cannot set up a client").because(e))?;
        let router = Router::new().fallback(hand_on).with_state(Behind {
            client,
            url: url.to_owned(),
            bend,
            seen: Arc::default(),
        });
        let mut server = JoinSet::new();
        server.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!("a sandbox server stopped: {error}");
            }
        });
        Ok(Self { url: format!("http://{address}"), _server: server })
    }

    pub(in crate::sandbox) fn url(&self) -> &str {
        &self.url
    }
}

async fn hand_on(State(behind): State<Behind>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = parts.uri.path();
    if behind.bend == Bend::Bars && path == "/get-key" {
        return (StatusCode::FORBIDDEN, "<html><title>403 Forbidden</title></html>").into_response();
    }
    if behind.fails(path).await {
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": "internal_error"}))).into_response();
    }
    let asking = behind.client.request(parts.method.clone(), format!("{}{path}", behind.url));
    let asking = if parts.method == Method::GET { asking } else { asking.json(&changed(behind.bend, path, &body)) };
    let Ok(answer) = asking.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let status = answer.status();
    match answer.json::<Value>().await {
        Ok(said) => (status, Json(said)).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

impl Behind {
    /// Whether a request is to fail; one that is to be slow is held up.
    async fn fails(&self, path: &str) -> bool {
        let number = |of: &str| (path == of).then(|| self.seen.fetch_add(1, Ordering::Relaxed));
        match self.bend {
            Bend::Nonce | Bend::Bars => false,
            Bend::Slow => {
                if path == "/get-key" {
                    tokio::time::sleep(SLOW).await;
                }
                false
            }
            Bend::Fails => number("/get-key").is_some_and(|number| number % FAILS == FAILS - 1),
            Bend::Flaps => number("/health").is_some_and(|number| number / FLAPS % 2 == 1),
        }
    }
}

/// The request, with another nonce where that is bent.
fn changed(bend: Bend, path: &str, body: &Bytes) -> Value {
    let mut asked: Value = serde_json::from_slice(body).unwrap_or_default();
    if let (true, Some(nonce)) = (bend == Bend::Nonce && path == "/attest", asked.get_mut("nonceB64")) {
        *nonce = json!(STANDARD.encode([7; 32]));
    }
    asked
}
