//! Does a hotfix branch from the release it patches?
//!
//! A hotfix is the patched release and a minimal change. Made from anything else — the default branch as it is by now, an
//! older release, a rewritten history — it brings along what was never meant to ship with it.

use super::source;
use crate::{
    release::{
        lineage::{Lineage, Trunk},
        snapshot::{Available, Snapshot},
    },
    report::{CheckInfo, Finding},
    subject::tag::Class,
    text::counted,
};

/// `hotfix-branch`.
pub const HOTFIX_BRANCH: CheckInfo = CheckInfo {
    id: "hotfix-branch",
    title: "a hotfix branches from the tag it patches and brings nothing else from the default branch",
};

/// Whether the rule is about this release.
pub fn is_hotfix(snapshot: &Snapshot) -> bool {
    snapshot.class == Class::Hotfix && !snapshot.quick
}

/// The commit of the tag against the tag it patches, the signatures and the default branch.
pub fn hotfix_branch(snapshot: &Snapshot) -> Vec<Finding> {
    let tag = snapshot.tag.as_str();
    match &snapshot.lineage {
        Available::Yes(lineage) => {
            let signed = source::of(snapshot).filter(|source| source.git_ref == format!("refs/tags/{tag}"));
            judge(tag, lineage, signed.map(|source| source.commit))
        }
        Available::Absent(why) => vec![
            HOTFIX_BRANCH
                .missing(tag, why.as_str())
                .help("a hotfix of version X.Y.Z patches X.Y.(Z-1): push the tags of both to the repository"),
        ],
        Available::NotHere(why) => vec![HOTFIX_BRANCH.skip(tag, why.as_str())],
        Available::Failed(why) => vec![HOTFIX_BRANCH.undecided(tag, why.as_str())],
    }
}

/// `signed`: the commit that the release's signatures name, where they name one for this tag.
fn judge(tag: &str, lineage: &Lineage, signed: Option<&str>) -> Vec<Finding> {
    let Lineage { patched, patched_commit, commit, shared, trunk, .. } = lineage;
    let mut findings = Vec::new();
    let at = |commit: &str| format!("commit {commit}");
    if let Some(signed) = signed.filter(|signed| !signed.eq_ignore_ascii_case(commit)) {
        findings.push(
            HOTFIX_BRANCH
                .fail(tag, "the tag leads to another commit than the one that was signed")
                .compared(at(signed), at(commit))
                .help("the tag was moved after the release was made: do not deploy, and find out by whom"),
        );
    }
    let branch = format!("branch from the patched tag, `git switch -c hotfix {patched}`, and release from there");
    if commit == patched_commit {
        findings.push(
            HOTFIX_BRANCH
                .fail(tag, format!("is the very commit of {patched}: it patches nothing"))
                .compared(format!("a commit after {patched}"), at(commit))
                .help(branch),
        );
    } else if shared.as_ref() != Some(patched_commit) {
        let got = match shared {
            Some(shared) if shared == commit => format!("commit {commit}, which is older than {patched}"),
            Some(shared) => format!("commit {commit}, whose history leaves that of {patched} at {shared}"),
            None => format!("commit {commit}, whose history has nothing in common with it"),
        };
        findings.push(
            HOTFIX_BRANCH
                .fail(tag, format!("does not branch from {patched}, the release it patches"))
                .compared(format!("a commit whose history holds {patched_commit}"), got)
                .help(branch),
        );
    } else if let Some(foreign) = trunk.as_ref().and_then(|trunk| taken_from(trunk, commit)) {
        findings.push(
            HOTFIX_BRANCH
                .fail(tag, format!("brings commits of {} that {patched} does not have", foreign.branch))
                .compared(
                    format!("nothing from {} after {}", foreign.branch, foreign.from),
                    format!("its history up to {}", foreign.to),
                )
                .help("take the fix alone to a branch from the patched tag, by `git cherry-pick`"),
        );
    }
    if findings.is_empty() {
        findings.push(descends(tag, lineage));
    }
    findings
}

/// What to say of a hotfix that descends from the patched release and from nothing else that is known.
fn descends(tag: &str, Lineage { patched, commit, ahead, trunk, .. }: &Lineage) -> Finding {
    let ahead = counted(usize::try_from(*ahead).unwrap_or(usize::MAX), "commit", "commits");
    match trunk {
        Some(Trunk { branch, with_hotfix, .. }) if with_hotfix.as_ref() == Some(commit) => {
            HOTFIX_BRANCH.warn(tag, format!("{ahead} after {patched}; {branch} holds them as well")).help(format!(
                "it was merged back, or made on {branch}: look whether `git log {patched}..{tag}` shows the fix alone"
            ))
        }
        Some(_) => HOTFIX_BRANCH.pass(tag, format!("{ahead} after {patched}, none of the default branch")),
        None => HOTFIX_BRANCH
            .undecided(tag, format!("{ahead} after {patched}; no default branch to compare with"))
            .help("fetch the default branch to the clone and run `git remote set-head origin -a` there"),
    }
}

/// What a hotfix has of the default branch that the patched release has not.
struct Foreign<'a> {
    branch: &'a str,
    from: &'a str,
    to: &'a str,
}

/// A hotfix that was merged back afterwards is wholly on the default branch, and its history no longer says where it was
/// made; one that was made there looks the same. Only where a part of it is there was something taken along.
fn taken_from<'a>(trunk: &'a Trunk, commit: &str) -> Option<Foreign<'a>> {
    let Trunk { branch, with_patched, with_hotfix } = trunk;
    let to = with_hotfix.as_deref().filter(|shared| *shared != commit)?;
    if with_patched.as_deref() == Some(to) {
        return None;
    }
    Some(Foreign { branch, from: with_patched.as_deref().unwrap_or("its start"), to })
}

#[cfg(test)]
mod tests;
