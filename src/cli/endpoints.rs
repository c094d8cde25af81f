//! Option groups that say where services are and how long to wait for them. A command flattens those it uses, and has no
//! others; none has a default here, so that what is left open is seen. The defaults are the context's.

use std::path::PathBuf;

use clap::Args;
use url::Url;

/// Which repository, for a command that sends no request about it.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "GitHub")]
pub struct RepositoryArgs {
    /// Repository [default: the `origin` remote, then calimero-network/mero-tee]
    #[arg(long, value_name = "OWNER/NAME", env = "GITHUB_REPOSITORY", hide_env_values = true)]
    pub repo: Option<String>,
    /// Web address that certificates name as the workflow's host [default: https://github.com]
    #[arg(long, value_name = "URL", env = "GITHUB_SERVER_URL", hide_env_values = true)]
    pub server_url: Option<Url>,
}

/// Where to find GitHub.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "GitHub")]
pub struct GitHubArgs {
    /// Which repository.
    #[command(flatten)]
    pub repository: RepositoryArgs,
    /// REST API of GitHub or of an Enterprise host [default: https://api.github.com]
    #[arg(long, value_name = "URL", env = "GITHUB_API_URL", hide_env_values = true)]
    pub api_url: Option<Url>,
}

/// What to trust, for a command that asks nothing of Sigstore.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Sigstore")]
pub struct TrustArgs {
    /// Judge signatures by this trusted_root.json instead of the public-good root built in
    #[arg(long, value_name = "FILE|-", env = "MEROTEE_TRUSTED_ROOT", hide_env_values = true)]
    pub trusted_root: Option<PathBuf>,
}

/// Where to find Sigstore and what to trust.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Sigstore")]
pub struct SigstoreArgs {
    /// What to trust.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Its log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Which transparency log.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Sigstore")]
pub struct LogArgs {
    /// Transparency log asked for the entries of detached signatures [default: https://rekor.sigstore.dev]
    #[arg(long, value_name = "URL", env = "MEROTEE_REKOR_URL", hide_env_values = true)]
    pub rekor_url: Option<Url>,
}

/// What signs, and as whom.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Signing")]
pub struct SigningArgs {
    /// Services that sign, a signing_config.v0.2.json [default: Sigstore's public instance]
    #[arg(long, value_name = "FILE|-", env = "MEROTEE_SIGNING_CONFIG", hide_env_values = true)]
    pub signing_config: Option<PathBuf>,
    /// OIDC token to sign as its holder [default: $SIGSTORE_ID_TOKEN, then that of the GitHub Actions job]
    #[arg(long, value_name = "FILE|-")]
    pub identity_token: Option<PathBuf>,
}

/// How often and how long to ask servers.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// Retries of a request after a transient failure, each after a longer wait [default: 3]
    #[arg(long, value_name = "N", env = "MEROTEE_RETRIES", value_parser = clap::value_parser!(u8).range(0..=20), hide_env_values = true)]
    pub retries: Option<u8>,
    /// Seconds a server may stay silent [default: 30]
    #[arg(long, value_name = "SECONDS", env = "MEROTEE_TIMEOUT", value_parser = clap::value_parser!(u16).range(1..=3600), hide_env_values = true)]
    pub timeout: Option<u16>,
}

/// Where releases are, by what their signatures are judged, and how long to wait for either.
#[derive(Debug, Clone, Args, Default)]
pub struct ReleasesArgs {
    /// Where they are.
    #[command(flatten)]
    pub github: GitHubArgs,
    /// What their signatures are judged by.
    #[command(flatten)]
    pub sigstore: SigstoreArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}
