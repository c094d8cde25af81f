//! What a command line says of endpoints and bounds, whichever command it is.

use std::path::{Path, PathBuf};

use url::Url;

use super::{
    Command, GitHubArgs, LogArgs, NetworkArgs, ReleasesArgs, RepositoryArgs, SigningArgs, SigstoreArgs, TrustArgs,
    attestation::GitHubRootArgs,
    catalog::{CatalogCheckArgs, CatalogCommand, CatalogShowArgs},
    gcp::GcpArgs,
    ita::ItaServiceArgs,
    kms::KmsCommand,
    phala::PhalaArgs,
    policy::{MrtdsCommand, PolicyCommand},
    probe::{ProbeCommand, QuoteArgs},
    quote::{JudgementArgs, QuoteCommand, QuotesArgs},
    release_notes::ReleaseNotesCommand,
    rollout::{MachineArgs, RolloutCommand, RolloutForwardArgs, RolloutWorkArgs},
};
use crate::subject::{gcp::Project, vmm::VmmAddress};

/// What a command line says of endpoints: each `None` is left open, also where the command has no such option.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// Repository, as it was written.
    pub repo: Option<&'a str>,
    /// GitHub's API.
    pub api_url: Option<&'a Url>,
    /// GitHub's web address.
    pub server_url: Option<&'a Url>,
    /// Sigstore's trusted root.
    pub trusted_root: Option<&'a Path>,
    /// GitHub's own root, for its attestations.
    pub github_root: Option<&'a Path>,
    /// The transparency log.
    pub rekor_url: Option<&'a Url>,
    /// Services that sign.
    pub signing_config: Option<&'a Path>,
    /// Service that collateral comes from.
    pub pccs_url: Option<&'a Url>,
    /// Root certificate of quotes.
    pub tdx_root: Option<&'a Path>,
    /// Intel Trust Authority's API.
    pub ita_api_url: Option<&'a Url>,
    /// Its portal.
    pub ita_portal_url: Option<&'a Url>,
    /// Root certificate of its keys.
    pub ita_root: Option<&'a Path>,
    /// Project in Google Cloud.
    pub project: Option<&'a Project>,
    /// API of Compute Engine.
    pub compute_url: Option<&'a Url>,
    /// Phala Cloud's API.
    pub phala_url: Option<&'a Url>,
    /// Program that runs containers.
    pub docker: Option<&'a Path>,
    /// The VMM of a dstack host.
    pub vmm: Option<&'a VmmAddress>,
    /// A dstack KMS.
    pub dstack_kms_url: Option<&'a Url>,
    /// How many retries.
    pub retries: Option<u8>,
    /// Seconds of silence.
    pub timeout: Option<u16>,
}

impl<'a> Given<'a> {
    fn repository(self, args: &'a RepositoryArgs) -> Self {
        Self { repo: args.repo.as_deref(), server_url: args.server_url.as_ref(), ..self }
    }

    fn github(self, args: &'a GitHubArgs) -> Self {
        Self { api_url: args.api_url.as_ref(), ..self.repository(&args.repository) }
    }

    fn sigstore(self, args: &'a SigstoreArgs) -> Self {
        self.trust(&args.trust).log(&args.log)
    }

    fn log(self, args: &'a LogArgs) -> Self {
        Self { rekor_url: args.rekor_url.as_ref(), ..self }
    }

    fn trust(self, args: &'a TrustArgs) -> Self {
        Self { trusted_root: args.trusted_root.as_deref(), ..self }
    }

    fn attester(self, args: &'a GitHubRootArgs) -> Self {
        Self { github_root: args.github_root.as_deref(), ..self }
    }

    fn signing(self, args: &'a SigningArgs) -> Self {
        Self { signing_config: args.signing_config.as_deref(), ..self }
    }

    /// Takes what is said of waiting.
    #[must_use]
    pub(super) fn network(self, args: &'a NetworkArgs) -> Self {
        Self { retries: args.retries, timeout: args.timeout, ..self }
    }

    fn releases(self, args: &'a ReleasesArgs) -> Self {
        self.github(&args.github).sigstore(&args.sigstore).network(&args.network)
    }

    /// Takes what is said of Google Cloud.
    #[must_use]
    pub fn gcp(self, args: &'a GcpArgs) -> Self {
        Self { project: args.project.as_ref(), compute_url: args.compute_url.as_ref(), ..self }
    }

    /// Takes what is said of Phala Cloud.
    #[must_use]
    pub fn phala(self, args: &'a PhalaArgs) -> Self {
        Self { phala_url: args.phala_api_url.as_ref(), ..self }
    }

    /// Takes what is said of those who judge quotes.
    #[must_use]
    pub fn judgement(self, args: &'a JudgementArgs) -> Self {
        self.quotes(&args.quotes).ita(&args.ita.service)
    }

    /// Takes what is said of the VMM.
    #[must_use]
    pub(super) fn vmm(self, vmm: Option<&'a VmmAddress>) -> Self {
        Self { vmm, ..self }
    }

    /// Takes what is said of a dstack KMS.
    #[must_use]
    pub(super) fn dstack_kms(self, dstack_kms_url: Option<&'a Url>) -> Self {
        Self { dstack_kms_url, ..self }
    }

    pub(super) fn quotes(self, args: &'a QuotesArgs) -> Self {
        self.tdx(args.pccs.pccs.as_ref(), args.root.as_ref())
    }

    fn probe(self, args: &'a QuoteArgs) -> Self {
        self.quotes(&args.quotes).ita(&args.ita.service)
    }

    fn rollout(self, args: &'a RolloutWorkArgs) -> Self {
        self.github(&args.github)
            .trust(&args.trust)
            .network(&args.network)
            .quotes(&args.quotes)
            .machines(&args.machines)
    }

    fn forward(self, args: &'a RolloutForwardArgs) -> Self {
        self.signing(&args.signing).log(&args.log).ita(&args.ita.service)
    }

    fn machines(self, args: &'a MachineArgs) -> Self {
        Self { docker: args.docker.as_deref(), ..self.phala(&args.phala) }
    }

    fn ita(self, args: &'a ItaServiceArgs) -> Self {
        Self {
            ita_api_url: args.ita_api_url.as_ref(),
            ita_portal_url: args.ita_portal_url.as_ref(),
            ita_root: args.ita_root.as_deref(),
            ..self
        }
    }

    /// Takes what is said of collateral and of the root of quotes.
    #[must_use]
    pub(super) fn tdx(self, pccs_url: Option<&'a Url>, tdx_root: Option<&'a PathBuf>) -> Self {
        Self { pccs_url, tdx_root: tdx_root.map(PathBuf::as_path), ..self }
    }
}

impl Command {
    /// What was said of endpoints, from the groups that the command has. A group that is missing here has no effect.
    pub fn given(&self) -> Given<'_> {
        let given = Given::default();
        match self {
            Self::VerifyReleaseAssets(args) => given.releases(&args.releases).attester(&args.github_root),
            Self::Audit(args) => given.releases(&args.releases).attester(&args.github_root),
            Self::VerifyAttestation(args) => {
                Given { api_url: args.api_url.as_ref(), ..given.attester(&args.root).network(&args.network) }
            }
            Self::Publish(args) => given.releases(&args.releases),
            Self::VerifyBlob(args) => given.sigstore(&args.sigstore).network(&args.network),
            Self::Quote(QuoteCommand::Verify(args)) => given.judgement(&args.by).network(&args.network),
            Self::Policy(PolicyCommand::Review(args)) => {
                given.github(&args.github).trust(&args.evidence.trust).network(&args.network)
            }
            Self::GenPolicy(args) => given.repository(&args.repository),
            Self::VersionSync(args) => given.github(&args.github).network(&args.network),
            Self::Catalog(CatalogCommand::Show(CatalogShowArgs { source }))
            | Self::Catalog(CatalogCommand::Check(CatalogCheckArgs { source, .. })) => {
                given.github(&source.github).network(&source.network)
            }
            Self::Catalog(CatalogCommand::Add(args)) => {
                given.github(&args.github).network(&args.network).trust(&args.trust)
            }
            Self::Catalog(CatalogCommand::Rebuild(args)) => given.releases(&args.releases),
            Self::Doctor(args) => given.github(&args.github).sigstore(&args.sigstore),
            Self::ReleaseNotes(ReleaseNotesCommand::Generate(args)) => given.releases(&args.releases),
            Self::ReleaseNotes(ReleaseNotesCommand::Check(args)) => given.github(&args.github).network(&args.network),
            Self::DependencyGuard(args) => given.releases(&args.releases),
            Self::Kms(KmsCommand::Serve(args)) => {
                given.releases(&args.releases).tdx(args.evidence.pccs.pccs.as_ref(), args.evidence.tdx_root.as_ref())
            }
            Self::Kms(KmsCommand::Health(args)) => given.network(&args.kms.network),
            Self::Kms(KmsCommand::Attest(args)) => given.network(&args.kms.network).judgement(&args.by),
            Self::Kms(KmsCommand::GetKey(args)) => given.network(&args.kms.network).judgement(&args.by),
            Self::Mrtds(MrtdsCommand::Publish(args)) => given.releases(&args.releases).signing(&args.signing),
            Self::Policy(PolicyCommand::Promote(args)) => given.releases(&args.releases),
            Self::Probe(ProbeCommand::Run(args)) => given
                .releases(&args.releases)
                .signing(&args.sign.signing)
                .probe(&args.by)
                .phala(&args.phala)
                .gcp(&args.gcp),
            Self::Probe(ProbeCommand::Combine(args)) => {
                given.signing(&args.sign.signing).trust(&args.trust).network(&args.network)
            }
            Self::Probe(ProbeCommand::Cleanup(args)) => given.phala(&args.phala).gcp(&args.gcp).network(&args.network),
            Self::Rollout(RolloutCommand::Plan(args)) => {
                given.repository(&args.repository).signing(&args.signing).machines(&args.machines)
            }
            Self::Rollout(RolloutCommand::Run(args)) => given.rollout(&args.work).forward(&args.forward),
            Self::Rollout(RolloutCommand::Resume(args)) => given.rollout(&args.work).forward(&args.forward),
            Self::Rollout(RolloutCommand::Rollback(args) | RolloutCommand::Abort(args)) => given.rollout(args),
            Self::E2e(args) => {
                given.releases(&args.releases).quotes(&args.quotes).phala(&args.clouds.phala).gcp(&args.clouds.gcp)
            }
            Self::Dstack(command) => command.given(given),
            Self::Sign(args) => {
                given.repository(&args.repository).trust(&args.trust).signing(&args.signing).network(&args.network)
            }
            Self::Quote(QuoteCommand::Inspect { .. })
            | Self::Checksums(_)
            | Self::ComposeHash(_)
            | Self::ForbidAllowedEnv(_)
            | Self::Policy(PolicyCommand::Validate(_) | PolicyCommand::Diff(_))
            | Self::Mrtds(_)
            | Self::Rollout(RolloutCommand::Status(_))
            | Self::MerodConfig(_)
            | Self::Explain { .. }
            | Self::DocGuard(_)
            | Self::Completions { .. }
            | Self::Man { .. } => given,
            // The command inside is asked for itself.
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => given,
        }
    }
}
