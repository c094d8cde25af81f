//! Signatures and documents of one source, and of several.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::{release::signer::GITHUB_ACTIONS_ISSUER, report::Status};

const TAG: &str = "refs/tags/mero-kms-v1.2.0";
const MASTER: &str = "refs/heads/master";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "ffffffffffffffffffffffffffffffffffffffff";

fn signature(asset: &str, outcome: SignatureOutcome) -> Signature {
    Signature { asset: asset.into(), evidence: format!("{asset}.sigstore.json"), outcome }
}

fn of(asset: &str, git_ref: &str, commit: &str) -> Signature {
    let claim = |text: &str| Some(text.to_owned());
    let signer = Signer {
        san: format!("https://github.com/o/r/.github/workflows/w.yaml@{git_ref}"),
        issuer: GITHUB_ACTIONS_ISSUER.into(),
        source_repository: claim("https://github.com/o/r"),
        source_ref: claim(git_ref),
        source_commit: claim(commit),
        ..Signer::default()
    };
    signature(asset, SignatureOutcome::SignedBy(signer))
}

fn silent(asset: &str) -> Signature {
    let san = "https://github.com/o/r/.github/workflows/w.yaml@refs/tags/t".to_owned();
    let signer = Signer { san, issuer: GITHUB_ACTIONS_ISSUER.into(), ..Signer::default() };
    signature(asset, SignatureOutcome::SignedBy(signer))
}

fn person(asset: &str) -> Signature {
    let signer =
        Signer { san: "dev@example.org".into(), issuer: "https://accounts.example".into(), ..Signer::default() };
    signature(asset, SignatureOutcome::SignedBy(signer))
}

fn keyed(asset: &str) -> Signature {
    signature(asset, SignatureOutcome::SignedWithKey)
}

/// Status and subject of each finding.
fn judged(signatures: &[Signature], documents: &[(&str, &str)]) -> Vec<(Status, String)> {
    let stated: Vec<Stated> =
        documents.iter().flat_map(|(name, text)| stated_in(name, &text.parse().unwrap_or_default())).collect();
    judge(signatures, &stated, "sums").into_iter().map(|f| (f.status, f.subject)).collect()
}

fn fails(subjects: &[&str]) -> Vec<(Status, String)> {
    subjects.iter().map(|subject| (Status::Fail, (*subject).to_owned())).collect()
}

#[test]
fn signatures_of_one_ref_and_commit_pass_with_documents_that_state_it() {
    let whole = (Status::Pass, String::new());
    let document = format!(r#"{{"commit_sha":"{COMMIT}"}}"#);
    let upper = document.replace(COMMIT, &COMMIT.to_uppercase());
    let nested = format!(r#"{{"runs":[{{"source":{{"commit_sha":"{COMMIT}"}}}}],"commit_sha":null}}"#);
    for signatures in [
        vec![of("sums", TAG, COMMIT)],
        vec![of("a", TAG, COMMIT), of("sums", TAG, COMMIT)],
        vec![of("a", MASTER, COMMIT), of("b", MASTER, COMMIT), of("sums", MASTER, COMMIT)],
        // Two forms of one signature, and one that is judged elsewhere.
        vec![
            of("sums", TAG, COMMIT),
            of("sums", TAG, COMMIT),
            signature("b", SignatureOutcome::Rejected("forged".into())),
        ],
    ] {
        for documents in [
            &[][..],
            &[("p", document.as_str())],
            &[("p", document.as_str()), ("q", upper.as_str()), ("r", nested.as_str()), ("s", "not JSON"), ("t", "{}")],
        ] {
            assert_eq!(judged(&signatures, documents), std::slice::from_ref(&whole), "{signatures:?} {documents:?}");
        }
    }
}

#[test]
fn a_signature_of_another_ref_or_commit_fails_by_its_name() {
    let sums = || of("sums", TAG, COMMIT);
    for (signatures, wrong) in [
        (vec![of("sbom", TAG, OTHER), sums()], &["sbom"][..]),
        (vec![of("sbom", MASTER, OTHER), sums()], &["sbom"]),
        (vec![of("sbom", MASTER, COMMIT), sums()], &["sbom"]),
        (vec![of("sbom", "refs/tags/mero-kms-v1.1.0", COMMIT), sums()], &["sbom"]),
        (vec![of("a", MASTER, OTHER), of("b", MASTER, OTHER), sums()], &["a", "b"]),
        (vec![of("a", TAG, COMMIT), of("b", TAG, &COMMIT.to_uppercase()), sums()], &["b"]),
        (vec![of("a", TAG, &COMMIT[..7]), sums()], &["a"]),
        // Another form of the same asset's signature.
        (vec![sums(), of("sums", TAG, OTHER)], &["sums"]),
        (vec![silent("a"), sums()], &["a"]),
        (vec![person("a"), sums()], &["a"]),
        (vec![keyed("a"), sums()], &["a"]),
        (vec![keyed("a"), person("b"), of("c", MASTER, COMMIT), sums()], &["b", "c", "a"]),
        (vec![of("a", TAG, ""), sums()], &["a"]),
        (vec![of("a", "", COMMIT), sums()], &["a"]),
        (vec![silent("a"), silent("sums")], &["a", "sums"]),
        // Without the checksums file's, the first is the measure.
        (vec![of("a", TAG, COMMIT), of("b", TAG, OTHER)], &["b"]),
    ] {
        assert_eq!(judged(&signatures, &[]), fails(wrong), "{signatures:?}");
    }
}

#[test]
fn a_document_of_another_commit_fails_wherever_it_says_so() {
    let signatures = [of("sums", TAG, COMMIT), of("a", TAG, COMMIT)];
    for text in [
        format!(r#"{{"commit_sha":"{OTHER}"}}"#),
        format!(r#"{{"commit_sha":"{}"}}"#, &COMMIT[..12]),
        format!(r#"{{"commit_sha":"{COMMIT} "}}"#),
        r#"{"commit_sha":""}"#.to_owned(),
        r#"{"commit_sha":7}"#.to_owned(),
        r#"{"commit_sha":{"sha":"x"}}"#.to_owned(),
        format!(r#"{{"commit_sha":["{COMMIT}"]}}"#),
        format!(r#"{{"commit_sha":"{COMMIT}","mrtds":{{"commit_sha":"{OTHER}"}}}}"#),
        format!(r#"{{"a":[[{{"commit_sha":"{OTHER}"}}]]}}"#),
        format!(r#"[{{"commit_sha":"{OTHER}"}}]"#),
        format!(r#"{{"\u0063ommit_sha":"{OTHER}"}}"#),
    ] {
        let sound = format!(r#"{{"commit_sha":"{COMMIT}"}}"#);
        assert_eq!(judged(&signatures, &[("p", &text), ("q", &sound)]), fails(&["p"]), "{text}");
    }
}

#[test]
fn where_no_certificate_names_a_commit_documents_are_held_against_each_other() {
    let (one, other) = (format!(r#"{{"commit_sha":"{COMMIT}"}}"#), format!(r#"{{"commit_sha":"{OTHER}"}}"#));
    let skip = [(Status::Skipped, String::new())];
    for signatures in [vec![keyed("sums")], vec![person("sums")], vec![keyed("sums"), person("a")]] {
        assert_eq!(judged(&signatures, &[]), skip);
        assert_eq!(judged(&signatures, &[("p", &one), ("q", &one)]), skip);
        assert_eq!(judged(&signatures, &[("p", &one), ("q", &other)]), fails(&["q"]));
    }
    let none = [(Status::SkippedRequired, String::new())];
    assert_eq!(judged(&[], &[("p", &one)]), none);
    assert_eq!(judged(&[signature("sums", SignatureOutcome::Absent)], &[]), none);
}
