//! One sample of production: its health, and what a few key requests come to. What that amounts to is the soak's business.

use std::time::Duration;

use jiff::Timestamp;

use super::{Effects, deployed, node::Kms, production::standing, releases::POLICY};
use crate::{
    adapters::http::HttpOptions,
    attestation::key_answer::KeyAnswer,
    commands::kms::health,
    error::{Result, chain},
    kms::{client::KmsClient, wire::Health},
    rollout::{
        path::Look,
        soak::{Phase, Sample},
        state::State,
    },
};

/// How long one question about health may take.
const QUESTION: Duration = Duration::from_secs(8);

impl Effects<'_> {
    /// Waits until a sample is due, and takes it. Production that cannot be asked is a bad sample, and no error; once production
    /// is switched, so is a sample that cannot be taken at all: the new KMS must not go on unwatched.
    ///
    /// # Errors
    /// Before the switch alone. Trust: what was kept differs from what was written. Usage or input: the node cannot ask.
    pub(super) async fn sample(&self, phase: Phase, due: Option<Timestamp>, state: &State) -> Result<Sample> {
        if let Some(due) = due {
            self.context.wait_until(due).await;
        }
        let at = self.context.now();
        let taken = Box::pin(self.taken(phase, at, state)).await;
        watched(phase, at, state.inputs().soak.requests, taken)
    }

    async fn taken(&self, phase: Phase, at: Timestamp, state: &State) -> Result<Sample> {
        let inputs = state.inputs();
        let (policy, rtmr3, node) = match phase {
            Phase::Baseline => {
                let policy = self.kept(state, Look::Previous, POLICY)?;
                (policy, self.learnt(state, Look::Previous, "rtmr3")?, standing(&inputs.production))
            }
            Phase::Soak => {
                let policy = self.kept(state, Look::KmsReleaseAgain, POLICY)?;
                (policy, self.learnt(state, Look::Production, "rtmr3")?, &inputs.production.node)
            }
        };
        let own = deployed::of_this_deployment(&policy, inputs.profile, rtmr3)?;
        let requests = inputs.soak.requests;
        let url = match self.target(&inputs.production).await {
            Ok(target) => self.addresses(target.as_ref(), &inputs.production).await,
            Err(error) => Err(error),
        };
        let url = match url.map(|addresses| addresses.into_iter().next()) {
            Ok(Some(url)) => url,
            Ok(None) => return Ok(bad(at, requests)),
            Err(error) => {
                tracing::warn!("production cannot be sampled: {}", chain(&error));
                return Ok(bad(at, requests));
            }
        };
        let options = HttpOptions {
            attempts: 1,
            request_timeout: self.context.http.request_timeout.min(QUESTION),
            ..self.context.http.clone()
        };
        let healthy = match KmsClient::new(&url, options)?.health().await {
            Ok(Ok(health)) => health::is_ready(&health) && self.is_expected(phase, &health, state),
            Ok(Err(_)) | Err(_) => false,
        };
        let (mut errors, mut latencies) = (0, Vec::new());
        for _ in 0..requests {
            match self.ask(Kms { url: &url, policy: &own, profile: inputs.profile }, node).await? {
                KeyAnswer::Released(key) => latencies.push(u32::try_from(key.latency.as_millis()).unwrap_or(u32::MAX)),
                KeyAnswer::Refused(refusal) => {
                    tracing::debug!("a key request was refused: {refusal}");
                    errors += 1;
                }
                KeyAnswer::NoVerdict(why) => {
                    tracing::debug!("a key request came to nothing: {why}");
                    errors += 1;
                }
            }
        }
        latencies.sort_unstable();
        let latency_ms = latencies.get(latencies.len() / 2).copied();
        Ok(Sample { at, healthy, requests, errors, latency_ms })
    }

    /// Whether the KMS says that it is of the release that runs in this phase.
    fn is_expected(&self, phase: Phase, health: &Health, state: &State) -> bool {
        let version = match phase {
            Phase::Baseline => state.fact(Look::Previous, "version").map(str::to_owned),
            Phase::Soak => Some(state.inputs().kms.version().to_string()),
        };
        version.is_some_and(|version| health.version.trim_start_matches('v') == version)
    }
}

/// A sample in which nothing was well.
fn bad(at: Timestamp, requests: u32) -> Sample {
    Sample { at, healthy: false, requests, errors: requests, latency_ms: None }
}

/// What a sample comes to that may not have been taken.
///
/// # Errors
/// As it was not taken, before the switch.
fn watched(phase: Phase, at: Timestamp, requests: u32, taken: Result<Sample>) -> Result<Sample> {
    match (phase, taken) {
        (Phase::Soak, Err(error)) => {
            tracing::warn!("production cannot be sampled: {}", chain(&error));
            Ok(bad(at, requests))
        }
        (Phase::Baseline | Phase::Soak, taken) => taken,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_sample_that_cannot_be_taken_is_a_bad_one_once_production_is_switched() {
        let at = Timestamp::UNIX_EPOCH;
        for error in [Error::input("no key file"), Error::trust("it differs"), Error::internal("a flaw")] {
            let sample = watched(Phase::Soak, at, 2, Err(error)).unwrap();
            assert_eq!(sample, Sample { at, healthy: false, requests: 2, errors: 2, latency_ms: None });
        }
        let failed = watched(Phase::Baseline, at, 2, Err(Error::input("no key file"))).unwrap_err();
        assert_eq!(failed.to_string(), "no key file");
    }
}
