//! Everything known of one release at one moment, fetched before anything is judged.
//!
//! Adapters fill a snapshot; [`super::checks`] judge it. A thing that could not be fetched is part of the snapshot, with
//! the reason, so that the judgement can say so.

use std::{path::PathBuf, sync::Arc};

use super::{
    asset_name::{AssetName, RefusedName},
    attestation::Standing,
    contract::{AssetKind, Contract, ContractAsset},
    documents::Document,
    lineage::Lineage,
    signer::{ExpectedSigner, Signer},
};
use crate::{
    catalog::Catalog,
    digest::Sha256,
    policy::mrtds::PublishedMrtds,
    report::Finding,
    subject::{
        profile::Profile,
        repository::Repository,
        tag::{Class, Tag},
    },
};

/// Largest document read into memory. The largest real one, an SBOM, is under 10 MiB.
pub const MAX_DOCUMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Largest signature, certificate, key or bundle read into memory. Real ones are under 20 KiB.
pub const MAX_EVIDENCE_BYTES: u64 = 1024 * 1024;

/// One release.
#[derive(Debug)]
pub struct Snapshot {
    /// The repository whose release it is.
    pub repository: Repository,
    /// Its tag.
    pub tag: Tag,
    /// The class it is held to.
    pub class: Class,
    /// What it must hold; already narrowed when `quick`.
    pub contract: Contract,
    /// Whether no contract's checksums file is there, so that `contract` is only the family's first.
    pub unrecognised: bool,
    /// Whether only a part of the release was fetched, and what the narrowed contract does not name is not asked for.
    pub quick: bool,
    /// Where it was read from.
    pub origin: Origin,
    /// Assets with usable, unique names, by name.
    pub assets: Vec<Asset>,
    /// Names that are not safe to use, with the reason.
    pub refused: Vec<(String, RefusedName)>,
    /// Names that occur more than once, in any case.
    pub duplicates: Vec<String>,
    /// Entries of the listing that have no content to judge.
    pub set_aside: Vec<SetAside>,
    /// Release notes.
    pub notes: Available<String>,
    /// What came of each signature.
    pub signatures: Vec<Signature>,
    /// Who had to sign.
    pub signer: Demanded,
    /// The compatibility catalog.
    pub catalog: Available<ReadCatalog>,
    /// Measurements of the node releases that a KMS policy must admit, and no others.
    pub counterparts: Available<Vec<Counterpart>>,
    /// Where the commit of a hotfix stands to the release it patches.
    pub lineage: Available<Lineage>,
    /// Whether GitHub attests it.
    pub attestation: Standing,
}

/// Where a release was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// GitHub's API.
    GitHub {
        /// Not published yet.
        draft: bool,
        /// Marked as a pre-release.
        prerelease: bool,
        /// The API's number of the release.
        release: u64,
        /// Whether it calls the release immutable.
        immutable: bool,
        /// Where the API found the repository when it no longer has the name that was asked for.
        moved: Option<Moved>,
    },
    /// A local folder: what only the API knows cannot be checked.
    Folder(PathBuf),
}

/// A repository that was renamed, or went to another owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The name that was asked for.
    pub from: Repository,
    /// The name that the API gives it.
    pub to: Repository,
}

/// An entry of a listing that cannot be judged as an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its name.
    pub name: String,
    /// What it is instead.
    pub what: Aside,
}

/// Why an entry of a listing cannot be judged as an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aside {
    /// An upload that did not end well, with the state the API gives it: there is a name and no content.
    Unfinished(String),
    /// A folder among the files of a local release.
    Folder,
}

/// Something that may not have been obtainable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Available<T> {
    /// Here it is.
    Yes(T),
    /// Not there, and the verdict does not depend on it in this mode (a local folder, a quick run).
    NotHere(String),
    /// It was looked for where it must be, and it is not there.
    Absent(String),
    /// It should be there and could not be obtained: there is no verdict without it.
    Failed(String),
}

/// A document that is not an asset of the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What to call it in the report: a file name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A compatibility catalog that was read, or the finding that says why it is none. Releases of a run share it.
pub type ReadCatalog = Arc<Result<Catalog, Box<Finding>>>;

/// One asset.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Name.
    pub name: AssetName,
    /// Size the API states, in bytes.
    pub stated_size: Option<u64>,
    /// Digest the API states, as it stands: `sha256:<hex>`.
    pub stated_digest: Option<String>,
    /// The content, or why there is none.
    pub content: Content,
}

/// The content of an asset.
#[derive(Debug, Clone)]
pub enum Content {
    /// Read to the end.
    Read {
        /// SHA-256 of all of it.
        digest: Sha256,
        /// Bytes.
        size: u64,
        /// Where it lies, kept until the judgement is over; `None` where it was hashed and not kept.
        path: Option<PathBuf>,
        /// The document, of assets that checks read.
        document: Option<Arc<Document>>,
    },
    /// It could not be read.
    Failed(String),
    /// Not needed for what was asked.
    NotFetched,
}

/// Who had to sign.
#[derive(Debug, Clone)]
pub enum Demanded {
    /// A certificate of this signer.
    Signer(ExpectedSigner),
    /// The holder of the public key the user gave.
    Key,
}

/// What came of the signature over one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The asset that is signed.
    pub asset: String,
    /// The file or files that carry the signature, as [`evidence_of`] joins them.
    pub evidence: String,
    /// What came of it.
    pub outcome: SignatureOutcome,
}

/// Between the names of the files that carry one signature. No asset's name holds a blank.
const AND: &str = " + ";

/// What the files that carry one signature are called together.
pub fn evidence_of(files: &[&AssetName]) -> String {
    files.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(AND)
}

impl Signature {
    /// Whether the file is one of those that the signature was judged by.
    pub fn was_judged_by(&self, file: &str) -> bool {
        self.outcome != SignatureOutcome::Absent && self.evidence.split(AND).any(|name| name == file)
    }
}

/// What came of one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is one a signature, and nearly all are the large one")]
pub enum SignatureOutcome {
    /// Cryptographically sound; the signer remains to be compared with who had to sign.
    SignedBy(Signer),
    /// Sound under the public key the user gave.
    SignedWithKey,
    /// Not to be trusted, for this reason.
    Rejected(String),
    /// No signature file is there.
    Absent,
    /// It could not be verified, for this reason: the log could not be asked, or the asset not read.
    Unverified(String),
}

/// The published measurements of a node release.
#[derive(Debug, Clone, PartialEq)]
pub struct Counterpart {
    /// Its tag.
    pub tag: Tag,
    /// Profiles it is paired in.
    pub profiles: Vec<Profile>,
    /// `published-mrtds.json`, whose signature and checksum were verified, or why it is not trusted.
    pub measurements: Result<PublishedMrtds, String>,
}

impl Snapshot {
    /// The asset of that name.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|a| a.name.as_str() == name)
    }

    /// Assets the contract gives a role, with their content where they are there.
    pub fn with_role(&self, role: AssetKind) -> impl Iterator<Item = (ContractAsset, Option<&Asset>)> {
        self.contract.assets().filter(move |a| a.role == role).map(|a| {
            let asset = self.asset(&a.name);
            (a, asset)
        })
    }

    /// Documents of a role that are at hand, with their contract entry.
    pub fn documents(&self, role: AssetKind) -> impl Iterator<Item = (ContractAsset, &Document)> {
        self.with_role(role).filter_map(|(entry, asset)| Some((entry, asset?.document()?)))
    }
}

impl Asset {
    /// The document, when the asset is one that was read.
    pub fn document(&self) -> Option<&Document> {
        match &self.content {
            Content::Read { document, .. } => document.as_deref(),
            Content::Failed(_) | Content::NotFetched => None,
        }
    }

    /// The bytes, when the asset is a document that was read.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.document().map(Document::bytes)
    }

    /// Digest of the content, when it was read.
    pub fn digest(&self) -> Option<Sha256> {
        match &self.content {
            Content::Read { digest, .. } => Some(*digest),
            Content::Failed(_) | Content::NotFetched => None,
        }
    }
}
