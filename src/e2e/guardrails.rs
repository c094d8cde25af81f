//! Guardrails A, B and C: which trials each is made of, and what it takes that they were made.

use super::{
    release::{KmsRelease, Known, NodeRelease},
    scheme::{Pair, Scheme},
    service::Service,
    trial::{AGAIN, Basis, Expected, Got, Side, Trial, excerpt_of},
};
use crate::{
    attestation::{
        key_answer::KeyAnswer,
        measurement::{Measurement, Register, Registers, TcbStatus},
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

    /// The trials before one KMS: all without a verdict for one reason are one finding, and a row each.
    fn add_all(&mut self, check: CheckInfo, kms: &Side, trials: &[Trial]) {
        let silence = |trial: &Trial| match &trial.got {
            Got::NoVerdict(why) => Some(why.clone()),
            Got::Admitted | Got::Refused(_) | Got::RefusedOtherwise(_) | Got::NotServed(_) => None,
        };
        let Some(why) = trials.first().and_then(silence) else {
            trials.iter().for_each(|trial| self.add(check, trial));
            return;
        };
        if trials.len() > 1 && trials.iter().all(|trial| silence(trial).is_some_and(|other| other == why)) {
            self.rows.extend(trials.iter().map(|trial| trial.row(trial.finding(check).status)));
            self.findings.push(check.undecided(format!("KMS {kms}"), excerpt_of(&why)).help(AGAIN));
        } else {
            trials.iter().for_each(|trial| self.add(check, trial));
        }
    }
}

/// What to do where nothing was asked.
pub const NAME_THEM: &str = "name what runs: --kms-url, and --node or --node-socket";

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
            true => CROSS_VERSION.missing(tag.as_str(), message).help(unlisted(scheme, tag)),
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

/// What to do about a release that no pair is listed with.
fn unlisted(scheme: &Scheme, tag: &Tag) -> String {
    let of_family = || scheme.known.iter().filter(|known| known.family() == tag.family()).map(Tag::version);
    let add = "list its pair: `merotee catalog add`";
    match (of_family().min(), of_family().max()) {
        (Some(oldest), Some(newest)) => {
            let family = tag.family();
            format!("check the tag (the catalog lists {family} releases {oldest} to {newest}), or {add}")
        }
        (None, _) | (_, None) => format!("the catalog lists nothing: {add}"),
    }
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
            made.add(
                CROSS_VERSION,
                &Trial { kms, node, expected, got, predicted: None, basis: None, is_other_image: false },
            );
        }
    }
}

/// [`ISOLATION`]: what nodes of every profile heard from the running KMS of each profile of the pair.
pub fn isolation(both: &Both<'_>, heard: &[Heard]) -> Made {
    let mut made = Made::default();
    if heard.is_empty() {
        made.findings.push(ISOLATION.undecided("", "no node asked a KMS").help(NAME_THEM));
        return made;
    }
    for kms in &both.pair.profiles {
        made.add_all(ISOLATION, &side(&both.pair.kms, *kms), &isolated(both, *kms, heard));
    }
    made
}

/// [`ISOLATION`] of a KMS that is named although the catalog does not list the pair in its profile.
pub fn unlisted_kms(profile: Profile) -> Finding {
    let subject = format!("KMS of --kms-url, {profile}");
    let finding = ISOLATION.undecided(subject, format!("not asked: the catalog does not list the pair in {profile}"));
    finding.help("leave it out, or list the pair in that profile: `merotee catalog add`")
}

/// Nodes of every profile before the running KMS of one.
fn isolated(both: &Both<'_>, of_kms: Profile, heard: &[Heard]) -> Vec<Trial> {
    let pair = both.pair;
    let service = both.kms.stated().map(|release| release.service(of_kms));
    let mut trials = Vec::new();
    for of_node in Profile::ALL {
        let trial = |got: Got, predicted: Option<Vec<Register>>, registers: Option<&Registers<Measurement>>| Trial {
            kms: side(&pair.kms, of_kms),
            node: side(&pair.node, of_node),
            expected: if of_kms == of_node { Expected::Admitted } else { Expected::Refused },
            got,
            predicted,
            basis: None,
            is_other_image: is_other_image(both.node, of_node, registers),
        };
        let before = trials.len();
        for one in heard.iter().filter(|one| one.kms == of_kms && one.node == of_node) {
            let known = one.registers.as_ref().zip(service.as_ref());
            let predicted = known.and_then(|(registers, service)| service.objects_to(registers));
            trials.push(trial(Got::from(&one.answer), predicted, one.registers.as_ref()));
        }
        if trials.len() == before {
            trials.push(trial(Got::NoVerdict("no node of this profile asked this KMS".to_owned()), None, None));
        }
    }
    trials
}

/// Whether a node was seen to measure something other than its release publishes.
fn is_other_image(node: &Known<NodeRelease>, profile: Profile, registers: Option<&Registers<Measurement>>) -> bool {
    let published = node.stated().and_then(|release| release.published.profile(profile));
    published.zip(registers).is_some_and(|(published, registers)| {
        Register::ALL.into_iter().any(|one| !published.allowed.admits(one, registers.get(one)))
    })
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
    /// Running KMSs that were named and not asked: why.
    pub unasked: &'a [(Profile, String)],
}

/// [`STALE_POLICY`]: the image under the newest policy that is stale for it, then under its own.
pub fn stale_policy(stale: &Stale<'_>) -> Made {
    let mut made = Made::default();
    let unasked = |(profile, why): &(Profile, String)| {
        STALE_POLICY.undecided(format!("KMS of --stale-kms-url, {profile}"), format!("not asked: {why}"))
    };
    made.findings.extend(stale.unasked.iter().map(unasked));
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
    made.findings.extend(stale.older.iter().take_while(|(tag, _)| *tag != older.tag).map(passed_over));
    for profile in &pair.profiles {
        under_older(stale, (older, kms, node), *profile, &mut made);
    }
    made
}

/// A newer release than the one that is tried, whose policy could not be.
fn passed_over((tag, known): &(Tag, Known<KmsRelease>)) -> Finding {
    match known {
        Known::NotReleased => STALE_POLICY.skip(tag.as_str(), "not released: it is listed in advance"),
        Known::Stated(_) | Known::NotTrusted(_) | Known::Unknown(_) => {
            let message = format!("its policy was not tried: {}", unusable(known));
            let help = "correct the release, or name the one whose policy is to be tried: --stale TAG";
            STALE_POLICY.undecided(tag.as_str(), message).help(help)
        }
    }
}

/// One profile of the image under the older policy and its own.
fn under_older(
    stale: &Stale<'_>,
    (older, kms, node): (&KmsRelease, &KmsRelease, &NodeRelease),
    profile: Profile,
    made: &mut Made,
) {
    let pair = stale.new.pair;
    let (before, now) = (older.service(profile), kms.service(profile));
    let trial = |of: &Tag, expected, got, basis, registers: Option<&Registers<Measurement>>| Trial {
        kms: side(of, profile),
        node: side(&pair.node, profile),
        expected,
        got,
        predicted: None,
        basis: Some(basis),
        is_other_image: is_other_image(stale.new.node, profile, registers),
    };
    match node.published.profile(profile) {
        Some(published) => {
            let old = before.meets(published, Expected::Refused);
            made.add(STALE_POLICY, &trial(&older.tag, Expected::Refused, old, Basis::Published, None));
            let own = now.meets(published, Expected::Admitted);
            made.add(STALE_POLICY, &trial(&pair.kms, Expected::Admitted, own, Basis::Published, None));
        }
        None => {
            let message = format!("{} publishes nothing for {profile}", node.tag);
            made.findings.push(STALE_POLICY.undecided(pair.node.as_str(), message));
        }
    }
    for (_, registers) in stale.seen.iter().filter(|(of, _)| *of == profile) {
        // Firmware is not what a stale policy is about.
        let got = before.admits(registers, TcbStatus::UpToDate);
        made.add(STALE_POLICY, &trial(&older.tag, Expected::Refused, got, Basis::Measured, Some(registers)));
    }
    for one in stale.heard.iter().filter(|one| one.kms == profile && one.node == profile) {
        let predicted = one.registers.as_ref().and_then(|registers| before.objects_to(registers));
        let (got, registers) = (Got::from(&one.answer), one.registers.as_ref());
        let trial = trial(&older.tag, Expected::Refused, got, Basis::RunningKms, registers);
        made.add(STALE_POLICY, &Trial { predicted, ..trial });
    }
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
