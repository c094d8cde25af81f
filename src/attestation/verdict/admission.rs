//! Whether a policy admits a machine whose quote is genuine, without a word for people: a service decides by it.

use std::fmt;

use super::Verdict;
use crate::attestation::{
    measurement::{Allowed, Register, TcbStatus},
    quote::TdReport,
};

/// What a policy objects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    /// The platform's firmware is in a state the policy does not tolerate.
    Tcb(TcbStatus),
    /// The register holds a value the policy does not list.
    Register(Register),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcb(status) => write!(f, "TCB status {status} is not allowed"),
            Self::Register(register) => write!(f, "{register} is not allowed"),
        }
    }
}

/// Everything `allowed` objects to in a machine: empty when it is admitted. An empty list admits nothing.
pub fn violations(report: &TdReport, verdict: &Verdict, allowed: &Allowed) -> Vec<Violation> {
    let tcb = (!allowed.tolerates(verdict.tcb)).then_some(Violation::Tcb(verdict.tcb));
    let registers = Register::ALL
        .into_iter()
        .filter(|register| !allowed.admits(*register, report.registers.get(*register)))
        .map(Violation::Register);
    tcb.into_iter().chain(registers).collect()
}
