//! A request that gets no answer, for a test that kills the client there: before it is carried out, or after.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The request that is held.
#[derive(Debug, Default)]
pub struct Hold(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many requests still pass, and whether the one after them is carried out.
    next: Option<(usize, bool)>,
    reached: bool,
}

impl Hold {
    /// Holds the request after so many others; it is carried out, or not.
    pub fn after(&self, requests: usize, carried_out: bool) {
        *self.lock() = State { next: Some((requests, carried_out)), reached: false };
    }

    /// Whether a request is held.
    pub fn holds(&self) -> bool {
        self.lock().reached
    }

    /// Holds none from now on.
    pub fn release(&self) {
        *self.lock() = State::default();
    }

    /// Counts a request. Never returns for one that is held and not carried out; `true` for one that is carried out first.
    pub(in crate::sandbox) async fn arrives(&self) -> bool {
        let held = {
            let mut state = self.lock();
            match &mut state.next {
                Some((left, _)) if *left > 0 => {
                    *left -= 1;
                    None
                }
                Some((_, carried_out)) => {
                    let carried_out = *carried_out;
                    state.next = None;
                    state.reached = !carried_out;
                    Some(carried_out)
                }
                None => None,
            }
        };
        match held {
            Some(false) => std::future::pending().await,
            Some(true) => true,
            None => false,
        }
    }

    /// Never returns: the request was carried out.
    pub(in crate::sandbox) async fn stays<T>(&self) -> T {
        self.lock().reached = true;
        std::future::pending().await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
