//! Every form changed at every place: keys twice, under another name, unknown, and parts of two forms at once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;

const LIMIT: usize = 1 << 20;

fn bundle() -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": {"rawBytes": "AA=="},
            "tlogEntries": [{
                "logIndex": "1", "logId": {"keyId": "AA=="}, "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
                "integratedTime": "1", "inclusionPromise": {"signedEntryTimestamp": "AA=="},
                "inclusionProof": {"logIndex": "1", "rootHash": "AA==", "treeSize": "2", "hashes": ["AA=="],
                    "checkpoint": {"envelope": "x"}},
                "canonicalizedBody": "AA==",
            }],
            "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": "AA=="}]},
        },
        "messageSignature": {"messageDigest": {"algorithm": "SHA2_256", "digest": "AA=="}, "signature": "AA=="},
    })
}

fn attestation() -> Value {
    let mut bundle = bundle();
    let fields = bundle.as_object_mut().unwrap();
    fields.remove("messageSignature");
    fields.insert("dsseEnvelope".into(), envelope());
    bundle
}

fn envelope() -> Value {
    json!({"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "AA==", "keyid": ""}]})
}

fn chain() -> Value {
    let mut bundle = bundle();
    let material = bundle["verificationMaterial"].as_object_mut().unwrap();
    material.remove("certificate");
    material.insert("x509CertificateChain".into(), json!({"certificates": [{"rawBytes": "AA=="}]}));
    bundle
}

fn cosign() -> Value {
    json!({"base64Signature": "AA==", "cert": "AA==", "rekorBundle": {"SignedEntryTimestamp": "AA==",
        "Payload": {"body": "AA==", "integratedTime": 1, "logIndex": 1, "logID": "00"}}})
}

fn statement_alone() -> Value {
    json!({"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "a", "digest": {"sha256": "00"}}],
        "predicateType": "p", "predicate": {}})
}

fn outcome(text: &str) -> Result<Form, Unfit> {
    read(text.as_bytes(), LIMIT).map(|(form, _)| form)
}

fn with(mut document: Value, pointer: &str, key: &str, value: Value) -> String {
    document.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
    document.to_string()
}

#[test]
fn each_form_is_told_by_its_fields_and_comes_back_as_it_was() {
    for (form, document) in [
        (Form::Bundle, bundle()),
        (Form::Bundle, attestation()),
        (Form::Bundle, chain()),
        (Form::CosignBundle, cosign()),
        (Form::Envelope, envelope()),
        (Form::Statement, statement_alone()),
    ] {
        assert_eq!(read(document.to_string().as_bytes(), LIMIT), Ok((form, document)));
    }
}

/// Pointers of every object in a document.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(at.to_owned());
            fields.iter().for_each(|(key, value)| objects(value, &format!("{at}/{key}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| objects(item, &format!("{at}/{n}"), found))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The document with one more `key` at the end of the object at `pointer`, as text: a map could not hold it twice.
fn twice(document: &Value, pointer: &str, key: &str, value: &Value) -> String {
    const MARK: &str = "merotee-mark";
    let marked = with(document.clone(), pointer, MARK, json!(0));
    marked.replace(&format!("\"{MARK}\":0"), &format!("{key}:{value}"))
}

#[test]
fn a_key_that_stands_twice_is_refused_in_every_object_of_every_form_also_behind_an_escape() {
    let mut tried = 0;
    for document in [bundle(), attestation(), chain(), cosign(), envelope(), statement_alone()] {
        let mut places = Vec::new();
        objects(&document, "", &mut places);
        for place in places {
            for (key, value) in document.pointer(&place).unwrap().as_object().unwrap() {
                let escaped = format!("\"\\u{:04x}{}\"", u32::from(key.chars().next().unwrap()), &key[1..]);
                for spelled in [format!("\"{key}\""), escaped] {
                    let text = twice(&document, &place, &spelled, value);
                    let refusal = outcome(&text).unwrap_err();
                    assert!(refusal.to_string().contains("appears twice"), "{place} {spelled}: {refusal}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn another_spelling_of_a_field_is_refused_in_every_object_with_the_field_or_without() {
    let mut tried = 0;
    for document in [bundle(), attestation(), chain(), cosign(), envelope(), statement_alone()] {
        let mut places = Vec::new();
        objects(&document, "", &mut places);
        // The values of these are anybody's.
        places.retain(|place| {
            !place.starts_with("/predicate") && !place.ends_with("/digest") || place.contains("message")
        });
        for place in places {
            for (key, value) in document.pointer(&place).unwrap().as_object().unwrap() {
                let snake: String = key
                    .chars()
                    .flat_map(|c| if c.is_uppercase() { vec!['_', c.to_ascii_lowercase()] } else { vec![c] })
                    .collect();
                for other in [snake, key.to_lowercase(), key.to_uppercase()].iter().filter(|other| *other != key) {
                    let beside = outcome(&with(document.clone(), &place, other, value.clone())).unwrap_err();
                    assert!(matches!(beside, Unfit::Ambiguous(_)), "{place}/{other}: {beside}");
                    let mut renamed = document.clone();
                    renamed.pointer_mut(&place).unwrap().as_object_mut().unwrap().remove(key);
                    assert!(outcome(&with(renamed, &place, other, value.clone())).is_err(), "{place}/{other} alone");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 80, "{tried}");
}

#[test]
fn an_unknown_field_is_refused_in_every_object_of_a_bundle_and_passed_over_where_its_form_allows_it() {
    for document in [bundle(), attestation(), chain(), cosign()] {
        let mut places = Vec::new();
        objects(&document, "", &mut places);
        for place in places {
            let refusal = outcome(&with(document.clone(), &place, "novel", json!(1))).unwrap_err();
            assert!(matches!(&refusal, Unfit::Malformed(why) if why.contains("novel")), "{place}: {refusal}");
        }
    }
    for (document, place) in [(envelope(), ""), (envelope(), "/signatures/0"), (statement_alone(), "")] {
        assert!(outcome(&with(document, place, "novel", json!(1))).is_ok(), "{place}");
    }
}

#[test]
fn two_members_of_a_oneof_and_parts_of_two_forms_are_refused() {
    let signature = bundle()["messageSignature"].clone();
    let material = "/verificationMaterial";
    let x509 = chain()["verificationMaterial"]["x509CertificateChain"].clone();
    for (what, text) in [
        ("signature and envelope", with(attestation(), "", "messageSignature", signature)),
        ("envelope and signature", with(bundle(), "", "dsseEnvelope", envelope())),
        ("an empty envelope too", with(bundle(), "", "dsseEnvelope", json!({}))),
        ("certificate and chain", with(bundle(), material, "x509CertificateChain", x509.clone())),
        (
            "certificate and an empty chain",
            with(bundle(), material, "x509CertificateChain", json!({"certificates": []})),
        ),
        ("certificate and key", with(bundle(), material, "publicKey", json!({"hint": "x"}))),
        ("certificate and an empty key", with(bundle(), material, "publicKey", json!({}))),
        ("chain and key", with(chain(), material, "publicKey", json!({"hint": ""}))),
        ("a payload beside the envelope", with(attestation(), "", "payload", json!("e30="))),
        ("a payload type beside the envelope", with(attestation(), "", "payloadType", json!("x"))),
        ("signatures beside the envelope", with(attestation(), "", "signatures", json!([]))),
        ("a payload beside the signature", with(bundle(), "", "payload", json!("e30="))),
        ("a payload in the material", with(bundle(), material, "payload", json!("e30="))),
        ("cosign's signature in a bundle", with(bundle(), "", "base64Signature", json!("AA=="))),
        ("cosign's certificate in a bundle", with(bundle(), "", "cert", json!("AA=="))),
        ("cosign's log entry in a bundle", with(bundle(), "", "rekorBundle", json!({}))),
        ("a media type in cosign's bundle", with(cosign(), "", "mediaType", json!("x"))),
        ("a payload beside cosign's own", with(cosign(), "", "payload", json!("e30="))),
        ("an envelope in an envelope", with(envelope(), "", "dsseEnvelope", envelope())),
        ("a statement around an envelope", with(envelope(), "", "_type", json!("https://in-toto.io/Statement/v1"))),
        ("an envelope's payload in a statement", with(statement_alone(), "", "payload", json!("e30="))),
        ("signatures of a statement", with(statement_alone(), "", "signatures", json!([{"sig": "AA=="}]))),
        ("a certificate in a statement", with(statement_alone(), "", "cert", json!("x"))),
    ] {
        assert!(outcome(&text).is_err(), "{what}: {text}");
    }
}

#[test]
fn several_values_where_one_is_meant_are_refused_and_none_where_one_is_promised() {
    let set = |mut document: Value, pointer: &str, value: Value| {
        *document.pointer_mut(pointer).unwrap() = value;
        document.to_string()
    };
    let entry = bundle()["verificationMaterial"]["tlogEntries"][0].clone();
    let (one, other) = (json!({"sig": "AA=="}), json!({"sig": "AQ=="}));
    for (text, why) in [
        (set(bundle(), "/verificationMaterial/tlogEntries", json!([entry, entry])), "2 values"),
        (set(attestation(), "/dsseEnvelope/signatures", json!([one, other])), "2 signatures"),
        (set(attestation(), "/dsseEnvelope/signatures", json!([one, one, one])), "3 signatures"),
        (set(attestation(), "/dsseEnvelope/signatures", json!([])), "no signature"),
        (set(attestation(), "/dsseEnvelope/signatures", Value::Null), "no signature"),
        (set(attestation(), "/dsseEnvelope/signatures", json!([{"sig": ""}])), "no signature"),
        (set(attestation(), "/dsseEnvelope/signatures", json!([{"keyid": "x"}])), "no signature"),
        (set(envelope(), "/signatures", json!([one, other])), "2 signatures"),
        (set(envelope(), "/signatures", json!([])), "no signature"),
        (set(envelope(), "/signatures", json!("AA==")), "no signature"),
        (set(bundle(), "/messageSignature", Value::Null), "none of"),
        (set(bundle(), "/verificationMaterial/certificate", Value::Null), "none of"),
    ] {
        let refusal = outcome(&text).unwrap_err().to_string();
        assert!(refusal.contains(why), "{why}: {refusal}");
    }
}

#[test]
fn a_field_that_is_null_is_absent() {
    let text = with(bundle(), "", "dsseEnvelope", Value::Null);
    assert_eq!(read(text.as_bytes(), LIMIT), Ok((Form::Bundle, bundle())));
    let text = with(bundle(), "/verificationMaterial", "publicKey", Value::Null);
    assert_eq!(read(text.as_bytes(), LIMIT), Ok((Form::Bundle, bundle())));
    assert!(
        outcome(&with(bundle(), "", "media_type", Value::Null)).is_err(),
        "a field under another name is none of ours"
    );
}

#[test]
fn what_is_something_else_is_named() {
    let lines = format!("{}\n{}\n", bundle(), bundle());
    for (text, kind) in [
        (lines.as_str(), "2 documents in one file"),
        ("[]", "a JSON array"),
        ("7", "a single JSON value"),
        ("{}", "an empty JSON object"),
        (r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#, "a Sigstore trusted root"),
        (r#"{"mediaType":"application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"}"#, "client trust config"),
        (r#"{"mediaType":"x"}"#, "JSON of the media type x"),
        (r#"{"attestations":[]}"#, "GitHub's answer"),
        (r#"{"kty":"EC"}"#, "a JSON Web Key"),
        (r#"{"signed":{}}"#, "TUF metadata"),
    ] {
        let refusal = outcome(text).unwrap_err();
        assert!(matches!(&refusal, Unfit::OtherKind(what) if what.contains(kind)), "{text}: {refusal}");
    }
    for text in ["", "x", "{} x", "{"] {
        assert!(matches!(outcome(text), Err(Unfit::Malformed(_) | Unfit::OtherKind(_))), "{text}");
    }
}
