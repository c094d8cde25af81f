//! A process that a test kills while a request of it is held.

use std::{
    process::Child,
    time::{Duration, Instant},
};

use super::LIMIT;

/// Waits until something of a process is held, or it ends by itself, and kills it in the first case. Whether that was so.
#[track_caller]
pub(crate) fn killed_when(mut child: Child, held: impl Fn() -> bool) -> bool {
    let end = Instant::now() + 2 * LIMIT;
    let is_held = loop {
        if held() {
            break true;
        }
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        assert!(Instant::now() < end, "nothing was held, and it did not end");
        std::thread::park_timeout(Duration::from_millis(5));
    };
    if is_held {
        child.kill().unwrap();
    }
    child.wait().unwrap();
    is_held
}
