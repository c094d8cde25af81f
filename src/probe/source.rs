//! Where candidates come from: which image was probed on which machine, over which nonce, and what was found of it. It is
//! the `source` of `measurement-policy-candidates.json`, and what a reviewer goes back to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{image::Image, label::Label};
use crate::{
    subject::{
        profile::Profile,
        tag::{Family, Tag},
    },
    text::excerpt,
};

/// Most probes in one document.
pub const MAX_PROBES: usize = 100;

/// One probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What was probed.
    pub family: Family,
    /// The profile that it was probed as.
    pub profile: Profile,
    /// The label of the probe.
    pub label: Label,
    /// The image of the container, or of the disk, as it is named for good; `None` of a machine that was running already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The release that the image is of, where it was probed by its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// What it says its version is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The machine: kind, place, ids of images. What registers depend on in addition to the image.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub machine: BTreeMap<String, String>,
    /// The challenge that the quote answers, in hex.
    pub nonce: String,
    /// SHA-256 of the quote's bytes, in hex.
    pub quote_sha256: String,
    /// SHA-256 of the measured `app-compose.json`, in hex; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compose_hash: Option<String>,
    /// Hash of the docker-compose file in the form that releases publish; `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_compose_hash: Option<String>,
    /// What the event log says the machine is, by event and in hex: why RTMR3 differs from that of another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, String>,
    /// Page of the workflow's run that made the probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
    /// Who judged the quote: `dcap`, `ita`.
    pub judged_by: Vec<String>,
    /// What came of it: [`PASSED`], or the document would not be there.
    pub verdict: String,
}

/// The word for a probe that found nothing wrong.
pub const PASSED: &str = "passed";

/// Several probes of one image and profile, as one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Combined {
    /// What was probed.
    pub family: Family,
    /// The profile.
    pub profile: Profile,
    /// The image that all of them were of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// [`PASSED`]: each of them did.
    pub verdict: String,
    /// Registers that were not the same in all probes, as documents name them: `rtmr3`.
    pub unstable: Vec<String>,
    /// The probes, in the order of their labels.
    pub probes: Vec<Source>,
}

impl Source {
    /// The image of a KMS, pinned.
    pub fn pinned(&self) -> Option<Image> {
        self.image.as_deref()?.parse().ok()
    }

    /// The release it is of.
    pub fn tag(&self) -> Option<Tag> {
        self.release.as_deref()?.parse().ok()
    }
}

/// The probes that a candidates document is made from: one, or several that were combined.
///
/// # Errors
/// The document does not say, or not in this form: the reason, which names the field.
pub fn sources(document: &Value) -> Result<Vec<Source>, String> {
    let source = document.get("source").ok_or("it has no `source`: it was not made by `probe run`")?;
    let unreadable = |place: &str, error: serde_json::Error| format!("{place}: {}", excerpt(&error.to_string()));
    let Some(probes) = source.get("probes") else {
        return Source::deserialize(source).map(|one| vec![one]).map_err(|error| unreadable("source", error));
    };
    let probes = probes.as_array().ok_or("source.probes: not a list")?;
    if probes.is_empty() || probes.len() > MAX_PROBES {
        return Err(format!("source.probes: expected 1 to {MAX_PROBES} probes, found {}", probes.len()));
    }
    let read = |(index, probe): (usize, &Value)| {
        Source::deserialize(probe).map_err(|error| unreadable(&format!("source.probes[{index}]"), error))
    };
    probes.iter().enumerate().map(read).collect()
}
