//! The node suite: a node boots, gives a quote, judges the KMS, gets its key, and is terminated; and four probes of whether
//! its own verifier can be fooled. A connection that is lost rejects nothing.

use super::guardrails::Made;
use crate::{
    attestation::measurement::Register,
    report::{CheckInfo, Finding},
    subject::profile::Profile,
    text::{excerpt, listed},
};

/// A node goes all the way.
pub const NODE_SUITE: CheckInfo = CheckInfo {
    id: "e2e-node-suite",
    title: "a node boots, gives a genuine quote, accepts the KMS by its quote, gets its key, and is gone when terminated",
};
/// A node's verifier cannot be fooled.
pub const ANTI_FAKE: CheckInfo = CheckInfo {
    id: "e2e-anti-fake",
    title: "a node's own verifier accepts its quote, and not with another nonce, a changed measurement or another application",
};

/// The step in which a node starts.
pub const BOOT: &str = "boot";
/// The step in which a node gives its quote.
pub const QUOTE: &str = "quote";
/// The step in which a node judges the KMS.
pub const JUDGED: &str = "KMS";
/// The step in which a node gets its key.
pub const KEY: &str = "key";
/// The step in which a node's machine is deleted.
pub const TERMINATE: &str = "terminate";

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It was taken: what was seen.
    Done(String),
    /// It failed.
    Failed(String),
    /// It is not known.
    Unknown(String),
    /// It was none of this run's to take: why.
    NotOurs(String),
}

/// A node that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRun {
    /// Its profile.
    pub profile: Profile,
    /// Boot, quote, judgement of the KMS, key and termination, each under its name.
    pub steps: Vec<(&'static str, Step)>,
    /// What its verifier made of each probe; `None` where the node has no endpoint that could be asked.
    pub anti_fake: Option<Vec<(Probe, Said)>>,
}

/// What a node's verifier is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Its own quote, over the nonce that it answers.
    Genuine,
    /// The same with another nonce.
    OtherNonce,
    /// The quote with one bit of a measurement changed.
    ChangedMeasurement(Register),
    /// The quote as that of another application.
    OtherApplication,
}

/// What a node's verifier says of a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Its verdict.
    Verdict {
        /// The quote is genuine.
        quote: bool,
        /// The quote holds the nonce.
        nonce: bool,
        /// The quote is of the application; `None` where it was not asked, or does not say.
        application: Option<bool>,
    },
    /// It refuses to judge: status and words.
    Refused(u16, String),
    /// It does not answer: why.
    Silent(String),
}

impl NodeRun {
    /// A node that never ran: why.
    pub fn not_booted(profile: Profile, why: &str) -> Self {
        let unreached = || Step::Unknown("not reached: the node did not boot".to_owned());
        let later = [QUOTE, JUDGED, KEY].map(|name| (name, unreached()));
        let steps = std::iter::once((BOOT, Step::Unknown(why.to_owned()))).chain(later).collect();
        Self { profile, steps, anti_fake: Some(Probe::unasked("the node did not boot")) }
    }

    /// Says what came of the machine.
    pub fn terminated(&mut self, step: Step) {
        self.steps.retain(|(name, _)| *name != TERMINATE);
        self.steps.push((TERMINATE, step));
    }
}

impl Probe {
    /// Every probe, the positive control first.
    pub const ALL: [Self; 4] =
        [Self::Genuine, Self::OtherNonce, Self::ChangedMeasurement(Register::Rtmr2), Self::OtherApplication];

    /// None of them was made: why.
    pub fn unasked(why: &str) -> Vec<(Self, Said)> {
        Self::ALL.map(|probe| (probe, Said::Silent(why.to_owned()))).to_vec()
    }
}

impl std::fmt::Display for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Genuine => f.write_str("its own quote"),
            Self::OtherNonce => f.write_str("another nonce"),
            Self::ChangedMeasurement(register) => write!(f, "one bit of {register} changed"),
            Self::OtherApplication => f.write_str("another application"),
        }
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verdict { quote, nonce, application } => {
                let mut rejected = Vec::new();
                for (what, accepted) in
                    [("quote", Some(*quote)), ("nonce", Some(*nonce)), ("application", *application)]
                {
                    if accepted == Some(false) {
                        rejected.push(what);
                    }
                }
                if rejected.is_empty() {
                    f.write_str("accepted")
                } else {
                    write!(f, "rejected for {}", listed(&rejected))
                }
            }
            Self::Refused(status, words) => write!(f, "{status} {}", excerpt(words)),
            Self::Silent(why) => write!(f, "no answer: {}", excerpt(why)),
        }
    }
}

/// Whether a probe came out as it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Right,
    Wrong,
    Unknown,
}

impl Probe {
    fn judge(self, said: &Said) -> Outcome {
        let Said::Verdict { quote, nonce, application } = *said else { return Outcome::Unknown };
        let right = |right: bool| if right { Outcome::Right } else { Outcome::Wrong };
        match (self, quote, nonce, application) {
            (Self::Genuine, quote, nonce, application) => right(quote && nonce && application != Some(false)),
            (Self::ChangedMeasurement(_), quote, _, _) => right(!quote),
            // Rejected, and not for what was changed: nothing is known of that.
            (Self::OtherNonce | Self::OtherApplication, false, _, _) => Outcome::Unknown,
            (Self::OtherNonce, true, nonce, _) => right(!nonce),
            (Self::OtherApplication, true, false, _) => Outcome::Unknown,
            // A verifier that does not say has not compared.
            (Self::OtherApplication, true, true, application) => right(application == Some(false)),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Genuine => "accepted",
            Self::OtherNonce => "rejected for nonce",
            Self::ChangedMeasurement(_) => "rejected for quote",
            Self::OtherApplication => "rejected for application",
        }
    }
}

/// What to do where no node was asked.
const NAME_ONE: &str = "name one with --node or --node-socket";

/// [`NODE_SUITE`] and [`ANTI_FAKE`]: every profile that must have been asked.
pub fn judged(profiles: &[Profile], runs: &[NodeRun]) -> Made {
    let mut made = Made::default();
    if runs.is_empty() {
        made.findings.push(NODE_SUITE.undecided("", "no node was asked").help(NAME_ONE));
        return made;
    }
    for profile in profiles {
        let Some(run) = runs.iter().find(|run| run.profile == *profile) else {
            let message = "no node of this profile was asked";
            made.findings.push(NODE_SUITE.undecided(profile.as_str(), message).help(NAME_ONE));
            continue;
        };
        made.findings.extend(run.steps.iter().map(|(name, step)| told(run.profile, name, step)));
        made.findings.extend(anti_fake(run));
    }
    made
}

fn told(profile: Profile, name: &str, step: &Step) -> Finding {
    let subject = format!("{profile} {name}");
    match step {
        Step::Done(what) => NODE_SUITE.pass(subject, what),
        Step::Failed(why) => NODE_SUITE.fail(subject, why),
        Step::Unknown(why) => NODE_SUITE.undecided(subject, why),
        Step::NotOurs(why) => NODE_SUITE.skip(subject, why),
    }
}

fn anti_fake(run: &NodeRun) -> Vec<Finding> {
    let profile = run.profile;
    let Some(probes) = run.anti_fake.as_ref().filter(|probes| !probes.is_empty()) else {
        let message = "the node's own verifier was not asked: no address of its admin API is known";
        return vec![ANTI_FAKE.undecided(profile.as_str(), message).help("name it with --node-url PROFILE=URL")];
    };
    let control = probes.iter().find(|(probe, _)| *probe == Probe::Genuine).map(|(probe, said)| probe.judge(said));
    let is_unsound = run.steps.iter().any(|(name, step)| *name == QUOTE && matches!(step, Step::Failed(_)));
    let finding = |(probe, said): &(Probe, Said)| {
        let subject = format!("{profile}, {probe}");
        let outcome = probe.judge(said);
        let compared = |finding: Finding| finding.compared(probe.expected(), said.to_string());
        match (outcome, control) {
            // One that rejects everything rejects fakes too.
            (Outcome::Right, Some(Outcome::Right)) => ANTI_FAKE.pass(subject, said.to_string()),
            (Outcome::Right, _) => {
                ANTI_FAKE.undecided(subject, format!("{said}, as the node's own quote is: that shows nothing"))
            }
            (Outcome::Wrong, _) if *probe == Probe::Genuine && is_unsound => {
                let message = "the node's quote failed here too: it does not show that the verifier is wrong";
                compared(ANTI_FAKE.undecided(subject, message))
                    .help("correct the node's quote first: see its finding above")
            }
            (Outcome::Wrong, _) if *probe == Probe::Genuine => {
                compared(ANTI_FAKE.fail(subject, "the verifier rejects a genuine quote"))
                    .help("correct that first: as long as it does, its other rejections prove nothing")
            }
            (Outcome::Wrong, _) => compared(ANTI_FAKE.fail(subject, "the node's verifier is wrong"))
                .help("do not deploy: a node that takes such a quote takes any KMS"),
            (Outcome::Unknown, _) => compared(ANTI_FAKE.undecided(subject, "the node gave no verdict")),
        }
    };
    probes.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Status;

    fn verdict(quote: bool, nonce: bool, application: Option<bool>) -> Said {
        Said::Verdict { quote, nonce, application }
    }

    fn run(probes: Vec<(Probe, Said)>) -> Vec<Status> {
        let run = NodeRun { profile: Profile::Debug, steps: Vec::new(), anti_fake: Some(probes) };
        judged(&[Profile::Debug], &[run]).findings.into_iter().map(|finding| finding.status).collect()
    }

    const CHANGED: Probe = Probe::ChangedMeasurement(Register::Rtmr2);

    fn honest() -> Vec<(Probe, Said)> {
        vec![
            (Probe::Genuine, verdict(true, true, None)),
            (Probe::OtherNonce, verdict(true, false, None)),
            (CHANGED, verdict(false, false, None)),
            (Probe::OtherApplication, verdict(true, true, Some(false))),
        ]
    }

    fn with(index: usize, said: Said) -> Vec<Status> {
        let probes = honest().into_iter().enumerate();
        run(probes.map(|(at, (probe, was))| (probe, if at == index { said.clone() } else { was })).collect())
    }

    #[test]
    fn an_honest_verifier_passes_all_four() {
        assert_eq!(run(honest()), [Status::Pass; 4]);
    }

    #[test]
    fn a_fake_that_is_accepted_fails() {
        for (index, said) in [
            (1, verdict(true, true, None)),
            (2, verdict(true, true, None)),
            (3, verdict(true, true, Some(true))),
            (3, verdict(true, true, None)),
        ] {
            assert_eq!(with(index, said.clone()).get(index), Some(&Status::Fail), "{said:?}");
        }
    }

    #[test]
    fn a_lost_connection_an_error_and_a_rejection_for_something_else_are_no_rejection() {
        for said in [
            Said::Silent("connection reset".into()),
            Said::Refused(500, "collateral".into()),
            Said::Refused(404, "not found".into()),
        ] {
            for index in 0..4 {
                assert_eq!(with(index, said.clone()).get(index), Some(&Status::SkippedRequired), "{said:?}");
            }
        }
        assert_eq!(with(1, verdict(false, false, None)).get(1), Some(&Status::SkippedRequired));
        assert_eq!(with(3, verdict(false, true, Some(false))).get(3), Some(&Status::SkippedRequired));
    }

    #[test]
    fn a_verifier_that_rejects_everything_shows_nothing() {
        let statuses = with(0, verdict(false, true, None));
        let genuine = |steps| {
            let probes = Some(vec![(Probe::Genuine, verdict(true, false, None))]);
            let run = NodeRun { profile: Profile::Debug, steps, anti_fake: probes };
            let found = judged(&[Profile::Debug], &[run]).findings.pop();
            found.map(|finding| (finding.status, finding.message))
        };
        let wrong = "the verifier rejects a genuine quote".to_owned();
        assert_eq!(genuine(Vec::new()), Some((Status::Fail, wrong)));
        // A quote that fails here is no test of the node's verifier.
        let unsound = genuine(vec![(QUOTE, Step::Failed("the nonce differs".into()))]);
        assert_eq!(unsound.map(|(status, _)| status), Some(Status::SkippedRequired));
        assert_eq!(statuses, [Status::Fail, Status::SkippedRequired, Status::SkippedRequired, Status::SkippedRequired]);
        assert_eq!(run(vec![]), [Status::SkippedRequired]);
    }

    #[test]
    fn a_node_that_did_not_boot_is_no_verdict_at_any_step_and_one_that_is_still_there_fails() {
        let mut run = NodeRun::not_booted(Profile::Debug, "no room");
        run.terminated(Step::NotOurs("left running".into()));
        let statuses = |run: &NodeRun| -> Vec<_> {
            let made = judged(&[Profile::Debug], std::slice::from_ref(run));
            made.findings.into_iter().map(|finding| finding.status).collect()
        };
        let undecided = Status::SkippedRequired;
        assert_eq!(statuses(&run), [[undecided; 4].as_slice(), &[Status::Skipped], &[undecided; 4]].concat());
        run.terminated(Step::Failed("it is still there".into()));
        assert_eq!(statuses(&run), [[undecided; 4].as_slice(), &[Status::Fail], &[undecided; 4]].concat());
    }

    #[test]
    fn a_profile_that_was_not_asked_and_a_node_without_an_address_are_no_verdict() {
        let made = judged(&[Profile::Debug], &[]);
        assert_eq!(made.findings.iter().map(|finding| finding.status).collect::<Vec<_>>(), [Status::SkippedRequired]);
        let steps = vec![("key", Step::Done("in 12 ms".into()))];
        let run = NodeRun { profile: Profile::Debug, steps, anti_fake: None };
        let statuses: Vec<_> =
            judged(&[Profile::Debug], &[run]).findings.into_iter().map(|finding| finding.status).collect();
        assert_eq!(statuses, [Status::Pass, Status::SkippedRequired]);
    }
}
