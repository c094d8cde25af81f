//! Whether a policy admits a machine whose quote is genuine, without a word for people: a service decides by it.

use std::fmt;

use super::Verdict;
use crate::attestation::{
    measurement::{Allowed, Measurement, Register, Registers, TcbStatus},
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

/// Everything `allowed` objects to in a machine: empty when it is admitted. An absent or empty list admits nothing.
///
/// Every command and service that applies a policy to a machine decides by this.
pub fn violations(report: &TdReport, verdict: &Verdict, allowed: &Allowed) -> Vec<Violation> {
    objections(&report.registers, verdict.tcb, allowed)
}

/// As [`violations`], of a machine that is known by its measurements alone, such as one that a release publishes.
pub fn objections(registers: &Registers<Measurement>, tcb: TcbStatus, allowed: &Allowed) -> Vec<Violation> {
    let of_register = |register: Register| {
        (!allowed.admits(register, registers.get(register))).then_some(Violation::Register(register))
    };
    let firmware = (!allowed.tolerates(tcb)).then_some(Violation::Tcb(tcb));
    firmware.into_iter().chain(Register::ALL.into_iter().filter_map(of_register)).collect()
}

/// The part of [`violations`] that is about the machine's firmware.
pub(super) fn tcb_violation(verdict: &Verdict, allowed: &Allowed) -> Option<Violation> {
    (!allowed.tolerates(verdict.tcb)).then_some(Violation::Tcb(verdict.tcb))
}

/// The part of [`violations`] that is about one register.
pub(super) fn register_violation(report: &TdReport, register: Register, allowed: &Allowed) -> Option<Violation> {
    (!allowed.admits(register, report.registers.get(register))).then_some(Violation::Register(register))
}
