//! The event log of a dstack machine: what was measured into RTMR0–3, and in which order.
//!
//! A log is a claim by its sender. It becomes evidence only once its replay equals the registers of a verified
//! quote ([`checks::replayed`]). What an [`EventLog`] guarantees by itself is narrower: every run-time event of RTMR3
//! has the digest of its own name and payload, so that a log which replays also has the right names and payloads.
//! The payloads of boot events (RTMR0–2) are covered by nothing and are information only.
//!
//! The registers of a quote, its signature and its freshness are judged elsewhere.
//! Source of the formats: dstack's `cc-eventlog` (`TdxEvent`, `RuntimeEvent`).

pub mod checks;
mod entry;
mod identity;

use std::fmt;

use serde_json::Value;

pub use entry::{Entry, Event, EventVersion, MAX_NAME_BYTES, MAX_PAYLOAD_BYTES, Problem, RUNTIME_EVENT_TYPE};
pub use identity::{AppIdentity, Field, IdentityError, Repeated, SYSTEM_READY};

use crate::{
    attestation::measurement::{MEASUREMENT_LEN, Measurement, Register, Registers},
    schema::{JsonError, parse_json},
};

/// Most entries of one log. Real ones have about 30.
pub const MAX_ENTRIES: usize = 10_000;

/// A well-formed log whose run-time events carry the digests they must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLog {
    events: Vec<Event>,
}

/// Why bytes are not an acceptable event log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventLogError {
    /// Not one JSON document.
    #[error("the event log is not acceptable JSON: {0}")]
    Json(JsonError),
    /// Neither a list of events nor a document that holds one.
    #[error("no event log found: expected a list of events, or an object with `eventLog` or `event_log`")]
    NoLog,
    /// A document that holds two logs: which one was meant is anybody's guess.
    #[error("the document holds two event logs, `eventLog` and `event_log`")]
    TwoLogs,
    /// A log without a single event says nothing.
    #[error("the event log is empty")]
    Empty,
    /// Over [`MAX_ENTRIES`].
    #[error("the event log has {0} entries; at most {MAX_ENTRIES} are read")]
    TooLong(usize),
    /// One entry is at fault.
    #[error("event log entry {index}{}: {problem}", in_field(field))]
    Entry {
        /// Position in the log, from 0.
        index: usize,
        /// The field at fault, as spelled in the log; empty when the whole entry is.
        field: &'static str,
        /// What is wrong with it.
        problem: Box<Problem>,
    },
}

fn in_field(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!(", field `{field}`") }
}

impl EventLog {
    /// Reads a log: the list itself, or an object that holds it as `eventLog` (a KMS attest response) or `event_log`
    /// (dstack's quote report and TCB info), as a list or as a string of JSON.
    ///
    /// # Errors
    /// The bytes are not JSON, hold no log or two, hold too much, or an entry is malformed or has a digest that is not
    /// the digest of its name and payload.
    pub fn parse(bytes: &[u8]) -> Result<Self, EventLogError> {
        Self::from_json(&parse_json(bytes).map_err(EventLogError::Json)?)
    }

    /// Reads a log from a document already parsed. See [`EventLog::parse`].
    ///
    /// # Errors
    /// As [`EventLog::parse`].
    pub fn from_json(document: &Value) -> Result<Self, EventLogError> {
        let log = match document.as_object() {
            None => document,
            Some(fields) => match (fields.get("eventLog"), fields.get("event_log")) {
                (Some(_), Some(_)) => return Err(EventLogError::TwoLogs),
                (Some(log), None) | (None, Some(log)) => log,
                (None, None) => return Err(EventLogError::NoLog),
            },
        };
        if let Some(entries) = log.as_array() {
            return Self::from_entries(entries);
        }
        let text = log.as_str().ok_or(EventLogError::NoLog)?;
        let inner = parse_json(text.as_bytes()).map_err(EventLogError::Json)?;
        inner.as_array().ok_or(EventLogError::NoLog).and_then(|entries| Self::from_entries(entries))
    }

    /// Reads a log from entries that did not come as JSON.
    ///
    /// # Errors
    /// There are none or too many, or one is malformed or has a digest that is not the digest of its name and payload.
    pub fn from_parts(entries: &[Entry]) -> Result<Self, EventLogError> {
        Self::checked(entries, Event::from_entry)
    }

    fn from_entries(entries: &[Value]) -> Result<Self, EventLogError> {
        Self::checked(entries, Event::from_json)
    }

    fn checked<T>(
        entries: &[T],
        read: impl Fn(&T) -> Result<Event, (&'static str, Problem)>,
    ) -> Result<Self, EventLogError> {
        if entries.is_empty() {
            return Err(EventLogError::Empty);
        }
        if entries.len() > MAX_ENTRIES {
            return Err(EventLogError::TooLong(entries.len()));
        }
        let read = |(index, entry)| {
            read(entry).map_err(|(field, problem)| {
                let problem = Box::new(problem);
                EventLogError::Entry { index, field, problem }
            })
        };
        Ok(Self { events: entries.iter().enumerate().map(read).collect::<Result<_, _>>()? })
    }

    /// Every event, in log order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The registers that this log leads to: from 48 zero bytes, each event makes
    /// `register = SHA-384(register ‖ digest)`. Zeros where no event extends a register; `None` for MRTD, which is set
    /// at build time and which no event extends.
    pub fn replay(&self) -> Registers<Option<Measurement>> {
        let start = [0; MEASUREMENT_LEN];
        let mut values = Registers::from_fn(|_| start);
        for event in &self.events {
            let value = values.get_mut(event.register());
            *value = entry::sha384(&[value.as_slice(), event.digest().as_bytes()]);
        }
        Registers::from_fn(|register| match register {
            Register::Mrtd => None,
            Register::Rtmr0 | Register::Rtmr1 | Register::Rtmr2 | Register::Rtmr3 => {
                Some(Measurement::from_bytes(*values.get(register)))
            }
        })
    }

    /// What the system measured about the application before it handed over to it. See [`AppIdentity`].
    ///
    /// # Errors
    /// The log leaves room for more than one reading of who the application is.
    pub fn identity(&self) -> Result<AppIdentity, IdentityError> {
        AppIdentity::of(&self.events)
    }
}

impl fmt::Display for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |register| self.events.iter().filter(|e| e.register() == register).count();
        write!(f, "{} events (", self.events.len())?;
        for (n, register) in Register::ALL.into_iter().filter(|r| *r != Register::Mrtd).enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{register}: {}", of(register))?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests;
