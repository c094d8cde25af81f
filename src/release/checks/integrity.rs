//! Is every byte what was vouched for?

use super::checksums_of;
use crate::{
    digest::Sha256,
    release::{
        contract::{Covers, is_archive},
        snapshot::{Asset, Content, Origin, Snapshot},
    },
    report::{CheckInfo, Finding},
    text::counted,
};

/// `checksum`.
pub const CHECKSUM: CheckInfo =
    CheckInfo { id: "checksum", title: "the SHA-256 of every listed asset equals the checksums file" };
/// `api-digest`.
pub const API_DIGEST: CheckInfo =
    CheckInfo { id: "api-digest", title: "the SHA-256 of every asset equals the digest GitHub states" };
/// `asset-size`.
pub const ASSET_SIZE: CheckInfo =
    CheckInfo { id: "asset-size", title: "every asset arrives with the size GitHub states" };

const CHANGED: &str = "do not deploy: compare with a build from source, and find out who changed the asset";

/// One line an asset that the checksums file lists and the release holds.
pub fn checksum(snapshot: &Snapshot) -> Vec<Finding> {
    let Some((file, bad)) = checksums_of(snapshot) else {
        let name = &snapshot.contract.checksums.name;
        return vec![CHECKSUM.undecided(name, "the checksums file could not be read")];
    };
    let mut findings: Vec<Finding> = file
        .iter()
        .filter_map(|(name, digest)| snapshot.asset(name).map(|asset| (asset, digest)))
        .filter(|(asset, _)| !matches!(asset.content, Content::NotFetched))
        .map(|(asset, expected)| compare(asset, expected))
        .collect();
    // An unreadable asset that nothing lists still has to be mentioned somewhere.
    for asset in &snapshot.assets {
        if let Content::Failed(why) = &asset.content
            && file.get(asset.name.as_str()).is_none()
        {
            findings.push(CHECKSUM.undecided(asset.name.as_str(), why.as_str()));
        }
    }
    if findings.is_empty() && snapshot.quick && lists_none_wanted(snapshot) {
        let name = snapshot.contract.checksums.name.as_str();
        return vec![CHECKSUM.skip(name, "a quick run of a release in this layout fetches none of the listed files")];
    }
    if findings.is_empty() {
        let why = if bad.is_empty() { "none of the listed files is here" } else { "the checksums file cannot be used" };
        findings.push(CHECKSUM.undecided(snapshot.contract.checksums.name.as_str(), why));
    }
    findings
}

/// Whether the checksums file has, by its contract, nothing to say of what the narrowed contract wants.
fn lists_none_wanted(snapshot: &Snapshot) -> bool {
    let contract = &snapshot.contract;
    contract.assets().all(|wanted| contract.checksums.covers == Covers::Archives && !is_archive(&wanted.name))
}

fn compare(asset: &Asset, expected: Sha256) -> Finding {
    let name = asset.name.as_str();
    match &asset.content {
        Content::Read { digest, .. } if *digest == expected => CHECKSUM.pass(name, format!("sha256:{digest}")),
        Content::Read { digest, .. } => {
            CHECKSUM.fail(name, "").compared(format!("sha256:{expected}"), format!("sha256:{digest}")).help(CHANGED)
        }
        Content::Failed(why) => CHECKSUM.undecided(name, why.as_str()),
        Content::NotFetched => CHECKSUM.undecided(name, "the asset was not fetched"),
    }
}

/// GitHub's own digest is a second witness, out of reach of an attacker who changed the checksums file.
pub fn api_digest(snapshot: &Snapshot) -> Vec<Finding> {
    if let Origin::Folder(_) = snapshot.origin {
        return vec![API_DIGEST.skip("", "a local folder has no digests from GitHub")];
    }
    let mut agreed = 0_usize;
    let mut unstated = 0_usize;
    let mut findings = Vec::new();
    for asset in &snapshot.assets {
        let Some(digest) = asset.digest() else { continue };
        let name = asset.name.as_str();
        match asset.stated_digest.as_deref() {
            None => unstated += 1,
            Some(stated) if Sha256::from_prefixed(stated) == Ok(digest) => agreed += 1,
            Some(stated) => findings.push(
                API_DIGEST
                    .fail(name, "GitHub states a different digest")
                    .compared(stated, format!("sha256:{digest}"))
                    .help(CHANGED),
            ),
        }
    }
    if agreed > 0 {
        findings.insert(
            0,
            API_DIGEST.pass("", format!("GitHub states the same digest for {}", counted(agreed, "asset", "assets"))),
        );
    }
    if unstated > 0 {
        let words = format!(
            "GitHub states no digest for {} (uploaded before it began to, in June 2025)",
            counted(unstated, "asset", "assets")
        );
        findings.push(API_DIGEST.skip("", words));
    }
    if findings.is_empty() {
        findings.push(API_DIGEST.undecided("", "no asset could be read"));
    }
    findings
}

/// A size that differs tells a cut download from a changed file.
pub fn asset_size(snapshot: &Snapshot) -> Vec<Finding> {
    let sizes = snapshot.assets.iter().filter_map(|asset| match (&asset.content, asset.stated_size) {
        (Content::Read { size, .. }, Some(stated)) => Some((asset, stated, *size)),
        (Content::Read { .. } | Content::Failed(_) | Content::NotFetched, _) => None,
    });
    let mut agreed = 0_usize;
    let mut findings = Vec::new();
    for (asset, stated, size) in sizes {
        if stated == size {
            agreed += 1;
        } else {
            findings.push(
                ASSET_SIZE
                    .fail(asset.name.as_str(), "GitHub states a different size")
                    .compared(format!("{stated} bytes"), format!("{size} bytes"))
                    .help("run again; if it persists, delete the asset and upload it again with the release workflow"),
            );
        }
    }
    if agreed > 0 {
        findings.insert(
            0,
            ASSET_SIZE
                .pass("", counted(agreed, "asset has the size GitHub states", "assets have the size GitHub states")),
        );
    }
    if findings.is_empty() {
        let finding = match snapshot.origin {
            Origin::Folder(_) => ASSET_SIZE.skip("", "a local folder has no sizes from GitHub"),
            Origin::GitHub { .. } => ASSET_SIZE.undecided("", "no asset could be read"),
        };
        findings.push(finding);
    }
    findings
}
