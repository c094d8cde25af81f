//! Where production is reached, and the wait until the KMS answers there that is expected.

use std::time::{Duration, Instant};

use url::Url;

use super::Effects;
use crate::{
    adapters::target::Target as Deployable,
    commands::machine::healthy::until_healthy,
    error::{Error, Result},
    kms::wire::Health,
    rollout::inputs::{Site, Target},
    subject::profile::Profile,
};

impl Effects<'_> {
    /// Where production answers, and its health, once the KMS answers that is expected there. While production is switched the
    /// other one may still answer. When time is up, it is what answers: the health checks then say what is wrong with it.
    pub(super) async fn serving(
        &self,
        target: &dyn Deployable,
        site: &Site,
        version: &str,
        profile: Profile,
    ) -> Result<(Url, Health)> {
        let end = Instant::now() + self.health_patience();
        let mut pauses = self.pauses();
        loop {
            let patience = end.saturating_duration_since(Instant::now());
            let (url, health) = self.healthy(target, site, patience).await?;
            let is_it = health.version.trim_start_matches('v') == version && health.profile == profile.as_str();
            if is_it || Instant::now() >= end {
                return Ok((url, health));
            }
            pauses.sleep().await;
        }
    }

    /// Where a site is reached: where it is said to be, or else where its target says. A compose target holds what is said to
    /// the port that it publishes.
    pub(super) async fn addresses(&self, target: &dyn Deployable, site: &Site) -> Result<Vec<Url>> {
        match (&site.target, &site.url) {
            (Target::Phala { .. }, Some(url)) => Ok(vec![url.clone()]),
            (Target::Phala { .. }, None) | (Target::Compose { .. }, _) => target.addresses().await,
        }
    }

    /// Where production answers, and its health, once it is healthy.
    pub(super) async fn healthy(
        &self,
        target: &dyn Deployable,
        site: &Site,
        patience: Duration,
    ) -> Result<(Url, Health)> {
        let end = Instant::now() + patience;
        let mut pauses = self.pauses();
        let addresses = loop {
            let addresses = self.addresses(target, site).await?;
            if !addresses.is_empty() {
                break addresses;
            }
            if Instant::now() >= end {
                return Err(Error::remote(format!("{} has no address", target.describe())));
            }
            pauses.sleep().await;
        };
        until_healthy(&addresses, end.saturating_duration_since(Instant::now()), self.context).await
    }
}
