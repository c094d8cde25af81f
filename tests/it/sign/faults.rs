//! Services that answer wrongly: nothing of it is written. And answers that get lost.

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::sandbox::sigstore::Log;
use serde_json::{Value, json};

use super::{
    crooked::{Answered, Asked, Crooked, Fault, Honest, sign},
    token, workflow,
};

const FULCIO: &str = "/api/v2/signingCert";
const REKOR: &str = "/api/v1/log/entries";
const REKOR2: &str = "/api/v2/log/entries";
const TIMESTAMP: &str = "/api/v1/timestamp";

/// The answers of one path, changed as JSON.
struct Change(&'static str, fn(&mut Value));

impl Fault for Change {
    fn answered(&self, asked: &Asked, _: usize, answered: &mut Answered) {
        if asked.path == self.0 && answered.status.is_success() {
            answered.json(self.1);
        }
    }
}

/// The requests of one path, changed.
struct Ask(&'static str, fn(&mut Vec<u8>));

impl Fault for Ask {
    fn asked(&self, asked: &mut Asked) {
        if asked.path == self.0 {
            (self.1)(&mut asked.body);
        }
    }
}

/// Signing fails with this code and these words, and leaves nothing.
#[track_caller]
fn refused(log: Log, fault: impl Fault, code: i32, says: &[&str]) {
    let crooked = Crooked::start(fault);
    let place = crooked.place(log);
    sign(&place).run().expect(code).says(says);
    assert_eq!(place.names("."), ["blob", "config.json", "root.json"]);
}

/// The one entry of a v1 answer.
fn entry(answer: &mut Value) -> &mut Value {
    answer.as_object_mut().unwrap().values_mut().next().unwrap()
}

/// Changes a digit of a hex or base64 text.
fn flip(text: &mut Value) {
    let old = text.as_str().unwrap();
    let (first, rest) = old.split_at(1);
    *text = format!("{}{rest}", if first == "a" { "b" } else { "a" }).into();
}

/// A certificate request of another key, made by openssl.
const STRANGER: &str = include_str!("keys/stranger.csr");

#[test]
fn the_services_as_they_are_make_a_bundle() {
    for log in [Log::Rekor1, Log::Rekor2] {
        let crooked = Crooked::start(Honest);
        let place = crooked.place(log);
        sign(&place).run().expect(0);
        assert!(place.path("blob.sigstore.json").is_file());
    }
}

#[test]
fn a_certificate_for_another_key_is_refused_and_nothing_is_logged() {
    let crooked = Crooked::start(Ask(FULCIO, |body| {
        *body = json!({"certificateSigningRequest": STANDARD.encode(STRANGER)}).to_string().into_bytes();
    }));
    let place = crooked.place(Log::Rekor1);
    sign(&place).run().expect(10).says(&["Fulcio's certificate is for another key than ours"]);
    assert_eq!(place.names("."), ["blob", "config.json", "root.json"]);
    assert_eq!(crooked.seen(), [format!("POST {FULCIO}")]);
}

#[test]
fn a_certificate_without_an_sct_is_refused_and_nothing_is_logged() {
    let crooked = Crooked::start(Honest);
    let place = crooked.place(Log::Rekor1);
    crooked.instance.lock().unwrap().forget_scts();
    sign(&place).run().expect(10).says(&["holds no SCT"]);
    assert_eq!(crooked.seen(), [format!("POST {FULCIO}")]);
    let detached = Change(FULCIO, |answer| {
        let chain = answer["signedCertificateEmbeddedSct"].take();
        *answer = json!({"signedCertificateDetachedSct": chain});
    });
    refused(Log::Rekor1, detached, 10, &["holds no SCT"]);
}

#[test]
fn an_sct_of_a_log_that_is_not_trusted_and_a_certificate_of_a_stranger_do_not_verify() {
    for (field, says) in [("ctlogs", "SCT"), ("certificateAuthorities", "certificate")] {
        let crooked = Crooked::start(Honest);
        let place = crooked.place(Log::Rekor1);
        let stranger = merotee::sandbox::sigstore::Instance::new(9, jiff::Timestamp::now()).unwrap();
        let stranger: Value = serde_json::from_str(&stranger.trusted_root_json(&crooked.base)).unwrap();
        let mut root: Value = serde_json::from_str(&place.read("root.json")).unwrap();
        root[field] = stranger[field].clone();
        place.write("root.json", root.to_string());
        sign(&place).run().expect(10).says(&["does not verify, and is thrown away", says]);
        assert_eq!(place.names("."), ["blob", "config.json", "root.json"]);
    }
}

/// How an answer is changed, and what is said of it.
type Spoilt = (fn(&mut Value), &'static str);

#[test]
fn a_log_entry_that_is_incomplete_or_does_not_prove_itself_is_refused() {
    let thrown = "is thrown away";
    let one = Log::Rekor1;
    let cases: [Spoilt; 6] = [
        (
            |a| drop(entry(a)["verification"].as_object_mut().unwrap().remove("signedEntryTimestamp")),
            "holds no signed entry",
        ),
        (
            |a| drop(entry(a)["verification"].as_object_mut().unwrap().remove("inclusionProof")),
            "holds no inclusion proof",
        ),
        (|a| flip(&mut entry(a)["verification"]["signedEntryTimestamp"]), thrown),
        (|a| flip(&mut entry(a)["verification"]["inclusionProof"]["hashes"][0]), thrown),
        (|a| flip(&mut entry(a)["verification"]["inclusionProof"]["rootHash"]), "another tree"),
        (|a| entry(a)["integratedTime"] = 1_700_000_000.into(), thrown),
    ];
    for (change, says) in cases {
        refused(one, Change(REKOR, change), 10, &[says]);
    }
    // The checkpoint is a field of the proof that cannot be left out; one that is changed is signed by no log.
    refused(
        one,
        Change(REKOR, |a| entry(a)["verification"]["inclusionProof"]["checkpoint"] = json!("")),
        10,
        &["holds no checkpoint"],
    );
    let cases: [Spoilt; 4] = [
        (|a| drop(a.as_object_mut().unwrap().remove("inclusionProof")), "holds no inclusion proof"),
        (|a| flip(&mut a["inclusionProof"]["hashes"][0]), thrown),
        (|a| flip(&mut a["inclusionProof"]["rootHash"]), "another tree"),
        (|a| a["inclusionProof"]["checkpoint"]["envelope"] = json!(""), "holds no checkpoint"),
    ];
    for (change, says) in cases {
        refused(Log::Rekor2, Change(REKOR2, change), 10, &[says]);
    }
}

/// Answers with the entry of another signature: one that the log really holds.
struct AnotherEntry;

impl Fault for AnotherEntry {
    fn asked(&self, asked: &mut Asked) {
        let Ok(mut proposal) = serde_json::from_slice::<Value>(&asked.body) else { return };
        // A signature by the same certificate over other bytes cannot be made here, so the entry is one of a stranger.
        let (digest, signature, pem) = stranger_signature();
        if asked.path == REKOR {
            proposal["spec"]["data"]["hash"]["value"] = hex::encode(digest).into();
            proposal["spec"]["signature"] =
                json!({"content": signature, "publicKey": {"content": STANDARD.encode(pem)}});
            asked.body = proposal.to_string().into_bytes();
        }
    }
}

/// SHA-256 of something, a signature over it in base64, and the public key, PEM.
fn stranger_signature() -> (Vec<u8>, String, String) {
    use p256::{
        ecdsa::{DerSignature, SigningKey, signature::Signer as _},
        pkcs8::{EncodePublicKey as _, LineEnding},
    };
    let key = SigningKey::from_slice(&[7; 32]).unwrap();
    let signature: DerSignature = key.sign(b"something else");
    let digest = merotee::digest::Sha256::of(b"something else").as_bytes().to_vec();
    (digest, STANDARD.encode(signature.as_bytes()), key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap())
}

#[test]
fn the_entry_of_another_signature_is_refused_though_the_log_holds_it() {
    refused(Log::Rekor1, AnotherEntry, 10, &["is thrown away"]);
}

#[test]
fn answers_that_are_no_entries_say_so() {
    refused(Log::Rekor1, Change(REKOR, |a| *a = json!([])), 1, &["the answer is not a map of entries"]);
    refused(Log::Rekor1, Change(REKOR, |a| *a = json!({})), 1, &["the answer holds no entry"]);
    let twice = |a: &mut Value| {
        let copy = entry(a).clone();
        a["0".repeat(80)] = copy;
    };
    refused(Log::Rekor1, Change(REKOR, twice), 1, &["the answer holds several entries"]);
    refused(Log::Rekor2, Change(REKOR2, |a| *a = json!({"logIndex": "x"})), 1, &["the answer is not a log entry"]);
    refused(Log::Rekor1, Change(FULCIO, |a| *a = json!("no")), 1, &["the answer is not one of Fulcio's"]);
}

/// A timestamp for another question: the nonce, the last eight bytes or so of the request but for the flag, is changed.
#[allow(clippy::ptr_arg, reason = "it stands where others lengthen the request")]
fn other_nonce(request: &mut Vec<u8>) {
    // …INTEGER nonce, BOOLEAN true (3 bytes).
    let at = request.len() - 4;
    request[at] ^= 1;
}

#[test]
fn a_timestamp_that_answers_another_question_is_refused() {
    refused(Log::Rekor2, Ask(TIMESTAMP, other_nonce), 10, &["the timestamp of", "it holds another nonce than ours"]);
    // The hash of the signature: the message that the token is about.
    let other_message = |request: &mut Vec<u8>| {
        let start = request.windows(2).position(|pair| pair == [4, 32]).unwrap() + 2;
        request[start] ^= 1;
    };
    refused(Log::Rekor2, Ask(TIMESTAMP, other_message), 10, &["is thrown away"]);
}

/// A timestamp authority that is none.
struct NoToken(&'static [u8]);

impl Fault for NoToken {
    fn answered(&self, asked: &Asked, _: usize, answered: &mut Answered) {
        if asked.path == TIMESTAMP {
            answered.body = self.0.to_vec();
        }
    }
}

#[test]
fn an_answer_that_is_no_timestamp_says_so() {
    // A TimeStampResp with the status rejection, and what is none.
    refused(Log::Rekor2, NoToken(&[0x30, 5, 0x30, 3, 2, 1, 2]), 1, &["the authority does not grant it"]);
    refused(Log::Rekor2, NoToken(&[0x30, 5, 0x30, 3, 2, 1, 0]), 1, &["the answer holds no token"]);
    refused(Log::Rekor2, NoToken(b"<html>"), 1, &["the answer is not a TimeStampResp"]);
    refused(Log::Rekor2, NoToken(&[]), 1, &["the answer is not a TimeStampResp"]);
}

/// The first answer of one path gets lost after the request was carried out.
struct Lost(&'static str);

impl Fault for Lost {
    fn answered(&self, asked: &Asked, earlier: usize, answered: &mut Answered) {
        if asked.path == self.0 && earlier == 0 {
            answered.status = StatusCode::BAD_GATEWAY;
            answered.body = b"<html>".to_vec();
        }
    }
}

#[test]
fn after_a_lost_answer_the_same_entry_is_found_and_used() {
    let crooked = Crooked::start(Lost(REKOR));
    let place = crooked.place(Log::Rekor1);
    sign(&place).run().expect(0);
    // Proposed, proposed again and named as there already, then fetched.
    let log: Vec<String> = crooked.seen().into_iter().filter(|line| line.contains("/log/")).collect();
    assert_eq!(log.len(), 3, "{log:?}");
    assert_eq!(log[..2], [format!("POST {REKOR}"), format!("POST {REKOR}")]);
    assert!(log[2].starts_with(&format!("GET {REKOR}/")), "{log:?}");
    for (log, path) in [(Log::Rekor2, REKOR2), (Log::Rekor2, TIMESTAMP), (Log::Rekor1, FULCIO)] {
        let crooked = Crooked::start(Lost(path));
        let place = crooked.place(log);
        sign(&place).run().expect(0);
        assert_eq!(crooked.seen().iter().filter(|line| line.ends_with(path)).count(), 2, "{path}");
    }
}

/// A log that says it has the entry, and not usefully where.
struct Elsewhere(&'static str);

impl Fault for Elsewhere {
    fn answered(&self, asked: &Asked, _: usize, answered: &mut Answered) {
        if asked.path == REKOR {
            answered.status = StatusCode::CONFLICT;
            answered.headers.insert("location", self.0.parse().unwrap());
        }
    }
}

#[test]
fn of_the_place_that_a_log_names_for_an_entry_only_an_id_is_taken() {
    let says = &["it says that it has the entry already (409), and not which it is"];
    for place in ["", "https://attacker.example/", "/api/v1/log/entries/../../secret", "/api/v1/log/entries/zz"] {
        refused(Log::Rekor1, Elsewhere(place), 1, says);
    }
    const ABSENT: &str = "https://attacker.example/0000000000000000000000000000000000000000000000000000000000000000";
    refused(Log::Rekor1, Elsewhere(ABSENT), 1, &["it does not have the entry that it says it has (404)"]);
}

#[test]
fn a_token_that_no_authority_would_take_is_sent_nowhere() {
    let crooked = Crooked::start(Honest);
    let place = crooked.place(Log::Rekor1);
    let old = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let expired = crooked.instance.lock().unwrap().identity_token(&workflow("refs/heads/master"), old).unwrap();
    let valid = token(&workflow("refs/heads/master"));
    let parts: Vec<&str> = valid.split('.').collect();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"aud":"other","exp":99999999999}"#);
    let foreign = format!("{}.{claims}.{}", parts[0], parts[2]);
    for (token, says) in [
        (expired.as_str(), "the identity token expired at "),
        (&foreign, "the identity token is for other, not for sigstore"),
        ("ghp_0123456789", "the identity token is not a JSON Web Token"),
    ] {
        sign(&place).env("SIGSTORE_ID_TOKEN", token).run().expect(2).says(&[says, "get a fresh one"]);
    }
    assert_eq!(crooked.seen(), [""; 0]);
}
