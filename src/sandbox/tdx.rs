//! A software TDX platform: certificates, collateral, quotes and event logs that any DCAP verifier accepts, given its root,
//! and that none accepts under Intel's.
//!
//! Every key follows from the seed, every signature is deterministic and every time is the caller's: the same calls give
//! the same bytes. That makes it worthless for anything but a sandbox.

mod collateral;
mod event_log;
mod extension;
mod fault;
mod http;
mod machine;
mod pki;
mod quote;
mod status;

pub use collateral::Collateral;
pub use event_log::{App, BootRegister, Event, EventLog, EventVersion};
pub use fault::Fault;
pub use http::router;
pub use machine::FMSPC;
pub use quote::{DEBUG, QuoteRequest, QuoteVersion, SEPT_VE_DISABLE};
pub use status::Lag;

use jiff::Timestamp;

use self::{
    machine::Machine,
    pki::Pki,
    quote::Enclave,
    status::{Levels, TcbLevel},
};
use super::key::{Key, Seed};
use crate::{
    attestation::measurement::TcbStatus,
    error::{Error, Result},
};

/// How long before the platform's time its collateral was issued, in seconds: a day.
pub const ISSUED_BEFORE: i64 = 86_400;
/// How long collateral is valid, in seconds: Intel's thirty days.
pub const VALID_FOR: i64 = 30 * 86_400;

/// One machine and the services that vouch for it.
pub struct Platform {
    settings: Settings,
    machine: Machine,
    pki: Pki,
    attestation_key: Key,
    collateral: Collateral,
}

/// What a platform is built from.
#[derive(Clone)]
struct Settings {
    seed: Seed,
    window: Window,
    levels: Levels,
    faults: Vec<Fault>,
}

/// From when until when something is valid: Unix seconds, both included.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: i64,
    until: i64,
}

impl Window {
    /// The window of the same length that ended a second before this one began.
    fn passed(self) -> Self {
        let until = self.from.saturating_sub(1);
        Self { from: until.saturating_sub(self.until.saturating_sub(self.from)), until }
    }
}

impl Platform {
    /// A flawless platform, up to date, whose collateral was issued [`ISSUED_BEFORE`] `now` and is valid for
    /// [`VALID_FOR`]. Certificates are valid from 2020 to 2049.
    ///
    /// # Errors
    /// Usage when `now` is too near 1970 or too far away for certificates; internal when something cannot be encoded.
    pub fn new(seed: u64, now: Timestamp) -> Result<Self> {
        let from = now.as_second().saturating_sub(ISSUED_BEFORE);
        // Expired collateral is a window older, and nothing can be dated before 1970.
        if from < VALID_FOR {
            return Err(Error::usage("a TDX platform cannot be dated before 1970-03-01"));
        }
        Self::build(Settings {
            seed: Seed::new("tdx", seed),
            window: Window { from, until: from.saturating_add(VALID_FOR) },
            levels: Levels::current(),
            faults: Vec::new(),
        })
    }

    /// The same platform once more.
    ///
    /// # Errors
    /// As [`Platform::new`].
    pub fn twin(&self) -> Result<Self> {
        Self::build(self.settings.clone())
    }

    /// The same platform with a defect more. Keys stay.
    ///
    /// # Errors
    /// As [`Platform::new`].
    pub fn with_fault(self, fault: Fault) -> Result<Self> {
        let mut settings = self.settings;
        settings.faults.push(fault);
        Self::build(settings)
    }

    /// The same platform, whose TCB info now says `status` of it, open to `advisories` (`INTEL-SA-00001`).
    ///
    /// # Errors
    /// As [`Platform::new`].
    pub fn with_status(self, status: TcbStatus, advisories: &[&str]) -> Result<Self> {
        self.with_levels(|levels| levels.platform = level(status, advisories))
    }

    /// The same platform, whose TDX module now has `status` in the TCB info.
    ///
    /// # Errors
    /// As [`Platform::new`].
    pub fn with_module_status(self, status: TcbStatus, advisories: &[&str]) -> Result<Self> {
        self.with_levels(|levels| levels.module = level(status, advisories))
    }

    /// The same platform, whose quoting enclave now has `status` in the QE identity.
    ///
    /// # Errors
    /// As [`Platform::new`].
    pub fn with_enclave_status(self, status: TcbStatus, advisories: &[&str]) -> Result<Self> {
        self.with_levels(|levels| levels.enclave = level(status, advisories))
    }

    /// The same platform, whose TDX module is outdated at one time and not at another. Only TD 1.5 reports tell both.
    ///
    /// # Errors
    /// As [`Platform::new`].
    pub fn with_lag(self, lag: Lag) -> Result<Self> {
        self.with_levels(|levels| levels.lag = Some(lag))
    }

    fn with_levels(self, change: impl FnOnce(&mut Levels)) -> Result<Self> {
        let mut settings = self.settings;
        change(&mut settings.levels);
        Self::build(settings)
    }

    fn build(settings: Settings) -> Result<Self> {
        let Settings { seed, window, levels, faults } = &settings;
        let machine = Machine::new(*seed);
        let pki = Pki::new(*seed, &machine, *window, faults)?;
        let collateral = Collateral::new(&pki, &machine, levels, *window, faults)?;
        Ok(Self { attestation_key: seed.key("attestation", 0)?, machine, pki, collateral, settings })
    }

    /// The root certificate to trust, DER.
    pub fn root_der(&self) -> &[u8] {
        &self.pki.root_der
    }

    /// What a verifier needs beside quote, root and time. It leaves out the PCK chain: quotes carry that.
    pub fn collateral(&self) -> &Collateral {
        &self.collateral
    }

    /// The collateral as one JSON document, in the shape of dcap-qvl's `QuoteCollateralV3`.
    ///
    /// # Errors
    /// Internal, never seen.
    pub fn collateral_json(&self) -> Result<String> {
        serde_json::to_string_pretty(&self.collateral)
            .map_err(|e| Error::internal("cannot write sandbox collateral").because(e))
    }

    /// A quote of a TD on this machine.
    pub fn quote(&self, request: &QuoteRequest) -> Vec<u8> {
        Enclave {
            machine: &self.machine,
            pki: &self.pki,
            attestation_key: &self.attestation_key,
            faults: &self.settings.faults,
            lag: self.settings.levels.lag,
        }
        .quote(request)
    }

    /// The secret of a dstack application on this platform: what its keys are derived from.
    pub(in crate::sandbox) fn app_secret(&self, app_id: &[u8; 20]) -> [u8; 32] {
        self.settings.seed.bytes(&format!("app {}", hex::encode(app_id)), 0)
    }

    /// Measures `events` in order: the log and the registers it replays to. The machine has no say in either.
    pub fn event_log(&self, events: &[Event]) -> EventLog {
        EventLog::new(events)
    }
}

fn level(status: TcbStatus, advisories: &[&str]) -> TcbLevel {
    TcbLevel::new(status, advisories.iter().map(|&id| id.to_owned()).collect())
}
