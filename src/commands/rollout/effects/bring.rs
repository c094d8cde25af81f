//! A target is given a compose file, and waited for until it runs that; and where it is not known whether it was given one, it is
//! looked at until that is known.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{
    Effects,
    told::{half_done, refused, remark},
};
use crate::{
    adapters::target::{Applied, Current, Phase, Target as Deployable},
    error::{Result, chain},
    rollout::{
        record::{Came, Made},
        words::Remark,
    },
};

/// How long after it was asked for an update may still come to light.
const SETTLING: Duration = Duration::from_secs(60);
const SETTLING_COMPRESSED: Duration = Duration::from_secs(2);

/// A compose file that a target was to be given, and of which it is not known whether it was.
pub(super) struct Awaited<'a> {
    /// The target, in a sentence.
    pub(super) place: &'static str,
    pub(super) wanted: &'a str,
    /// When it was begun.
    pub(super) since: Timestamp,
    /// What is made where it is done.
    pub(super) made: Made,
}

impl Effects<'_> {
    /// Gives a target a compose file, and waits until it runs it.
    pub(super) async fn bring(&self, target: &dyn Deployable, wanted: &str, made: Made) -> Came {
        match target.apply(wanted).await {
            Ok(Applied::Begun | Applied::Unchanged) => {}
            Ok(Applied::Refused(error)) => return Came::Refused(remark(&error)),
            Ok(Applied::Unknown(error)) => return Came::Unknown(remark(&error)),
            Err(error) => return refused(&error),
        }
        let end = Instant::now() + self.start_patience();
        let mut pauses = self.pauses();
        loop {
            let last = match target.current().await {
                Ok(Current { compose: Some(compose), phase: Phase::Running }) if compose == wanted => {
                    return Came::Done(made);
                }
                Ok(Current { phase: Phase::Failed(why), .. }) => return half_done(made, &why),
                Ok(current) => said(&current),
                // It may be out of reach while it restarts.
                Err(error) => chain(&error),
            };
            if Instant::now() >= end {
                return half_done(made, &format!("it does not run what it was given: {last}"));
            }
            pauses.sleep().await;
        }
    }

    /// Looks whether a target was given the file that is awaited. One that does not say so in time is not left as it is.
    pub(super) async fn find(
        &self,
        awaited: Awaited<'_>,
        target: impl AsyncFn() -> Result<Box<dyn Deployable>>,
    ) -> Came {
        let Awaited { place, wanted, since, made } = awaited;
        let settling = if self.context.pace.is_compressed() { SETTLING_COMPRESSED } else { SETTLING };
        let end = Instant::now() + self.start_patience();
        let mut pauses = self.pauses();
        loop {
            let looked = match target().await {
                Ok(target) => target.current().await,
                Err(error) => Err(error),
            };
            let waited = Duration::try_from(self.context.now().duration_since(since)).unwrap_or_default();
            let (is_over, settled) = (Instant::now() >= end, waited >= settling);
            match looked {
                Ok(Current { phase: Phase::Failed(why), .. }) => return half_done(made, &why),
                Ok(Current { phase: Phase::Running, compose: Some(compose) }) if compose == wanted => {
                    return Came::Done(made);
                }
                Ok(Current { phase: Phase::Running, compose: Some(_) }) if settled => {
                    return Came::NeverDone(Remark::new(&format!("{place} runs what it ran before")));
                }
                // The file was written, and the program that was to bring it up was never called or ended before it did.
                Ok(Current { phase: Phase::Behind(why), .. }) if settled => {
                    return Came::NeverDone(Remark::new(&format!("{place} was not brought up: {why}")));
                }
                Ok(current) if is_over => {
                    return half_done(made, &format!("{place} is neither old nor new: {}", said(&current)));
                }
                Err(error) if is_over => {
                    return half_done(made, &format!("{place} does not say what it runs: {}", chain(&error)));
                }
                Ok(_) | Err(_) => pauses.sleep().await,
            }
        }
    }
}

/// How far a target is, in words.
pub(super) fn said(current: &Current) -> String {
    match &current.phase {
        Phase::Running => "it runs what it ran before".to_owned(),
        Phase::Coming(word) => format!("it is `{word}`"),
        Phase::Behind(why) | Phase::Failed(why) => why.clone(),
    }
}
