//! Proxies named by the environment. A process has one environment, so the client runs in a child.

use std::process::Command;

use url::Url;

use super::{
    TAG, anonymous, options, release, repo,
    server::{Server, json},
};

const API: &str = "MEROTEE_TEST_API";

/// Runs `child` in a process whose only proxy is `proxy`, against the API at `api`.
async fn run_behind(proxy: &str, api: &str) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "github_client::proxies::child"]);
    for name in ["http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        command.env_remove(name);
    }
    command.env("HTTP_PROXY", proxy).env(API, api);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    // A name that matches no test passes as well.
    assert!(String::from_utf8_lossy(&output.stdout).contains("running 1 test"), "{output:?}");
    output.status.success()
}

#[tokio::test]
#[ignore = "run by the other tests here, in a process of its own"]
async fn child() {
    let Ok(api) = std::env::var(API) else { return };
    let found = anonymous(&Url::parse(&api).unwrap(), options()).release(&repo(), TAG).await;
    assert_eq!(found.unwrap().unwrap().id, 1);
}

#[tokio::test]
async fn a_proxy_from_the_environment_is_asked_for_other_hosts() {
    let proxy = Server::start(|_| json(&release(1, TAG, &[]))).await;
    assert!(run_behind(proxy.url.as_str(), "http://api.github.invalid/").await);
    assert_eq!(proxy.seen()[0].header("host"), Some("api.github.invalid"));
}

#[tokio::test]
async fn no_proxy_is_asked_for_this_machine() {
    let proxy = Server::start(|_| json(&release(2, TAG, &[]))).await;
    let api = Server::start(|_| json(&release(1, TAG, &[]))).await;
    assert!(run_behind(proxy.url.as_str(), api.url.as_str()).await);
    assert!(proxy.seen().is_empty());
    assert_eq!(api.seen().len(), 1);
}
