//! Ways to spoil a release, each as an attacker or a mishap would.
//!
//! A tamper works at the stage where the real thing would happen: a wrong policy is signed and listed like a right one,
//! a flipped byte comes after signing, a false digest is only stated by the API.

#![allow(clippy::wildcard_enum_match_arm, reason = "each kind acts at one stage and passes all the others by")]

mod policies;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    release::{Draft, Sample, ServedAsset, ServedRelease},
    sigstore::{Identity, Instance, Signed},
};
use crate::{
    digest::Sha256,
    error::{Error, Result},
    release::contract::Layout,
    subject::{
        profile::Profile,
        tag::{Class, Family},
    },
};

/// A kind of tampering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tamper {
    /// One byte of an asset flipped after everything was signed.
    PayloadByte,
    /// One digest in the checksums file replaced, and the file signed.
    ChecksumEntry,
    /// A listed asset deleted.
    AssetMissing,
    /// An asset added that nothing lists.
    AssetUnlisted,
    /// The signature of the checksums file deleted.
    SignatureMissing,
    /// The signature of another file put in its place.
    SignatureOtherFile,
    /// Signed by another workflow of the repository.
    IdentityWorkflow,
    /// Signed by the same workflow of another repository.
    IdentityRepository,
    /// Signed by the right workflow at another ref.
    IdentityRef,
    /// Signed with a certificate that names another OIDC issuer.
    IdentityIssuer,
    /// The log entry replaced by one of a log that is not trusted.
    LogEntryForged,
    /// The inclusion proof cut out of the bundle.
    LogProofRemoved,
    /// GitHub's API states another digest for an asset.
    ApiDigest,
    /// The storage delivers the first half of an asset.
    DownloadTruncated,
    /// The debug policy says that it is the locked one.
    PolicyProfile,
    /// A policy is of another version.
    PolicyTag,
    /// A policy of a stable release says that it is not ready.
    PolicyNotReady,
    /// A register list of a policy is empty: a check over it has nothing to compare.
    PolicyEmptyList,
    /// Debug and locked machines measure the same: one machine satisfies both policies.
    PolicyNotIsolated,
    /// KMS and node share RTMR3: a node image could pass for the KMS.
    RoleOverlap,
    /// The debug policy accepts the locked KMS as a node: a stranger gets a debug node's key with that KMS's answer.
    RoleOverlapAcrossProfiles,
    /// A published MRTD is one digit short.
    MrtdMalformed,
    /// A relationship of the SBOM points to nothing.
    SbomBroken,
    /// The release notes name the image by a tag that can move.
    NotesUnpinned,
    /// An asset named `../x`.
    AssetTraversal,
    /// Two assets of one name.
    AssetDuplicate,
    /// An asset whose upload broke off: GitHub lists it, and there is nothing in it.
    AssetUnfinished,
    /// A signature file beside the checksums file that no client of bundles reads.
    SignatureStray,
}

/// Every kind, its name on the command line and what it does, in the order of `--tamper list`.
const KINDS: &[(Tamper, &str, &str)] = &[
    (Tamper::PayloadByte, "payload-byte", "flips one byte of the SBOM after everything was signed"),
    (Tamper::ChecksumEntry, "checksum-entry", "replaces one digest in the checksums file and signs the file"),
    (Tamper::AssetMissing, "asset-missing", "deletes an asset that the checksums file lists"),
    (Tamper::AssetUnlisted, "asset-unlisted", "adds an archive that the checksums file does not list"),
    (Tamper::SignatureMissing, "signature-missing", "deletes the signature of the checksums file"),
    (
        Tamper::SignatureOtherFile,
        "signature-other-file",
        "puts the signature of another file in place of the checksums file's",
    ),
    (Tamper::IdentityWorkflow, "identity-workflow", "signs with another workflow of the repository"),
    (Tamper::IdentityRepository, "identity-repository", "signs with the same workflow of a fork"),
    (Tamper::IdentityRef, "identity-ref", "signs with the right workflow on a feature branch"),
    (Tamper::IdentityIssuer, "identity-issuer", "signs with a certificate of another OIDC issuer"),
    (Tamper::LogEntryForged, "log-entry-forged", "replaces the transparency-log entry with one from an untrusted log"),
    (Tamper::LogProofRemoved, "log-proof-removed", "cuts the inclusion proof out of the bundle"),
    (Tamper::ApiDigest, "api-digest", "makes GitHub's API state another digest for the SBOM"),
    (Tamper::DownloadTruncated, "download-truncated", "delivers only the first half of the SBOM"),
    (Tamper::PolicyProfile, "policy-profile", "makes the debug policy say that it is the locked-read-only one"),
    (Tamper::PolicyTag, "policy-tag", "makes the locked-read-only policy one of another version"),
    (Tamper::PolicyNotReady, "policy-not-ready", "marks the locked-read-only policy of a stable release as not ready"),
    (Tamper::PolicyEmptyList, "policy-empty-list", "empties the KMS RTMR0 list of the locked-read-only policy"),
    (
        Tamper::PolicyNotIsolated,
        "policy-not-isolated",
        "gives debug machines the measurements of locked-read-only ones",
    ),
    (Tamper::RoleOverlap, "role-overlap", "gives the KMS the RTMR3 of the node image"),
    (
        Tamper::RoleOverlapAcrossProfiles,
        "role-overlap-across-profiles",
        "adds the registers of the locked-read-only KMS to the node lists of the debug policy",
    ),
    (Tamper::MrtdMalformed, "mrtd-malformed", "cuts one digit off a published MRTD"),
    (Tamper::SbomBroken, "sbom-broken", "points a relationship of the SBOM at a package that is not there"),
    (Tamper::NotesUnpinned, "notes-unpinned", "names the image in the release notes by a tag instead of a digest"),
    (Tamper::AssetTraversal, "asset-traversal", "adds an asset named ../x"),
    (Tamper::AssetDuplicate, "asset-duplicate", "adds a second asset with the name of the SBOM"),
    (
        Tamper::AssetUnfinished,
        "asset-unfinished",
        "breaks off the upload of the SBOM: GitHub lists it in state starter",
    ),
    (
        Tamper::SignatureStray,
        "signature-stray",
        "adds a signature file that is junk beside the checksums file's bundle",
    ),
];

impl Tamper {
    /// Every kind, in the order of `--tamper list`.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(tamper, _, _)| *tamper)
    }

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What it does, one line.
    pub fn description(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        KINDS.iter().find(|(tamper, _, _)| *tamper == self).map(|(_, name, does)| (*name, *does)).unwrap_or_default()
    }

    /// Reads a name.
    ///
    /// # Errors
    /// A usage error that lists how to see every kind.
    pub fn parse(name: &str) -> Result<Self> {
        Self::all().find(|t| t.name() == name).ok_or_else(|| {
            let shown: String = name.chars().take(60).collect();
            Error::usage(format!("`{shown}` is not a kind of tampering"))
                .help("`merotee sandbox --tamper list` shows every kind")
        })
    }

    /// Why this sample cannot be tampered with in this way; `None` when it can.
    pub fn objection(self, sample: &Sample) -> Option<&'static str> {
        let tag = &sample.tag;
        let kms = tag.family() == Family::Kms;
        match self {
            Self::LogEntryForged | Self::LogProofRemoved if sample.layout != Layout::Pipeline => {
                Some("its signatures are detached: the log entry is in Rekor, not in the release")
            }
            Self::SignatureStray if sample.layout != Layout::Pipeline => Some("it has such a file, which is read"),
            Self::PolicyProfile | Self::PolicyTag if !kms => Some("a node image release holds no policy"),
            Self::NotesUnpinned if !kms => Some("the notes of a node image release name no image"),
            Self::PolicyNotReady | Self::PolicyEmptyList | Self::RoleOverlap | Self::RoleOverlapAcrossProfiles
                if !kms || tag.class() == Class::Rc =>
            {
                Some("only a stable KMS release has a finished policy")
            }
            Self::PolicyNotIsolated if tag.class() == Class::Rc => {
                Some("the lists of a policy that is not ready are empty")
            }
            Self::MrtdMalformed if kms && sample.layout != Layout::Pipeline => {
                Some("a KMS release in this layout publishes no measurements")
            }
            Self::ChecksumEntry | Self::AssetMissing
                if sample.layout == Layout::Upstream && sample.archive_name().is_none() =>
            {
                None
            }
            _ => None,
        }
    }

    /// The asset most tampers pick: the SBOM, which every sample has.
    fn target(sample: &Sample) -> &'static str {
        match (sample.layout, sample.tag.family()) {
            (Layout::Pipeline | Layout::Runbook, _) => "sbom.spdx.json",
            (Layout::Upstream, Family::Kms) => "kms-phala-container-sbom.spdx.json",
            (Layout::Upstream, Family::Node) => "node-image-gcp-release-sbom.spdx.json",
        }
    }

    /// Changes documents and the signer before anything is hashed or signed.
    pub(super) fn change_documents(self, draft: &mut Draft) {
        let locked = draft.sample.policy_name(Profile::LockedReadOnly);
        match self {
            Self::PolicyProfile => {
                let debug = draft.sample.policy_name(Profile::Debug);
                set(&mut draft.json, &debug, "/profile", json!("locked-read-only"));
            }
            Self::PolicyTag => set(&mut draft.json, &locked, "/tag", json!("9.9.9")),
            Self::PolicyNotReady => set(&mut draft.json, &locked, "/status", json!("policy_not_ready")),
            Self::PolicyEmptyList => set(&mut draft.json, &locked, "/policy/kms_allowed_rtmr0", json!([])),
            Self::PolicyNotIsolated => policies::not_isolated(draft),
            Self::RoleOverlap => {
                let node = draft.json.get(&locked).and_then(|p| p.pointer("/policy/node_allowed_rtmr3")).cloned();
                set(&mut draft.json, &locked, "/policy/kms_allowed_rtmr3", node.unwrap_or_default());
            }
            Self::RoleOverlapAcrossProfiles => policies::kms_among_nodes(draft),
            Self::MrtdMalformed => {
                let place = "/profiles/locked-read-only/mrtd";
                let short = draft
                    .json
                    .get("published-mrtds.json")
                    .and_then(|m| m.pointer(place)?.as_str()?.get(1..).map(|s| json!(s)));
                set(&mut draft.json, "published-mrtds.json", place, short.unwrap_or_default());
            }
            Self::SbomBroken => {
                let target = Self::target(&draft.sample);
                set(&mut draft.json, target, "/relationships/1/relatedSpdxElement", json!("SPDXRef-Package-nowhere"));
            }
            Self::NotesUnpinned => {
                let digest = super::boot::image_digest(&draft.sample.tag, Profile::LockedReadOnly);
                draft.notes = draft.notes.replace(&format!("@{digest}"), ":latest");
            }
            Self::IdentityWorkflow => {
                let file = draft.identity.workflow_name.clone();
                draft.identity.san = draft.identity.san.replace(&file, "nightly.yaml");
            }
            Self::IdentityRepository => {
                draft.identity.san = draft.identity.san.replace(super::documents::REPOSITORY, "somebody/mero-tee");
                draft.identity.repository = "somebody/mero-tee".into();
            }
            Self::IdentityRef => {
                let git_ref = std::mem::replace(&mut draft.identity.git_ref, "refs/heads/feature".into());
                draft.identity.san = draft.identity.san.replace(&git_ref, "refs/heads/feature");
            }
            Self::IdentityIssuer => draft.identity.issuer = "https://oidc.example.org".into(),
            _ => {}
        }
    }

    /// Changes the checksums file before it is signed.
    pub(super) fn change_checksums(self, checksums: &mut BTreeMap<String, Sha256>) {
        if self == Self::ChecksumEntry
            && let Some(digest) = checksums.values_mut().next()
        {
            *digest = Sha256::of(b"something else");
        }
    }

    /// Changes the signature of the checksums file.
    pub(super) fn change_signature(
        self,
        signature: &mut Signed,
        artifact: &[u8],
        identity: &Identity,
        sigstore: &mut Instance,
        time: Timestamp,
    ) -> Result<()> {
        match self {
            Self::SignatureOtherFile => *signature = sigstore.sign(b"another file\n", identity, time)?,
            Self::LogEntryForged => {
                // The same signature event, told by a log with other keys.
                let mut forger = Instance::new(u64::MAX, time)?;
                let forged = forger.sign(artifact, identity, time)?;
                let entries = parsed(&forged.bundle_json)?.pointer(TLOG_ENTRIES).cloned().unwrap_or_default();
                edit(signature, TLOG_ENTRIES, entries)?;
            }
            Self::LogProofRemoved => {
                let mut entries = parsed(&signature.bundle_json)?.pointer(TLOG_ENTRIES).cloned().unwrap_or_default();
                for entry in entries.as_array_mut().into_iter().flatten() {
                    entry.as_object_mut().map(|e| e.remove("inclusionProof"));
                }
                edit(signature, TLOG_ENTRIES, entries)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Changes what is served, after everything was signed.
    pub(super) fn change_release(self, sample: &Sample, release: &mut ServedRelease) {
        let target = Self::target(sample);
        let checksums = sample.checksums_name();
        match self {
            Self::PayloadByte => {
                change(release, target, |asset| {
                    let mut bytes = asset.bytes.clone();
                    if let Some(byte) = bytes.last_mut() {
                        *byte ^= 1;
                    }
                    *asset = ServedAsset::honest(asset.name.clone(), bytes);
                });
            }
            Self::AssetMissing => {
                let gone = sample.archive_name().unwrap_or(target);
                release.assets.retain(|a| a.name != gone);
            }
            Self::AssetUnlisted => {
                release
                    .assets
                    .push(ServedAsset::honest("backdoor.tar.gz".into(), b"nothing vouches for me\n".to_vec()));
            }
            Self::SignatureMissing => release.assets.retain(|a| !is_evidence_of(&a.name, checksums)),
            Self::ApiDigest => change(release, target, |asset| {
                asset.stated_digest = format!("sha256:{}", Sha256::of(b"something else"));
            }),
            Self::DownloadTruncated => change(release, target, |asset| asset.bytes.truncate(asset.bytes.len() / 2)),
            Self::AssetUnfinished => change(release, target, |asset| {
                *asset = ServedAsset { state: "starter", ..ServedAsset::honest(asset.name.clone(), Vec::new()) };
            }),
            Self::SignatureStray => {
                release.assets.push(ServedAsset::honest(format!("{checksums}.sig"), b"junk\n".to_vec()));
            }
            Self::AssetTraversal => release.assets.push(ServedAsset::honest("../x".into(), b"outside\n".to_vec())),
            Self::AssetDuplicate => {
                release.assets.push(ServedAsset::honest(target.to_owned(), b"the other one\n".to_vec()));
            }
            _ => {}
        }
    }
}

/// Where a bundle keeps its log entries.
const TLOG_ENTRIES: &str = "/verificationMaterial/tlogEntries";

fn is_evidence_of(name: &str, signed: &str) -> bool {
    crate::subject::evidence_name::signed_by(name) == Some(signed)
}

fn set(documents: &mut BTreeMap<String, Value>, name: &str, pointer: &str, value: Value) {
    if let Some(place) = documents.get_mut(name).and_then(|d| d.pointer_mut(pointer)) {
        *place = value;
    }
}

fn change(release: &mut ServedRelease, name: &str, how: impl Fn(&mut ServedAsset)) {
    release.assets.iter_mut().filter(|a| a.name == name).for_each(how);
}

fn parsed(bundle: &str) -> Result<Value> {
    serde_json::from_str(bundle).map_err(|e| Error::internal("a sandbox bundle does not parse").because(e))
}

fn edit(signature: &mut Signed, pointer: &str, value: Value) -> Result<()> {
    let mut bundle = parsed(&signature.bundle_json)?;
    if let Some(place) = bundle.pointer_mut(pointer) {
        *place = value;
    }
    signature.bundle_json = bundle.to_string();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_that_reads_back_and_a_description() {
        for tamper in Tamper::all() {
            assert_eq!(Tamper::parse(tamper.name()).ok(), Some(tamper));
            assert!(!tamper.description().is_empty(), "{}", tamper.name());
        }
    }

    #[test]
    fn every_kind_can_touch_at_least_one_sample() {
        let samples = Sample::all().unwrap_or_default();
        for tamper in Tamper::all() {
            assert!(samples.iter().any(|s| tamper.objection(s).is_none()), "{}", tamper.name());
        }
    }
}
