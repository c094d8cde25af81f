//! What an event log must fulfil, as findings.

use super::{EventLog, EventLogError, Field, identity::IdentityError};
use crate::{
    attestation::measurement::{Measurement, Register, Registers},
    digest::Sha256,
    report::{CheckInfo, Finding},
    schema::excerpt::{capped, excerpt},
};

/// The log is well formed and its run-time events carry their own digests.
pub const EVENT_LOG: CheckInfo = CheckInfo {
    id: "event-log",
    title: "an event log is well formed, and every run-time event has the digest of its name and payload",
};
/// The log explains the quote.
pub const REPLAY: CheckInfo =
    CheckInfo { id: "event-log-replay", title: "the replay of an event log equals RTMR0 to RTMR3 of the quote" };
/// The log says who the application is, once.
pub const IDENTITY: CheckInfo = CheckInfo {
    id: "event-log-identity",
    title: "an event log states the application's identity before system-ready, and no later event repeats it",
};
/// The measured compose hash is the expected one.
pub const COMPOSE_HASH: CheckInfo = CheckInfo {
    id: "event-log-compose-hash",
    title: "the compose hash measured before system-ready is the hash of the expected app-compose.json",
};

/// Reads a log, or says in a finding of [`EVENT_LOG`] why it is not trusted.
///
/// # Errors
/// As [`EventLog::parse`], as a finding.
pub fn read(subject: &str, bytes: &[u8]) -> Result<EventLog, Box<Finding>> {
    EventLog::parse(bytes).map_err(|error| Box::new(unreadable(subject, &error)))
}

fn unreadable(subject: &str, error: &EventLogError) -> Finding {
    let help = match error {
        EventLogError::NoLog | EventLogError::Empty => {
            "give the JSON of an attest response, or of a dstack quote report, with its event log"
        }
        EventLogError::Json(_) | EventLogError::TwoLogs | EventLogError::TooLong(_) | EventLogError::Entry { .. } => {
            "do not trust this evidence: ask the machine for a new quote and log"
        }
    };
    EVENT_LOG.fail(subject, error.to_string()).help(help)
}

/// [`REPLAY`]: the log leads to the registers of `quote`, one finding a register. MRTD is not compared: no event
/// extends it.
pub fn replayed(subject: &str, log: &EventLog, quote: &Registers<Measurement>) -> Vec<Finding> {
    replayed_in(subject, log, quote, &Register::ALL)
}

/// [`replayed`], for some of the registers: a log may have been stripped of the events of the others.
pub fn replayed_in(
    subject: &str,
    log: &EventLog,
    quote: &Registers<Measurement>,
    registers: &[Register],
) -> Vec<Finding> {
    let replay = log.replay();
    let compare = |register: &Register| {
        let (actual, expected) = ((*replay.get(*register))?, quote.get(*register));
        Some(if actual == *expected {
            REPLAY.pass(subject, format!("{register} {}", actual.short()))
        } else {
            REPLAY
                .fail(subject, format!("{register} of the quote differs from the replay of the event log"))
                .compared(expected.to_string(), actual.to_string())
                .help("the log was altered, or belongs to another quote: trust nothing in it")
        })
    };
    registers.iter().filter_map(compare).collect()
}

/// [`IDENTITY`]: what the log says of the application, and what it says again later. One pass with the values that
/// count, or one failure; a warning for each event that repeats a name.
pub fn identity(subject: &str, log: &EventLog) -> Vec<Finding> {
    let identity = match log.identity() {
        Ok(identity) => identity,
        Err(error) => return vec![unclear(subject, &error)],
    };
    let mut findings = Vec::new();
    let value = |field: Field| match identity.get(field) {
        None => format!("no {field}"),
        Some([]) => format!("{field} empty"),
        Some(bytes) if field == Field::KeyProvider => {
            format!("{field} {}", excerpt(&String::from_utf8_lossy(bytes)))
        }
        Some(bytes) => format!("{field} {}", excerpt(&hex::encode(bytes))),
    };
    findings.push(IDENTITY.pass(subject, Field::ALL.map(value).join(", ")));
    if identity.system_ready.is_none() {
        findings.push(
            IDENTITY
                .warn(subject, "the log has no system-ready event: nothing marks where the application's events begin")
                .help("normal for a quote taken while the machine starts; otherwise the dstack image is very old"),
        );
    }
    let repeated = identity.repeated.iter().map(|again| {
        let (field, index) = (again.field, again.index);
        if again.by_application {
            IDENTITY
                .warn(subject, format!("entry {index}: a `{field}` event after system-ready was ignored"))
                .help("the application wrote it, and could have written anything: find out why")
        } else {
            IDENTITY.warn(subject, format!("entry {index}: a second `{field}` event before system-ready was ignored"))
        }
    });
    findings.extend(capped(repeated.collect()));
    findings
}

fn unclear(subject: &str, error: &IdentityError) -> Finding {
    IDENTITY
        .fail(subject, error.to_string())
        .help("the log can be read in more than one way: do not trust what it says of the application")
}

/// [`COMPOSE_HASH`]: the log's first `compose-hash` before `system-ready` is `expected`.
pub fn compose_hash(subject: &str, log: &EventLog, expected: Sha256) -> Finding {
    match log.identity().map(|identity| identity.compose_hash()) {
        Ok(Some(actual)) if actual == expected => COMPOSE_HASH.pass(subject, actual.to_string()),
        Ok(Some(actual)) => COMPOSE_HASH
            .fail(subject, "the machine runs a different app-compose.json")
            .compared(expected.to_string(), actual.to_string())
            .help("compare the bytes of both files: every byte counts, including a final newline"),
        Ok(None) => COMPOSE_HASH
            .fail(subject, "the log has no compose-hash event before system-ready")
            .compared(expected.to_string(), "no event"),
        Err(error) => COMPOSE_HASH.undecided(subject, error.to_string()),
    }
}
