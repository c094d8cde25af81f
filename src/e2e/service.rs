//! A KMS as the policy of its release makes it, in process: it starts by the rules that the service starts by, and admits
//! what the service admits.

use crate::{
    attestation::{
        key_answer::KeyAnswer,
        measurement::{Allowed, Measurement, Register, Registers, TcbStatus},
        verdict::{Violation, objections},
    },
    e2e::trial::{Expected, Got},
    policy::{
        acceptance::{self, Unacceptable},
        mrtds::ProfileMeasurements,
    },
    subject::{profile::Profile, tag::Tag},
};

/// A policy as a release publishes it: name and bytes.
pub type Document = (String, Vec<u8>);

/// The KMS of one profile of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// It starts, and this is what a node may be.
    Runs(Allowed),
    /// It starts, and gives a key to every genuine machine: its policy says `policy_not_ready`.
    NotReady,
    /// It does not start: why.
    Refuses(String),
}

impl Service {
    /// The KMS of `profile` of `release` with `policy`; `others` are the policies of the other profiles.
    pub fn start(policy: &Document, others: &[Document], profile: Profile, release: &Tag) -> Self {
        let (name, bytes) = policy;
        let refused = |why: Unacceptable| {
            let first =
                why.objections().first().map_or_else(|| "nothing vouches for it".to_owned(), ToString::to_string);
            Self::Refuses(first)
        };
        let accepted = match acceptance::accept(name, bytes, profile, release) {
            Ok(accepted) => accepted,
            Err(why) => return refused(why),
        };
        match acceptance::accept_roles(name, bytes, others) {
            Err(why) => refused(why),
            Ok(_) if !accepted.ready => Self::NotReady,
            Ok(_) => Self::Runs(accepted.node),
        }
    }

    /// What comes of a node that measures so, on firmware of this status.
    pub fn admits(&self, registers: &Registers<Measurement>, tcb: TcbStatus) -> Got {
        match self {
            Self::Refuses(why) => Got::NotServed(why.clone()),
            Self::NotReady => Got::NoVerdict("policy_not_ready: every genuine machine gets a key".to_owned()),
            Self::Runs(allowed) => Got::of(&objections(registers, tcb, allowed)),
        }
    }

    /// What comes of the machines that a node release publishes for a profile. Where several values are published, the one is
    /// taken that speaks most against what is expected: every machine must be admitted, and none.
    pub fn meets(&self, node: &ProfileMeasurements, expected: Expected) -> Got {
        if let Some(register) = Register::ALL.into_iter().find(|one| node.allowed.register(*one).is_empty()) {
            return Got::NoVerdict(format!("no value of {register} is published"));
        }
        let wanted = expected == Expected::Refused;
        let liked = |register: Register, value: &Measurement| match self {
            Self::Runs(allowed) => allowed.admits(register, value),
            Self::NotReady | Self::Refuses(_) => wanted,
        };
        let registers = Registers::from_fn(|register| {
            let values = node.allowed.register(register);
            let against = values.iter().find(|value| liked(register, value) == wanted);
            // There is one: an empty list was told before.
            against.or(values.first()).copied().unwrap_or_else(|| Measurement::from_bytes([0; 48]))
        });
        let tolerated = |status: &&TcbStatus| match self {
            Self::Runs(allowed) => allowed.tolerates(**status),
            Self::NotReady | Self::Refuses(_) => wanted,
        };
        let published = node.allowed.tcb();
        let against = published.iter().find(|status| tolerated(status) == wanted);
        let tcb = against.or(published.first()).copied().unwrap_or(TcbStatus::UpToDate);
        self.admits(&registers, tcb)
    }

    /// The registers of a machine that its policy does not list.
    pub fn objects_to(&self, registers: &Registers<Measurement>) -> Option<Vec<Register>> {
        match self {
            Self::Runs(allowed) => {
                let admitted = |register: &Register| allowed.admits(*register, registers.get(*register));
                Some(Register::ALL.into_iter().filter(|register| !admitted(register)).collect())
            }
            Self::NotReady | Self::Refuses(_) => None,
        }
    }
}

impl Got {
    /// What a KMS makes of a machine that its policy has these objections to.
    fn of(objections: &[Violation]) -> Self {
        let register = |objection: &Violation| match objection {
            Violation::Register(register) => Some(*register),
            Violation::Tcb(_) => None,
        };
        let registers: Vec<Register> = objections.iter().filter_map(register).collect();
        match (objections.first(), registers.is_empty()) {
            (None, _) => Self::Admitted,
            (Some(_), false) => Self::Refused(registers),
            (Some(firmware), true) => Self::RefusedOtherwise(firmware.to_string()),
        }
    }
}

impl From<&KeyAnswer> for Got {
    fn from(answer: &KeyAnswer) -> Self {
        match answer {
            KeyAnswer::Released(_) => Self::Admitted,
            KeyAnswer::Refused(refusal) if refusal.is_by_measurement() => Self::Refused(refusal.registers()),
            KeyAnswer::Refused(refusal) if refusal.is_of_the_node() => Self::RefusedOtherwise(refusal.to_string()),
            KeyAnswer::Refused(refusal) => Self::NoVerdict(refusal.to_string()),
            KeyAnswer::NoVerdict(why) => Self::NoVerdict(why.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
