//! Whatever is changed in a document is refused, and the refusal names it.

use merotee::{
    attestation::quote::Quote,
    dstack::{
        attestation::{Attestation, Form},
        bootstrap_info::BootstrapInfo,
    },
    report::Status,
};
use proptest::prelude::{ProptestConfig, any, prop};
use serde_json::{Value, json};

use super::{Recorded, changed};
use crate::binary::{Place, statuses};

/// Where a hex digit of a field is another.
fn flipped(document: &Value, field: &str, at: usize) -> Value {
    changed(document, |document| {
        let mut bytes = hex::decode(document[field].as_str().unwrap()).unwrap();
        bytes[at] ^= 1;
        document[field] = json!(hex::encode(bytes));
    })
}

/// Fails, and the failed findings are of these checks.
#[track_caller]
fn refused(recorded: &Recorded, document: &Value, checks: &[&str]) {
    let judged = recorded.judged(document).unwrap();
    let failed: Vec<_> = judged.findings.iter().filter(|f| f.status == Status::Fail).map(|f| f.check).collect();
    for check in checks {
        assert!(failed.contains(check), "{check}: {failed:?}");
    }
    assert!(!judged.passed());
}

#[test]
fn each_field_of_the_document_is_refused_by_its_name_through_the_command() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    let without = |field: &str| {
        changed(&recorded.document, |document| {
            document.as_object_mut().unwrap().remove(field);
        })
    };
    let set = |field: &str, value: Value| changed(&recorded.document, |document| document[field] = value.clone());
    let attestation = recorded.document["attestation"].as_str().unwrap();
    let cases: Vec<(Value, &str, &str)> = vec![
        (
            flipped(&recorded.document, "ca_pubkey", 50),
            "dstack-report-data",
            "other keys than ca_pubkey and k256_pubkey",
        ),
        (flipped(&recorded.document, "ca_pubkey", 50), "dstack-keys", "`ca_pubkey`: expected the DER of a P-256"),
        (
            flipped(&recorded.document, "k256_pubkey", 0),
            "dstack-report-data",
            "other keys than ca_pubkey and k256_pubkey",
        ),
        (flipped(&recorded.document, "attestation", 200), "quote-signature", ""),
        (without("ca_pubkey"), "dstack-bootstrap-info", "`ca_pubkey` is missing"),
        (without("k256_pubkey"), "dstack-bootstrap-info", "`k256_pubkey` is missing"),
        (without("attestation"), "dstack-bootstrap-info", "`attestation` is missing"),
        (set("ca_pubkey", json!("zz")), "dstack-bootstrap-info", "`ca_pubkey`: not valid hex"),
        (set("attestation", json!("")), "dstack-bootstrap-info", "`attestation`: it is empty"),
        (set("attestation", json!(format!("{attestation}00"))), "dstack-bootstrap-info", "1 byte follows the end"),
        (
            set("attestation", json!(&attestation[..attestation.len() - 2])),
            "dstack-bootstrap-info",
            "config: the bytes end",
        ),
        (set("attestation", json!("040002008100")), "dstack-bootstrap-info", "the quote in it cannot be read"),
        (json!(null), "dstack-bootstrap-info", "it is null: a replica has none"),
        (json!([]), "dstack-bootstrap-info", "expected an object, got []"),
    ];
    for (document, check, words) in cases {
        place.write("changed.json", document.to_string());
        let run = recorded.verify(&place, "changed.json", &["--format", "json"]).expect(10).says(&[words]);
        let report = run.report();
        assert!(statuses(&report, check).contains(&"fail"), "{check}: {}", run.stdout);
    }
}

#[test]
fn each_field_within_the_attestation_is_refused_by_a_check_of_its_own() {
    let Some(recorded) = Recorded::load() else { return };
    let with = |change: &dyn Fn(&mut Attestation)| recorded.with(&changed(&recorded.attestation, |a| change(a)));
    let last = recorded.attestation.events.len() - 1;
    let cases: Vec<(Value, &[&str])> = vec![
        // The registers, the report data, the attributes and the rest of what the quote signs.
        (with(&|a| a.quote[48] ^= 1), &["quote-signature"]),
        (with(&|a| a.quote[48 + 136] ^= 1), &["quote-signature"]),
        (with(&|a| a.quote[48 + 328] ^= 1), &["quote-signature", "event-log-replay"]),
        (with(&|a| a.quote[48 + 520] ^= 1), &["quote-signature", "dstack-report-data"]),
        (with(&|a| a.quote[48 + 120] |= 1), &["quote-debug"]),
        (with(&|a| a.quote[48 + 64] ^= 1), &["dstack-seam-signer"]),
        (with(&|a| a.events[0].digest[0] ^= 1), &["event-log-replay"]),
        (with(&|a| a.events[0].register = 1), &["event-log-replay"]),
        (with(&|a| a.events[0].register = 4), &["event-log"]),
        (with(&|a| a.events.swap(0, 1)), &["event-log-replay"]),
        (with(&|a| drop(a.events.remove(20))), &["event-log-replay"]),
        (with(&|a| a.events[last].digest[0] ^= 1), &["event-log"]),
        (with(&|a| a.events[last].name.push('x')), &["event-log"]),
        (with(&|a| a.events[last].payload.push(1)), &["event-log"]),
        (with(&|a| a.events[last].event_type = 4), &["event-log-identity"]),
        (with(&|a| drop(a.events.remove(last))), &["event-log-replay", "dstack-runtime-events"]),
        (with(&|a| a.events.clear()), &["event-log"]),
        (with(&|a| a.runtime_events[1].payload[0] ^= 1), &["dstack-runtime-events"]),
        (with(&|a| a.runtime_events[1].name.push('x')), &["dstack-runtime-events"]),
        (with(&|a| drop(a.runtime_events.pop())), &["dstack-runtime-events"]),
        (with(&|a| a.runtime_events.swap(0, 1)), &["dstack-runtime-events"]),
        (with(&|a| a.report_data = Some([0; 64])), &["dstack-report-data"]),
        (with(&|a| a.config = a.config.replace("e61be43d", "e61be43e")), &["dstack-config"]),
        (with(&|a| a.config = "{".to_owned()), &["dstack-config"]),
        (with(&|a| a.config = a.config.replace("os_image_hash", "os_image_hush")), &["dstack-config"]),
    ];
    for (document, checks) in cases {
        refused(&recorded, &document, checks);
    }
}

#[test]
fn the_quote_of_another_kms_and_an_older_time_are_refused() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    // The quote that the agent made over zeros, before the bootstrap.
    let log = std::fs::read_to_string(recorded.folder.join("agent.log")).unwrap();
    let other = log.lines().find_map(|line| serde_json::from_str::<Value>(line).ok()?.get("attestation").cloned());
    let document = changed(&recorded.document, |document| document["attestation"] = other.clone().unwrap());
    refused(&recorded, &document, &["dstack-report-data"]);
    let info = recorded.file("bootstrap-info.json");
    let words = ["dstack", "verify", "--bootstrap-info", &info, "--collateral"];
    let collateral = recorded.file("collateral.json");
    place.merotee(words).args([&collateral]).args(["--at", super::AT]).run().expect(10).says(&["[FAIL] quote-"]);
    place
        .merotee(words)
        .args([&collateral])
        .args(["--at", "2020-01-01T00:00:00Z"])
        .run()
        .expect(10)
        .says(&["quote-collateral"]);
}

#[test]
fn what_stands_beside_the_document_is_refused_by_its_name() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    let meta: Value = serde_json::from_str(&recorded.body("11-getmeta.txt")).unwrap();
    let info = recorded.file("bootstrap-info.json");
    let other_ca = std::fs::read_to_string(recorded.folder.join("tdx-root-ca.pem")).unwrap();
    let with = |field: &str, value: Value| changed(&meta, |meta| meta[field] = value);
    let mut document = recorded.document.clone();
    document["k256_pubkey"] = json!("0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    for (meta, check, words) in [
        (with("ca_cert", json!(other_ca)), "dstack-meta-ca", "not the attested ca_pubkey"),
        (with("ca_cert", json!("x")), "dstack-meta-ca", "`ca_cert`:"),
        (with("k256_pubkey", json!("03")), "dstack-meta-k256", "not the attested one"),
        (with("is_dev", json!(true)), "dstack-meta-mode", "is_dev is true"),
        (with("allow_any_upgrade", json!(true)), "dstack-meta-mode", "allow_any_upgrade is true"),
        (with("bootstrap_info", json!(null)), "dstack-meta-bootstrap", "no bootstrap document"),
        (with("bootstrap_info", document), "dstack-meta-bootstrap", "`bootstrap_info.k256_pubkey` differs"),
    ] {
        place.write("meta.json", meta.to_string());
        let run =
            recorded.verify(&place, &info, &["--meta", "meta.json", "--format", "json"]).expect(10).says(&[words]);
        assert!(statuses(&run.report(), check).contains(&"fail"), "{check}: {}", run.stdout);
    }
    let flags = with("is_dev", json!(true));
    place.write("meta.json", flags.to_string());
    recorded
        .verify(&place, &info, &["--meta", "meta.json", "--allow-dev"])
        .expect(0)
        .says(&["[WARN] dstack-meta-mode"]);
    place.write("meta.json", with("bootstrap_info", json!(null)).to_string());
    recorded.verify(&place, &info, &["--meta", "meta.json", "--replica"]).expect(0);
    place.write("list.json", json!({"kms": {"mrAggregated": ["00"]}}).to_string());
    recorded
        .verify(&place, &info, &["--allow-list", "list.json"])
        .expect(10)
        .says(&["mr_aggregated is not in kms.mrAggregated"]);
    let zero = "00".repeat(32);
    recorded
        .verify(&place, &info, &["--mr-aggregated", &zero])
        .expect(10)
        .says(&["mr_aggregated is not the expected one"]);
    recorded.verify(&place, &info, &["--mr-system", &zero]).expect(10).says(&["mr_system is not the expected one"]);
    let compose = recorded.file("app-compose.json");
    recorded
        .verify(&place, &info, &["--app-compose", &compose])
        .expect(10)
        .says(&["runs a different app-compose.json"]);
    let announced = recorded.body("02-onboard-getattinfo.txt").replace("9218777c", "9218777d");
    place.write("info.json", announced);
    recorded
        .verify(&place, &info, &["--attestation-info", "info.json"])
        .expect(10)
        .says(&["differs from the one announced"]);
}

#[test]
fn documents_that_are_something_else_are_usage_errors_that_name_file_and_field() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    let info = recorded.file("bootstrap-info.json");
    place.write("x.json", "{}");
    for (option, words) in [
        ("--meta", "x.json cannot be used: `k256_pubkey` is missing"),
        ("--attestation-info", "x.json cannot be used: `mr_aggregated` is missing"),
    ] {
        recorded.verify(&place, &info, &[option, "x.json"]).expect(2).says(&[words]).without_product();
    }
    place.write("list.json", "{\"kms\": 1}");
    let run = recorded.verify(&place, &info, &["--allow-list", "list.json"]).expect(2);
    run.says(&["list.json cannot be used: `kms`: expected an object, got 1"]).without_product();
    recorded.verify(&place, "nothing.json", &[]).expect(1).says(&["cannot read nothing.json"]).without_product();
    let run = place.merotee(["dstack", "verify", "--bootstrap-info", "x.json", "--offline"]).run().expect(2);
    run.says(&["--offline needs collateral"]).without_product();
}

#[test]
fn an_os_image_that_was_not_measured_or_is_not_whole_is_refused() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    let info = recorded.file("bootstrap-info.json");
    let kernel = merotee::digest::Sha256::of(b"kernel");
    place.write("image/bzImage", "kernel");
    let list = format!("{kernel}  bzImage\n");
    place.write("image/sha256sum.txt", &list);
    place.write("image/digest.txt", merotee::digest::Sha256::of(list.as_bytes()).to_string());
    let run = recorded.verify(&place, &info, &["--os-image", "image", "--format", "json"]).expect(10);
    assert_eq!(statuses(&run.report(), "dstack-os-image"), ["pass", "pass", "fail"]);
    place.write("image/bzImage", "kernels");
    let run = recorded.verify(&place, &info, &["--os-image", "image", "--format", "json"]).expect(10);
    assert_eq!(statuses(&run.report(), "dstack-os-image"), ["pass", "fail", "fail"]);
    recorded.verify(&place, &info, &["--os-image", "none"]).expect(1).says(&["cannot read none/sha256sum.txt"]);
}

/// The OS image of the recorded machine.
const IMAGE: &str = "e61be43dd1cc6a6f5edefd7c51b608983780839b0000ce60dd99737dcffe09b9";

/// The OS image that a configuration names, in any case.
fn image_of(config: &str) -> Option<String> {
    let document: Value = serde_json::from_str(config).ok()?;
    let inner: Value = serde_json::from_str(document.get("vm_config")?.as_str()?).ok()?;
    Some(inner.get("os_image_hash")?.as_str()?.to_lowercase())
}

/// What nothing vouches for, taken out: payload, name and type of boot events, and the configuration but for the image.
fn vouched(attestation: &Attestation) -> Attestation {
    changed(attestation, |attestation| {
        for event in attestation.events.iter_mut().filter(|event| event.register != 3) {
            event.payload.clear();
            event.name.clear();
            event.event_type = 0;
        }
        if image_of(&attestation.config).as_deref() == Some(IMAGE) {
            attestation.config.clear();
        }
    })
}

proptest::proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_byte_of_an_attestation_that_anything_rests_on_is_covered(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let Some(recorded) = Recorded::load() else { return Ok(()) };
        for form in [Form::Scale, Form::MessagePack] {
            let whole = changed(&recorded.attestation, |attestation| attestation.form = form);
            let mut bytes = whole.encode();
            let index = at.index(bytes.len());
            bytes[index] ^= 1 << bit;
            let document = changed(&recorded.document, |document| document["attestation"] = json!(hex::encode(&bytes)));
            let Ok(info) = BootstrapInfo::from_json(&document) else { continue };
            let judged = recorded.judged(&document);
            let same = vouched(&info.attestation) == vouched(&whole) || same_but_for_pem(&info.attestation, &whole);
            let passed = judged.as_ref().is_ok_and(|judged| judged.passed());
            assert!(!passed || same, "byte {index}, bit {bit} of {form}");
        }
    }
}

/// Whether two differ in bytes of the quote alone that no signature covers, such as blanks in its PEM text.
fn same_but_for_pem(one: &Attestation, other: &Attestation) -> bool {
    let Ok(quote) = Quote::parse(&other.quote) else { return false };
    let mut blanked = one.clone();
    if one.quote.len() != other.quote.len() {
        return false;
    }
    for range in quote.unsigned_ranges() {
        blanked.quote[range.clone()].copy_from_slice(&other.quote[range]);
    }
    vouched(&blanked) == vouched(other)
}
