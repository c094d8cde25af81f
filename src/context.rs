//! What arguments and environment decide, resolved once per run: where services are, what is trusted, how long to wait,
//! what to print and where. Commands read it, and neither the environment nor the clock. Of an endpoint the arguments have
//! the first word and the [`Endpoints`] the last: those of the real world, or those of a sandbox, which swaps them and
//! nothing else.

mod endpoints;
pub(crate) mod pace;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use url::Url;
use zeroize::Zeroizing;

pub(crate) use self::endpoints::{
    DEFAULT_SERVER, DstackEndpoints, Endpoints, GcpEndpoints, ItaEndpoints, PhalaEndpoints, RunningEndpoints,
    SigningEndpoints,
};
#[cfg(feature = "sandbox")]
pub(crate) use self::endpoints::{KmsEndpoints, Offered, RolloutEndpoints, url};
pub(crate) use self::pace::Pace;
use crate::{
    adapters::{
        file,
        gcp::{compute::Compute, credentials::Credentials},
        http::HttpOptions,
        phala::Phala,
        sigstore::{
            GitHubRoot, IdentitySource, TrustRoot, TrustRootSource,
            sign::{Services, Settings, Signer, SigningConfigSource},
        },
    },
    cli::{self, Actions, Cli, Environment, OutputArgs, SigningArgs, SigningEnvironment},
    error::{Error, Result},
    report::Format,
};

/// What a run is decided by, apart from the arguments of its command.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Where services are and what is trusted, as far as one command turns to it.
    pub(crate) endpoints: Endpoints,
    /// Bounds of every request.
    pub(crate) http: HttpOptions,
    /// Where the product goes and how it looks.
    pub(crate) output: Output,
    /// Set when running as a step of a workflow.
    pub(crate) actions: Option<Actions>,
    /// The working folder, which paths in annotations are relative to; empty where it is not known.
    pub(crate) folder: PathBuf,
    /// Tells the variables whose names a configuration gives.
    pub(crate) variable: fn(&str) -> Option<String>,
    /// How fast time passes.
    pub(crate) pace: Pace,
    /// Tells the time.
    clock: fn() -> Timestamp,
}

/// Where the product goes and how it looks.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// Form of the report.
    pub(crate) format: Format,
    /// File that the product goes to; `None`: standard output.
    pub(crate) path: Option<PathBuf>,
    /// Whether each finding that passed has a line of its own.
    pub(crate) every_pass: bool,
    /// Whether what goes to standard output may hold colour.
    pub(crate) color: bool,
    /// Columns of what is printed.
    pub(crate) width: usize,
    /// Whether progress is shown on standard error.
    pub(crate) progress: bool,
}

impl Context {
    /// Resolves everything for a command line in the real world.
    ///
    /// # Errors
    /// Usage: what an option or a variable says makes no sense.
    pub(crate) fn new(cli: &Cli, environment: Environment) -> Result<Self> {
        let Environment {
            token,
            team_token,
            signing,
            google,
            phala,
            dstack,
            ita_key,
            actions,
            color,
            width,
            folder,
            log_format: _,
            stderr_terminal: _,
            sandbox_pace,
        } = environment;
        let OutputArgs { format, output, quiet, verbose, .. } = &cli.output;
        let given = cli.command.given();
        let gcp = GcpEndpoints::real(google, signing.request.as_ref().map(|(url, _)| url.as_str()))?;
        let real = Endpoints::real(token)?;
        let endpoints = Endpoints {
            signing: endpoints_of(signing),
            team_token,
            gcp,
            phala: PhalaEndpoints::real(phala),
            dstack: DstackEndpoints::real(dstack),
            ita: ItaEndpoints { key: ita_key, ..real.ita },
            ..real
        }
        .with(&given)?;
        let pace = if sandbox_pace { pace::of_a_sandbox(&endpoints) } else { Pace::default() };
        Ok(Self {
            endpoints,
            http: bounds(given.retries, given.timeout),
            output: Output {
                format: *format,
                path: output.clone(),
                every_pass: *verbose > 0,
                color,
                width,
                progress: !quiet,
            },
            actions,
            folder,
            variable: cli::named_variable,
            pace,
            clock: Timestamp::now,
        })
    }

    /// The context of a command that is run elsewhere: where its arguments leave something open, `endpoints` say it.
    ///
    /// # Errors
    /// As [`Context::new`].
    #[cfg(feature = "sandbox")]
    pub(crate) fn at(&self, endpoints: Endpoints, command: &cli::Command) -> Result<Self> {
        let given = command.given();
        let http = bounds(given.retries, given.timeout);
        // What surrounds the command must not reach into it.
        Ok(Self { endpoints: endpoints.with(&given)?, http, variable: |_| None, ..self.clone() })
    }

    /// The same, in a sandbox, whose waits are cut short.
    #[cfg(feature = "sandbox")]
    pub(crate) fn compressed(self) -> Self {
        Self { pace: Pace::compressed(), ..self }
    }

    /// Signs without a key: by the services of the signing configuration, as whom `args` or the environment say.
    ///
    /// # Errors
    /// Usage: there is no identity token, or the configuration or the trust root cannot be used. Input: a file cannot be
    /// read.
    pub(crate) fn signer(&self, args: &SigningArgs) -> Result<Signer> {
        const NO_TOKEN: &str = "in GitHub Actions, give the job `permissions: id-token: write`; elsewhere, get a token for the \
                                audience `sigstore` and give it with --identity-token or in SIGSTORE_ID_TOKEN";
        let SigningEndpoints { config, identity, password: _, key: _ } = &self.endpoints.signing;
        let given = args.identity_token.as_deref().map(identity_token).transpose()?;
        let identity = given.or_else(|| identity.clone());
        let identity = identity.ok_or_else(|| Error::usage("there is no identity to sign as").help(NO_TOKEN))?;
        let source = config.clone().map_or(SigningConfigSource::Embedded, SigningConfigSource::File);
        let services = Services::load(&source, self.now())?;
        let (root, http) = (self.trust_root()?, self.http.clone());
        Signer::new(Settings { services, identity, root, http, clock: self.clock })
    }

    /// A client of Compute Engine, with the credentials that are found.
    ///
    /// # Errors
    /// As [`Credentials::find`] and [`Compute::new`].
    pub(crate) fn compute(&self) -> Result<Compute> {
        let GcpEndpoints { compute_url, credentials, .. } = &self.endpoints.gcp;
        let credentials = Credentials::find(credentials, self.http.clone(), self.clock)?;
        Compute::new(compute_url, credentials, self.http.clone())
    }

    /// Phala Cloud, for the holder of the environment's key.
    ///
    /// # Errors
    /// Usage: there is no key, or key or address cannot be used.
    pub(crate) fn phala(&self) -> Result<Phala> {
        let PhalaEndpoints { url, key } = &self.endpoints.phala;
        let key = key.as_ref().ok_or_else(|| {
            Error::usage("there is no API key for Phala Cloud")
                .help("set PHALA_CLOUD_API_KEY to a key of the workspace that pays for the machine")
        })?;
        let url = Url::parse(url).map_err(|e| {
            Error::usage("the address of Phala Cloud is not a URL")
                .because(e)
                .help("correct PHALA_CLOUD_API_PREFIX, or give the address with --phala-api-url")
        })?;
        Phala::new(&url, key, self.http.clone())
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.pace.time((self.clock)())
    }

    /// Goes on from the clock of an earlier run, where that was put forward: the real one never is.
    pub(crate) fn not_before(&self, time: Timestamp) {
        self.pace.not_before(self.now(), time);
    }

    /// Waits until it is `due`.
    pub(crate) async fn wait_until(&self, due: Timestamp) {
        self.pace.wait(self.now(), due).await;
    }

    /// The root that signatures are judged by, read anew: the one given, or Sigstore's own.
    ///
    /// # Errors
    /// As [`TrustRoot::load`].
    pub(crate) fn trust_root(&self) -> Result<TrustRoot> {
        TrustRoot::load(match &self.endpoints.trusted_root {
            Some(path) => TrustRootSource::File(path.clone()),
            None => TrustRootSource::Embedded,
        })
    }

    /// The root that GitHub's attestations are judged by, read anew: the one given, or GitHub's own.
    ///
    /// # Errors
    /// As [`GitHubRoot::load`].
    pub(crate) fn github_root(&self) -> Result<GitHubRoot> {
        GitHubRoot::load(self.endpoints.github_root.as_deref())
    }
}

impl Output {
    /// Whether the product may hold colour: never in a file.
    pub(crate) fn colored(&self) -> bool {
        self.color && self.path.is_none()
    }
}

/// As whom the environment lets sign: a token that is given wins over one that can be asked for.
fn endpoints_of(given: SigningEnvironment) -> SigningEndpoints {
    let SigningEnvironment { token, request, password, key } = given;
    let asked = || request.map(|(url, token)| IdentitySource::GitHub { url, token });
    SigningEndpoints { config: None, identity: token.map(IdentitySource::Given).or_else(asked), password, key }
}

/// The token in a file of the caller's.
fn identity_token(path: &Path) -> Result<IdentitySource> {
    /// GitHub's are under 3 KiB.
    const MAX_BYTES: u64 = 64 << 10;
    let bytes = Zeroizing::new(file::read_source(path, MAX_BYTES)?);
    // Text that was not UTF-8 is not a token, and the check of a token says so.
    Ok(IdentitySource::Given(String::from_utf8_lossy(&bytes).into_owned().into()))
}

/// The bounds of every request.
fn bounds(retries: Option<u8>, timeout: Option<u16>) -> HttpOptions {
    const RETRIES: u8 = 3;
    const TIMEOUT_SECONDS: u16 = 30;
    let bounds = HttpOptions::default();
    let silence = Duration::from_secs(timeout.unwrap_or(TIMEOUT_SECONDS).into());
    HttpOptions {
        attempts: usize::from(retries.unwrap_or(RETRIES)) + 1,
        connect_timeout: bounds.connect_timeout.min(silence),
        read_timeout: silence,
        // An answer that trickles in is never silent: the call as a whole gets twice the time.
        request_timeout: silence * 2,
        ..bounds
    }
}
