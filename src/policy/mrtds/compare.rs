//! A running machine against the measurements its release publishes, register by register.

use crate::{
    attestation::{
        measurement::{Measurement, Register},
        runtime::Stated,
    },
    policy::mrtds::{ProfileMeasurements, PublishedMrtds},
    report::{CheckInfo, Finding},
    subject::profile::Profile,
};

/// A running machine measures what its release publishes.
pub const RUNTIME_REGISTER: CheckInfo = CheckInfo {
    id: "runtime-register",
    title: "every register of a running machine holds a value its release publishes for the profile",
};

/// A running machine has the profile it is meant to have.
pub const RUNTIME_PROFILE: CheckInfo =
    CheckInfo { id: "runtime-profile", title: "a running machine measures as its own profile and as no other" };

/// The rules, for listings.
pub const RULES: [CheckInfo; 2] = [RUNTIME_REGISTER, RUNTIME_PROFILE];

/// Compares the registers of `machine` (its name, for the report) with what is published for `profile`: a finding a
/// register, and one about the profile as a whole.
pub fn compare(machine: &str, stated: &Stated, published: &PublishedMrtds, profile: Profile) -> Vec<Finding> {
    let Some(expected) = published.profile(profile) else {
        let message = format!("{} publishes nothing for {profile}", published.name);
        return vec![RUNTIME_REGISTER.fail(machine, message).help("compare with the file of a complete release")];
    };
    let mut findings: Vec<_> =
        Register::ALL.into_iter().map(|register| one(machine, stated, published, expected, register)).collect();
    findings.push(whole(machine, stated, published, profile));
    findings
}

fn one(
    machine: &str,
    stated: &Stated,
    published: &PublishedMrtds,
    expected: &ProfileMeasurements,
    register: Register,
) -> Finding {
    let profile = expected.profile;
    let list = expected.allowed.register(register);
    let Some(actual) = stated.get(register) else {
        return RUNTIME_REGISTER
            .missing(machine, format!("{register} is not stated"))
            .help("read all five registers of the machine: what is not compared is not verified");
    };
    if list.is_empty() {
        return RUNTIME_REGISTER
            .fail(machine, format!("{} publishes no value of {register} for {profile}", published.name))
            .help("an empty list proves nothing: probe the image and publish its measurements");
    }
    if list.contains(actual) {
        return RUNTIME_REGISTER.pass(machine, format!("{register} {} as published for {profile}", actual.short()));
    }
    let others: Vec<_> = holders(published, register, actual).filter(|p| *p != profile).map(Profile::as_str).collect();
    let of = if others.is_empty() { String::new() } else { format!("; it is the value of {}", others.join(" and ")) };
    let expected: Vec<_> = list.iter().map(ToString::to_string).collect();
    RUNTIME_REGISTER
        .fail(machine, format!("{register} is not what {profile} measures{of}"))
        .compared(expected.join(" or "), actual.to_string())
        .help(meaning(register))
}

/// The profiles whose list of `register` holds `value`.
fn holders(published: &PublishedMrtds, register: Register, value: &Measurement) -> impl Iterator<Item = Profile> {
    published.profiles.iter().filter(move |p| p.allowed.register(register).contains(value)).map(|p| p.profile)
}

/// What it means that a register holds another value than published.
fn meaning(register: Register) -> &'static str {
    match register {
        Register::Mrtd => "MRTD measures the virtual firmware: another TD image was started, or the host changed it",
        Register::Rtmr0 => {
            "RTMR0 measures the firmware's configuration: another machine type, memory size, device list, or Secure Boot \
             variables"
        }
        Register::Rtmr1 => "RTMR1 measures boot loader and kernel: another image or version was booted",
        Register::Rtmr2 => {
            "RTMR2 measures the kernel command line and initrd, and with them the root file system: it was booted with \
             other options, or from another disk"
        }
        Register::Rtmr3 => {
            "RTMR3 measures run-time events: another profile or application was started, or something extended it since"
        }
    }
}

fn whole(machine: &str, stated: &Stated, published: &PublishedMrtds, profile: Profile) -> Finding {
    let matches = |p: &ProfileMeasurements| {
        Register::ALL.iter().all(|r| stated.get(*r).is_some_and(|value| p.allowed.register(*r).contains(&value)))
    };
    let matching: Vec<_> = published.profiles.iter().filter(|p| matches(p)).map(|p| p.profile).collect();
    let names = |profiles: &[Profile]| profiles.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", ");
    let others: Vec<_> = matching.iter().copied().filter(|p| *p != profile).collect();
    match (matching.contains(&profile), others.is_empty()) {
        (true, true) => RUNTIME_PROFILE.pass(machine, format!("measures as {profile} and as no other profile")),
        (true, false) => RUNTIME_PROFILE
            .warn(machine, format!("measures as {profile}, and as well as {}", names(&others)))
            .help("the release does not tell these profiles apart: a machine of one passes for the other"),
        (false, false) => RUNTIME_PROFILE
            .fail(machine, "this is a machine of another profile")
            .compared(profile.as_str(), names(&others))
            .help("start the image of the right profile; a KMS of this profile gives it no key"),
        (false, true) => RUNTIME_PROFILE
            .fail(machine, format!("measures as no profile of {}", published.name))
            .compared(profile.as_str(), "none")
            .help("compare with the release the machine was started from; image families move to newer releases"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attestation::measurement::Registers,
        policy::fixtures::{measurement, mrtds_json, only, read_mrtds, statuses},
        report::Status,
        subject::role::Role,
    };

    fn published() -> PublishedMrtds {
        read_mrtds(&mrtds_json(Role::Node))
    }

    fn machine(profile: Profile) -> Stated {
        let published = published();
        Registers::from_fn(|r| published.profile(profile).and_then(|p| p.allowed.register(r).first().copied()))
    }

    #[test]
    fn a_machine_of_the_release_passes_in_every_register() {
        let findings = compare("m", &machine(Profile::Debug), &published(), Profile::Debug);
        assert_eq!(statuses(&findings), [Status::Pass; 6]);
    }

    #[test]
    fn another_register_fails_alone_and_says_what_it_means() {
        for register in Register::ALL {
            let mut stated = machine(Profile::Debug);
            *stated.get_mut(register) = Some(measurement(0xee));
            let findings = compare("m", &stated, &published(), Profile::Debug);
            let failed: Vec<_> = findings.iter().filter(|f| f.status == Status::Fail).collect();
            assert_eq!(failed.len(), 2, "{findings:#?}");
            let first = failed.first().map(|f| (f.check, f.help.clone().unwrap_or_default()));
            let (check, help) = first.unwrap_or_default();
            assert_eq!(check, RUNTIME_REGISTER.id);
            assert!(help.starts_with(&register.to_string()), "{help}");
        }
    }

    #[test]
    fn a_machine_of_another_profile_is_named() {
        let findings = compare("m", &machine(Profile::Debug), &published(), Profile::LockedReadOnly);
        let whole: Vec<_> = findings.iter().filter(|f| f.check == RUNTIME_PROFILE.id).cloned().collect();
        assert_eq!(only(&whole, Status::Fail).actual.as_deref(), Some("debug"));
        assert!(findings.iter().any(|f| f.message.contains("it is the value of debug")));
    }

    #[test]
    fn a_register_that_is_not_stated_is_missing_and_never_passes() {
        let mut stated = machine(Profile::Debug);
        *stated.get_mut(Register::Rtmr2) = None;
        let findings = compare("m", &stated, &published(), Profile::Debug);
        assert_eq!(only(&findings, Status::Missing).message, "RTMR2 is not stated");
    }

    #[test]
    fn nothing_published_for_the_profile_fails() {
        let empty = read_mrtds(&serde_json::json!({"profiles": {"debug": {}}}));
        let stated = machine(Profile::Debug);
        assert_eq!(statuses(&compare("m", &stated, &empty, Profile::LockedReadOnly)), [Status::Fail]);
        assert_eq!(statuses(&compare("m", &stated, &empty, Profile::Debug)), [Status::Fail; 6]);
    }
}
