//! The time, as a value: whole seconds since 1970 UTC.

use std::{fmt, sync::Arc};

use jiff::Timestamp;

/// Says what time it is.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// The machine's. A clock before 1970 reads as 0, at which nothing is valid.
    pub fn system() -> Self {
        Self::new(|| u64::try_from(Timestamp::now().as_second()).unwrap_or_default())
    }

    /// Another one.
    pub fn new(seconds: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(seconds))
    }

    /// Seconds since 1970 UTC.
    pub fn now(&self) -> u64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
