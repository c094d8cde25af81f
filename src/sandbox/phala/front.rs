//! What stands before a service and should not: it hands every request on, and asks for an attestation over a nonce of its
//! own choice, as one does who replays what was attested before.

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

use crate::error::{Error, Result};

/// The largest request handed on, in bytes.
const MAX_BODY: usize = 64 << 10;

/// A server in front of another. It ends when it is dropped.
pub(super) struct Front {
    url: String,
    _server: JoinSet<()>,
}

#[derive(Clone)]
struct Behind {
    client: reqwest::Client,
    url: String,
}

impl Front {
    /// Stands before the service at `url`.
    pub(super) async fn before(url: &str) -> Result<Self> {
        let cannot = |e: std::io::Error| Error::input("cannot listen on loopback").because(e);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.map_err(|e| Error::internal("cannot set up a client").because(e))?;
        let router = Router::new().fallback(hand_on).with_state(Behind { client, url: url.to_owned() });
        let mut server = JoinSet::new();
        server.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!("a sandbox server stopped: {error}");
            }
        });
        Ok(Self { url: format!("http://{address}"), _server: server })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

async fn hand_on(State(behind): State<Behind>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = parts.uri.path();
    let asking = behind.client.request(parts.method.clone(), format!("{}{path}", behind.url));
    let asking = if parts.method == Method::GET { asking } else { asking.json(&changed(path, &body)) };
    let Ok(answer) = asking.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let status = answer.status();
    match answer.json::<Value>().await {
        Ok(said) => (status, Json(said)).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// The request, with another nonce where there is one.
fn changed(path: &str, body: &Bytes) -> Value {
    let mut asked: Value = serde_json::from_slice(body).unwrap_or_default();
    if let (true, Some(nonce)) = (path == "/attest", asked.get_mut("nonceB64")) {
        *nonce = json!(STANDARD.encode([7; 32]));
    }
    asked
}
