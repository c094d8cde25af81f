//! A target is given a compose file, and waited for until it runs that.

use std::time::{Duration, Instant};

use super::told::{half_done, refused, remark};
use crate::{
    adapters::target::{Applied, Current, Phase, Target as Deployable},
    error::chain,
    rollout::record::{Came, Made},
};

/// Between two looks at a target.
const PAUSE: Duration = Duration::from_millis(250);

/// Gives a target a compose file, and waits until it runs it.
pub(super) async fn bring(target: &dyn Deployable, wanted: &str, patience: Duration, made: Made) -> Came {
    match target.apply(wanted).await {
        Ok(Applied::Begun | Applied::Unchanged) => {}
        Ok(Applied::Refused(error)) => return Came::Refused(remark(&error)),
        Ok(Applied::Unknown(error)) => return Came::Unknown(remark(&error)),
        Err(error) => return refused(&error),
    }
    let end = Instant::now() + patience;
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
            return half_done(made, &format!("{} does not run what it was given: {last}", target.describe()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How far a target is, in words.
pub(super) fn said(current: &Current) -> String {
    match &current.phase {
        Phase::Running => "it runs what it ran before".to_owned(),
        Phase::Coming(word) => format!("it is `{word}`"),
        Phase::Failed(why) => why.clone(),
    }
}
