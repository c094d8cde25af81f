//! A policy file with the values of candidates: the lists of the roles that were probed, and what follows from them. The file
//! keeps its shape, the order of its fields and the hand it is written in.

use jiff::Timestamp;
use semver::Version;
use serde_json::{Value, json};

use super::PROMOTION;
use crate::{
    attestation::measurement::{Allowed, Register, TcbStatus},
    policy::{
        candidates::{Proposal, sorted},
        checks::empty_lists,
        document::{PolicyFile, PolicyKind},
    },
    report::Finding,
    schema::written::{Node, Style, spliced},
    subject::{profile::Profile, role::Role},
};

/// What a policy is to say.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The profile it must be for.
    pub profile: Profile,
    /// What the machines of each probed role measured to.
    pub lists: &'a [(Role, &'a Proposal)],
    /// The release it is for; `None` leaves that as it is.
    pub version: Option<&'a Version>,
    /// The commit of that release; `None` leaves that as it is.
    pub commit: Option<&'a str>,
    /// When the newest of the probes ended.
    pub generated_at: Option<Timestamp>,
    /// The probes, as `source.probes` names them.
    pub probes: &'a [Value],
}

/// A policy with its new values.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// Its text. The same as before when it says all of it already.
    pub text: String,
    /// Whether that is another text.
    pub changed: bool,
    /// What a person should know.
    pub remarks: Vec<Finding>,
}

/// The text of the policy `name` with what is `wanted`. Provenance alone changes nothing: where lists, status, release and commit
/// are as they should be, the text stays.
///
/// # Errors
/// Findings: it is not a policy of this profile in the current form, or lacks a list that is to be set.
pub fn edited(name: &str, text: &str, wanted: &Wanted<'_>) -> Result<Edited, Vec<Finding>> {
    let policy = PolicyFile::parse(name, text.as_bytes()).map_err(|finding| vec![*finding])?;
    if let Some(problem) = unfit(&policy, wanted.profile) {
        return Err(vec![problem]);
    }
    let mut work = Work { name, text: text.to_owned(), problems: Vec::new(), remarks: Vec::new() };
    for (role, proposal) in wanted.lists {
        work.role(*role, proposal, &policy);
    }
    work.finish(wanted);
    if !work.problems.is_empty() {
        return Err(work.problems);
    }
    let changed = work.text != text;
    if changed {
        work.provenance(wanted);
    }
    Ok(Edited { text: work.text, changed, remarks: work.remarks })
}

fn unfit(policy: &PolicyFile, profile: Profile) -> Option<Finding> {
    let (name, help) = (&policy.name, "make the file with `gen-policy --layout runbook`, and commit it first");
    if policy.kind != PolicyKind::Current {
        let message = "this form of policy cannot be promoted into";
        return Some(
            PROMOTION.fail(name, message).compared(PolicyKind::Current.describe(), policy.kind.describe()).help(help),
        );
    }
    if policy.profile() != Some(profile) {
        let found = policy.profile().map_or("no profile", Profile::as_str);
        return Some(PROMOTION.fail(name, "the policy in it is for another profile").compared(profile.as_str(), found));
    }
    None
}

struct Work<'n> {
    name: &'n str,
    text: String,
    problems: Vec<Finding>,
    remarks: Vec<Finding>,
}

impl Work<'_> {
    /// The lists of a role. One that says the same, in whatever order or case, is left as it is written.
    fn role(&mut self, role: Role, proposal: &Proposal, policy: &PolicyFile) {
        let current = policy.profiles.first().and_then(|lists| lists.of(role)).cloned().unwrap_or_default();
        let prefix = role.as_str();
        let allowed = &proposal.allowed;
        for register in Register::ALL {
            let key = format!("{prefix}_allowed_{}", register.as_str());
            let (is, to_be) = (sorted(current.register(register)), sorted(allowed.register(register)));
            let as_text = to_be.iter().map(ToString::to_string).collect();
            self.list(&key, is == to_be, as_text);
        }
        let (is, to_be) = (sorted(current.tcb()), sorted(allowed.tcb()));
        let as_text = to_be.iter().map(|status| status.as_str().to_owned()).collect();
        self.list(&format!("{prefix}_allowed_tcb_statuses"), is == to_be, as_text);
        if role == Role::Kms {
            self.compose_hashes(proposal, policy);
        }
    }

    /// The list of compose hashes is optional: one that the file has not is not made.
    fn compose_hashes(&mut self, proposal: &Proposal, policy: &PolicyFile) {
        const KEY: &str = "kms_allowed_event_payload";
        let is = policy.profiles.first().map(|lists| sorted(&lists.event_payloads)).unwrap_or_default();
        let to_be = sorted(&proposal.event_payloads);
        if self.node(&["policy", KEY]).is_some() {
            self.list(KEY, is == to_be, to_be.iter().map(ToString::to_string).collect());
        } else if !to_be.is_empty() {
            let message = format!("has no {KEY}, so the measured compose hashes are left out");
            self.remarks.push(PROMOTION.warn(self.name, message).help("make the file anew with gen-policy to have it"));
        }
    }

    /// What follows from the lists: the other spelling of them, the status, and what release they are for.
    fn finish(&mut self, wanted: &Wanted<'_>) {
        if !self.problems.is_empty() {
            return;
        }
        let Ok(policy) = PolicyFile::parse(self.name, self.text.as_bytes()) else {
            self.problems.push(PROMOTION.fail(self.name, "the policy no longer reads after the change"));
            return;
        };
        let lists = policy.profiles.first();
        let of = |role| lists.and_then(|lists| lists.of(role)).cloned().unwrap_or_default();
        let (kms, node) = (of(Role::Kms), of(Role::Node));
        let complete = |allowed: &Allowed| empty_lists(allowed).is_empty();
        self.other_spelling(&kms, complete(&kms) && complete(&node));
        if policy.is_not_ready() && complete(&kms) && complete(&node) {
            self.set(&["status"], &json!("ready"));
        }
        if let Some(version) = wanted.version {
            self.set(&["tag"], &json!(version.to_string()));
        }
        if let Some(commit) = wanted.commit {
            self.set(&["commit_sha"], &json!(commit));
        }
    }

    /// The lists without a prefix, which merod reads, where the file has them. They repeat those of the KMS once the node
    /// lists are there too: an older KMS that finds no node list takes these for nodes.
    fn other_spelling(&mut self, kms: &Allowed, complete: bool) {
        let shown = |words: Vec<String>| if complete { words } else { Vec::new() };
        for register in Register::ALL {
            let key = format!("allowed_{}", register.as_str());
            if self.node(&["policy", &key]).is_some() {
                let words = sorted(kms.register(register)).iter().map(ToString::to_string).collect();
                self.twin(&key, shown(words));
            }
        }
        if self.node(&["policy", "allowed_tcb_statuses"]).is_some() {
            let words = sorted(kms.tcb()).into_iter().map(|status| TcbStatus::as_str(status).to_owned()).collect();
            self.twin("allowed_tcb_statuses", shown(words));
        }
    }

    fn twin(&mut self, key: &str, words: Vec<String>) {
        let same = self.node(&["policy", key]).is_some_and(|node| {
            let mut is: Vec<String> = serde_json::from_str::<Vec<String>>(node.raw()).unwrap_or_default();
            is.sort_unstable();
            let mut to_be = words.clone();
            to_be.sort_unstable();
            is == to_be
        });
        self.list(key, same, words);
    }

    /// When and from what the values were made.
    fn provenance(&mut self, wanted: &Wanted<'_>) {
        if let Some(time) = wanted.generated_at {
            self.set(&["generated_at"], &json!(time.to_string()));
        }
        let probes = self.probes(wanted);
        let Some(source) = self.node(&["source"]).filter(|node| node.raw().starts_with('{')) else { return };
        let style = Style::of(source);
        let (range, value) = match (source.field("probes"), source.fields().last()) {
            (Some(there), _) => (there.range(), style.value(&probes)),
            (None, Some((_, last))) => (last.range().end..last.range().end, style.further_field("probes", &probes)),
            (None, None) => (source.range(), style.object(&[("probes", probes)])),
        };
        self.text = spliced(&self.text, range, &value);
    }

    /// The probes of this promotion, and those of the role that it leaves alone.
    fn probes(&self, wanted: &Wanted<'_>) -> Value {
        let there = self.node(&["source", "probes"]).map(|node| node.raw().to_owned()).unwrap_or_default();
        let there: Vec<Value> = serde_json::from_str(&there).unwrap_or_default();
        let stays = |probe: &Value| {
            let role = probe.get("role").and_then(Value::as_str);
            role.is_some() && wanted.lists.iter().all(|(replaced, _)| role != Some(replaced.as_str()))
        };
        Value::Array(there.into_iter().filter(stays).chain(wanted.probes.iter().cloned()).collect())
    }

    fn node<'t>(&'t self, path: &[&str]) -> Option<Node<'t>> {
        path.iter().try_fold(Node::root(&self.text)?, |node, name| node.field(name))
    }

    fn list(&mut self, key: &str, same: bool, words: Vec<String>) {
        let Some(policy) = self.node(&["policy"]) else { return };
        let Some(list) = policy.field(key) else {
            let message = format!("has no list policy.{key}");
            let help = "promotion changes values, not the shape: make the file with `gen-policy --layout runbook`";
            self.problems.push(PROMOTION.fail(self.name, message).help(help));
            return;
        };
        if !same {
            let style = Style::of(policy).with_tall_lists_like(policy);
            let (range, value) = (list.range(), style.value(&json!(words)));
            self.text = spliced(&self.text, range, &value);
        }
    }

    /// Sets a value that is there to another one; one that is not there stays so.
    fn set(&mut self, path: &[&str], value: &Value) {
        let Some(node) = self.node(path) else { return };
        if serde_json::from_str::<Value>(node.raw()).is_ok_and(|is| is == *value) {
            return;
        }
        self.text = spliced(&self.text, node.range(), &value.to_string());
    }
}

#[cfg(test)]
mod tests;
