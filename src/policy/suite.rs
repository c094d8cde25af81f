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
    report::{Check, CheckInfo, Finding, Status},
    schema::{SCHEMA, conforms},
    subject::{profile::Profile, role::Role, tag::Class},
};

/// The rules, for listings.
pub fn rules() -> Vec<CheckInfo> {
    of_one_file().iter().map(|check| check.info).chain([PROFILE_ISOLATION]).collect()
}

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

/// A file, and what is demanded of it.
struct Judged<'a> {
    policy: &'a PolicyFile,
    demands: Demands<'a>,
}

/// The rules about one file by itself.
fn of_one_file<'a>() -> [Check<Judged<'a>>; 10] {
    [
        Check { info: SCHEMA, applies: always, run: |one| schema(one.policy) },
        Check { info: checks::PROFILE, applies: |one| one.demands.profile.is_some(), run: profile },
        Check { info: checks::TAG, applies: |one| one.demands.version.is_some(), run: tag },
        Check { info: checks::STATUS, applies: always, run: |one| checks::status(one.policy, one.demands.class) },
        Check { info: checks::MEASUREMENTS, applies: always, run: |one| checks::measurements(one.policy) },
        Check { info: checks::TCB, applies: always, run: |one| checks::tcb(one.policy) },
        Check { info: checks::SPELLINGS, applies: always, run: |one| checks::spellings(one.policy) },
        Check { info: checks::FIELDS, applies: always, run: |one| checks::fields(one.policy) },
        Check { info: checks::REGISTER_ZERO, applies: always, run: |one| checks::register_zero(one.policy) },
        Check { info: ROLE_SEPARATION, applies: always, run: |one| roles_within(one.policy) },
    ]
}

/// All rules about one file by itself.
pub fn alone(policy: &PolicyFile, demands: Demands<'_>) -> Vec<Finding> {
    let judged = Judged { policy, demands };
    of_one_file().iter().flat_map(|check| check.findings(&judged)).collect()
}

fn always(_: &Judged<'_>) -> bool {
    true
}

fn schema(policy: &PolicyFile) -> Vec<Finding> {
    conforms(&policy.name, policy.kind.schema(), &policy.document)
}

fn profile(one: &Judged<'_>) -> Vec<Finding> {
    one.demands.profile.map(|profile| checks::profile(one.policy, profile)).unwrap_or_default()
}

fn tag(one: &Judged<'_>) -> Vec<Finding> {
    one.demands.version.map(|version| checks::tag(one.policy, version)).unwrap_or_default()
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
