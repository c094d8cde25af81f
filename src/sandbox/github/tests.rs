//! GitHub's rules as a client meets them, over HTTP but without a network.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use axum::{
    body::{Body, to_bytes},
    http::Method,
};
use tower::Service as _;

use super::*;
use crate::sandbox::release::ServedAsset;

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
            notes: "notes".to_owned(),
            assets: vec![asset.clone()],
        };
        let samples = vec![release("mero-kms-v1.3.0-rc.1"), release("mero-kms-v1.2.0")];
        let hub = Arc::new(Hub::new(samples, &json!({"a": 1}), "http://storage".to_owned()));
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
async fn a_draft_is_found_by_number_and_in_the_list_with_a_token_and_by_its_tag_only_once_published() {
    let mut github = GitHub::new();
    let tag = "any text/ä #1";
    let draft = github.made(REPO, json!({"tag_name": tag, "draft": true, "body": "b"})).await;
    let by_tag = format!(
        "{REPO}/releases/tags/{}",
        percent_encoding::utf8_percent_encode(tag, percent_encoding::NON_ALPHANUMERIC)
    );
    assert_eq!((github.get(&draft).await.status, github.get(&by_tag).await.status), (200, 404));
    let seen = |answer: Answer| answer.json.as_array().unwrap().len();
    assert_eq!(seen(github.get(&format!("{REPO}/releases")).await), 1);
    assert_eq!(github.asked(Method::GET, &draft, Body::empty(), false).await.status, 404);
    assert_eq!(seen(github.asked(Method::GET, &format!("{REPO}/releases"), Body::empty(), false).await), 0);
    assert_eq!(github.get(&format!("{REPO}/git/ref/tags/any%20text/%C3%A4%20%231")).await.status, 404);

    let published = github.patch(&draft, json!({"draft": false, "name": "n"})).await;
    let is = |field: &str| published.json[field].clone();
    assert_eq!(
        (is("draft"), is("body"), is("name"), is("immutable")),
        (json!(false), json!("b"), json!("n"), json!(false))
    );
    assert_eq!(is("html_url"), "https://github.com/o/r/releases/tag/any%20text%2F%C3%A4%20%231");
    assert_eq!(github.get(&by_tag).await.json["tag_name"], tag);
    let made = github.get(&format!("{REPO}/git/ref/tags/any%20text/%C3%A4%20%231")).await;
    assert_eq!(made.json["ref"], format!("refs/tags/{tag}"));
    assert_eq!(github.get(&format!("{REPO}/releases/latest")).await.json["tag_name"], tag);
}

#[tokio::test]
async fn a_tag_has_one_published_release_and_any_number_of_drafts() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    let again = github.post(&format!("{REPO}/releases"), json!({"tag_name": "v1"})).await;
    assert_eq!(code(&again), (422, "already_exists"));
    let draft = github.made(REPO, json!({"tag_name": "v1", "draft": true})).await;
    github.made(REPO, json!({"tag_name": "v1", "draft": true})).await;
    assert_eq!(code(&github.patch(&draft, json!({"draft": false})).await), (422, "already_exists"));
    assert_eq!(github.get(&draft).await.json["draft"], true, "what is refused changes nothing");
    assert_eq!(github.delete(&release).await.status, 204);
    assert_eq!((github.get(&release).await.status, github.delete(&release).await.status), (404, 404));
    // The tag stays, and may be released again.
    assert_eq!(github.get(&format!("{REPO}/git/ref/tags/v1")).await.status, 200);
    assert_eq!(github.patch(&draft, json!({"draft": false})).await.status, 200);
}

#[tokio::test]
async fn a_release_needs_a_tag_a_commit_and_a_token() {
    let mut github = GitHub::new();
    let path = format!("{REPO}/releases");
    assert_eq!(code(&github.post(&path, json!({})).await), (422, "missing_field"));
    let nowhere = github.post(&path, json!({"tag_name": "v1", "target_commitish": "no-such"})).await;
    assert_eq!(code(&nowhere), (422, "invalid"));
    assert_eq!(github.asked(Method::POST, &path, "{", true).await.status, 400);
    assert_eq!(github.asked(Method::POST, &path, "{}", false).await.status, 401);
    assert_eq!(github.post("/repos/no/such/releases", json!({"tag_name": "v1"})).await.status, 404);
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    for method in [Method::PATCH, Method::DELETE] {
        assert_eq!(github.asked(method, &release, "{}", false).await.status, 401);
    }
}

#[tokio::test]
async fn an_asset_keeps_its_name_once_its_bytes_and_their_digest() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    let taken = github.upload(&release, "a%20b%2Fc.txt", "hello").await;
    assert_eq!(taken.status, 201);
    let is = |field: &str| taken.json[field].clone();
    assert_eq!((is("name"), is("state"), is("size")), (json!("a.b.c.txt"), json!("uploaded"), json!(5)));
    assert_eq!(is("digest"), format!("sha256:{}", crate::digest::Sha256::of(b"hello")));
    assert_eq!(code(&github.upload(&release, "a.b.c.txt", "other").await), (422, "already_exists"));
    assert_eq!(code(&github.upload(&release, "", "other").await), (422, "missing_field"));
    assert_eq!(code(&github.upload(&release, "empty", "").await), (422, "custom"));

    let path = format!("{REPO}/releases/assets/{}", is("id"));
    let request = Request::get(&path).header(header::ACCEPT, "application/octet-stream");
    let bytes = github.send(request.body(Body::empty()).unwrap()).await.unwrap();
    let to = bytes.headers[header::LOCATION].to_str().unwrap().trim_start_matches("http://storage").to_owned();
    assert_eq!(github.asked(Method::GET, &to, Body::empty(), false).await.json, "hello");
    assert_eq!(github.delete(&path).await.status, 204);
    assert_eq!((github.get(&path).await.status, github.upload(&release, "a.b.c.txt", "x").await.status), (404, 201));
}

#[tokio::test]
async fn an_immutable_release_keeps_its_assets_and_its_tag_for_good_and_its_draft_does_not() {
    let mut github = GitHub::new();
    let release = github.made("/repos/o/fixed", json!({"tag_name": "v1", "draft": true})).await;
    let asset = github.upload(&release, "a", "1").await.json["id"].clone();
    let asset = format!("/repos/o/fixed/releases/assets/{asset}");
    assert_eq!(github.delete(&asset).await.status, 204);
    let asset = github.upload(&release, "a", "2").await.json["id"].clone();
    let asset = format!("/repos/o/fixed/releases/assets/{asset}");
    assert_eq!(github.patch(&release, json!({"draft": false})).await.json["immutable"], true);

    assert_eq!(code(&github.upload(&release, "b", "3").await), (422, "custom"));
    assert_eq!(code(&github.delete(&asset).await), (422, "custom"));
    for wish in [json!({"tag_name": "v2"}), json!({"draft": true})] {
        assert_eq!(code(&github.patch(&release, wish).await), (422, "custom"));
    }
    assert_eq!(github.patch(&release, json!({"body": "new notes"})).await.json["body"], "new notes");
    assert_eq!(github.delete(&release).await.status, 204);
    let again = github.post("/repos/o/fixed/releases", json!({"tag_name": "v1"})).await;
    assert_eq!(code(&again), (422, "custom"), "the tag is spent");
}

#[tokio::test]
async fn a_fault_hits_the_request_it_waits_for_and_no_other() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    let fault = |after, what| Fault { method: Method::POST, path: "/assets?".to_owned(), after, what };
    github.hub.faults().add(fault(1, Trouble::Status(500)));
    assert_eq!(github.upload(&release, "a", "1").await.status, 201);
    assert_eq!(github.upload(&release, "b", "1").await.status, 500);
    assert!(github.hub.faults().are_over());
    assert_eq!(github.upload(&release, "b", "1").await.status, 201, "it was not carried out");

    // An upload that breaks off leaves a starter, which holds the name until it is deleted.
    github.hub.faults().add(fault(0, Trouble::Starter));
    assert_eq!(github.upload(&release, "c", "1").await.status, 502);
    let left = github.get(&release).await.json["assets"][2].clone();
    assert_eq!(
        (&left["name"], &left["state"], &left["size"], &left["digest"]),
        (&json!("c"), &json!("starter"), &json!(0), &Value::Null)
    );
    assert_eq!(code(&github.upload(&release, "c", "1").await), (422, "already_exists"));

    github.hub.faults().add(fault(0, Trouble::DoneButStatus(502)));
    assert_eq!(github.upload(&release, "d", "1").await.status, 502);
    assert_eq!(code(&github.upload(&release, "d", "1").await), (422, "already_exists"), "it was carried out");
}

#[tokio::test]
async fn a_dropped_connection_gives_no_answer_whether_or_not_the_request_was_carried_out() {
    let mut github = GitHub::new();
    let wish = json!({"tag_name": "v1"}).to_string();
    for (what, then) in [(Trouble::Dropped, 201), (Trouble::AnswerLost, 422)] {
        let mut github = GitHub::new();
        github.hub.faults().add(Fault { method: Method::POST, path: "/releases".to_owned(), after: 0, what });
        let request = |wish: &str| {
            let request = Request::post(format!("{REPO}/releases")).header(header::AUTHORIZATION, "Bearer x");
            request.body(Body::from(wish.to_owned())).unwrap()
        };
        assert!(github.send(request(&wish)).await.is_none(), "{what:?}");
        assert_eq!(github.send(request(&wish)).await.unwrap().status, then, "{what:?}");
        let status: Vec<_> = github.hub.recorder().writes().into_iter().map(|one| one.status).collect();
        assert_eq!(status, [None, Some(then)]);
    }
    assert_eq!(github.get(REPO).await.status, 200);
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
    let both = github.get(&format!("{sample}/git/matching-refs/tags/mero-kms-v1.")).await.json;
    assert_eq!(both.as_array().unwrap().len(), 2);
    assert_eq!(github.get(&format!("{sample}/tags?per_page=1")).await.json[0]["name"], "mero-kms-v1.2.0");
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
