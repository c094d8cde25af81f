//! What a promotion changes in the policies: every one of them before and after the merge, read, and the difference.

use std::collections::BTreeMap;

use super::{
    Case, SHAPE, VALUES,
    approvals::{self, Standing},
    pull::{Content, States, short},
};
use crate::{
    policy::{
        diff::{Diff, FileDiff, RoleDiff, Standing as Worth, wording::structural as structural_words},
        document::{PolicyFile, PolicyKind, profile_in_name},
        promotion::policy_path,
        suite::{self, Demands},
    },
    report::Finding,
    schema::SCHEMA,
    subject::profile::Profile,
    text::{counted, listed},
};

/// The policies of all profiles before and after a merge.
#[derive(Debug, Clone)]
pub struct Change {
    /// What differs.
    pub diff: Diff,
    /// The policies after the merge that can be read, by the order of profiles.
    pub after: Vec<PolicyFile>,
    /// Why others cannot be read.
    pub unreadable: Vec<Finding>,
}

/// How much more is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newly {
    /// So many values of registers, TCB statuses and compose hashes that were not listed, or not enforced, before.
    Values(usize),
    /// A list is emptied or a policy is no longer final: there is no number.
    Unbounded,
}

impl std::fmt::Display for Newly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Values(count) => write!(f, "{count}"),
            Self::Unbounded => f.write_str("unbounded"),
        }
    }
}

impl Change {
    /// Reads the policies. `from` and `to` are what the states are called.
    pub fn of(states: &States, from: &str, to: &str) -> Self {
        let (mut before, mut after, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
        for profile in Profile::ALL {
            let path = policy_path(profile);
            // A policy that cannot be read on the base is none: whatever comes after it is new, as a whole.
            if let Some(bytes) = states.base.get(&path).and_then(|entry| entry.bytes()) {
                before.extend(PolicyFile::parse(&path, bytes).ok());
            }
            let Some(entry) = states.merged(&path) else { continue };
            match &entry.content {
                Content::Bytes(bytes) => match PolicyFile::parse(&path, bytes) {
                    Ok(policy) => after.push(policy),
                    Err(why) => unreadable.push(*why),
                },
                Content::TooLarge(_) | Content::Unread => {
                    unreadable.push(SCHEMA.fail(&path, "is too large to be read, so it is not judged"));
                }
            }
        }
        Self { diff: Diff::of(from, to, &before, &after), after, unreadable }
    }

    /// Whether the structure of a policy changes, or one is new, gone or cannot be read.
    pub fn is_structural(&self) -> bool {
        self.diff.is_structural() || !self.unreadable.is_empty()
    }

    /// How much more is admitted after the merge. What cannot be read may admit anything.
    pub fn newly(&self) -> Newly {
        if !self.unreadable.is_empty() {
            return Newly::Unbounded;
        }
        let mut count = 0;
        for (_, entry) in self.entries() {
            if opens(entry) {
                return Newly::Unbounded;
            }
            count += added(entry);
        }
        Newly::Values(count)
    }

    /// The lists that change, each with its file.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&FileDiff, &RoleDiff)> {
        self.diff.files.iter().flat_map(|file| file.roles.iter().map(move |entry| (file, entry)))
    }
}

/// Whether lists constrain less than values can say.
pub(super) fn opens(entry: &RoleDiff) -> bool {
    entry.standing == Worth::Withdrawn
        || entry.registers.iter().any(|register| register.change.emptied)
        || entry.tcb.emptied
        || entry.event_payloads.emptied
        // A new file that is a draft takes any genuine machine.
        || (entry.standing == Worth::Whole && entry.admission.newly == crate::policy::diff::admission::Count::Unbounded)
}

/// How many values of lists are new.
pub(super) fn added(entry: &RoleDiff) -> usize {
    let registers: usize = entry.registers.iter().map(|register| register.change.added.len()).sum();
    registers + entry.tcb.added.len() + entry.event_payloads.added.len()
}

/// [`SHAPE`]: the structure stays as it is, or an architecture review approves of it.
pub(super) fn shape(case: &Case) -> Vec<Finding> {
    let change = &case.change;
    if !change.is_structural() {
        let files = counted(case.change.after.len(), "policy keeps its", "policies keep their");
        return vec![SHAPE.pass("", format!("{files} structure"))];
    }
    let (subject, what) = told(change);
    let team = &case.architecture;
    match approvals::architecture(case) {
        Standing::Enough(who) => {
            let at = short(&case.pull.head.commit);
            let message = format!("{what}; reviewed for {team} by {} at {at}", listed(&who));
            vec![SHAPE.pass(subject, message)]
        }
        Standing::Unknown(why) => vec![SHAPE.undecided(subject, format!("{what}, and {why}")).help(approvals::RIGHTS)],
        Standing::TooFew(_) => {
            let message = format!("{what}: this needs an architecture review as well as the security review");
            let help = format!(
                "a member of {team} approves the newest commit, as well as those who approve for {}",
                case.security
            );
            vec![SHAPE.missing(subject, message).compared(format!("an approval by {team}"), "none").help(help)]
        }
    }
}

/// Which files have another structure, and what of it is another.
fn told(change: &Change) -> (String, String) {
    let structural = change.diff.files.iter().filter(|file| !file.structural.is_empty());
    let named = |file: &FileDiff| file.to.clone().or_else(|| file.from.clone()).unwrap_or_default();
    let unreadable = change.unreadable.iter().map(|finding| finding.subject.clone());
    let mut files: Vec<String> = structural.clone().map(named).chain(unreadable).collect();
    files.sort();
    files.dedup();
    let words: Vec<String> =
        structural.flat_map(|file| &file.structural).map(|one| structural_words(one).replace('`', "")).collect();
    let more = words.len().saturating_sub(MAX_TOLD);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    let shown = words.get(..MAX_TOLD.min(words.len())).unwrap_or_default().join("; ");
    let what = if shown.is_empty() { "a policy cannot be read".to_owned() } else { format!("{shown}{more}") };
    (listed(&files), what)
}

/// Most changes of structure that the finding tells.
const MAX_TOLD: usize = 3;

/// All rules of `policy validate`, over the policies as they are after the merge.
pub(super) fn valid(case: &Case) -> Vec<Finding> {
    let change = &case.change;
    let mut findings = change.unreadable.clone();
    for policy in &change.after {
        let base = policy.name.rsplit('/').next().unwrap_or(&policy.name);
        let demands = Demands { profile: profile_in_name(base), version: None, class: suite::class_of(policy) };
        findings.extend(suite::alone(policy, demands));
        if policy.kind != PolicyKind::Current {
            let message = "a policy of this name has kms_ and node_ lists";
            findings.push(SCHEMA.fail(&policy.name, message).compared("an attestation policy", policy.kind.describe()));
        }
    }
    let all: Vec<&PolicyFile> = change.after.iter().collect();
    if all.is_empty() {
        findings.push(VALUES.undecided("", "no policy is left that could be judged"));
        return findings;
    }
    findings.extend(suite::together(&all));
    findings.extend(suite::roles_across(&all, &[]));
    let mut by_check: BTreeMap<usize, Vec<Finding>> = BTreeMap::new();
    let order = super::order();
    for finding in findings {
        let place = order.iter().position(|id| *id == finding.check).unwrap_or(order.len());
        by_check.entry(place).or_default().push(finding);
    }
    by_check.into_values().flatten().collect()
}
