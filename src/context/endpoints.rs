//! Where a command finds what its arguments do not name: servers, roots, keys and sockets. One set is the real world's; a
//! sandbox has its own.

mod dstack;
mod gcp;
mod ita;
mod rollout;
mod running;

use std::{net::SocketAddr, path::PathBuf};

use secrecy::SecretString;
use url::Url;

#[cfg(feature = "sandbox")]
pub(crate) use self::gcp::Offered;
pub(crate) use self::{
    dstack::DstackEndpoints, gcp::GcpEndpoints, ita::ItaEndpoints, rollout::RolloutEndpoints, running::RunningEndpoints,
};
use crate::{
    adapters::sigstore::IdentitySource,
    cli::{Given, GoogleEnvironment, PhalaEnvironment},
    error::{Error, Result},
    subject::{repository::Repository, tag::Tag},
};

/// `--server-url` when nothing is said.
pub(crate) const DEFAULT_SERVER: &str = "https://github.com/";

/// Phala Cloud's API when nothing is said.
const PHALA: &str = "https://cloud-api.phala.com/api/v1";

/// Where everything is. `None` means that nothing stands in for what the arguments leave open.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    /// Repository of the releases; `None`: the origin remote's, or the product's own.
    pub(crate) repository: Option<Repository>,
    /// GitHub's REST API.
    pub(crate) api_url: Url,
    /// GitHub's web address, which certificates name.
    pub(crate) server_url: Url,
    /// Token for GitHub's API.
    pub(crate) token: Option<SecretString>,
    /// Token for what GitHub's API knows of teams; `None`: the other one.
    pub(crate) team_token: Option<SecretString>,
    /// `trusted_root.json` that signatures are judged by; `None`: the one built in.
    pub(crate) trusted_root: Option<PathBuf>,
    /// Root that GitHub's attestations are judged by; `None`: GitHub's own, built in.
    pub(crate) github_root: Option<PathBuf>,
    /// The transparency log.
    pub(crate) rekor_url: Url,
    /// Service that collateral comes from.
    pub(crate) pccs_url: Url,
    /// Root certificate of quotes; `None`: Intel's.
    pub(crate) tdx_root: Option<PathBuf>,
    /// What signs, and as whom.
    pub(crate) signing: SigningEndpoints,
    /// The KMS, and what it runs on.
    pub(crate) kms: KmsEndpoints,
    /// Google Cloud.
    pub(crate) gcp: GcpEndpoints,
    /// Phala Cloud.
    pub(crate) phala: PhalaEndpoints,
    /// Intel Trust Authority.
    pub(crate) ita: ItaEndpoints,
    /// Where a rollout goes.
    pub(crate) rollout: RolloutEndpoints,
    /// A dstack host.
    pub(crate) dstack: DstackEndpoints,
    /// Services and nodes that run.
    pub(crate) running: RunningEndpoints,
}

/// The cloud that a KMS runs on.
#[derive(Debug, Clone)]
pub(crate) struct PhalaEndpoints {
    /// Its API. It is a text until somebody asks it: a variable that is wrong is of no interest to other commands.
    pub(crate) url: String,
    /// The key of an account; `None`: nothing can be asked of it.
    pub(crate) key: Option<SecretString>,
}

impl PhalaEndpoints {
    /// The service itself, as far as the environment says nothing else.
    pub(crate) fn real(given: PhalaEnvironment) -> Self {
        Self { url: given.url.unwrap_or_else(|| PHALA.to_owned()), key: given.key }
    }
}

/// Services that sign, and whom they sign for.
#[derive(Debug, Clone, Default)]
pub(crate) struct SigningEndpoints {
    /// `signing_config.v0.2.json`; `None`: Sigstore's public instance.
    pub(crate) config: Option<PathBuf>,
    /// Where identity tokens come from; `None`: there are none.
    pub(crate) identity: Option<IdentitySource>,
    /// Password of an encrypted key.
    pub(crate) password: Option<SecretString>,
    /// A private key, PEM, for commands that take one from the environment.
    pub(crate) key: Option<SecretString>,
}

/// A KMS from without and from within.
#[derive(Debug, Clone)]
pub(crate) struct KmsEndpoints {
    /// Its address.
    pub(crate) url: Url,
    /// Policy that says which machines are the KMS.
    pub(crate) policy: Option<PathBuf>,
    /// Release that is probed where none is named; `None`: one must be.
    pub(crate) release: Option<Tag>,
    /// Where a service listens; `None`: the service's own default.
    pub(crate) listen: Option<SocketAddr>,
    /// Socket of the guest agent of a service's machine; `None`: the service's own default.
    pub(crate) agent: Option<PathBuf>,
    /// Whether a service is not for production, whatever its profile.
    pub(crate) rehearsal: bool,
    /// Secret key of the node that asks; `None`: one is made for the run.
    pub(crate) node_key: Option<PathBuf>,
    /// Socket of the guest agent of the node that asks.
    pub(crate) node_agent: Option<PathBuf>,
}

impl Endpoints {
    /// Those of the real world.
    ///
    /// # Errors
    /// Internal: an address of ours is none.
    pub(crate) fn real(token: Option<SecretString>) -> Result<Self> {
        Ok(Self {
            repository: None,
            api_url: url("https://api.github.com")?,
            server_url: url(DEFAULT_SERVER)?,
            token,
            team_token: None,
            trusted_root: None,
            github_root: None,
            rekor_url: url("https://rekor.sigstore.dev")?,
            pccs_url: url("https://api.trustedservices.intel.com")?,
            tdx_root: None,
            signing: SigningEndpoints::default(),
            kms: KmsEndpoints {
                url: url("http://127.0.0.1:8080")?,
                policy: None,
                release: None,
                listen: None,
                agent: None,
                rehearsal: false,
                node_key: None,
                node_agent: None,
            },
            gcp: GcpEndpoints::real(GoogleEnvironment::default(), None)?,
            phala: PhalaEndpoints::real(PhalaEnvironment::default()),
            ita: ItaEndpoints {
                api_url: url("https://api.trustauthority.intel.com")?,
                portal_url: None,
                root: None,
                key: None,
            },
            rollout: RolloutEndpoints::default(),
            dstack: DstackEndpoints::default(),
            running: RunningEndpoints::default(),
        })
    }

    /// These, but for what was given.
    ///
    /// # Errors
    /// Usage: the repository is not written as one.
    pub(crate) fn with(self, given: &Given<'_>) -> Result<Self> {
        let repository =
            given.repo.map(|text| text.parse().map_err(|e| Error::usage("--repo").because(e))).transpose()?;
        let either = |given: Option<&Url>, own: Url| given.cloned().unwrap_or(own);
        Ok(Self {
            repository: repository.or(self.repository),
            api_url: either(given.api_url, self.api_url),
            server_url: either(given.server_url, self.server_url),
            trusted_root: given.trusted_root.map(Into::into).or(self.trusted_root),
            github_root: given.github_root.map(Into::into).or(self.github_root),
            rekor_url: either(given.rekor_url, self.rekor_url),
            pccs_url: either(given.pccs_url, self.pccs_url),
            tdx_root: given.tdx_root.map(Into::into).or(self.tdx_root),
            token: self.token,
            team_token: self.team_token,
            signing: SigningEndpoints {
                config: given.signing_config.map(Into::into).or(self.signing.config),
                ..self.signing
            },
            kms: self.kms,
            rollout: self.rollout.with(given),
            ita: self.ita.with(given),
            dstack: self.dstack.with(given),
            running: self.running,
            gcp: GcpEndpoints {
                compute_url: either(given.compute_url, self.gcp.compute_url),
                project: given.project.cloned().or(self.gcp.project),
                ..self.gcp
            },
            phala: PhalaEndpoints {
                url: given.phala_url.map_or(self.phala.url, ToString::to_string),
                key: self.phala.key,
            },
        })
    }
}

/// An address that is written in this program or made by it.
///
/// # Errors
/// Internal: it is none.
pub(crate) fn url(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|e| Error::internal(format!("{text} is not an address")).because(e))
}
