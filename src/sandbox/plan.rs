//! What a world is to hold: which releases, and what is wrong with them and with the services.

use super::{
    assembly::{self, Signers},
    catalog,
    documents::GENERATED_AT,
    e2e, gcp,
    release::{Sample, ServedRelease},
    sigstore::{Attester, Instance},
    tamper::Tamper,
};
use crate::{
    error::{Error, Result},
    subject::tag::{Family, Tag},
};

/// What to build.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Keys, log and releases are derived from it.
    pub seed: u64,
    /// How to spoil releases.
    pub tampers: Vec<Tamper>,
    /// Releases to spoil; empty means every one that can be.
    pub targets: Vec<Tag>,
    /// What is wrong with Google Cloud.
    pub gcp: Option<gcp::Flaw>,
    /// Releases to build instead of the samples, newest first. The catalog lists every version that both families have.
    pub instead: Vec<Ordered>,
}

/// A release that a plan asks for.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// What it is.
    pub sample: Sample,
    /// How to spoil it, and no other.
    pub tampers: Vec<Tamper>,
    /// Bytes of zeros that its archive of binaries holds instead of a sample's.
    pub archive: Option<usize>,
}

impl Plan {
    /// Refuses a tamper that can touch none of the targets: a rehearsal that spoils nothing would read as a pass. One that
    /// spoils a service is judged where the command is known.
    ///
    /// # Errors
    /// Usage, naming the kind and why each target is out of its reach.
    pub fn check(&self) -> Result<()> {
        for Ordered { sample, tampers, .. } in &self.instead {
            if let Some(why) = tampers.iter().find_map(|tamper| tamper.objection(sample)) {
                return Err(Error::usage(format!("{} cannot be spoiled so: {why}", sample.tag)));
            }
        }
        let samples = Sample::all()?;
        if let Some(unknown) = self
            .targets
            .iter()
            .find(|tag| self.tampers.iter().any(|t| t.service().is_none()) && !samples.iter().any(|s| s.tag == **tag))
        {
            return Err(Error::usage(format!("the sandbox holds no release {unknown} to tamper with")));
        }
        for tamper in self.tampers.iter().filter(|tamper| tamper.service().is_none()) {
            let objections: Vec<String> = samples
                .iter()
                .filter(|s| self.aims_at(s))
                .map(|s| tamper.objection(s).map(|why| format!("{}: {why}", s.tag)))
                .collect::<Option<_>>()
                .unwrap_or_default();
            if !objections.is_empty() {
                return Err(Error::usage(format!("--tamper {} cannot touch {}", tamper.name(), objections.join("; "))));
            }
        }
        Ok(())
    }

    fn aims_at(&self, sample: &Sample) -> bool {
        self.targets.is_empty() || self.targets.contains(&sample.tag)
    }

    /// The tampers that touch a sample.
    fn tampers_of(&self, sample: &Sample) -> Vec<Tamper> {
        if !self.aims_at(sample) {
            return Vec::new();
        }
        let touches = |tamper: &Tamper| tamper.objection(sample).is_none() || tamper.of_end_to_end().is_some();
        self.tampers.iter().copied().filter(touches).collect()
    }

    /// What is wrong with Google Cloud.
    pub(super) fn of_google(&self) -> Option<gcp::Flaw> {
        self.gcp.or_else(|| self.tampers.iter().find_map(|tamper| tamper.of_google()))
    }

    /// What an end-to-end run finds wrong.
    pub(super) fn of_end_to_end(&self) -> Option<e2e::Flaw> {
        self.tampers.iter().find_map(|tamper| tamper.of_end_to_end())
    }

    /// Builds and signs every sample.
    ///
    /// # Errors
    /// Internal, when the sandbox itself is broken.
    pub fn releases(&self, sigstore: &mut Instance, attester: &mut Attester) -> Result<Vec<ServedRelease>> {
        let mut signers = Signers { sigstore, attester, time: made_at()? };
        let signers = &mut signers;
        if !self.instead.is_empty() {
            let numbered = self.instead.iter().zip(1..);
            return numbered
                .map(|(one, number)| assembly::build(&one.sample, signers, number, &one.tampers, one.archive))
                .collect();
        }
        let samples = Sample::all()?;
        let numbered = samples.iter().zip(1..);
        numbered.map(|(one, number)| assembly::build(one, signers, number, &self.tampers_of(one), None)).collect()
    }

    /// The repository's catalog.
    pub(super) fn catalog(&self) -> serde_json::Value {
        if self.instead.is_empty() {
            return catalog::kept_with(self.of_end_to_end().and_then(e2e::Flaw::listed));
        }
        let of = |family| self.instead.iter().map(|one| &one.sample.tag).filter(move |tag| tag.family() == family);
        let paired = |kms: &&Tag| !kms.is_rc() && of(Family::Node).any(|node| node.version() == kms.version());
        let pairs = of(Family::Kms).filter(paired).map(|tag| (tag.version().to_string(), tag.version().to_string()));
        catalog::catalog(&pairs.collect::<Vec<_>>())
    }
}

/// The time everything in the sandbox was signed at. Fixed, so that the same seed gives the same bytes.
pub(super) fn made_at() -> Result<jiff::Timestamp> {
    GENERATED_AT.parse().map_err(|e| Error::internal("the sandbox's time does not parse").because(e))
}
