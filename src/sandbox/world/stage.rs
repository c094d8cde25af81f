//! What runs in an end-to-end run: the KMS of each profile, one of an older release, and a node of each profile with its guest
//! agent and its admin API.

use std::{path::PathBuf, sync::Arc};

use tokio::task::JoinSet;
use url::Url;

use super::{World, listen, serve};
use crate::{
    catalog::Catalog,
    e2e::scheme::{Pair, Scheme},
    error::{self, Error, Result},
    sandbox::{
        boot::Boot,
        dstack::Machine,
        e2e::Flaw,
        kms::{Running, start},
        node::admin,
        phala::front::{Bend, Front},
        plan::Plan,
        release::Sample,
    },
    subject::{profile::Profile, tag::Tag},
};

/// Everything that runs; it ends when this is dropped.
#[derive(Default)]
pub struct Stage {
    /// The KMS of each profile.
    pub kms: Vec<(Profile, Url)>,
    /// KMSs of an older release.
    pub stale_kms: Vec<(Profile, Url)>,
    /// Each node's guest agent.
    pub node_sockets: Vec<(Profile, PathBuf)>,
    /// Each node's admin API.
    pub node_urls: Vec<(Profile, Url)>,
    services: Vec<Running>,
    fronts: Vec<Front>,
    servers: JoinSet<()>,
}

impl Stage {
    /// The KMS of a profile, which a flaw may end, or bar.
    async fn put_up(&mut self, service: Running, profile: Profile, flaw: Option<Flaw>) -> Result<()> {
        let url = service.url().clone();
        let flaw = flaw.filter(|_| profile == Profile::LockedReadOnly);
        if flaw == Some(Flaw::Barred) {
            let front = Front::before(url.as_str().trim_end_matches('/'), Bend::Bars).await?;
            self.kms.push((profile, address(front.url())?));
            self.fronts.push(front);
        } else {
            self.kms.push((profile, url));
        }
        if flaw == Some(Flaw::KmsDown) {
            service.stop().await;
        } else {
            self.services.push(service);
        }
        Ok(())
    }
}

fn address(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|e| Error::internal(format!("{text} is not an address")).because(e))
}

impl World {
    /// Starts what an end-to-end run of these releases asks: the pair that the catalog lists first, and an older KMS, the named one
    /// or else the newest that is not listed with it. Nothing where the catalog lists none that is released.
    ///
    /// # Errors
    /// Input: no port or socket can be had.
    pub async fn stage(&self, plan: &Plan, asked: &[Tag], stale: Option<&Tag>) -> Result<Stage> {
        let mut stage = Stage::default();
        let bytes = plan.catalog().to_string();
        let catalog = Catalog::parse("catalog", bytes.as_bytes());
        let catalog = catalog.map_err(|_| Error::internal("the sandbox's catalog does not parse"))?;
        let released: Vec<Tag> = Sample::all()?.into_iter().map(|sample| sample.tag).collect();
        let pairs = Scheme::of(&catalog, asked).pairs;
        let Some(pair) = pairs.first().filter(|pair| released.contains(&pair.kms) && released.contains(&pair.node))
        else {
            return Ok(stage);
        };
        let flaw = plan.of_end_to_end();
        for profile in Profile::ALL {
            self.node(&mut stage, pair, profile, flaw).await?;
            let machine = flaw.map_or_else(|| pair.kms.clone(), |flaw| flaw.machine(&pair.kms, profile));
            if let Some(service) = self.service(&pair.kms, &machine, profile).await? {
                stage.put_up(service, profile, flaw).await?;
            }
        }
        let older = match stale {
            Some(named) => vec![named.clone()],
            None => Scheme::stale(&catalog, pair),
        };
        let older = older.into_iter().find(|tag| released.contains(tag));
        // One will do: documents are tried in every profile.
        let profile = Profile::LockedReadOnly;
        if let Some(older) = older.filter(|_| pair.profiles.contains(&profile))
            && let Some(service) = self.service(&older, &older, profile).await?
        {
            stage.stale_kms.push((profile, service.url().clone()));
            stage.services.push(service);
        }
        Ok(stage)
    }

    async fn node(&self, stage: &mut Stage, pair: &Pair, profile: Profile, flaw: Option<Flaw>) -> Result<()> {
        let boot = match flaw {
            Some(flaw) => flaw.boot(&pair.kms, &pair.node, profile),
            None => Boot::of_release(&pair.node, profile),
        };
        let platform = Arc::clone(self.platform());
        let agent = self.start_agent(Machine::new(Arc::clone(&platform), boot.clone()))?;
        stage.node_sockets.push((profile, agent.socket));
        let (listener, at) = listen().await?;
        serve(&mut stage.servers, listener, admin::router(admin::Admin { platform, boot, flaw }));
        stage.node_urls.push((profile, address(&at)?));
        Ok(())
    }

    /// A KMS, on the machine of a release; `None` where it does not start with the policy of its release, as a spoilt one's does not.
    async fn service(&self, release: &Tag, machine: &Tag, profile: Profile) -> Result<Option<Running>> {
        match start(self.surroundings(), release, profile, self.agent(machine, profile)?).await {
            Ok(running) => Ok(Some(running)),
            Err(error) => {
                tracing::warn!("the KMS of {release} for {profile} does not start: {}", error::chain(&error));
                Ok(None)
            }
        }
    }
}
