//! What a path means to a promotion: a policy, evidence of a probe, a text for people, or nothing that it may touch.

use crate::{
    policy::promotion::{self, FOLDER},
    subject::profile::Profile,
};

/// What a path of a pull request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The policy of a profile.
    Policy(Profile),
    /// Evidence for the lists of a role in a profile.
    Evidence(promotion::Place),
    /// A text for people.
    Prose,
    /// Anything else.
    Other,
}

/// What `path` means. A name means something in one spelling only: what differs from it in case alone is another file to git.
pub fn place(path: &str) -> Place {
    if let Some(profile) = Profile::ALL.into_iter().find(|profile| promotion::policy_path(*profile) == path) {
        return Place::Policy(profile);
    }
    match promotion::Place::of(path) {
        Some(place) => Place::Evidence(place),
        None => prose(path),
    }
}

/// Texts for people, but for those in folders that decide who is asked or what runs.
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
    use crate::{
        policy::promotion::{Part, Target},
        subject::role::Role,
    };

    #[test]
    fn a_path_means_what_its_one_spelling_says() {
        let target = Target { role: Role::Kms, profile: Profile::Debug };
        let evidence = Place::Evidence(promotion::Place { target, number: 1, part: Part::Candidates });
        for (path, expected) in [
            ("policies/kms-phala-attestation-policy.debug.json", Place::Policy(Profile::Debug)),
            ("policies/probes/kms-debug/1.candidates.json", evidence),
            ("README.md", Place::Prose),
            ("policies/probes/README.md", Place::Prose),
            (".github/README.md", Place::Other),
            ("docs/.hidden/x.md", Place::Other),
            ("policies/kms-phala-attestation-policy.production.json", Place::Other),
            ("policies/kms-phala-attestation-policy.Debug.json", Place::Other),
            ("policies/kms-phala-attestation-policy.json", Place::Other),
            ("policies/probes/kms-debug/01.candidates.json", Place::Other),
            ("policies/probes/kms-debug/x/1.candidates.json", Place::Other),
            ("policies2/kms-phala-attestation-policy.debug.json", Place::Other),
            ("src/lib.rs", Place::Other),
            ("", Place::Other),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
    }
}
