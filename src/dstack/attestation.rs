//! dstack's `attestation`: a quote with its event log, what it was made for and the machine's configuration, in the three
//! forms that its versions write.
//!
//! | first byte | form | written by |
//! |---|---|---|
//! | `00` | SCALE, version 0 | 0.5.6 and later |
//! | `80`–`8f`, `de`, `df` | MessagePack, version 1 | 0.6.0, where an event has a digest of version 2 |
//! | `04`, `05` | the bare quote | 0.5.5 and earlier |
//!
//! Reading proves nothing: every value is what the bytes *say*. Whether quote, log and keys belong together is judged by
//! [`super::bootstrap_info`]. Only TDX is read; an attestation of another platform is refused by its name.
//! Source of the formats: dstack's `dstack-attest` (`VersionedAttestation`) and `cc-eventlog` (`TdxEvent`, `RuntimeEvent`).

mod msgpack;
mod scale;

use std::fmt;

use crate::{
    attestation::event_log::{Entry, EventLog, EventLogError},
    text::counted,
};

/// Largest attestation read, in bytes: what dstack's own services accept as a body. Real ones have about 8,000.
pub const MAX_BYTES: usize = 10 << 20;

/// Most entries of each list of events. Real ones have about 30.
const MAX_EVENTS: usize = 10_000;

/// How an attestation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// SCALE, version 0.
    Scale,
    /// MessagePack, version 1.
    MessagePack,
    /// Nothing but a quote.
    Quote,
}

impl Form {
    /// What to call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scale => "versioned attestation 0 (SCALE)",
            Self::MessagePack => "versioned attestation 1 (MessagePack)",
            Self::Quote => "bare quote",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An attestation of a TDX machine, read and not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// How it was written.
    pub form: Form,
    /// The quote's bytes.
    pub quote: Vec<u8>,
    /// The event log of RTMR0 to RTMR3, in order. Empty beside a bare quote.
    pub events: Vec<Entry>,
    /// The events of RTMR3 once more. Empty beside a bare quote.
    pub runtime_events: Vec<RuntimeEvent>,
    /// The report data that the quote was asked for. `None` beside a bare quote.
    pub report_data: Option<[u8; 64]>,
    /// JSON of the machine's configuration, as its host gave it. Empty beside a bare quote.
    pub config: String,
}

/// An event that dstack measured into RTMR3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeEvent {
    /// Its name.
    pub name: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// The version of its digest, where that is stated.
    pub version: Option<u64>,
}

/// Why bytes are not an attestation that can be judged. Every fault within one names the field, as dstack spells it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// Not a byte.
    #[error("it is empty: the KMS was told to make no quote (`quote_enabled = false` under `[core.onboard]`)")]
    Empty,
    /// Over [`MAX_BYTES`].
    #[error("it has {0} bytes; at most {MAX_BYTES} are read")]
    TooLarge(usize),
    /// No known form begins like that.
    #[error(
        "it begins with byte {0:#04x}; expected 0x00 (SCALE), 0x80 to 0x8f, 0xde or 0xdf (MessagePack), 0x04 or 0x05 (a quote)"
    )]
    UnknownForm(u8),
    /// Of another platform than TDX.
    #[error("{form}: {field}: an attestation of {platform}; only TDX can be judged")]
    Platform {
        /// How it is written.
        form: Form,
        /// The field that says so.
        field: &'static str,
        /// The platform.
        platform: String,
    },
    /// A field is at fault.
    #[error("{form}: {field}: {problem}")]
    Field {
        /// How it is written.
        form: Form,
        /// Which field, as dstack spells it: `event_log[3].digest`.
        field: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The bytes end before the field does.
    #[error("the bytes end within it: it needs {needed} more, and {left} are left")]
    Truncated {
        /// Bytes it needs, as far as that is known.
        needed: usize,
        /// Bytes left.
        left: usize,
    },
    /// A list states more entries than the rest can hold, or than are read.
    #[error("it states {0} entries, more than the bytes behind it can hold or than the {MAX_EVENTS} that are read")]
    TooMany(u64),
    /// Not UTF-8.
    #[error("not UTF-8 text")]
    NotText,
    /// Another value or type than it must be.
    #[error("expected {expected}, got {actual}")]
    Unexpected {
        /// What must be there.
        expected: &'static str,
        /// What is.
        actual: String,
    },
    /// A map lacks it.
    #[error("it is missing")]
    Missing,
    /// A map has it twice.
    #[error("it is there twice")]
    Twice,
    /// A map has a key that no version of dstack writes.
    #[error("not a field of this attestation")]
    Unknown,
    /// Bytes follow the end.
    #[error("{} the end of the attestation", counted(*.0, "byte follows", "bytes follow"))]
    Trailing(usize),
}

impl Attestation {
    /// Reads an attestation in any form.
    ///
    /// # Errors
    /// [`AttestationError`] names the form and the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, AttestationError> {
        if bytes.len() > MAX_BYTES {
            return Err(AttestationError::TooLarge(bytes.len()));
        }
        match bytes.first() {
            None => Err(AttestationError::Empty),
            Some(0x00) => scale::decode(bytes),
            Some(0x80..=0x8f | 0xde | 0xdf) => msgpack::decode(bytes),
            Some(0x04 | 0x05) => Ok(Self::of_quote(bytes.to_vec())),
            Some(other) => Err(AttestationError::UnknownForm(*other)),
        }
    }

    /// The attestation that is nothing but a quote.
    pub fn of_quote(quote: Vec<u8>) -> Self {
        let (events, runtime_events) = (Vec::new(), Vec::new());
        Self { form: Form::Quote, quote, events, runtime_events, report_data: None, config: String::new() }
    }

    /// The bytes of this attestation in its form: what [`Self::decode`] reads as the same value. A bare quote has no place
    /// for anything but the quote; versioned forms state 64 zero bytes where there is no report data.
    pub fn encode(&self) -> Vec<u8> {
        match self.form {
            Form::Scale => scale::encode(self),
            Form::MessagePack => msgpack::encode(self),
            Form::Quote => self.quote.clone(),
        }
    }

    /// The event log. Every run-time event in it has the digest of its own name and payload.
    ///
    /// # Errors
    /// There is none, or an entry is not what it must be.
    pub fn event_log(&self) -> Result<EventLog, EventLogError> {
        EventLog::from_parts(&self.events)
    }
}

fn fault(form: Form, field: impl Into<String>, problem: Problem) -> AttestationError {
    AttestationError::Field { form, field: field.into(), problem }
}

#[cfg(test)]
mod tests;
