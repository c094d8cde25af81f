//! What a promotion must fulfil: candidates that are usable for it, and policies that stay what every policy must be.

use std::collections::BTreeSet;

use semver::Version;

use super::{About, MAX_PROBES, PROMOTION, Probe, Target, probe::PASSED};
use crate::{
    policy::{
        candidates::{self, CANDIDATES, CANDIDATES_AGREE, Given},
        checks::empty_lists,
        document::{PolicyFile, profile_in_name},
        isolation::{Cohort, cohorts_isolated},
        suite::{self, Demands},
    },
    report::{CheckInfo, Finding, Status},
    schema::excerpt::excerpt,
    subject::{role::Role, tag::Class},
    text::{counted, listed},
};

/// The rules, for listings.
pub fn rules() -> Vec<CheckInfo> {
    [CANDIDATES, CANDIDATES_AGREE, PROMOTION].into_iter().chain(suite::rules()).collect()
}

/// Whether a promotion may go on with these findings: warnings are for its reviewers.
pub fn passes(findings: &[Finding]) -> bool {
    findings.iter().all(|f| matches!(f.status, Status::Pass | Status::Warn | Status::Skipped))
}

/// The checks of the candidates by themselves: each is usable and says whose it is; those of one target agree or are told.
pub fn candidates(probes: &[Probe]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = probes.iter().flat_map(states_itself).collect();
    for role in Role::ALL {
        let of_role = probes.iter().filter(|probe| probe.about.role == Some(role));
        let given: Vec<Given> = of_role.map(|probe| probe.given.clone()).collect();
        findings.extend(candidates::judge_those(&given));
    }
    for target in Target::all() {
        let of_target: Vec<&Probe> = probes.iter().filter(|probe| probe.targets().contains(&target)).collect();
        if of_target.len() > MAX_PROBES {
            let message =
                format!("{target}: {} are too many for one promotion", counted(of_target.len(), "probe", "probes"));
            findings.push(
                PROMOTION
                    .fail(target.to_string(), message)
                    .compared(format!("at most {MAX_PROBES}"), of_target.len().to_string()),
            );
        }
        findings.extend(one_image(target, &of_target));
        for (index, probe) in of_target.iter().enumerate() {
            if let Some(first) = of_target.iter().take(index).find(|other| other.digest == probe.digest) {
                let message = format!("the same candidates as {}", first.name());
                findings.push(PROMOTION.fail(probe.name(), message).help("give each probe's candidates once"));
            }
        }
    }
    findings.extend(probes.iter().flat_map(unstable));
    findings
}

/// Probes of one target are of one image: lists of several would admit machines that are made of parts of each.
fn one_image(target: Target, of_target: &[&Probe]) -> Option<Finding> {
    let images: BTreeSet<&Option<String>> = of_target.iter().flat_map(|probe| &probe.about.images).collect();
    let named = |image: &&Option<String>| image.as_deref().map_or("a machine that was running".to_owned(), excerpt);
    (images.len() > 1).then(|| {
        let found: Vec<String> = images.iter().take(3).map(named).collect();
        CANDIDATES
            .fail(target.to_string(), "the probes are of different images")
            .compared("one image", listed(&found))
            .help("promote one image at a time, by probes of that image alone")
    })
}

/// Whether the candidates of a KMS are of the release that the policy is for: a genuine probe of another image, an older one
/// perhaps, vouches for nothing in it. Policies bear the version of the KMS, so nodes are not held to it.
pub fn of_release(probe: &Probe, policy: &PolicyFile) -> Vec<Finding> {
    let (name, About { role, versions, released, image, .. }) = (probe.name(), &probe.about);
    if *role != Some(Role::Kms) {
        return Vec::new();
    }
    let tag = policy.tag.as_deref().unwrap_or("no release");
    let mut findings = Vec::new();
    if versions.iter().any(|version| version != tag) {
        let all: Vec<String> = versions.iter().take(3).map(|version| excerpt(version)).collect();
        let message = format!("was measured of another release than {} is for", policy.name);
        let finding = if policy.is_not_ready() { PROMOTION.warn(name, message) } else { PROMOTION.fail(name, message) };
        findings.push(
            finding
                .compared(excerpt(tag), listed(&all))
                .help("probe an image of that release, or promote for this one with --tag"),
        );
    }
    if !released {
        let message = "the image was named by hand, and not taken from a release";
        let finding =
            PROMOTION.warn(name, message).help("compare its digest with that of the release before you approve");
        findings.push(match image {
            Some(image) => finding.compared("an image of the release", excerpt(image)),
            None => finding,
        });
    }
    findings
}

/// Registers that are known to differ from one deployment to the next: a policy that lists their values accepts the probed
/// machine and perhaps no other, so people must know before they merge.
fn unstable(probe: &Probe) -> Vec<Finding> {
    let instance = "it holds dstack's instance id: deploy with `no_instance_id`, or no other machine will match";
    let named = probe.about.unstable.iter().map(|register| {
        let message = format!("{} differs from one deployment to the next", register.to_uppercase());
        let finding = CANDIDATES.warn(probe.name(), message).within("source.unstable");
        if probe.about.has_instance_id && register == "rtmr3" { finding.help(instance) } else { finding.help(LISTED) }
    });
    let mut findings: Vec<Finding> = named.collect();
    if probe.about.has_instance_id && !probe.about.unstable.iter().any(|register| register == "rtmr3") {
        let message = "RTMR3 differs from one deployment to the next";
        findings.push(CANDIDATES.warn(probe.name(), message).help(instance).within("source.events.instance-id"));
    }
    findings
}

/// What it means to list values that do not repeat.
const LISTED: &str = "the policy accepts the values that were measured, and not the next one: find out why they differ";

/// What was signed must say itself which role and profile it is about: any other word could not be checked later.
fn states_itself(probe: &Probe) -> Vec<Finding> {
    let name = probe.name();
    let mut findings = Vec::new();
    let family = probe.given.file.document.get("source").and_then(|source| source.get("family"));
    if probe.about.role.is_none() {
        let got = family.map_or_else(|| "nothing".to_owned(), crate::schema::excerpt::excerpt_json);
        let finding = CANDIDATES
            .fail(name, "does not say whether a KMS or a node was probed")
            .compared("source.family: kms or node", got);
        findings.push(finding.help("probe again with this version: `probe run` writes it").within("source.family"));
    }
    let unstated = probe.given.file.entries.iter().filter(|entry| entry.profile.is_none());
    findings.extend(unstated.map(|entry| {
        let message = format!("{} does not say which profile it is for", entry.place);
        CANDIDATES.fail(name, message).help("probe again with this version: the profile is part of what is signed")
    }));
    if probe.about.verdict.as_deref() != Some(PASSED) {
        let got = probe.about.verdict.as_deref().unwrap_or("nothing");
        let finding = CANDIDATES.fail(name, "does not say that the probe passed").compared(PASSED, got);
        findings.push(finding.help("promote only what a probe that passed has measured").within("source.verdict"));
    }
    findings
}

/// The checks of the policies as they would be: those that change by themselves, and all of them together.
pub fn policies(changed: &[&PolicyFile], others: &[&PolicyFile], release: Option<(&Version, Class)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for policy in changed {
        let base = policy.name.rsplit('/').next().unwrap_or(&policy.name);
        let demands = Demands {
            profile: profile_in_name(base),
            version: release.map(|(version, _)| version),
            class: release.map_or_else(|| suite::class_of(policy), |(_, class)| class),
        };
        findings.extend(suite::alone(policy, demands));
    }
    let all: Vec<&PolicyFile> = changed.iter().chain(others).copied().collect();
    findings.extend(suite::together(&all));
    for finding in drafts(&all) {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings.extend(suite::roles_across(&all, &[]));
    findings
}

/// Isolation of lists that are complete in files that are not ready: a value that stands there becomes final by the next
/// promotion, so it must not be in two profiles now.
fn drafts(all: &[&PolicyFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for role in Role::ALL {
        let lists = all.iter().flat_map(|policy| policy.profiles.iter().map(move |lists| (policy, lists)));
        let cohorts: Vec<_> = lists
            .filter_map(|(policy, lists)| {
                let allowed = lists.of(role)?;
                let not_ready = !empty_lists(allowed).is_empty();
                Some(Cohort { source: policy.name.as_str(), profile: lists.profile, allowed, not_ready })
            })
            .collect();
        findings.extend(cohorts_isolated(role.as_str(), &cohorts));
    }
    findings.retain(|finding| matches!(finding.status, Status::Fail | Status::Warn));
    findings
}
