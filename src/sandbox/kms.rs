//! A KMS of the sandbox: the production service in this process, on a machine of the software TDX platform, with the policy
//! of a release of the sandbox's. Only addresses and roots differ from a real one.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
};
use url::Url;

use super::documents::REPOSITORY;
use crate::{
    adapters::{
        http::HttpOptions,
        sigstore::{TrustRoot, TrustRootSource},
    },
    error::{self, Error, Result},
    kms::{
        config::{Given, Settings},
        instance::Instance,
        policy::{self, Publisher},
        server,
    },
    subject::{profile::Profile, tag::Tag},
};

/// How long a service may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// What a service finds around it: the addresses and roots of the world.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// GitHub's REST API.
    pub api_url: String,
    /// The transparency log.
    pub sigstore_url: String,
    /// Where collateral comes from.
    pub pccs_url: String,
    /// Sigstore's trusted root.
    pub trusted_root: PathBuf,
    /// Root certificate of quotes.
    pub tdx_root: PathBuf,
}

/// A service that ends when it is dropped.
#[derive(Debug)]
pub struct Running {
    url: Url,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it still serves: a service that finds no policy for itself ends.
    pub fn is_up(&self) -> bool {
        !self.serving.is_finished()
    }

    /// Ends it, and waits until it has ended.
    pub async fn stop(mut self) {
        self.stop.take();
        // A service that panicked is at its end as well, and one that has a caller who hangs is ended all the same.
        if tokio::time::timeout(GRACE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}

/// Starts the service of a release and profile on the machine whose guest agent listens at `agent`; its policy is loaded
/// when this returns.
///
/// # Errors
/// As the service has them: above all a policy of the release that it refuses.
pub async fn start(around: &Surroundings, release: &Tag, profile: Profile, agent: PathBuf) -> Result<Running> {
    let (settings, publisher) = (settings(around, release, profile, agent)?, publisher(around)?);
    let instance = Instance::bind(&settings).await?;
    let policy = policy::load(&settings, &publisher).await?;
    serve(instance, async { Ok(policy) })
}

/// As [`start`], and returns while the policy is still on its way, as a container's start does.
///
/// # Errors
/// As the service has them before it listens.
pub async fn launch(around: &Surroundings, release: &Tag, profile: Profile, agent: PathBuf) -> Result<Running> {
    let (settings, publisher) = (settings(around, release, profile, agent)?, publisher(around)?);
    let instance = Instance::bind(&settings).await?;
    // A thread of its own: what verifies a release cannot move between threads.
    let runtime = Handle::current();
    let loading = spawn_blocking(move || runtime.block_on(policy::load(&settings, &publisher)));
    let lost = |e| Error::internal("the policy's loading was given up").because(e);
    serve(instance, async move { loading.await.map_err(lost)? })
}

fn serve(
    instance: Instance,
    policy: impl Future<Output = Result<policy::NodePolicy>> + Send + 'static,
) -> Result<Running> {
    let address = instance.address()?;
    let url = format!("http://{address}");
    let url = Url::parse(&url).map_err(|e| Error::internal(format!("{url} is not an address")).because(e))?;
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        // Dropping the sender is as good a word as any.
        let stopped = async { drop(stopped.await) };
        if let Err(error) = instance.run(policy, stopped).await {
            tracing::error!("a KMS of the sandbox stopped: {}", error::chain(&error));
        }
    });
    Ok(Running { url, stop: Some(stop), serving })
}

fn settings(around: &Surroundings, release: &Tag, profile: Profile, agent: PathBuf) -> Result<Settings> {
    server::raise_file_limit();
    Settings::new(Given {
        version: Some(release.as_str().to_owned()),
        profile: Some(profile.as_str().to_owned()),
        listen: Some(([127, 0, 0, 1], 0).into()),
        dstack_socket: Some(agent),
        pccs_url: Some(url(&around.pccs_url)?),
        tdx_root: Some(around.tdx_root.clone()),
        rehearsal: true,
        ..Given::default()
    })
}

/// The publisher of the world's releases.
fn publisher(around: &Surroundings) -> Result<Publisher> {
    Ok(Publisher {
        repository: REPOSITORY
            .parse()
            .map_err(|e| Error::internal("the name of the sandbox's repository").because(e))?,
        api_url: url(&around.api_url)?,
        // Certificates name the real one.
        server_url: url("https://github.com/")?,
        token: Some(SecretString::from(super::TOKEN)),
        rekor_url: url(&around.sigstore_url)?,
        trust_root: TrustRoot::load(TrustRootSource::File(around.trusted_root.clone()))?,
        http: HttpOptions::default(),
    })
}

fn url(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|e| Error::internal(format!("{text} is not an address")).because(e))
}
