//! The sample releases: which there are, what they hold, and how a release is served. `assembly` signs and spoils them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{attestation::Form, documents, sbom, sigstore::Identity};
use crate::{
    digest::Sha256,
    error::{Error, Result},
    release::contract::Layout,
    subject::{
        profile::Profile,
        tag::{Family, Tag},
    },
};

/// A sample release before it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its tag.
    pub tag: Tag,
    /// How it is laid out.
    pub layout: Layout,
}

/// Tags and layouts of the samples, newest first.
const SAMPLES: [(&str, Layout); 8] = [
    ("mero-kms-v1.3.0-rc.1", Layout::Pipeline),
    ("mero-kms-v1.2.0", Layout::Pipeline),
    ("mero-tee-v1.2.0", Layout::Pipeline),
    ("mero-kms-v1.1.1", Layout::Pipeline),
    ("mero-kms-v1.1.0", Layout::Runbook),
    ("mero-tee-v1.1.0", Layout::Runbook),
    ("mero-kms-v1.0.0", Layout::Upstream),
    ("mero-tee-v1.0.0", Layout::Upstream),
];

/// Tags of the repository without a release yet, to rehearse a release with.
pub const UNRELEASED: [&str; 4] = ["mero-tee-v1.3.0", "mero-kms-v1.3.0", "mero-kms-v1.2.1", "mero-kms-v1.4.0-rc.1"];

/// Those that are immutable, one in each form of attestation.
const IMMUTABLE: [(&str, Form); 2] = [("mero-kms-v1.1.1", Form::V0_2), ("mero-tee-v1.1.0", Form::V0_1)];

/// An asset as the API and the storage serve it. What is stated and what is delivered agree unless tampered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedAsset {
    /// Name, which a tamper may have made unsafe.
    pub name: String,
    /// Size the API states.
    pub stated_size: u64,
    /// Digest the API states.
    pub stated_digest: String,
    /// State the API gives its upload: `uploaded`, or `starter` when that broke off.
    pub state: &'static str,
    /// Bytes the storage delivers.
    pub bytes: Vec<u8>,
}

/// A release as the API serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRelease {
    /// Its tag.
    pub tag: Tag,
    /// The commit that its tag leads to, 40 hex digits.
    pub commit: String,
    /// Release notes.
    pub notes: String,
    /// Its assets, by name.
    pub assets: Vec<ServedAsset>,
    /// Bundles by which GitHub attests it; `None` of a release that can be changed.
    pub attestations: Option<Vec<Value>>,
}

/// A release under construction: what tampers work on.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) sample: Sample,
    pub(super) notes: String,
    /// JSON documents, changed before they are hashed and signed.
    pub(super) json: BTreeMap<String, Value>,
    /// Files that are not JSON.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) identity: Identity,
}

impl Sample {
    /// Every sample, newest first.
    ///
    /// # Errors
    /// Never: a test builds them.
    pub fn all() -> Result<Vec<Self>> {
        let parse = |(tag, layout): &(&str, Layout)| {
            let tag = tag.parse().map_err(|e| Error::internal("a sample tag does not parse").because(e))?;
            Ok(Self { tag, layout: *layout })
        };
        SAMPLES.iter().map(parse).collect()
    }

    /// Every tag that is not released yet.
    ///
    /// # Errors
    /// Never: a test reads them.
    pub fn unreleased() -> Result<Vec<Tag>> {
        let parse =
            |tag: &&str| tag.parse::<Tag>().map_err(|e| Error::internal("a sample tag does not parse").because(e));
        UNRELEASED.iter().map(parse).collect()
    }

    /// The form in which GitHub attests it, where it is immutable.
    pub(super) fn attested_in(&self) -> Option<Form> {
        IMMUTABLE.iter().find(|(tag, _)| *tag == self.tag.as_str()).map(|(_, form)| *form)
    }

    /// Name of the checksums file.
    pub(super) fn checksums_name(&self) -> &'static str {
        match (self.layout, self.tag.family()) {
            (Layout::Pipeline, _) => "checksums.sha256",
            (Layout::Runbook, _) => "checksums.txt",
            (Layout::Upstream, Family::Kms) => "kms-phala-checksums.txt",
            (Layout::Upstream, Family::Node) => "node-image-gcp-checksums.txt",
        }
    }

    /// Name of a profile's policy.
    pub(super) fn policy_name(&self, profile: Profile) -> String {
        match self.layout {
            Layout::Pipeline => format!("attestation-policy-{profile}.json"),
            Layout::Runbook | Layout::Upstream => format!("kms-phala-attestation-policy.{profile}.json"),
        }
    }

    /// Name of the archive of binaries.
    pub(super) fn archive_name(&self) -> Option<&'static str> {
        match self.tag.family() {
            Family::Kms => Some("mero-kms-phala_x86_64-unknown-linux-gnu.tar.gz"),
            Family::Node => None,
        }
    }

    /// The documents of the release and who signs it, as they should be.
    pub(super) fn draft(&self) -> Draft {
        let tag = &self.tag;
        let mut json = BTreeMap::new();
        let mut files = BTreeMap::new();
        let workflow = match tag.family() {
            Family::Kms => {
                self.kms_documents(&mut json, &mut files);
                "release-kms-phala.yaml"
            }
            Family::Node => {
                self.node_documents(&mut json, &mut files);
                "release-node-image-gcp.yaml"
            }
        };
        // Upstream signed on its main branch, the pipeline on the tag.
        let git_ref = match self.layout {
            Layout::Upstream => "refs/heads/master".to_owned(),
            Layout::Pipeline | Layout::Runbook => format!("refs/tags/{tag}"),
        };
        let identity = Identity::github_workflow(documents::REPOSITORY, workflow, &git_ref, &documents::commit(tag));
        Draft { sample: self.clone(), notes: documents::notes(tag), json, files, identity }
    }

    fn kms_documents(&self, json: &mut BTreeMap<String, Value>, files: &mut BTreeMap<String, Vec<u8>>) {
        let tag = &self.tag;
        for profile in Profile::ALL {
            json.insert(self.policy_name(profile), documents::policy(tag, profile));
        }
        if let Some(name) = self.archive_name() {
            files.insert(name.to_owned(), documents::archive(tag));
        }
        match self.layout {
            Layout::Pipeline => {
                json.insert("published-mrtds.json".into(), documents::published_mrtds(tag));
                json.insert("sbom.spdx.json".into(), sbom::sbom(tag, "mero-kms-phala"));
                files.insert("compose-hash.txt".into(), documents::compose_hash(tag));
            }
            Layout::Runbook => {
                json.insert("sbom.spdx.json".into(), sbom::sbom(tag, "mero-kms-phala"));
            }
            Layout::Upstream => {
                let archives: Vec<(String, Sha256)> = files.iter().map(|(n, b)| (n.clone(), Sha256::of(b))).collect();
                let default = documents::policy(tag, Profile::LockedReadOnly);
                json.insert("kms-phala-attestation-policy.json".into(), default);
                json.insert("kms-phala-release-manifest.json".into(), documents::manifest(tag, &archives));
                json.insert("kms-phala-container-metadata.json".into(), documents::container_metadata(tag));
                json.insert("kms-phala-compatibility-map.json".into(), documents::compatibility_map(tag));
                json.insert("kms-phala-container-sbom.spdx.json".into(), sbom::sbom(tag, "container"));
                json.insert("kms-phala-binaries-sbom.spdx.json".into(), sbom::sbom(tag, "binaries"));
            }
        }
    }

    fn node_documents(&self, json: &mut BTreeMap<String, Value>, files: &mut BTreeMap<String, Vec<u8>>) {
        let tag = &self.tag;
        let measurements = documents::published_mrtds(tag);
        match self.layout {
            Layout::Pipeline | Layout::Runbook => {
                files.insert("provenance.intoto.jsonl".into(), documents::provenance(tag, &pretty(&measurements)));
                json.insert("sbom.spdx.json".into(), sbom::sbom(tag, "node-image"));
            }
            Layout::Upstream => {
                json.insert("release-provenance.json".into(), documents::release_provenance(tag, &measurements));
                json.insert("node-image-gcp-release-sbom.spdx.json".into(), sbom::sbom(tag, "node-image"));
            }
        }
        json.insert("published-mrtds.json".into(), measurements);
    }
}

impl ServedAsset {
    /// An asset of which the API states the truth.
    pub(super) fn honest(name: String, bytes: Vec<u8>) -> Self {
        let stated_digest = format!("sha256:{}", Sha256::of(&bytes));
        Self { name, stated_size: bytes.len() as u64, stated_digest, state: "uploaded", bytes }
    }
}

/// A document as the release workflows write it.
pub(super) fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}
