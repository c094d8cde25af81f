//! Releases and files of a well-behaved API.

use merotee::error::Class;
use serde_json::{Value, json};

use super::{
    TAG, TOKEN, anonymous, asset, client, options, release, repo, says,
    server::{Seen, Server, bytes, headed, json as answer, status},
    told,
};

const REPO: &str = "/repos/o/r";
const LIST: &str = "/repos/o/r/releases";

fn by_tag(tag: &str) -> String {
    format!("{LIST}/tags/{tag}")
}

/// `LIST` in three pages of two, linked the way GitHub does: by the repository's number.
fn three_pages(seen: &Seen) -> axum::response::Response {
    let page: u64 = seen.query.split("page=").last().unwrap().parse().unwrap_or(1);
    let page = if seen.query.starts_with("per_page") && !seen.query.contains("&page") { 1 } else { page };
    let releases: Vec<Value> = (0..2).map(|i| page * 2 + i).map(|i| release(i, &format!("v0.0.{i}"), &[])).collect();
    let next = format!("<{}repositories/7/releases?per_page=100&page={}>; rel=\"next\"", seen.base, page + 1);
    let links = if page < 3 { vec![("link", next.as_str())] } else { vec![] };
    headed(200, &links, &json!(releases).to_string())
}

#[tokio::test]
async fn every_page_is_read_in_order_with_the_headers_github_asks_for() {
    let server = Server::start(three_pages).await;
    let releases = client(&server.url, options()).releases(&repo(), 50).await.unwrap();
    let tags: Vec<_> = releases.iter().map(|r| r.tag_name.as_str()).collect();
    assert_eq!(tags, ["v0.0.2", "v0.0.3", "v0.0.4", "v0.0.5", "v0.0.6", "v0.0.7"]);
    assert_eq!(server.paths(), [LIST, "/repositories/7/releases", "/repositories/7/releases"]);
    for seen in server.seen() {
        assert_eq!(seen.header("accept"), Some("application/vnd.github+json"));
        assert_eq!(seen.header("x-github-api-version"), Some("2022-11-28"));
        assert_eq!(seen.header("user-agent"), Some(concat!("merotee/", env!("CARGO_PKG_VERSION"))));
        assert_eq!(seen.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    }
}

#[tokio::test]
async fn no_page_is_read_past_the_limit() {
    let server = Server::start(three_pages).await;
    let github = client(&server.url, options());
    assert_eq!(github.releases(&repo(), 3).await.unwrap().len(), 3);
    assert_eq!(server.paths().len(), 2);
    assert_eq!(server.seen()[0].query, "per_page=3");
    assert_eq!(github.releases(&repo(), 0).await.unwrap(), []);
    assert_eq!(server.paths().len(), 2);
}

#[tokio::test]
async fn an_entry_that_moves_to_the_next_page_meanwhile_is_listed_once() {
    let server = Server::start(|seen| {
        let link = format!("<{}more>; rel=\"next\"", seen.base);
        match seen.path.as_str() {
            "/more" => answer(&json!([release(2, "b", &[]), release(1, "a", &[])])),
            _ => headed(200, &[("link", &link)], &json!([release(3, "c", &[]), release(2, "b", &[])]).to_string()),
        }
    })
    .await;
    let releases = anonymous(&server.url, options()).releases(&repo(), 10).await.unwrap();
    assert_eq!(releases.iter().map(|r| r.id).collect::<Vec<_>>(), [3, 2, 1]);
}

#[tokio::test]
async fn a_next_page_on_another_host_is_refused_and_not_asked_for() {
    let elsewhere = Server::start(|_| answer(&json!([]))).await;
    let link = format!("<{}steal>; rel=\"next\"", elsewhere.url);
    let server = Server::start(move |_| headed(200, &[("link", &link)], "[]")).await;
    let error = client(&server.url, options()).releases(&repo(), 10).await.unwrap_err();
    let port = elsewhere.url.port().unwrap().to_string();
    says(&told(&error, Class::Remote), &["the releases of o/r", "another host", &port]);
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let server = Server::start(|seen| {
        let link = format!("<{}again>; rel=\"next\"", seen.base);
        headed(200, &[("link", &link)], "[]")
    })
    .await;
    let error = client(&server.url, options()).releases(&repo(), 10).await.unwrap_err();
    says(&told(&error, Class::Remote), &["the releases of o/r", "more than 100 pages"]);
    assert_eq!(server.seen().len(), 100);
}

#[tokio::test]
async fn a_release_is_read_with_what_the_api_leaves_out_and_adds() {
    let server = Server::start(|seen| {
        let mut old = asset(&seen.base, 2, "b", 5);
        old.as_object_mut().unwrap().remove("digest");
        let mut new = asset(&seen.base, 3, "../c", 6);
        new["digest"] = json!("sha256:00");
        answer(&release(9, TAG, &[asset(&seen.base, 1, "a", 4), old, new]))
    })
    .await;
    let found = anonymous(&server.url, options()).release(&repo(), TAG).await.unwrap().unwrap();
    assert_eq!((found.id, found.tag_name.as_str(), found.draft, found.prerelease), (9, TAG, false, false));
    assert_eq!((found.name, found.body.as_deref()), (None, Some("notes")));
    assert_eq!(found.published_at.as_deref(), Some("2026-01-02T03:04:05Z"));
    let digests: Vec<_> = found.assets.iter().map(|a| (a.name.as_str(), a.size, a.digest.as_deref())).collect();
    assert_eq!(digests, [("a", 4, None), ("b", 5, None), ("../c", 6, Some("sha256:00"))]);
    assert_eq!(server.paths(), [by_tag(TAG)]);
    assert_eq!(server.seen()[0].header("authorization"), None);
}

fn a_draft(seen: &Seen) -> axum::response::Response {
    match seen.path.as_str() {
        REPO => answer(&json!({"id": 7})),
        LIST => {
            let mut draft = release(5, TAG, &[]);
            draft["draft"] = json!(true);
            draft["published_at"] = json!(null);
            answer(&json!([release(4, "other", &[]), draft]))
        }
        _ => status(404, "Not Found"),
    }
}

#[tokio::test]
async fn a_draft_is_found_by_listing_with_a_token_and_not_looked_for_without() {
    let server = Server::start(a_draft).await;
    let found = client(&server.url, options()).release(&repo(), TAG).await.unwrap().unwrap();
    assert_eq!((found.id, found.draft, found.published_at), (5, true, None));
    assert_eq!(server.paths(), [by_tag(TAG).as_str(), REPO, LIST]);
    assert_eq!(anonymous(&server.url, options()).release(&repo(), TAG).await.unwrap(), None);
    assert_eq!(server.paths().len(), 5);
    assert_eq!(client(&server.url, options()).release(&repo(), "v9").await.unwrap(), None);
}

#[tokio::test]
async fn two_drafts_of_one_tag_are_not_chosen_from() {
    let server = Server::start(|seen| match seen.path.as_str() {
        REPO => answer(&json!({})),
        LIST => answer(&json!([release(5, TAG, &[]), release(6, TAG, &[])])),
        _ => status(404, "Not Found"),
    })
    .await;
    let error = client(&server.url, options()).release(&repo(), TAG).await.unwrap_err();
    says(&told(&error, Class::Remote), &["two draft releases", TAG, "5 and 6", "delete"]);
}

#[tokio::test]
async fn an_unknown_repository_is_told_from_an_unknown_release() {
    let server = Server::start(|_| status(404, "Not Found")).await;
    let error = anonymous(&server.url, options()).release(&repo(), TAG).await.unwrap_err();
    let host = format!("127.0.0.1:{}", server.url.port().unwrap());
    says(&told(&error, Class::Remote), &["no repository o/r", &host, "404", "set GH_TOKEN"]);
    let error = client(&server.url, options()).release(&repo(), TAG).await.unwrap_err();
    says(&told(&error, Class::Remote), &["no repository o/r", "GH_TOKEN may read it"]);
    let error = client(&server.url, options()).releases(&repo(), 5).await.unwrap_err();
    says(&told(&error, Class::Remote), &["the releases of o/r", "404"]);
}

#[tokio::test]
async fn an_answer_with_another_tag_is_refused() {
    let server = Server::start(|_| answer(&release(1, "mero-kms-v1.1.0", &[]))).await;
    let error = anonymous(&server.url, options()).release(&repo(), TAG).await.unwrap_err();
    says(&told(&error, Class::Remote), &["mero-kms-v1.1.0", TAG]);
}

#[tokio::test]
async fn an_asset_list_as_long_as_a_page_is_read_again_page_by_page() {
    let server = Server::start(|seen| {
        let assets = |range: std::ops::Range<u64>| -> Vec<Value> {
            range.map(|i| asset(&seen.base, i, &format!("a{i}"), i)).collect()
        };
        let link = format!("<{}rest>; rel=\"next\"", seen.base);
        match seen.path.as_str() {
            "/repos/o/r/releases/9/assets" => headed(200, &[("link", &link)], &json!(assets(0..40)).to_string()),
            "/rest" => answer(&json!(assets(39..45))),
            path if path.ends_with("v31") => answer(&release(8, "v31", &assets(0..31))),
            _ => answer(&release(9, TAG, &assets(0..30))),
        }
    })
    .await;
    let github = anonymous(&server.url, options());
    let found = github.release(&repo(), TAG).await.unwrap().unwrap();
    assert_eq!(found.assets.iter().map(|a| a.id).collect::<Vec<_>>(), (0..45).collect::<Vec<_>>());
    assert_eq!(server.seen()[1].query, "per_page=100");
    let asked = server.paths().len();
    assert_eq!(github.release(&repo(), "v31").await.unwrap().unwrap().assets.len(), 31);
    assert_eq!(server.paths().len(), asked + 1);
}

#[tokio::test]
async fn an_enterprise_path_prefix_is_kept_and_names_are_percent_encoded() {
    let server = Server::start(|_| status(404, "Not Found")).await;
    for prefix in ["api/v3", "api/v3/"] {
        let github = anonymous(&server.url.join(prefix).unwrap(), options());
        github.release(&repo(), "a/b?c#d%2e \u{e9}").await.unwrap_err();
    }
    let tag = "/api/v3/repos/o/r/releases/tags/a%2Fb%3Fc%23d%252e%20%C3%A9";
    assert_eq!(server.paths(), [tag, "/api/v3/repos/o/r", tag, "/api/v3/repos/o/r"]);
}

#[tokio::test]
async fn a_file_is_read_raw_at_a_ref_or_is_absent() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/repos/o/r/contents/policies/a%20b.json" => bytes(vec![0xff, 0, b'\n']),
        _ => status(404, "Not Found"),
    })
    .await;
    let github = client(&server.url, options());
    let content = github.file(&repo(), "policies/a b.json", Some("refs/heads/x&y")).await.unwrap();
    assert_eq!(content, Some(vec![0xff, 0, b'\n']));
    assert_eq!(github.file(&repo(), "none", None).await.unwrap(), None);
    let seen = server.seen();
    assert_eq!(seen[0].query, "ref=refs%2Fheads%2Fx%26y");
    assert_eq!(seen[0].header("accept"), Some("application/vnd.github.raw+json"));
    assert_eq!(seen[1].query, "");
}

#[tokio::test]
async fn a_path_or_tag_that_a_url_would_swallow_is_a_usage_error() {
    let server = Server::start(|_| bytes("x")).await;
    let github = client(&server.url, options());
    for path in ["", "/a", "a//b", "../../user", "a/./b", "a\tb"] {
        let error = github.file(&repo(), path, None).await.unwrap_err();
        told(&error, Class::Usage);
    }
    for tag in ["", "..", "v1\n"] {
        told(&github.release(&repo(), tag).await.unwrap_err(), Class::Usage);
    }
    assert!(server.seen().is_empty());
}
