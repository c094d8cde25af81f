//! The Rekor v1 transparency log: entries with an inclusion proof, a signed checkpoint and a signed entry timestamp
//! (SET), found by index, by UUID or by digest.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json};
use sigstore_merkle::hash_leaf;

use super::key::{Key, Seed};
use super::merkle::{Inclusion, MerkleLog};
use super::record::{HashedRekord, NewEntry};
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// The log's own name, in its checkpoints; `.test` is reserved (RFC 6761), so it can never be somebody's.
const HOST: &str = "rekor.sandbox.merotee.test";
/// Entries of an imagined earlier shard. As in the public log, an entry's index and its place in the tree differ.
const EARLIER_ENTRIES: u64 = 25_579;
/// Entries before the first signing; not a power of two, so that proofs have uneven paths.
const UNRELATED_ENTRIES: u64 = 11;

/// The log.
pub(super) struct Rekor {
    tree_id: u64,
    log: MerkleLog,
    entries: Vec<Stored>,
    by_leaf: HashMap<String, u64>,
    by_digest: HashMap<Sha256, Vec<u64>>,
}

struct Stored {
    body: Vec<u8>,
    integrated_time: i64,
}

/// An entry as the log answers with it.
pub(super) struct LoggedEntry {
    pub(super) uuid: String,
    pub(super) body: Vec<u8>,
    pub(super) integrated_time: i64,
    pub(super) log_index: u64,
    pub(super) log_id: Sha256,
    pub(super) set: Vec<u8>,
    pub(super) inclusion: Inclusion,
}

/// The outcome of a proposal.
pub(super) enum Logged {
    /// A new entry, at this tree index.
    New(u64),
    /// The log had the very same entry already, at this tree index.
    Before(u64),
}

impl Rekor {
    /// A log that somebody else has used before: it holds a few entries from the hour before `now` (Unix seconds).
    pub(super) fn new(seed: Seed, now: i64) -> Result<Self> {
        // Tree ids are positive 64-bit signed integers, and their hex form keeps 16 digits.
        let tree_id = (u64::from_be_bytes(seed.bytes("rekor tree id", 0)) >> 2) | (1 << 61);
        let log = MerkleLog::new(seed.key("rekor", 0)?, format!("{HOST} - {tree_id}"), HOST);
        let mut rekor = Self { tree_id, log, entries: Vec::new(), by_leaf: HashMap::new(), by_digest: HashMap::new() };
        for number in 0..UNRELATED_ENTRIES {
            let key = seed.key("unrelated signer", number)?;
            let blob: [u8; 32] = seed.bytes("unrelated blob", number);
            let record = HashedRekord {
                digest: Sha256::of(&blob),
                signature: key.sign(&blob),
                verifier_pem: key.public_pem().to_owned(),
            };
            let age = UNRELATED_ENTRIES.saturating_sub(number).saturating_mul(300);
            rekor.add(record.new_entry()?, now.saturating_sub_unsigned(age));
        }
        Ok(rekor)
    }

    /// Logs an entry at `time` (Unix seconds).
    pub(super) fn add(&mut self, entry: NewEntry, time: i64) -> Logged {
        let NewEntry { body, digests } = entry;
        let leaf = hash_leaf(&body).to_hex();
        if let Some(index) = self.by_leaf.get(&leaf) {
            return Logged::Before(*index);
        }
        let index = self.log.append(&body);
        self.by_leaf.insert(leaf, index);
        for digest in digests {
            self.by_digest.entry(digest).or_default().push(index);
        }
        self.entries.push(Stored { body, integrated_time: time });
        Logged::New(index)
    }

    /// The entry at a place in the tree, proved against the present head.
    pub(super) fn entry(&self, tree_index: u64) -> Result<Option<LoggedEntry>> {
        let place = usize::try_from(tree_index).ok();
        let (Some(stored), Some(inclusion)) =
            (place.and_then(|place| self.entries.get(place)), self.log.inclusion(tree_index))
        else {
            return Ok(None);
        };
        let log_index = tree_index.saturating_add(EARLIER_ENTRIES);
        let log_id = self.log.key().id();
        let promise = Promise {
            body: STANDARD.encode(&stored.body),
            integrated_time: stored.integrated_time,
            log_id: log_id.to_string(),
            log_index,
        };
        let promise =
            serde_json::to_vec(&promise).map_err(|e| Error::internal("cannot write an entry promise").because(e))?;
        Ok(Some(LoggedEntry {
            uuid: self.uuid(&stored.body),
            body: stored.body.clone(),
            integrated_time: stored.integrated_time,
            log_index,
            log_id,
            set: self.log.key().sign(&promise),
            inclusion,
        }))
    }

    /// The entry with a log index, as bundles and the API count.
    pub(super) fn entry_by_log_index(&self, log_index: u64) -> Result<Option<LoggedEntry>> {
        match log_index.checked_sub(EARLIER_ENTRIES) {
            Some(tree_index) => self.entry(tree_index),
            None => Ok(None),
        }
    }

    /// The entry with a UUID: 64 hex digits of leaf hash, with or without the 16 of the tree id before them.
    pub(super) fn entry_by_uuid(&self, uuid: &str) -> Result<Option<LoggedEntry>> {
        let tree = format!("{:016x}", self.tree_id);
        let leaf = if uuid.len() == 80 { uuid.strip_prefix(&tree) } else { Some(uuid) };
        match leaf.and_then(|leaf| self.by_leaf.get(leaf)) {
            Some(index) => self.entry(*index),
            None => Ok(None),
        }
    }

    /// The entry with exactly this body.
    pub(super) fn entry_by_body(&self, body: &[u8]) -> Result<Option<LoggedEntry>> {
        self.entry_by_uuid(&hash_leaf(body).to_hex())
    }

    /// UUIDs of the entries about a digest, oldest first.
    pub(super) fn search(&self, digest: &Sha256) -> Vec<String> {
        let places = self.by_digest.get(digest).into_iter().flatten().filter_map(|index| usize::try_from(*index).ok());
        places.filter_map(|place| Some(self.uuid(&self.entries.get(place)?.body))).collect()
    }

    /// The log's key.
    pub(super) fn key(&self) -> &Key {
        self.log.key()
    }

    /// What `GET /api/v1/log` answers.
    pub(super) fn state(&self) -> Value {
        json!({
            "inactiveShards": [],
            "rootHash": self.log.root().to_hex(),
            "signedTreeHead": self.log.checkpoint(),
            "treeID": self.tree_id.to_string(),
            "treeSize": self.log.size(),
        })
    }

    fn uuid(&self, body: &[u8]) -> String {
        format!("{:016x}{}", self.tree_id, hash_leaf(body).to_hex())
    }
}

impl LoggedEntry {
    /// The entry as Rekor's API writes it: `{uuid: entry}`.
    pub(super) fn api_json(&self) -> Value {
        let proof = &self.inclusion;
        let entry = json!({
            "body": STANDARD.encode(&self.body),
            "integratedTime": self.integrated_time,
            "logID": self.log_id.to_string(),
            "logIndex": self.log_index,
            "verification": {
                "inclusionProof": {
                    "checkpoint": proof.checkpoint,
                    "hashes": proof.path.iter().map(sigstore_types::Sha256Hash::to_hex).collect::<Vec<_>>(),
                    "logIndex": proof.index,
                    "rootHash": proof.root.to_hex(),
                    "treeSize": proof.tree_size,
                },
                "signedEntryTimestamp": STANDARD.encode(&self.set),
            },
        });
        Value::Object(serde_json::Map::from_iter([(self.uuid.clone(), entry)]))
    }
}

/// What a SET signs. Fields are declared in RFC 8785 order: capitals sort before small letters.
#[derive(Serialize)]
struct Promise {
    body: String,
    #[serde(rename = "integratedTime")]
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    #[serde(rename = "logIndex")]
    log_index: u64,
}
