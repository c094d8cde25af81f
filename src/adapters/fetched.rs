//! What reading a release gives, whatever it was read from.

use crate::{
    release::{
        asset_name::RefusedName,
        attestation::Standing,
        selection::Selection,
        snapshot::{Asset, Available, Demanded, Origin, SetAside, Snapshot},
    },
    subject::{
        repository::Repository,
        tag::{Class, Tag},
    },
};

/// A release's listing and contents, not yet judged in any way.
#[derive(Debug)]
pub struct Fetched {
    /// Contract and what was needed under it.
    pub selection: Selection,
    /// Where it came from.
    pub origin: Origin,
    /// Assets with usable, unique names.
    pub assets: Vec<Asset>,
    /// Unsafe names.
    pub refused: Vec<(String, RefusedName)>,
    /// Names that occur more than once, in any case.
    pub duplicates: Vec<String>,
    /// Entries of the listing that have no content to judge.
    pub set_aside: Vec<SetAside>,
    /// Release notes.
    pub notes: Available<String>,
}

impl Fetched {
    /// What checks judge, without signatures yet, and with nothing looked for beside the release. `signer` is who must have
    /// signed under the contract that was recognised; `quick` says that only part of the release was wanted.
    pub fn into_snapshot(
        self,
        repository: Repository,
        tag: Tag,
        class: Class,
        signer: Demanded,
        quick: bool,
    ) -> Snapshot {
        Snapshot {
            repository,
            tag,
            class,
            signer,
            contract: self.selection.contract,
            unrecognised: self.selection.unrecognised,
            quick,
            origin: self.origin,
            assets: self.assets,
            refused: self.refused,
            duplicates: self.duplicates,
            set_aside: self.set_aside,
            notes: self.notes,
            signatures: Vec::new(),
            catalog: Available::NotHere("not looked for".into()),
            counterparts: Available::NotHere("not looked for".into()),
            // Nobody who judges a hotfix may do without.
            lineage: Available::Failed("not looked for".into()),
            attestation: Standing::NotAsked,
        }
    }
}
