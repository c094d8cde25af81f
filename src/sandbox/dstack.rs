//! Machines of the TDX platform with a dstack guest agent each: quotes with an event log that replays to their registers,
//! keys, events, and what the agent says of itself.
//!
//! A machine is in one place: its keys, its log and its faults. How it is asked is `http`'s, where it listens
//! `sockets`'. Machines of one application have the same keys, as replicas of one KMS do; a release keeps its
//! application over upgrades. As in dstack, a key follows from application and path, and the purpose has no part in it.

mod http;
mod sockets;

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;

pub use self::http::router;
pub(super) use self::sockets::Sockets;

use super::{
    boot::{Application, Boot},
    tdx::{Event, EventLog, EventVersion, Platform, QuoteRequest},
};
use crate::attestation::measurement::{Measurement, Registers};

/// What an agent does instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never answers.
    Hang,
    /// It answers with something that is not JSON.
    Garbage,
    /// It answers with this HTTP status and an error in words.
    Status(u16),
    /// Its quotes are empty, as on a machine without TDX. Other calls work.
    EmptyQuote,
    /// Its quotes are over other report data than it was given, and it says so. Other calls work.
    OtherReportData,
}

/// A machine that booted.
pub struct Machine {
    platform: Arc<Platform>,
    boot: Boot,
    keys: hmac::Key,
    state: Mutex<State>,
}

/// What changes while a machine runs.
struct State {
    /// The boot's events, and those of the application.
    events: Vec<Event>,
    fault: Option<Fault>,
}

/// A quote, and the log that explains it.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// A version 4 quote.
    pub quote: Vec<u8>,
    /// Replays to the quote's registers.
    pub log: EventLog,
    /// The quote's registers.
    pub registers: Registers<Measurement>,
}

impl Machine {
    /// A machine of `platform` after `boot`.
    pub fn new(platform: Arc<Platform>, boot: Boot) -> Self {
        let keys = hmac::Key::new(hmac::HMAC_SHA256, &platform.app_secret(&boot.app.id));
        let state = Mutex::new(State { events: boot.events.clone(), fault: None });
        Self { platform, boot, keys, state }
    }

    /// Makes the agent fail from now on, or work again.
    pub fn fail(&self, fault: Option<Fault>) {
        self.with(|state| state.fault = fault);
    }

    /// A quote over `report_data` with the registers of this moment, whatever the fault.
    pub fn evidence(&self, report_data: [u8; 64]) -> Evidence {
        let log = self.log();
        let registers = log.registers(self.boot.mrtd);
        let quote = self.platform.quote(&QuoteRequest::new(registers, report_data));
        Evidence { quote, log, registers }
    }

    /// The application's key at `path`: 32 bytes.
    pub fn key(&self, path: &str) -> [u8; 32] {
        let mut key = [0; 32];
        // HMAC-SHA256 gives 32 bytes: the zip takes them all.
        key.iter_mut().zip(hmac::sign(&self.keys, path.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
        key
    }

    /// Extends RTMR3 with an event of the application.
    pub fn emit(&self, name: &str, payload: &[u8]) {
        let event = Event::runtime(EventVersion::V1, name, payload);
        self.with(|state| state.events.push(event));
    }

    fn log(&self) -> EventLog {
        self.with(|state| EventLog::new(&state.events))
    }

    fn app(&self) -> &Application {
        &self.boot.app
    }

    fn fault(&self) -> Option<Fault> {
        self.with(|state| state.fault)
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // Nothing that holds the lock can leave the state half changed.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
