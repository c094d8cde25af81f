//! `doctor`: what a machine and a repository lack to run the pipeline. Each finding says what to do.
//!
//! Judges what was observed: variables, answers of servers, outputs of tools. Observing is done elsewhere. No value of a
//! secret reaches a finding: of a secret it is only said whether it is there and whether it can be one.

pub mod machine;
pub mod settings;

use crate::report::CheckInfo;

/// Variables of the pipeline.
pub const VARIABLE: CheckInfo =
    CheckInfo { id: "doctor-variable", title: "each variable that the pipeline reads is set and well formed" };
/// Secrets of the pipeline.
pub const SECRET: CheckInfo =
    CheckInfo { id: "doctor-secret", title: "each secret that the pipeline reads is set and can be one" };
/// `merotee.toml`.
pub const CONFIG: CheckInfo =
    CheckInfo { id: "doctor-config", title: "merotee.toml is absent or can be read, and the paths in it exist" };
/// The token.
pub const TOKEN: CheckInfo =
    CheckInfo { id: "doctor-token", title: "the token is accepted by GitHub and may do what the pipeline does" };
/// The clock.
pub const CLOCK: CheckInfo = CheckInfo { id: "doctor-clock", title: "this machine's clock agrees with GitHub's" };
/// The trust root.
pub const TRUST_ROOT: CheckInfo =
    CheckInfo { id: "doctor-trust-root", title: "the trust root can be read and is not outdated" };
/// The services.
pub const SERVICE: CheckInfo =
    CheckInfo { id: "doctor-service", title: "each service that the pipeline talks to answers from here" };
/// The tools.
pub const TOOL: CheckInfo =
    CheckInfo { id: "doctor-tool", title: "each program that the pipeline runs is installed and starts" };

/// The rules, in report order.
pub const RULES: [CheckInfo; 8] = [VARIABLE, SECRET, CONFIG, TOKEN, CLOCK, TRUST_ROOT, SERVICE, TOOL];

/// What another place knows, if it could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<T> {
    /// It answered.
    Yes(T),
    /// It was not asked, or did not say; why, as half a sentence.
    No(String),
}
