//! Requests that change something: when they are made again, and what is sent then.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse as _,
};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use merotee::{
    adapters::http::{Body, Content, Http, HttpOptions, Redirects, Request, Service, Source},
    error::{Class, Error, Result},
};
use reqwest::Method;
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
};
use url::Url;

/// What arrived: method, path, stated length, media type, body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrived {
    method: String,
    path: String,
    length: Option<String>,
    media_type: Option<String>,
    body: Vec<u8>,
}

/// A server that answers each request with the next of its answers, and the last for ever.
struct Server {
    url: Url,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    task: JoinHandle<()>,
}

/// A status, and where to, for a redirect.
type Told = (u16, Option<&'static str>);

impl Server {
    async fn start(answers: &[Told]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answers)
    }

    fn on(listener: TcpListener, answers: &[Told]) -> Self {
        let url = Url::parse(&format!("http://{}/thing", listener.local_addr().unwrap())).unwrap();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let (log, answers) = (Arc::clone(&arrived), answers.to_vec());
        let handler = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            let (length, media_type) = (header("content-length"), header("content-type"));
            let mut log = log.lock().unwrap();
            let (code, to) = *answers.get(log.len()).or(answers.last()).unwrap();
            let (method, path) = (method.to_string(), uri.path().to_owned());
            log.push(Arrived { method, path, length, media_type, body: body.to_vec() });
            let mut response = (StatusCode::from_u16(code).unwrap(), r#"{"message":"m"}"#).into_response();
            if let Some(to) = to {
                response.headers_mut().insert("location", to.parse().unwrap());
            }
            std::future::ready(response)
        };
        let task = tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await.unwrap() });
        Self { url, arrived, task }
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn client(base: &Url) -> Http {
    let quick = HttpOptions { attempts: 3, backoff: Duration::ZERO, limit_pause: Duration::ZERO, ..Default::default() };
    Http::new(Service::Document, base.clone(), None, quick).unwrap()
}

fn request(method: Method, url: &Url) -> Request<'_> {
    Request { body: Body::json(&json!({"a": 1})), ..Request::new(method, url) }
}

#[track_caller]
fn told(outcome: Result<Option<merotee::adapters::http::Fetched>>, class: Class) -> String {
    let error: Error = outcome.unwrap_err();
    assert_eq!(error.class(), class, "{error}");
    error.to_string()
}

/// A body in pieces, and how often it was opened.
fn content(pieces: &'static [&'static [u8]]) -> (Content, Arc<AtomicUsize>) {
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let source: Source = Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let pieces = stream::iter(pieces.iter().map(|piece| Ok(piece.to_vec())));
        std::future::ready(Ok(pieces.boxed())).boxed()
    });
    let length = pieces.iter().map(|piece| piece.len() as u64).sum();
    (Content { media_type: "application/x-thing".to_owned(), length, source }, opened)
}

/// An address where nothing listens until it is told to.
fn silent() -> (TcpSocket, Url) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = Url::parse(&format!("http://{}/thing", socket.local_addr().unwrap())).unwrap();
    (socket, url)
}

#[tokio::test]
async fn what_may_have_been_done_is_not_asked_again_unless_that_does_no_harm() {
    for (method, idempotent, asked) in [
        (Method::POST, false, 1),
        (Method::PATCH, false, 1),
        (Method::PATCH, true, 3),
        (Method::POST, true, 3),
        (Method::PUT, true, 3),
        (Method::DELETE, true, 3),
        (Method::GET, true, 3),
    ] {
        for code in [500, 502, 503, 408] {
            let server = Server::start(&[(code, None)]).await;
            let (http, made) = (client(&server.url), request(method.clone(), &server.url));
            let message = told(http.ask(&Request { idempotent, ..made }, "make a thing").await, Class::Remote);
            assert_eq!(server.arrived().len(), asked, "{method} {idempotent} {code}: {message}");
            assert_eq!(message.ends_with("(after 3 attempts)"), asked == 3, "{message}");
        }
    }
}

#[tokio::test]
async fn by_its_method_a_put_or_delete_may_be_made_again_and_a_post_or_patch_may_not() {
    let url = Url::parse("http://localhost/").unwrap();
    let may = |method| Request::new(method, &url).idempotent;
    assert!([Method::GET, Method::HEAD, Method::PUT, Method::DELETE].into_iter().all(may));
    assert!(![Method::POST, Method::PATCH].into_iter().any(may));
    assert!(Request::search(&url, &json!({})).idempotent);
}

#[tokio::test]
async fn what_was_surely_not_done_is_asked_again_whatever_the_method() {
    let (_socket, url) = silent();
    for method in [Method::POST, Method::PUT] {
        let message = told(client(&url).ask(&request(method, &url), "make a thing").await, Class::Remote);
        assert!(message.starts_with("cannot make a thing: could not reach 127.0.0.1:"), "{message}");
        assert!(message.ends_with("(after 3 attempts)"), "{message}");
    }
    // A rate limit kept the server from it.
    let server = Server::start(&[(429, None), (201, None)]).await;
    let made = client(&server.url).ask(&request(Method::POST, &server.url), "make a thing").await.unwrap().unwrap();
    assert_eq!((made.status, made.body), (StatusCode::CREATED, br#"{"message":"m"}"#.to_vec()));
    assert!(server.arrived().iter().all(|one| one.body == br#"{"a":1}"#), "{:?}", server.arrived());
}

#[tokio::test]
async fn a_connection_that_ends_without_an_answer_leaves_open_whether_it_was_done() {
    for (method, connections) in [(Method::POST, 1), (Method::PUT, 3)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let server = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = tokio::io::AsyncReadExt::read_u8(&mut stream).await;
            }
        });
        let message = told(client(&url).ask(&request(method, &url), "make a thing").await, Class::Remote);
        assert!(message.contains("was cut off"), "{message}");
        assert_eq!(count.load(Ordering::Relaxed), connections, "{message}");
        server.abort();
    }
}

#[tokio::test]
async fn a_streamed_body_is_opened_anew_for_every_attempt_and_arrives_whole_each_time() {
    let server = Server::start(&[(502, None), (307, Some("/there")), (201, None)]).await;
    let (content, opened) = content(&[b"abc", b"", b"defg"]);
    let made = Request { body: Body::Stream(content), ..Request::new(Method::PUT, &server.url) };
    client(&server.url).ask(&made, "store a thing").await.unwrap().unwrap();
    let whole = |path: &str| Arrived {
        method: "PUT".to_owned(),
        path: path.to_owned(),
        length: Some("7".to_owned()),
        media_type: Some("application/x-thing".to_owned()),
        body: b"abcdefg".to_vec(),
    };
    assert_eq!(server.arrived(), [whole("/thing"), whole("/thing"), whole("/there")]);
    assert_eq!(opened.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_streamed_post_is_not_sent_again_after_502_but_is_when_nothing_listened() {
    let server = Server::start(&[(502, None)]).await;
    let (body, opened) = content(&[b"abc"]);
    let made = Request { body: Body::Stream(body), ..Request::new(Method::POST, &server.url) };
    told(client(&server.url).ask(&made, "store a thing").await, Class::Remote);
    assert_eq!((server.arrived().len(), opened.load(Ordering::Relaxed)), (1, 1));

    let (socket, url) = silent();
    // The second attempt finds the server that the first did not.
    let (waiting, running) = (Mutex::new(Some(socket)), Arc::new(Mutex::new(None::<Server>)));
    let (content, _) = content(&[b"abc"]);
    let (inner, opened, started) = (Arc::clone(&content.source), AtomicUsize::new(0), Arc::clone(&running));
    let source: Source = Arc::new(move || {
        if opened.fetch_add(1, Ordering::Relaxed) == 1 {
            let listener = waiting.lock().unwrap().take().unwrap().listen(8).unwrap();
            *started.lock().unwrap() = Some(Server::on(listener, &[(201, None)]));
        }
        inner()
    });
    let made = Request { body: Body::Stream(Content { source, ..content }), ..Request::new(Method::POST, &url) };
    client(&url).ask(&made, "store a thing").await.unwrap().unwrap();
    let arrived = running.lock().unwrap().as_ref().unwrap().arrived();
    assert_eq!(arrived.iter().map(|one| &one.body[..]).collect::<Vec<_>>(), [b"abc"]);
}

#[tokio::test]
async fn a_source_that_is_not_as_announced_or_fails_is_our_error_and_nothing_whole_is_sent() {
    let fails: Source = Arc::new(|| std::future::ready(Err(Error::input("cannot open `x`"))).boxed());
    let breaks: Source = Arc::new(|| {
        let pieces = [Ok(b"ab".to_vec()), Err(io::Error::other("the disk is gone"))];
        std::future::ready(Ok(stream::iter(pieces).boxed())).boxed()
    });
    let (short, long) = (content(&[b"ab"]).0, content(&[b"abc", b"d"]).0);
    for (source, why) in [
        (fails, "cannot open `x`"),
        (breaks, "the disk is gone"),
        (short.source, "it ended after 2 of the 3 bytes announced"),
        (long.source, "it has more than the 3 bytes announced"),
    ] {
        let server = Server::start(&[(201, None)]).await;
        let body = Body::Stream(Content { media_type: "text/plain".to_owned(), length: 3, source });
        let made = Request { body, ..Request::new(Method::PUT, &server.url) };
        let message = told(client(&server.url).ask(&made, "store a thing").await, Class::Input);
        assert!(message.starts_with("cannot store a thing: ") && message.ends_with(why), "{message}");
        assert_eq!(server.arrived(), [], "{why}");
    }
}

#[tokio::test]
async fn a_post_follows_only_a_redirect_that_says_it_was_not_done() {
    for (code, follows) in [(301, false), (302, false), (303, false), (307, true), (308, true)] {
        let server = Server::start(&[(code, Some("/there")), (201, None)]).await;
        let outcome = client(&server.url).ask(&request(Method::POST, &server.url), "make a thing").await;
        if follows {
            assert_eq!(outcome.unwrap().unwrap().url.path(), "/there");
            assert_eq!(server.arrived().last().unwrap().body, br#"{"a":1}"#);
        } else {
            let message = told(outcome, Class::Remote);
            assert!(message.ends_with(&format!("redirected a POST with {code}, which we don't follow")), "{message}");
            assert_eq!(server.arrived().len(), 1);
        }
    }
    // Nor out of the service, where the caller did not say so.
    let other = Server::start(&[(201, None)]).await;
    let to: &'static str = other.url.to_string().leak();
    let server = Server::start(&[(307, Some(to))]).await;
    told(client(&server.url).ask(&request(Method::POST, &server.url), "make a thing").await, Class::Remote);
    let anywhere = Request { redirects: Redirects::Anywhere, ..request(Method::POST, &server.url) };
    client(&server.url).ask(&anywhere, "make a thing").await.unwrap().unwrap();
    assert_eq!(other.arrived().len(), 1);
}

#[tokio::test]
async fn a_server_that_takes_nothing_of_a_body_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let options = HttpOptions { attempts: 1, read_timeout: Duration::from_millis(100), ..Default::default() };
    let http = Http::new(Service::Document, url.clone(), None, options).unwrap();
    let many: Source = Arc::new(|| {
        let pieces = stream::repeat_with(|| Ok(vec![0; 1 << 20])).take(64);
        std::future::ready(Ok(pieces.boxed())).boxed()
    });
    let content = Content { media_type: "text/plain".to_owned(), length: 64 << 20, source: many };
    let made = Request { body: Body::Stream(content), ..Request::new(Method::PUT, &url) };
    let message = told(http.ask(&made, "store a thing").await, Class::Remote);
    assert!(message.contains("did not answer within 100 ms"), "{message}");
}
