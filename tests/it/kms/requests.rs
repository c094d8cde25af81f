//! Requests that are malformed, or come too early: what is wrong with each is said, and nothing else.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::kms::wire::MAX_BODY_BYTES;
use serde_json::{Value, json};

use super::{
    log::Log,
    refusals::refused,
    site::{Answer, Service, Site},
};

const BAD: &str = "invalid_request";
const FIELDS: [&str; 5] = ["challengeId", "quoteB64", "peerId", "peerPublicKeyB64", "signatureB64"];

/// The body of a good request for a key.
async fn good(site: &Site, service: &Service) -> Value {
    let node = site.node();
    serde_json::from_str(&service.attempt(&node).await.signed_by(&node)).unwrap()
}

/// The body with another value in a field.
fn with(body: &Value, field: &str, value: impl Into<Value>) -> String {
    let mut body = body.clone();
    body[field] = value.into();
    body.to_string()
}

#[tokio::test]
async fn every_field_in_base64_is_named_when_it_is_not() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    let service = site.serve().await;
    let body = good(&site, &service).await;
    for field in ["quoteB64", "peerPublicKeyB64", "signatureB64"] {
        for malformed in ["*", "AA=A", "AAA", "AAAA\n", "-_-_", "é"] {
            let answer = service.post("/get-key", with(&body, field, malformed)).await;
            refused(&log, &answer, "/get-key", 400, BAD, &[&format!("{field}: not base64: ")]);
        }
    }
    for field in ["nonceB64", "bindingB64"] {
        let body = json!({"nonceB64": STANDARD.encode([1; 32]), "bindingB64": STANDARD.encode([2; 32])});
        let answer = service.post("/attest", with(&body, field, "%")).await;
        refused(&log, &answer, "/attest", 400, BAD, &[&format!("{field}: not base64: ")]);
        for length in [0, 31, 33] {
            let answer = service.post("/attest", with(&body, field, STANDARD.encode(vec![0; length]))).await;
            refused(&log, &answer, "/attest", 400, BAD, &[&format!("{field}: expected 32 bytes, got {length}")]);
        }
    }
    // None of it used the challenge.
    service.post("/get-key", body.to_string()).await.key();
}

#[tokio::test]
async fn a_peer_id_or_a_public_key_of_another_kind_is_refused_before_anything_is_looked_up() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    let service = site.serve().await;
    let body = good(&site, &service).await;
    for peer in [
        "",
        "0OIl",
        "a b",
        "é",
        "../../etc",
        &"1".repeat(129),
        "12D3KooW",
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
    ] {
        let answer = service.post("/challenge", json!({"peerId": peer}).to_string()).await;
        refused(&log, &answer, "/challenge", 400, "invalid_peer_id", &["peerId: not the id of an Ed25519 key"]);
        let answer = service.post("/get-key", with(&body, "peerId", peer)).await;
        refused(&log, &answer, "/get-key", 400, "invalid_peer_id", &["peerId: "]);
    }
    let secp256k1 = [&[8, 2, 0x12, 0x21][..], &[2; 33]].concat();
    for (key, says) in [(vec![], "36 bytes"), (vec![8, 1, 0x12, 0x20], "36 bytes"), (secp256k1, "not an Ed25519 key")] {
        let answer = service.post("/get-key", with(&body, "peerPublicKeyB64", STANDARD.encode(key))).await;
        refused(&log, &answer, "/get-key", 400, BAD, &["peerPublicKeyB64: ", says]);
    }
    service.post("/get-key", body.to_string()).await.key();
}

#[tokio::test]
async fn a_body_that_is_no_json_of_the_right_shape_is_told_where_and_nothing_of_it_is_repeated() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    let service = site.serve().await;
    let body = good(&site, &service).await;
    for endpoint in ["/attest", "/challenge", "/get-key"] {
        for (text, says) in [
            ("", "not JSON: line 1, column 0"),
            ("{\"hunter2\"", "not JSON: line 1, column 10"),
            ("{} hunter2", "has no field"),
            ("\u{feff}{}", "not JSON: line 1, column 1"),
            ("\"hunter2\"", "not of the expected shape"),
            ("[[[[[[", "not"),
        ] {
            let answer = service.post(endpoint, text).await;
            refused(&log, &answer, endpoint, 400, BAD, &[says]);
            assert!(!answer.text.contains("hunter2"), "{answer:?}");
        }
        let answer = service.post(endpoint, vec![0xff, 0xfe]).await;
        refused(&log, &answer, endpoint, 400, BAD, &["not JSON"]);
    }
    for field in FIELDS {
        let mut without = body.clone();
        without.as_object_mut().unwrap().remove(field);
        let answer = service.post("/get-key", without.to_string()).await;
        refused(&log, &answer, "/get-key", 400, BAD, &[&format!("the body has no field {field}")]);
        for value in [json!(7), json!(null), json!(["hunter2"])] {
            let answer = service.post("/get-key", with(&body, field, value)).await;
            refused(&log, &answer, "/get-key", 400, BAD, &["not of the expected shape: line 1"]);
            assert!(!answer.text.contains("hunter2"), "{answer:?}");
        }
    }
    for (endpoint, field) in [("/challenge", "peerId"), ("/attest", "nonceB64")] {
        let answer = service.post(endpoint, "{}").await;
        refused(&log, &answer, endpoint, 400, BAD, &[&format!("the body has no field {field}")]);
    }
    // A field that nobody knows yet hurts nobody.
    service.post("/get-key", with(&body, "aFieldOfTheFuture", 1)).await.key();
}

#[tokio::test]
async fn a_body_over_64_kib_is_too_large_and_one_of_64_kib_is_read() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    let service = site.serve().await;
    let body = good(&site, &service).await.to_string();
    for endpoint in ["/attest", "/challenge", "/get-key"] {
        for length in [MAX_BODY_BYTES + 1, 65 << 10, 1 << 20] {
            let answer = service.post(endpoint, vec![b' '; length]).await;
            refused(&log, &answer, endpoint, 413, BAD, &["the body is larger than 65536 bytes"]);
        }
    }
    assert_eq!(MAX_BODY_BYTES, 64 << 10);
    let padded = [body.as_str(), &" ".repeat(MAX_BODY_BYTES - body.len())].concat();
    service.post("/get-key", padded).await.key();
}

#[tokio::test]
async fn an_unknown_endpoint_or_method_is_told_and_logged_like_any_refusal() {
    let (log, _heard) = Log::of_this_thread();
    let service = Site::new().await.serve().await;
    for endpoint in ["/attest", "/challenge", "/get-key"] {
        refused(&log, &service.get(endpoint).await, endpoint, 405, BAD, &["no such method here"]);
    }
    refused(&log, &service.post("/health", "").await, "/health", 405, BAD, &["no such method here"]);
    // What does not exist is anybody's text, and stands under one name in log and metrics.
    for endpoint in ["/", "/metrics", "/get-key/", "/GET-KEY", "/getkey"] {
        refused_path(&log, &service.get(endpoint).await, endpoint);
    }
    // However long it is, and whatever is in it.
    let long = format!("/{}", "a".repeat(4_000));
    refused_path(&log, &service.get(&long).await, &long[..128]);
    refused_path(&log, &service.get("/%0A%1B[31m?token=hunter2").await, "/%0A%1B[31m");
}

/// Asserts the refusal of what is no endpoint: the log names what was asked, and nothing of its query.
#[track_caller]
fn refused_path(log: &Log, answer: &Answer, path: &str) {
    assert_eq!((answer.status, &answer.json()["details"]), (404, &"no such endpoint".into()), "{answer:?}");
    let line = log.refusal("other", 404, BAD);
    assert!(line.contains(&format!(" path={path:?} ")) && !line.contains("hunter2"), "{line}");
}

#[tokio::test]
async fn every_endpoint_is_counted_with_how_it_ended_and_shown_before_it_was_asked() {
    let site = Site::new().await;
    let (service, node) = (Service::start(site.parts(), None).await, site.node());
    let count = |endpoint: &str, outcome: &str| {
        let name = format!("merotee_kms_requests_total{{endpoint=\"{endpoint}\",outcome=\"{outcome}\"}} ");
        let text = service.kms.metrics().text();
        text.lines().find_map(|line| line.strip_prefix(&name)).map(|number| number.parse::<u64>().unwrap())
    };
    for endpoint in ["/health", "/attest", "/challenge", "/get-key"] {
        assert_eq!(count(endpoint, "ok"), Some(0), "{endpoint}");
    }
    service.get("/health").await;
    service.kms.set_policy(site.policy()).unwrap();
    service.get("/health").await;
    service.get("/health").await;
    service.post("/health", "").await;
    service.post("/attest", json!({"nonceB64": STANDARD.encode([1; 32])}).to_string()).await;
    service.post("/attest", "{}").await;
    service.post("/challenge", r#"{"peerId":"0"}"#).await;
    service.key(&node).await.key();
    service.get("/nothing").await;
    for (endpoint, outcome, number) in [
        ("/health", "ok", 2),
        ("/health", "policy_not_ready", 1),
        ("/health", BAD, 1),
        ("/attest", "ok", 1),
        ("/attest", BAD, 1),
        ("/challenge", "ok", 1),
        ("/challenge", "invalid_peer_id", 1),
        ("/get-key", "ok", 1),
        ("other", BAD, 1),
    ] {
        assert_eq!(count(endpoint, outcome), Some(number), "{endpoint} {outcome}");
    }
}

#[tokio::test]
async fn until_the_policy_is_loaded_there_is_no_key_and_everything_else_works() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    let (service, node) = (Service::start(site.parts(), None).await, site.node());
    let attempt = service.attempt(&node).await;
    let attested = service.post("/attest", json!({"nonceB64": STANDARD.encode([1; 32])}).to_string()).await;
    assert_eq!(attested.status, 200, "{attested:?}");
    let health = service.get("/health").await;
    assert_eq!((health.status, health.json()["policyLoaded"].as_bool()), (503, Some(false)));
    log.nothing_refused();

    let early = service.post("/get-key", attempt.signed_by(&node)).await;
    refused(&log, &early, "/get-key", 503, "policy_not_ready", &["the service has not loaded its policy yet"]);
    // Shape comes first.
    let malformed = service.post("/get-key", "{}").await;
    refused(&log, &malformed, "/get-key", 400, BAD, &["no field"]);

    service.kms.set_policy(site.policy()).unwrap();
    let health = service.get("/health").await;
    assert_eq!((health.status, health.json()["policyLoaded"].as_bool()), (200, Some(true)));
    // The challenge was not used by coming too early.
    service.post("/get-key", attempt.signed_by(&node)).await.key();
    service.kms.set_policy(site.policy()).unwrap_err();
}
