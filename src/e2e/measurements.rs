//! Guardrail D: every machine that was seen measures what its release publishes, register by register. Any difference fails.
//!
//! A KMS's RTMR3 is left out: dstack extends it with the deployment, so it repeats for none. A node image has no dstack.

use super::{
    guardrails::{Made, NAME_THEM},
    release::{KmsRelease, Known, NodeRelease},
};
use crate::{
    attestation::measurement::{Measurement, Register, Registers},
    policy::mrtds::{ProfileMeasurements, PublishedMrtds},
    report::{CheckInfo, Finding},
    subject::{profile::Profile, role::Role, tag::Tag},
};

/// D: what is observed is what is published.
pub const MEASUREMENTS: CheckInfo = CheckInfo {
    id: "e2e-measurements",
    title: "every machine of the run measures what published-mrtds.json of its release says, register by register",
};

/// Registers of a KMS that repeat from one deployment to the next.
const OF_KMS: [Register; 4] = [Register::Mrtd, Register::Rtmr0, Register::Rtmr1, Register::Rtmr2];

/// A machine that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub role: Role,
    /// Its profile.
    pub profile: Profile,
    /// What its quote says.
    pub registers: Registers<Measurement>,
}

/// [`MEASUREMENTS`]: the machines that were seen, of these releases, in these profiles. Each profile needs a node and a KMS.
pub fn compared(
    kms: (&Tag, &Known<KmsRelease>),
    node: (&Tag, &Known<NodeRelease>),
    profiles: &[Profile],
    seen: &[Seen],
) -> Made {
    let mut made = Made::default();
    if seen.is_empty() {
        made.findings.push(MEASUREMENTS.undecided("", "no machine was seen to measure anything").help(NAME_THEM));
        return made;
    }
    for profile in profiles {
        for (role, tag) in [(Role::Kms, kms.0), (Role::Node, node.0)] {
            let mut machines: Vec<&Seen> =
                seen.iter().filter(|one| one.role == role && one.profile == *profile).collect();
            // One machine is seen whenever it asks, and counts once.
            machines.dedup_by(|a, b| a.registers == b.registers);
            let subject = format!("{tag} {profile}");
            if machines.is_empty() {
                let what = match role {
                    Role::Kms => "no KMS of this profile was seen to measure anything",
                    Role::Node => "no node of this profile was seen to measure anything",
                };
                made.findings.push(MEASUREMENTS.undecided(&subject, what));
            }
            let published = match role {
                Role::Kms => kms.1.stated().map(|release| release.published.as_ref()),
                Role::Node => node.1.stated().map(|release| Some(&release.published)),
            };
            for machine in machines {
                made.findings.extend(match published {
                    Some(Some(published)) => one(&subject, machine, published),
                    // Layouts of 2025 publish what nodes measure, and of a KMS nothing but what its policies list.
                    Some(None) => vec![MEASUREMENTS.skip(&subject, format!("{tag} publishes no measurements"))],
                    None => vec![MEASUREMENTS.undecided(&subject, format!("{tag} was not read"))],
                });
            }
        }
    }
    made
}

fn one(subject: &str, machine: &Seen, published: &PublishedMrtds) -> Vec<Finding> {
    let Some(expected) = published.profile(machine.profile) else {
        let message = format!("{} publishes nothing for {}", published.name, machine.profile);
        return vec![MEASUREMENTS.fail(subject, message).help("publish measurements of all three profiles")];
    };
    let registers: &[Register] = match machine.role {
        Role::Kms => &OF_KMS,
        Role::Node => &Register::ALL,
    };
    let differing = registers.iter().filter_map(|register| differs(subject, *register, machine, expected, published));
    let differing: Vec<Finding> = differing.collect();
    if differing.is_empty() {
        let left_out = match machine.role {
            Role::Kms => "; RTMR3 is of the deployment and left out",
            Role::Node => "",
        };
        return vec![MEASUREMENTS.pass(subject, format!("{} registers as published{left_out}", registers.len()))];
    }
    differing
}

fn differs(
    subject: &str,
    register: Register,
    machine: &Seen,
    expected: &ProfileMeasurements,
    published: &PublishedMrtds,
) -> Option<Finding> {
    let list = expected.allowed.register(register);
    let observed = machine.registers.get(register);
    if list.contains(observed) {
        return None;
    }
    let values: Vec<String> = list.iter().take(3).map(Measurement::short).collect();
    let published_values = if values.is_empty() { "no value".to_owned() } else { values.join(", ") };
    let finding = MEASUREMENTS
        .fail(subject, format!("{register} is not what {} says", published.name))
        .compared(published_values, observed.short());
    Some(finding.help("block the release: find out whether the image or the file is wrong, then measure again"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::Status;

    fn value(byte: u8) -> Measurement {
        Measurement::from_bytes([byte; 48])
    }

    fn published() -> PublishedMrtds {
        let entry =
            json!({"mrtd": value(1), "rtmr0": value(1), "rtmr1": value(1), "rtmr2": value(1), "rtmr3": value(1)});
        let document = json!({"role": "node", "tag": "1.2.0", "profiles": {"debug": entry}});
        PublishedMrtds::parse("published-mrtds.json", document.to_string().as_bytes()).unwrap()
    }

    fn statuses(seen: &[Seen]) -> Vec<(String, Status)> {
        let of_kms = KmsRelease { tag: kms(), policies: Vec::new(), published: Some(published()) };
        statuses_of(&Known::Stated(of_kms), seen)
    }

    fn kms() -> Tag {
        "mero-kms-v1.2.0".parse().unwrap()
    }

    fn statuses_of(of_kms: &Known<KmsRelease>, seen: &[Seen]) -> Vec<(String, Status)> {
        let node: Tag = "mero-tee-v1.2.0".parse().unwrap();
        let of_node = NodeRelease { tag: node.clone(), published: published() };
        let made = compared((&kms(), of_kms), (&node, &Known::Stated(of_node)), &[Profile::Debug], seen);
        made.findings.into_iter().map(|finding| (finding.message, finding.status)).collect()
    }

    fn seen(role: Role, change: Option<Register>) -> Seen {
        let registers = Registers::from_fn(|register| value(if Some(register) == change { 2 } else { 1 }));
        Seen { role, profile: Profile::Debug, registers }
    }

    #[test]
    fn every_register_that_differs_fails_and_rtmr3_counts_for_a_node_image_alone() {
        for register in Register::ALL {
            let found = statuses(&[seen(Role::Kms, Some(register)), seen(Role::Node, Some(register))]);
            let of_kms = if register == Register::Rtmr3 { Status::Pass } else { Status::Fail };
            let found: Vec<Status> = found.into_iter().map(|(_, status)| status).collect();
            assert_eq!(found, [of_kms, Status::Fail], "{register}");
        }
        assert!(statuses(&[seen(Role::Kms, None), seen(Role::Node, None)]).iter().all(|(_, s)| *s == Status::Pass));
    }

    #[test]
    fn a_kms_whose_layout_publishes_nothing_is_passed_over_and_one_that_was_not_read_is_no_verdict() {
        let seen = [seen(Role::Kms, None), seen(Role::Node, None)];
        let without = KmsRelease { tag: kms(), policies: Vec::new(), published: None };
        for (known, status) in [
            (Known::Stated(without), Status::Skipped),
            (Known::NotReleased, Status::SkippedRequired),
            (Known::NotTrusted("x".into()), Status::SkippedRequired),
            (Known::Unknown("x".into()), Status::SkippedRequired),
        ] {
            let found = statuses_of(&known, &seen);
            assert_eq!(
                found.iter().map(|(_, status)| *status).collect::<Vec<_>>(),
                [status, Status::Pass],
                "{known:?}"
            );
        }
        assert_eq!(statuses(&[]).len(), 1, "nothing that runs is said once");
    }

    #[test]
    fn what_was_not_seen_is_no_verdict_and_a_machine_seen_twice_is_one() {
        let found = statuses(&[seen(Role::Node, None), seen(Role::Node, None)]);
        assert_eq!(
            found.iter().map(|(_, status)| *status).collect::<Vec<_>>(),
            [Status::SkippedRequired, Status::Pass]
        );
        let found = statuses(&[seen(Role::Kms, None), seen(Role::Node, None), seen(Role::Node, Some(Register::Rtmr2))]);
        let expected = [Status::Pass, Status::Pass, Status::Fail];
        assert_eq!(found.iter().map(|(_, status)| *status).collect::<Vec<_>>(), expected);
    }
}
