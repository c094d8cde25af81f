//! Which services a configuration leads to, on literals.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;

const NOW: &str = "2026-06-01T00:00:00Z";

fn service(host: &str, version: u32, operator: &str) -> Value {
    json!({"url": format!("https://{host}"), "majorApiVersion": version, "operator": operator,
           "validFor": {"start": "2025-01-01T00:00:00Z"}})
}

fn config() -> Value {
    json!({
        "mediaType": MEDIA_TYPE,
        "caUrls": [service("fulcio.example", 1, "a")],
        "oidcUrls": [],
        "rekorTlogUrls": [service("v1.example", 1, "a"), service("v2.example", 2, "a"), service("other.example", 1, "b")],
        "tsaUrls": [service("tsa.example", 1, "a"), service("clock.example", 1, "b"), service("third.example", 1, "c")],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "ANY"},
    })
}

fn hosts(config: &Value) -> Result<Vec<String>, String> {
    select(config.to_string().as_bytes(), NOW.parse().unwrap()).map(|services| services.hosts())
}

#[test]
fn the_public_instance_is_one_fulcio_one_log_and_one_clock() {
    let services = Services::load(&SigningConfigSource::Embedded, NOW.parse().unwrap()).unwrap();
    assert_eq!(services.hosts(), ["fulcio.sigstore.dev", "timestamp.sigstore.dev", "rekor.sigstore.dev"]);
}

#[test]
fn of_an_operator_the_newest_version_counts_and_the_selector_says_how_many_operators() {
    let mut config = config();
    assert_eq!(hosts(&config).unwrap(), ["fulcio.example", "tsa.example", "v2.example"]);
    config["rekorTlogConfig"] = json!({"selector": "ALL"});
    config["tsaConfig"] = json!({"selector": "EXACT", "count": 2});
    let expected = ["fulcio.example", "tsa.example", "clock.example", "v2.example", "other.example"];
    assert_eq!(hosts(&config).unwrap(), expected);
    config["rekorTlogConfig"] = json!({"selector": "EXACT", "count": 3});
    assert!(hosts(&config).unwrap_err().starts_with("rekorTlogUrls: 3 wanted, and 2 of the 3 listed can be used"));
}

#[test]
fn a_service_counts_within_its_validity_and_in_a_version_that_is_understood() {
    let mut config = config();
    config["rekorTlogUrls"][1]["validFor"] = json!({"start": "2025-01-01T00:00:00Z", "end": "2026-05-31T00:00:00Z"});
    assert_eq!(hosts(&config).unwrap().last().unwrap(), "v1.example");
    config["rekorTlogUrls"][0]["validFor"] = json!({"start": "2026-06-02T00:00:00Z"});
    assert_eq!(hosts(&config).unwrap().last().unwrap(), "other.example");
    config["rekorTlogUrls"][2]["majorApiVersion"] = json!(3);
    assert!(hosts(&config).unwrap_err().contains("1 wanted, and 0 of the 3 listed can be used"));
}

#[test]
fn a_log_that_tells_no_time_needs_a_clock_and_one_that_does_needs_none() {
    let mut config = config();
    config["tsaUrls"] = json!([]);
    assert!(hosts(&config).unwrap_err().contains("its log tells no time (Rekor v2)"));
    config["rekorTlogUrls"] = json!([service("v1.example", 1, "a")]);
    assert_eq!(hosts(&config).unwrap(), ["fulcio.example", "v1.example"]);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_field() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut config = config();
        change(&mut config);
        hosts(&config).unwrap_err()
    };
    type Case<'a> = (&'a dyn Fn(&mut Value), &'a str);
    let cases: [Case<'_>; 9] = [
        (&|c| c["mediaType"] = json!("application/vnd.dev.sigstore.signingconfig.v0.1+json"), "with the mediaType"),
        (&|c| drop(c.as_object_mut().unwrap().remove("mediaType")), "without a mediaType"),
        (&|c| c["caUrls"] = json!([]), "caUrls: 1 wanted, and 0 of the 0 listed"),
        (&|c| c["caUrls"][0]["url"] = json!("http://fulcio.example"), "must be asked over https"),
        (&|c| c["caUrls"][0]["url"] = json!("file:///etc/passwd"), "caUrls: `file:///etc/passwd` is not an address"),
        (
            &|c| c["tsaUrls"][0]["url"] = json!("https://u:p@tsa.example"),
            "tsaUrls: the address at tsa.example holds credentials",
        ),
        (&|c| c["tsaConfig"] = json!({"selector": "EXACT"}), "tsaConfig"),
        (&|c| c["tsaConfig"] = json!({"selector": "SERVICE_SELECTOR_UNDEFINED"}), "tsaUrls: its selector"),
        (&|c| c["tsaConfig"] = json!({"selector": "SOME"}), "unknown variant"),
    ];
    for (change, expected) in cases {
        let said = refused(change);
        assert!(said.contains(expected) || said.contains("tsaUrls: the selector EXACT says no count"), "{said}");
    }
    assert!(select(b"{}", NOW.parse().unwrap()).is_err());
    assert!(select(br#"{"mediaType":"a","mediaType":"b"}"#, NOW.parse().unwrap()).is_err());
}
