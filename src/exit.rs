//! The only place where a verdict or an error becomes an exit code.

use crate::{
    error::{Class, Error},
    report::Verdict,
};

/// How a run ended, named; the numbers are written once, in [`Exit::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every required check passed, or the product was written.
    Success,
    /// The work could not be done, so there is no verdict.
    Failure,
    /// The caller's words were wrong.
    Usage,
    /// At least one check failed.
    Verification,
    /// A required asset or entry is missing, and nothing failed outright.
    Missing,
    /// The process was told to stop, by SIGINT or SIGTERM, before it was done: there is no verdict.
    Interrupted,
}

impl Exit {
    /// The process exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Verification => 10,
            Self::Missing => 11,
            // 128 and the number of SIGINT, as shells have it; one code for both signals.
            Self::Interrupted => 130,
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Success,
            Verdict::Undecided => Self::Failure,
            Verdict::Incomplete => Self::Missing,
            Verdict::Failed => Self::Verification,
        }
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error.class() {
            Class::Usage => Self::Usage,
            Class::Trust => Self::Verification,
            Class::Input | Class::Remote | Class::Internal => Self::Failure,
        }
    }
}
