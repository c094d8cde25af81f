//! Which repository is meant, under which of its names.

use serde_json::{Value, json};

use super::{KMS, NODE};
use crate::binary::{
    Place, findings,
    loopback::{Answer, Server},
    serve::Serve,
    skip, statuses,
};

const OURS: &str = "calimero-network/mero-tee";
const BEFORE: &str = "calimero-network/mero-tee-before";

#[test]
fn a_repository_is_the_same_in_any_case() {
    for repository in [
        "Calimero-Network/Mero-Tee",
        "CALIMERO-NETWORK/MERO-TEE",
        "calimero-network/MERO-tee",
        "Calimero-network/mero-tee",
    ] {
        for tag in [KMS, "mero-kms-v1.1.0", "mero-tee-v1.0.0"] {
            let place = Place::new();
            place.sandbox(["verify-release-assets", tag, "--repo", repository]).run().expect(0);
        }
        let place = Place::new();
        place.kept(KMS);
        let local = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--repo", repository];
        place.sandbox(local).run().expect(0);
        let signer = ["verify-release-assets", NODE, "--signer-repo", repository];
        place.sandbox(signer).run().expect(0);
    }
    let other = ["verify-release-assets", NODE, "--signer-repo", "calimero-network/mero_tee"];
    Place::new().sandbox(other).run().expect(10);
}

#[test]
fn a_repository_that_has_moved_is_judged_by_the_name_it_has_now_and_said_so() {
    for tag in [KMS, NODE, "mero-kms-v1.0.0"] {
        for before in [BEFORE, "Calimero-Network/Mero-Tee-BEFORE"] {
            let command = ["verify-release-assets", tag, "--repo", before, "--format", "json"];
            let report = Place::new().sandbox(command).run().expect(0).report();
            assert_eq!(statuses(&report, "release"), ["warn"]);
            let told = findings(&report).into_iter().find(|f| f["check"] == "release").unwrap();
            assert!(told["message"].as_str().unwrap().ends_with(&format!("one of {OURS}")), "{told}");
        }
    }
    // What was given up may be anybody's: a signature by the old name is none by the new.
    let command = ["verify-release-assets", NODE, "--repo", BEFORE, "--signer-repo", BEFORE, "--format", "json"];
    let report = Place::new().sandbox(command).run().expect(10).report();
    let parts = statuses(&report, "identity");
    assert!(!parts.is_empty() && parts.iter().all(|status| *status == "fail"), "{parts:?}");
    let release = Place::new().sandbox(["verify-release-assets", "mero-kms-v8.8.8", "--repo", BEFORE]).run();
    release.expect(1).says(&["has no release mero-kms-v8.8.8"]).without_product();
}

#[test]
fn a_move_that_another_api_tells_of_is_a_usage_error_that_gives_the_new_name() {
    let serve = Serve::start();
    let place = Place::new();
    // Reached through a proxy, the sandbox is a host of any name.
    let away = ["--api-url", "http://mirror.example/", "--repo", BEFORE];
    let run = place.merotee(["verify-release-assets", NODE]).args(away).envs(serve.exports());
    let run = run.env("HTTP_PROXY", serve.export("GITHUB_API_URL")).env("http_proxy", serve.export("GITHUB_API_URL"));
    let run = run.run().expect(2).without_product();
    assert!(run.stderr.contains("mirror.example") && run.stderr.contains(&format!("--repo {OURS}")), "{}", run.stderr);
}

/// A repository as `git` makes one.
fn git(place: &Place, arguments: &[&str]) -> bool {
    let run = place.program("git", arguments).run_if_there();
    match run {
        Some(run) if run.code == 0 => true,
        Some(run) => panic!("git {arguments:?}: {}", run.stderr),
        None => {
            skip("there is no git here");
            false
        }
    }
}

/// What is said about the repository, asked in `folder`; nothing is listening at the API.
fn said_in(place: &Place, folder: &str, more: &[&str]) -> String {
    let script = format!("cd {folder} && exec {} \"$@\"", crate::binary::BINARY);
    let command =
        ["-c", &script, "merotee", "verify-release-assets", KMS, "--api-url", "http://127.0.0.1:1", "--retries", "0"];
    place.program("sh", command).args(more).run().expect(1).stderr
}

#[test]
fn the_origin_remote_is_found_in_subfolders_and_worktrees_and_said() {
    let place = Place::new();
    let identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"];
    let with = |more: &[&str]| git(&place, &[&identity[..], more].concat());
    if !(with(&["init", "-q", "main"])
        && with(&["-C", "main", "remote", "add", "origin", "git@github.com:Some/Thing.git"]))
    {
        return;
    }
    with(&["-C", "main", "commit", "-q", "--allow-empty", "-m", "x"]);
    with(&["-C", "main", "worktree", "add", "-q", "../tree"]);
    std::fs::create_dir_all(place.path("main/a/b")).unwrap();
    std::fs::create_dir_all(place.path("tree/c")).unwrap();
    for folder in ["main", "main/a", "main/a/b", "tree", "tree/c"] {
        let said = said_in(&place, folder, &[]);
        assert!(said.contains("[INFO] repository Some/Thing: the origin remote in "), "{folder}: {said}");
        assert!(said.contains("main/.git/config") && said.contains("of Some/Thing"), "{folder}: {said}");
    }
    for (address, named) in [
        ("https://user:s3cret@github.com/Some/Thing", "repository Some/Thing: the origin remote"),
        ("ssh://git@ssh.github.com:443/Some/Thing.git", "repository Some/Thing: the origin remote"),
        (
            "https://s3cret@ghe.example/Some/Thing",
            "repository calimero-network/mero-tee, the default: the origin remote in",
        ),
        ("/srv/git/thing", "repository calimero-network/mero-tee, the default: the origin remote in"),
    ] {
        with(&["-C", "main", "remote", "set-url", "origin", address]);
        let said = said_in(&place, "tree/c", &[]);
        assert!(said.contains(named) && !said.contains("s3cret"), "{address}: {said}");
    }
    let said = said_in(&place, "main", &["--server-url", "https://ghe.example"]);
    assert!(said.contains("the origin remote in") && said.contains("not one on ghe.example"), "{said}");
    with(&["-C", "main", "remote", "set-url", "origin", "https://ghe.example/Some/Thing"]);
    let said = said_in(&place, "main", &["--server-url", "https://ghe.example"]);
    assert!(said.contains("repository Some/Thing: the origin remote"), "{said}");
    // What is named wins, and needs no reason.
    let said = said_in(&place, "main", &["--repo", "a/b"]);
    assert!(said.contains("of a/b") && !said.contains("[INFO] repository"), "{said}");
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    assert!(said_in(&place, "elsewhere", &[]).contains("the default: there is no origin remote here"));
}

#[test]
fn fields_that_nothing_hangs_on_may_be_absent_null_or_odd() {
    let odd = [Value::Null, json!(7), json!(true), json!({"a": 1}), json!(["x"])];
    for field in
        ["content_type", "browser_download_url", "label", "uploader", "node_id", "created_at", "download_count"]
    {
        for value in odd.iter().cloned().map(Some).chain([None]) {
            assert_eq!(read_with(Of::Asset, field, value.clone()), 11, "asset {field} {value:?}");
        }
    }
    for field in ["name", "published_at", "html_url", "author", "node_id", "target_commitish"] {
        for value in odd.iter().cloned().map(Some).chain([None]) {
            assert_eq!(read_with(Of::Release, field, value.clone()), 11, "release {field} {value:?}");
        }
    }
    // An upload that is not finished is missing, whatever its state is called; no state is no statement.
    for (state, code) in [(json!("starter"), 11), (json!("open"), 11), (json!("new"), 11), (Value::Null, 11)] {
        assert_eq!(read_with(Of::Asset, "state", Some(state)), code);
    }
}

/// What a field belongs to.
#[derive(Clone, Copy)]
enum Of {
    Release,
    Asset,
}

/// The exit code for a release that only lacks assets, with one field of it, or of an asset, set or left out.
fn read_with(of: Of, field: &'static str, value: Option<Value>) -> i32 {
    let server = Server::start(move |path, base| {
        let mut asset = json!({"id": 1, "name": "sbom.spdx.json", "size": 2, "state": "uploaded", "digest": null,
            "url": format!("{base}/assets/1"), "content_type": "text/plain", "browser_download_url": "https://x/y"});
        let mut release = json!({"id": 1, "tag_name": NODE, "name": NODE, "draft": false, "prerelease": false,
            "html_url": format!("https://github.com/{OURS}/releases/tag/{NODE}"), "published_at": "2026-01-02T03:04:05Z",
            "body": "## Changelog\n\n- One.\n\n## Breaking changes\n\nNone.\n\n## Upgrade path\n\nRestart.\n\n## MRTD/RTMR changes\n\nNone.\n\n## Compatible versions\n\n- mero-kms-v1.2.0\n"});
        let target = match of {
            Of::Release => &mut release,
            Of::Asset => &mut asset,
        };
        match &value {
            Some(value) => target[field] = value.clone(),
            None => drop(target.as_object_mut().unwrap().remove(field)),
        }
        release["assets"] = json!([asset]);
        match path {
            path if path.ends_with(NODE) => Answer::json(&release),
            "/assets/1" => Answer::Reply("200 OK", String::new(), b"{}".to_vec()),
            _ => Answer::status("404 Not Found", "Not Found"),
        }
    });
    let command = ["verify-release-assets", NODE, "--api-url", &server.url, "--retries", "0", "--quick"];
    Place::new().merotee(command).run().code
}
