//! Evidence of every kind, beside what is signed and beside nothing.

#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::{
    release::{
        checks::fixtures::{signature, snapshot},
        contract::Scope,
        snapshot::SignatureOutcome,
    },
    report::Status,
};

const SUMS: &str = "checksums.sha256";

/// Subject and status of each finding about a release that holds `extra` beside what is signed in order.
fn told(extra: &[&str], scope: Scope) -> Vec<(String, Status)> {
    let bundle = format!("{SUMS}.sigstore.json");
    let mut assets = vec![(SUMS, ""), (bundle.as_str(), "{}"), ("published-mrtds.json", "1"), ("sbom.spdx.json", "2")];
    assets.extend(extra.iter().map(|name| (*name, "junk")));
    let mut release = snapshot(&assets, scope);
    release.signatures = vec![signature(SUMS, &bundle)];
    assert!(is_there(&release));
    evidence(&release).into_iter().map(|finding| (finding.subject, finding.status)).collect()
}

#[test]
fn evidence_that_no_signature_was_judged_by_is_named_whatever_its_kind() {
    let passed = || (String::new(), Status::Pass);
    assert_eq!(told(&[], Scope::Whole), [passed()]);
    for suffix in [
        ".sig",
        ".pem",
        ".bundle.json",
        ".SIG",
        ".Pem",
        ".sigstore",
        ".bundle",
        ".cosign.bundle",
        ".crt",
        ".cert",
        ".cer",
        ".der",
        ".asc",
        ".gpg",
        ".pgp",
        ".minisig",
        ".signify",
        ".sshsig",
        ".p7s",
        ".att",
        ".att.json",
        ".attestation",
        ".attestations.jsonl",
        ".intoto.jsonl",
        ".intoto.json",
        ".jsonl",
        ".dsse",
        ".slsa.json",
        ".provenance",
        ".tsr",
        ".ots",
        ".rekor.json",
        ".jws",
        ".pub",
        ".sign",
        ".signature",
        ".sha256",
        ".sha512",
        ".md5",
        ".sig.sig",
        ".sigstore.json.asc",
    ] {
        for over in [SUMS, "sbom.spdx.json", "published-mrtds.json"] {
            let file = format!("{over}{suffix}");
            assert_eq!(told(&[&file], Scope::Whole), [passed(), (file.clone(), Status::Warn)], "{file}");
        }
    }
}

#[test]
fn evidence_over_an_asset_that_is_not_there_is_named() {
    for file in ["gone.tar.gz.sig", "gone.sigstore.json", "checksums.pem", "checksums.bundle", "cosign.pub", "x.asc"] {
        let found = told(&[file], Scope::Whole);
        assert_eq!(found[1..], [(file.to_owned(), Status::Warn)], "{file}");
    }
}

#[test]
fn a_quick_run_names_evidence_over_what_it_looks_at_and_no_other() {
    let over = [format!("{SUMS}.asc"), "published-mrtds.json.att".to_owned(), format!("{SUMS}.sig")];
    for file in &over {
        assert_eq!(told(&[file], Scope::Quick)[1..], [(file.clone(), Status::Warn)], "{file}");
    }
    for file in ["sbom.spdx.json.sig", "x.asc", "gone.sig"] {
        assert_eq!(told(&[file], Scope::Quick).len(), 1, "{file}");
    }
}

#[test]
fn what_the_contract_names_is_a_document_and_other_names_promise_nothing() {
    for file in ["provenance.intoto.jsonl", "backdoor.tar.gz", "notes.json", ".sig", "sig", "x.signed"] {
        assert_eq!(told(&[file], Scope::Whole).len(), 1, "{file}");
    }
}

#[test]
fn each_file_of_a_pair_counts_as_judged_and_one_that_was_only_missed_does_not() {
    let (sig, pem) = (format!("{SUMS}.sig"), format!("{SUMS}.pem"));
    let mut release = snapshot(&[(SUMS, ""), (sig.as_str(), "s"), (pem.as_str(), "p")], Scope::Whole);
    release.signatures = vec![signature(SUMS, &format!("{sig} + {pem}"))];
    assert_eq!(evidence(&release).iter().map(|f| f.status).collect::<Vec<_>>(), [Status::Pass]);
    // Nothing verified: the evidence that would have been wanted is not evidence that was judged.
    release.signatures[0].outcome = SignatureOutcome::Absent;
    assert_eq!(evidence(&release).iter().map(|f| f.status).collect::<Vec<_>>(), [Status::Warn; 2]);
}

#[test]
fn with_a_key_what_a_certificate_signed_is_said_to_be_passed_by() {
    let bundle = format!("{SUMS}.sigstore.json");
    let mut release = snapshot(&[(SUMS, ""), (bundle.as_str(), "{}")], Scope::Whole);
    release.signer = Demanded::Key;
    let findings = evidence(&release);
    assert!(findings[0].message.contains("with --key, only signatures by that key are"), "{findings:?}");
}

#[test]
fn a_release_without_any_evidence_has_nothing_for_this_check_to_look_at() {
    assert!(!is_there(&snapshot(&[(SUMS, ""), ("provenance.intoto.jsonl", "")], Scope::Whole)));
}
