//! A sample release as it is served: its documents written and listed, signed and — when asked — tampered with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    attestation::Attested,
    release::{Sample, ServedAsset, ServedRelease, pretty},
    sigstore::{Attester, Instance, Signed},
    tamper::{Attesting, Signing, Tamper},
};
use crate::{digest::Sha256, error::Result, release::contract::Layout, subject::tag::Family};

/// Who signs what a release holds, and what GitHub attests of it; and when.
pub(super) struct Signers<'a> {
    pub(super) sigstore: &'a mut Instance,
    pub(super) attester: &'a mut Attester,
    pub(super) time: Timestamp,
}

/// Builds, tampers, signs. `number` is GitHub's of the release.
///
/// # Errors
/// Internal, when the sandbox itself is broken.
pub(super) fn build(
    sample: &Sample,
    signers: &mut Signers<'_>,
    number: u64,
    tampers: &[Tamper],
    archive: Option<usize>,
) -> Result<ServedRelease> {
    let Signers { sigstore, attester, time } = signers;
    let time = *time;
    let mut draft = sample.draft();
    if let Some((name, bytes)) = sample.archive_name().zip(archive) {
        draft.files.insert(name.to_owned(), vec![0; bytes]);
    }
    for tamper in tampers {
        tamper.change_documents(&mut draft);
    }
    let mut files = draft.files;
    files.extend(draft.json.iter().map(|(name, value)| (name.clone(), pretty(value))));
    let mut sums = checksums(sample, &files);
    for tamper in tampers {
        tamper.change_checksums(&mut sums);
    }
    let sums: String = sums.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    files.insert(sample.checksums_name().to_owned(), sums.into_bytes());
    let signed: Vec<String> = match sample.layout {
        Layout::Pipeline | Layout::Runbook => vec![sample.checksums_name().to_owned()],
        Layout::Upstream => files.keys().cloned().collect(),
    };
    for name in signed {
        let bytes = files.get(&name).cloned().unwrap_or_default();
        let mut signature = sigstore.sign(&bytes, &draft.identity, time)?;
        if name == sample.checksums_name() {
            for tamper in tampers {
                let (signature, artifact, identity) = (&mut signature, bytes.as_slice(), &draft.identity);
                tamper.change_signature(&mut Signing { signature, artifact, identity, sigstore, time })?;
            }
        }
        attach(sample, &mut files, &name, signature);
    }
    let attestations = match sample.attested_in() {
        Some(form) => {
            let of = Attested { form, release: number, tag: sample.tag.as_str(), object: &draft.identity.commit_sha };
            let digests = files.iter().map(|(name, bytes)| (name.as_str(), format!("sha256:{}", Sha256::of(bytes))));
            Some(attest(of.statement(digests), attester, time, tampers)?)
        }
        None => None,
    };
    let mut release = ServedRelease {
        tag: sample.tag.clone(),
        commit: draft.identity.commit_sha,
        notes: draft.notes,
        assets: files.into_iter().map(|(name, bytes)| ServedAsset::honest(name, bytes)).collect(),
        attestations,
    };
    for tamper in tampers {
        tamper.change_release(sample, &mut release);
    }
    Ok(release)
}

/// What GitHub attests of a release that was just published.
fn attest(mut statement: Value, attester: &mut Attester, time: Timestamp, tampers: &[Tamper]) -> Result<Vec<Value>> {
    for tamper in tampers {
        tamper.change_statement(&mut statement);
    }
    let mut bundles = vec![attester.attest(&statement, time)?];
    for tamper in tampers {
        tamper.change_attestations(&mut Attesting { bundles: &mut bundles, statement: &statement, attester, time })?;
    }
    Ok(bundles)
}

fn checksums(sample: &Sample, files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Sha256> {
    let listed = |name: &str| match (sample.layout, sample.tag.family()) {
        (Layout::Upstream, Family::Kms) => Some(name) == sample.archive_name(),
        (Layout::Pipeline | Layout::Runbook, _) | (Layout::Upstream, Family::Node) => true,
    };
    files.iter().filter(|(name, _)| listed(name)).map(|(name, bytes)| (name.clone(), Sha256::of(bytes))).collect()
}

/// Publishes a signature in the forms the layout knows.
fn attach(sample: &Sample, files: &mut BTreeMap<String, Vec<u8>>, name: &str, signed: Signed) {
    if sample.layout == Layout::Pipeline {
        files.insert(format!("{name}.sigstore.json"), signed.bundle_json.into_bytes());
        return;
    }
    files.insert(format!("{name}.sig"), signed.signature_base64.into_bytes());
    files.insert(format!("{name}.pem"), signed.certificate_pem.into_bytes());
    // Some releases of that time also carry cosign's own bundle.
    if sample.layout == Layout::Upstream && sample.tag.family() == Family::Node && name == "published-mrtds.json" {
        files.insert(format!("{name}.bundle.json"), signed.cosign_bundle_json.into_bytes());
    }
}
