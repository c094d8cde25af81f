//! Whether a pull request that promotes measurements into policies may be merged.
//!
//! Three questions, each answered from the commits themselves and never from what the pull request says of itself: does it
//! change nothing but policies and their evidence ([`files`]); was every value that is newly admitted measured by a probe
//! whose workflow signed it ([`evidence`], `values`); and did enough members of the team approve of just this commit
//! ([`approvals`]). Whatever cannot be answered keeps it from passing.
//!
//! Everything here is a function of a [`Case`]. Nothing asks GitHub, verifies a signature or posts a [`comment`].

pub mod approvals;
pub mod change;
pub mod comment;
pub mod evidence;
pub mod files;
pub mod place;
pub mod pull;
pub mod team;
mod told;
mod values;

use jiff::Timestamp;

use self::{
    change::Change,
    evidence::Probe,
    pull::{Files, PullRequest, PullState, Source, States, short},
    team::{Members, Team},
};
use super::{
    candidates::{CANDIDATES, CANDIDATES_AGREE},
    promotion::{FOLDER, PROMOTION},
    roles::ROLE_SEPARATION,
    suite,
};
use crate::{
    report::{Check, CheckInfo, Finding},
    schema::excerpt::excerpt,
};

/// The pull request can be merged, and stood still.
pub const STATE: CheckInfo = CheckInfo {
    id: "promotion-state",
    title: "the pull request is open and ready, for the right branch, up to date, and stood still meanwhile",
};
/// It has the label.
pub const LABEL: CheckInfo =
    CheckInfo { id: "promotion-label", title: "the pull request has the label that marks a promotion" };
/// It changes nothing but policies and evidence.
pub const FILES: CheckInfo =
    CheckInfo { id: "promotion-files", title: "a promotion changes policies and their evidence, and nothing else" };
/// The structure stays.
pub const SHAPE: CheckInfo =
    CheckInfo { id: "promotion-shape", title: "the structure of policies is unchanged, or has an architecture review" };
/// There is signed evidence.
pub const EVIDENCE: CheckInfo = CheckInfo {
    id: "promotion-evidence",
    title: "what is newly admitted has signed candidates of its role and profile in the pull request",
};
/// The right workflow signed it.
pub const SIGNER: CheckInfo =
    CheckInfo { id: "promotion-signer", title: "the workflow of the probe signed the candidates" };
/// Values are measured.
pub const VALUES: CheckInfo =
    CheckInfo { id: "promotion-values", title: "every newly admitted value was measured, in its register, by a probe" };
/// People approved.
pub const APPROVALS: CheckInfo =
    CheckInfo { id: "promotion-approvals", title: "enough members of the security team approved the newest commit" };
/// The comment was written.
pub const COMMENT: CheckInfo =
    CheckInfo { id: "promotion-comment", title: "the pull request has one comment that says how it was judged" };

/// A pull request, and all that it is judged by.
#[derive(Debug, Clone)]
pub struct Case {
    /// The pull request.
    pub pull: PullRequest,
    /// The folder of policies in its commits.
    pub states: States,
    /// What it changes there.
    pub change: Change,
    /// The evidence for that.
    pub probes: Vec<Probe>,
    /// Who must approve.
    pub security: Team,
    /// Who must approve of another structure.
    pub architecture: Team,
    /// Who is in the teams.
    pub members: Members,
    /// What is demanded.
    pub demands: Demands,
}

/// What is demanded of a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demands {
    /// The branch that promotions go to.
    pub base: String,
    /// The label.
    pub label: String,
    /// How many approvals.
    pub approvals: usize,
    /// The time.
    pub now: Timestamp,
    /// Whether one that is merged is judged as what was merged: that its base still holds what people approved.
    pub merged: bool,
}

/// The checks of a pull request, in the order of a report.
fn checks() -> [Check<Case>; 8] {
    [
        Check { info: STATE, applies: |_| true, run: state },
        Check { info: LABEL, applies: |_| true, run: label },
        Check { info: FILES, applies: |_| true, run: files::files },
        Check { info: SHAPE, applies: |_| true, run: change::shape },
        Check { info: EVIDENCE, applies: |_| true, run: |case| [evidence::evidence(case), told::told(case)].concat() },
        Check { info: SIGNER, applies: |_| true, run: evidence::signer },
        Check { info: VALUES, applies: |_| true, run: values::values },
        Check { info: APPROVALS, applies: |_| true, run: approvals::findings },
    ]
}

/// Every rule that a review may speak of.
pub fn rules() -> Vec<CheckInfo> {
    let own = checks().map(|check| check.info);
    let of_policies = suite::rules().into_iter().chain([CANDIDATES, CANDIDATES_AGREE, PROMOTION]);
    let mut rules: Vec<CheckInfo> = own.into_iter().chain(of_policies).chain([COMMENT]).collect();
    if !rules.contains(&ROLE_SEPARATION) {
        rules.push(ROLE_SEPARATION);
    }
    rules
}

/// Ids in the order of a report.
fn order() -> Vec<&'static str> {
    rules().iter().map(|rule| rule.id).collect()
}

/// Judges a pull request, and the policies as they would be after its merge.
pub fn judge(case: &Case) -> Vec<Finding> {
    let mut findings: Vec<Finding> = checks().iter().flat_map(|check| check.findings(case)).collect();
    findings.extend(change::valid(case));
    findings
}

/// Whether a pull request has to be judged: it is marked as a promotion, or it touches the folder of policies.
pub fn is_promotion(pull: &PullRequest, states: &States, label: &str) -> bool {
    let below = |path: &str| path == FOLDER || path.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/'));
    let listed = match &pull.files {
        Files::TooMany(_) => true,
        Files::All(files) => files.iter().any(|file| below(&file.path) || file.previous.as_deref().is_some_and(below)),
    };
    listed || !states.changed().is_empty() || has_label(pull, label)
}

fn has_label(pull: &PullRequest, wanted: &str) -> bool {
    pull.labels.iter().any(|label| label.eq_ignore_ascii_case(wanted))
}

/// [`STATE`]
fn state(case: &Case) -> Vec<Finding> {
    let pull = &case.pull;
    let mut findings = Vec::new();
    if let Some(moved) = &pull.moved {
        findings.push(STATE.undecided("", moved).help("judge it again, as it is now"));
    }
    match (pull.state, pull.draft) {
        (PullState::Open, false) => {}
        (PullState::Open, true) => {
            findings.push(STATE.missing("", "it is a draft").help("mark it as ready for review when it is"));
        }
        (PullState::Closed, _) => {
            findings.push(STATE.fail("", "it is closed").help("open it again, or judge another one"))
        }
        (PullState::Merged, _) if case.demands.merged => {}
        (PullState::Merged, _) => {
            findings.push(STATE.fail("", "it is merged already").help("verify the release that is made of it"));
        }
    }
    if pull.base.branch != case.demands.base {
        findings.push(
            STATE
                .fail("", "it goes to another branch than promotions do")
                .compared(excerpt(&case.demands.base), excerpt(&pull.base.branch))
                .help("change its base, or name the branch with --base"),
        );
    }
    let merged = case.demands.merged && pull.state == PullState::Merged;
    for (path, at_head) in case.states.changed() {
        if merged {
            let kept = match (case.states.base.get(path), at_head) {
                (Some(base), Some(head)) => base.same(head),
                (None, None) => true,
                (None, Some(_)) | (Some(_), None) => false,
            };
            if !kept {
                let message = format!("{} does not hold what was merged any more", excerpt(&pull.base.branch));
                findings.push(STATE.fail(excerpt(path), message).help("judge the change that came after it"));
            }
        } else if case.states.overtaken(path) {
            let message = format!("{} changed it since the branch left it", excerpt(&pull.base.branch));
            findings.push(STATE.fail(excerpt(path), message).help("update the branch, and approve what comes of it"));
        }
    }
    match &pull.source {
        Source::Own => {}
        Source::Fork(name) => findings.push(STATE.warn("", format!("its branch lies in the fork {}", excerpt(name)))),
        Source::Gone => {
            findings.push(STATE.warn("", "the fork that its branch lay in is gone: it cannot be corrected any more"))
        }
    }
    if findings.iter().all(|finding| finding.status == crate::report::Status::Warn) {
        let how = if merged { "merged" } else { "open" };
        findings.insert(0, STATE.pass("", format!("{how}, at {}", short(&pull.head.commit))));
    }
    findings
}

/// [`LABEL`]
fn label(case: &Case) -> Vec<Finding> {
    let wanted = &case.demands.label;
    vec![match has_label(&case.pull, wanted) {
        true => LABEL.pass("", format!("has the label {}", excerpt(wanted))),
        false => {
            let has: Vec<String> = case.pull.labels.iter().take(10).map(|label| excerpt(label)).collect();
            let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
            let help = "add the label: it is what makes the checks of a promotion run";
            LABEL.missing("", "it is not marked as a promotion").compared(excerpt(wanted), has).help(help)
        }
    }]
}

#[cfg(test)]
mod tests;
