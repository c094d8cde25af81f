//! Ways to spoil a release, each as an attacker or a mishap would.
//!
//! A tamper works at the stage where the real thing would happen: a wrong policy is signed and listed like a right one,
//! a flipped byte comes after signing, a false digest is only stated by the API. `rows` lists them all.

mod attestation;
mod authority;
mod documents;
mod dstack;
mod policies;
mod rows;
mod served;
mod services;
mod signature;

use std::{
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    docker, e2e, gcp, ita, people, phala,
    release::{Draft, Sample, ServedRelease},
    sigstore::{Attester, Identity, Instance, Signed},
    vmm,
};
use crate::{
    digest::Sha256,
    error::{Error, Result},
    release::contract::Layout,
    subject::tag::Family,
};

/// A kind of tampering: a row of the table.
#[derive(Clone, Copy)]
pub struct Tamper(&'static Row);

/// What there is to say of one kind.
struct Row {
    /// Name on the command line.
    name: &'static str,
    /// What it does, one line.
    does: &'static str,
    /// Why a sample cannot be tampered with in this way; `None` when it can.
    spares: fn(&Sample) -> Option<&'static str>,
    /// When and how it acts.
    stage: Stage,
}

/// When a tamper acts, and how.
enum Stage {
    /// On documents and the signer, before anything is hashed or signed.
    Documents(fn(&mut Draft)),
    /// On the checksums file, before it is signed.
    Checksums(fn(&mut BTreeMap<String, Sha256>)),
    /// On the signature of the checksums file.
    Signature(fn(&mut Signing<'_>) -> Result<()>),
    /// On what GitHub attests of an immutable release, before it signs that.
    Statement(fn(&mut Value)),
    /// On its attestations.
    Attestations(fn(&mut Attesting<'_>) -> Result<()>),
    /// On what is served, after everything was signed.
    Served(fn(&Sample, &mut ServedRelease)),
    /// On a service, for as long as it runs.
    Service(Spoils),
}

/// How a service is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoils {
    /// Phala Cloud, or a machine on it.
    Phala(phala::Flaw),
    /// Google Cloud, or a node on it.
    Google(gcp::Flaw),
    /// Docker on a host, or what it starts.
    Docker(docker::Flaw),
    /// The people who decide about policies.
    People(people::Fault),
    /// What an end-to-end run tries.
    EndToEnd(e2e::Flaw),
    /// Intel Trust Authority.
    Authority(ita::Fault),
    /// A dstack host, or a KMS on it.
    Dstack(vmm::Flaw),
}

/// A service that a kind of tampering spoils instead of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The cloud that a KMS runs on.
    PhalaCloud,
    /// The cloud that a node runs on.
    GoogleCloud,
    /// The machine that a KMS runs on for good.
    Production,
    /// The program that runs a KMS by a compose file.
    Docker,
    /// Those who approve and merge policies.
    Reviewers,
    /// The releases, services and nodes of an end-to-end run.
    EndToEnd,
    /// The service that judges quotes too.
    TrustAuthority,
    /// What it says of policies that it is asked about.
    TrustAuthorityPolicies,
    /// The VMM of a dstack host.
    Vmm,
    /// The VMM where it makes a VM.
    VmmMaking,
    /// A dstack KMS that waits for its keys.
    DstackOnboarding,
    /// What a dstack KMS attests when it makes its keys.
    DstackBootstrap,
    /// A dstack KMS that serves.
    DstackKms,
}

impl Service {
    /// What it is called in a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Self::PhalaCloud => "Phala Cloud",
            Self::GoogleCloud => "Google Cloud",
            Self::Production => "production",
            Self::Docker => "Docker",
            Self::Reviewers => "the review of policies",
            Self::EndToEnd => "an end-to-end run",
            Self::TrustAuthority => "Intel Trust Authority",
            Self::TrustAuthorityPolicies => "policies of Intel Trust Authority",
            Self::Vmm => "the VMM of a dstack host",
            Self::VmmMaking => "the making of a VM",
            Self::DstackOnboarding => "a dstack KMS that waits",
            Self::DstackBootstrap => "the bootstrap of a dstack KMS",
            Self::DstackKms => "a dstack KMS that serves",
        }
    }
}

/// The signing of the checksums file.
pub(super) struct Signing<'a> {
    /// What came of it.
    pub(super) signature: &'a mut Signed,
    /// The checksums file.
    pub(super) artifact: &'a [u8],
    /// Who signed.
    pub(super) identity: &'a Identity,
    /// By whom it was certified and logged.
    pub(super) sigstore: &'a mut Instance,
    /// When.
    pub(super) time: Timestamp,
}

/// The attestation of an immutable release.
pub(super) struct Attesting<'a> {
    /// What came of it: one bundle.
    pub(super) bundles: &'a mut Vec<Value>,
    /// What is attested.
    pub(super) statement: &'a Value,
    /// By whom.
    pub(super) attester: &'a mut Attester,
    /// When.
    pub(super) time: Timestamp,
}

impl Tamper {
    /// Every kind, in the order of `--tamper list`.
    pub fn all() -> impl Iterator<Item = Self> {
        let of_releases = rows::ROWS.iter().chain(attestation::ROWS);
        of_releases.chain(services::ROWS).chain(authority::ROWS).chain(dstack::ROWS).map(Self)
    }

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it does, one line.
    pub fn description(self) -> &'static str {
        self.0.does
    }

    /// Reads a name.
    ///
    /// # Errors
    /// A usage error that lists how to see every kind.
    pub fn parse(name: &str) -> Result<Self> {
        Self::all().find(|t| t.name() == name).ok_or_else(|| {
            let shown: String = name.chars().take(60).collect();
            Error::usage(format!("`{shown}` is not a kind of tampering"))
                .help("`merotee sandbox --tamper list` shows every kind")
        })
    }

    /// Why this sample cannot be tampered with in this way; `None` when it can.
    pub fn objection(self, sample: &Sample) -> Option<&'static str> {
        (self.0.spares)(sample)
    }

    /// The service it spoils; `None` when it spoils releases.
    pub fn service(self) -> Option<Service> {
        self.spoils().map(Spoils::service)
    }

    /// What it makes of Phala Cloud.
    pub(super) fn of_phala(self) -> Option<phala::Flaw> {
        let Spoils::Phala(flaw) = self.spoils()? else { return None };
        Some(flaw)
    }

    /// Whether it is about a production on Phala Cloud, and about no other.
    pub fn is_of_phala_alone(self) -> bool {
        self.of_phala() == Some(phala::Flaw::UpdateRefused)
    }

    /// What it makes of Google Cloud.
    pub(super) fn of_google(self) -> Option<gcp::Flaw> {
        let Spoils::Google(flaw) = self.spoils()? else { return None };
        Some(flaw)
    }

    /// What it makes of Docker.
    pub(super) fn of_docker(self) -> Option<docker::Flaw> {
        let Spoils::Docker(flaw) = self.spoils()? else { return None };
        Some(flaw)
    }

    /// What it makes people do.
    pub(super) fn of_people(self) -> Option<people::Fault> {
        let Spoils::People(fault) = self.spoils()? else { return None };
        Some(fault)
    }

    /// What it makes of an end-to-end run.
    pub(super) fn of_end_to_end(self) -> Option<e2e::Flaw> {
        let Spoils::EndToEnd(flaw) = self.spoils()? else { return None };
        Some(flaw)
    }

    /// What it makes of Intel Trust Authority.
    pub fn of_authority(self) -> Option<ita::Fault> {
        let Spoils::Authority(fault) = self.spoils()? else { return None };
        Some(fault)
    }

    /// What it makes of a dstack host.
    pub(super) fn of_dstack(self) -> Option<vmm::Flaw> {
        let Spoils::Dstack(flaw) = self.spoils()? else { return None };
        Some(flaw)
    }

    fn spoils(self) -> Option<Spoils> {
        match self.0.stage {
            Stage::Service(spoils) => Some(spoils),
            Stage::Documents(_)
            | Stage::Checksums(_)
            | Stage::Signature(_)
            | Stage::Statement(_)
            | Stage::Attestations(_)
            | Stage::Served(_) => None,
        }
    }

    /// Changes documents and the signer before anything is hashed or signed.
    pub(super) fn change_documents(self, draft: &mut Draft) {
        if let Stage::Documents(change) = self.0.stage {
            change(draft);
        }
        if let Some(flaw) = self.of_end_to_end() {
            flaw.change_documents(draft);
        }
    }

    /// Changes the checksums file before it is signed.
    pub(super) fn change_checksums(self, checksums: &mut BTreeMap<String, Sha256>) {
        if let Stage::Checksums(change) = self.0.stage {
            change(checksums);
        }
    }

    /// Changes the signature of the checksums file.
    ///
    /// # Errors
    /// Internal, when the sandbox itself is broken.
    pub(super) fn change_signature(self, signing: &mut Signing<'_>) -> Result<()> {
        if let Stage::Signature(change) = self.0.stage { change(signing) } else { Ok(()) }
    }

    /// Changes what GitHub attests, before it signs that.
    pub(super) fn change_statement(self, statement: &mut Value) {
        if let Stage::Statement(change) = self.0.stage {
            change(statement);
        }
    }

    /// Changes the attestations of a release.
    ///
    /// # Errors
    /// Internal, when the sandbox itself is broken.
    pub(super) fn change_attestations(self, attesting: &mut Attesting<'_>) -> Result<()> {
        if let Stage::Attestations(change) = self.0.stage { change(attesting) } else { Ok(()) }
    }

    /// Changes what is served, after everything was signed.
    pub(super) fn change_release(self, sample: &Sample, release: &mut ServedRelease) {
        if let Stage::Served(change) = self.0.stage {
            change(sample, release);
        }
    }
}

impl PartialEq for Tamper {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Tamper {}

impl Hash for Tamper {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl fmt::Debug for Tamper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tamper({})", self.0.name)
    }
}

/// The asset most tampers pick: the SBOM, which every sample has.
fn target(sample: &Sample) -> &'static str {
    match (sample.layout, sample.tag.family()) {
        (Layout::Pipeline | Layout::Runbook, _) => "sbom.spdx.json",
        (Layout::Upstream, Family::Kms) => "kms-phala-container-sbom.spdx.json",
        (Layout::Upstream, Family::Node) => "node-image-gcp-release-sbom.spdx.json",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_that_reads_back_and_a_description() {
        for tamper in Tamper::all() {
            assert_eq!(Tamper::parse(tamper.name()).ok(), Some(tamper));
            assert!(!tamper.description().is_empty(), "{}", tamper.name());
        }
        let names: BTreeSet<_> = Tamper::all().map(Tamper::name).collect();
        assert_eq!(names.len(), Tamper::all().count());
    }

    #[test]
    fn every_kind_can_touch_at_least_one_sample_or_spoils_a_service() {
        let samples = Sample::all().unwrap_or_default();
        for tamper in Tamper::all().filter(|tamper| tamper.service().is_none()) {
            assert!(samples.iter().any(|s| tamper.objection(s).is_none()), "{}", tamper.name());
        }
    }
}
