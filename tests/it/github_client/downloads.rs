//! Whole, short, long, refused and unwritable downloads.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use merotee::{
    adapters::{github::Downloaded, http::HttpOptions},
    digest::Sha256,
    error::{Class, Error, Result},
};
use url::Url;

use super::{
    an_asset, client, impatient, names_in, options, payload, says,
    server::{RawServer, Script, Server, bytes, endless, headed, raw, redirect, status},
    told,
};

/// Downloads an asset of `size` into an empty directory, and says what the directory holds afterwards.
async fn fetch(api: &Url, size: u64, options: HttpOptions) -> (Result<Downloaded>, Vec<String>, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let outcome = client(api, options).download(&an_asset(api, size), &path, |_| ()).await;
    (outcome, names_in(directory.path()), std::fs::read(&path).unwrap_or_default())
}

/// The error of a download that must leave nothing behind.
async fn fail(api: &Url, size: u64, options: HttpOptions) -> Error {
    let (outcome, names, _) = fetch(api, size, options).await;
    assert_eq!(names, [""; 0]);
    outcome.unwrap_err()
}

fn of(body: &[u8]) -> Downloaded {
    Downloaded { sha256: Sha256::of(body), size: body.len() as u64 }
}

#[tokio::test]
async fn a_download_is_hashed_written_and_reported_as_it_grows() {
    let body = payload(3_000_000);
    let sent = body.clone();
    let api = Server::start(move |_| bytes(sent.clone())).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    std::fs::write(&path, "an older one").unwrap();
    let reached = AtomicU64::new(0);
    let progress = |now| assert!(reached.swap(now, Ordering::Relaxed) <= now);
    let done = client(&api.url, options()).download(&an_asset(&api.url, 3_000_000), &path, progress).await.unwrap();
    assert_eq!(done, of(&body));
    assert_eq!(std::fs::read(&path).unwrap(), body);
    assert_eq!(reached.into_inner(), 3_000_000);
    assert_eq!(names_in(directory.path()), ["out"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_downloaded_file_has_the_permissions_of_any_other() {
    use std::os::unix::fs::PermissionsExt;
    let api = Server::start(|_| bytes("x")).await;
    let directory = tempfile::tempdir().unwrap();
    let (path, other) = (directory.path().join("out"), directory.path().join("other"));
    std::fs::write(&other, "").unwrap();
    client(&api.url, options()).download(&an_asset(&api.url, 1), &path, |_| ()).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&other));
}

#[tokio::test]
async fn an_empty_asset_is_an_empty_file() {
    let api = Server::start(|_| bytes("")).await;
    let (outcome, names, body) = fetch(&api.url, 0, options()).await;
    assert_eq!(outcome.unwrap(), of(b""));
    assert_eq!((names, body), (vec!["out".to_owned()], vec![]));
}

#[tokio::test]
async fn a_whole_body_of_another_size_is_delivered_with_its_real_size() {
    for stated in [1, 5_000, 2_000_000] {
        let body = payload(5_000);
        let sent = body.clone();
        let api = Server::start(move |_| bytes(sent.clone())).await;
        let (outcome, _, got) = fetch(&api.url, stated, options()).await;
        assert_eq!((outcome.unwrap(), api.seen().len()), (of(&body), 1));
        assert_eq!(got, body);
    }
}

#[tokio::test]
async fn a_chunked_body_ends_with_its_last_chunk_however_short() {
    let chunked = "transfer-encoding: chunked\r\nconnection: close\r\n";
    let server = RawServer::start(vec![Script::Cut(raw("200 OK", chunked, b"3\r\nabc\r\n0\r\n\r\n"))]).await;
    let (outcome, _, got) = fetch(&server.url, 10, options()).await;
    assert_eq!((outcome.unwrap(), got), (of(b"abc"), b"abc".to_vec()));
    assert_eq!(server.heads().len(), 1);
}

#[tokio::test]
async fn a_body_far_over_the_stated_size_or_the_limit_is_refused_with_or_without_a_length() {
    let announced = Server::start(|_| bytes(vec![1; (1 << 20) + 11])).await;
    let endless = Server::start(|_| endless(0)).await;
    for api in [&announced.url, &endless.url] {
        let error = fail(api, 10, options()).await;
        says(&told(&error, Class::Remote), &["a.bin", "127.0.0.1", "more than the 1048586 bytes"]);
        let small = HttpOptions { max_asset_bytes: 1_000, ..options() };
        let error = fail(api, u64::MAX, small).await;
        says(&told(&error, Class::Remote), &["a.bin", "more than the 1000 bytes"]);
    }
    assert_eq!(announced.seen().len(), 2);
    let (outcome, ..) = fetch(&announced.url, 11, options()).await;
    assert_eq!(outcome.unwrap().size, (1 << 20) + 11);
}

#[tokio::test]
async fn an_error_body_is_never_written_as_data() {
    let storage = Server::start(|seen| match seen.path.as_str() {
        "/gone" => status(404, "no such blob"),
        _ => status(410, "gone"),
    })
    .await;
    let link = storage.url.join("gone?sig=abc").unwrap().to_string();
    let direct = Server::start(|_| status(404, "Not Found")).await;
    let through = Server::start(move |_| redirect(&link)).await;
    for (api, words) in [(&direct, "Not Found"), (&through, "no such blob")] {
        let error = fail(&api.url, 10, options()).await;
        says(&told(&error, Class::Remote), &["a.bin", "/repos/o/r/releases/assets/1", "404", words]);
        assert_eq!(api.seen().len(), 1);
    }
    for code in [201, 204, 206, 304, 416, 451] {
        let api = Server::start(move |_| headed(code, &[], "")).await;
        says(&told(&fail(&api.url, 10, options()).await, Class::Remote), &[&code.to_string()]);
    }
}

#[tokio::test]
async fn server_errors_are_retried_and_then_told() {
    let api = Server::start(|seen| if seen.earlier < 2 { status(502, "bad gateway") } else { bytes("payload") }).await;
    assert_eq!(fetch(&api.url, 7, options()).await.0.unwrap(), of(b"payload"));
    let api = Server::start(|_| status(500, "")).await;
    let error = fail(&api.url, 7, options()).await;
    says(&told(&error, Class::Remote), &["a.bin", "500", "after 3 attempts"]);
    assert_eq!(api.seen().len(), 3);
}

#[tokio::test]
async fn a_rejected_token_and_a_spent_limit_are_told_at_once() {
    let api = Server::start(|_| status(401, "Bad credentials")).await;
    says(&told(&fail(&api.url, 7, options()).await, Class::Remote), &["a.bin", "401", "check GH_TOKEN"]);
    let api = Server::start(|_| headed(429, &[("retry-after", "1000")], "")).await;
    says(&told(&fail(&api.url, 7, options()).await, Class::Remote), &["a.bin", "rate limit", "17 min"]);
    assert_eq!(api.seen().len(), 1);
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    let api = Server::start(|_| headed(200, &[("content-encoding", "gzip")], "x")).await;
    says(&told(&fail(&api.url, 1, options()).await, Class::Remote), &["a.bin", "compressed"]);
}

#[tokio::test]
async fn a_server_that_falls_silent_before_or_within_the_body_is_left() {
    let server = RawServer::start(vec![Script::Hang(vec![])]).await;
    let error = fail(&server.url, 10, impatient(100)).await;
    says(&told(&error, Class::Remote), &["a.bin", "did not answer within 100 ms", "after 2 attempts"]);
    let half = raw("200 OK", "content-length: 10\r\n", b"01234");
    let server = RawServer::start(vec![Script::Hang(half)]).await;
    let error = fail(&server.url, 10, impatient(100)).await;
    says(&told(&error, Class::Remote), &["a.bin", "did not answer within 100 ms", "after 2 attempts"]);
}

#[tokio::test]
async fn a_download_that_trickles_for_ever_ends_with_its_time() {
    let slow = HttpOptions { download_timeout: Duration::from_millis(200), ..options() };
    let server = RawServer::start(vec![Script::Trickle(raw("200 OK", "content-length: 1000000\r\n", b""))]).await;
    let error = fail(&server.url, 1_000_000, slow).await;
    says(&told(&error, Class::Remote), &["a.bin", "incomplete after 200 ms", "of 1000000 bytes"]);
}

#[tokio::test]
async fn an_unwritable_destination_is_an_input_error_that_names_it() {
    let api = Server::start(|_| bytes("payload")).await;
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("file"), "").unwrap();
    std::fs::create_dir_all(at("taken").join("child")).unwrap();
    for (path, why) in [(at("none/out"), "No such file"), (at("file/out"), "Not a directory"), (at("taken"), "")] {
        let error = client(&api.url, options()).download(&an_asset(&api.url, 7), &path, |_| ()).await.unwrap_err();
        says(&told(&error, Class::Input), &["asset `a.bin`", path.to_str().unwrap(), why]);
    }
    let mut left = names_in(directory.path());
    left.sort();
    assert_eq!(left, ["file", "taken"]);
}

#[tokio::test]
async fn a_failed_download_leaves_the_older_file_as_it_was() {
    let api = Server::start(|_| status(404, "")).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    std::fs::write(&path, "older").unwrap();
    client(&api.url, options()).download(&an_asset(&api.url, 7), &path, |_| ()).await.unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), b"older");
    assert_eq!(names_in(directory.path()), ["out"]);
}

#[tokio::test]
async fn an_abandoned_download_leaves_nothing_behind() {
    let body = raw("200 OK", "content-length: 9000000\r\n", &payload(2_000_000));
    let server = RawServer::start(vec![Script::Hang(body)]).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let github = client(&server.url, options());
    let asset = an_asset(&server.url, 9_000_000);
    let (reached, mut arrived) = tokio::sync::watch::channel(0);
    tokio::select! {
        outcome = github.download(&asset, &path, |now| _ = reached.send_replace(now)) => panic!("{outcome:?}"),
        _ = arrived.wait_for(|now| *now == 2_000_000) => {}
    }
    assert!(names_in(directory.path()).is_empty());
}

#[tokio::test]
async fn many_downloads_run_at_once_on_one_client() {
    let api = Server::start(|seen| bytes(payload(100_000 + seen.query.len()))).await;
    let github = std::sync::Arc::new(client(&api.url, options()));
    let directory = tempfile::tempdir().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (github, path) = (github.clone(), directory.path().join(number.to_string()));
        let mut asset = an_asset(&api.url, 100_000);
        asset.url.set_query(Some(&"x".repeat(number)));
        tasks.spawn(async move { (number, github.download(&asset, &path, |_| ()).await) });
    }
    while let Some(done) = tasks.join_next().await {
        let (number, outcome) = done.unwrap();
        assert_eq!(outcome.unwrap(), of(&payload(100_000 + number)));
    }
    assert_eq!(names_in(directory.path()).len(), 20);
}
