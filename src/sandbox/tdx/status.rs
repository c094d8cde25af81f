//! How current TCB info and QE identity say the machine is, part by part.

use crate::attestation::measurement::TcbStatus;

/// How current each part of the machine is.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    /// The processor with its firmware.
    pub(super) platform: TcbLevel,
    /// The TDX module.
    pub(super) module: TcbLevel,
    /// The quoting enclave.
    pub(super) enclave: TcbLevel,
    /// When the TDX module was a version behind.
    pub(super) lag: Option<Lag>,
}

/// When the TDX module of a TD was a version behind: outdated then, and at no other time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lag {
    /// When the TD was started. The module has been updated under it.
    AtLaunch,
    /// Now. No real machine goes back; a verifier must not let one.
    Now,
}

impl Levels {
    /// Everything is current.
    pub(super) fn current() -> Self {
        let current = || TcbLevel::new(TcbStatus::UpToDate, Vec::new());
        Self { platform: current(), module: current(), enclave: current(), lag: None }
    }
}

/// The level that one part matches.
#[derive(Debug, Clone)]
pub(super) struct TcbLevel {
    status: TcbStatus,
    advisories: Vec<String>,
}

impl TcbLevel {
    pub(super) fn new(status: TcbStatus, advisories: Vec<String>) -> Self {
        Self { status, advisories }
    }

    /// Whether no newer level exists.
    pub(super) fn is_current(&self) -> bool {
        self.status == TcbStatus::UpToDate
    }

    /// Ids of the advisories that the level is open to.
    pub(super) fn advisories(&self) -> &[String] {
        &self.advisories
    }

    /// The status as Intel's documents spell it.
    pub(super) fn spelling(&self) -> &'static str {
        match self.status {
            TcbStatus::UpToDate => "UpToDate",
            TcbStatus::SwHardeningNeeded => "SWHardeningNeeded",
            TcbStatus::ConfigurationNeeded => "ConfigurationNeeded",
            TcbStatus::ConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
            TcbStatus::OutOfDate => "OutOfDate",
            TcbStatus::OutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
            TcbStatus::Revoked => "Revoked",
        }
    }
}
