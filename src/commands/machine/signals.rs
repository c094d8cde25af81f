//! Signals while what was made is taken down: the first one ends the command after that, the second one leaves it.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use crate::commands::stop::Orders;

/// Signals within this time are one: a key that is held, or a parent that passes on what it was sent.
const ONE_PRESS: Duration = Duration::from_secs(1);

/// Works until that is done; `None`: a signal came before.
pub(in crate::commands) async fn until_signal<T>(work: impl Future<Output = T>, orders: &mut Orders) -> Option<T> {
    tokio::select! {
        outcome = work => Some(outcome),
        () = orders.next() => None,
    }
}

/// Does `work` to its end; `None` where a second signal came. `interrupted` says whether the first one has come, and is set when
/// it does.
pub(in crate::commands) async fn to_the_end<T>(
    work: impl Future<Output = T>,
    orders: &mut Orders,
    interrupted: &mut bool,
) -> Option<T> {
    let mut work = pin!(work);
    let mut last = interrupted.then(Instant::now);
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            () = orders.next() => {
                if last.is_some_and(|at| at.elapsed() < ONE_PRESS) {
                    continue;
                }
                if *interrupted {
                    return None;
                }
                tracing::warn!("interrupted: what was made is still being taken down (a second signal leaves it)");
                *interrupted = true;
                last = Some(Instant::now());
            }
        }
    }
}
