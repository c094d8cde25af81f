//! Was the whole release made from one ref and one commit?
//!
//! Each signature for itself may be sound, and of the release workflow at a ref it may run on, and yet be of another
//! release's file, or of a later state of the branch. What binds them together is what their certificates say of the source.

use serde_json::Value;

use crate::{
    release::{
        contract::AssetKind,
        signer::Signer,
        snapshot::{Signature, SignatureOutcome, Snapshot},
    },
    report::{CheckInfo, Finding},
    schema,
    text::counted,
};

/// `source-commit`.
pub const SOURCE_COMMIT: CheckInfo = CheckInfo {
    id: "source-commit",
    title: "all signatures are of one ref and commit, and the documents state that commit",
};

/// The field by which documents state what they were made from.
const FIELD: &str = "commit_sha";

/// What a release was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    /// `refs/…`.
    pub git_ref: &'a str,
    /// 40 hex digits.
    pub commit: &'a str,
}

/// A commit that a document states.
struct Stated {
    document: String,
    /// Place in the document, as an RFC 6901 pointer.
    pointer: String,
    commit: String,
}

/// All signatures against each other, and all documents against them.
pub fn source_commit(snapshot: &Snapshot) -> Vec<Finding> {
    judge(&snapshot.signatures, &stated(snapshot), &snapshot.contract.checksums.name)
}

/// One document and its own signatures. Whether it parses is judged elsewhere.
pub fn source_commit_of(signatures: &[Signature], name: &str, bytes: &[u8]) -> Vec<Finding> {
    let stated = schema::parse_json(bytes).map(|value| stated_in(name, &value)).unwrap_or_default();
    judge(signatures, &stated, name)
}

/// What the release was made from, when every sound signature says the same.
pub fn of(snapshot: &Snapshot) -> Option<Source<'_>> {
    let mut sources = snapshot.signatures.iter().filter_map(signer).map(source);
    let first = sources.next()??;
    sources.all(|source| source == Some(first)).then_some(first)
}

/// The commit that the documents state, when all that state one state the same.
pub fn agreed(snapshot: &Snapshot) -> Option<String> {
    let stated = stated(snapshot);
    let first = stated.first()?.commit.clone();
    stated.iter().all(|other| other.commit.eq_ignore_ascii_case(&first)).then_some(first)
}

/// `anchor`: the asset whose signature the others are measured by, where it has one that is sound.
fn judge(signatures: &[Signature], stated: &[Stated], anchor: &str) -> Vec<Finding> {
    let signers: Vec<(&Signature, &Signer)> = signatures.iter().filter_map(|s| Some((s, signer(s)?))).collect();
    let by_key = signatures.iter().filter(|s| s.outcome == SignatureOutcome::SignedWithKey).count();
    let sources: Vec<_> =
        signers.iter().filter_map(|(signature, signer)| Some((*signature, source(signer)?))).collect();
    let measure = sources.iter().find(|(signature, _)| signature.asset == anchor).or_else(|| sources.first());
    let Some((first, measure)) = measure.copied() else {
        let silent = signers.iter().filter(|(_, signer)| signer.is_workflow());
        let mut findings: Vec<_> = silent.map(|(signature, _)| names_none(signature)).collect();
        if findings.is_empty() {
            findings = without_certificate(by_key + signers.len(), stated);
        }
        return findings;
    };
    let mut findings = Vec::new();
    for (signature, signer) in &signers {
        match source(signer) {
            None => findings.push(names_none(signature)),
            Some(other) if other != measure => findings.push(
                SOURCE_COMMIT
                    .fail(
                        &signature.asset,
                        format!("signed from another source than {} ({})", first.asset, signature.evidence),
                    )
                    .compared(measure.to_string(), other.to_string())
                    .help("do not deploy: it is of another release or build; publish the release again from one run"),
            ),
            Some(_) => {}
        }
    }
    let keyed = signatures.iter().filter(|s| s.outcome == SignatureOutcome::SignedWithKey);
    findings.extend(keyed.map(names_none));
    findings.extend(differing(stated, measure.commit, "the commit that was signed"));
    if findings.is_empty() {
        let documents = match stated.len() {
            0 => "no document states a commit".to_owned(),
            1 => "1 document states it".to_owned(),
            several => format!("stated {several} times in the documents"),
        };
        let signatures = counted(signers.len(), "signature", "signatures");
        findings.push(SOURCE_COMMIT.pass("", format!("{signatures} of {measure}; {documents}")));
    }
    findings
}

/// A key, or a person's certificate, tells of no commit: then the documents can only be held against each other.
fn without_certificate(sound: usize, stated: &[Stated]) -> Vec<Finding> {
    if sound == 0 {
        return vec![SOURCE_COMMIT.undecided("", "no signature verified, so no commit is known to be signed")];
    }
    let Some(first) = stated.first() else {
        return vec![SOURCE_COMMIT.skip("", "neither signatures nor documents name a commit")];
    };
    let findings = differing(stated, &first.commit, &format!("the commit in {}", first.document));
    if findings.is_empty() {
        let message = format!("no certificate names a commit; the documents agree on {}", first.commit);
        return vec![SOURCE_COMMIT.skip("", message)];
    }
    findings
}

fn differing(stated: &[Stated], commit: &str, whose: &str) -> Vec<Finding> {
    let odd = stated.iter().filter(|stated| !stated.commit.eq_ignore_ascii_case(commit));
    odd.map(|stated| {
        SOURCE_COMMIT
            .fail(
                &stated.document,
                format!("{} is not {whose}", stated.pointer.trim_start_matches('/').replace('/', ".")),
            )
            .compared(commit, schema::excerpt::excerpt(&stated.commit))
            .help("do not deploy: the file is of another build; publish the release again from one run")
    })
    .collect()
}

fn names_none(signature: &Signature) -> Finding {
    SOURCE_COMMIT
        .fail(
            &signature.asset,
            format!("nothing says from which ref and commit it was signed ({})", signature.evidence),
        )
        .compared("a certificate that names a ref and a commit", "none")
        .help("sign every asset in the release workflow, by certificate")
}

fn signer(signature: &Signature) -> Option<&Signer> {
    match &signature.outcome {
        SignatureOutcome::SignedBy(signer) => Some(signer),
        SignatureOutcome::SignedWithKey
        | SignatureOutcome::Rejected(_)
        | SignatureOutcome::Absent
        | SignatureOutcome::Unverified(_) => None,
    }
}

fn source(signer: &Signer) -> Option<Source<'_>> {
    let (git_ref, commit) = (signer.source_ref.as_deref()?, signer.source_commit.as_deref()?);
    (!git_ref.is_empty() && !commit.is_empty()).then_some(Source { git_ref, commit })
}

/// Every commit that the release's JSON documents state, at whatever depth. An SBOM has no place for one.
fn stated(snapshot: &Snapshot) -> Vec<Stated> {
    let documents =
        snapshot.contract.assets().filter(|entry| entry.role != AssetKind::Sbom && entry.name.ends_with(".json"));
    // A document that does not parse is reported by the `schema` check.
    let parsed =
        documents.filter_map(|entry| Some((snapshot.asset(&entry.name)?.document()?.json().ok()?, entry.name)));
    parsed.flat_map(|(value, name)| stated_in(&name, value)).collect()
}

fn stated_in(name: &str, value: &Value) -> Vec<Stated> {
    let mut found = Vec::new();
    collect(name, value, String::new(), &mut found);
    found
}

/// Nested no deeper than the reader of JSON lets through.
fn collect(name: &str, value: &Value, pointer: String, found: &mut Vec<Stated>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let pointer = format!("{pointer}/{key}");
                if key == FIELD && !value.is_null() {
                    let commit = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    found.push(Stated { document: name.to_owned(), pointer, commit });
                } else {
                    collect(name, value, pointer, found);
                }
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| collect(name, item, format!("{pointer}/{n}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl std::fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at commit {}", self.git_ref, self.commit)
    }
}

#[cfg(test)]
mod tests;
