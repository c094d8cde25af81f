//! How current the platform's TCB info says the machine is.

use crate::attestation::measurement::TcbStatus;

/// The level the machine's patch levels match in the TCB info.
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
