//! How time passes while a command waits for it. In the real world it passes by itself. A sandbox lets it pass faster: the
//! clock is put forward by what was to be waited for, and next to nothing is waited.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::{Context, Endpoints};
use crate::{
    adapters::{http::is_loopback, target::Docker},
    rollout::inputs::{Inputs, Site, Target},
};

/// What is really waited in a sandbox, however long the wait: others have their turn.
const BREATH: Duration = Duration::from_millis(10);

/// The pace of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    /// Milliseconds that the clock is put forward; `None` in the real world, where it never is.
    ahead: Option<Arc<AtomicI64>>,
}

impl Pace {
    /// That of a sandbox.
    #[cfg(feature = "sandbox")]
    pub(crate) fn compressed() -> Self {
        Self { ahead: Some(Arc::default()) }
    }

    /// Whether waits are cut short.
    pub(crate) fn is_compressed(&self) -> bool {
        self.ahead.is_some()
    }

    /// The time, when the clock says `now`.
    pub(super) fn time(&self, now: Timestamp) -> Timestamp {
        let Some(ahead) = &self.ahead else { return now };
        let ahead = SignedDuration::from_millis(ahead.load(Ordering::SeqCst));
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Puts the clock of a sandbox forward to `time`, where it is behind it: an earlier run had it there.
    pub(super) fn not_before(&self, now: Timestamp, time: Timestamp) {
        if let Some(ahead) = &self.ahead {
            let behind = i64::try_from(time.duration_since(now).as_millis()).unwrap_or(i64::MAX);
            ahead.fetch_add(behind.max(0), Ordering::SeqCst);
        }
    }

    /// Waits until `due`, when the time is `now`.
    pub(super) async fn wait(&self, now: Timestamp, due: Timestamp) {
        let left = due.duration_since(now);
        let Some(ahead) = &self.ahead else {
            if let Ok(left) = Duration::try_from(left) {
                tokio::time::sleep(left).await;
            }
            return;
        };
        let left = i64::try_from(left.as_millis()).unwrap_or(i64::MAX).max(0);
        // A little further: what is left of a millisecond is cut off.
        ahead.fetch_add(left.saturating_add(1), Ordering::SeqCst);
        tokio::time::sleep(BREATH).await;
    }
}

impl Context {
    /// The same for a rollout of `inputs`: its time is cut short only where both places are in a sandbox on this machine.
    pub(crate) fn paced(&self, inputs: &Inputs) -> Self {
        let pace = if self.is_near(inputs) { self.pace.clone() } else { Pace::default() };
        Self { pace, ..self.clone() }
    }

    /// Whether both places of a rollout can be in a sandbox.
    pub(crate) fn is_near(&self, inputs: &Inputs) -> bool {
        is_near(inputs, || Docker::new(&self.endpoints.rollout.docker).stands_in())
    }

    /// The same in real time, whatever the pace: what a service dates and signs is judged by its clock.
    pub(crate) fn in_real_time(&self) -> Self {
        Self { pace: Pace::default(), ..self.clone() }
    }
}

/// Whether both places can be in a sandbox: they are reached on this machine, and a compose file is run by what stands in the
/// place of Docker.
fn is_near(inputs: &Inputs, stands_in: impl Fn() -> bool) -> bool {
    let near = |site: &Site| {
        site.url.as_ref().is_none_or(is_loopback)
            && match &site.target {
                Target::Phala { .. } => true,
                Target::Compose { .. } => stands_in(),
            }
    };
    near(&inputs.staging) && near(&inputs.production)
}

/// The pace of a command that the environment leads to a sandbox which is served. Time is cut short where everything that a
/// rollout changes or relies on is on this machine, and nowhere else: a real rollout takes the time it takes.
pub(super) fn of_a_sandbox(endpoints: &Endpoints) -> Pace {
    let phala = Url::parse(&endpoints.phala.url).ok();
    let near = [Some(&endpoints.api_url), Some(&endpoints.pccs_url), phala.as_ref()];
    match cfg!(feature = "sandbox") && near.into_iter().all(|url| url.is_some_and(is_loopback)) {
        true => Pace { ahead: Some(Arc::default()) },
        false => Pace::default(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_compressed_wait_puts_the_clock_forward_and_takes_no_time() {
        let (pace, start) = (Pace::compressed(), Timestamp::UNIX_EPOCH);
        let due = start + SignedDuration::from_hours(1);
        let began = std::time::Instant::now();
        pace.wait(pace.time(start), due).await;
        assert!(began.elapsed() < Duration::from_secs(60));
        assert!(pace.time(start) >= due && pace.clone().time(start) >= due);
        // What is over already is not waited for, and the clock never goes back.
        pace.wait(pace.time(start), start).await;
        assert!(pace.time(start) >= due);
    }

    #[tokio::test]
    async fn the_clock_of_an_earlier_run_is_gone_on_from() {
        let (pace, start) = (Pace::compressed(), Timestamp::UNIX_EPOCH);
        let earlier = start + SignedDuration::from_mins(30);
        pace.not_before(pace.time(start), earlier);
        pace.not_before(pace.time(start), start);
        assert_eq!(pace.time(start), earlier);
    }

    #[test]
    fn time_is_cut_short_only_where_both_places_can_be_in_a_sandbox() {
        let given = crate::rollout::fixtures::inputs();
        let (real, stand_in) = (|| false, || true);
        assert!(is_near(&given, real));
        let at = |url: &str| Inputs {
            production: Site { url: Url::parse(url).ok(), ..given.production.clone() },
            ..given.clone()
        };
        assert!(is_near(&at("http://127.0.0.1:4000/"), real));
        assert!(!is_near(&at("https://kms.example.com/"), stand_in));
        let target = Target::Compose {
            file: crate::rollout::words::Remark::new("/srv/kms.yaml"),
            service: "kms".parse().unwrap(),
            unmeasured: false,
        };
        let composed = Inputs { staging: Site { target, ..given.staging.clone() }, ..given.clone() };
        assert!(!is_near(&composed, real));
        assert!(is_near(&composed, stand_in));
    }

    #[tokio::test]
    async fn the_real_clock_is_left_alone() {
        let (pace, start) = (Pace::default(), Timestamp::UNIX_EPOCH);
        pace.not_before(start, start + SignedDuration::from_hours(1));
        pace.wait(start, start + SignedDuration::from_millis(5)).await;
        assert_eq!(pace.time(start), start);
    }
}
