//! The table of everything that is checked of a release. A check is a pure function of a snapshot.

pub mod attestation;
pub mod authenticity;
pub mod class;
pub mod completeness;
pub mod documents;
pub mod evidence;
#[cfg(test)]
mod fixtures;
pub mod hotfix;
pub mod integrity;
pub mod moved;
pub mod provenance;
mod renamed;
pub mod source;
pub mod trust_bundle;
pub mod upstream;

use super::{
    attestation::RELEASE_ATTESTATION,
    checksums::{BadLines, ChecksumsFile},
    contract::AssetKind,
    documents::Document,
    notes::{NOTES_SECTIONS, image::NOTES_IMAGE},
    sbom::SBOM,
    snapshot::Snapshot,
};
use crate::{
    catalog::CATALOG,
    policy::{
        agreement::{COUNTERPART_MEASUREMENTS, MEASUREMENTS_MATCH},
        checks as rules,
        isolation::PROFILE_ISOLATION,
        mrtds::MRTDS,
        roles::ROLE_SEPARATION,
    },
    report::{Check, CheckInfo, Finding},
    schema::SCHEMA,
    subject::tag::Family,
};

/// `release`: reported only of a release that could not be read, when another one could, and of one in a repository that has
/// moved.
pub const RELEASE: CheckInfo =
    CheckInfo { id: "release", title: "the release exists and can be listed, in the repository that was named" };

/// Names and meanings of all checks, in report order.
pub fn rules() -> Vec<CheckInfo> {
    CHECKS.iter().map(|check| check.info).collect()
}

/// Every check, in report order.
pub const CHECKS: &[Check<Snapshot>] = &[
    Check { info: RELEASE, applies: |s| moved::destination(s).is_some(), run: moved::moved },
    Check { info: class::CLASS, applies: always, run: class::class },
    Check { info: hotfix::HOTFIX_BRANCH, applies: hotfix::is_hotfix, run: hotfix::hotfix_branch },
    Check { info: completeness::ASSET_NAME, applies: always, run: completeness::asset_name },
    Check { info: completeness::ASSET_UNIQUE, applies: always, run: completeness::asset_unique },
    Check { info: completeness::ASSET_PRESENT, applies: always, run: completeness::asset_present },
    Check { info: authenticity::SIGNATURE, applies: always, run: authenticity::signature },
    Check { info: authenticity::IDENTITY, applies: always, run: authenticity::identity },
    Check { info: source::SOURCE_COMMIT, applies: always, run: source::source_commit },
    Check { info: evidence::EVIDENCE, applies: evidence::is_there, run: evidence::evidence },
    Check { info: completeness::CHECKSUMS_FILE, applies: has_checksums, run: completeness::checksums_file },
    Check { info: completeness::ASSET_LISTED, applies: whole_with_checksums, run: completeness::asset_listed },
    Check { info: integrity::CHECKSUM, applies: has_checksums, run: integrity::checksum },
    Check { info: integrity::API_DIGEST, applies: has_assets, run: integrity::api_digest },
    Check { info: integrity::ASSET_SIZE, applies: has_assets, run: integrity::asset_size },
    Check { info: RELEASE_ATTESTATION, applies: attestation::is_looked_for, run: attestation::release_attestation },
    Check { info: SCHEMA, applies: has_documents, run: documents::schema },
    Check { info: rules::PROFILE, applies: has_policies, run: documents::policy_profile },
    Check { info: rules::TAG, applies: has_policies, run: documents::policy_tag },
    Check { info: rules::STATUS, applies: has_policies, run: documents::policy_status },
    Check { info: rules::MEASUREMENTS, applies: has_policies, run: documents::policy_measurements },
    Check { info: rules::TCB, applies: has_policies, run: documents::policy_tcb },
    Check { info: rules::SPELLINGS, applies: has_policies, run: documents::policy_spellings },
    Check { info: rules::FIELDS, applies: has_policies, run: documents::policy_fields },
    Check { info: rules::REGISTER_ZERO, applies: has_policies, run: documents::register_zero },
    Check { info: PROFILE_ISOLATION, applies: has_cohorts, run: documents::profile_isolation },
    Check { info: ROLE_SEPARATION, applies: has_policies, run: documents::role_separation },
    Check { info: MRTDS, applies: has_measurements, run: documents::published },
    Check { info: MEASUREMENTS_MATCH, applies: has_both, run: documents::measurements_match },
    Check { info: COUNTERPART_MEASUREMENTS, applies: has_policies, run: documents::counterpart_measurements },
    Check {
        info: documents::COMPOSE_HASH,
        applies: |s| holds(s, AssetKind::ComposeHash),
        run: documents::compose_hash,
    },
    Check { info: SBOM, applies: |s| holds(s, AssetKind::Sbom), run: documents::sboms },
    Check { info: provenance::PROVENANCE, applies: |s| holds(s, AssetKind::Provenance), run: provenance::provenance },
    Check { info: upstream::RELEASE_AGREEMENT, applies: is_upstream, run: upstream::release_agreement },
    Check { info: upstream::IMAGE_DIGESTS, applies: names_images, run: upstream::image_digests },
    Check {
        info: upstream::MANIFEST_CHECKSUMS,
        applies: |s| holds(s, AssetKind::Manifest),
        run: upstream::manifest_checksums,
    },
    Check {
        info: upstream::DEFAULT_POLICY,
        applies: |s| holds(s, AssetKind::DefaultPolicy),
        run: upstream::default_policy,
    },
    Check {
        info: upstream::RELEASE_PROVENANCE,
        applies: |s| holds(s, AssetKind::ReleaseProvenance),
        run: upstream::release_provenance,
    },
    Check {
        info: trust_bundle::TRUST_BUNDLE,
        applies: |s| holds(s, AssetKind::TrustBundle),
        run: trust_bundle::trust_bundle,
    },
    Check { info: NOTES_IMAGE, applies: |s| s.tag.family() == Family::Kms && !s.quick, run: documents::notes_image },
    Check { info: NOTES_SECTIONS, applies: |s| !s.quick, run: documents::notes_sections },
    Check { info: CATALOG, applies: |s| !s.quick, run: documents::catalog },
];

fn has_documents(snapshot: &Snapshot) -> bool {
    snapshot.contract.assets().any(|a| a.role != AssetKind::Other && snapshot.asset(&a.name).is_some())
}

fn has_policies(snapshot: &Snapshot) -> bool {
    holds(snapshot, AssetKind::Policy)
}

fn has_measurements(snapshot: &Snapshot) -> bool {
    holds(snapshot, AssetKind::Measurements)
}

fn has_cohorts(snapshot: &Snapshot) -> bool {
    has_policies(snapshot) || has_measurements(snapshot)
}

fn has_both(snapshot: &Snapshot) -> bool {
    has_policies(snapshot) && has_measurements(snapshot)
}

fn is_upstream(snapshot: &Snapshot) -> bool {
    holds(snapshot, AssetKind::Manifest) || holds(snapshot, AssetKind::ReleaseProvenance)
}

fn names_images(snapshot: &Snapshot) -> bool {
    [AssetKind::Manifest, AssetKind::ContainerMetadata, AssetKind::CompatibilityMap]
        .iter()
        .any(|role| holds(snapshot, *role))
}

fn always(_: &Snapshot) -> bool {
    true
}

fn has_assets(snapshot: &Snapshot) -> bool {
    !snapshot.assets.is_empty()
}

/// A missing checksums file is reported once, as missing.
fn has_checksums(snapshot: &Snapshot) -> bool {
    snapshot.asset(&snapshot.contract.checksums.name).is_some()
}

fn whole_with_checksums(snapshot: &Snapshot) -> bool {
    !snapshot.quick && has_checksums(snapshot)
}

/// Whether the release holds a readable document of `role`. A required one that is missing is reported as missing, one
/// that cannot be read as undecided, so a check over documents applies only where there is one.
fn holds(snapshot: &Snapshot, role: AssetKind) -> bool {
    snapshot.documents(role).next().is_some()
}

/// Runs the table over a snapshot.
pub fn judge(snapshot: &Snapshot) -> Vec<Finding> {
    CHECKS.iter().flat_map(|check| check.findings(snapshot)).collect()
}

/// Checks of what arrived and who vouches for it, whatever the documents say.
const DELIVERY: [CheckInfo; 11] = [
    completeness::ASSET_NAME,
    completeness::ASSET_UNIQUE,
    completeness::ASSET_PRESENT,
    authenticity::SIGNATURE,
    authenticity::IDENTITY,
    source::SOURCE_COMMIT,
    evidence::EVIDENCE,
    completeness::CHECKSUMS_FILE,
    integrity::CHECKSUM,
    integrity::API_DIGEST,
    integrity::ASSET_SIZE,
];

/// Runs the checks of what arrived and who vouches for it, and none of what the documents say.
pub(crate) fn judge_delivery(snapshot: &Snapshot) -> Vec<Finding> {
    let delivery = CHECKS.iter().filter(|check| DELIVERY.contains(&check.info));
    delivery.flat_map(|check| check.findings(snapshot)).collect()
}

/// Checks of files against their checksums file, whatever release they are of.
pub(crate) const CHECKSUM_RULES: [CheckInfo; 6] = [
    completeness::ASSET_NAME,
    completeness::ASSET_UNIQUE,
    completeness::ASSET_PRESENT,
    completeness::CHECKSUMS_FILE,
    completeness::ASSET_LISTED,
    integrity::CHECKSUM,
];

/// Runs the checks of files against their checksums file.
pub(crate) fn judge_checksums(snapshot: &Snapshot) -> Vec<Finding> {
    let rules = CHECKS.iter().filter(|check| CHECKSUM_RULES.contains(&check.info));
    rules.flat_map(|check| check.findings(snapshot)).collect()
}

/// The checksums file with its unusable lines, when it is at hand.
pub(crate) fn checksums_of(snapshot: &Snapshot) -> Option<&(ChecksumsFile, BadLines)> {
    snapshot.asset(&snapshot.contract.checksums.name)?.document().map(Document::checksums)
}
