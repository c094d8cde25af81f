//! GitHub's rules as a client meets them, over HTTP but without a network.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod faults;
mod git;
mod moments;
mod pulls;
mod releases;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, header},
};
use serde_json::{Value, json};
use tower::Service as _;

use super::*;
use crate::sandbox::{release::ServedAsset, sigstore::Attester};

const REPO: &str = "/repos/o/r";

/// A GitHub with the sample repository and two empty ones: `o/r`, and `o/fixed` whose releases are immutable.
struct GitHub {
    hub: Shared,
    api: Router,
    storage: Router,
}

/// An answer: its status, its headers, its JSON.
struct Answer {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl GitHub {
    fn new() -> Self {
        let asset = ServedAsset::honest("a".into(), b"bytes".to_vec());
        let release = |tag: &str| ServedRelease {
            tag: tag.parse().unwrap(),
            attestations: None,
            commit: String::new(),
            notes: "notes".to_owned(),
            assets: vec![asset.clone()],
        };
        let samples = vec![release("mero-kms-v1.3.0-rc.1"), release("mero-kms-v1.2.0")];
        let hub = Arc::new(Hub::new(samples, &json!({"a": 1}), "http://storage".to_owned(), Attester::new(0).unwrap()));
        hub.add_repository("o/r", false);
        hub.add_repository("o/fixed", true);
        Self { api: api(Arc::clone(&hub)), storage: storage(Arc::clone(&hub)), hub }
    }

    async fn send(&mut self, request: Request) -> Option<Answer> {
        let storage = request.uri().path().starts_with("/assets/");
        let router = if storage { &mut self.storage } else { &mut self.api };
        let (parts, body) = router.call(request).await.unwrap().into_parts();
        let body = to_bytes(body, 1 << 20).await.ok()?;
        let json = serde_json::from_slice(&body).unwrap_or(Value::String(String::from_utf8_lossy(&body).into_owned()));
        Some(Answer { status: parts.status.as_u16(), headers: parts.headers, json })
    }

    async fn with(&mut self, token: &str, method: Method, path: &str, json: Value) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "api");
        let request = request.header(header::AUTHORIZATION, format!("token {token}"));
        self.send(request.body(Body::from(json.to_string())).unwrap()).await.unwrap()
    }

    async fn asked(&mut self, method: Method, path: &str, body: impl Into<Body>, token: bool) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "api");
        if token {
            request = request.header(header::AUTHORIZATION, "Bearer x");
        }
        self.send(request.body(body.into()).unwrap()).await.unwrap()
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.asked(Method::GET, path, Body::empty(), true).await
    }

    async fn post(&mut self, path: &str, json: Value) -> Answer {
        self.asked(Method::POST, path, json.to_string(), true).await
    }

    async fn patch(&mut self, path: &str, json: Value) -> Answer {
        self.asked(Method::PATCH, path, json.to_string(), true).await
    }

    async fn delete(&mut self, path: &str) -> Answer {
        self.asked(Method::DELETE, path, Body::empty(), true).await
    }

    /// A new release's path.
    async fn made(&mut self, repo: &str, wish: Value) -> String {
        let made = self.post(&format!("{repo}/releases"), wish).await;
        assert_eq!(made.status, 201, "{}", made.json);
        format!("{repo}/releases/{}", made.json["id"])
    }

    async fn upload(&mut self, release: &str, name: &str, bytes: &'static str) -> Answer {
        self.asked(Method::POST, &format!("{release}/assets?name={name}"), bytes, true).await
    }
}

/// The name of every entry of a list.
fn names<'a>(answer: &'a Answer, field: &str) -> Vec<&'a str> {
    answer.json.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap()).collect()
}

fn code(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.json["errors"][0]["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn the_storage_refuses_a_token_beside_its_signed_address_and_serves_without_one() {
    let mut github = GitHub::new();
    assert_eq!(github.asked(Method::GET, "/assets/1000", Body::empty(), false).await.json, "bytes");
    assert_eq!(github.asked(Method::GET, "/assets/1000", Body::empty(), true).await.status, 400);
}

#[tokio::test]
async fn what_was_asked_is_noted_without_its_token_and_answers_state_the_limit() {
    let mut github = GitHub::new();
    github.get(&format!("{REPO}/releases?per_page=1")).await;
    let answer = github.asked(Method::GET, "/no/such", Body::empty(), false).await;
    assert_eq!((answer.status, &answer.headers["x-ratelimit-limit"]), (404, &HeaderValue::from(60)));
    let path = format!("{REPO}/releases?per_page=1");
    let one = |path: &str, authorized, status| Recorded {
        method: Method::GET,
        path: path.to_owned(),
        authorized,
        length: None,
        status: Some(status),
    };
    assert_eq!(github.hub.recorder().requests(), [one(&path, true, 200), one("/no/such", false, 404)]);
    assert!(github.hub.recorder().writes().is_empty());
}

#[tokio::test]
async fn lists_come_in_pages_and_refs_commits_and_files_can_be_read() {
    let mut github = GitHub::new();
    let sample = format!("/repos/{REPOSITORY}");
    let first = github.get(&format!("{sample}/releases?per_page=1")).await;
    assert_eq!(first.json[0]["tag_name"], "mero-kms-v1.3.0-rc.1");
    let link = first.headers[header::LINK].to_str().unwrap();
    assert_eq!(link, format!("<http://api{sample}/releases?per_page=1&page=2>; rel=\"next\""));
    let second = github.get(&format!("{sample}/releases?per_page=1&page=2")).await;
    assert_eq!((second.json[0]["id"].clone(), second.headers.get(header::LINK)), (json!(2), None));

    let tag = github.get(&format!("{sample}/git/ref/tags/mero-kms-v1.2.0")).await.json;
    let commit = tag["object"]["sha"].as_str().unwrap().to_owned();
    for git_ref in ["mero-kms-v1.2.0", "refs/tags/mero-kms-v1.2.0", &commit] {
        assert_eq!(github.get(&format!("{sample}/commits/{git_ref}")).await.json["sha"], commit, "{git_ref}");
    }
    assert_eq!(github.get(&format!("{sample}/commits/no-such")).await.status, 422);
    let found = github.get(&format!("{sample}/git/matching-refs/tags/mero-kms-v1.0")).await;
    assert_eq!(names(&found, "ref"), ["refs/tags/mero-kms-v1.0.0"], "tags without a release are there too");
    assert_eq!(github.get(&format!("{sample}/tags?per_page=1")).await.json[0]["name"], "mero-kms-v1.0.0");
    let file = format!("{sample}/contents/compatibility-catalog.json");
    assert_eq!(github.get(&format!("{file}?ref=master")).await.json["encoding"], "base64");
    let raw =
        Request::get(&file).header(header::ACCEPT, "application/vnd.github.raw+json").body(Body::empty()).unwrap();
    assert_eq!(github.send(raw).await.unwrap().json, json!({"a": 1}));
    for missing in [format!("{file}?ref=no-such"), format!("{sample}/contents/x"), "/repos/no/such/tags".to_owned()] {
        assert_eq!(github.get(&missing).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn a_repository_answers_to_its_former_name_by_a_redirect_that_keeps_the_method() {
    let mut github = GitHub::new();
    let before = format!("/repos/{FORMER_REPOSITORY}");
    let read = github.get(&format!("{before}/releases/tags/v%2F1?a=b")).await;
    let to = format!("http://api/repos/{REPOSITORY}/releases/tags/v%2F1?a=b");
    assert_eq!((read.status, read.headers[header::LOCATION].to_str().unwrap()), (301, &*to));
    assert_eq!(github.post(&format!("{before}/releases"), json!({})).await.status, 307);
}
