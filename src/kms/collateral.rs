//! What quotes are judged by, kept ready: fetched once a kind of machine, renewed before it expires, and never used after.
//!
//! Collateral is not evidence by itself: everything in it is signed, and the verifier judges it with every quote. So this
//! module may be wrong without anybody getting a key. It decides how often somebody else's service is asked, and that only
//! what the verifier vouches for is used, kept on disk or put in the place of something else: a service that hands out
//! garbage for an hour must not take away what still counts for weeks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    adapters::pccs::{CollateralCache, Pccs},
    attestation::{
        quote::Platform,
        verdict::{Collateral, DcapVerifier},
    },
    error::{self, Error, Result},
};

/// Collateral that expires within this many seconds is renewed in the background: a day, of the thirty it is valid for.
const RENEW_WITHIN: u64 = 24 * 3600;
/// After a failure no service is asked again about the same kind of machine for this long.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Collateral that a quote was rejected by is fetched anew at most once in this time.
const PAUSE_AFTER_DOUBT: Duration = Duration::from_secs(60);
/// Longest that is waited for the service, attempts and pauses it asks for included: less than a node waits.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most kinds of machine remembered. Intel has certified some hundred.
const MAX_KINDS: usize = 512;

/// Where collateral comes from.
#[derive(Debug)]
pub struct CollateralSource {
    /// The service.
    pub pccs: Pccs,
    /// A folder that survives a restart.
    pub cache: Option<CollateralCache>,
    /// Sets given at the start, for a service that shall not depend on anybody.
    pub preloaded: Vec<Collateral>,
    /// Judges every set before it is used.
    pub verifier: Arc<DcapVerifier>,
}

/// Collateral by kind of machine.
#[derive(Debug)]
pub struct CollateralStore {
    source: CollateralSource,
    preloaded: Vec<Arc<Collateral>>,
    kinds: Mutex<HashMap<String, Arc<Kind>>>,
}

/// One kind of machine: same FMSPC, same certification authority.
#[derive(Debug)]
struct Kind {
    platform: Platform,
    current: RwLock<Option<Arc<Collateral>>>,
    /// Held while one caller asks, so that no other does.
    asking: tokio::sync::Mutex<Asked>,
}

/// What came of asking, and when.
#[derive(Debug, Default)]
struct Asked {
    failed: Option<(Instant, String)>,
    doubted: Option<Instant>,
}

impl Asked {
    /// Why no service is asked at `now`, if it is too early to ask again.
    fn pause(&self, now: Instant) -> Option<Error> {
        let (when, why) = self.failed.as_ref()?;
        let since = now.saturating_duration_since(*when);
        (since < PAUSE_AFTER_FAILURE)
            .then(|| Error::remote(format!("no collateral: asked {} s ago: {why}", since.as_secs())))
    }

    /// Whether a doubt at `now` is worth asking again for. It is noted then.
    fn is_worth_a_doubt(&mut self, now: Instant) -> bool {
        let worth = self.doubted.is_none_or(|when| now.saturating_duration_since(when) >= PAUSE_AFTER_DOUBT);
        if worth {
            self.doubted = Some(now);
        }
        worth
    }
}

impl CollateralStore {
    /// A store that holds what was preloaded, and asks for nothing yet.
    pub fn new(mut source: CollateralSource) -> Self {
        let preloaded = std::mem::take(&mut source.preloaded).into_iter().map(Arc::new).collect();
        Self { source, preloaded, kinds: Mutex::default() }
    }

    /// Collateral for `platform` all of which counts at `now` (seconds since 1970 UTC), asked for where none is
    /// [`ready`](Self::ready). Any number of callers that ask at
    /// the same time make one request.
    ///
    /// # Errors
    /// Remote: there is none and none can be had. Stale collateral is never returned.
    pub async fn get(self: &Arc<Self>, platform: &Platform, now: u64) -> Result<Arc<Collateral>> {
        let kind = self.kind(platform, now)?;
        // Work of its own: a caller that hangs up must not undo what others wait for.
        let store = Arc::clone(self);
        let work = tokio::spawn(async move { store.fill(&kind, now).await });
        work.await.map_err(|e| Error::internal("the search for collateral ended early").because(e))?
    }

    /// Collateral for `platform` that is at hand, so that no service need be asked.
    pub fn ready(&self, platform: &Platform, now: u64) -> Option<Arc<Collateral>> {
        self.kinds().get(&self.source.pccs.cache_key(platform))?.current(now)
    }

    async fn fill(&self, kind: &Kind, now: u64) -> Result<Arc<Collateral>> {
        let mut asked = kind.asking.lock().await;
        // The last holder of the lock may have got it.
        if let Some(current) = kind.current(now) {
            return Ok(current);
        }
        if let Some(too_early) = asked.pause(Instant::now()) {
            return Err(too_early);
        }
        if let Some(found) = self.at_hand(&kind.platform, now) {
            kind.set(Arc::clone(&found));
            return Ok(found);
        }
        self.ask(kind, &mut asked, now).await
    }

    /// A quote was rejected because of this collateral: it may have been overtaken, so it is fetched anew, once in a while.
    /// The old one stays until there is a better one.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn doubt(&self, platform: &Platform, now: u64) -> Result<()> {
        let kind = self.kind(platform, now)?;
        let mut asked = kind.asking.lock().await;
        if !asked.is_worth_a_doubt(Instant::now()) {
            return Ok(());
        }
        self.ask(&kind, &mut asked, now).await.map(drop)
    }

    /// Renews whatever expires soon. To be called now and then; a failure is logged and tried again next time, since what
    /// is there still counts.
    pub async fn renew(&self, now: u64) {
        let kinds: Vec<_> = self.kinds().values().map(Arc::clone).collect();
        for kind in kinds.into_iter().filter(|kind| kind.expires_within(RENEW_WITHIN, now)) {
            let mut asked = kind.asking.lock().await;
            if let Err(error) = self.ask(&kind, &mut asked, now).await {
                tracing::warn!(
                    fmspc = hex::encode(kind.platform.fmspc),
                    cause = error::chain(&error),
                    "collateral expires soon and cannot be renewed"
                );
            }
        }
    }

    async fn ask(&self, kind: &Kind, asked: &mut Asked, now: u64) -> Result<Arc<Collateral>> {
        let fetched = match tokio::time::timeout(PATIENCE, self.source.pccs.collateral(&kind.platform)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(Error::remote(format!("no collateral within {} s", PATIENCE.as_secs()))),
        };
        let fetched =
            fetched.and_then(|fetched| match self.source.verifier.vouches_for(&fetched, &kind.platform, now) {
                Ok(()) => Ok(fetched),
                Err(rejection) => Err(Error::remote("the service's collateral is not acceptable").because(rejection)),
            });
        match fetched {
            Ok(fetched) => {
                asked.failed = None;
                if let Some(cache) = &self.source.cache {
                    cache.keep(&self.source.pccs, &kind.platform, &fetched);
                }
                let fetched = Arc::new(fetched);
                kind.set(Arc::clone(&fetched));
                tracing::info!(
                    fmspc = hex::encode(kind.platform.fmspc),
                    until =
                        fetched.until().map(|dated| tracing::field::display(crate::text::time(dated.validity.until))),
                    "collateral fetched"
                );
                Ok(fetched)
            }
            Err(error) => {
                asked.failed = Some((Instant::now(), error::chain(&error)));
                Err(error)
            }
        }
    }

    /// What lies ready without asking anybody and holds: preloaded, or on disk.
    fn at_hand(&self, platform: &Platform, now: u64) -> Option<Arc<Collateral>> {
        let CollateralSource { pccs, cache, verifier, .. } = &self.source;
        let preloaded = self.preloaded.iter().find(|set| verifier.vouches_for(set, platform, now).is_ok());
        preloaded.map(Arc::clone).or_else(|| cache.as_ref()?.vouched(pccs, platform, verifier, now).map(Arc::new))
    }

    /// The entry of `platform`, made when there is none. Entries without collateral give way when there are too many.
    fn kind(&self, platform: &Platform, now: u64) -> Result<Arc<Kind>> {
        let mut kinds = self.kinds();
        let key = self.source.pccs.cache_key(platform);
        if let Some(kind) = kinds.get(&key) {
            return Ok(Arc::clone(kind));
        }
        if kinds.len() >= MAX_KINDS {
            kinds.retain(|_, kind| kind.current(now).is_some());
        }
        if kinds.len() >= MAX_KINDS {
            return Err(Error::remote("no collateral: too many kinds of machine"));
        }
        let kind = Arc::new(Kind {
            platform: platform.clone(),
            current: RwLock::default(),
            asking: tokio::sync::Mutex::default(),
        });
        kinds.insert(key, Arc::clone(&kind));
        Ok(kind)
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<String, Arc<Kind>>> {
        // Nothing can panic while it is held, and a map is whole between two calls anyway.
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kind {
    fn current(&self, now: u64) -> Option<Arc<Collateral>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|set| set.is_current(now)).map(Arc::clone)
    }

    fn set(&self, set: Arc<Collateral>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(set);
    }

    fn expires_within(&self, seconds: u64, now: u64) -> bool {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().is_some_and(|set| !set.is_current(now.saturating_add(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRIEF: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_no_service_is_asked_until_five_seconds_have_passed() {
        let mut asked = Asked::default();
        assert!(asked.pause(Instant::now()).is_none(), "nothing has failed yet");
        asked.failed = Some((Instant::now(), "503".to_owned()));
        for (passed, expected) in [
            (Duration::ZERO, Some("no collateral: asked 0 s ago: 503")),
            (Duration::from_secs(3), Some("no collateral: asked 3 s ago: 503")),
            (Duration::from_secs(2) - BRIEF, Some("no collateral: asked 4 s ago: 503")),
            (BRIEF, None),
            (Duration::from_secs(3600), None),
        ] {
            tokio::time::advance(passed).await;
            let said = asked.pause(Instant::now()).map(|error| error.to_string());
            assert_eq!(said.as_deref(), expected, "{passed:?} later");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubt_is_worth_asking_for_once_a_minute() {
        let mut asked = Asked::default();
        for (passed, worth) in [
            (Duration::ZERO, true),
            (Duration::ZERO, false),
            (Duration::from_secs(60) - BRIEF, false),
            (BRIEF, true),
            (Duration::from_secs(59), false),
            (Duration::from_secs(1), true),
        ] {
            tokio::time::advance(passed).await;
            assert_eq!(asked.is_worth_a_doubt(Instant::now()), worth, "{passed:?} later");
        }
    }
}
