//! A sample release as it is served: its documents written and listed, signed and — when asked — tampered with.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    release::{Sample, ServedAsset, ServedRelease, pretty},
    sigstore::{Instance, Signed},
    tamper::{Signing, Tamper},
};
use crate::{digest::Sha256, error::Result, release::contract::Layout, subject::tag::Family};

/// Builds, tampers, signs.
///
/// # Errors
/// Internal, when the sandbox itself is broken.
pub(super) fn build(
    sample: &Sample,
    sigstore: &mut Instance,
    time: Timestamp,
    tampers: &[Tamper],
    archive: Option<usize>,
) -> Result<ServedRelease> {
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
    let mut release = ServedRelease {
        tag: sample.tag.clone(),
        commit: draft.identity.commit_sha,
        notes: draft.notes,
        assets: files.into_iter().map(|(name, bytes)| ServedAsset::honest(name, bytes)).collect(),
    };
    for tamper in tampers {
        tamper.change_release(sample, &mut release);
    }
    Ok(release)
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
