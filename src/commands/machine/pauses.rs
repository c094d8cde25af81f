//! Pauses between two questions about something that takes a while.

use std::time::Duration;

/// The first one; each is longer than the one before.
const FIRST: Duration = Duration::from_millis(250);
/// The longest.
const LONGEST: Duration = Duration::from_secs(5);
/// The same where the service is on this machine, and so are the machines it runs.
const LONGEST_NEARBY: Duration = FIRST;

/// Pauses that get longer.
pub(in crate::commands) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(in crate::commands) fn new() -> Self {
        Self { next: FIRST, longest: LONGEST }
    }

    /// Those between questions to a service that may be on this machine.
    pub(in crate::commands) fn of(is_near: bool) -> Self {
        Self { longest: if is_near { LONGEST_NEARBY } else { LONGEST }, ..Self::new() }
    }

    /// Sleeps, and longer the next time.
    pub(in crate::commands) async fn sleep(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 3 / 2).min(self.longest);
    }
}
