//! The form of tokens, key sets and claims, on literals. Signatures and chains are tested with the sandbox's, in tests/it/ita.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    Evidence, ItaVerifier, MAX_TOKEN_BYTES, PolicyId, Refusal, Step, claims::Claims, jwks::Key, times::Times,
    token::Token,
};

fn token(header: &str, payload: &str) -> String {
    [header, payload, "signature"].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

fn header(header: &str) -> Result<(), Refusal> {
    Token::read(&token(header, "{}")).map(|_| ())
}

#[test]
fn a_token_is_three_parts_of_base64url_that_hold_json_without_a_key_twice() {
    let good = r#"{"alg":"PS384","kid":"k","typ":"JWT","jku":"https://elsewhere.example/certs"}"#;
    assert_eq!(header(good), Ok(()));
    let whole = token(good, "{}");
    for bad in [
        String::new(),
        "a".to_owned(),
        "a.b".to_owned(),
        format!("{whole}.x"),
        format!("{whole}="),
        whole.replace('.', " ."),
        format!(" {whole}"),
        token("[]", "{}"),
        token(r#"{"alg":"PS384","kid":"k","typ":"JWT","alg":"none"}"#, "{}"),
        token(r#"{"alg":"PS384","typ":"JWT"}"#, "{}"),
        token(r#"{"alg":"PS384","kid":"","typ":"JWT"}"#, "{}"),
        token(&format!(r#"{{"alg":"PS384","kid":"{}","typ":"JWT"}}"#, "k".repeat(257)), "{}"),
        token(good, r#"{"iss":"a","iss":"b"}"#),
        token(good, "{"),
        format!("{whole}{}", "A".repeat(MAX_TOKEN_BYTES)),
    ] {
        let read = Token::read(&bad).map(|_| ());
        assert!(matches!(read, Err(Refusal::Malformed(_))), "{:?}: {read:?}", bad.chars().take(80).collect::<String>());
    }
}

#[test]
fn every_algorithm_but_two_is_refused_by_its_name() {
    for alg in ["none", "None", "HS256", "HS384", "RS384", "RS512", "PS256", "PS512", "ES256", "EdDSA", "ps384", ""] {
        let refused = header(&json!({ "alg": alg, "kid": "k", "typ": "JWT" }).to_string());
        assert_eq!(refused, Err(Refusal::Algorithm(format!("`{alg}`"))));
    }
    assert_eq!(header(r#"{"kid":"k","typ":"JWT"}"#), Err(Refusal::Algorithm("not said".to_owned())));
    assert_eq!(header(r#"{"alg":null,"kid":"k","typ":"JWT"}"#), Err(Refusal::Algorithm("not a name".to_owned())));
    assert_eq!(header(r#"{"alg":"PS384","kid":"k","typ":"JWT","crit":[]}"#), Err(Refusal::Critical));
    assert_eq!(header(r#"{"alg":"PS384","kid":"k","typ":"JWS"}"#), Err(Refusal::Type("JWS".to_owned())));
    assert_eq!(header(r#"{"alg":"PS384","kid":"k"}"#), Err(Refusal::Type("none".to_owned())));
}

#[test]
fn a_key_is_the_one_that_is_named_and_meant_for_the_algorithm() {
    let key = json!({ "kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB", "x5c": ["AA=="] });
    let of = |keys: Value| Key::of(json!({ "keys": keys }).to_string().as_bytes(), "k", "PS384").map(|_| ());
    let with = |field: &str, value: Value| {
        let mut changed = key.clone();
        changed.as_object_mut().unwrap().insert(field.to_owned(), value);
        of(json!([changed]))
    };
    assert_eq!(of(json!([key])), Ok(()));
    assert_eq!(of(json!([{ "kid": "other" }, 5, null, key])), Ok(()), "the others are not looked at");
    assert_eq!(of(json!([])), Err(Refusal::UnknownKey("k".to_owned())));
    assert_eq!(of(json!([key, key])), Err(Refusal::AmbiguousKey("k".to_owned())));
    for (field, value) in [("kty", "EC"), ("kty", "oct"), ("use", "enc"), ("alg", "RS256"), ("alg", "none")] {
        let refused = with(field, json!(value));
        assert!(matches!(refused, Err(Refusal::KeyPurpose { .. })), "{field} {value}: {refused:?}");
    }
    for (field, value) in
        [("n", json!("=")), ("n", json!("AAAA")), ("e", json!(3)), ("x5c", json!("AA==")), ("x5c", json!([1]))]
    {
        let refused = with(field, value);
        assert!(matches!(refused, Err(Refusal::KeySet(_))), "{field}: {refused:?}");
    }
    for count in [0, 11] {
        assert!(matches!(with("x5c", json!(vec!["AA=="; count])), Err(Refusal::Chain(_))), "{count}");
    }
    for set in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(matches!(Key::of(set.as_bytes(), "k", "PS384"), Err(Refusal::KeySet(_))), "{set}");
    }
    assert!(matches!(of(json!(vec![0; 101])), Err(Refusal::KeySet(_))));
}

#[test]
fn times_are_whole_seconds_and_bounded_by_each_other() {
    let read = |claims: Value, now: u64| {
        let claims = Claims::read(&claims).and_then(|claims| Times::read(&claims));
        claims.and_then(|times| times.current(now))
    };
    assert_eq!(read(json!({ "iat": 1000, "exp": 1300 }), 1100), Ok(()));
    assert_eq!(read(json!({ "iat": 1000, "nbf": 1100, "exp": 1300 }), 1040), Ok(()));
    assert_eq!(
        read(json!({ "iat": 1000, "nbf": 1101, "exp": 1300 }), 1040),
        Err(Refusal::NotYetValid { from: 1101, now: 1040 })
    );
    assert_eq!(read(json!({ "iat": 1000, "exp": 1300 }), 1360), Err(Refusal::Expired { expires: 1300, now: 1360 }));
    assert_eq!(
        read(json!({ "iat": 1101, "exp": 1300 }), 1040),
        Err(Refusal::IssuedInFuture { issued: 1101, now: 1040 })
    );
    assert_eq!(read(json!({ "iat": 1000, "exp": 4601 }), 1100), Err(Refusal::Lifetime(3601)));
    for none in [1000, 999, 0] {
        assert!(matches!(read(json!({ "iat": 1000, "exp": none }), 1000), Err(Refusal::Lifetime(..=0))), "{none}");
    }
    for odd in [json!("1300"), json!(1300.5), json!(-1), json!(u64::MAX), json!([1300]), Value::Null] {
        let refused = read(json!({ "iat": 1000, "exp": odd }), 1100);
        assert!(matches!(refused, Err(Refusal::MalformedClaim { claim: "exp", .. })), "{odd}: {refused:?}");
    }
}

#[test]
fn the_issuer_is_the_portal_to_the_letter_and_a_name_in_old_tokens_alone() {
    let by = |claims: Value| Claims::read(&claims).and_then(|claims| claims.by("https://portal.example"));
    assert_eq!(by(json!({ "tdx": {}, "iss": "https://portal.example" })), Ok(()));
    assert_eq!(by(json!({ "iss": "https://portal.example" })), Ok(()));
    assert_eq!(by(json!({ "iss": "Intel Trust Authority" })), Ok(()));
    assert_eq!(by(json!({ "iss": "Trust Authority" })), Ok(()));
    for other in [
        "Intel Trust Authority",
        "https://portal.example/",
        "https://PORTAL.example",
        "http://portal.example",
        "https://portal.example.evil.example",
        "",
    ] {
        let refused = by(json!({ "tdx": {}, "iss": other }));
        assert!(matches!(refused, Err(Refusal::Issuer { .. })), "{other}: {refused:?}");
    }
    assert!(matches!(by(json!({ "tdx": [], "iss": "x" })), Err(Refusal::MalformedClaim { claim: "tdx", .. })));
}

#[test]
fn a_policy_id_is_a_uuid_in_either_case_and_nothing_else() {
    let id = "5E0C1A3E-6f0b-4d4e-9a55-2f1b7f0c9d11";
    assert_eq!(id.parse::<PolicyId>().map(|id| id.to_string()), Ok(id.to_ascii_lowercase()));
    for bad in [
        "",
        "5e0c1a3e6f0b4d4e9a552f1b7f0c9d11",
        "5e0c1a3e-6f0b-4d4e-9a55-2f1b7f0c9d1g",
        "5e0c1a3e-6f0b-4d4e-9a55-2f1b7f0c9d1",
    ] {
        assert!(bad.parse::<PolicyId>().is_err(), "{bad}");
    }
}

#[test]
fn what_is_refused_early_says_nothing_of_what_comes_later() {
    let refusal = ItaVerifier::new("https://portal.example").places("x", b"", 0).unwrap_err();
    assert_eq!(refusal.step(), Step::Form);
    let findings = super::judge("q", &Err(refusal), None, true);
    let passed = findings.iter().filter(|finding| finding.status == crate::report::Status::Pass).count();
    assert_eq!((passed, findings.len()), (0, 5), "{findings:#?}");
    assert!(Evidence::default().token.is_empty());
}
