//! What a rollout finds: a machine in production that runs the KMS before the one that is rolled out, a node that it serves,
//! and people who decide about policies. It is set up where a rollout is rehearsed, and stays as long as the world.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::World;
use crate::{
    adapters::http::HttpOptions,
    error::{Error, Result},
    kms::client::KmsClient,
    sandbox::{
        boot::{Boot, compose_of},
        docker::Docker,
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

/// The service of a compose file that is a KMS.
pub const SERVICE: &str = "mero-kms";
/// The projects of the compose files of staging and production.
const PROJECTS: [&str; 2] = ["mero-kms-staging", MACHINE];

/// What was set up on a host that runs Docker.
pub struct Composed {
    /// Socket of the guest agent of a node that it serves: of the release before.
    pub standing_agent: PathBuf,
    /// The compose file of staging, which was never brought up.
    pub staging: PathBuf,
    /// The compose file of production, which is up.
    pub production: PathBuf,
}

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
        let address = || self.phala.machines().into_iter().find(|machine| machine.name == MACHINE)?.address;
        until_it_serves(address).await?;
        people::decide(&self.github, self.people);
        Ok(Production { standing_agent })
    }

    /// Sets production up as a service of a compose file, and returns when it serves. Needs a runtime.
    ///
    /// # Errors
    /// Internal, when the sandbox itself is broken. Input: a file cannot be written.
    pub async fn composed_production(&self) -> Result<Composed> {
        let (release, profile) = (super::sample(RUNS)?, Profile::LockedReadOnly);
        let [staging, production] = PROJECTS.map(|project| {
            let folder = self.folder.path().join(project);
            let cannot = |e| Error::input(format!("cannot make {}", folder.display())).because(e);
            std::fs::create_dir_all(&folder).map_err(cannot)?;
            super::write(&folder, "compose.yaml", format!("name: {project}\n{}", compose_of(&release, profile)))?;
            Ok::<_, Error>(folder.join("compose.yaml"))
        });
        let (staging, production) = (staging?, production?);
        self.docker.stand(&production, MACHINE, SERVICE).await?;
        let standing_agent = self.agent(&super::sample(SERVES)?, profile)?;
        until_it_serves(|| self.docker.services().into_iter().next()?.address).await?;
        people::decide(&self.github, self.people);
        Ok(Composed { standing_agent, staging, production })
    }

    /// The program that stands in the place of `docker` in this world: it has `merotee`, which is this program, hand its words
    /// on.
    ///
    /// # Errors
    /// Input: it cannot be written.
    pub fn docker_program(&self, merotee: &Path) -> Result<PathBuf> {
        Docker::write_program(self.folder.path(), merotee, &self.docker_url)
    }
}

/// Waits until a KMS answers that it is ready, where it has an address.
async fn until_it_serves(address: impl Fn() -> Option<String>) -> Result<()> {
    let serving = async {
        loop {
            if let Some(address) = address() {
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
