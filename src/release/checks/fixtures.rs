//! A release as the tests of checks want it: a name and bytes for each asset, and nothing else known.

use std::{path::PathBuf, sync::Arc};

use crate::{
    digest::Sha256,
    release::{
        asset_name::AssetName,
        attestation::Standing,
        contract::{Contracts, Scope},
        documents::{Budget, Document},
        selection::{Names, Selection},
        signer::{ExpectedSigner, Signer},
        snapshot::{
            Asset, Available, Content, Demanded, MAX_DOCUMENT_BYTES, Origin, Signature, SignatureOutcome, Snapshot,
        },
    },
    subject::tag::{Family, Tag},
};

/// A node release in the pipeline layout: names and texts of its assets.
pub(super) fn snapshot(assets: &[(&str, &str)], scope: Scope) -> Snapshot {
    let names = Names::sort(assets.iter().map(|(name, _)| *name));
    let contracts = Contracts::built_in().unwrap_or_else(|e| unreachable!("{e}"));
    let selection = Selection::choose(&contracts, Family::Node, scope, &names).unwrap_or_else(|| unreachable!());
    let asset = |(index, name): &(usize, AssetName)| {
        let bytes = assets.get(*index).map(|(_, text)| text.as_bytes().to_vec()).unwrap_or_default();
        let read = bytes.len() as u64 <= MAX_DOCUMENT_BYTES;
        let content = Content::Read {
            digest: Sha256::of(&bytes),
            size: bytes.len() as u64,
            path: Some(PathBuf::new()),
            document: read.then(|| held(name, bytes)),
        };
        let content = if selection.fetches(name) { content } else { Content::NotFetched };
        Asset { name: name.clone(), stated_size: None, stated_digest: None, content }
    };
    let tag: Tag = "mero-tee-v1.2.0".parse().unwrap_or_else(|_| unreachable!());
    Snapshot {
        repository: "o/r".parse().unwrap_or_else(|_| unreachable!()),
        class: tag.class(),
        tag,
        assets: names.usable.iter().map(asset).collect(),
        contract: selection.contract,
        unrecognised: selection.unrecognised,
        quick: scope != Scope::Whole,
        origin: Origin::Folder(PathBuf::new()),
        refused: names.refused,
        duplicates: names.duplicates,
        set_aside: Vec::new(),
        notes: Available::NotHere(String::new()),
        signatures: Vec::new(),
        signer: Demanded::Signer(ExpectedSigner::exact("s", "i")),
        catalog: Available::NotHere(String::new()),
        counterparts: Available::NotHere(String::new()),
        lineage: Available::NotHere(String::new()),
        attestation: Standing::NotAsked,
    }
}

fn held(name: &AssetName, bytes: Vec<u8>) -> Arc<Document> {
    let room = Budget::default().take(name.as_str(), bytes.len() as u64).unwrap_or_else(|e| unreachable!("{e}"));
    Arc::new(Document::new(name.as_str(), bytes, room))
}

/// A sound signature over `asset`, judged by `evidence`.
pub(super) fn signature(asset: &str, evidence: &str) -> Signature {
    let outcome = SignatureOutcome::SignedBy(Signer { san: "s".into(), issuer: "i".into(), ..Signer::default() });
    Signature { asset: asset.into(), evidence: evidence.into(), outcome }
}
