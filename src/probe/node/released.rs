//! What was measured beside what a release publishes already. A difference does not fail a probe: it measures what is to be
//! published, and Google's firmware changes without the image. What is published for another profile does.

use crate::{
    attestation::measurement::{Measurement, Register, Registers},
    policy::mrtds::{ProfileMeasurements, PublishedMrtds, compare},
    probe::checks::AS_RELEASED,
    report::{Finding, Status},
    subject::profile::Profile,
};

/// [`AS_RELEASED`]: each register of `machine` against what is published for its profile.
pub fn compared(
    release: &str,
    registers: &Registers<Measurement>,
    published: &PublishedMrtds,
    profile: Profile,
) -> Vec<Finding> {
    let stated = Registers::from_fn(|register| Some(*registers.get(register)));
    let judged = compare::compare(release, &stated, published, profile);
    let differing: Vec<Finding> = judged.into_iter().filter(|finding| finding.status != Status::Pass).collect();
    if differing.is_empty() {
        return vec![AS_RELEASED.pass(release, format!("all five registers are published for {profile}"))];
    }
    let others = others(registers, published, profile);
    let is_firmware = |finding: &Finding| finding.message.starts_with(Register::Mrtd.name());
    differing
        .into_iter()
        .map(|finding| {
            let help = if is_firmware(&finding) {
                "a new MRTD alone comes with new firmware of Google's: find out which, then publish both values"
            } else {
                "find out what changed, the image or the machine type, before this value is published"
            };
            Finding { check: AS_RELEASED.id, status: Status::Warn, ..finding }.help(help)
        })
        .chain((!others.is_empty()).then(|| {
            AS_RELEASED
                .fail(release, "this is a machine of another profile")
                .compared(profile.as_str(), others.join(", "))
                .help("name the image of the profile, or the profile of the image")
        }))
        .collect()
}

/// Other profiles whose published values the machine has where it has none of its own profile's. Every
/// profile has the same firmware and kind of machine, so what they measure into MRTD and RTMR0 says nothing.
fn others(registers: &Registers<Measurement>, published: &PublishedMrtds, profile: Profile) -> Vec<&'static str> {
    let own = published.profile(profile);
    let strange = [Register::Rtmr1, Register::Rtmr2, Register::Rtmr3]
        .into_iter()
        .filter(|register| own.is_none_or(|own| !own.allowed.register(*register).contains(registers.get(*register))));
    let strange: Vec<Register> = strange.collect();
    let has_any = |register: &Register, of: &ProfileMeasurements| {
        of.allowed.register(*register).contains(registers.get(*register))
    };
    let others = published.profiles.iter().filter(|other| other.profile != profile);
    others
        .filter(|other| strange.iter().any(|register| has_any(register, other)))
        .map(|other| other.profile.as_str())
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_from_a_release_is_told_and_does_not_fail() {
        let value = |byte: u8| Measurement::from_bytes([byte; 48]);
        let lists = |mrtd: u8| {
            let entry = json!({"mrtd": value(mrtd), "rtmr0": value(1), "rtmr1": value(1), "rtmr2": value(1),
                "rtmr3": value(1), "allowed_tcb_statuses": ["uptodate"]});
            let document = json!({"role": "node", "tag": "1.2.0", "profiles": {"debug": entry}});
            PublishedMrtds::parse("published-mrtds.json", document.to_string().as_bytes()).unwrap()
        };
        let registers = Registers::from_fn(|_| value(1));
        let statuses = |published: &PublishedMrtds, profile| -> Vec<Status> {
            compared("r", &registers, published, profile).iter().map(|finding| finding.status).collect()
        };
        assert_eq!(statuses(&lists(1), Profile::Debug), [Status::Pass]);
        assert!(statuses(&lists(2), Profile::Debug).iter().all(|status| *status == Status::Warn));
        assert_eq!(statuses(&lists(1), Profile::LockedReadOnly), [Status::Warn, Status::Fail]);
        assert_eq!(statuses(&lists(2), Profile::LockedReadOnly), [Status::Warn, Status::Fail]);
    }
}
