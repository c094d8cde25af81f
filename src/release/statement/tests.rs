//! Statements changed by one field each, and the lines of provenance that hold them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;

const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a.tar", "digest": {"sha256": SHA256}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut statement = statement();
    statement.as_object_mut().unwrap().insert(key.to_owned(), value);
    statement
}

fn without(key: &str) -> Value {
    let mut statement = statement();
    statement.as_object_mut().unwrap().remove(key);
    statement
}

fn parse(statement: &Value) -> Result<Statement, String> {
    Statement::parse(statement.to_string().as_bytes())
}

#[test]
fn both_types_of_statement_are_read_with_and_without_a_predicate() {
    let subject = Subject { name: "a.tar".into(), sha256: SHA256.parse().ok(), sha512: None };
    for sound in [
        statement(),
        with("_type", json!("https://in-toto.io/Statement/v0.1")),
        without("predicate"),
        with("predicate", json!("cosign's own, as text")),
        with("somethingNew", json!(1)),
    ] {
        assert_eq!(parse(&sound), Ok(Statement { subjects: vec![subject.clone()] }), "{sound}");
    }
}

#[test]
fn what_is_no_statement_is_refused_by_the_field_that_says_so() {
    let digest = |digest: Value| with("subject", json!([{"name": "a", "digest": digest}]));
    for (wrong, field) in [
        (with("_type", json!("https://in-toto.io/Statement/v2")), "_type"),
        (with("_type", json!("https://in-toto.io/Statement/v1/")), "_type"),
        (with("_type", json!("https://in-toto.io/Statement/")), "_type"),
        (with("_type", json!("https://example.org/Statement/v1")), "_type"),
        (with("_type", json!("https://in-toto.io/statement/v1")), "_type"),
        (with("_type", json!("link")), "_type"),
        (with("_type", json!(["https://in-toto.io/Statement/v1"])), "_type"),
        (with("_type", Value::Null), "_type"),
        (without("_type"), "_type"),
        (with("type", json!("https://in-toto.io/Statement/v1")), "another spelling"),
        (without("predicateType"), "predicateType"),
        (with("predicateType", json!("")), "predicateType"),
        (with("predicateType", json!(" ")), "predicateType"),
        (with("predicateType", json!(7)), "predicateType"),
        (with("predicateType", Value::Null), "predicateType"),
        (with("predicate_type", json!("p")), "another spelling"),
        (without("subject"), "subject"),
        (with("subject", json!([])), "subject"),
        (with("subject", json!({"name": "a"})), "subject"),
        (with("subject", json!(["a"])), "subject[0]"),
        (with("subject", json!([{"name": "a"}])), "subject[0].digest"),
        (with("subject", json!([{"name": 1, "digest": {"sha256": SHA256}}])), "subject[0].name"),
        (digest(json!({})), "subject[0].digest"),
        (digest(json!({"sha256": "00"})), "subject[0].digest.sha256"),
        (digest(json!({"sha256": format!("sha256:{SHA256}")})), "subject[0].digest.sha256"),
        (digest(json!({"sha256": format!("0x{SHA256}")})), "subject[0].digest.sha256"),
        (digest(json!({"sha256": 7})), "subject[0].digest.sha256"),
        (digest(json!({"sha512": SHA256})), "subject[0].digest.sha512"),
        (with("payload", json!("e30=")), "another form"),
        (with("dsseEnvelope", json!({})), "another form"),
        (json!([]), "not a JSON object"),
    ] {
        let refusal = parse(&wrong).unwrap_err();
        assert!(refusal.contains(field), "{wrong}: {refusal}");
    }
    let twice = statement().to_string().replacen('{', "{\"_type\":\"x\",", 1);
    assert!(Statement::parse(twice.as_bytes()).unwrap_err().contains("appears twice"));
}

#[test]
fn a_name_is_the_same_with_a_dot_and_a_slash_before_it() {
    for name in ["a.tar", "./a.tar", "././a.tar", ".//a.tar"] {
        let named = with("subject", json!([{"name": name, "digest": {"sha256": SHA256}}]));
        assert_eq!(parse(&named).map(|s| s.subjects[0].name.clone()), Ok("a.tar".to_owned()), "{name}");
    }
    for name in ["../a.tar", "/a.tar", "x/a.tar", ".a.tar"] {
        let named = with("subject", json!([{"name": name, "digest": {"sha256": SHA256}}]));
        assert_eq!(parse(&named).map(|s| s.subjects[0].name.clone()), Ok(name.to_owned()));
    }
}

#[test]
fn a_subject_of_sha512_alone_needs_the_content() {
    let sha512 = Sha512::of(b"").to_string();
    let npm = with("subject", json!([{"name": "pkg:npm/sigstore@2.0.0", "digest": {"sha512": sha512}}]));
    let subject = parse(&npm).unwrap().subjects.remove(0);
    assert!(subject.needs_content());
    assert_eq!(subject.sha512, Some(Sha512::of(b"")));
    assert!(!parse(&statement()).unwrap().subjects[0].needs_content());
}

#[test]
fn a_line_of_provenance_is_a_bundle_an_envelope_or_a_statement_and_promises_are_kept() {
    let payload = STANDARD.encode(statement().to_string());
    let envelope =
        |kind: &str, signatures: Value| json!({"payload": payload, "payloadType": kind, "signatures": signatures});
    let signed = envelope(PAYLOAD_TYPE, json!([{"sig": "AA==", "cert": "-----BEGIN CERTIFICATE-----"}]));
    let material = json!({"certificate": {"rawBytes": "AA=="}, "tlogEntries": []});
    let bundle =
        |envelope: Value| json!({"mediaType": "x", "verificationMaterial": material, "dsseEnvelope": envelope});
    let enclosed = envelope(PAYLOAD_TYPE, json!([{"sig": "AA==", "keyid": ""}]));
    for line in [statement(), signed.clone(), bundle(enclosed.clone())] {
        assert_eq!(Statement::in_line(line.to_string().as_bytes()), parse(&statement()), "{line}");
    }
    let mut decoy = bundle(enclosed.clone());
    decoy["payload"] = json!(payload);
    let message =
        json!({"mediaType": "x", "verificationMaterial": material, "messageSignature": {"signature": "AA=="}});
    for (line, why) in [
        (envelope(PAYLOAD_TYPE, json!([])), "no signature"),
        (json!({"payload": payload, "payloadType": PAYLOAD_TYPE}), "no signature"),
        (envelope(PAYLOAD_TYPE, json!([{"sig": ""}])), "no signature"),
        (envelope(PAYLOAD_TYPE, json!([{"sig": "AA=="}, {"sig": "AA=="}])), "2 signatures"),
        (envelope("application/json", json!([{"sig": "AA=="}])), "payloadType is application/json"),
        (envelope("application/vnd.in-toto+json; charset=utf-8", json!([{"sig": "AA=="}])), "payloadType"),
        (envelope("Application/vnd.in-toto+json", json!([{"sig": "AA=="}])), "payloadType"),
        (json!({"payload": payload, "signatures": [{"sig": "AA=="}]}), "payloadType is none"),
        (json!({"payload": "?", "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": "AA=="}]}), "not base64"),
        (decoy, "`payload` belongs to another form"),
        (message, "states nothing"),
        (json!({"base64Signature": "AA==", "cert": "", "rekorBundle": {}}), "states nothing"),
        (json!({"predicate": {}}), "this is JSON of another kind"),
    ] {
        let refusal = Statement::in_line(line.to_string().as_bytes()).unwrap_err();
        assert!(refusal.contains(why), "{line}: {refusal}");
    }
}
