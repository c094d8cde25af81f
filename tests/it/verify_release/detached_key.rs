//! The runbook's second form: `checksums.txt.sig` made with a key pair, and `--key`. OpenSSL makes keys and signatures, as
//! a release engineer's machine does.

use super::only;
use crate::binary::{Place, findings, usable};

const TAG: &str = "mero-kms-v1.1.0";

/// Runs OpenSSL in the place.
#[track_caller]
fn openssl(place: &Place, arguments: &[&str]) {
    place.program("openssl", arguments).run().expect(0);
}

/// Makes `NAME.pem` and `NAME.pub` on P-256.
fn key_pair(place: &Place, name: &str) {
    let (private, public) = (format!("{name}.pem"), format!("{name}.pub"));
    openssl(place, &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &private]);
    openssl(place, &["pkey", "-in", &private, "-pubout", "-out", &public]);
}

/// A kept runbook release whose checksums file is signed with the key `release` instead of a certificate; the node
/// release beside it as well.
fn signed_with_key() -> Option<Place> {
    if !usable("openssl", &["version"]) {
        return None;
    }
    let place = Place::new();
    place.kept("1.1.0");
    key_pair(&place, "release");
    for tag in [TAG, "mero-tee-v1.1.0"] {
        let file = format!("kept/{tag}/checksums.txt");
        std::fs::remove_file(place.path(format!("{file}.pem"))).unwrap();
        openssl(&place, &["dgst", "-sha256", "-sign", "release.pem", "-out", &format!("{file}.sig"), &file]);
    }
    Some(place)
}

fn verify(key: &str) -> [&str; 9] {
    ["verify-release-assets", TAG, "--dir", "kept", "--offline", "--format", "json", "--key", key]
}

#[test]
fn a_signature_by_the_given_key_passes_offline_raw_and_as_base64() {
    let Some(place) = signed_with_key() else { return };
    let report = place.merotee(verify("release.pub")).run().expect(0).report();
    assert_eq!(only(&report, "signature")["message"], "the key given with --key");
    assert_eq!(only(&report, "identity")["status"], "pass");
    let file = format!("kept/{TAG}/checksums.txt.sig");
    openssl(&place, &["base64", "-in", &file, "-out", "signature.txt"]);
    std::fs::rename(place.path("signature.txt"), place.path(&file)).unwrap();
    place.merotee(verify("release.pub")).run().expect(0);
}

#[test]
fn another_key_a_changed_file_and_a_missing_signature_do_not_pass() {
    let Some(place) = signed_with_key() else { return };
    key_pair(&place, "other");
    let report = place.merotee(verify("other.pub")).run().expect(10).report();
    assert_eq!(only(&report, "signature")["status"], "fail");
    let file = format!("kept/{TAG}/checksums.txt");
    let genuine = place.read(&file);
    place.write(&file, genuine.replace("sbom.spdx.json", "sbom.spdx.jsom"));
    let report = place.merotee(verify("release.pub")).run().expect(10).report();
    assert_eq!(only(&report, "signature")["status"], "fail");
    place.write(&file, genuine);
    std::fs::remove_file(place.path(format!("{file}.sig"))).unwrap();
    let report = place.merotee(verify("release.pub")).run().expect(11).report();
    assert_eq!(only(&report, "signature")["status"], "missing");
}

#[test]
fn a_counterpart_signed_with_another_key_is_not_believed() {
    let Some(place) = signed_with_key() else { return };
    key_pair(&place, "other");
    let node = "kept/mero-tee-v1.1.0/checksums.txt";
    openssl(&place, &["dgst", "-sha256", "-sign", "other.pem", "-out", &format!("{node}.sig"), node]);
    let report = place.merotee(verify("release.pub")).run().expect(10).report();
    let failed: Vec<_> = findings(&report).into_iter().filter(|f| f["status"] == "fail").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["check"], "counterpart-measurements");
}

#[test]
fn a_key_file_that_is_none_is_refused_and_named() {
    let Some(place) = signed_with_key() else { return };
    place.merotee(verify("nowhere.pub")).run().expect(1).says(&["cannot read nowhere.pub"]).without_product();
    place.write("garbage.pub", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    for not_a_key in ["garbage.pub", "release.pem"] {
        let run = place.merotee(verify(not_a_key)).run();
        run.expect(2).says(&[not_a_key, "public key"]).without_product();
    }
}
