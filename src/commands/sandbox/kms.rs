//! The sandbox's own KMS: the production service in this process, on the world's machine, with the policy of the world's
//! release. Only addresses and roots differ from a real one.

use secrecy::SecretString;
use tokio::{sync::oneshot, task::JoinHandle};
use url::Url;

use crate::{
    adapters::{
        http::HttpOptions,
        sigstore::{TrustRoot, TrustRootSource},
    },
    context::{DEFAULT_SERVER, url},
    error::{self, Result},
    kms::{
        config::{Given, Settings},
        instance::Instance,
        policy::{self, Publisher},
        server,
    },
    sandbox::world::{KMS, World},
};

/// A service that ends when it is dropped.
pub(super) struct Running {
    url: Url,
    _stop: oneshot::Sender<()>,
    _serving: JoinHandle<()>,
}

impl Running {
    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

/// Starts the service; its policy is loaded when this returns.
pub(super) async fn start(world: &World) -> Result<Running> {
    let settings = Settings::new(Given {
        version: Some(KMS.to_owned()),
        profile: Some("locked-read-only".to_owned()),
        listen: Some(([127, 0, 0, 1], 0).into()),
        dstack_socket: Some(world.kms_agent()),
        pccs_url: Some(url(world.pccs_url())?),
        tdx_root: Some(world.tdx_root()),
        rehearsal: true,
        ..Given::default()
    })?;
    server::raise_file_limit();
    let instance = Instance::bind(&settings).await?;
    let address = instance.address()?;
    let policy = policy::load(&settings, &publisher(world)?).await?;
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        // Dropping the sender is as good a word as any.
        let stopped = async { drop(stopped.await) };
        if let Err(error) = instance.run(async { Ok(policy) }, stopped).await {
            tracing::error!("the sandbox's KMS stopped: {}", error::chain(&error));
        }
    });
    Ok(Running { url: url(&format!("http://{address}"))?, _stop: stop, _serving: serving })
}

/// The publisher of the world's releases.
fn publisher(world: &World) -> Result<Publisher> {
    Ok(Publisher {
        repository: super::repository()?,
        api_url: url(world.api_url())?,
        server_url: url(DEFAULT_SERVER)?,
        token: Some(SecretString::from(super::TOKEN)),
        rekor_url: url(world.sigstore_url())?,
        trust_root: TrustRoot::load(TrustRootSource::File(world.trusted_root()))?,
        http: HttpOptions::default(),
    })
}
