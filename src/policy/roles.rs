//! Role separation: no machine passes for both a KMS and a node, whatever their profiles.
//!
//! A KMS attests to anybody who asks, over bytes of the caller's choice. Where node lists accept a machine that is a KMS,
//! of any profile, that answer is what a node has to show: a stranger without a machine gets a key with it. So every KMS
//! is held against every node, not only against the nodes of its own profile or its own file. Two sets of lists accept no
//! common machine exactly when the lists of some register share no value ([`super::isolation`]); an empty list takes
//! anything. Within a profile RTMR3 alone must tell the roles apart.

use std::collections::BTreeSet;

use super::{
    document::{PolicyFile, PolicyKind},
    isolation::{Cohort, Overlap, overlap, witness},
};
use crate::{
    attestation::measurement::{Allowed, Measurement, Register},
    policy::mrtds::PublishedMrtds,
    report::{CheckInfo, Finding, Status},
    schema::excerpt::capped,
    subject::{profile::Profile, role::Role},
};

/// No machine is a KMS and a node.
pub const ROLE_SEPARATION: CheckInfo =
    CheckInfo { id: "role-separation", title: "no machine passes for both a KMS and a node, whatever their profiles" };

/// Registers that are the same in all profiles of a release: firmware, its configuration, kernel.
const OF_ALL_PROFILES: [Register; 3] = [Register::Mrtd, Register::Rtmr0, Register::Rtmr1];

/// What documents say of KMSs and of nodes.
#[derive(Debug, Default)]
pub struct Roles<'a> {
    kms: Vec<Member<'a>>,
    node: Vec<Member<'a>>,
    documents: usize,
}

/// One set of lists.
#[derive(Debug, Clone, Copy)]
struct Member<'a> {
    cohort: Cohort<'a>,
    /// The document it stands in, by number: names may repeat.
    document: usize,
    /// Whether that is a policy, so that somebody gives keys by it.
    policy: bool,
}

impl<'a> Roles<'a> {
    /// What `policies` say.
    pub fn of(policies: &[&'a PolicyFile]) -> Self {
        let mut roles = Self::default();
        for policy in policies {
            roles.documents += 1;
            for lists in &policy.profiles {
                for role in Role::ALL {
                    if let Some(allowed) = lists.of(role) {
                        let (source, not_ready) = (policy.name.as_str(), policy.is_not_ready());
                        let cohort = Cohort { source, profile: lists.profile, allowed, not_ready };
                        let member = Member { cohort, document: roles.documents, policy: true };
                        roles.members(role).push(member);
                    }
                }
            }
        }
        roles
    }

    /// And what a release of `role` publishes of its machines. What a policy says already is not said again.
    #[must_use]
    pub fn and_published(mut self, role: Role, published: &'a PublishedMrtds) -> Self {
        self.documents += 1;
        for entry in &published.profiles {
            let (profile, allowed) = (entry.profile, &entry.allowed);
            let cohort = Cohort { source: &published.name, profile, allowed, not_ready: false };
            let member = Member { cohort, document: self.documents, policy: false };
            let members = self.members(role);
            if !members.iter().any(|other| other.says(&member)) {
                members.push(member);
            }
        }
        self
    }

    fn members(&mut self, role: Role) -> &mut Vec<Member<'a>> {
        match role {
            Role::Kms => &mut self.kms,
            Role::Node => &mut self.node,
        }
    }

    /// [`ROLE_SEPARATION`] over every pair of a KMS and a node: each problem, and a pass for each KMS that has none.
    pub fn separated(&self) -> Vec<Finding> {
        self.judged(|_, _| true)
    }

    /// The same over the pairs whose lists stand in different documents.
    pub fn separated_across(&self) -> Vec<Finding> {
        self.judged(|kms, node| kms.document != node.document)
    }

    fn judged(&self, meant: impl Fn(&Member<'_>, &Member<'_>) -> bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        for kms in &self.kms {
            let nodes: Vec<_> = self.node.iter().filter(|node| meant(kms, node)).collect();
            findings.extend(against_all(kms, &nodes));
        }
        let harmless = |finding: &Finding| matches!(finding.status, Status::Pass | Status::Skipped);
        let (mut told, problems): (Vec<_>, Vec<_>) = findings.into_iter().partition(harmless);
        told.extend(capped(problems));
        told
    }
}

/// One KMS against nodes: every problem; else a pass that names the profiles it is apart from, and one skip for all that
/// are not settled.
fn against_all(kms: &Member<'_>, nodes: &[&Member<'_>]) -> Vec<Finding> {
    let (mut problems, mut unsettled, mut apart) = (Vec::new(), None, Vec::new());
    for node in nodes {
        let remark = pair(kms, node);
        match remark.as_ref().map(|finding| finding.status) {
            None | Some(Status::Pass | Status::Warn) => apart.push(*node),
            Some(Status::Skipped) => {
                unsettled = unsettled.or(remark);
                continue;
            }
            Some(Status::Fail | Status::Missing | Status::SkippedRequired) => {}
        }
        problems.extend(remark);
    }
    let sound = problems.iter().all(|finding| finding.status == Status::Warn);
    let pass = (sound && !apart.is_empty()).then(|| ROLE_SEPARATION.pass(kms.cohort.source, passed(kms, &apart)));
    pass.into_iter().chain(unsettled).chain(problems).collect()
}

impl Member<'_> {
    /// Whether it is settled and has the same lists for the same profile.
    fn says(&self, other: &Self) -> bool {
        let set = |allowed: &Allowed, register| allowed.register(register).iter().copied().collect::<BTreeSet<_>>();
        let (own, others) = (&self.cohort, &other.cohort);
        let same = |register: &Register| set(own.allowed, *register) == set(others.allowed, *register);
        own.profile == others.profile && own.not_ready == others.not_ready && Register::ALL.iter().all(same)
    }
}

/// [`ROLE_SEPARATION`] within one file. A file that states one role only cannot be judged.
pub fn within(policy: &PolicyFile) -> Vec<Finding> {
    if policy.profiles.is_empty() {
        return vec![ROLE_SEPARATION.undecided(&policy.name, "no lists could be read, so there is nothing to judge")];
    }
    let one_role = policy.profiles.iter().filter(|lists| lists.kms.is_none() || lists.node.is_none());
    let mut findings: Vec<_> = one_role.map(|lists| states_one_role(policy, lists.profile)).collect();
    findings.extend(Roles::of(&[policy]).separated());
    findings
}

/// [`ROLE_SEPARATION`] over everything that is known of a release: its policies, what it publishes itself, and what its
/// counterparts publish. A policy that states one role only, or nothing readable, is a required skip.
pub fn of_release(policies: &[&PolicyFile], own: &[&PublishedMrtds], counterparts: &[&PublishedMrtds]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for policy in policies.iter().filter(|p| p.profiles.is_empty() || p.kind != PolicyKind::Current) {
        findings.extend(within(policy));
    }
    let mut roles = Roles::of(policies);
    for published in own {
        roles = roles.and_published(Role::Kms, published);
    }
    for published in counterparts {
        roles = roles.and_published(Role::Node, published);
    }
    findings.extend(roles.separated());
    findings
}

/// [`ROLE_SEPARATION`] between the policy that a service runs by and those of the other profiles of its release, as far as
/// they are at hand.
///
/// Where `others` leave a profile out, nothing is known of its KMS but that it boots what this one boots: a policy whose
/// nodes may have firmware and kernel of the KMS fails then.
pub fn beside(policy: &PolicyFile, others: &[PolicyFile]) -> Vec<Finding> {
    let all: Vec<&PolicyFile> = [policy].into_iter().chain(others).collect();
    let mut findings = Roles::of(&all).separated_across();
    let known = |profile| all.iter().any(|p| p.profiles.iter().any(|l| l.profile == profile && l.kms.is_some()));
    if !Profile::ALL.into_iter().all(known) {
        findings.extend(standing_alone(policy));
    }
    findings
}

/// What a policy shows of KMSs that it does not list: at least one finding.
fn standing_alone(policy: &PolicyFile) -> Vec<Finding> {
    let roles = Roles::of(&[policy]);
    let pairs = roles.kms.iter().flat_map(|kms| roles.node.iter().map(move |node| (kms, node)));
    let alike: Vec<_> = pairs.filter_map(|(kms, node)| boots_alike(kms, node)).collect();
    if !alike.is_empty() {
        return alike.into_iter().map(|finding| Finding { status: Status::Fail, ..finding }).collect();
    }
    let message = "no node may have the KMS's own MRTD, RTMR0 and RTMR1";
    vec![match policy.is_not_ready() {
        true => ROLE_SEPARATION.skip(&policy.name, "not comparable: the policy says policy_not_ready"),
        false => ROLE_SEPARATION.pass(&policy.name, message),
    }]
}

fn states_one_role(policy: &PolicyFile, profile: Profile) -> Finding {
    let message = format!("{profile}: an {} does not state both KMS and node", policy.kind.describe());
    ROLE_SEPARATION.undecided(&policy.name, message)
}

/// What there is to say against a KMS and a node.
fn pair(kms: &Member<'_>, node: &Member<'_>) -> Option<Finding> {
    let overlaps = overlaps(kms, node);
    let unsettled = kms.cohort.not_ready || node.cohort.not_ready;
    let same_profile = kms.cohort.profile == node.cohort.profile;
    let common = overlaps.iter().all(|(_, o)| *o != Overlap::Separate);
    let listed = overlaps.iter().all(|(_, o)| matches!(o, Overlap::Shared(_)));
    let rtmr3 = overlap(kms.cohort.allowed, node.cohort.allowed, Register::Rtmr3);
    // Values that are written down are wrong in a draft as well; what is still empty there is not.
    if common && (listed || !unsettled) {
        return Some(one_machine(kms, node, &overlaps));
    }
    match rtmr3 {
        Overlap::Shared(_) if same_profile => Some(shared_rtmr3(kms, node)),
        Overlap::Unconstrained(_) if same_profile => {
            let message = format!("{}: a list of RTMR3 is empty, so the roles cannot be compared", both(kms, node));
            let status = if unsettled { Status::Skipped } else { Status::SkippedRequired };
            Some(finding(status, kms, node, message))
        }
        _ if common => {
            let message = format!("{}: not comparable: the policy says policy_not_ready", both(kms, node));
            Some(finding(Status::Skipped, kms, node, message))
        }
        Overlap::Shared(value) => {
            let message = format!("{} share a value of RTMR3, which must tell roles apart", both(kms, node));
            let finding = finding(Status::Warn, kms, node, message);
            Some(finding.compared("no value of RTMR3 in both", value.short()).help(MEASURE))
        }
        Overlap::Separate | Overlap::Unconstrained(_) => boots_alike(kms, node),
    }
}

/// What to do about roles that RTMR3 does not tell apart.
const MEASURE: &str = "a node with this value passes for a KMS: measure the role into RTMR3 and probe both again";

fn overlaps(kms: &Member<'_>, node: &Member<'_>) -> [(Register, Overlap); 5] {
    Register::ALL.map(|register| (register, overlap(kms.cohort.allowed, node.cohort.allowed, register)))
}

fn one_machine(kms: &Member<'_>, node: &Member<'_>, overlaps: &[(Register, Overlap)]) -> Finding {
    let message = format!("{} are not separated: one machine passes for both", both(kms, node));
    finding(Status::Fail, kms, node, message)
        .compared("a register whose lists share no value", format!("accepted by both: {}", witness(overlaps)))
        .help(
            "a KMS attests to anyone who asks, and its answer would open a node's key: take the machine off one of the \
             lists",
        )
}

fn shared_rtmr3(kms: &Member<'_>, node: &Member<'_>) -> Finding {
    let values: BTreeSet<_> = kms.cohort.allowed.register(Register::Rtmr3).iter().collect();
    let listed = node.cohort.allowed.register(Register::Rtmr3).iter();
    let shared: Vec<_> = listed.filter(|m| values.contains(m)).map(Measurement::short).take(3).collect();
    finding(Status::Fail, kms, node, format!("{} share a value of RTMR3", both(kms, node)))
        .compared("no value of RTMR3 in both kms_ and node_ lists", shared.join(", "))
        .help(MEASURE)
}

/// A warning about one file whose nodes may boot what its KMS boots. Profiles of a release differ in RTMR2 and RTMR3 only,
/// so a KMS of a profile that is not in the file may be such a node.
fn boots_alike(kms: &Member<'_>, node: &Member<'_>) -> Option<Finding> {
    let shared = OF_ALL_PROFILES.map(|register| (register, overlap(kms.cohort.allowed, node.cohort.allowed, register)));
    let unsettled = kms.cohort.not_ready || node.cohort.not_ready;
    if kms.document != node.document || unsettled || shared.iter().any(|(_, o)| *o == Overlap::Separate) {
        return None;
    }
    let message = format!("{}: a node may have the KMS's own MRTD, RTMR0 and RTMR1", node.cohort.profile);
    let finding = finding(Status::Warn, kms, node, message)
        .compared("MRTD, RTMR0 or RTMR1 without a value of both", format!("accepted as both: {}", witness(&shared)))
        .help("a KMS of another profile boots the same and may pass for such a node: check where the node's values were measured");
    Some(finding)
}

/// A finding about the document that somebody gives keys by: the node's, unless only the KMS's is a policy.
fn finding(status: Status, kms: &Member<'_>, node: &Member<'_>, message: String) -> Finding {
    let about = if node.policy || !kms.policy { node } else { kms };
    Finding::new(ROLE_SEPARATION.id, status, about.cohort.source, message)
}

/// `debug: KMS and node`, or with both profiles, and with the documents where they are two.
fn both(kms: &Member<'_>, node: &Member<'_>) -> String {
    let (kms_profile, node_profile) = (kms.cohort.profile, node.cohort.profile);
    let place = |member: &Member<'_>| match kms.document == node.document {
        true => String::new(),
        false => format!(" ({})", member.cohort.source),
    };
    if kms_profile == node_profile && kms.document == node.document {
        return format!("{kms_profile}: KMS and node");
    }
    format!("{kms_profile} KMS{} and {node_profile} node{}", place(kms), place(node))
}

fn passed(kms: &Member<'_>, nodes: &[&Member<'_>]) -> String {
    let profile = kms.cohort.profile;
    if let [only] = nodes
        && only.cohort.profile == profile
        && only.document == kms.document
    {
        return format!("{profile}: KMS and node share no value of RTMR3");
    }
    let profiles: BTreeSet<Profile> = nodes.iter().map(|node| node.cohort.profile).collect();
    let profiles: Vec<_> = profiles.into_iter().map(Profile::as_str).collect();
    format!("{profile} KMS: no machine of it passes for a node of {}", profiles.join(", "))
}

#[cfg(test)]
mod tests;
