//! Guardrails A, B and C: which trials each is made of, and what it takes that they were made.

use super::{
    release::{KmsRelease, Known, NodeRelease},
    scheme::{Pair, Scheme},
    service::Service,
    trial::{Expected, Got, Side, Trial},
};
use crate::{
    attestation::{
        key_answer::KeyAnswer,
        measurement::{Measurement, Registers, TcbStatus},
    },
    report::{CheckInfo, Finding, TrialRow},
    subject::{profile::Profile, tag::Tag},
};

/// A: pairs work as the catalog says.
pub const CROSS_VERSION: CheckInfo = CheckInfo {
    id: "e2e-cross-version",
    title: "every pair that the catalog lists works in its profiles, and no node gets a key of another profile",
};
/// B: profiles are kept apart by a KMS that runs.
pub const ISOLATION: CheckInfo = CheckInfo {
    id: "e2e-isolation",
    title: "a running KMS gives a node of its profile a key, and refuses any other naming the register that differs",
};
/// C: a policy admits no image that is newer than it.
pub const STALE_POLICY: CheckInfo = CheckInfo {
    id: "e2e-stale-policy",
    title: "an older KMS release's policy refuses the new node image by its measurements, and its own admits it",
};

/// What came of a part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// Findings.
    pub findings: Vec<Finding>,
    /// The matrix.
    pub rows: Vec<TrialRow>,
}

impl Made {
    pub(super) fn add(&mut self, check: CheckInfo, trial: &Trial) {
        let finding = trial.finding(check);
        self.rows.push(trial.row(finding.status));
        self.findings.push(finding);
    }
}

/// What a node heard from a KMS.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Profile of the KMS.
    pub kms: Profile,
    /// Profile of the node.
    pub node: Profile,
    /// The answer.
    pub answer: KeyAnswer,
    /// What the node measures, where its quote was seen.
    pub registers: Option<Registers<Measurement>>,
    /// What the KMS measures, where its quote was seen.
    pub kms_registers: Option<Registers<Measurement>>,
}

/// A pair with what its releases state.
pub struct Both<'a> {
    /// The pair.
    pub pair: &'a Pair,
    /// Its KMS.
    pub kms: &'a Known<KmsRelease>,
    /// Its node image.
    pub node: &'a Known<NodeRelease>,
}

fn side(tag: &Tag, profile: Profile) -> Side {
    Side { version: tag.version().clone(), profile }
}

/// [`CROSS_VERSION`]: each pair, each profile of the KMS with each of the node.
pub fn cross_version(scheme: &Scheme, pairs: &[Both<'_>]) -> Made {
    let mut made = Made::default();
    for tag in &scheme.unlisted {
        let message = "the catalog lists no pair with it";
        made.findings.push(match scheme.listed.is_empty() {
            true => CROSS_VERSION.missing(tag.as_str(), message).help("list the pair with `merotee catalog add`"),
            false => CROSS_VERSION.skip(tag.as_str(), message),
        });
    }
    for both in pairs {
        match (both.kms, both.node) {
            (Known::Stated(kms), Known::Stated(node)) => crossed(both.pair, kms, node, &mut made),
            (kms, node) => {
                made.findings.extend(unread(&both.pair.kms, kms).into_iter().chain(unread(&both.pair.node, node)));
            }
        }
    }
    if scheme.left_out > 0 {
        let message = format!("{} more pairs are listed and were not looked at", scheme.left_out);
        made.findings.push(CROSS_VERSION.undecided("", message).help("remove withdrawn releases from the catalog"));
    }
    if made.rows.is_empty() && !scheme.listed.is_empty() && !made.findings.iter().any(is_decisive) {
        made.findings.push(CROSS_VERSION.undecided("", "no pair of two published releases: nothing was tried"));
    }
    made
}

fn is_decisive(finding: &Finding) -> bool {
    use crate::report::Status::{Fail, Missing, Pass, Skipped, SkippedRequired, Warn};
    match finding.status {
        Fail | Missing | SkippedRequired => true,
        Pass | Warn | Skipped => false,
    }
}

/// Why a release of a pair was not tried.
fn unread<T>(tag: &Tag, known: &Known<T>) -> Option<Finding> {
    let name = tag.as_str();
    match known {
        Known::Stated(_) => None,
        Known::NotReleased => Some(CROSS_VERSION.skip(name, "not released: the pair is listed in advance")),
        Known::NotTrusted(why) => {
            let help = format!("run `merotee verify-release-assets {tag}`");
            Some(CROSS_VERSION.fail(name, format!("not trusted: {why}")).help(help))
        }
        Known::Unknown(why) => Some(CROSS_VERSION.undecided(name, why)),
    }
}

fn crossed(pair: &Pair, kms: &KmsRelease, node: &NodeRelease, made: &mut Made) {
    for of_kms in Profile::ALL {
        let service = kms.service(of_kms);
        for of_node in Profile::ALL {
            let expected = if of_kms == of_node { Expected::Admitted } else { Expected::Refused };
            // What the catalog does not list may work or not.
            if of_kms == of_node && !pair.profiles.contains(&of_kms) {
                continue;
            }
            let got = match node.published.profile(of_node) {
                Some(published) => service.meets(published, expected),
                None => Got::NoVerdict(format!("{} publishes nothing for {of_node}", node.tag)),
            };
            let (kms, node) = (side(&pair.kms, of_kms), side(&pair.node, of_node));
            made.add(CROSS_VERSION, &Trial { kms, node, expected, got, predicted: None });
        }
    }
}

/// [`ISOLATION`]: what nodes of every profile heard from the running KMS of each profile of the pair.
pub fn isolation(both: &Both<'_>, heard: &[Heard]) -> Made {
    let mut made = Made::default();
    let pair = both.pair;
    for kms in &pair.profiles {
        let service = both.kms.stated().map(|release| release.service(*kms));
        for node in Profile::ALL {
            let expected = if *kms == node { Expected::Admitted } else { Expected::Refused };
            let answers: Vec<&Heard> = heard.iter().filter(|one| one.kms == *kms && one.node == node).collect();
            if answers.is_empty() {
                let got = Got::NoVerdict("no node of this profile asked this KMS".to_owned());
                let (kms, node) = (side(&pair.kms, *kms), side(&pair.node, node));
                made.add(ISOLATION, &Trial { kms, node, expected, got, predicted: None });
            }
            for one in answers {
                let predicted = one.registers.as_ref().zip(service.as_ref());
                let predicted = predicted.and_then(|(registers, service)| service.objects_to(registers));
                let got = Got::from(&one.answer);
                let (kms, node) = (side(&pair.kms, *kms), side(&pair.node, node));
                made.add(ISOLATION, &Trial { kms, node, expected, got, predicted });
            }
        }
    }
    made
}

/// What guardrail C rests on.
pub struct Stale<'a> {
    /// The pair whose node image is new.
    pub new: Both<'a>,
    /// Older KMS releases that are not listed with the image, newest first.
    pub older: &'a [(Tag, Known<KmsRelease>)],
    /// What nodes heard from a running KMS of the newest of these.
    pub heard: &'a [Heard],
    /// What nodes of the image were seen to measure.
    pub seen: &'a [(Profile, Registers<Measurement>)],
}

/// [`STALE_POLICY`]: the image under the newest policy that is stale for it, then under its own.
pub fn stale_policy(stale: &Stale<'_>) -> Made {
    let mut made = Made::default();
    let pair = stale.new.pair;
    let (Known::Stated(kms), Known::Stated(node)) = (stale.new.kms, stale.new.node) else {
        made.findings.push(STALE_POLICY.undecided("", format!("{} and {} were not read", pair.kms, pair.node)));
        return made;
    };
    if stale.older.is_empty() {
        let message = format!("no older KMS release is listed without {}: no policy is stale for it", pair.node);
        made.findings.push(STALE_POLICY.skip(pair.node.as_str(), message));
        return made;
    }
    let Some(older) = newest_stale(stale.older, &pair.profiles) else {
        let why = stale.older.iter().map(|(tag, known)| format!("{tag}: {}", unusable(known))).collect::<Vec<_>>();
        let message = format!("no older KMS release whose policy could be tried: {}", why.join("; "));
        made.findings.push(STALE_POLICY.undecided(pair.node.as_str(), message));
        return made;
    };
    for profile in &pair.profiles {
        let (before, now) = (older.service(*profile), kms.service(*profile));
        let image = side(&pair.node, *profile);
        let old = || side(&older.tag, *profile);
        let trial = |kms: Side, expected, got| Trial { kms, node: image.clone(), expected, got, predicted: None };
        match node.published.profile(*profile) {
            Some(published) => {
                made.add(STALE_POLICY, &trial(old(), Expected::Refused, before.meets(published, Expected::Refused)));
                let own = now.meets(published, Expected::Admitted);
                made.add(STALE_POLICY, &trial(side(&pair.kms, *profile), Expected::Admitted, own));
            }
            None => {
                let message = format!("{} publishes nothing for {profile}", node.tag);
                made.findings.push(STALE_POLICY.undecided(pair.node.as_str(), message));
            }
        }
        // Firmware is not what a stale policy is about.
        let seen = stale.seen.iter().filter(|(of, _)| of == profile);
        for (_, registers) in seen {
            made.add(STALE_POLICY, &trial(old(), Expected::Refused, before.admits(registers, TcbStatus::UpToDate)));
        }
        for one in stale.heard.iter().filter(|one| one.kms == *profile && one.node == *profile) {
            let predicted = one.registers.as_ref().and_then(|registers| before.objects_to(registers));
            let trial = trial(old(), Expected::Refused, Got::from(&one.answer));
            made.add(STALE_POLICY, &Trial { predicted, ..trial });
        }
    }
    made
}

/// Of older releases, the first whose KMS starts in every profile.
pub fn newest_stale<'r>(older: &'r [(Tag, Known<KmsRelease>)], profiles: &[Profile]) -> Option<&'r KmsRelease> {
    let starts =
        |release: &&KmsRelease| profiles.iter().all(|profile| matches!(release.service(*profile), Service::Runs(_)));
    older.iter().filter_map(|(_, known)| known.stated()).find(starts)
}

fn unusable(known: &Known<KmsRelease>) -> String {
    match known {
        Known::Stated(_) => "its KMS does not start with its policy".to_owned(),
        Known::NotReleased => "not released".to_owned(),
        Known::NotTrusted(why) => format!("not trusted: {why}"),
        Known::Unknown(why) => why.clone(),
    }
}

#[cfg(test)]
mod tests;
