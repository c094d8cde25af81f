//! Every rule about policies, in the order reports list them: what `policy validate` runs over files, and what
//! `gen-policy` and `merod-config` run over what they are about to hand out. The release auditor's table runs the same
//! rules, so that what can be made, merged and released cannot differ.

use semver::Version;

use super::{
    checks,
    document::{PolicyFile, PolicyKind},
    isolation::{self, PROFILE_ISOLATION},
    roles::{self, ROLE_SEPARATION, Roles},
};
use crate::{
    policy::mrtds::PublishedMrtds,
    report::{CheckInfo, Finding, Status},
    schema::{SCHEMA, conforms},
    subject::{profile::Profile, role::Role, tag::Class},
};

/// The rules, for listings.
pub const RULES: [CheckInfo; 10] = [
    SCHEMA,
    checks::PROFILE,
    checks::TAG,
    checks::STATUS,
    checks::MEASUREMENTS,
    checks::TCB,
    checks::FIELDS,
    checks::REGISTER_ZERO,
    ROLE_SEPARATION,
    PROFILE_ISOLATION,
];

/// What is demanded of a file that is safe in itself.
#[derive(Debug, Clone, Copy)]
pub struct Demands<'a> {
    /// The profile it must be for, when one is known.
    pub profile: Option<Profile>,
    /// The release it must be for, when one is known.
    pub version: Option<&'a Version>,
    /// How strictly its status is judged.
    pub class: Class,
}

/// All rules about one file by itself.
pub fn alone(policy: &PolicyFile, demands: Demands<'_>) -> Vec<Finding> {
    let mut findings = conforms(&policy.name, policy.kind.schema(), &policy.document);
    findings.extend(demands.profile.into_iter().flat_map(|profile| checks::profile(policy, profile)));
    findings.extend(demands.version.into_iter().flat_map(|version| checks::tag(policy, version)));
    findings.extend(checks::status(policy, demands.class));
    findings.extend(checks::measurements(policy));
    findings.extend(checks::tcb(policy));
    findings.extend(checks::fields(policy));
    findings.extend(checks::register_zero(policy));
    findings.extend(roles_within(policy));
    findings
}

/// Role separation, as far as the form allows: a file that states one role only has nothing to separate, which is not
/// a fault. A release must have files that state both, and its audit demands them.
fn roles_within(policy: &PolicyFile) -> Vec<Finding> {
    let mut findings = roles::within(policy);
    let one_role = match policy.kind {
        PolicyKind::Current => false,
        PolicyKind::Unprefixed | PolicyKind::RegistryKms | PolicyKind::RegistryNode => true,
    };
    if one_role && !policy.profiles.is_empty() {
        for finding in findings.iter_mut().filter(|f| f.status == Status::SkippedRequired) {
            finding.status = Status::Skipped;
        }
    }
    findings
}

/// Isolation between the profiles of files that belong together. Where a profile is not among them, its comparisons
/// are skipped: whether a set is complete is a question to a release, not to a folder.
pub fn together(policies: &[&PolicyFile]) -> Vec<Finding> {
    let readable: Vec<_> = policies.iter().filter(|p| !p.profiles.is_empty()).copied().collect();
    if readable.is_empty() {
        return isolation::policies(policies);
    }
    let stated = |profile| readable.iter().any(|p| p.profiles.iter().any(|lists| lists.profile == profile));
    let absent: Vec<_> = Profile::ALL.into_iter().filter(|p| !stated(*p)).collect();
    let mut findings = isolation::policies(&readable);
    if !absent.is_empty() {
        findings.retain(|f| f.status != Status::SkippedRequired);
        let absent: Vec<_> = absent.iter().map(|p| p.as_str()).collect();
        let message = format!("there is no policy of {} to compare with", absent.join(" or "));
        let subject = readable.first().map_or("", |p| p.name.as_str());
        findings.push(PROFILE_ISOLATION.skip(subject, message));
    }
    findings
}

/// Role separation between files: no KMS that one states is accepted as a node by another, whatever their profiles, and
/// nothing that `published` states either. Nothing when no two documents have anything to say to each other. Files of
/// several releases are compared as well: a machine has one role for good.
pub fn roles_across(policies: &[&PolicyFile], published: &[(Role, &PublishedMrtds)]) -> Vec<Finding> {
    let roles = published.iter().fold(Roles::of(policies), |roles, (role, of)| roles.and_published(*role, of));
    roles.separated_across()
}

/// The class a file claims by its own tag: a release candidate may be unsettled, everything else must be final.
pub fn class_of(policy: &PolicyFile) -> Class {
    let version = policy.tag.as_deref().and_then(|tag| Version::parse(tag).ok());
    match version {
        Some(version) if version.pre.starts_with("rc.") => Class::Rc,
        Some(_) | None => Class::Stable,
    }
}
