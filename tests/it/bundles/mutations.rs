//! What is changed, and that the program refuses it.

use merotee::sandbox::sigstore::Instance;
use serde_json::{Value, json};

use super::{BLOB, Verifying, identity, now, statement};

/// Bundles of one signing each, in every form.
pub(super) struct Sound {
    pub(super) instance: Instance,
    /// Of the blob, in the v1 log.
    pub(super) message: String,
    /// Of the blob, in the v2 log.
    pub(super) rekor2: String,
    /// A statement about the blob.
    pub(super) attestation: String,
    /// cosign's older form.
    pub(super) cosign: String,
    /// Of another blob by the same signer.
    other: String,
}

/// A changed bundle.
pub(super) struct Changed {
    /// What was done to it.
    pub(super) what: &'static str,
    /// As text, for a map could not hold a key twice.
    pub(super) bundle: String,
    /// Part of the reason the program must give.
    why: &'static str,
}

impl Sound {
    pub(super) fn new() -> Self {
        let mut instance = Instance::new(7, now()).unwrap();
        let signed = instance.sign(BLOB, &identity(), now()).unwrap();
        let other = instance.sign(b"another asset\n", &identity(), now()).unwrap();
        let attestation = instance.sign_statement(&statement(), &identity(), now()).unwrap();
        Self {
            instance,
            message: signed.bundle_json,
            rekor2: signed.rekor2_bundle_json,
            attestation,
            cosign: signed.cosign_bundle_json,
            other: other.bundle_json,
        }
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The bundle with `key` set in the object at `pointer`.
fn with(bundle: &str, pointer: &str, key: &str, value: impl Into<Value>) -> String {
    let mut bundle = parsed(bundle);
    bundle.pointer_mut(pointer).unwrap()[key] = value.into();
    bundle.to_string()
}

/// The bundle with `"key":value` written before all else in the object at `pointer`, whether or not it is there already.
fn before(bundle: &str, pointer: &str, key: &str, value: &Value) -> String {
    let mut bundle = parsed(bundle);
    let object = bundle.pointer(pointer).unwrap().to_string();
    let written = format!("{{{key}:{value},{}", &object[1..]);
    *bundle.pointer_mut(pointer).unwrap() = json!("merotee-mark");
    bundle.to_string().replace("\"merotee-mark\"", &written)
}

const MATERIAL: &str = "/verificationMaterial";
const ENTRY: &str = "/verificationMaterial/tlogEntries/0";

/// Everything that is done to Sigstore's own bundles.
pub(super) fn bundles(sound: &Sound) -> Vec<Changed> {
    let Sound { message, rekor2, attestation, other, .. } = sound;
    let (signature, envelope) =
        (parsed(message)["messageSignature"].clone(), parsed(attestation)["dsseEnvelope"].clone());
    let (other_signature, payload) = (parsed(other)["messageSignature"].clone(), envelope["payload"].clone());
    let certificate = parsed(message)["verificationMaterial"]["certificate"].clone();
    let other_certificate = parsed(other)["verificationMaterial"]["certificate"].clone();
    let (entry, other_entry) =
        (parsed(message).pointer(ENTRY).unwrap().clone(), parsed(other).pointer(ENTRY).unwrap().clone());
    let chain = |certificates: &[&Value]| {
        let mut bundle =
            parsed(&with(message, "", "mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.2"));
        bundle["verificationMaterial"].as_object_mut().unwrap().remove("certificate");
        bundle["verificationMaterial"]["x509CertificateChain"] = json!({"certificates": certificates});
        bundle.to_string()
    };
    let changed = |what, bundle, why| Changed { what, bundle, why };
    vec![
        // two members of a oneof
        changed(
            "a signature beside the envelope",
            with(attestation, "", "messageSignature", signature.clone()),
            "at once",
        ),
        changed("the envelope beside a signature", with(message, "", "dsseEnvelope", envelope.clone()), "at once"),
        changed("an envelope first", before(message, "", "\"dsseEnvelope\"", &envelope), "at once"),
        changed("an empty envelope", with(message, "", "dsseEnvelope", json!({})), "at once"),
        changed(
            "a chain beside the certificate",
            with(message, MATERIAL, "x509CertificateChain", json!({"certificates": [certificate]})),
            "at once",
        ),
        changed(
            "another's chain beside the certificate",
            with(message, MATERIAL, "x509CertificateChain", json!({"certificates": [other_certificate]})),
            "at once",
        ),
        changed("a key beside the certificate", with(message, MATERIAL, "publicKey", json!({"hint": "x"})), "at once"),
        changed(
            "certificate, chain and key",
            with(
                &with(message, MATERIAL, "publicKey", json!({"hint": "x"})),
                MATERIAL,
                "x509CertificateChain",
                json!({"certificates": [certificate]}),
            ),
            "at once",
        ),
        // a key twice
        changed("the signature twice", before(message, "", "\"messageSignature\"", &other_signature), "appears twice"),
        changed("the envelope twice", before(attestation, "", "\"dsseEnvelope\"", &envelope), "appears twice"),
        changed("the media type twice", before(message, "", "\"mediaType\"", &json!("x")), "appears twice"),
        changed("the material twice", before(message, "", "\"verificationMaterial\"", &json!({})), "appears twice"),
        changed(
            "the certificate twice",
            before(message, MATERIAL, "\"certificate\"", &other_certificate),
            "appears twice",
        ),
        changed(
            "its bytes twice",
            before(message, "/verificationMaterial/certificate", "\"rawBytes\"", &json!("AA==")),
            "appears twice",
        ),
        changed(
            "the log entries twice",
            before(message, MATERIAL, "\"tlogEntries\"", &json!([other_entry])),
            "appears twice",
        ),
        changed("the log index twice", before(message, ENTRY, "\"logIndex\"", &json!("0")), "appears twice"),
        changed("the body twice", before(message, ENTRY, "\"canonicalizedBody\"", &json!("AA==")), "appears twice"),
        changed(
            "the digest twice",
            before(message, "/messageSignature/messageDigest", "\"digest\"", &json!("AA==")),
            "appears twice",
        ),
        changed(
            "the payload twice",
            before(attestation, "/dsseEnvelope", "\"payload\"", &json!("e30=")),
            "appears twice",
        ),
        changed(
            "the payload twice, escaped",
            before(attestation, "/dsseEnvelope", "\"\\u0070ayload\"", &json!("e30=")),
            "appears twice",
        ),
        changed(
            "sig twice",
            before(attestation, "/dsseEnvelope/signatures/0", "\"sig\"", &json!("AA==")),
            "appears twice",
        ),
        // another spelling
        changed("media_type beside mediaType", with(message, "", "media_type", "x"), "another spelling"),
        changed(
            "message_signature beside the envelope",
            with(attestation, "", "message_signature", signature.clone()),
            "another spelling",
        ),
        changed(
            "message_signature beside its own",
            with(message, "", "message_signature", other_signature),
            "another spelling",
        ),
        changed("dsse_envelope beside the signature", with(message, "", "dsse_envelope", envelope), "another spelling"),
        changed(
            "tlog_entries beside tlogEntries",
            with(message, MATERIAL, "tlog_entries", json!([other_entry])),
            "another spelling",
        ),
        changed(
            "raw_bytes beside rawBytes",
            with(message, "/verificationMaterial/certificate", "raw_bytes", "AA=="),
            "another spelling",
        ),
        changed("log_index beside logIndex", with(message, ENTRY, "log_index", "0"), "another spelling"),
        changed(
            "payload_type beside payloadType",
            with(attestation, "/dsseEnvelope", "payload_type", "x"),
            "another spelling",
        ),
        changed("Payload beside payload", with(attestation, "/dsseEnvelope", "Payload", "e30="), "another spelling"),
        // decoys
        changed("a payload beside the envelope", with(attestation, "", "payload", payload), "another form"),
        changed(
            "a payload type beside the envelope",
            with(attestation, "", "payloadType", "text/plain"),
            "another form",
        ),
        changed("signatures beside the envelope", with(attestation, "", "signatures", json!([])), "another form"),
        changed(
            "a statement around the envelope",
            with(attestation, "", "_type", "https://in-toto.io/Statement/v1"),
            "another form",
        ),
        changed("cosign's signature in a bundle", with(message, "", "base64Signature", "AA=="), "another form"),
        changed("cosign's log entry in a bundle", with(message, "", "rekorBundle", json!({})), "another form"),
        changed("a novel field", with(message, "", "novel", 1), "unknown field"),
        changed("a novel field in the log entry", with(message, ENTRY, "novel", 1), "unknown field"),
        // several where one is meant
        changed("the log entry twice", with(message, MATERIAL, "tlogEntries", json!([entry, entry])), "2 values"),
        changed(
            "another's log entry after its own",
            with(message, MATERIAL, "tlogEntries", json!([entry, other_entry])),
            "2 values",
        ),
        changed(
            "another's log entry before its own",
            with(message, MATERIAL, "tlogEntries", json!([other_entry, entry])),
            "2 values",
        ),
        changed(
            "entries of both logs",
            with(rekor2, MATERIAL, "tlogEntries", json!([parsed(rekor2).pointer(ENTRY).unwrap(), entry])),
            "2 values",
        ),
        changed("the envelope's signature twice", twice_signed(attestation), "2 signatures"),
        changed(
            "an envelope without signatures",
            with(attestation, "/dsseEnvelope", "signatures", json!([])),
            "no signature",
        ),
        changed("two signers in a chain", chain(&[&certificate, &other_certificate]), "two signing certificates"),
        changed("one signer twice in a chain", chain(&[&certificate, &certificate]), "two signing certificates"),
        // the log entry against its bundle
        changed(
            "another kind of entry",
            with(attestation, &format!("{ENTRY}/kindVersion"), "kind", "hashedrekord"),
            "calls itself",
        ),
        changed(
            "another version of entry",
            with(message, &format!("{ENTRY}/kindVersion"), "version", "0.0.2"),
            "calls itself",
        ),
        changed("another's entry alone", with(message, MATERIAL, "tlogEntries", json!([other_entry])), ""),
        changed("another's certificate alone", with(message, MATERIAL, "certificate", other_certificate), ""),
    ]
}

fn twice_signed(attestation: &str) -> String {
    let mut bundle = parsed(attestation);
    let signature = bundle["dsseEnvelope"]["signatures"][0].clone();
    bundle["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(signature);
    bundle.to_string()
}

/// Everything that is done to cosign's older bundle.
fn cosigns(sound: &Sound) -> Vec<Changed> {
    let Sound { cosign, message, .. } = sound;
    let (rekor, payload) = ("/rekorBundle", "/rekorBundle/Payload");
    let changed = |what, bundle, why| Changed { what, bundle, why };
    vec![
        changed("signature twice", before(cosign, "", "\"base64Signature\"", &json!("AA==")), "appears twice"),
        changed("certificate twice", before(cosign, "", "\"cert\"", &json!("AA==")), "appears twice"),
        changed("certificate twice, escaped", before(cosign, "", "\"c\\u0065rt\"", &json!("AA==")), "appears twice"),
        changed("body twice", before(cosign, payload, "\"body\"", &json!("AA==")), "appears twice"),
        changed("time twice", before(cosign, payload, "\"integratedTime\"", &json!(0)), "appears twice"),
        changed("promise twice", before(cosign, rekor, "\"SignedEntryTimestamp\"", &json!("AA==")), "appears twice"),
        changed(
            "another case, which Go does not tell apart",
            with(cosign, "", "base64signature", "AA=="),
            "another spelling",
        ),
        changed("another case of the certificate", with(cosign, "", "Cert", "AA=="), "another spelling"),
        changed("another case of the body", with(cosign, payload, "Body", "AA=="), "another spelling"),
        changed("a payload beside Payload", with(cosign, rekor, "payload", json!({})), "another spelling"),
        changed(
            "a new bundle's signature in it",
            with(cosign, "", "messageSignature", parsed(message)["messageSignature"].clone()),
            "",
        ),
        changed("a payload beside it", with(cosign, "", "payload", "e30="), "another form"),
        changed("a novel field", with(cosign, "", "novel", 1), "unknown field"),
    ]
}

#[test]
fn the_bundles_are_sound_before_they_are_changed() {
    let sound = Sound::new();
    let place = Verifying::under(&sound.instance);
    for bundle in [&sound.message, &sound.rekor2, &sound.attestation, &sound.cosign] {
        place.verify(bundle, "blob").expect(0);
    }
}

#[test]
fn an_ambiguous_bundle_is_refused_and_the_place_named() {
    let sound = Sound::new();
    let place = Verifying::under(&sound.instance);
    let changed: Vec<_> = bundles(&sound).into_iter().chain(cosigns(&sound)).collect();
    assert!(changed.len() > 60, "{}", changed.len());
    for Changed { what, bundle, why } in changed {
        let run = place.verify(&bundle, "blob");
        assert!(run.code == 10 && run.stdout.contains(why), "{what}: {}", run.shown());
    }
}

#[test]
fn fields_that_are_null_count_as_absent() {
    let sound = Sound::new();
    let place = Verifying::under(&sound.instance);
    for bundle in [
        with(&sound.message, "", "dsseEnvelope", Value::Null),
        with(&sound.attestation, "", "messageSignature", Value::Null),
        before(&sound.message, "", "\"dsseEnvelope\"", &Value::Null),
        with(&sound.message, MATERIAL, "publicKey", Value::Null),
        with(&sound.rekor2, ENTRY, "inclusionPromise", Value::Null),
    ] {
        place.verify(&bundle, "blob").expect(0);
    }
}

#[test]
fn a_file_that_is_no_bundle_is_a_usage_error_that_says_what_it_is() {
    let sound = Sound::new();
    let place = Verifying::under(&sound.instance);
    let envelope = parsed(&sound.attestation)["dsseEnvelope"].to_string();
    for (file, kind) in [
        (format!("{}\n{}\n", sound.message, sound.attestation), "2 documents in one file"),
        (format!("{:#}\n{:#}\n", parsed(&sound.message), parsed(&sound.message)), "2 documents in one file"),
        (format!("[{}]", sound.message), "a JSON array"),
        ("{}".to_owned(), "an empty JSON object"),
        (sound.instance.trusted_root_json(super::BASE), "a Sigstore trusted root"),
        (sound.instance.client_trust_config_json(super::BASE), "a Sigstore client trust config"),
        (envelope, "a DSSE envelope"),
        (r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"p"}"#.to_owned(), "unsigned in-toto statement"),
        (r#"{"attestations":[]}"#.to_owned(), "GitHub's answer with attestations"),
    ] {
        place.verify(&file, "blob").expect(2).says(&["bundle.json: not a bundle: this is ", kind]).without_product();
    }
    // One line, with its end and blank ones, is one bundle.
    place.verify(&format!("\n{}\n\n", sound.message), "blob").expect(0);
}
