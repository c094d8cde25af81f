//! A proxy before the sandbox's GitHub. It passes changes on one at a time, notes what the server holds after each, and does
//! something else to chosen requests.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, mpsc},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use merotee::sandbox::{
    github::{Fault, Trouble},
    sigstore::{JOB_TOKEN, Log},
    world::{Plan, World},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime, sync::Notify};

use super::REPOSITORY;
use crate::binary::LIMIT;

pub(super) const TOKEN: &str = "t0p-s3cret";

/// What is done to one request instead of passing it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instead {
    /// It is stopped before the server sees it; when it is let go it is passed on, unless its sender is gone.
    Stopped,
    /// The server does it, and the answer is stopped.
    DoneAndStopped,
    /// An upload breaks off at the server, and the answer is stopped.
    HalfAndStopped,
    /// It is answered so and not passed on.
    Answered(u16, &'static [(&'static str, &'static str)], &'static str),
    /// It is passed on, and answered so all the same.
    DoneBut(u16),
    /// The connection drops before the server sees it.
    Dropped,
    /// The server does it, and the connection drops.
    AnswerLost,
    /// An upload breaks off: the server answers 502 and keeps the name.
    Starter,
    /// The server takes an upload as empty and says 201.
    Empty,
}

/// Which request: the Nth of all, or the Nth of a kind.
#[derive(Debug, Clone)]
pub(super) enum Which {
    /// Counted from 0.
    Nth(usize),
    /// The first of this method whose path ends so, after so many others.
    Of(Method, &'static str, usize),
}

/// The server's state: name, digest and state of each asset of each release of the tag that is watched.
pub(super) type Held = BTreeMap<u64, Vec<(String, String, String)>>;

#[derive(Default)]
struct Book {
    rules: Vec<(Which, Instead, Option<Hook>)>,
    asked: usize,
    writes: Vec<String>,
    history: Vec<Held>,
    /// Words that answers to reading requests have exchanged.
    exchanges: Vec<(&'static str, &'static str)>,
    /// Whether every tag is said to lead to another commit.
    tags_moved: bool,
}

/// How a request that is stopped is told of, and let go.
struct Hook {
    there: mpsc::Sender<()>,
    go: Arc<Notify>,
}

/// A request that is, or will be, stopped.
pub(super) struct Stopped {
    there: mpsc::Receiver<()>,
    go: Arc<Notify>,
}

impl Stopped {
    /// Waits until the request is there.
    #[track_caller]
    pub(super) fn wait(&self, what: &str) {
        self.there.recv_timeout(LIMIT).unwrap_or_else(|e| panic!("{what}: {e}"));
    }

    /// Lets it go on.
    pub(super) fn let_go(&self) {
        self.go.notify_one();
    }
}

struct Inner {
    upstream: String,
    client: reqwest::Client,
    book: Mutex<Book>,
    one_at_a_time: tokio::sync::Mutex<()>,
    world: World,
}

pub(super) struct Gate {
    url: String,
    inner: Arc<Inner>,
    runtime: Runtime,
}

impl Gate {
    pub(super) fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (url, inner) = runtime.block_on(async {
            let world = World::start(&Plan::default()).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
            let inner = Arc::new(Inner {
                upstream: world.api_url().to_owned(),
                client: client.unwrap(),
                book: Mutex::default(),
                one_at_a_time: tokio::sync::Mutex::new(()),
                world,
            });
            let router = Router::new().fallback(pass).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&inner));
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            (url, inner)
        });
        Self { url, inner, runtime }
    }

    /// What a process needs to come through here.
    pub(super) fn exports(&self) -> impl Iterator<Item = (String, String)> {
        let root = self.inner.world.trusted_root().to_str().unwrap().to_owned();
        let rekor = self.inner.world.sigstore_url().to_owned();
        let variables = [
            ("GITHUB_API_URL", self.url.clone()),
            ("GITHUB_REPOSITORY", REPOSITORY.to_owned()),
            ("GH_TOKEN", TOKEN.to_owned()),
            ("MEROTEE_TRUSTED_ROOT", root),
            ("MEROTEE_REKOR_URL", rekor),
        ];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value))
    }

    /// What a process needs to sign as the release workflow at a tag.
    pub(super) fn signing(&self, tag: &str) -> impl Iterator<Item = (String, String)> {
        let tag = tag.parse().unwrap();
        let variables = [
            ("MEROTEE_SIGNING_CONFIG", self.inner.world.signing_config(Log::Rekor1).to_str().unwrap().to_owned()),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", self.inner.world.token_url(Some(&tag))),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", JOB_TOKEN.to_owned()),
        ];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value))
    }

    /// Does something else to a request that is yet to come.
    pub(super) fn instead(&self, which: Which, what: Instead) {
        self.inner.book.lock().unwrap().rules.push((which, what, None));
    }

    /// As [`Gate::instead`], for a request that is stopped.
    pub(super) fn stop(&self, which: Which, what: Instead) -> Stopped {
        let (sender, there) = mpsc::channel();
        let go = Arc::new(Notify::new());
        let hook = Hook { there: sender, go: Arc::clone(&go) };
        self.inner.book.lock().unwrap().rules.push((which, what, Some(hook)));
        Stopped { there, go }
    }

    /// Starts counting and noting anew.
    pub(super) fn forget(&self) {
        *self.inner.book.lock().unwrap() = Book::default();
    }

    /// Requests so far.
    pub(super) fn asked(&self) -> usize {
        self.inner.book.lock().unwrap().asked
    }

    /// Whether every rule was used.
    pub(super) fn rules_are_used(&self) -> bool {
        self.inner.book.lock().unwrap().rules.is_empty()
    }

    /// Methods and paths of requests that change something.
    pub(super) fn writes(&self) -> Vec<String> {
        self.inner.book.lock().unwrap().writes.clone()
    }

    /// What the server held after each change.
    pub(super) fn history(&self) -> Vec<Held> {
        self.inner.book.lock().unwrap().history.clone()
    }

    /// Asks the server itself.
    pub(super) fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        self.runtime.block_on(self.inner.ask(method, path, body))
    }

    /// Answers from now on that every release is immutable.
    pub(super) fn says_immutable(&self) {
        self.inner.exchange("\"immutable\":false", "\"immutable\":true");
    }

    /// States no digest of any asset from now on. Signatures hold digests in another form.
    pub(super) fn states_no_digests(&self) {
        self.inner.exchange("\"digest\":\"sha256:", "\"unstated\":\"sha256:");
    }

    /// Answers from now on that every tag leads to another commit.
    pub(super) fn moves_tags(&self) {
        self.inner.book.lock().unwrap().tags_moved = true;
    }

    /// Uploads an asset to the server itself.
    pub(super) fn upload(&self, release: u64, name: &str, content: String) {
        let url = format!("{}/repos/{REPOSITORY}/releases/{release}/assets?name={name}", self.inner.upstream);
        let sent = self.inner.client.post(url).bearer_auth(TOKEN).body(content).send();
        assert_eq!(self.runtime.block_on(sent).unwrap().status(), StatusCode::CREATED);
    }

    /// Releases and drafts of a tag.
    pub(super) fn releases(&self, tag: &str) -> Vec<Value> {
        self.runtime.block_on(self.inner.releases(tag))
    }

    /// Name and digest of a release's assets; one that is not whole has its state in place of the digest.
    pub(super) fn assets(&self, release: &Value) -> BTreeMap<String, String> {
        let assets = release["assets"].as_array().unwrap();
        let named: BTreeMap<_, _> = assets.iter().map(|a| (word(&a["name"]), content(a))).collect();
        assert_eq!(named.len(), assets.len(), "a name occurs twice: {assets:#?}");
        named
    }

    /// Deletes releases and drafts of a tag and leaves the tag.
    pub(super) fn remove_releases(&self, tag: &str) {
        for release in self.releases(tag) {
            self.ask(Method::DELETE, &format!("releases/{}", release["id"]), None);
        }
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn content(asset: &Value) -> String {
    match asset["state"].as_str() {
        Some("uploaded") if asset["size"] != 0 => word(&asset["digest"]),
        Some(state) => format!("({state}, {} bytes)", asset["size"]),
        None => panic!("{asset}"),
    }
}

impl Inner {
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let url = format!("{}/repos/{REPOSITORY}/{path}", self.upstream);
        let mut asked = self.client.request(method, url).bearer_auth(TOKEN);
        if let Some(body) = body {
            asked = asked.json(body);
        }
        let answer = asked.send().await.unwrap();
        let status = answer.status();
        let bytes = answer.bytes().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn exchange(&self, word: &'static str, other: &'static str) {
        self.book.lock().unwrap().exchanges.push((word, other));
    }

    async fn releases(&self, tag: &str) -> Vec<Value> {
        let all = self.ask(Method::GET, "releases?per_page=100", None).await;
        all.as_array().unwrap().iter().filter(|release| release["tag_name"] == tag).cloned().collect()
    }

    async fn held(&self) -> Held {
        let all = self.ask(Method::GET, "releases?per_page=100", None).await;
        let releases = all.as_array().unwrap().iter();
        releases
            .map(|release| {
                let assets = release["assets"].as_array().unwrap().iter();
                let assets = assets.map(|a| (word(&a["name"]), content(a), word(&a["state"])));
                (release["id"].as_u64().unwrap(), assets.collect())
            })
            .collect()
    }

    /// What the rules say of a request.
    fn rule(&self, method: &Method, uri: &Uri) -> Option<(Instead, Option<Hook>)> {
        let (path, mut book) = (uri.path(), self.book.lock().unwrap());
        let number = book.asked;
        book.asked += 1;
        if !method.is_safe() {
            book.writes.push(format!("{method} {uri}"));
        }
        for at in 0..book.rules.len() {
            let hit = match &mut book.rules[at].0 {
                Which::Nth(wanted) => *wanted == number,
                Which::Of(wanted, end, after) if wanted == method && path.ends_with(*end) => {
                    let hit = *after == 0;
                    *after = after.saturating_sub(1);
                    hit
                }
                Which::Of(..) => false,
            };
            if hit {
                let (_, what, hook) = book.rules.remove(at);
                return Some((what, hook));
            }
        }
        None
    }

    async fn forward(&self, parts: &Parts, body: Bytes) -> Response {
        let path = parts.uri.path_and_query().map(ToString::to_string).unwrap();
        let changes = !parts.method.is_safe();
        // Changes come one at a time, so that what is noted after each is what it left.
        let _alone = if changes { Some(self.one_at_a_time.lock().await) } else { None };
        let mut headers = parts.headers.clone();
        headers.remove(header::TRANSFER_ENCODING);
        let url = format!("{}{path}", self.upstream);
        // The host header stays: addresses in the answers lead through here again.
        let answer = self.client.request(parts.method.clone(), url).headers(headers).body(body).send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut bytes = answer.bytes().await.unwrap();
        if changes {
            let held = self.held().await;
            self.book.lock().unwrap().history.push(held);
        } else {
            let book = self.book.lock().unwrap();
            if book.tags_moved && path.contains("/git/ref/tags/") {
                let mut found: Value = serde_json::from_slice(&bytes).unwrap();
                found["object"] = json!({ "type": "commit", "sha": "0".repeat(40) });
                bytes = found.to_string().into_bytes().into();
            }
            for (word, other) in book.exchanges.iter().filter(|_| path.contains("/releases")) {
                bytes = String::from_utf8_lossy(&bytes).replace(word, other).into_bytes().into();
            }
        }
        reply(status, headers, bytes)
    }

    /// Passes an upload on that breaks off at the server.
    async fn half(&self, parts: &Parts, body: Bytes) -> Response {
        let path = "/assets?name=".to_owned();
        let fault = Fault { method: Method::POST, path, after: 0, what: Trouble::Starter };
        self.world.github().faults().add(fault);
        self.forward(parts, body).await
    }
}

fn reply(status: StatusCode, mut headers: HeaderMap, bytes: Bytes) -> Response {
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Tells the test that a request is stopped, and waits until it is let go.
async fn held_back(hook: Option<Hook>) {
    let hook = hook.expect("somebody waits for it");
    hook.there.send(()).unwrap();
    hook.go.notified().await;
}

fn broken() -> Response {
    let broken = futures_util::stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("dropped"))]);
    Response::new(Body::from_stream(broken))
}

async fn pass(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap();
    let rule = inner.rule(&parts.method, &parts.uri);
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else { return broken() };
    let (rule, hook) = rule.unzip();
    let hook = hook.flatten();
    match rule {
        None => inner.forward(&parts, body).await,
        Some(Instead::Stopped) => {
            // Dropped with its connection when the sender is killed meanwhile.
            held_back(hook).await;
            inner.forward(&parts, body).await
        }
        Some(Instead::DoneAndStopped) => {
            let response = inner.forward(&parts, body).await;
            held_back(hook).await;
            response
        }
        Some(Instead::HalfAndStopped) => {
            let response = inner.half(&parts, body).await;
            held_back(hook).await;
            response
        }
        Some(Instead::Answered(code, headers, message)) => {
            let status = StatusCode::from_u16(code).unwrap();
            let mut response = (status, axum::Json(json!({ "message": message }))).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            response
        }
        Some(Instead::DoneBut(code)) => {
            inner.forward(&parts, body).await;
            (StatusCode::from_u16(code).unwrap(), axum::Json(json!({ "message": "oops" }))).into_response()
        }
        Some(Instead::Dropped) => broken(),
        Some(Instead::AnswerLost) => {
            inner.forward(&parts, body).await;
            broken()
        }
        Some(Instead::Starter) => inner.half(&parts, body).await,
        Some(Instead::Empty) => {
            inner.half(&parts, body).await;
            inner.exchange("\"state\":\"starter\"", "\"state\":\"uploaded\"");
            let name = path.rsplit("name=").next().unwrap_or_default();
            let asset = json!({ "id": 1, "name": name, "size": 0, "state": "uploaded", "digest": null });
            (StatusCode::CREATED, axum::Json(asset)).into_response()
        }
    }
}
