//! A dstack KMS in its VM: what it holds, and how far it is. What it is asked is `methods`', and where it listens `tls`'.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Shared, attested::Measured, keys::Keys};

/// How far a KMS is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It waits to be bootstrapped or onboarded.
    Waits,
    /// It serves.
    Serves,
    /// It has ended: it was told to serve before it had keys.
    Ended,
}

/// What a KMS keeps on its disk, which outlives a restart of the VM.
#[derive(Default)]
pub(super) struct Disk {
    /// Its root keys.
    pub(super) keys: Option<Arc<Keys>>,
    /// The name that it is certified under.
    pub(super) domain: String,
    /// `bootstrap-info.json`; a replica has none.
    pub(super) bootstrap_info: Option<String>,
}

/// A KMS.
pub(super) struct Kms {
    pub(super) host: Shared,
    measured: Measured,
    disk: Arc<Mutex<Disk>>,
    phase: Mutex<Phase>,
}

impl Kms {
    /// One that starts with what is on its disk.
    pub(super) fn new(host: Shared, measured: Measured, disk: Arc<Mutex<Disk>>) -> Self {
        let has_keys = disk.lock().unwrap_or_else(PoisonError::into_inner).keys.is_some();
        let phase = if has_keys { Phase::Serves } else { Phase::Waits };
        Self { host, measured, disk, phase: Mutex::new(phase) }
    }

    /// What its VM measured.
    pub(super) fn measured(&self) -> &Measured {
        &self.measured
    }

    /// What it keeps.
    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it is.
    pub(super) fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the waiting.
    pub(super) fn go_on(&self) {
        let next = if self.disk().keys.is_some() { Phase::Serves } else { Phase::Ended };
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}
