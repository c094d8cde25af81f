//! Where requests go, and where the token does not.

use merotee::error::Class;

use super::{
    TAG, TOKEN, an_asset, client, names_in, options, payload, release, repo, says,
    server::{Server, bytes, headed, json as answer, redirect},
    told,
};

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

#[tokio::test]
async fn the_token_goes_to_the_api_and_not_to_the_storage_it_redirects_to() {
    let storage = Server::start(|_| bytes("payload")).await;
    let link = format!("{}blob?sig=abc", storage.url);
    let api = Server::start(move |_| redirect(&link)).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let done = client(&api.url, options()).download(&an_asset(&api.url, 7), &path, |_| ()).await.unwrap();
    assert_eq!((done.size, std::fs::read(&path).unwrap()), (7, b"payload".to_vec()));
    let (asked, blob) = (&api.seen()[0], &storage.seen()[0]);
    assert_eq!(asked.header("authorization"), Some(bearer().as_str()));
    assert_eq!(asked.header("accept"), Some("application/octet-stream"));
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
    assert_eq!((blob.path.as_str(), blob.query.as_str()), ("/blob", "sig=abc"));
    assert_eq!(blob.header("authorization"), None);
    assert_eq!(blob.header("accept-encoding"), Some("identity"));
    assert!(!format!("{:?}", blob.headers).contains(TOKEN));
}

#[tokio::test]
async fn the_token_is_dropped_on_the_way_out_and_sent_again_on_the_way_back() {
    let other = Server::start(|seen| redirect(&format!("{}end", &seen.query))).await;
    let hop = other.url.clone();
    let api = Server::start(move |seen| match seen.path.as_str() {
        "/end" => bytes("payload"),
        _ => redirect(&format!("{hop}x?{}", seen.base)),
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    client(&api.url, options()).download(&an_asset(&api.url, 7), &path, |_| ()).await.unwrap();
    let tokens: Vec<_> = api.seen().iter().map(|s| s.header("authorization").map(str::to_owned)).collect();
    assert_eq!(tokens, [Some(bearer()), Some(bearer())]);
    assert_eq!(other.seen()[0].header("authorization"), None);
}

#[tokio::test]
async fn the_same_machine_under_another_name_is_another_host() {
    let api = Server::start(|seen| match seen.path.as_str() {
        "/away" => bytes("payload"),
        _ => redirect(&format!("http://localhost:{}/away", seen.base.port().unwrap())),
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    client(&api.url, options()).download(&an_asset(&api.url, 7), &directory.path().join("out"), |_| ()).await.unwrap();
    assert_eq!(api.seen()[1].path, "/away");
    assert_eq!(api.seen()[1].header("authorization"), None);
}

#[tokio::test]
async fn five_redirects_are_followed_and_a_sixth_is_not() {
    for (hops, good) in [(5, true), (6, false)] {
        let api = Server::start(move |seen| {
            let hop: usize = seen.query.parse().unwrap_or(0);
            if hop == hops { bytes("payload") } else { redirect(&format!("/hop?{}", hop + 1)) }
        })
        .await;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let outcome = client(&api.url, options()).download(&an_asset(&api.url, 7), &path, |_| ()).await;
        assert_eq!(outcome.is_ok(), good);
        if let Err(error) = outcome {
            says(&told(&error, Class::Remote), &["a.bin", "more than 5 times"]);
            assert_eq!(api.seen().len(), 6);
            assert!(names_in(directory.path()).is_empty());
        }
    }
}

#[tokio::test]
async fn a_redirect_out_of_http_or_with_credentials_or_to_nowhere_is_refused() {
    for (location, why) in [
        ("file:///etc/passwd?sig=abc", "a file: URL"),
        ("data:text/plain,x", "a data: URL"),
        ("http://user:sig=abc@127.0.0.1/", "credentials"),
        ("http://", "without saying where"),
        ("http://[::1", "without saying where"),
    ] {
        let api = Server::start(move |_| redirect(location)).await;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let error = client(&api.url, options()).download(&an_asset(&api.url, 7), &path, |_| ()).await.unwrap_err();
        says(&told(&error, Class::Remote), &["a.bin", why]);
        assert_eq!(api.seen().len(), 1);
        assert!(names_in(directory.path()).is_empty());
    }
    let api = Server::start(|_| headed(302, &[], "")).await;
    let error = client(&api.url, options()).release(&repo(), TAG).await.unwrap_err();
    says(&told(&error, Class::Remote), &["without saying where"]);
}

#[tokio::test]
async fn an_api_call_follows_a_renamed_repository_but_not_another_host() {
    let api = Server::start(|seen| match seen.path.as_str() {
        "/repositories/7/releases/tags/mero-kms-v1.2.0" => answer(&release(1, TAG, &[])),
        _ => headed(301, &[("location", &format!("/repositories/7/releases/tags/{TAG}"))], "{}"),
    })
    .await;
    assert_eq!(client(&api.url, options()).release(&repo(), TAG).await.unwrap().unwrap().id, 1);
    let elsewhere = Server::start(|_| answer(&release(1, TAG, &[]))).await;
    let link = format!("{}?sig=abc", elsewhere.url);
    let api = Server::start(move |_| redirect(&link)).await;
    let error = client(&api.url, options()).release(&repo(), TAG).await.unwrap_err();
    says(&told(&error, Class::Remote), &[TAG, "another host"]);
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn an_asset_url_outside_the_api_is_refused_and_nothing_is_asked() {
    let elsewhere = Server::start(|_| bytes("payload")).await;
    let api = Server::start(|_| bytes("payload")).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let mut with_user = an_asset(&api.url, 7);
    with_user.url.set_username("sig=abc").unwrap();
    for asset in [an_asset(&elsewhere.url, 7), with_user] {
        let error = client(&api.url, options()).download(&asset, &path, |_| ()).await.unwrap_err();
        says(&told(&error, Class::Remote), &["a.bin", "not to the API", "GITHUB_API_URL"]);
    }
    assert!(elsewhere.seen().is_empty() && api.seen().is_empty());
    assert!(names_in(directory.path()).is_empty());
}

#[tokio::test]
async fn bytes_that_the_api_sends_without_a_redirect_are_taken_as_well() {
    let body = payload(100_000);
    let sent = body.clone();
    let api = Server::start(move |_| bytes(sent.clone())).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    client(&api.url, options()).download(&an_asset(&api.url, 100_000), &path, |_| ()).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), body);
}
