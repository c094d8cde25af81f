//! Everything that was recorded of the real programs is understood, and means what they took it for.

use std::fs;

use merotee::{
    attestation::event_log::EventVersion,
    digest::{Sha256, Sha512},
    dstack::{
        attestation::{Attestation, Form},
        attestation_info::AttestationInfo,
        meta::Meta,
    },
};
use serde_json::{Value, json};

use super::{Recorded, changed};
use crate::binary::{Place, findings, statuses};

#[test]
fn the_recorded_document_passes_as_the_tutorial_types_it() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    let words = ["bootstrap-info.json", "collateral.json", "tdx-root-ca.pem"].map(|name| recorded.file(name));
    let [info, collateral, root] = &words;
    let run = place.merotee(["dstack", "verify", "--bootstrap-info", info, "--collateral", collateral, "--root", root]);
    let run = run.args(["--at", super::AT, "--offline", "--format", "json"]).run().expect(0);
    let report = run.report();
    // But for the machine, which nothing named.
    let unnamed = |finding: &Value| finding["check"] == "dstack-measurement" && finding["status"] == "skipped";
    let all = findings(&report);
    assert!(all.iter().all(|finding| finding["status"] == "pass" || unnamed(finding)), "{}", run.stdout);
    assert_eq!(statuses(&report, "dstack-measurement"), ["skipped"]);
    let rules = report["rules"].as_array().unwrap();
    for rule in rules {
        let id = rule["id"].as_str().unwrap();
        assert!(!statuses(&report, id).is_empty(), "{id} was judged");
    }
}

#[test]
fn everything_beside_the_document_agrees_with_it() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    let image = recorded.attestation.runtime_events.iter().find(|event| event.name == "os-image-hash").unwrap();
    let list = json!({
        "osImages": [hex::encode(&image.payload)],
        "kms": {"mrAggregated": ["0x9218777CBF9D7539E34576D42E6B6097BA324A8AD7794452614957E8BC170535"],
            "devices": ["374708fff7719dd5979ec875d56cd2286f6d3cf7ec317a3b25632aab28ec37bb"]},
    });
    place.write("auth-config.json", list.to_string());
    place.write("meta.json", recorded.body("11-getmeta.txt"));
    place.write("info.json", recorded.body("02-onboard-getattinfo.txt"));
    let mr_system = "51ea38f8eee6dc72dbae9b74531ae6d6204295d265dabb4e6c34621a2a1a1197";
    let more = ["--meta", "meta.json", "--attestation-info", "info.json", "--allow-list", "auth-config.json"];
    let more = [&more[..], &["--mr-system", mr_system, "--format", "json"]].concat();
    let run = recorded.verify(&place, &recorded.file("bootstrap-info.json"), &more).expect(0);
    let report = run.report();
    for check in
        ["dstack-meta-ca", "dstack-meta-k256", "dstack-meta-mode", "dstack-meta-bootstrap", "dstack-measurement"]
    {
        assert_eq!(statuses(&report, check), ["pass"], "{check}");
    }
    assert_eq!(statuses(&report, "dstack-allow-list"), ["pass"; 4]);
    // The simulator's host names another image than the machine measured.
    assert_eq!(statuses(&report, "dstack-announced"), ["pass", "pass", "warn"]);
}

#[test]
fn what_the_webhook_was_told_is_what_the_attestation_amounts_to() {
    let Some(recorded) = Recorded::load() else { return };
    let judged = recorded.judged(&recorded.document).unwrap();
    let measured = judged.measured.unwrap();
    let log = fs::read_to_string(recorded.folder.join("webhook.log")).unwrap();
    let asked: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(!asked.is_empty());
    for question in asked {
        assert_eq!(question["mrAggregated"], measured.mr_aggregated.to_string());
        assert_eq!(question["mrSystem"], measured.mr_system.to_string());
        assert_eq!(question["composeHash"], measured.compose_hash.unwrap().to_string());
        assert_eq!(question["appId"], hex::encode(measured.app_id.as_ref().unwrap()));
        assert_eq!(question["deviceId"], measured.device_id.unwrap().to_string());
    }
}

#[test]
fn the_same_evidence_passes_in_every_form_that_versions_write() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    let packed = changed(&recorded.attestation, |attestation| attestation.form = Form::MessagePack);
    place.write("v1.json", recorded.with(&packed).to_string());
    // Stripped, as a certificate carries it: the events of RTMR3 alone, without digests.
    let stripped = changed(&recorded.attestation, |attestation| {
        attestation.events.retain(|event| event.register == 3);
        attestation.events.iter_mut().for_each(|event| event.digest.clear());
    });
    place.write("stripped.json", recorded.with(&stripped).to_string());
    let event = |event: &merotee::attestation::event_log::Entry| {
        json!({"imr": event.register, "event_type": event.event_type, "digest": hex::encode(&event.digest),
            "event": event.name, "event_payload": hex::encode(&event.payload)})
    };
    let log: Vec<Value> = recorded.attestation.events.iter().map(event).collect();
    let old = changed(&recorded.document, |document| {
        let fields = document.as_object_mut().unwrap();
        fields.remove("attestation");
        fields.insert("quote".to_owned(), json!(hex::encode(&recorded.attestation.quote)));
        fields.insert("eventlog".to_owned(), json!(hex::encode(json!(log).to_string())));
    });
    place.write("old.json", old.to_string());
    for (file, form) in [
        ("v1.json", "versioned attestation 1 (MessagePack)"),
        ("stripped.json", "as dstack strips it"),
        ("old.json", "bare quote"),
    ] {
        recorded.verify(&place, file, &["-v"]).expect(0).says(&[form, "PASSED"]);
    }
}

#[test]
fn digests_of_both_versions_are_read_in_the_form_that_can_state_them() {
    let Some(recorded) = Recorded::load() else { return };
    let digests: Vec<_> = recorded.attestation.event_log().unwrap().events().iter().map(|e| e.version()).collect();
    assert!(digests.contains(&Some(EventVersion::V1)) && digests.contains(&None));
}

#[test]
fn every_attestation_on_the_agents_socket_reads_and_writes_as_the_same_bytes() {
    let Some(recorded) = Recorded::load() else { return };
    let log = fs::read_to_string(recorded.folder.join("agent.log")).unwrap();
    let answers: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let attestations: Vec<&str> = answers.iter().filter_map(|answer| answer["attestation"].as_str()).collect();
    assert!(attestations.len() > 5, "{}", attestations.len());
    for text in attestations {
        let bytes = hex::decode(text).unwrap();
        let read = Attestation::decode(&bytes).unwrap();
        assert_eq!(read.encode(), bytes);
        assert!(read.event_log().is_ok());
    }
}

#[test]
fn the_certificate_that_the_kms_serves_carries_an_attestation_of_its_key() {
    let Some(recorded) = Recorded::load() else { return };
    let certificate = pem::parse(fs::read(recorded.folder.join("rpc.crt")).unwrap()).unwrap();
    let certificate: x509_cert::Certificate = der::Decode::from_der(certificate.contents()).unwrap();
    let extensions = certificate.tbs_certificate.extensions.unwrap();
    let of =
        |oid: &str| extensions.iter().find(|e| e.extn_id.to_string() == oid).unwrap().extn_value.as_bytes().to_vec();
    let inner: der::asn1::OctetString = der::Decode::from_der(&of("1.3.6.1.4.1.62397.1.8")).unwrap();
    let attestation = Attestation::decode(inner.as_bytes()).unwrap();
    let key = der::Encode::to_der(&certificate.tbs_certificate.subject_public_key_info).unwrap();
    let expected = Sha512::of(&[b"ratls-cert:".as_slice(), &key].concat());
    assert_eq!(attestation.report_data.map(hex::encode), Some(expected.to_string()));
}

#[test]
fn every_recorded_answer_of_the_onboarding_is_read() {
    let Some(recorded) = Recorded::load() else { return };
    let info = AttestationInfo::parse(recorded.body("02-onboard-getattinfo.txt").as_bytes()).unwrap();
    assert_eq!((info.variant.as_str(), info.device_id.is_some()), ("dstack-tdx", true));
    assert_eq!(info.device_id, Some(Sha256::of(&[0; 16])));
    let older = recorded.body("02-onboard-getattinfo.txt").replace("tee_variant", "attestation_mode");
    assert_eq!(AttestationInfo::parse(older.as_bytes()), Ok(info));
    for name in ["11-getmeta.txt", "12-getmeta-short.txt", "20-getmeta-cacert.txt"] {
        let meta = Meta::parse(recorded.body(name).as_bytes()).unwrap();
        assert_eq!(meta.bootstrap_info, Some(recorded.document.clone()), "{name}");
    }
    let answer: Value = serde_json::from_str(&recorded.body("07-bootstrap.txt")).unwrap();
    assert_eq!(answer, recorded.document);
}
