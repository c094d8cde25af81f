//! A tag that is wrong: what was most likely meant is said, and nothing else changes.

use serde_json::json;

use crate::binary::{
    Place, findings,
    loopback::{Answer, Server},
};

const MISSING: &str = "mero-kms-v1.2.9";

#[test]
fn a_malformed_tag_is_answered_with_the_one_that_was_meant_wherever_a_tag_is_taken() {
    let place = Place::new();
    for (command, meant) in [
        (&["verify-release-assets", "mero-kms-1.2.0"][..], "mero-kms-v1.2.0"),
        (&["verify-release-assets", "node-image-v1.2.0"], "node-image-gcp-v1.2.0"),
        (&["verify-release-assets", "MERO_TEE_V1.2.0"], "mero-tee-v1.2.0"),
        (&["verify-release-assets", "V1.2.0"], "1.2.0"),
        (&["sandbox", "--", "verify-release-assets", "mero-ksm-v1.2.0"], "mero-kms-v1.2.0"),
        (&["dependency-guard", "--tag", "mero-kms-v1.2.0-rc1"], "mero-kms-v1.2.0-rc.1"),
        (&["version-sync", "--tag", "mero-kmsv1.2.0"], "mero-kms-v1.2.0"),
        (&["gen-policy", "--not-ready", "--out", "x", "--tag", "mero-kms-1.2.0"], "mero-kms-v1.2.0"),
        (&["catalog", "check", "mero-kms-1.2.0", "1.2.0"], "mero-kms-v1.2.0"),
        (&["catalog", "check", "1.2.0", "mero-tee-1.2.0"], "mero-tee-v1.2.0"),
        (
            &["probe", "run", "v1.0.0", "--family", "kms", "--profile", "debug", "--dry-run"],
            "mero-kms-v1.0.0` or `mero-tee-v1.0.0",
        ),
        (&["kms", "serve", "--profile", "debug", "--kms-version", "mero-kms-1.2.0"], "mero-kms-v1.2.0"),
    ] {
        let words = ["is not a release tag: expected mero-", &format!("did you mean `{meant}`?")];
        let run = place.merotee(command).run().expect(2).says(&words).without_product();
        // One machine is of one family.
        let both = run.stderr.contains("for both families");
        assert!(!(both && command.contains(&"probe")), "{command:?}: {}", run.stderr);
    }
}

#[test]
fn nothing_is_suggested_where_the_version_or_the_family_would_be_a_guess() {
    let place = Place::new();
    for command in [
        &["verify-release-assets", "mero-kms-v1.2"][..],
        &["verify-release-assets", "mero-kms-v1.2.0-beta.1"],
        &["verify-release-assets", "latest"],
        &["verify-release-assets", "merod-v1.2.0"],
        // The other family is refused here however it is spelt.
        &["catalog", "check", "mero-tee-1.2.0", "1.2.0"],
        &["kms", "serve", "--profile", "debug", "--kms-version", "mero-tee-1.2.0"],
    ] {
        let run = place.merotee(command).run().expect(2).says(&["is not a release tag"]).without_product();
        assert!(!run.stderr.contains("did you mean"), "{command:?}: {}", run.stderr);
    }
}

#[test]
fn a_release_that_is_not_there_is_answered_with_the_nearest_that_are() {
    let missing = ["calimero-network/mero-tee has no release mero-kms-v1.2.9", "a draft is visible only with a token"];
    let nearest = "check the tag: the repository has mero-kms-v1.2.0, mero-kms-v1.1.1 and mero-kms-v1.1.0; ";
    let run = Place::new().sandbox(["verify-release-assets", MISSING]).run().expect(1);
    run.says(&missing).says(&[nearest]).without_product();
    let serve = ["kms", "serve", "--check", "--rehearsal", "--profile", "debug", "--kms-version", MISSING];
    Place::new().sandbox(serve).run().expect(1).says(&missing).says(&[nearest]).without_product();
    // By its old name.
    let run = Place::new().sandbox(["verify-release-assets", "node-image-gcp-v1.2.0"]).run().expect(1);
    run.says(&["the repository has mero-tee-v1.2.0, mero-tee-v1.1.0 and mero-tee-v1.0.0; "]).without_product();
    // Under a name that the repository had before.
    let moved = ["verify-release-assets", MISSING, "--repo", "calimero-network/mero-tee-before"];
    Place::new().sandbox(moved).run().expect(1).says(&[nearest]).without_product();
    // Of two, the one that is there is judged, and the report says it of the other.
    let both = ["verify-release-assets", "1.3.0-rc.1", "--format", "json"];
    let report = Place::new().sandbox(both).run().report();
    let told = findings(&report).into_iter().find(|f| f["subject"] == "mero-tee-v1.3.0-rc.1").unwrap();
    assert!(
        told["help"].as_str().unwrap().starts_with("check the tag: the repository has mero-tee-v1.2.0, "),
        "{told}"
    );
}

/// A GitHub without the release, whose list of releases is given.
fn without_release(list: fn() -> Answer) -> Server {
    Server::start(move |path, _| {
        if path.starts_with("/repos/o/r/releases?") {
            return list();
        }
        match path {
            "/repos/o/r" => Answer::json(&json!({"full_name": "o/r"})),
            _ => Answer::status("404 Not Found", "Not Found"),
        }
    })
}

#[test]
fn the_list_is_asked_for_once_and_hostile_names_and_failures_leave_the_advice_as_it_is() {
    let hostile = || {
        let tags = ["mero-kms-v1.2.8\n::error::x", "\u{1b}[2Jmero-kms-v1.2.8", "../x", "", "mero-tee-v1.2.9"];
        let all = tags.map(|tag| json!({"tag_name": tag, "draft": false}));
        let draft = json!({"tag_name": "mero-kms-v1.2.8", "draft": true});
        Answer::json(&json!(all.into_iter().chain([draft]).collect::<Vec<_>>()))
    };
    let lists: [fn() -> Answer; 7] = [
        hostile,
        || Answer::json(&json!([])),
        || Answer::json(&json!({"message": "no list"})),
        || Answer::json(&json!([{"tag_name": 7, "draft": "x"}])),
        || Answer::Silence,
        || Answer::status("503 Service Unavailable", "later"),
        || Answer::status("403 Forbidden", "API rate limit exceeded"),
    ];
    for list in lists {
        let server = without_release(list);
        let command = ["verify-release-assets", MISSING, "--repo", "o/r", "--api-url", &server.url, "--timeout", "3"];
        let run = Place::new().merotee(command).run().expect(1).without_product();
        let run = run.says(&["o/r has no release mero-kms-v1.2.9", "check the tag; a draft is visible"]);
        assert!(!run.stderr.contains("the repository has"), "{}", run.stderr);
        // The release, its repository, and the list.
        assert_eq!(server.asked(), 3);
    }
}
