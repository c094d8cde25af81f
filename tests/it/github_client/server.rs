//! Servers on loopback: one that answers as told and remembers what it was asked, one that misbehaves below HTTP.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use url::Url;

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    /// How often the path was asked for before.
    pub(super) earlier: usize,
    /// The server's own URL.
    pub(super) base: Url,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(super) struct Server {
    pub(super) url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(answer: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let counts = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
        let (log, url) = (Arc::clone(&seen), base.clone());
        let handler = move |request: Request| {
            let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
            let earlier = {
                let mut counts = counts.lock().unwrap();
                let count = counts.entry(path.clone()).or_default();
                *count += 1;
                *count - 1
            };
            let one = Seen { path, query, headers: request.headers().clone(), earlier, base: base.clone() };
            let response = answer(&one);
            log.lock().unwrap().push(one);
            async move { response }
        };
        let task = tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await.unwrap() });
        Self { url, seen, task }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.path).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn json(value: &Value) -> Response {
    bytes(value.to_string())
}

pub(super) fn bytes(body: impl Into<Body>) -> Response {
    Response::new(body.into())
}

/// A body of one byte for ever, without a length.
pub(super) fn endless(byte: u8) -> Response {
    let pieces = std::iter::repeat_with(move || Ok::<_, std::io::Error>(vec![byte; 1 << 16]));
    bytes(Body::from_stream(futures_util::stream::iter(pieces)))
}

pub(super) fn status(code: u16, message: &str) -> Response {
    headed(code, &[], &serde_json::json!({ "message": message }).to_string())
}

pub(super) fn headed(code: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let mut response = Response::builder().status(StatusCode::from_u16(code).unwrap());
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Body::from(body.to_owned())).unwrap()
}

pub(super) fn redirect(to: &str) -> Response {
    headed(302, &[(header::LOCATION.as_str(), to)], "")
}

/// A server that writes given bytes on each connection after reading one request, and then closes or falls silent.
pub(super) struct RawServer {
    pub(super) url: Url,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

/// What one connection gets.
#[derive(Debug, Clone)]
pub(super) enum Script {
    /// These bytes, then the end.
    Cut(Vec<u8>),
    /// These bytes, then nothing, the connection kept.
    Hang(Vec<u8>),
    /// These bytes, then one more every few milliseconds, for ever.
    Trickle(Vec<u8>),
}

impl RawServer {
    /// The last script is for all further connections as well.
    pub(super) async fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            let mut number = 0;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let script = scripts.get(number).or(scripts.last()).unwrap().clone();
                number += 1;
                let log = Arc::clone(&log);
                connections.spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(stream.read_u8().await?);
                    }
                    log.lock().unwrap().push(String::from_utf8(head).unwrap());
                    perform(&mut stream, script).await
                });
            }
        });
        Self { url, heads, task }
    }

    /// The heads of all requests, one a connection.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn perform(stream: &mut tokio::net::TcpStream, script: Script) -> std::io::Result<()> {
    match script {
        Script::Cut(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Script::Hang(bytes) => {
            stream.write_all(&bytes).await?;
            std::future::pending().await
        }
        Script::Trickle(bytes) => {
            stream.write_all(&bytes).await?;
            let mut tick = tokio::time::interval(std::time::Duration::from_millis(5));
            loop {
                tick.tick().await;
                stream.write_all(b" ").await?;
            }
        }
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An HTTP/1.1 answer as bytes; `headers` end in CRLF each.
pub(super) fn raw(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\n{headers}\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}
