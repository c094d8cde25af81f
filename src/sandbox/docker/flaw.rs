//! What is wrong with Docker, or with what it starts where nothing ran before, for as long as it lasts.

use crate::sandbox::phala;

/// A lasting fault. Everything that is not named stays good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The registry refuses every image.
    PullRefused,
    /// No container can be started.
    UpFails,
    /// No port is published.
    NoPort,
    /// What is started for the first time runs another version than its image's.
    OtherVersion,
    /// What is started for the first time runs on a machine in debug mode.
    DebugTd,
}

impl Flaw {
    /// What is wrong with the machine that a service is started on.
    pub(super) fn of_machine(self) -> Option<phala::Flaw> {
        match self {
            Self::OtherVersion => Some(phala::Flaw::OtherVersion),
            Self::DebugTd => Some(phala::Flaw::DebugTd),
            Self::PullRefused | Self::UpFails | Self::NoPort => None,
        }
    }
}
