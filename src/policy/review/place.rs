//! What a path in a promotion means: a policy, evidence of a probe, or neither.

use crate::subject::{profile::Profile, role::Role};

/// The folder of the repository that holds its policies.
pub const FOLDER: &str = "policies";

/// What a path of a pull request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The policy of a profile.
    Policy(Profile),
    /// Evidence for the lists of a role in a profile.
    Evidence {
        /// The machines that were probed.
        role: Role,
        /// Their profile.
        profile: Profile,
        /// Which of several probes.
        number: u32,
        /// Which part of it.
        part: Part,
    },
    /// A text for people.
    Prose,
    /// Anything else.
    Other,
}

/// A part of the evidence of one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What it measured.
    Candidates,
    /// The Sigstore bundle over that.
    Bundle,
    /// The signature over that, by a key.
    Signature,
}

/// The path of a profile's policy.
pub fn policy(profile: Profile) -> String {
    format!("{FOLDER}/kms-phala-attestation-policy.{profile}.json")
}

/// The path of a part of a probe's evidence.
pub fn evidence((role, profile): (Role, Profile), number: u32, part: Part) -> String {
    let end = match part {
        Part::Candidates => "candidates.json",
        Part::Bundle => "candidates.bundle.json",
        Part::Signature => "candidates.sig",
    };
    format!("{FOLDER}/probes/{}-{profile}/{number}.{end}", role.as_str())
}

/// What `path` means. A name means something in one spelling only: what differs from it in
/// case alone is another file to git.
pub fn place(path: &str) -> Place {
    let Some(rest) = path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')) else { return prose(path) };
    if let Some(profile) = Profile::ALL.into_iter().find(|profile| policy(*profile) == path) {
        return Place::Policy(profile);
    }
    rest.strip_prefix("probes/").and_then(probe).unwrap_or_else(|| prose(path))
}

/// `kms-debug/1.candidates.json`
fn probe(rest: &str) -> Option<Place> {
    let (of, file) = rest.split_once('/')?;
    let (number, part) = file.split_once('.')?;
    let part = match part {
        "candidates.json" => Part::Candidates,
        "candidates.bundle.json" => Part::Bundle,
        "candidates.sig" => Part::Signature,
        _ => return None,
    };
    let role = Role::ALL.into_iter().find(|role| of.strip_prefix(role.as_str()).is_some_and(|rest| rest.starts_with('-')))?;
    let profile = of.strip_prefix(role.as_str())?.strip_prefix('-')?;
    let profile = Profile::ALL.into_iter().find(|known| known.as_str() == profile)?;
    let value: u32 = number.parse().ok().filter(|value| *value > 0 && *value <= 9)?;
    (value.to_string() == number).then_some(Place::Evidence { role, profile, number: value, part })
}

/// Texts for people, but for those that decide who is asked or what runs.
fn prose(path: &str) -> Place {
    let guarded = path.starts_with('.') || path.contains("/.");
    if !guarded && path.ends_with(".md") { Place::Prose } else { Place::Other }
}

/// The names that mean something.
pub(super) fn known() -> String {
    format!("{FOLDER}/kms-phala-attestation-policy.PROFILE.json or {FOLDER}/probes/ROLE-PROFILE/N.candidates…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_what_its_one_spelling_says() {
        let evidence = |role, profile, number, part| Place::Evidence { role, profile, number, part };
        for (path, expected) in [
            ("policies/kms-phala-attestation-policy.debug.json", Place::Policy(Profile::Debug)),
            ("policies/probes/kms-debug/1.candidates.json", evidence(Role::Kms, Profile::Debug, 1, Part::Candidates)),
            (
                "policies/probes/node-debug-read-only/9.candidates.bundle.json",
                evidence(Role::Node, Profile::DebugReadOnly, 9, Part::Bundle),
            ),
            ("README.md", Place::Prose),
            ("policies/probes/README.md", Place::Prose),
            (".github/README.md", Place::Other),
            ("docs/.hidden/x.md", Place::Other),
            ("policies/kms-phala-attestation-policy.production.json", Place::Other),
            ("policies/kms-phala-attestation-policy.Debug.json", Place::Other),
            ("policies/kms-phala-attestation-policy.json", Place::Other),
            ("policies/probes/kms-debug/01.candidates.json", Place::Other),
            ("policies/probes/kms-debug/0.candidates.json", Place::Other),
            ("policies/probes/kms-debug/10.candidates.json", Place::Other),
            ("policies/probes/kms-debug/1.candidates.json.json", Place::Other),
            ("policies/probes/kms-debug/x/1.candidates.json", Place::Other),
            ("policies/probes/kms/1.candidates.json", Place::Other),
            ("policies2/kms-phala-attestation-policy.debug.json", Place::Other),
            ("src/lib.rs", Place::Other),
            ("", Place::Other),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
        for profile in Profile::ALL {
            assert_eq!(place(&policy(profile)), Place::Policy(profile));
            for role in Role::ALL {
                for part in [Part::Candidates, Part::Bundle, Part::Signature] {
                    let path = super::evidence((role, profile), 3, part);
                    assert_eq!(place(&path), evidence(role, profile, 3, part));
                }
            }
        }
    }
}
