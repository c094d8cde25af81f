//! D6: what production runs before the switch, the switch, what it runs after it, and the way back. It is updated in place:
//! storage keys belong to the application of the KMS, and a second machine would be another one.

use super::{
    Effects,
    bring::{Awaited, said},
    checks::{KEY, MEASURED, RUNS, SAME_KEYS},
    deployed::{self, Published, Seen},
    node::{self, Kms},
    places::{compose_file, places_apart},
    releases::POLICY,
    staging::{health_of, upgraded},
    told::{facts, judged, kept, made, report},
};
use crate::{
    adapters::target::{ComposeFile, PhalaMachine, Phase, Target as Deployable},
    attestation::{event_log::checks as event_log, key_answer::KeyAnswer, verdict},
    commands::kms::{
        attest::ATTEST,
        health::{HEALTH, IDENTITY},
    },
    error::{Error, Result, chain},
    probe::upgrade,
    report::{CheckInfo, Fact, Finding, Section, Verdict},
    rollout::{
        inputs::{Access, Site, Target},
        path::Look,
        record::Came,
        state::{Pending, State},
        step::Judged,
        words::Remark,
    },
    subject::{
        cvm::CvmName,
        tag::{Family, Tag},
    },
};

/// How the kept compose file is called.
const COMPOSE: &str = "compose.yaml";

impl Effects<'_> {
    /// What production runs, kept to go back to; and whether a node gets its key of it.
    pub(super) async fn previous(&self, state: &State) -> Result<Judged> {
        const LOOK: Look = Look::Previous;
        let (inputs, subject) = (state.inputs(), state.subject(LOOK));
        let target = self.target(&inputs.production).await?;
        let stop = |finding: Finding| {
            let section = Section { findings: vec![finding], ..Section::default() };
            Ok(judged(report(LOOK, state, rules(), vec![section]), Vec::new(), Vec::new()))
        };
        let current = target.current().await?;
        let (Phase::Running, Some(compose)) = (&current.phase, &current.compose) else {
            let what = format!("{} is not running: {}", target.describe(), said(&current));
            return stop(RUNS.fail(&subject, what).help("bring production back first: a rollout must have a way back"));
        };
        let stated = match upgrade::stated(compose) {
            Ok(stated) => stated,
            Err(why) => {
                let finding = RUNS.fail(&subject, format!("its compose file cannot be rolled forward: {why}"));
                return stop(
                    finding.help("pin the image by digest, and set MERO_KMS_VERSION and MERO_KMS_PROFILE in it"),
                );
            }
        };
        let image = self.image(state)?;
        if stated.image.digest() == image.digest() {
            return stop(RUNS.fail(&subject, "it runs the digest already that this rollout is to bring"));
        }
        if stated.profile != inputs.profile {
            let finding = RUNS.fail(&subject, "it is of another profile");
            return stop(finding.compared(inputs.profile.to_string(), stated.profile.to_string()));
        }
        let release = Tag::new(Family::Kms, stated.version.clone());
        let policy = match self.policy_of(&release, inputs.profile, &inputs.repository).await? {
            Ok(policy) => policy,
            Err(why) => {
                let what = format!("it runs {release}, which is not trusted: {why}");
                return stop(
                    RUNS.fail(&subject, what).help("there is no way back to a release that nothing vouches for"),
                );
            }
        };
        let url = self.healthy(target.as_ref(), &inputs.production, self.health_patience()).await?.0;
        let published = Published {
            policy: &policy,
            profile: inputs.profile,
            release: release.as_str(),
            target: &inputs.production.target,
        };
        let mut seen = self.seen(&url, published).await?;
        let what = format!("{} runs {release}, {}", target.describe(), stated.image);
        seen.section.findings.insert(0, RUNS.pass(&subject, what));
        let node = standing(&inputs.production);
        let kms = Kms { url: &url, policy: &policy, profile: inputs.profile };
        let fingerprint = self.key_of(&mut seen, kms, node, &subject).await?;
        seen.section.facts.push(Fact::Image(stated.image.to_string()));
        let mut learnt = facts([
            ("digest", stated.image.digest().to_owned()),
            ("version", stated.version.to_string()),
            ("rtmr3", seen.rtmr3().unwrap_or_default()),
        ]);
        learnt.extend(seen.application().map(|app| facts([("application", app)])).into_iter().flatten());
        learnt.extend(fingerprint.map(|fingerprint| facts([("fingerprint", fingerprint)])).into_iter().flatten());
        let files = kept(COMPOSE, compose.clone().into_bytes()).into_iter().chain(kept(POLICY, policy));
        Ok(judged(report(LOOK, state, rules(), vec![seen.section]), files.collect(), learnt))
    }

    pub(super) async fn switch(&self, state: &State) -> Result<Came> {
        places_apart(state.inputs(), self.context)?;
        let (target, wanted) = (self.target(&state.inputs().production).await?, self.wanted(state)?);
        let digest = self.image(state)?.digest().to_owned();
        Ok(self.bring(target.as_ref(), &wanted, made([("digest", digest)])).await)
    }

    /// Puts back what production ran. It may be asked for twice.
    pub(super) async fn restore(&self, state: &State) -> Result<Came> {
        let (target, before) = (self.target(&state.inputs().production).await?, self.before(state)?);
        let digest = self.learnt(state, Look::Previous, "digest")?.to_owned();
        let came = self.bring(target.as_ref(), &before, made([("digest", digest)])).await;
        // What does not come back yet is tried again, and never called undone.
        Ok(match came {
            Came::Broken { why, .. } => Came::Unknown(why),
            Came::Done(_) | Came::Refused(_) | Came::NeverDone(_) | Came::Unknown(_) => came,
        })
    }

    /// Looks whether a switch was made of which nothing is known. Production that does not say so in time is put back.
    pub(super) async fn find_switched(&self, pending: &Pending, state: &State) -> Result<Came> {
        let (wanted, digest) = (self.wanted(state)?, self.image(state)?.digest().to_owned());
        let made = made([("digest", digest)]);
        let awaited = Awaited { place: "production", wanted: &wanted, since: pending.since, made };
        Ok(self.find(awaited, async || self.target(&state.inputs().production).await).await)
    }

    /// Health and attestation of production after the switch.
    pub(super) async fn production(&self, state: &State) -> Result<Judged> {
        const LOOK: Look = Look::Production;
        let (inputs, subject) = (state.inputs(), state.subject(LOOK));
        let target = self.target(&inputs.production).await?;
        let version = inputs.kms.version().to_string();
        let serving = self.serving(target.as_ref(), &inputs.production, &version, inputs.profile).await;
        let (url, health) = match serving {
            Ok(found) => found,
            Err(error) => {
                let finding = HEALTH.fail(&subject, chain(&error)).help("production is rolled back");
                let section = Section { findings: vec![finding], ..Section::default() };
                return Ok(judged(report(LOOK, state, rules(), vec![section]), Vec::new(), Vec::new()));
            }
        };
        let policy = self.kept(state, Look::KmsReleaseAgain, POLICY)?;
        let release = inputs.kms.as_str();
        let published =
            Published { policy: &policy, profile: inputs.profile, release, target: &inputs.production.target };
        let mut seen = self.seen(&url, published).await?;
        let current = target.current().await?;
        let wanted = self.wanted(state)?;
        seen.section.findings.push(match current.compose {
            Some(compose) if compose == wanted => {
                RUNS.pass(&subject, format!("{} runs {}", target.describe(), inputs.kms))
            }
            Some(_) | None => RUNS.fail(&subject, "it does not run the compose file that it was given"),
        });
        seen.section.findings.push(same_application(&subject, state.fact(Look::Previous, "application"), &seen));
        let learnt = facts([("rtmr3", seen.rtmr3().unwrap_or_default())]);
        Ok(judged(
            report(LOOK, state, rules(), vec![health_of(&subject, &health, state), seen.section]),
            Vec::new(),
            learnt,
        ))
    }

    /// A production node gets its key of the new KMS.
    pub(super) async fn canary(&self, state: &State) -> Result<Judged> {
        const LOOK: Look = Look::Canary;
        let policy = self.kept(state, Look::KmsReleaseAgain, POLICY)?;
        let rtmr3 = self.learnt(state, Look::Production, "rtmr3")?;
        let node = &state.inputs().production.node;
        self.asked(LOOK, state, &policy, rtmr3, node).await
    }

    /// The nodes get keys of the old KMS again, and the same as before.
    pub(super) async fn proof(&self, state: &State) -> Result<Judged> {
        const LOOK: Look = Look::Proof;
        let policy = self.kept(state, Look::Previous, POLICY)?;
        let rtmr3 = self.learnt(state, Look::Previous, "rtmr3")?;
        self.asked(LOOK, state, &policy, rtmr3, standing(&state.inputs().production)).await
    }

    async fn asked(&self, look: Look, state: &State, policy: &[u8], rtmr3: &str, node: &Access) -> Result<Judged> {
        let (inputs, subject) = (state.inputs(), state.subject(look));
        let target = self.target(&inputs.production).await?;
        let version = if look == Look::Proof {
            self.learnt(state, Look::Previous, "version")?.to_owned()
        } else {
            inputs.kms.version().to_string()
        };
        let (url, _) = self.serving(target.as_ref(), &inputs.production, &version, inputs.profile).await?;
        let own = deployed::of_this_deployment(policy, inputs.profile, rtmr3)?;
        let answer = self.ask(Kms { url: &url, policy: &own, profile: inputs.profile }, node).await?;
        let mut findings = vec![node::told(&subject, node, &answer)];
        let before = state.fact(Look::Previous, "fingerprint");
        findings.extend(same_key(&subject, before, &answer, key_file(node) == key_file(standing(&inputs.production))));
        let section = Section { findings, ..Section::default() };
        Ok(judged(report(look, state, rules(), vec![section]), Vec::new(), Vec::new()))
    }

    /// Has a node ask a KMS whose quote passed, and says what fingerprint its key has.
    async fn key_of(&self, seen: &mut Seen, kms: Kms<'_>, node: &Access, subject: &str) -> Result<Option<String>> {
        let Some(rtmr3) = seen.rtmr3().filter(|_| seen.section.verdict() == Verdict::Passed) else {
            seen.section.findings.push(KEY.undecided(subject, "not asked: the KMS is not what its release published"));
            return Ok(None);
        };
        let own = deployed::of_this_deployment(kms.policy, kms.profile, &rtmr3)?;
        let answer = self.ask(Kms { policy: &own, ..kms }, node).await?;
        seen.section.findings.push(node::told(subject, node, &answer));
        Ok(match answer {
            KeyAnswer::Released(key) => Some(key.fingerprint),
            KeyAnswer::Refused(_) | KeyAnswer::NoVerdict(_) => None,
        })
    }

    /// The target that a site names.
    ///
    /// # Errors
    /// Usage: there is none of its name. Remote: it cannot be asked.
    pub(super) async fn target(&self, site: &Site) -> Result<Box<dyn Deployable>> {
        match &site.target {
            Target::Phala { name, .. } => {
                let name: CvmName =
                    name.as_str().parse().map_err(|e| Error::usage("the name of production").because(e))?;
                Ok(Box::new(PhalaMachine::find(self.context.phala()?, name).await?))
            }
            Target::Compose { .. } => Ok(Box::new(self.compose_file(site)?)),
        }
    }

    /// The compose file that a site names.
    ///
    /// # Errors
    /// Usage: it cannot be the place of a KMS. Input: there is no such file.
    pub(super) fn compose_file(&self, site: &Site) -> Result<ComposeFile> {
        let file = compose_file(site, self.context).transpose()?;
        file.ok_or_else(|| Error::internal("a machine is not a compose file"))
    }

    /// The compose file that production is to run.
    fn wanted(&self, state: &State) -> Result<String> {
        upgraded(&self.before(state)?, state, &self.image(state)?)
    }

    /// The compose file that production ran before.
    fn before(&self, state: &State) -> Result<String> {
        let bytes = self.kept(state, Look::Previous, COMPOSE)?;
        String::from_utf8(bytes).map_err(|e| Error::internal("the compose file that was kept").because(e))
    }
}

/// Checks of production.
fn rules() -> Vec<CheckInfo> {
    let log = [event_log::EVENT_LOG, event_log::REPLAY, event_log::IDENTITY];
    let own = [HEALTH, IDENTITY, RUNS, MEASURED, SAME_KEYS, KEY];
    [ATTEST].into_iter().chain(verdict::RULES).chain(log).chain(own).collect()
}

/// The node that production serves before the switch.
pub(super) fn standing(site: &Site) -> &Access {
    site.standing.as_ref().unwrap_or(&site.node)
}

/// What a node is known by to a KMS: nodes with the same key get the same storage key.
fn key_file(access: &Access) -> &[Remark] {
    match access {
        Access::Agent { key, .. } => std::slice::from_ref(key),
        Access::Command(words) => words,
    }
}

/// [`SAME_KEYS`]: the application stays, and storage keys with it.
fn same_application(subject: &str, before: Option<&str>, seen: &Seen) -> Finding {
    match (before, seen.application()) {
        (Some(before), Some(now)) if before == now => SAME_KEYS.pass(subject, "the application is the same as before"),
        (Some(before), Some(now)) => SAME_KEYS
            .fail(subject, "the application differs: no node could read its storage any more")
            .compared(before, now)
            .help("production is rolled back; update its machine in place"),
        (_, _) => SAME_KEYS.undecided(subject, "the event log does not state the application"),
    }
}

/// [`SAME_KEYS`]: a node gets the key that it got before the switch; of another node nothing can be said.
fn same_key(subject: &str, before: Option<&str>, answer: &KeyAnswer, same_node: bool) -> Option<Finding> {
    let KeyAnswer::Released(key) = answer else { return None };
    let before = before.filter(|_| same_node)?;
    Some(if before == key.fingerprint {
        SAME_KEYS.pass(subject, "the key is the one that the node got before")
    } else {
        SAME_KEYS
            .fail(subject, "the key differs from the one that the node got before")
            .compared(before, key.fingerprint.clone())
            .help("no node could read its storage any more: production is rolled back")
    })
}
