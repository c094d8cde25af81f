//! One node before one KMS: what must come of it, what came of it, and what that amounts to.
//!
//! A refusal counts only when the KMS itself refuses for a measurement. A node that never asked, a KMS that does not answer
//! and an answer of something in between decide nothing.

use semver::Version;

use crate::{
    attestation::measurement::Register,
    report::{CheckInfo, Finding, Status, TrialRow},
    subject::profile::Profile,
    text::listed,
};

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The node gets its key.
    Admitted,
    /// The node is refused for what it measures.
    Refused,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    /// The node is admitted.
    Admitted,
    /// The node is refused, for these registers; never empty.
    Refused(Vec<Register>),
    /// The node is refused for another reason, in the service's words.
    RefusedOtherwise(String),
    /// The KMS does not start, so that no node is served: why.
    NotServed(String),
    /// It is not known: why.
    NoVerdict(String),
}

/// What is known of a node in a trial, where the trials of a part differ in that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// What its release publishes.
    Published,
    /// What a running node measures.
    Measured,
    /// What a running KMS answered it.
    RunningKms,
}

/// A machine's release and profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The release's version.
    pub version: Version,
    /// The profile.
    pub profile: Profile,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.version, self.profile)
    }
}

/// A node before a KMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The KMS.
    pub kms: Side,
    /// The node.
    pub node: Side,
    /// What must come of it.
    pub expected: Expected,
    /// What came of it.
    pub got: Got,
    /// The registers that the KMS's policy does not list of this very node, where that is known. A KMS that runs by its
    /// policy objects to no other.
    pub predicted: Option<Vec<Register>>,
    /// What it rests on, where that has to be said.
    pub basis: Option<Basis>,
    /// The node was seen to measure something other than its image publishes.
    pub is_other_image: bool,
}

/// What to do where there is no verdict.
pub(super) const AGAIN: &str = "find out why there was no answer, then run it again: only the KMS's own refusal counts";
/// What to do where a node measures something other than its image publishes.
const OTHER_IMAGE: &str = "the node does not measure what its image publishes: see part D";

impl Trial {
    /// What it amounts to, as a finding of `check`.
    pub fn finding(&self, check: CheckInfo) -> Finding {
        let basis = self.basis.map(|basis| format!(", {}", basis.as_str())).unwrap_or_default();
        let subject = format!("KMS {}, node {}{basis}", self.kms, self.node);
        let compared = |finding: Finding| finding.compared(self.expected.to_string(), self.got.to_string());
        let (message, help) = match (self.expected, &self.got) {
            (_, Got::NoVerdict(why)) => {
                return compared(check.undecided(subject, excerpt_of(why))).help(AGAIN);
            }
            (Expected::Admitted, Got::Admitted) | (Expected::Refused, Got::Refused(_)) => match self.surprise() {
                None => return check.pass(subject, self.got.to_string()),
                Some(surprise) => (surprise, "find out which policy the KMS runs by"),
            },
            (Expected::Admitted, Got::Refused(_)) if self.is_other_image => {
                ("a node of the listed pair gets no key".to_owned(), OTHER_IMAGE)
            }
            (Expected::Admitted, Got::Refused(_)) => (
                "a node of the listed pair gets no key".to_owned(),
                "either the pair does not belong in the catalog, or the policy lacks the image's measurements",
            ),
            (Expected::Admitted, Got::RefusedOtherwise(_)) => {
                ("a node of the listed pair gets no key".to_owned(), "look at the KMS's log: it has the cause")
            }
            (_, Got::NotServed(_)) => (
                "the KMS does not start with this policy".to_owned(),
                "run `merotee verify-release-assets` on its release",
            ),
            (Expected::Refused, Got::Admitted) if self.is_other_image => {
                ("a node got a key it must not get".to_owned(), OTHER_IMAGE)
            }
            (Expected::Refused, Got::Admitted) => (
                "a node got a key it must not get".to_owned(),
                "stop the rollout: the policy admits a machine that it must not",
            ),
            (Expected::Refused, Got::RefusedOtherwise(_)) => (
                "the refusal names no register: it shows no isolation".to_owned(),
                "look at the KMS's log, and ask with evidence that is sound",
            ),
        };
        compared(check.fail(subject, message)).help(help)
    }

    /// What is wrong although the outcome is the expected one.
    fn surprise(&self) -> Option<String> {
        let predicted = self.predicted.as_ref()?;
        match &self.got {
            Got::Admitted if !predicted.is_empty() => {
                Some(format!("a key although the policy does not list the node's {}", names(predicted)))
            }
            Got::Refused(named) => {
                let other: Vec<Register> = named.iter().copied().filter(|one| !predicted.contains(one)).collect();
                (!other.is_empty()).then(|| format!("refused for {}, which the policy lists", names(&other)))
            }
            Got::Admitted | Got::RefusedOtherwise(_) | Got::NotServed(_) | Got::NoVerdict(_) => None,
        }
    }

    /// As a row of the matrix.
    pub fn row(&self, status: Status) -> TrialRow {
        let (expected, got) = (self.expected.to_string(), self.got.to_string());
        let basis = self.basis.map(Basis::as_str);
        TrialRow { kms: self.kms.to_string(), node: self.node.to_string(), expected, got, basis, status }
    }
}

impl Basis {
    /// In a word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Measured => "measured",
            Self::RunningKms => "running KMS",
        }
    }
}

pub(super) fn excerpt_of(why: &str) -> String {
    crate::text::excerpt_within(format_args!("{why}"), MAX_WHY)
}

/// Most of a reason that is repeated, in characters.
const MAX_WHY: usize = 300;

/// Registers in a sentence.
fn names(registers: &[Register]) -> String {
    listed(&registers.iter().map(|register| register.name()).collect::<Vec<_>>())
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Admitted => "a key",
            Self::Refused => "no key",
        })
    }
}

impl std::fmt::Display for Got {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Admitted => f.write_str("a key"),
            Self::Refused(registers) => write!(f, "no key, for {}", names(registers)),
            Self::RefusedOtherwise(why) => write!(f, "no key: {}", excerpt_of(why)),
            Self::NotServed(why) => write!(f, "no service: {}", excerpt_of(why)),
            Self::NoVerdict(_) => f.write_str("no verdict"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::e2e::guardrails::ISOLATION as CHECK;

    fn trial(expected: Expected, got: Got, predicted: Option<Vec<Register>>) -> Trial {
        let side = |profile| Side { version: "1.2.0".parse().unwrap(), profile };
        let (kms, node) = (side(Profile::Debug), side(Profile::LockedReadOnly));
        Trial { kms, node, expected, got, predicted, basis: None, is_other_image: false }
    }

    #[test]
    fn what_to_do_about_a_refusal_and_a_key_depends_on_whether_the_node_runs_its_image() {
        for (expected, got, as_published) in [
            (Expected::Admitted, Got::Refused(vec![Register::Mrtd]), "the pair does not belong in the catalog"),
            (Expected::Refused, Got::Admitted, "stop the rollout"),
        ] {
            let help = |is_other_image| {
                let finding = Trial { is_other_image, ..trial(expected, got.clone(), None) }.finding(CHECK);
                finding.help.unwrap_or_default()
            };
            assert!(help(false).contains(as_published), "{}", help(false));
            assert!(help(true).contains("see part D"), "{}", help(true));
        }
    }

    #[test]
    fn a_pass_is_a_key_where_one_is_due_or_the_kms_s_own_refusal_for_a_register() {
        use Expected::{Admitted, Refused};
        let of = |got: &Got, expected| trial(expected, got.clone(), None).finding(CHECK).status;
        for (got, when_admitted, when_refused) in [
            (Got::Admitted, Status::Pass, Status::Fail),
            (Got::Refused(vec![Register::Rtmr2]), Status::Fail, Status::Pass),
            (Got::RefusedOtherwise("TCB status outofdate is not allowed".into()), Status::Fail, Status::Fail),
            (Got::NotServed("policy-tag".into()), Status::Fail, Status::Fail),
            (Got::NoVerdict("connection refused".into()), Status::SkippedRequired, Status::SkippedRequired),
        ] {
            assert_eq!((of(&got, Admitted), of(&got, Refused)), (when_admitted, when_refused), "{got}");
        }
    }

    #[test]
    fn a_kms_that_does_not_run_by_its_policy_is_found_out() {
        let of = |got, predicted: &[Register]| {
            let expected = if got == Got::Admitted { Expected::Admitted } else { Expected::Refused };
            trial(expected, got, Some(predicted.to_vec())).finding(CHECK)
        };
        let found = of(Got::Admitted, &[Register::Rtmr2]);
        assert_eq!((found.status, found.message.contains("RTMR2")), (Status::Fail, true));
        let found = of(Got::Refused(vec![Register::Mrtd, Register::Rtmr3]), &[Register::Rtmr3]);
        assert_eq!((found.status, found.message.as_str()), (Status::Fail, "refused for MRTD, which the policy lists"));
        assert_eq!(of(Got::Refused(vec![Register::Rtmr3]), &[Register::Rtmr2, Register::Rtmr3]).status, Status::Pass);
        assert_eq!(of(Got::Admitted, &[]).status, Status::Pass);
    }
}
