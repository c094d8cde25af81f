//! A Sigstore instance on loopback whose answers are changed on their way.

use std::sync::{Arc, Mutex};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use merotee::sandbox::sigstore::{Instance, Log, router};
use tokio::runtime::Runtime;
use tower::Service as _;

use super::{token, workflow};
use crate::binary::{Invocation, Place};

/// A request on its way to the instance.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

/// An answer on its way back.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answered {
    /// Changes the answer as a JSON value.
    pub(super) fn json(&mut self, change: impl FnOnce(&mut serde_json::Value)) {
        let mut value = serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        change(&mut value);
        self.body = value.to_string().into_bytes();
    }
}

/// What is changed. Paths are those of the services.
pub(super) trait Fault: Send + Sync + 'static {
    /// Before the instance sees it.
    fn asked(&self, _: &mut Asked) {}
    /// Before the client sees it. `earlier` counts requests of this method and path before.
    fn answered(&self, _: &Asked, _: usize, _: &mut Answered) {}
}

/// Nothing is changed.
pub(super) struct Honest;

impl Fault for Honest {}

/// The instance, up until dropped.
pub(super) struct Crooked {
    pub(super) instance: Arc<Mutex<Instance>>,
    pub(super) base: String,
    seen: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

impl Crooked {
    pub(super) fn start(fault: impl Fault) -> Self {
        let runtime = Runtime::new().unwrap();
        let instance = Arc::new(Mutex::new(Instance::new(0, jiff::Timestamp::now()).unwrap()));
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (honest, fault, log) = (router(Arc::clone(&instance)), Arc::new(fault), Arc::clone(&seen));
        let handler = move |request: Request| {
            let (mut honest, fault, log) = (honest.clone(), Arc::clone(&fault), Arc::clone(&log));
            async move {
                let (mut parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
                let mut asked = Asked { method: parts.method.clone(), path: parts.uri.path().to_owned(), body };
                fault.asked(&mut asked);
                let line = format!("{} {}", asked.method, asked.path);
                let earlier = {
                    let mut log = log.lock().unwrap();
                    let earlier = log.iter().filter(|seen| **seen == line).count();
                    log.push(line);
                    earlier
                };
                parts.headers.remove("content-length");
                let honest = honest.call(Request::from_parts(parts, Body::from(asked.body.clone()))).await.unwrap();
                let (parts, body) = honest.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
                let mut answered = Answered { status: parts.status, headers: parts.headers, body };
                answered.headers.remove("content-length");
                fault.answered(&asked, earlier, &mut answered);
                let mut response = Response::new(Body::from(answered.body));
                *response.status_mut() = answered.status;
                *response.headers_mut() = answered.headers;
                response
            }
        };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, axum::Router::new().fallback(handler)).await });
        Self { instance, base, seen, _runtime: runtime }
    }

    /// `METHOD PATH` of the requests so far.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Makes a place to sign `blob` in, with entries going to this log.
    pub(super) fn place(&self, log: Log) -> Place {
        let place = Place::new();
        place.write("blob", "a release asset\n");
        let instance = self.instance.lock().unwrap();
        place.write("root.json", instance.trusted_root_json(&self.base));
        place.write("config.json", instance.signing_config_json(&self.base, log));
        place
    }
}

/// `sign blob` in such a place.
pub(super) fn sign(place: &Place) -> Invocation<'_> {
    place
        .merotee(["sign", "blob", "--signing-config", "config.json", "--trusted-root", "root.json", "--retries", "2"])
        .env("SIGSTORE_ID_TOKEN", token(&workflow("refs/heads/master")))
}
