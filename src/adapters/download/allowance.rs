//! How many bytes of assets a run may fetch altogether. Each asset has a bound of its own; a release of a thousand assets
//! would still fill a disk.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// The bytes that may still come. Shared by all downloads of a run.
#[derive(Debug)]
pub struct Allowance {
    limit: u64,
    left: AtomicU64,
    /// What servers announced: releases are read at the same time.
    announced: AtomicU64,
    /// What sets it, for errors: an option.
    set_by: &'static str,
}

impl Allowance {
    /// At most `limit` bytes, as `set_by` says.
    pub fn new(limit: u64, set_by: &'static str) -> Self {
        Self { limit, left: AtomicU64::new(limit), announced: AtomicU64::new(0), set_by }
    }

    /// No bound but those of the single assets.
    pub fn unlimited() -> Self {
        Self::new(u64::MAX, "")
    }

    /// Refuses what is too much by the server's own word, before a byte of it is fetched.
    ///
    /// # Errors
    /// Remote: `bytes` are more than what is left.
    pub(crate) fn expect(&self, bytes: u64, subject: &str) -> Result<()> {
        let fits = |announced: u64| announced.checked_add(bytes).filter(|all| *all <= self.limit);
        let left = self.left.load(Ordering::Relaxed);
        let announced = match self.announced.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) if bytes <= left => return Ok(()),
            Ok(announced) | Err(announced) => announced,
        };
        let left = left.min(self.limit.saturating_sub(announced));
        let Self { limit, set_by, .. } = self;
        let rest = if left == *limit { String::new() } else { format!(", and {left} are left") };
        let message = format!("{subject} has {bytes} bytes of assets; {set_by} allows {limit} a run{rest}");
        Err(Error::remote(message).help(format!("raise {set_by} if the release is really that large")))
    }

    /// Counts bytes that came, whatever a server had stated.
    ///
    /// # Errors
    /// Remote: they are more than what is left.
    pub(crate) fn take(&self, bytes: u64, subject: &str) -> Result<()> {
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)) {
            Ok(_) => Ok(()),
            Err(_) => {
                let Self { limit, set_by, .. } = self;
                let message = format!("{subject}: more bytes arrived than the {limit} a run that {set_by} allows");
                Err(Error::remote(message).help(format!("raise {set_by} if the release is really that large")))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_shrinks_with_what_came_and_too_much_is_refused_with_advice() {
        let allowance = Allowance::new(10, "--bound");
        allowance.expect(6, "a").unwrap();
        allowance.take(6, "a").unwrap();
        let error = allowance.expect(5, "release b").unwrap_err();
        assert_eq!(error.to_string(), "release b has 5 bytes of assets; --bound allows 10 a run, and 4 are left");
        assert_eq!(error.advice(), Some("raise --bound if the release is really that large"));
        allowance.take(4, "b").unwrap();
        // Two at the same time are refused before anything came.
        let together = Allowance::new(10, "--bound");
        together.expect(6, "a").unwrap();
        assert!(together.expect(5, "b").is_err());
        together.expect(4, "c").unwrap();
        assert_eq!(
            allowance.take(1, "c").unwrap_err().to_string(),
            "c: more bytes arrived than the 10 a run that --bound allows"
        );
        Allowance::unlimited().take(u64::MAX - 1, "d").unwrap();
    }
}
