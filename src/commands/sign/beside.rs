//! Other forms of a signature that lie beside a file of a folder: every form that is present must be sound, so one that is
//! of the file as it was would fail the release that is signed here. Whether one verifies is for `verify-release-assets`.

use std::path::{Path, PathBuf};

use super::Target;
use crate::{
    adapters::{
        file,
        sigstore::{Artifact, Bundle, MAX_EVIDENCE_BYTES, refuse_mismatch, sign},
    },
    release::checks::authenticity::SIGNATURE,
    report::Finding,
};

/// The forms beside a target, but for the one that is to be written, that are not of the file as it was judged.
pub(super) fn stale(target: &Target) -> Vec<Finding> {
    let Some(digest) = target.judged else { return Vec::new() };
    let bundles = [".sigstore.json", ".bundle.json"].map(|suffix| with(&target.file, suffix));
    let bundles = bundles.into_iter().filter(|path| {
        let bundle = read(path).and_then(|bytes| Bundle::parse(&bytes).ok());
        *path != target.signature && bundle.is_some_and(|bundle| !sign::is_of(digest, &bundle))
    });
    let detached = Some(with(&target.file, ".sig")).filter(|path| {
        let artifact = Artifact { digest, path: Some(&target.file) };
        let pair = read(path).zip(read(&with(&target.file, ".pem")));
        *path != target.signature && pair.is_some_and(|(sig, pem)| refuse_mismatch(artifact, &sig, &pem).is_err())
    });
    let finding = |path: PathBuf| {
        let words = format!("it does not sign {} as it is, and every form that is there must", target.shown());
        SIGNATURE.fail(path.display().to_string(), words).help("remove it, or make it again")
    };
    bundles.chain(detached).map(finding).chain(lone(target)).collect()
}

/// A detached signature without its certificate: nothing here says whether it is of the file as it is.
fn lone(target: &Target) -> Option<Finding> {
    let (signature, certificate) = (with(&target.file, ".sig"), with(&target.file, ".pem"));
    if signature == target.signature || !signature.exists() || certificate.exists() {
        return None;
    }
    let words = format!("without a certificate beside it, nothing shows that it signs {} as it is", target.shown());
    let help = "remove it if it is of an earlier run: a release is verified in every form that it has";
    Some(SIGNATURE.warn(signature.display().to_string(), words).help(help))
}

fn with(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What a regular file holds, where it can be read.
fn read(path: &Path) -> Option<Vec<u8>> {
    path.is_file().then(|| file::read_bounded(path, MAX_EVIDENCE_BYTES).ok()).flatten()
}
