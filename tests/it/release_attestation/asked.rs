//! A GitHub on a bad day: whatever it answers, there is an end, a reason and no pass.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::binary::{
    Place, Run,
    loopback::{Answer, Server},
};

const OBJECT: &str = "c5e17a62e06a1d201570249c61fae531e9244e1b";

/// An immutable release of one asset.
fn release(base: &str) -> Value {
    json!({
        "id": 1, "tag_name": "v1", "draft": false, "prerelease": false, "immutable": true,
        "html_url": "https://github.com/o/r/releases/tag/v1",
        "assets": [{"id": 1, "name": "a", "size": 1, "url": format!("{base}/repos/o/r/releases/assets/1"),
                    "digest": format!("sha256:{}", "0".repeat(64))}],
    })
}

/// Asks a GitHub that answers well but for its attestations.
fn ask(attestations: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Run {
    ask_all(move |path, base| path.contains("/attestations/").then(|| attestations(base)))
}

fn ask_all(answer: impl Fn(&str, &str) -> Option<Answer> + Send + Sync + 'static) -> Run {
    let server = Server::start(move |path, base| {
        if let Some(answer) = answer(path, base) {
            return answer;
        }
        match path {
            "/repos/o/r" => Answer::json(&json!({"id": 2, "owner": {"id": 3}, "full_name": "o/r"})),
            "/repos/o/r/releases/tags/v1" => Answer::json(&release(base)),
            "/repos/o/r/git/ref/tags/v1" => {
                Answer::json(&json!({"ref": "refs/tags/v1", "object": {"type": "commit", "sha": OBJECT}}))
            }
            other => Answer::status("404 Not Found", other),
        }
    });
    let command = ["verify-attestation", "--release", "o/r@v1", "--retries", "0", "--timeout", "2", "--api-url"];
    Place::new().merotee(command).args([&server.url]).run()
}

fn listing(entries: &Value) -> Answer {
    Answer::json(&json!({ "attestations": entries }))
}

#[test]
fn a_release_without_an_attestation_is_incomplete_however_its_absence_is_answered() {
    for absent in [|| listing(&json!([])), || Answer::status("404 Not Found", "Not Found")] {
        ask(move |_| absent()).expect(11).says(&["has no attestation of v1 at c5e17a62"]);
    }
}

#[test]
fn answers_that_are_not_a_list_of_attestations_give_no_verdict() {
    for body in [json!({}), json!([]), json!({"attestations": null}), json!({"attestations": [{}]}), json!("x")] {
        let run = ask(move |_| Answer::json(&body));
        run.expect(1).says(&["NO VERDICT"]);
    }
    let many = json!(vec![json!({"bundle": {}}); 100]);
    ask(move |_| listing(&many)).expect(1).says(&["lists 100 attestations or more"]);
    ask(|_| Answer::status("500 Internal Server Error", "down")).expect(1).says(&["NO VERDICT"]);
    ask(|_| Answer::Stall(b"{".to_vec(), 100)).expect(1).says(&["NO VERDICT"]);
}

#[test]
fn a_bundle_that_is_none_fails_and_so_does_one_beside_it() {
    for bundle in [
        json!({}),
        json!([]),
        json!("x"),
        json!(1),
        json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}),
    ] {
        let entries = json!([{ "bundle": bundle }]);
        ask(move |_| listing(&entries)).expect(10).says(&["FAILED"]);
    }
}

#[test]
fn an_address_of_a_bundle_that_leads_astray_gives_no_verdict_and_is_not_followed() {
    for address in
        ["", "x", "file:///etc/passwd", "ftp://h/x", "http://user:secret@127.0.0.1/x", "http://127.0.0.1:1/x"]
    {
        let entries = json!([{"bundle": null, "bundle_url": address}]);
        let run = ask(move |_| listing(&entries)).expect(1).says(&["NO VERDICT"]);
        assert!(!run.shown().contains("secret"), "{}", run.shown());
    }
    // There, and not a block of Snappy; a block that says it is 4 GiB; nothing at all.
    for stored in [b"{}".to_vec(), vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0], Vec::new()] {
        let run = ask_all(move |path, base| {
            if path.starts_with("/stored") {
                return Some(Answer::Reply("200 OK", String::new(), stored.clone()));
            }
            let entries = json!([{"bundle": null, "bundle_url": format!("{base}/stored?signature=secret")}]);
            path.contains("/attestations/").then(|| listing(&entries))
        });
        let run = run.expect(1).says(&["NO VERDICT", "a bundle_url of the attestations"]);
        assert!(!run.shown().contains("secret"), "{}", run.shown());
    }
}

#[test]
fn a_tag_or_repository_that_cannot_be_read_gives_no_verdict_and_a_tag_that_is_gone_is_missing() {
    let answers: [(&str, Value); 4] = [
        ("/repos/o/r/git/ref/tags/v1", json!({"ref": "refs/tags/v1", "object": {"type": "commit", "sha": "x"}})),
        ("/repos/o/r/git/ref/tags/v1", json!({"ref": "refs/tags/v10", "object": {"type": "commit", "sha": OBJECT}})),
        ("/repos/o/r", json!({"id": -1, "owner": {"id": 3}})),
        ("/repos/o/r", json!({"id": 2})),
    ];
    for (at, answer) in answers {
        let run = ask_all(move |path, _| (path == at).then(|| Answer::json(&answer)));
        run.expect(1).says(&["NO VERDICT"]);
    }
    let gone = |path: &str, _: &str| path.contains("/git/ref/").then(|| Answer::status("404 Not Found", "Not Found"));
    ask_all(gone).expect(11).says(&["has no tag v1, though GitHub calls its release immutable"]);
}

#[test]
fn what_an_annotated_tag_points_to_is_asked_for_and_not_its_commit_and_where_that_has_none_the_assets_are() {
    let (tag, seen) = ("7".repeat(40), Arc::new(Mutex::new(Vec::new())));
    let (object, log) = (tag.clone(), Arc::clone(&seen));
    let run = ask_all(move |path, _| {
        if path.contains("/git/ref/") {
            return Some(Answer::json(&json!({"ref": "refs/tags/v1", "object": {"type": "tag", "sha": object}})));
        }
        let (_, asked) = path.split_once("/attestations/")?;
        log.lock().unwrap().push(asked.to_owned());
        Some(listing(&json!([])))
    });
    run.expect(11).says(&[&tag]);
    let query = "?per_page=100&predicate_type=release&initiator=github";
    let expected = [format!("sha1:{tag}{query}"), format!("sha256:{}{query}", "0".repeat(64))];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn whether_a_release_is_immutable_is_read_strictly() {
    for odd in [json!("true"), json!(1), json!([])] {
        let run = ask_all(move |path, base| {
            let mut changed = release(base);
            changed["immutable"] = odd.clone();
            (path == "/repos/o/r/releases/tags/v1").then(|| Answer::json(&changed))
        });
        run.expect(1).without_product();
    }
    for not in [json!(false), json!(null)] {
        let run = ask_all(move |path, base| {
            let mut changed = release(base);
            changed["immutable"] = not.clone();
            (path == "/repos/o/r/releases/tags/v1").then(|| Answer::json(&changed))
        });
        run.expect(11).says(&["GitHub does not call this release immutable"]);
    }
}
