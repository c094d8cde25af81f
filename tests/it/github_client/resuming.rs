//! Downloads that break off and go on.

use std::{path::Path, sync::Arc};

use axum::response::Response;
use merotee::{digest::Sha256, error::Class};
use url::Url;

use super::{
    an_asset, client, names_in, options, payload, says,
    server::{RawServer, Script, Seen, Server, bytes, headed, raw, redirect, status},
    told,
};

const SIZE: usize = 100_000;
const HALF: usize = 50_000;

fn first_half() -> Script {
    Script::Cut(raw("200 OK", &format!("content-length: {SIZE}\r\n"), &payload(SIZE)[..HALF]))
}

/// The bytes from `start`, as a server that knows ranges sends them.
fn partial(start: usize) -> Script {
    let length = SIZE - start;
    let head = format!(
        "content-length: {length}\r\ncontent-range: bytes {start}-{}/{SIZE}\r\nconnection: close\r\n",
        SIZE - 1
    );
    Script::Cut(raw("206 Partial Content", &head, &payload(SIZE)[start..]))
}

fn whole() -> Script {
    Script::Cut(raw("200 OK", &format!("content-length: {SIZE}\r\nconnection: close\r\n"), &payload(SIZE)))
}

/// Downloads from such a server, expects the right bytes, and returns the range asked for on each connection.
async fn ranges(scripts: Vec<Script>) -> Vec<Option<String>> {
    let server = RawServer::start(scripts).await;
    let directory = tempfile::tempdir().unwrap();
    expect_whole(&server.url, directory.path()).await;
    let range = |head: String| {
        let mut lines = head.lines();
        lines.find_map(|line| line.strip_prefix("range: ").map(str::to_owned))
    };
    server.heads().into_iter().map(range).collect()
}

async fn expect_whole(api: &Url, directory: &Path) {
    let path = directory.join("out");
    let asset = an_asset(api, SIZE as u64);
    let done = client(api, options()).download(&asset, &path, |_| ()).await.unwrap();
    assert_eq!((done.size, done.sha256), (SIZE as u64, Sha256::of(&payload(SIZE))));
    assert_eq!(std::fs::read(&path).unwrap(), payload(SIZE));
    assert_eq!(names_in(directory), ["out"]);
}

fn from(start: usize) -> Option<String> {
    Some(format!("bytes={start}-"))
}

#[tokio::test]
async fn a_cut_body_is_resumed_where_it_stopped() {
    assert_eq!(ranges(vec![first_half(), partial(HALF)]).await, [None, from(HALF)]);
}

#[tokio::test]
async fn a_server_that_ignores_the_range_makes_it_start_again() {
    assert_eq!(ranges(vec![first_half(), whole()]).await, [None, from(HALF)]);
}

#[tokio::test]
async fn a_range_that_starts_elsewhere_is_not_glued_on() {
    let scripts = vec![first_half(), partial(HALF - 1), whole()];
    assert_eq!(ranges(scripts).await, [None, from(HALF), None]);
    let unnamed = Script::Cut(raw("206 Partial Content", "content-length: 1\r\nconnection: close\r\n", b"x"));
    assert_eq!(ranges(vec![first_half(), unnamed, whole()]).await, [None, from(HALF), None]);
}

#[tokio::test]
async fn a_range_that_ends_early_is_followed_by_the_rest() {
    let head = format!("content-length: 10000\r\ncontent-range: bytes {HALF}-59999/{SIZE}\r\nconnection: close\r\n");
    let some = Script::Cut(raw("206 Partial Content", &head, &payload(SIZE)[HALF..60_000]));
    assert_eq!(ranges(vec![first_half(), some, partial(60_000)]).await, [None, from(HALF), from(60_000)]);
}

#[tokio::test]
async fn chunks_without_a_last_one_are_a_cut() {
    let mut body = format!("{HALF:x}\r\n").into_bytes();
    body.extend_from_slice(&payload(SIZE)[..HALF]);
    body.extend_from_slice(b"\r\n");
    let cut = Script::Cut(raw("200 OK", "transfer-encoding: chunked\r\n", &body));
    assert_eq!(ranges(vec![cut, partial(HALF)]).await, [None, from(HALF)]);
}

#[tokio::test]
async fn a_body_without_a_length_that_ends_early_is_a_cut() {
    let cut = Script::Cut(raw("200 OK", "", &payload(SIZE)[..HALF]));
    assert_eq!(ranges(vec![cut, partial(HALF)]).await, [None, from(HALF)]);
}

#[tokio::test]
async fn all_bytes_without_an_end_are_whole_when_the_server_has_no_more() {
    let mut body = format!("{SIZE:x}\r\n").into_bytes();
    body.extend_from_slice(&payload(SIZE));
    let unended = Script::Cut(raw("200 OK", "transfer-encoding: chunked\r\n", &body));
    let no_more = |whole: usize| {
        let head = format!("content-range: bytes */{whole}\r\ncontent-length: 0\r\nconnection: close\r\n");
        Script::Cut(raw("416 Range Not Satisfiable", &head, b""))
    };
    assert_eq!(ranges(vec![unended.clone(), no_more(SIZE)]).await, [None, from(SIZE)]);
    assert_eq!(ranges(vec![unended, no_more(7), whole()]).await, [None, from(SIZE), None]);
}

#[tokio::test]
async fn a_body_cut_on_every_attempt_is_given_up_without_a_trace() {
    let server = RawServer::start(vec![first_half(), Script::Cut(vec![])]).await;
    let link = server.url.join("blob?sig=abc").unwrap().to_string();
    let api = Server::start(move |_| redirect(&link)).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let asset = an_asset(&api.url, SIZE as u64);
    let error = client(&api.url, options()).download(&asset, &path, |_| ()).await.unwrap_err();
    let host = format!("127.0.0.1:{}", server.url.port().unwrap());
    says(&told(&error, Class::Remote), &["a.bin", &host, "was cut off", "after 3 attempts"]);
    assert!(names_in(directory.path()).is_empty());
    assert_eq!(api.seen().len(), 3);
}

#[tokio::test]
async fn attempts_that_bring_much_do_not_use_up_the_attempts() {
    let size = 5 << 20;
    let body = Arc::new(payload(size));
    let served = Arc::clone(&body);
    let step = 1 << 20;
    let scripts = (0..5).map(|i| {
        let (start, status) = (i * step, if i == 0 { "200 OK" } else { "206 Partial Content" });
        let range = format!("content-range: bytes {start}-{}/{size}\r\n", size - 1);
        let head = format!("content-length: {}\r\n{range}", size - start);
        Script::Cut(raw(status, &head, &served[start..start + step]))
    });
    let server = RawServer::start(scripts.collect()).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let asset = an_asset(&server.url, size as u64);
    let done = client(&server.url, options()).download(&asset, &path, |_| ()).await.unwrap();
    assert_eq!(done.sha256, Sha256::of(&body));
    assert_eq!(server.heads().len(), 5);
}

/// An API whose links work once: the first is refused by the storage, as if it had expired.
fn links_that_expire(seen: &Seen, storage: &Url) -> Response {
    redirect(storage.join(&format!("blob/{}?sig=abc", seen.earlier)).unwrap().as_str())
}

#[tokio::test]
async fn an_expired_link_is_asked_for_anew() {
    let storage = Server::start(|seen| match seen.path.as_str() {
        "/blob/0" => headed(403, &[], "<Error>expired</Error>"),
        _ => bytes(payload(SIZE)),
    })
    .await;
    let base = storage.url.clone();
    let api = Server::start(move |seen| links_that_expire(seen, &base)).await;
    let directory = tempfile::tempdir().unwrap();
    expect_whole(&api.url, directory.path()).await;
    assert_eq!(storage.paths(), ["/blob/0", "/blob/1"]);
}

#[tokio::test]
async fn a_storage_that_always_refuses_is_named_without_its_signature() {
    let storage = Server::start(|_| status(403, "denied")).await;
    let base = storage.url.clone();
    let api = Server::start(move |seen| links_that_expire(seen, &base)).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let error = client(&api.url, options()).download(&an_asset(&api.url, 10), &path, |_| ()).await.unwrap_err();
    let host = format!("127.0.0.1:{}", storage.url.port().unwrap());
    let text = told(&error, Class::Remote);
    says(&text, &["a.bin", &host, "403", "after 3 attempts", "storage"]);
    assert!(!text.contains("GH_TOKEN"), "{text}");
    assert_eq!(api.seen().len(), 3);
    assert!(names_in(directory.path()).is_empty());
}

#[tokio::test]
async fn a_storage_that_is_busy_is_waited_for_and_its_limit_is_not_blamed_on_the_token() {
    let storage = Server::start(|seen| match seen.path.as_str() {
        "/blob/0" => headed(429, &[("retry-after", "0")], ""),
        "/blob/1" => bytes(payload(SIZE)),
        _ => headed(503, &[("retry-after", "600")], ""),
    })
    .await;
    let base = storage.url.clone();
    let api = Server::start(move |seen| links_that_expire(seen, &base)).await;
    let directory = tempfile::tempdir().unwrap();
    expect_whole(&api.url, directory.path()).await;
    let path = directory.path().join("next");
    let error = client(&api.url, options()).download(&an_asset(&api.url, 10), &path, |_| ()).await.unwrap_err();
    let text = told(&error, Class::Remote);
    says(&text, &["503", "wait 10 min", "storage"]);
    assert!(!text.contains("GH_TOKEN"), "{text}");
}
