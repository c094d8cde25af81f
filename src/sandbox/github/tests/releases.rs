//! Releases and assets: drafts, tags, names, immutability.

use super::*;

#[tokio::test]
async fn a_draft_is_found_by_number_and_in_the_list_with_a_token_and_by_its_tag_only_once_published() {
    let mut github = GitHub::new();
    let tag = "any-text/ä#1";
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
    assert_eq!(github.get(&format!("{REPO}/git/ref/tags/any-text/%C3%A4%231")).await.status, 404);

    let published = github.patch(&draft, json!({"draft": false, "name": "n"})).await;
    let is = |field: &str| published.json[field].clone();
    assert_eq!(
        (is("draft"), is("body"), is("name"), is("immutable")),
        (json!(false), json!("b"), json!("n"), json!(false))
    );
    assert_eq!(is("html_url"), "https://github.com/o/r/releases/tag/any-text%2F%C3%A4%231");
    assert_eq!(github.get(&by_tag).await.json["tag_name"], tag);
    let made = github.get(&format!("{REPO}/git/ref/tags/any-text/%C3%A4%231")).await;
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
async fn a_tag_that_git_would_refuse_is_refused() {
    let mut github = GitHub::new();
    for tag in ["a b", "a..b", "a~1", "-a", "a/", "/a", "a.lock", "a\tb", "a@{0}", "x/.y"] {
        let answer = github.post(&format!("{REPO}/releases"), json!({"tag_name": tag, "draft": true})).await;
        assert_eq!(code(&answer), (422, "custom"), "{tag}");
    }
}

#[tokio::test]
async fn a_token_that_may_only_read_sees_no_draft_and_changes_nothing() {
    let mut github = GitHub::new();
    github.hub.give_token("reader", Account { login: "rita".to_owned(), permission: Permission::Read });
    let draft = github.made(REPO, json!({"tag_name": "v1", "draft": true})).await;
    let asset = github.upload(&draft, "a", "1").await.json["id"].clone();
    let asset = format!("{REPO}/releases/assets/{asset}");
    let list = format!("{REPO}/releases");
    for path in [&draft, &format!("{draft}/assets"), &asset] {
        assert_eq!(github.with("reader", Method::GET, path, json!({})).await.status, 404, "{path}");
        assert_eq!(github.get(path).await.status, 200, "{path}");
    }
    assert_eq!(github.with("reader", Method::GET, &list, json!({})).await.json, json!([]));
    for (method, path) in [
        (Method::POST, &list),
        (Method::PATCH, &draft),
        (Method::DELETE, &draft),
        (Method::DELETE, &asset),
        (Method::PATCH, &asset),
        (Method::POST, &format!("{draft}/assets?name=b")),
    ] {
        let answer = github.with("reader", method, path, json!({"tag_name": "v2"})).await;
        assert_eq!(
            (answer.status, answer.json["message"].as_str().unwrap()),
            (403, "Resource not accessible by integration")
        );
    }
    assert_eq!(github.get(&list).await.json.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_latest_release_is_the_one_that_was_made_so_and_never_a_draft_or_a_prerelease() {
    let mut github = GitHub::new();
    let latest = format!("{REPO}/releases/latest");
    github.made(REPO, json!({"tag_name": "v2"})).await;
    github.made(REPO, json!({"tag_name": "v1.1", "make_latest": "false"})).await;
    assert_eq!(github.get(&latest).await.json["tag_name"], "v2");
    github.made(REPO, json!({"tag_name": "v3-rc", "prerelease": true, "make_latest": "true"})).await;
    let draft = github.made(REPO, json!({"tag_name": "v3", "draft": true, "make_latest": "true"})).await;
    assert_eq!(github.get(&latest).await.json["tag_name"], "v2");
    github.patch(&draft, json!({"draft": false})).await;
    assert_eq!(github.get(&latest).await.json["tag_name"], "v3");
    let wrong = github.patch(&draft, json!({"make_latest": "maybe"})).await;
    assert_eq!((wrong.status, wrong.json["errors"].clone()), (422, Value::Null));
}

#[tokio::test]
async fn an_asset_is_renamed_to_a_free_name_and_to_no_other() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    let one = github.upload(&release, "one", "1").await.json["id"].clone();
    github.upload(&release, "two", "2").await;
    let path = format!("{REPO}/releases/assets/{one}");
    assert_eq!(code(&github.patch(&path, json!({"name": "two"})).await), (422, "already_exists"));
    let renamed = github.patch(&path, json!({"name": "th ree", "label": "Three"})).await;
    assert_eq!((&renamed.json["name"], &renamed.json["label"]), (&json!("th.ree"), &json!("Three")));
    assert_eq!(names(&github.get(&format!("{release}/assets")).await, "name"), ["th.ree", "two"]);
}

#[tokio::test]
async fn a_release_holds_a_thousand_assets_and_not_one_more() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    for number in 0..1_000 {
        assert_eq!(github.upload(&release, &format!("a{number}"), "1").await.status, 201);
    }
    assert_eq!(code(&github.upload(&release, "b", "1").await), (422, "custom"));
    let last = github.get(&format!("{release}/assets?per_page=100&page=10")).await;
    assert_eq!((names(&last, "name").len(), last.headers.get(header::LINK)), (100, None));
}

#[tokio::test]
async fn notes_are_made_up_from_what_was_merged_since_the_release_before() {
    let mut github = GitHub::new();
    let path = format!("/repos/{REPOSITORY}/releases/generate-notes");
    let notes = github.post(&path, json!({"tag_name": "mero-kms-v1.3.0-rc.1"})).await.json;
    assert_eq!(notes["name"], "mero-kms-v1.3.0-rc.1");
    let web = "https://github.com/calimero-network/mero-tee";
    let body = format!(
        "## What's Changed\n\
         * fix(image): leave no shell in the locked profile by @bo in {web}/pull/19\n\
         * chore(deps): update dependencies by @github-actions[bot] in {web}/pull/21\n\
         * feat(kms): answer health checks without a lock by @chidi in {web}/pull/22\n\n\n\
         **Full Changelog**: {web}/compare/mero-kms-v1.2.0...mero-kms-v1.3.0-rc.1"
    );
    assert_eq!(notes["body"], body);
    let wrong = github.post(&path, json!({"tag_name": "v9", "previous_tag_name": "no-such"})).await;
    assert_eq!(code(&wrong), (422, "invalid"));
}

#[tokio::test]
async fn a_large_asset_is_kept_out_of_memory_and_comes_back_whole_and_from_any_byte() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    let generated = Generated { seed: 1, size: (3 << 20) + 5 };
    let whole = generated.piece(0, generated.size);
    let path = format!("{release}/assets?name=uploaded");
    let uploaded = github.asked(Method::POST, &path, whole.clone(), true).await.json;
    assert_eq!((&uploaded["size"], &uploaded["digest"]), (&json!(generated.size), &json!(generated.digest())));
    assert!(github.hub.put_generated("o/r", "v1", "made-up", generated, generated.digest()));
    assert!(!github.hub.put_generated("o/r", "v1", "made-up", generated, generated.digest()), "the name is taken");
    assert!(!github.hub.put_generated("o/r", "v2", "made-up", generated, generated.digest()), "no such release");
    let assets = github.get(&release).await.json["assets"].clone();
    assert_eq!(assets[1]["digest"], uploaded["digest"]);
    for asset in assets.as_array().unwrap() {
        for from in [0, 2 << 20] {
            let request =
                Request::get(format!("/assets/{}", asset["id"])).header(header::RANGE, format!("bytes={from}-"));
            let answer = github.storage.call(request.body(Body::empty()).unwrap()).await.unwrap();
            let length = answer.headers()[header::CONTENT_LENGTH].to_str().unwrap().to_owned();
            let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            assert!(bytes == whole[from..] && length == bytes.len().to_string(), "{} from {from}", asset["name"]);
        }
    }
    assert_eq!(github.hub.recorder().downloads().len(), 4);
}

#[tokio::test]
async fn assets_are_uploaded_to_a_host_of_its_own_where_the_api_has_one() {
    let mut github = GitHub::new();
    let mut made = async |host: &str, prefix: &str, tag: &str| {
        let request = Request::post(format!("{prefix}{REPO}/releases")).header(header::HOST, host);
        let request = request.header(header::AUTHORIZATION, "Bearer x");
        let made = github.send(request.body(Body::from(json!({"tag_name": tag}).to_string())).unwrap()).await.unwrap();
        let url = made.json["upload_url"].as_str().unwrap().strip_suffix("/assets{?name,label}").unwrap().to_owned();
        let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let request = Request::post(format!("/{path}/assets?name=a")).header(header::HOST, host);
        let request = request.header(header::AUTHORIZATION, "Bearer x").body(Body::from("1")).unwrap();
        let asset = github.send(request).await.unwrap().json["url"].as_str().unwrap().to_owned();
        let without_number = |url: &str| url.rsplit_once('/').unwrap().0.to_owned();
        [without_number(&url), without_number(&asset)]
    };
    for (host, prefix, uploads, api) in [
        ("127.0.0.1:8", "", "http://127.0.0.1:8", "http://127.0.0.1:8"),
        ("api.github.localhost", "", "http://uploads.github.localhost", "http://api.github.localhost"),
        ("ghe.example", "/api/v3", "http://ghe.example/api/uploads", "http://ghe.example/api/v3"),
    ] {
        let expected = [format!("{uploads}{REPO}/releases"), format!("{api}{REPO}/releases/assets")];
        assert_eq!(made(host, prefix, host.split(':').next().unwrap()).await, expected);
    }
}
