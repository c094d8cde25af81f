//! `published-mrtds.json`, made from what probes of all profiles measured.
//!
//! Both forms of every register are written: the value measured, and the list of values a machine may have. The
//! document is judged by the rules for published measurements before anybody may write it.

use jiff::Timestamp;
use semver::Version;
use serde::Serialize;

use crate::{
    attestation::measurement::{Measurement, Register, TcbStatus},
    policy::{
        candidates::Proposal,
        isolation::PROFILE_ISOLATION,
        mrtds::{self, MRTDS, PublishedMrtds},
    },
    report::{CheckInfo, Finding},
    schema::{Document, SCHEMA, conforms, pretty},
    subject::{profile::Profile, tag::Family},
};

/// The document's name.
pub const NAME: &str = "published-mrtds.json";

/// The rules of assembly, on top of those of candidates.
pub const RULES: [CheckInfo; 3] = [SCHEMA, MRTDS, PROFILE_ISOLATION];

/// What the document says apart from its measurements.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The machines that were probed.
    pub family: Family,
    /// Version of the release.
    pub version: Version,
    /// When the document is made, or what stands for it.
    pub generated_at: Timestamp,
    /// Image family that was probed.
    pub image_family: Option<String>,
}

/// The document's bytes: indented JSON with a final line end. Profiles not probed are left out, for [`judge`] to
/// refuse.
///
/// # Errors
/// Only a defect of the JSON writer.
pub fn assemble(origin: &Origin, proposals: &[Proposal]) -> serde_json::Result<Vec<u8>> {
    let of = |profile: Profile| proposals.iter().find(|p| p.profile == profile).map(Entry::of);
    pretty(&Assembled {
        schema_version: 1,
        role: origin.family.role(),
        tag: origin.version.to_string(),
        generated_at: origin.generated_at.to_string(),
        image_family: origin.image_family.as_deref(),
        profiles: Profiles {
            debug: of(Profile::Debug),
            debug_read_only: of(Profile::DebugReadOnly),
            locked_read_only: of(Profile::LockedReadOnly),
        },
    })
}

/// Reads the document back and holds it to every rule for published measurements.
pub fn judge(bytes: &[u8], origin: &Origin) -> Vec<Finding> {
    match PublishedMrtds::parse(NAME, bytes) {
        Err(finding) => vec![*finding],
        Ok(published) => {
            let mut findings = conforms(NAME, Document::PublishedMrtds, &published.document);
            findings.extend(mrtds::published(&published, origin.family, &origin.version));
            findings.extend(mrtds::isolated(&published));
            findings
        }
    }
}

#[derive(Serialize)]
struct Assembled<'a> {
    schema_version: u8,
    role: &'static str,
    tag: String,
    generated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_family: Option<&'a str>,
    profiles: Profiles,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Profiles {
    #[serde(skip_serializing_if = "Option::is_none")]
    debug: Option<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    debug_read_only: Option<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_read_only: Option<Entry>,
}

#[derive(Serialize)]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    mrtd: Option<Measurement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtmr0: Option<Measurement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtmr1: Option<Measurement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtmr2: Option<Measurement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtmr3: Option<Measurement>,
    allowed_tcb_statuses: Vec<&'static str>,
    allowed_mrtd: Vec<Measurement>,
    allowed_rtmr0: Vec<Measurement>,
    allowed_rtmr1: Vec<Measurement>,
    allowed_rtmr2: Vec<Measurement>,
    allowed_rtmr3: Vec<Measurement>,
}

impl Entry {
    fn of(proposal: &Proposal) -> Self {
        let list = |register| proposal.allowed.register(register).to_vec();
        // Where probes differ, one value has to stand for all: the first of the sorted list, whatever the order of probes.
        let one = |register| proposal.allowed.register(register).first().copied();
        Self {
            mrtd: one(Register::Mrtd),
            rtmr0: one(Register::Rtmr0),
            rtmr1: one(Register::Rtmr1),
            rtmr2: one(Register::Rtmr2),
            rtmr3: one(Register::Rtmr3),
            allowed_tcb_statuses: proposal.allowed.tcb().iter().map(|s: &TcbStatus| s.as_str()).collect(),
            allowed_mrtd: list(Register::Mrtd),
            allowed_rtmr0: list(Register::Rtmr0),
            allowed_rtmr1: list(Register::Rtmr1),
            allowed_rtmr2: list(Register::Rtmr2),
            allowed_rtmr3: list(Register::Rtmr3),
        }
    }
}
