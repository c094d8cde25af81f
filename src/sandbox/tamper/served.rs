//! What is wrong with what is served, after everything was signed.

use super::target;
use crate::{
    digest::Sha256,
    sandbox::release::{Sample, ServedAsset, ServedRelease},
    subject::evidence_name::signed_by,
};

pub(super) fn payload_byte(sample: &Sample, release: &mut ServedRelease) {
    change(sample, release, |asset| {
        let mut bytes = asset.bytes.clone();
        if let Some(byte) = bytes.last_mut() {
            *byte ^= 1;
        }
        *asset = ServedAsset::honest(asset.name.clone(), bytes);
    });
}

pub(super) fn asset_missing(sample: &Sample, release: &mut ServedRelease) {
    let gone = sample.archive_name().unwrap_or(target(sample));
    release.assets.retain(|a| a.name != gone);
}

pub(super) fn asset_unlisted(_: &Sample, release: &mut ServedRelease) {
    add(release, "backdoor.tar.gz", b"nothing vouches for me\n");
}

pub(super) fn signature_missing(sample: &Sample, release: &mut ServedRelease) {
    release.assets.retain(|a| signed_by(&a.name) != Some(sample.checksums_name()));
}

pub(super) fn api_digest(sample: &Sample, release: &mut ServedRelease) {
    change(sample, release, |asset| asset.stated_digest = format!("sha256:{}", Sha256::of(b"something else")));
}

pub(super) fn download_truncated(sample: &Sample, release: &mut ServedRelease) {
    change(sample, release, |asset| asset.bytes.truncate(asset.bytes.len() / 2));
}

pub(super) fn asset_unfinished(sample: &Sample, release: &mut ServedRelease) {
    change(sample, release, |asset| {
        *asset = ServedAsset { state: "starter", ..ServedAsset::honest(asset.name.clone(), Vec::new()) };
    });
}

pub(super) fn signature_stray(sample: &Sample, release: &mut ServedRelease) {
    add(release, &format!("{}.sig", sample.checksums_name()), b"junk\n");
}

pub(super) fn asset_traversal(_: &Sample, release: &mut ServedRelease) {
    add(release, "../x", b"outside\n");
}

pub(super) fn asset_duplicate(sample: &Sample, release: &mut ServedRelease) {
    add(release, target(sample), b"the other one\n");
}

fn add(release: &mut ServedRelease, name: &str, bytes: &[u8]) {
    release.assets.push(ServedAsset::honest(name.to_owned(), bytes.to_vec()));
}

fn change(sample: &Sample, release: &mut ServedRelease, how: impl Fn(&mut ServedAsset)) {
    release.assets.iter_mut().filter(|a| a.name == target(sample)).for_each(how);
}
