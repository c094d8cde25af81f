//! The sandbox's own KMS: the production service in this process, on the world's machine, with the policy of the world's
//! release. Only addresses and roots differ from a real one.

use tokio::{sync::oneshot, task::JoinHandle};
use url::Url;

use crate::{
    cli::{Cli, Environment, kms::KmsCommand},
    commands::kms::publisher,
    error::{self, Error, Result},
    kms::{
        config::{Given, Settings},
        instance::Instance,
        policy,
    },
    sandbox::world::{KMS_VERSION, World},
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

/// Whether a command asks a KMS instead of being one.
pub(super) fn is_asked(command: &KmsCommand) -> bool {
    match command {
        KmsCommand::Serve(_) => false,
        KmsCommand::Health(args) => args.kms.url.is_none(),
        KmsCommand::Attest(args) => args.kms.url.is_none(),
        KmsCommand::GetKey(args) => args.kms.url.is_none(),
    }
}

/// Starts the service; its policy is loaded when this returns. `pointed` is a command line that points at the world.
pub(super) async fn start(world: &World, pointed: &Cli, environment: &Environment) -> Result<Running> {
    let settings = Settings::new(Given {
        version: Some(KMS_VERSION.to_owned()),
        profile: Some("locked-read-only".to_owned()),
        listen: Some(([127, 0, 0, 1], 0).into()),
        dstack_socket: Some(world.kms_agent()),
        pccs_url: Some(Url::parse(world.pccs_url()).map_err(|e| Error::internal("the PCCS's address").because(e))?),
        tdx_root: Some(world.tdx_root()),
        rehearsal: true,
        ..Given::default()
    })?;
    let instance = Instance::bind(&settings).await?;
    let address = instance.address()?;
    let policy = policy::load(&settings, &publisher(pointed, environment)?).await?;
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        // Dropping the sender is as good a word as any.
        let stopped = async { drop(stopped.await) };
        if let Err(error) = instance.run(async { Ok(policy) }, stopped).await {
            tracing::error!("the sandbox's KMS stopped: {}", error::chain(&error));
        }
    });
    let url = Url::parse(&format!("http://{address}")).map_err(|e| Error::internal("the KMS's address").because(e))?;
    Ok(Running { url, _stop: stop, _serving: serving })
}
