//! Who the application is, according to the system that started it.
//!
//! dstack measures four facts into RTMR3 while it prepares the machine, then `system-ready`, and from then on lets the
//! application extend RTMR3 with events of any name. So a fact is the first event of its name before `system-ready`;
//! whatever comes later is the application's word and can be forged by it.
//!
//! Two ways of hiding a true event from a reader are closed here. Neither changes the replay:
//! an event relabelled as something other than a run-time event keeps its digest and loses its name; and a version-1
//! digest does not say where the name ends, so `key-provider` with payload `{"a":1}` could be handed over as
//! `key-provider:{"a"` with payload `1}`.

use std::{fmt, str::FromStr};

use super::entry::{Event, EventVersion};
use crate::{attestation::measurement::Register, digest::Sha256, schema::excerpt::excerpt};

/// The event after which RTMR3 belongs to the application.
pub const SYSTEM_READY: &str = "system-ready";

/// A fact about the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// SHA-256 of `app-compose.json`, 32 bytes.
    ComposeHash,
    /// Identifier of the application, 20 bytes.
    AppId,
    /// Identifier of this instance, 20 bytes; empty with `no_instance_id`.
    InstanceId,
    /// JSON that names the key provider.
    KeyProvider,
}

impl Field {
    /// All four.
    pub const ALL: [Self; 4] = [Self::ComposeHash, Self::AppId, Self::InstanceId, Self::KeyProvider];

    /// The name of its event.
    pub fn event_name(self) -> &'static str {
        match self {
            Self::ComposeHash => "compose-hash",
            Self::AppId => "app-id",
            Self::InstanceId => "instance-id",
            Self::KeyProvider => "key-provider",
        }
    }
}

impl FromStr for Field {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|f| f.event_name() == name).ok_or(())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.event_name())
    }
}

/// What the system measured about the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppIdentity {
    /// Values in the order of [`Field::ALL`].
    values: [Option<Vec<u8>>; Field::ALL.len()],
    compose_hash: Option<Sha256>,
    /// Position of `system-ready` in the log. Without it, nothing marks where the application's events begin, and
    /// the first event of each name counts.
    pub system_ready: Option<usize>,
    /// Later events with the name of a fact; none of them counts.
    pub repeated: Vec<Repeated>,
}

/// An event that has the name of a fact and is not the first of it before `system-ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// The fact it names.
    pub field: Field,
    /// Its position in the log, from 0.
    pub index: usize,
    /// Whether it comes after `system-ready`: then the application made it.
    pub by_application: bool,
}

/// Why a log does not say who the application is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// An entry of RTMR3 that is not a run-time event hides what was measured.
    #[error(
        "event log entry {index}: RTMR3 was extended by something other than a run-time event before the system was \
         ready, so its name and payload are not bound to its digest"
    )]
    Opaque {
        /// Position in the log, from 0.
        index: usize,
    },
    /// A name with a colon can be the beginning of another event.
    #[error(
        "event log entry {index}: the name `{name}` holds a colon, so name and payload could be divided in another way"
    )]
    Ambiguous {
        /// Position in the log, from 0.
        index: usize,
        /// The beginning of the name.
        name: String,
    },
    /// The first `compose-hash` has another length than a SHA-256.
    #[error("event log entry {index}: the payload of `compose-hash` has {actual} bytes, not 32")]
    ComposeHash {
        /// Position in the log, from 0.
        index: usize,
        /// Length of the payload, in bytes.
        actual: usize,
    },
}

impl AppIdentity {
    /// The measured value. `None` when no event before `system-ready` states it; empty when one states nothing.
    pub fn get(&self, field: Field) -> Option<&[u8]> {
        self.values.get(field as usize)?.as_deref()
    }

    /// The measured hash of `app-compose.json`.
    pub fn compose_hash(&self) -> Option<Sha256> {
        self.compose_hash
    }

    pub(super) fn of(events: &[Event]) -> Result<Self, IdentityError> {
        let mut identity =
            Self { values: Default::default(), compose_hash: None, system_ready: None, repeated: Vec::new() };
        for (index, event) in events.iter().enumerate().filter(|(_, e)| e.register() == Register::Rtmr3) {
            let by_application = identity.system_ready.is_some();
            if !by_application {
                unambiguous(index, event)?;
            }
            if event.is_bound() && event.name() == SYSTEM_READY {
                identity.system_ready.get_or_insert(index);
            }
            let Ok(field) = event.name().parse::<Field>() else { continue };
            match identity.values.get_mut(field as usize) {
                Some(slot) if slot.is_none() && !by_application => *slot = Some(event.payload().to_vec()),
                Some(_) | None => {
                    identity.repeated.push(Repeated { field, index, by_application });
                    continue;
                }
            }
            if field == Field::ComposeHash {
                let bytes = <[u8; 32]>::try_from(event.payload())
                    .map_err(|_| IdentityError::ComposeHash { index, actual: event.payload().len() })?;
                identity.compose_hash = Some(Sha256::from_bytes(bytes));
            }
        }
        Ok(identity)
    }
}

fn unambiguous(index: usize, event: &Event) -> Result<(), IdentityError> {
    match event.version() {
        None => Err(IdentityError::Opaque { index }),
        Some(EventVersion::V1) if event.name().contains(':') => {
            Err(IdentityError::Ambiguous { index, name: excerpt(event.name()) })
        }
        Some(EventVersion::V1 | EventVersion::V2) => Ok(()),
    }
}
