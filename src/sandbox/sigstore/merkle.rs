//! An append-only log: an RFC 6962 Merkle tree whose head the log signs as a C2SP checkpoint
//! (<https://c2sp.org/tlog-checkpoint>, <https://c2sp.org/signed-note>).
//!
//! Knows nothing of what the leaves mean. Roots and paths are computed anew each time: a sandbox's log is small.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sigstore_merkle::{hash_children, hash_leaf};
use sigstore_types::Sha256Hash;

use super::key::Key;
use crate::digest::Sha256;

/// The tree with the key that signs its heads.
pub(super) struct MerkleLog {
    key: Key,
    /// The checkpoint's first line.
    origin: String,
    /// The name on the signature line.
    signer: String,
    leaves: Vec<Sha256Hash>,
}

/// Why a leaf is in the tree: its place, the path to the root, and the signed head.
pub(super) struct Inclusion {
    pub(super) index: u64,
    pub(super) tree_size: u64,
    pub(super) root: Sha256Hash,
    pub(super) path: Vec<Sha256Hash>,
    pub(super) checkpoint: String,
}

impl Inclusion {
    /// As bundles hold it.
    pub(super) fn json(&self) -> Value {
        json!({
            "logIndex": self.index.to_string(),
            "rootHash": self.root.to_base64(),
            "treeSize": self.tree_size.to_string(),
            "hashes": self.path.iter().map(Sha256Hash::to_base64).collect::<Vec<_>>(),
            "checkpoint": { "envelope": self.checkpoint },
        })
    }
}

impl MerkleLog {
    /// An empty log. `origin` and `signer` are one line each; `signer` holds neither spaces nor a plus sign.
    pub(super) fn new(key: Key, origin: String, signer: &str) -> Self {
        Self { key, origin, signer: signer.to_owned(), leaves: Vec::new() }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// Adds a leaf; returns its index.
    pub(super) fn append(&mut self, data: &[u8]) -> u64 {
        let index = self.size();
        self.leaves.push(hash_leaf(data));
        index
    }

    /// How many leaves there are.
    pub(super) fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The root of the present tree.
    pub(super) fn root(&self) -> Sha256Hash {
        root(&self.leaves)
    }

    /// Proof that leaf `index` is in the present tree; none when there is no such leaf.
    pub(super) fn inclusion(&self, index: u64) -> Option<Inclusion> {
        let place = usize::try_from(index).ok().filter(|place| *place < self.leaves.len())?;
        Some(Inclusion {
            index,
            tree_size: self.size(),
            root: self.root(),
            path: path(place, &self.leaves),
            checkpoint: self.checkpoint(),
        })
    }

    /// The present head as a signed note.
    pub(super) fn checkpoint(&self) -> String {
        let root = STANDARD.encode(self.root().as_bytes());
        let body = format!("{}\n{}\n{root}\n", self.origin, self.size());
        // For ECDSA keys the hint is the start of the SHA-256 of the SubjectPublicKeyInfo, unlike for Ed25519 keys.
        let mut signature: Vec<u8> = Sha256::of(self.key.spki_der()).as_bytes().iter().copied().take(4).collect();
        signature.extend(self.key.sign(body.as_bytes()));
        format!("{body}\n\u{2014} {} {}\n", self.signer, STANDARD.encode(signature))
    }
}

/// RFC 6962 §2.1: the hash of a tree with these leaf hashes.
fn root(leaves: &[Sha256Hash]) -> Sha256Hash {
    match leaves {
        [] => Sha256Hash::new(*Sha256::of(&[]).as_bytes()),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            hash_children(&root(left), &root(right))
        }
    }
}

/// RFC 6962 §2.1.1: the audit path of leaf `index`, from the leaf's sibling up.
fn path(index: usize, leaves: &[Sha256Hash]) -> Vec<Sha256Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut hashes, sibling) = match index.checked_sub(middle) {
        None => (path(index, left), root(right)),
        Some(index) => (path(index, right), root(left)),
    };
    hashes.push(sibling);
    hashes
}

/// The largest power of two below `n`, for `n` of two or more.
fn split(n: usize) -> usize {
    n.div_ceil(2).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_left_subtree_is_the_largest_full_one_below_the_whole() {
        let splits: Vec<usize> = (2..=9).map(split).collect();
        assert_eq!(splits, [1, 2, 2, 4, 4, 4, 4, 8]);
    }
}
