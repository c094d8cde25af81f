//! What a service is told before it starts, and whether it may start so.
//!
//! [`Given`] holds the words as somebody wrote them, [`Settings::new`] judges all of them, [`Settings`] is what the rest of
//! the service may rely on. Nothing here reads the environment; the only file it looks at is the one a machine's image is
//! pinned with (`pin`).

mod lists;
mod pin;
mod words;

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use self::{lists::GivenLists, pin::IMAGE_PROFILE_FILE};
use crate::{
    attestation::measurement::Allowed,
    digest::Sha256,
    error::{Error, Result},
    subject::{profile::Profile, tag::Tag},
};

/// Where the service listens when nothing is said.
pub const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080);
/// Where the guest agent listens when nothing is said.
pub const DSTACK_SOCKET: &str = "/var/run/dstack.sock";
/// How long a challenge is good for when nothing is said, in seconds.
pub const CHALLENGE_TTL_SECS: u64 = 60;
/// The longest a challenge may be good for, in seconds: what was used must be remembered as long.
pub const MAX_CHALLENGE_TTL_SECS: u64 = super::challenge::MAX_TTL_SECS;
/// How often one peer may try within a challenge's life when nothing is said.
pub const ATTEMPTS_PER_PEER: NonZeroU32 = match NonZeroU32::new(16) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};
/// First part of every key's path when nothing is said.
pub const KEY_NAMESPACE: &str = "merod/storage";
/// Where collateral comes from when nothing is said.
pub const PCCS: &str = "https://api.trustedservices.intel.com";

/// Settings as somebody wrote them. `None` and an empty list mean that nothing was said.
///
/// ```
/// use merotee::kms::config::{Given, Settings};
///
/// let given = Given { version: Some("v1.2.0".into()), profile: Some("debug".into()), ..Given::default() };
/// let settings = Settings::new(given)?;
/// assert_eq!(settings.release.as_str(), "mero-kms-v1.2.0");
/// assert_eq!(settings.listen.port(), 8080);
/// # Ok::<(), merotee::error::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `MERO_KMS_VERSION`: `1.2.0`, `v1.2.0` or `mero-kms-v1.2.0`. Required.
    pub version: Option<String>,
    /// `MERO_KMS_PROFILE`. Required.
    pub profile: Option<String>,
    /// `LISTEN_ADDR`.
    pub listen: Option<SocketAddr>,
    /// Where metrics are served. Nowhere unless said.
    pub metrics_listen: Option<SocketAddr>,
    /// `DSTACK_SOCKET_PATH`.
    pub dstack_socket: Option<PathBuf>,
    /// `CHALLENGE_TTL_SECS`.
    pub challenge_ttl_secs: Option<u64>,
    /// `MAX_PENDING_CHALLENGES`.
    pub max_pending_challenges: Option<u32>,
    /// `REDIS_URL`, which may hold a password.
    pub redis_url: Option<SecretString>,
    /// `KEY_NAMESPACE_PREFIX`.
    pub key_namespace_prefix: Option<String>,
    /// `CORS_ALLOWED_ORIGINS`, comma separated.
    pub cors_allowed_origins: Option<String>,
    /// `ENFORCE_MEASUREMENT_POLICY`.
    pub enforce_measurement_policy: Option<bool>,
    /// `MERO_KMS_POLICY_URL`.
    pub policy_url: Option<Url>,
    /// A policy in a local file.
    pub policy_file: Option<PathBuf>,
    /// `MERO_KMS_POLICY_SHA256`.
    pub policy_sha256: Option<String>,
    /// `USE_ENV_POLICY`.
    pub use_env_policy: bool,
    /// `ALLOWED_*`.
    pub lists: GivenLists,
    /// `PCCS_URL`.
    pub pccs_url: Option<Url>,
    /// Files of collateral to begin with.
    pub collateral: Vec<PathBuf>,
    /// Where fetched collateral is kept.
    pub collateral_cache: Option<PathBuf>,
    /// A root certificate, DER or PEM, in place of Intel's.
    pub tdx_root: Option<PathBuf>,
    /// A file that must name the profile, like [`IMAGE_PROFILE_FILE`]: it can only add to what is demanded.
    pub image_profile_file: Option<PathBuf>,
    /// Whether a production profile may trust others than the default does. Never from the environment: who
    /// controls that must not control whom the keys go to.
    pub rehearsal: bool,
}

/// Where the policy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// The release of the service's own version, on GitHub.
    Release,
    /// A URL, with its Sigstore bundle at the same URL and `.sigstore.json`.
    Url(Url),
    /// A local file, with its Sigstore bundle beside it under the same name and `.sigstore.json`, or with a pin.
    File(PathBuf),
    /// Lists from the environment: nothing vouches for them. For development.
    Environment(Allowed),
}

/// Settings that were judged and may be relied on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The KMS release this is; its version and its class.
    pub release: Tag,
    /// The one profile served.
    pub profile: Profile,
    /// Where requests are heard.
    pub listen: SocketAddr,
    /// Where metrics are served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// The guest agent's socket.
    pub dstack_socket: PathBuf,
    /// How long a challenge is good for: whole seconds, at least one.
    pub challenge_ttl: Duration,
    /// How often one peer may try within [`Settings::challenge_ttl`].
    pub attempts_per_peer: NonZeroU32,
    /// Where replicas share which challenges were used. May hold a password.
    pub redis_url: Option<SecretString>,
    /// First part of every key's path, without a slash at either end.
    pub key_namespace: String,
    /// Origins whose pages may call, as browsers write them: `https://app.example`.
    pub cors_origins: Vec<String>,
    /// Whether measurements are compared with the policy at all.
    pub enforce: bool,
    /// Where the policy comes from.
    pub policy: PolicySource,
    /// What the policy's bytes must hash to, wherever they come from.
    pub policy_sha256: Option<Sha256>,
    /// Where collateral comes from.
    pub pccs: Url,
    /// Files of collateral to begin with.
    pub collateral: Vec<PathBuf>,
    /// Where fetched collateral is kept, if anywhere.
    pub collateral_cache: Option<PathBuf>,
    /// The root certificate that quotes are judged by, if not Intel's.
    pub tdx_root: Option<PathBuf>,
    /// Whether this is not production, whatever the profile says.
    pub rehearsal: bool,
}

impl Settings {
    /// Judges what was given.
    ///
    /// # Errors
    /// Usage: version or profile missing, a value that means nothing, two sources of policy, or a locked-read-only service
    /// that would not enforce its release's policy. Trust: the image is pinned to another profile, or its pin cannot be
    /// read.
    pub fn new(given: Given) -> Result<Self> {
        let release = words::release(given.version.as_deref())?;
        let profile = words::profile(given.profile.as_deref())?;
        let enforce = given.enforce_measurement_policy.unwrap_or(true);
        refuse_what_unlocks(profile, enforce, given.use_env_policy)?;
        if let Some(path) = &given.tdx_root {
            let what = format!("a TDX root other than Intel's ({})", path.display());
            refuse_in_production(profile, given.rehearsal, &what)?;
        }
        let policy_sha256 = given.policy_sha256.as_deref().map(words::pin).transpose()?;
        let policy = source(&given, enforce)?;
        let settings = Self {
            listen: given.listen.unwrap_or(LISTEN),
            metrics_listen: given.metrics_listen,
            dstack_socket: given.dstack_socket.unwrap_or_else(|| DSTACK_SOCKET.into()),
            challenge_ttl: words::challenge_ttl(given.challenge_ttl_secs.unwrap_or(CHALLENGE_TTL_SECS))?,
            attempts_per_peer: given.max_pending_challenges.map_or(Ok(ATTEMPTS_PER_PEER), words::attempts)?,
            redis_url: given.redis_url.filter(|url| !url.expose_secret().is_empty()),
            key_namespace: words::key_namespace(given.key_namespace_prefix.as_deref().unwrap_or(KEY_NAMESPACE))?,
            cors_origins: given.cors_allowed_origins.as_deref().map_or_else(|| Ok(Vec::new()), words::origins)?,
            pccs: given.pccs_url.map_or_else(|| words::url(PCCS), Ok)?,
            collateral: given.collateral,
            collateral_cache: given.collateral_cache,
            tdx_root: given.tdx_root,
            rehearsal: given.rehearsal,
            release,
            profile,
            enforce,
            policy,
            policy_sha256,
        };
        pin::check(profile, given.image_profile_file.as_deref())?;
        Ok(settings)
    }
}

/// ADR-0001 and ADR-0002: what opens a service to other machines than its release allows is for development.
fn refuse_what_unlocks(profile: Profile, enforce: bool, environment: bool) -> Result<()> {
    if profile != Profile::LockedReadOnly {
        return Ok(());
    }
    let refuse = |what: &str, help: &str| {
        Err(Error::usage(format!("{what} is refused for the profile {profile}, which is production")).help(help))
    };
    if environment {
        return refuse("a policy from the environment (USE_ENV_POLICY)", "unset it: the policy is that of the release");
    }
    if !enforce {
        let help = "leave it unset: a machine that the policy does not allow must get no key";
        return refuse("running without enforcement (ENFORCE_MEASUREMENT_POLICY=false)", help);
    }
    Ok(())
}

/// ADR-0002 again: what makes a service trust others than its release does is for rehearsals, and it takes more
/// than a variable to have one.
///
/// # Errors
/// Usage: the profile is production's and this is not a rehearsal.
pub fn refuse_in_production(profile: Profile, rehearsal: bool, what: &str) -> Result<()> {
    if profile != Profile::LockedReadOnly || rehearsal {
        return Ok(());
    }
    let message = format!("{what} is refused for the profile {profile}, which is production");
    Err(Error::usage(message).help("unset it; only a rehearsal (--rehearsal) may trust anything else"))
}

/// The one source of policy that was asked for.
fn source(given: &Given, enforce: bool) -> Result<PolicySource> {
    let ask_for_one = "name one source of policy; without any it is that of the release";
    match (given.use_env_policy, &given.policy_url, &given.policy_file) {
        (false, None, None) => {}
        (false, Some(url), None) => return Ok(PolicySource::Url(url.clone())),
        (false, None, Some(path)) => return Ok(PolicySource::File(path.clone())),
        (true, None, None) => {
            if given.policy_sha256.is_some() {
                let message = "a policy from the environment is not a document, so MERO_KMS_POLICY_SHA256 cannot hold";
                return Err(Error::usage(message).help(ask_for_one));
            }
            return lists::judged(&given.lists, enforce).map(PolicySource::Environment);
        }
        (true, _, _) => {
            let message = "USE_ENV_POLICY excludes a policy from a URL or a file";
            return Err(Error::usage(message).help(ask_for_one));
        }
        (false, Some(_), Some(_)) => {
            return Err(Error::usage("a policy cannot come from a URL and from a file").help(ask_for_one));
        }
    }
    if !given.lists.is_empty() {
        tracing::warn!("ALLOWED_* are ignored: USE_ENV_POLICY is not set, and the policy is that of the release");
    }
    Ok(PolicySource::Release)
}

#[cfg(test)]
mod tests;
