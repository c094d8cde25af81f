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
    assert_eq!(header(r#"{"alg":"PS384","kid":"k","typ":"JWT","crit":[]}"#), Err(Refusal::Critical("crit")));
    assert_eq!(header(r#"{"alg":"PS384","kid":"k","typ":"JWS"}"#), Err(Refusal::Type("JWS".to_owned())));
    assert_eq!(header(r#"{"alg":"PS384","kid":"k"}"#), Err(Refusal::Type("none".to_owned())));
}

#[test]
fn a_header_demands_nothing_names_its_key_by_a_text_and_brings_none_itself() {
    for b64 in ["true", "false", "null"] {
        let header = header(&format!(r#"{{"alg":"PS384","kid":"k","typ":"JWT","b64":{b64}}}"#));
        assert_eq!(header, Err(Refusal::Critical("b64")), "{b64}");
    }
    for kid in ["5", "null", "true", r#"["k"]"#, r#"{"k":"k"}"#] {
        let header = header(&format!(r#"{{"alg":"PS384","kid":{kid},"typ":"JWT"}}"#));
        assert!(matches!(header, Err(Refusal::Malformed(_))), "{kid}: {header:?}");
    }
    // The key set alone is asked for a key: here there is none.
    let own = r#"{"alg":"PS384","kid":"k","typ":"JWT","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"},"x5c":["AA=="]}"#;
    let own = token(own, "{}");
    assert_eq!(Token::read(&own).unwrap().key(br#"{"keys":[]}"#).map(|_| ()), Err(Refusal::UnknownKey("k".to_owned())));
}

#[test]
fn base64_has_one_spelling() {
    let whole = token(r#"{"alg":"PS384","kid":"kk?>","typ":"JWT"}"#, r#"{"a":"??>>"}"#);
    assert!(Token::read(&whole).is_ok() && (whole.contains('_') || whole.contains('-')), "{whole}");
    let parts: Vec<&str> = whole.split('.').collect();
    for at in 0..3 {
        for odd in ["=", "==", " ", "\n", "\r\n", "\0", "A"] {
            let mut changed: Vec<String> = parts.iter().map(ToString::to_string).collect();
            let part = changed.get_mut(at).unwrap();
            part.push_str(odd);
            // One more letter is refused where it is bits that no byte holds.
            if odd != "A" || part.len() % 4 == 1 {
                let changed = changed.join(".");
                assert!(matches!(Token::read(&changed), Err(Refusal::Malformed(_))), "{changed:?}");
            }
        }
    }
    let other = whole.replace('_', "/").replace('-', "+");
    assert!(matches!(Token::read(&other), Err(Refusal::Malformed(_))), "{other}");
}

#[test]
fn a_key_is_of_a_safe_size_with_a_safe_exponent() {
    let judged = |bytes: usize, exponent: &[u8]| {
        let (n, e) = (URL_SAFE_NO_PAD.encode(vec![0xff; bytes]), URL_SAFE_NO_PAD.encode(exponent));
        let set = json!({ "keys": [{ "kty": "RSA", "kid": "k", "n": n, "e": e, "x5c": ["AA=="] }] }).to_string();
        let text = token(r#"{"alg":"PS384","kid":"k","typ":"JWT"}"#, "{}");
        let token = Token::read(&text).unwrap();
        token.signed_by(&token.key(set.as_bytes()).unwrap())
    };
    for bytes in [1, 64, 128, 255, 1025, 4096] {
        assert_eq!(judged(bytes, &[1, 0, 1]), Err(Refusal::KeySize(bytes * 8)));
    }
    let long = [0xff; 33];
    for exponent in [&[1][..], &[2], &[3], &[17], &[0xff, 0xff], &[1, 0, 0], &[1, 0, 2], &long] {
        assert_eq!(judged(256, exponent), Err(Refusal::Exponent(hex::encode(exponent))));
    }
    for good in [&[1, 0, 1][..], &[0, 0, 1, 0, 1]] {
        assert_eq!(judged(256, good), Err(Refusal::Signature), "the key will do, the signature not");
    }
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
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        let refused = with(private, json!("AQAB"));
        assert!(matches!(&refused, Err(Refusal::KeySet(why)) if why.contains("private")), "{private}: {refused:?}");
    }
    for other in ["x5t", "x5t#S256", "ext", "k", "anything"] {
        assert_eq!(with(other, json!("AQAB")), Ok(()), "{other} says nothing that is read");
    }
    assert_eq!(with("key_ops", json!(["verify"])), Ok(()));
    for other in [json!([]), json!(["encrypt"]), json!("verify"), Value::Null] {
        let refused = with("key_ops", other.clone());
        assert!(matches!(refused, Err(Refusal::KeyPurpose { .. })), "{other}: {refused:?}");
    }
    for spelt in ["AQAB=", "AQ AB", "AQAB\n", "_+8", "", "AA"] {
        assert!(matches!(with("n", json!(spelt)), Err(Refusal::KeySet(_))), "{spelt:?}");
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
    for from in [1300, 1301, 1360, 9000] {
        let refused = read(json!({ "iat": 1000, "nbf": from, "exp": 1300 }), 1290);
        assert_eq!(refused, Err(Refusal::NeverValid { from, expires: 1300 }), "{from}");
    }
    assert_eq!(read(json!({ "iat": 0, "exp": 1300 }), 1290), Ok(()), "an hour is not over");
    assert_eq!(
        read(json!({ "iat": 0, "nbf": 1_900_000_000, "exp": 1_900_000_300 }), 1_900_000_000),
        Err(Refusal::Lifetime(1_900_000_300))
    );
    for odd in ["\"1300\"", "1300.0", "1300.5", "1.3e3", "-1", "18446744073709551615", "1e30", "[1300]", "true", "null"]
    {
        for claim in ["iat", "nbf", "exp"] {
            let mut claims = json!({ "iat": 1000, "nbf": 1000, "exp": 1300 });
            claims.as_object_mut().unwrap().insert(claim.to_owned(), serde_json::from_str(odd).unwrap());
            let refused = read(claims, 1100);
            assert!(
                matches!(&refused, Err(Refusal::MalformedClaim { claim: found, .. }) if *found == claim),
                "{claim} {odd}: {refused:?}"
            );
        }
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
