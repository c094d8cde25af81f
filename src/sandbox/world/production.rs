//! What a rollout finds: a machine in production that runs the KMS before the one that is rolled out, a node that it serves,
//! and people who decide about policies. It is set up where a rollout is rehearsed, and stays as long as the world.

use std::{path::PathBuf, time::Duration};

use super::World;
use crate::{
    adapters::http::HttpOptions,
    error::{Error, Result},
    kms::client::KmsClient,
    sandbox::{
        boot::{Boot, compose_of},
        people,
    },
    subject::profile::Profile,
};

/// The machine in production.
pub const MACHINE: &str = "mero-kms-production";
/// What it runs.
pub const RUNS: &str = "mero-kms-v1.1.1";
/// The release of the nodes that it serves.
const SERVES: &str = "mero-tee-v1.1.0";
/// How long it may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const PACE: Duration = Duration::from_millis(10);

/// What was set up.
pub struct Production {
    /// Socket of the guest agent of a node that it serves: of the release before.
    pub standing_agent: PathBuf,
}

impl World {
    /// Sets production up, and returns when it serves. Needs a runtime.
    ///
    /// # Errors
    /// Internal, when the sandbox itself is broken.
    pub async fn production(&self) -> Result<Production> {
        let (release, profile) = (super::sample(RUNS)?, Profile::LockedReadOnly);
        let compose = compose_of(&release, profile);
        let app = Boot::of_release(&release, profile).app;
        self.phala.stand(MACHINE, &app, &compose)?;
        let standing_agent = self.agent(&super::sample(SERVES)?, profile)?;
        self.until_it_serves().await?;
        people::decide(&self.github, self.people);
        Ok(Production { standing_agent })
    }

    async fn until_it_serves(&self) -> Result<()> {
        let serving = async {
            loop {
                let machines = self.phala.machines();
                let found = machines.into_iter().find(|machine| machine.name == MACHINE);
                if let Some(address) = found.and_then(|machine| machine.address) {
                    let client = KmsClient::new(&super::url(&address)?, HttpOptions::default())?;
                    if let Ok(Ok(health)) = client.health().await
                        && health.policy_loaded
                    {
                        return Ok(());
                    }
                }
                tokio::time::sleep(PACE).await;
            }
        };
        let late = |_| Error::internal("the sandbox's production does not come up");
        tokio::time::timeout(PATIENCE, serving).await.map_err(late)?
    }
}
