//! A KMS that was deployed, and what its quote proves: the measurements that its release published, and in RTMR3 an event log
//! that explains it. RTMR3 holds the ids of application and instance, so it differs with every deployment: it is held
//! against the log, and never against a list.

use url::Url;

use super::{Effects, checks::MEASURED};
use crate::{
    attestation::{
        event_log::Field,
        measurement::{Allowed, Register},
    },
    cli::quote::JudgementArgs,
    commands::{
        kms::attest::{Evidence, KNOWN, attested, fresh_nonce},
        quote::judgement::Judgement,
    },
    digest::Sha256,
    error::{Error, Result},
    kms::client::KmsClient,
    policy::{
        deployment,
        document::{PolicyFile, ProfileLists},
    },
    report::{Finding, Section},
    rollout::inputs::{Target, UNPROVEN},
    subject::profile::Profile,
};

/// What a KMS is held against.
#[derive(Clone, Copy)]
pub(super) struct Published<'a> {
    /// The policy of its release.
    pub(super) policy: &'a [u8],
    pub(super) profile: Profile,
    /// The release, for people.
    pub(super) release: &'a str,
    /// Where it runs: on a host that does not measure what it is given, no compose hash says what runs there.
    pub(super) target: &'a Target,
}

/// A KMS that was looked at.
pub(super) struct Seen {
    pub(super) section: Section,
    pub(super) evidence: Option<Evidence>,
    pub(super) nonce: [u8; 32],
    /// Who judged the quote, as documents name them.
    pub(super) judges: Vec<String>,
}

impl Seen {
    /// The compose hash that the event log states.
    pub(super) fn compose_hash(&self) -> Option<Sha256> {
        self.evidence.as_ref()?.log.as_ref()?.identity().ok()?.compose_hash()
    }

    /// The application that the event log states, in hex.
    pub(super) fn application(&self) -> Option<String> {
        let identity = self.evidence.as_ref()?.log.as_ref()?.identity().ok()?;
        identity.get(Field::AppId).map(hex::encode)
    }

    /// RTMR3, in hex.
    pub(super) fn rtmr3(&self) -> Option<String> {
        let evidence = self.evidence.as_ref()?;
        Some(evidence.input.quote.report.registers.get(Register::Rtmr3).to_string())
    }
}

impl Effects<'_> {
    /// Asks a KMS for its quote over a fresh nonce, and holds it against what its release published.
    ///
    /// # Errors
    /// Remote: it does not answer. Trust: the policy that was kept cannot be used.
    pub(super) async fn seen(&self, url: &Url, published: Published<'_>) -> Result<Seen> {
        let args = JudgementArgs { quotes: self.quotes.clone(), ita: self.ita.clone(), ..JudgementArgs::default() };
        let context = self.context.in_real_time();
        let judgement = Judgement::new(&args, &context, false)?;
        let client = KmsClient::new(url, self.context.http.clone())?;
        let nonce = fresh_nonce()?;
        let attested = attested(&client, &judgement, nonce, None).await?;
        let mut section = attested.section;
        // The policy is held against it below, register by register.
        section.findings.retain(|finding| finding.check != KNOWN.id);
        section.caveats.extend(judgement.caveats());
        section.caveats.extend(published.target.caveat());
        let mut seen = Seen { section, evidence: attested.read, nonce, judges: judgement.judges() };
        if let Some(evidence) = &seen.evidence {
            let lists = lists(published.policy, published.profile)?;
            let found = against(published, evidence, &lists);
            seen.section.findings.extend(found);
        }
        Ok(seen)
    }
}

/// [`MEASURED`]: four registers, the TCB status and the compose hash are the release's; RTMR3 is explained by its log.
fn against(published: Published<'_>, evidence: &Evidence, lists: &ProfileLists) -> Vec<Finding> {
    let release = published.release;
    let Some(allowed) = &lists.kms else {
        return vec![MEASURED.fail(release, "its policy says nothing of a KMS")];
    };
    let mut findings = registers(release, evidence, allowed);
    let identity = evidence.log.as_ref().and_then(|log| log.identity().ok());
    let Some(identity) = identity else {
        let help = "the KMS must run on dstack, whose event log explains RTMR3";
        findings.push(MEASURED.fail(release, "no event log explains RTMR3").help(help));
        return findings;
    };
    if !identity.repeated.is_empty() {
        findings
            .push(MEASURED.fail(release, "the event log states its identity twice: the application wrote one of them"));
    }
    findings.push(composed(published, identity.compose_hash(), &lists.event_payloads));
    findings
}

fn registers(release: &str, evidence: &Evidence, allowed: &Allowed) -> Vec<Finding> {
    let measured = &evidence.input.quote.report.registers;
    let listed = Register::ALL.into_iter().filter(|register| *register != Register::Rtmr3);
    let mut findings: Vec<Finding> = listed
        .filter(|register| !allowed.admits(*register, measured.get(*register)))
        .map(|register| {
            let published: Vec<String> = allowed.register(register).iter().take(3).map(|value| value.short()).collect();
            MEASURED
                .fail(release, format!("{register} is not the one that was published"))
                .compared(published.join(" or "), measured.get(register).short())
                .help("firmware, OS image or kind of machine differ from those that the release was measured on")
        })
        .collect();
    match evidence.tcb {
        Some(tcb) if allowed.tolerates(tcb) => {}
        Some(tcb) => {
            let finding =
                MEASURED.fail(release, format!("its policy does not tolerate the TCB status {}", tcb.as_str()));
            findings.push(finding.help("update the platform, or let people decide about the policy"));
        }
        None => {
            findings.push(MEASURED.undecided(release, "the TCB status is not known: the quote is not proven genuine"))
        }
    }
    if findings.is_empty() {
        findings.push(MEASURED.pass(release, "MRTD, RTMR0 to RTMR2 and the TCB status are as published"));
    }
    findings
}

/// What the event log says was deployed, held against the list of the signed policy.
fn composed(published: Published<'_>, measured: Option<Sha256>, listed: &[Sha256]) -> Finding {
    let release = published.release;
    match (published.target, measured) {
        (_, Some(hash)) if listed.contains(&hash) => {
            MEASURED.pass(release, format!("the compose hash {hash} is in the signed policy"))
        }
        (Target::Compose { unmeasured: true, .. }, _) => MEASURED.warn(release, UNPROVEN),
        (Target::Compose { unmeasured: false, .. }, _) => MEASURED
            .undecided(release, UNPROVEN)
            .help("begin a rollout with --unmeasured where the host does not measure what Docker runs, which every report says"),
        (Target::Phala { .. }, None) => MEASURED.fail(release, "the event log states no compose hash"),
        (Target::Phala { .. }, Some(hash)) => MEASURED
            .fail(release, "the compose hash is not in the signed policy")
            .compared(listed.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join(" or "), hash.to_string())
            .help(
                "the release was measured with another compose file, or for another image: deploy what was published",
            ),
    }
}

fn lists(policy: &[u8], profile: Profile) -> Result<ProfileLists> {
    let policy = PolicyFile::parse("policy", policy)
        .map_err(|finding| Error::trust(format!("the policy that was kept: {}", finding.message)))?;
    let lists = policy.profiles.into_iter().find(|lists| lists.profile == profile);
    lists.ok_or_else(|| Error::trust(format!("the policy that was kept says nothing of {profile}")))
}

/// The policy by which a node knows this deployment, made only of a KMS whose event log was judged.
///
/// # Errors
/// Trust: the policy has another form than one of a release.
pub(super) fn of_this_deployment(policy: &[u8], profile: Profile, rtmr3: &str) -> Result<Vec<u8>> {
    deployment::of_this_deployment(policy, profile, rtmr3)
        .ok_or_else(|| Error::trust("the policy that was kept has another form than one of a release"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{report::Status, rollout::words::Remark};

    #[test]
    fn a_compose_target_is_taken_by_a_listed_hash_or_unmeasured_and_else_there_is_no_verdict() {
        let compose = |unmeasured| Target::Compose {
            file: Remark::new("/srv/kms.yaml"),
            service: "kms".parse().unwrap(),
            unmeasured,
        };
        let machine =
            Target::Phala { name: "kms".parse().unwrap(), instance_type: "tdx.small".parse().unwrap(), region: None };
        let (listed, other) = (Sha256::of(b"listed"), Sha256::of(b"other"));
        for (target, measured, status) in [
            (&compose(false), Some(listed), Status::Pass),
            (&compose(false), Some(other), Status::SkippedRequired),
            (&compose(false), None, Status::SkippedRequired),
            (&compose(true), Some(listed), Status::Pass),
            (&compose(true), Some(other), Status::Warn),
            (&compose(true), None, Status::Warn),
            (&machine, Some(listed), Status::Pass),
            (&machine, Some(other), Status::Fail),
            (&machine, None, Status::Fail),
        ] {
            let published = Published { policy: b"", profile: Profile::Debug, release: "mero-kms-v1.2.0", target };
            assert_eq!(composed(published, measured, &[listed]).status, status, "{target:?} {measured:?}");
        }
    }
}
