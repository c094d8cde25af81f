//! The files that a probe leaves, as bytes: the same bytes for the same probe, whatever the time of day, but for the one
//! field that says when it was.

use serde::Serialize;

use super::source::{Combined, Source};
use crate::{
    attestation::measurement::{Allowed, Measurement, Register, TcbStatus},
    digest::Sha256,
    subject::profile::Profile,
};

/// The candidates.
pub const CANDIDATES: &str = "measurement-policy-candidates.json";
/// The measured compose hash.
pub const COMPOSE_HASH: &str = "compose-hash.txt";
/// The quote as it came.
pub const QUOTE: &str = "attestation-quote.bin";
/// The quote as `quote inspect --format json` shows it.
pub const QUOTE_JSON: &str = "attestation-quote.json";
/// The report, as Markdown.
pub const REPORT: &str = "probe-report.md";
/// All of them.
pub const NAMES: [&str; 5] = [CANDIDATES, COMPOSE_HASH, QUOTE, QUOTE_JSON, REPORT];

/// What `compose-hash.txt` holds of a machine that is made from a disk image.
pub const NO_COMPOSE: &str = "none: the machine is made from a disk image and has no compose file\n";

/// What candidates are made from.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum From<'a> {
    /// One probe.
    One(&'a Source),
    /// Several.
    Several(&'a Combined),
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    generated_at: &'a str,
    measurement_source: &'static str,
    source: From<'a>,
    profile: Profile,
    policy: Lists<'a>,
}

#[derive(Serialize)]
struct Lists<'a> {
    allowed_tcb_statuses: Vec<&'static str>,
    allowed_mrtd: &'a [Measurement],
    allowed_rtmr0: &'a [Measurement],
    allowed_rtmr1: &'a [Measurement],
    allowed_rtmr2: &'a [Measurement],
    allowed_rtmr3: &'a [Measurement],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_event_payload: Vec<String>,
}

impl From<'_> {
    fn profile(self) -> Profile {
        match self {
            Self::One(source) => source.profile,
            Self::Several(combined) => combined.profile,
        }
    }
}

/// [`CANDIDATES`]: lists are written in the order they are given in.
///
/// # Errors
/// They cannot be written as JSON.
pub fn candidates(
    from: From<'_>,
    generated_at: &str,
    allowed: &Allowed,
    compose_hashes: &[Sha256],
) -> Result<Vec<u8>, serde_json::Error> {
    let lists = Lists {
        allowed_tcb_statuses: allowed.tcb().iter().copied().map(TcbStatus::as_str).collect(),
        allowed_mrtd: allowed.register(Register::Mrtd),
        allowed_rtmr0: allowed.register(Register::Rtmr0),
        allowed_rtmr1: allowed.register(Register::Rtmr1),
        allowed_rtmr2: allowed.register(Register::Rtmr2),
        allowed_rtmr3: allowed.register(Register::Rtmr3),
        allowed_event_payload: compose_hashes.iter().map(Sha256::to_string).collect(),
    };
    let document = Document {
        schema_version: 1,
        generated_at,
        measurement_source: "td_quote",
        source: from,
        profile: from.profile(),
        policy: lists,
    };
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// [`COMPOSE_HASH`], in the form that releases publish.
pub fn compose_hash(measured: Option<Sha256>) -> Vec<u8> {
    measured.map_or_else(|| NO_COMPOSE.to_owned(), |hash| format!("sha256:{hash}\n")).into_bytes()
}
