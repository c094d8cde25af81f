//! How something that takes a while is waited for: looked at again after longer and longer rests, and not for ever.

use std::time::{Duration, Instant};

/// The first rest.
const FIRST: Duration = Duration::from_millis(200);
/// The longest.
const LONGEST: Duration = Duration::from_secs(5);

/// Rests until the time is over.
pub(in crate::commands) struct Pace {
    until: Instant,
    next: Duration,
    longest: Duration,
}

impl Pace {
    /// So long from now.
    pub(in crate::commands) fn within(limit: Duration) -> Self {
        let now = Instant::now();
        Self { until: now.checked_add(limit).unwrap_or(now), next: FIRST, longest: LONGEST }
    }

    /// The same, with short rests where the service is on this machine.
    pub(in crate::commands) fn of(is_near: bool, limit: Duration) -> Self {
        Self { longest: if is_near { FIRST } else { LONGEST }, ..Self::within(limit) }
    }

    /// Rests for a while; `false` when the time is over.
    pub(in crate::commands) async fn rest(&mut self) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        tokio::time::sleep(self.next.min(left)).await;
        self.next = self.next.saturating_mul(3).div_f32(2.0).min(self.longest);
        true
    }
}
