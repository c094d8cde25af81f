//! Documents of releases in memory: within a budget for the whole run, and parsed once, by the check that asks first.
//!
//! What they say is judged by [`super::checks`]; what they are is decided by the contract.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use serde_json::Value;

use super::checksums::{BadLines, ChecksumsFile};
use crate::{
    policy::{document::PolicyFile, mrtds::PublishedMrtds},
    schema::{JsonError, parse_json},
};

/// Bytes of documents that a run holds in memory at most. One release has some 20 MiB of them; each may have 64.
const RUN_BYTES: u64 = 256 << 20;

/// How many bytes of documents may be held in memory at the same time, over all releases of a run. Clones share it.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Bytes>);

#[derive(Debug)]
struct Bytes {
    limit: u64,
    left: AtomicU64,
}

/// A document's part of the budget, given back when the document is dropped.
#[derive(Debug)]
pub struct Room {
    bytes: u64,
    budget: Budget,
}

/// A document that there is no room for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{asset} has {bytes} bytes, and only {left} of the {limit} bytes of documents that a run holds in memory are left"
)]
pub struct OverBudget {
    /// The document.
    pub asset: String,
    /// Its size.
    pub bytes: u64,
    /// What is left of the budget.
    pub left: u64,
    /// The whole budget.
    pub limit: u64,
}

impl Budget {
    /// At most so many bytes.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Bytes { limit, left: AtomicU64::new(limit) }))
    }

    /// Takes room for `asset`, before it is read.
    ///
    /// # Errors
    /// It has more bytes than are left.
    pub fn take(&self, asset: &str, bytes: u64) -> Result<Room, OverBudget> {
        let Bytes { limit, left } = self.0.as_ref();
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .map(|_| Room { bytes, budget: self.clone() })
            .map_err(|left| OverBudget { asset: asset.to_owned(), bytes, left, limit: *limit })
    }
}

impl Default for Budget {
    /// That of a run: 256 MiB.
    fn default() -> Self {
        Self::new(RUN_BYTES)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.budget.0.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// A document in memory. Each form is read from its bytes once, however many checks ask for it.
#[derive(Debug)]
pub struct Document {
    name: String,
    bytes: Vec<u8>,
    json: OnceLock<Result<Arc<Value>, JsonError>>,
    policy: OnceLock<Option<PolicyFile>>,
    measurements: OnceLock<Option<PublishedMrtds>>,
    checksums: OnceLock<(ChecksumsFile, BadLines)>,
    _room: Room,
}

impl Document {
    /// A document called `name`, which has this room in memory.
    pub fn new(name: &str, bytes: Vec<u8>, room: Room) -> Self {
        Self {
            name: name.to_owned(),
            bytes,
            json: OnceLock::new(),
            policy: OnceLock::new(),
            measurements: OnceLock::new(),
            checksums: OnceLock::new(),
            _room: room,
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// As JSON.
    ///
    /// # Errors
    /// It is not acceptable JSON.
    pub fn json(&self) -> Result<&Value, &JsonError> {
        self.shared_json().map(AsRef::as_ref)
    }

    fn shared_json(&self) -> Result<&Arc<Value>, &JsonError> {
        self.json.get_or_init(|| parse_json(&self.bytes).map(Arc::new)).as_ref()
    }

    /// As a policy; `None` of what is not one, which its schema says.
    pub fn policy(&self) -> Option<&PolicyFile> {
        let read = || PolicyFile::of(&self.name, self.shared_json().ok()?.clone()).ok();
        self.policy.get_or_init(read).as_ref()
    }

    /// As published measurements; `None` of what is not such, which its schema says.
    pub fn measurements(&self) -> Option<&PublishedMrtds> {
        let read = || PublishedMrtds::of(&self.name, self.shared_json().ok()?.clone()).ok();
        self.measurements.get_or_init(read).as_ref()
    }

    /// As a checksums file, with the lines that cannot be used.
    pub fn checksums(&self) -> &(ChecksumsFile, BadLines) {
        self.checksums.get_or_init(|| ChecksumsFile::parse(&self.name, &self.bytes))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn document(budget: &Budget, bytes: &[u8]) -> Document {
        Document::new("d.json", bytes.to_vec(), budget.take("d.json", bytes.len() as u64).unwrap())
    }

    #[test]
    fn a_budget_is_shared_refuses_what_is_too_much_by_name_and_gets_back_what_was_dropped() {
        let budget = Budget::new(10);
        let first = budget.clone().take("a.json", 7).unwrap();
        let refused = budget.take("sbom.spdx.json", 4).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "sbom.spdx.json has 4 bytes, and only 3 of the 10 bytes of documents that a run holds in memory are left"
        );
        let second = budget.take("b.json", 3).unwrap();
        assert!(budget.take("c.json", 1).is_err());
        drop(first);
        assert!(budget.take("c.json", 8).is_err());
        let third = budget.take("c.json", 7).unwrap();
        drop((second, third));
        assert!(budget.take("d.json", 10).is_ok());
        assert!(budget.take("e.json", u64::MAX).is_err());
    }

    #[test]
    fn each_form_is_parsed_once_and_what_is_not_of_a_form_is_none() {
        let budget = Budget::default();
        let policy = document(&budget, br#"{"policy": {}, "tag": "1.2.0"}"#);
        assert!(std::ptr::eq(policy.json().unwrap(), policy.json().unwrap()));
        assert!(std::ptr::eq(policy.policy().unwrap(), policy.policy().unwrap()));
        // The tree is the same one in all forms.
        assert!(std::ptr::eq(policy.policy().unwrap().document.as_ref(), policy.json().unwrap()));
        assert!(std::ptr::eq(policy.measurements().unwrap().document.as_ref(), policy.json().unwrap()));
        assert!(std::ptr::eq(policy.checksums(), policy.checksums()));
        for neither in [&b"[]"[..], b"{", b"\xff"] {
            let document = document(&budget, neither);
            assert!(document.policy().is_none() && document.measurements().is_none());
        }
        assert!(document(&budget, b"{").json().is_err());
    }
}
