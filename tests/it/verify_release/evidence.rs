//! Evidence beside the assets of a release: verified or reported, never passed by.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::KMS;
use crate::binary::{Place, findings};

/// A kept release, and its bundle.
fn kept() -> (Place, Value) {
    let place = Place::new();
    place.kept(KMS);
    let bundle = serde_json::from_str(&place.read(&format!("kept/{KMS}/checksums.sha256.sigstore.json"))).unwrap();
    (place, bundle)
}

fn verify(place: &Place, more: &[&str]) -> crate::binary::Run {
    place.sandbox(["verify-release-assets", KMS, "--dir", "kept", "--offline", "--format", "json"]).args(more).run()
}

/// Certificate of a bundle as cosign writes it: PEM.
fn pem(bundle: &Value) -> String {
    let der = bundle["verificationMaterial"]["certificate"]["rawBytes"].as_str().unwrap();
    let lines: Vec<&str> = der.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[test]
fn half_of_the_signing_that_the_bundle_records_is_verified_by_it() {
    let (place, bundle) = kept();
    let signature = bundle["messageSignature"]["signature"].as_str().unwrap();
    for (suffix, content) in
        [("sig", signature.to_owned()), ("pem", pem(&bundle)), ("pem", STANDARD.encode(pem(&bundle)))]
    {
        let path = place.write(&format!("kept/{KMS}/checksums.sha256.{suffix}"), content);
        let report = verify(&place, &[]).expect(0).report();
        let judged =
            findings(&report).into_iter().filter(|f| f["check"] == "signature" && f["status"] == "pass").count();
        assert_eq!(judged, 2, "{suffix}: {report}");
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn evidence_that_is_junk_or_of_another_signing_fails_and_names_the_asset_and_the_file() {
    let (place, bundle) = kept();
    place.sandbox(["verify-release-assets", "mero-kms-v1.1.0", "--keep", "other"]).run().expect(0);
    let of_another =
        |suffix: &str| std::fs::read(place.path(format!("other/mero-kms-v1.1.0/checksums.txt.{suffix}"))).unwrap();
    let mut flipped = STANDARD.decode(bundle["messageSignature"]["signature"].as_str().unwrap()).unwrap();
    *flipped.last_mut().unwrap() ^= 1;
    let rows: [(&str, Vec<u8>); 14] = [
        ("sig", b"junk\n".to_vec()),
        ("sig", Vec::new()),
        ("sig", b"\n".to_vec()),
        ("sig", vec![0; 70]),
        ("sig", STANDARD.encode(&flipped).into_bytes()),
        ("sig", of_another("sig")),
        ("sig", bundle.to_string().into_bytes()),
        ("pem", b"junk\n".to_vec()),
        ("pem", Vec::new()),
        ("pem", of_another("pem")),
        ("pem", b"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n".to_vec()),
        ("bundle.json", b"junk\n".to_vec()),
        ("bundle.json", b"{}".to_vec()),
        ("bundle.json", Vec::new()),
    ];
    for (suffix, content) in rows {
        let file = format!("checksums.sha256.{suffix}");
        let path = place.write(&format!("kept/{KMS}/{file}"), content);
        let report = verify(&place, &[]).expect(10).report();
        let told = findings(&report).into_iter().any(|f| {
            f["status"] == "fail"
                && f["subject"] == "checksums.sha256"
                && f["message"].as_str().unwrap().contains(&file)
        });
        assert!(told, "{file}: {report}");
        // A quick run looks at it as well.
        verify(&place, &["--quick"]).expect(10);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn half_of_a_signature_over_an_asset_without_any_other_is_missing_the_rest() {
    let (place, bundle) = kept();
    for asset in ["sbom.spdx.json", "compose-hash.txt"] {
        for (suffix, content) in [("sig", "junk".to_owned()), ("pem", pem(&bundle))] {
            let path = place.write(&format!("kept/{KMS}/{asset}.{suffix}"), content);
            let report = verify(&place, &[]).expect(11).report();
            let status = |check: &str, subject: &str| {
                let found = findings(&report).into_iter().find(|f| f["check"] == check && f["subject"] == subject);
                found.map(|f| f["status"].clone())
            };
            assert_eq!(status("signature", asset), Some("missing".into()), "{report}");
            assert_eq!(status("evidence", &format!("{asset}.{suffix}")), Some("warn".into()), "{report}");
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn evidence_of_kinds_that_nothing_here_verifies_is_named() {
    let (place, _) = kept();
    for suffix in ["asc", "minisig", "crt", "cert", "att", "intoto.jsonl", "sigstore", "p7s", "tsr", "SIG", "PEM"] {
        let file = format!("checksums.sha256.{suffix}");
        let path = place.write(&format!("kept/{KMS}/{file}"), "junk\n");
        // Nothing lists it either.
        let report = verify(&place, &[]).expect(10).report();
        let warned = findings(&report)
            .into_iter()
            .any(|f| f["check"] == "evidence" && f["status"] == "warn" && f["subject"] == file.as_str());
        assert!(warned, "{file}: {report}");
        let report = verify(&place, &["--quick"]).expect(0).report();
        assert!(findings(&report).into_iter().any(|f| f["subject"] == file.as_str()), "{file}: {report}");
        std::fs::remove_file(path).unwrap();
    }
}
