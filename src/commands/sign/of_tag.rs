//! Whether the files of a folder are those of the release that `--tag` names: before anyone is asked for a certificate.

use std::path::Path;

use crate::{
    adapters::file,
    commands::checksums::{self, Judged},
    digest::Sha256,
    error::Result,
    policy::{
        checks::{self as rules, TAG},
        document::PolicyFile,
        mrtds::{MRTDS, PublishedMrtds},
    },
    release::{
        checks::authenticity::IDENTITY,
        contract::{AssetKind, Contract, ContractAsset},
        snapshot::MAX_DOCUMENT_BYTES,
    },
    report::Finding,
    subject::tag::{Family, Tag},
};

/// What is said where the files fit the other family better than `contract`, which is the best of the tag's.
///
/// # Errors
/// Input: the folder cannot be listed.
pub(super) fn of_other_family(dir: &Path, tag: &Tag, contract: &Contract) -> Result<Option<Finding>> {
    let other = match tag.family() {
        Family::Kms => Family::Node,
        Family::Node => Family::Kms,
    };
    let other = checksums::contract_of(dir, Some(other), None)?.contract;
    if fit(dir, &other) <= fit(dir, contract) {
        return Ok(None);
    }
    let finding = IDENTITY
        .fail(tag.as_str(), "the folder holds the files of the other family, which another workflow signs")
        .compared(tag.family().role(), other.family.role())
        .help("give the tag of the release whose files these are");
    Ok(Some(finding))
}

/// How many files of a contract are there, and whether all are that must be.
fn fit(dir: &Path, contract: &Contract) -> (usize, bool) {
    let (there, absent): (Vec<_>, Vec<_>) = contract.assets().partition(|asset| dir.join(&asset.name).is_file());
    (there.len(), absent.iter().all(|asset| asset.optional))
}

/// What the documents of the folder say of the release that they are for.
pub(super) fn documents(dir: &Path, tag: &Tag, contract: &Contract, judged: &Judged) -> Vec<Finding> {
    contract.assets().flat_map(|asset| document(dir, tag, &asset, judged)).collect()
}

fn document(dir: &Path, tag: &Tag, asset: &ContractAsset, judged: &Judged) -> Vec<Finding> {
    let name = asset.name.as_str();
    let Some(digest) = judged.digests.get(name).filter(|_| states_its_release(asset.role)) else { return Vec::new() };
    let bytes = match file::read_bounded(&dir.join(name), MAX_DOCUMENT_BYTES) {
        Ok(bytes) if Sha256::of(&bytes) == *digest => bytes,
        Ok(_) => return vec![TAG.fail(name, "changed since it was checked")],
        Err(error) => return vec![TAG.undecided(name, error.to_string())],
    };
    if asset.role != AssetKind::Measurements {
        return match PolicyFile::parse(name, &bytes) {
            Ok(policy) => rules::tag(&policy, tag.version()),
            Err(_) => vec![TAG.fail(name, "it is not a policy, so it does not say which release it is for")],
        };
    }
    let Ok(mrtds) = PublishedMrtds::parse(name, &bytes) else {
        return vec![MRTDS.fail(name, "they cannot be read, so they do not say which release they are for")];
    };
    let version = tag.version().to_string();
    let stated = [("tag", mrtds.tag, version.as_str()), ("role", mrtds.role, tag.family().role())];
    let others = stated.into_iter().filter_map(|(key, stated, expected)| Some((key, stated?, expected)));
    let others = others.filter(|(_, stated, expected)| stated != expected);
    others
        .map(|(key, stated, expected)| {
            let finding = MRTDS.fail(name, format!("the {key} is that of another release")).compared(expected, stated);
            finding.help("give the tag of the release whose files these are")
        })
        .collect()
}

/// Whether documents of this kind say which release they are for.
fn states_its_release(kind: AssetKind) -> bool {
    match kind {
        AssetKind::Policy | AssetKind::Measurements => true,
        AssetKind::DefaultPolicy
        | AssetKind::ComposeHash
        | AssetKind::Sbom
        | AssetKind::Provenance
        | AssetKind::ReleaseProvenance
        | AssetKind::Manifest
        | AssetKind::ContainerMetadata
        | AssetKind::CompatibilityMap
        | AssetKind::TrustBundle
        | AssetKind::Other => false,
    }
}
