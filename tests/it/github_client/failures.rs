//! APIs that refuse, limit, fail, hang, and talk nonsense.

use std::time::{Duration, Instant};

use axum::response::Response;
use merotee::{
    adapters::http::HttpOptions,
    error::{Class, Error},
};
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

use super::{
    TAG, anonymous, client, impatient, options, release, repo, says,
    server::{RawServer, Script, Seen, Server, bytes, endless, headed, json as answer, raw, status},
    told,
};

/// The error of asking such a server for a release, and how often it was asked.
async fn ask(reply: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static) -> (Error, usize) {
    let server = Server::start(reply).await;
    let error = client(&server.url, options()).release(&repo(), TAG).await.unwrap_err();
    (error, server.seen().len())
}

#[tokio::test]
async fn a_rejected_token_is_said_at_once_and_names_the_variable() {
    let (error, asked) = ask(|_| status(401, "Bad credentials")).await;
    says(
        &told(&error, Class::Remote),
        &["release `mero-kms-v1.2.0` of o/r", "127.0.0.1", "Bad cred", "check GH_TOKEN"],
    );
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_spent_rate_limit_says_when_it_resets_and_what_raises_it() {
    let reply = |_: &Seen| {
        let date = ("date", "Fri, 02 Jan 2026 03:00:00 GMT");
        let limits = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1767324240"), date];
        headed(403, &limits, r#"{"message":"API rate limit exceeded"}"#)
    };
    let server = Server::start(reply).await;
    let error = anonymous(&server.url, options()).release(&repo(), TAG).await.unwrap_err();
    says(&told(&error, Class::Remote), &["rate limit", "2026-01-02T03:24:00Z", "24 min", "set GH_TOKEN", "5,000"]);
    assert_eq!(server.seen().len(), 1);
    let (error, asked) = ask(reply).await;
    says(&told(&error, Class::Remote), &["wait until then"]);
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_403_without_a_limit_is_a_matter_of_permission_and_its_words_are_escaped() {
    let (error, asked) = ask(|_| status(403, &format!("\u{1b}[31m\n::error::{}", "x".repeat(500)))).await;
    let text = told(&error, Class::Remote);
    says(&text, &["(403)", "\\u{1b}", "\\n::error::xx", "…", "read access"]);
    assert!(!text.contains('\n') && text.len() < 400, "{text}");
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_short_wait_is_honoured_and_a_long_one_is_not() {
    let server = Server::start(|seen| match seen.earlier {
        0 => headed(429, &[("retry-after", "1")], ""),
        _ => answer(&release(1, TAG, &[])),
    })
    .await;
    let start = Instant::now();
    assert!(client(&server.url, options()).release(&repo(), TAG).await.unwrap().is_some());
    assert!(start.elapsed() >= Duration::from_secs(1));
    let (error, asked) = ask(|_| headed(429, &[("retry-after", "3600")], "")).await;
    says(&told(&error, Class::Remote), &["rate limit", "60 min"]);
    assert_eq!(asked, 1);
    let (error, asked) = ask(|_| headed(503, &[("retry-after", "3600")], "")).await;
    says(&told(&error, Class::Remote), &["503", "wait 60 min"]);
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_secondary_limit_is_retried_a_limited_number_of_times() {
    let (error, asked) = ask(|_| status(403, "You have exceeded a secondary rate limit")).await;
    says(
        &told(&error, Class::Remote),
        &["You have exceeded a secondary rate limit", "after 3 attempts", "whatever the token"],
    );
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn server_errors_are_retried_until_one_answer_is_good_or_attempts_run_out() {
    let server = Server::start(|seen| match seen.earlier {
        0 => status(500, "a"),
        1 => status(502, "b"),
        _ => answer(&release(1, TAG, &[])),
    })
    .await;
    assert!(client(&server.url, options()).release(&repo(), TAG).await.unwrap().is_some());
    let (error, asked) = ask(|_| status(503, "down for repairs")).await;
    says(&told(&error, Class::Remote), &[TAG, "o/r", "503: down for repairs", "after 3 attempts", "try again later"]);
    assert_eq!(asked, 3);
    let server = Server::start(|_| status(500, "")).await;
    let once = HttpOptions { attempts: 0, ..options() };
    client(&server.url, once).release(&repo(), TAG).await.unwrap_err();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_after_the_read_timeout() {
    let server = RawServer::start(vec![Script::Hang(vec![])]).await;
    let error = client(&server.url, impatient(100)).release(&repo(), TAG).await.unwrap_err();
    says(&told(&error, Class::Remote), &[TAG, "127.0.0.1", "did not answer within 100 ms", "after 2 attempts"]);
}

#[tokio::test]
async fn a_server_that_answers_for_ever_is_left_after_the_request_timeout() {
    let server = RawServer::start(vec![Script::Trickle(raw("200 OK", "", b"{"))]).await;
    let slow = HttpOptions { request_timeout: Duration::from_millis(200), attempts: 1, ..options() };
    let error = client(&server.url, slow).release(&repo(), TAG).await.unwrap_err();
    says(&told(&error, Class::Remote), &[TAG, "did not answer within 200 ms"]);
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = client(&url, options()).release(&repo(), TAG).await.unwrap_err();
    let text = told(&error, Class::Remote);
    says(&text, &["could not reach 127.0.0.1", "refused", "after 3 attempts", "--api-url"]);
    assert!(!text.contains("PROXY"), "no proxy is asked for this machine: {text}");
}

#[tokio::test]
async fn an_answer_cut_short_is_asked_for_again() {
    let body = release(1, TAG, &[]).to_string();
    let length = format!("content-length: {}\r\nconnection: close\r\n", body.len());
    let server = RawServer::start(vec![
        Script::Cut(raw("200 OK", &length, &body.as_bytes()[..20])),
        Script::Cut(raw("200 OK", &length, body.as_bytes())),
    ])
    .await;
    assert_eq!(client(&server.url, options()).release(&repo(), TAG).await.unwrap().unwrap().id, 1);
    let server = RawServer::start(vec![Script::Cut(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec())]).await;
    told(&client(&server.url, options()).release(&repo(), TAG).await.unwrap_err(), Class::Remote);
}

#[tokio::test]
async fn garbage_is_quoted_in_part_and_not_asked_for_again() {
    let html = format!("<html>\u{7}{}</html>", "login ".repeat(1000));
    let (error, asked) = ask(move |_| bytes(html.clone())).await;
    let text = told(&error, Class::Remote);
    says(&text, &["no valid JSON for a release", TAG, "127.0.0.1", "line 1 column 1", "<html>\\u{7}login"]);
    assert!(text.len() < 500, "{text}");
    assert_eq!(asked, 1);
    for garbage in ["", "null", "[]", "{\"id\":", "\u{feff}{}"] {
        let (error, asked) = ask(move |_| bytes(garbage)).await;
        says(&told(&error, Class::Remote), &["no valid JSON for a release"]);
        assert_eq!(asked, 1);
    }
}

#[tokio::test]
async fn fields_of_the_wrong_type_are_named_with_their_surroundings() {
    for (field, value) in [
        ("id", json!("7")),
        ("tag_name", json!(["x".repeat(5000)])),
        ("draft", json!("false")),
        ("assets", json!({})),
        ("assets", json!([{"id": 1, "name": "a", "size": -1, "state": "uploaded", "url": "https://x/"}])),
        ("assets", json!([{"id": 1, "name": "a", "size": 1, "state": "uploaded", "url": "no url"}])),
    ] {
        let (error, asked) = ask(move |_| {
            let mut wrong = release(1, TAG, &[]);
            wrong[field] = value.clone();
            answer(&wrong)
        })
        .await;
        let text = told(&error, Class::Remote);
        says(&text, &["no valid JSON for a release", "invalid", "near `"]);
        assert!(text.len() < 500, "{text}");
        assert_eq!(asked, 1);
    }
    let (error, _) = ask(|_| bytes(format!("{}<html>a proxy</html>", release(1, TAG, &[])))).await;
    says(&told(&error, Class::Remote), &["no valid JSON for a release", "trailing characters"]);
    let (error, _) = ask(|_| bytes(r#"{"id": 1, "tag_name": "v1"}"#)).await;
    says(&told(&error, Class::Remote), &["missing field `draft`"]);
}

#[tokio::test]
async fn fifty_megabytes_of_brackets_are_not_read_to_the_end() {
    let (error, asked) = ask(|_| bytes(vec![b'['; 50_000_000])).await;
    says(&told(&error, Class::Remote), &[TAG, "more than the 33554432 bytes allowed"]);
    assert_eq!(asked, 1);
    // Without a length, too.
    let (error, _) = ask(|_| endless(b'[')).await;
    says(&told(&error, Class::Remote), &["more than the 33554432 bytes allowed"]);
    let (error, _) = ask(|_| bytes(format!("{{\"id\":{}", "[".repeat(1_000_000)))).await;
    says(&told(&error, Class::Remote), &["no valid JSON for a release", "near `{\"id\":[[["]);
}

#[tokio::test]
async fn an_unusual_status_is_no_answer() {
    for code in [204, 206, 304, 400, 410, 418, 422, 451] {
        let (error, asked) = ask(move |_| headed(code, &[], "")).await;
        says(&told(&error, Class::Remote), &[TAG, &code.to_string()]);
        assert_eq!(asked, 1, "{code}");
    }
}
