//! What a probe tolerates less than a judgement does: its candidates would have a weakness admitted for good.

use crate::{
    attestation::{ita, verdict},
    report::{Finding, Status},
};

/// A status of the TCB that no policy tolerates is not a basis for one: its warning is a failure.
pub fn intolerant(finding: Finding) -> Finding {
    if ![verdict::TCB.id, ita::TCB.id].contains(&finding.check) || finding.status != Status::Warn {
        return finding;
    }
    let help = "probe on a machine that is up to date, or give --expect-policy: a policy that tolerates the status";
    Finding { status: Status::Fail, help: Some(help.to_owned()), ..finding }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_about_the_tcb_fails_and_every_other_finding_stays() {
        for check in [verdict::TCB, ita::TCB] {
            assert_eq!(intolerant(check.warn("m", "out of date")).status, Status::Fail);
            assert_eq!(intolerant(check.pass("m", "up to date")).status, Status::Pass);
        }
        assert_eq!(intolerant(crate::probe::checks::AS_RELEASED.warn("m", "it differs")).status, Status::Warn);
    }
}
