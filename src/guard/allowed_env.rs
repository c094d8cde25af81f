//! `forbid-allowed-env`: no workflow, action, compose file, env file or Dockerfile may set what only a release says:
//! `ALLOWED_*` measurement overrides, `USE_ENV_POLICY`, `ACCEPT_MOCK_ATTESTATION`, `ENFORCE_MEASUREMENT_POLICY=false`.
//!
//! Bytes and a path in, findings with spans out. What is seen is what a file says: a name that is computed from something
//! outside the file, or set by a script or action that it only calls, is not. Which files there are is decided elsewhere.

mod code;
mod dockerfile;
mod expression;
mod hit;
mod line;
mod name;
mod process;
mod raw;
mod scan;
mod shell;
mod waiver;
mod yaml;

pub use hit::How;
pub use name::{Kind, forbidden};
pub use process::process;
pub use scan::{Candidate, File, FileKind, MAX_BYTES, Scanned, Terms, candidate, scan};

use crate::report::CheckInfo;

/// Nothing sets a measurement override.
pub const SET: CheckInfo = CheckInfo {
    id: "allowed-env",
    title: "no workflow, action, compose file, env file or Dockerfile sets a measurement override",
};
/// Every file that is scanned can be read.
pub const SYNTAX: CheckInfo =
    CheckInfo { id: "allowed-env-syntax", title: "every scanned file can be read and parsed" };
/// Every exception is granted as it must be.
pub const WAIVED: CheckInfo =
    CheckInfo { id: "allowed-env-waiver", title: "every waiver has a name, a reason and a last day, and is needed" };
/// The running environment sets nothing either.
pub const PROCESS: CheckInfo = CheckInfo {
    id: "allowed-env-process",
    title: "the environment of the running process sets no measurement override",
};

#[cfg(test)]
mod tests;
