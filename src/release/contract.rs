//! What a release must hold, as data: one table per family and layout.
//!
//! The tables are in `contracts.json` beside this file, compiled in; `--contract FILE` replaces them. Nothing here looks
//! at a release: [`super::checks`] compares one with its contract.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::envelope;
use crate::{
    schema::{self, JsonError},
    subject::{profile::Profile, repository::Repository, tag::Family},
};

/// Stands for each of the profiles in an asset's name.
const PROFILE: &str = "{profile}";

/// Stands for the repository's owner in the name of an image.
const OWNER: &str = "{owner}";

/// The image of a KMS release where a contract names none.
const KMS_IMAGE: &str = "ghcr.io/{owner}/mero-kms-phala";

/// The tables built in.
const BUILT_IN: &str = include_str!("contracts.json");

/// How the files of a release are named and signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// What `merotee publish` makes.
    Pipeline,
    /// What the runbooks describe.
    Runbook,
    /// What was published up to v2.3.40.
    Upstream,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pipeline => "pipeline",
            Self::Runbook => "runbook",
            Self::Upstream => "upstream",
        })
    }
}

/// What an asset is for; decides which checks read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssetKind {
    /// Attestation policy of one profile.
    Policy,
    /// A second copy of the locked-read-only policy, for readers that know no profiles.
    DefaultPolicy,
    /// `published-mrtds.json`.
    Measurements,
    /// Hash of the normalised docker-compose file.
    ComposeHash,
    /// SPDX software bill of materials.
    Sbom,
    /// in-toto provenance statements, one a line.
    Provenance,
    /// Upstream's own provenance document.
    ReleaseProvenance,
    /// Upstream's release manifest.
    Manifest,
    /// Upstream's container metadata.
    ContainerMetadata,
    /// Upstream's compatibility map.
    CompatibilityMap,
    /// A tar of documents that are also loose assets.
    TrustBundle,
    /// Present in the release and read by no check beyond integrity.
    Other,
}

/// Which assets the checksums file vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Covers {
    /// All but itself and signature files.
    EveryAsset,
    /// Archives only; everything else is vouched for by its own signature.
    Archives,
}

/// Which assets carry a signature of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signed {
    /// The checksums file, which vouches for the rest.
    Checksums,
    /// Every one.
    EveryAsset,
}

/// How hard the class's rules for release notes are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notes {
    /// A missing section fails.
    Enforced,
    /// A missing section is a warning: releases of this layout predate the rules.
    Advisory,
}

/// How hard it is held that an SBOM names packages by their package URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purls {
    /// An SBOM without any fails.
    #[default]
    Enforced,
    /// It is a warning: SBOMs of this layout are made by whatever tool is at hand.
    Advisory,
}

/// The checksums file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checksums {
    /// Asset name; recognises the layout.
    pub name: String,
    /// What it must list.
    pub covers: Covers,
}

/// One asset, or three where the name holds `{profile}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetPattern {
    /// Asset name, `{profile}` standing for each of the three profiles.
    pub name: String,
    /// What it is for.
    pub role: AssetKind,
    /// Whether a release may lack it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// How much of a release is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Whole,
    /// The checksums file, its signature and the measurements: what `--quick` checks.
    Quick,
    /// The policies of all profiles, with whatever vouches for them.
    Policies,
    /// The policies, the measurements, and the documents that say which images the release is of.
    Images,
}

/// What a release of one family in one layout must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Family.
    pub family: Family,
    /// Layout.
    pub layout: Layout,
    /// The checksums file.
    pub checksums: Checksums,
    /// What is signed.
    pub signed: Signed,
    /// Workflow that signs, as a path in the repository.
    pub workflow: String,
    /// Branch the workflow may run on, in addition to the release's tag: `refs/heads/…`.
    pub branch: String,
    /// How hard the rules for notes are held.
    pub notes: Notes,
    /// Whether every SBOM must name a package by its purl.
    #[serde(default)]
    pub purls: Purls,
    /// The container image that is released, `{owner}` standing for the repository's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What must be there in addition to the checksums file.
    pub assets: Vec<AssetPattern>,
}

/// One asset a contract names, `{profile}` filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractAsset {
    /// Asset name.
    pub name: String,
    /// What it is for.
    pub role: AssetKind,
    /// Profile it belongs to, when the name says so.
    pub profile: Option<Profile>,
    /// Whether a release may lack it.
    pub optional: bool,
}

impl Contract {
    /// Every asset named, apart from the checksums file.
    pub fn assets(&self) -> impl Iterator<Item = ContractAsset> + '_ {
        self.assets.iter().flat_map(|pattern| {
            let profiles: Vec<Option<Profile>> =
                if pattern.name.contains(PROFILE) { Profile::ALL.map(Some).to_vec() } else { vec![None] };
            profiles.into_iter().map(|profile| ContractAsset {
                name: profile.map_or_else(|| pattern.name.clone(), |p| pattern.name.replace(PROFILE, p.as_str())),
                role: pattern.role,
                profile,
                optional: pattern.optional,
            })
        })
    }

    /// Name of the container image that a release of `repository` is about. Names of images are lowercase (OCI
    /// distribution specification, "Pulling manifests"), whatever the owner's capitals.
    pub fn image_of(&self, repository: &Repository) -> String {
        let owner = repository.owner().to_lowercase();
        self.image.as_deref().unwrap_or(KMS_IMAGE).replace(OWNER, &owner)
    }

    /// The part of the contract that `scope` is about. The checksums file always belongs to it.
    #[must_use]
    pub fn narrowed(&self, scope: Scope) -> Self {
        let with_role = |role| self.assets.iter().filter(move |a| a.role == role).cloned();
        let assets = match scope {
            Scope::Whole => self.assets.clone(),
            Scope::Quick => with_role(AssetKind::Measurements).collect(),
            Scope::Policies => with_role(AssetKind::Policy).collect(),
            Scope::Images => {
                let stated = [AssetKind::Manifest, AssetKind::ReleaseProvenance, AssetKind::Measurements];
                with_role(AssetKind::Policy).chain(stated.into_iter().flat_map(with_role)).collect()
            }
        };
        Self { assets, ..self.clone() }
    }
}

/// All contracts in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contracts {
    schema_version: u32,
    contracts: Vec<Contract>,
}

/// A contract file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidContracts {
    /// Not JSON, or a key appears twice.
    #[error("not a release contract: {0}")]
    Json(#[from] JsonError),
    /// JSON of another kind.
    #[error("not a release contract: this is {0}")]
    Kind(String),
    /// Not of the right shape.
    #[error("not a release contract: {0}")]
    Shape(#[from] serde_json::Error),
    /// A version this program does not know.
    #[error("release contract has schema_version {0}, this program reads 1")]
    Version(u32),
    /// It would pass everything.
    #[error("the {family} {layout} contract names no required asset: everything would pass")]
    Empty {
        /// Family.
        family: Family,
        /// Layout.
        layout: Layout,
    },
}

impl Contracts {
    /// Reads a contract file.
    ///
    /// # Errors
    /// When it does not parse, has another version, or a contract in it demands nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidContracts> {
        let value = schema::parse_json(bytes)?;
        if value.get("contracts").is_none() {
            return Err(InvalidContracts::Kind(envelope::kind_of(&value)));
        }
        let contracts: Self = serde_json::from_value(value)?;
        if contracts.schema_version != 1 {
            return Err(InvalidContracts::Version(contracts.schema_version));
        }
        match contracts.contracts.iter().find(|c| c.assets.iter().all(|a| a.optional)) {
            Some(empty) => Err(InvalidContracts::Empty { family: empty.family, layout: empty.layout }),
            None => Ok(contracts),
        }
    }

    /// One contract alone.
    pub fn of(contract: Contract) -> Self {
        Self { schema_version: 1, contracts: vec![contract] }
    }

    /// The tables built in.
    ///
    /// # Errors
    /// Never in a tested build: a test parses them.
    pub fn built_in() -> Result<Self, InvalidContracts> {
        Self::parse(BUILT_IN.as_bytes())
    }

    /// Every contract, in table order.
    pub fn iter(&self) -> impl Iterator<Item = &Contract> {
        self.contracts.iter()
    }

    /// The contract a release falls under: the first of its family whose checksums file it holds.
    pub fn recognise<'a>(&self, family: Family, mut holds: impl FnMut(&str) -> bool + 'a) -> Option<&Contract> {
        self.contracts.iter().find(|c| c.family == family && holds(&c.checksums.name))
    }

    /// The contract for a family that nothing was recognised for: the first one, so that the report can say what is
    /// missing.
    pub fn first(&self, family: Family) -> Option<&Contract> {
        self.contracts.iter().find(|c| c.family == family)
    }

    /// The contracts as `--list-contract` prints them and `--contract` reads them.
    ///
    /// # Errors
    /// Never for a parsed value; the writer's errors are the caller's.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

/// Whether an asset is an archive of binaries by its name.
pub fn is_archive(name: &str) -> bool {
    [".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".zip"].iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_have_all_three_layouts_and_names_are_unique_in_each() {
        let contracts = Contracts::built_in().unwrap_or_else(|e| unreachable!("{e}"));
        for family in Family::ALL {
            for layout in [Layout::Pipeline, Layout::Runbook, Layout::Upstream] {
                let found: Vec<_> = contracts.iter().filter(|c| c.family == family && c.layout == layout).collect();
                assert_eq!(found.len(), 1, "{family} {layout}");
                let mut names: Vec<_> = found.iter().flat_map(|c| c.assets()).map(|a| a.name).collect();
                let count = names.len();
                names.sort();
                names.dedup();
                assert_eq!(names.len(), count, "{family} {layout}");
            }
        }
    }

    #[test]
    fn a_layout_is_recognised_by_its_checksums_file() {
        let contracts = Contracts::built_in().unwrap_or_else(|e| unreachable!("{e}"));
        let layout = |family, file: &str| contracts.recognise(family, |name| name == file).map(|c| c.layout);
        assert_eq!(layout(Family::Kms, "checksums.sha256"), Some(Layout::Pipeline));
        assert_eq!(layout(Family::Node, "checksums.txt"), Some(Layout::Runbook));
        assert_eq!(layout(Family::Kms, "node-image-gcp-checksums.txt"), None);
    }

    #[test]
    fn what_is_listed_reads_back_the_same() {
        let contracts = Contracts::built_in().unwrap_or_else(|e| unreachable!("{e}"));
        let listed = contracts.to_json().unwrap_or_default();
        assert_eq!(Contracts::parse(listed.as_bytes()).ok(), Some(contracts));
    }

    #[test]
    fn a_contract_that_demands_nothing_is_refused() {
        let text = r#"{"schema_version":1,"contracts":[{"family":"kms","layout":"pipeline","checksums":{"name":"c","covers":"every-asset"},"signed":"checksums","workflow":"w","branch":"b","notes":"enforced","assets":[]}]}"#;
        assert!(matches!(Contracts::parse(text.as_bytes()), Err(InvalidContracts::Empty { .. })));
    }
}
