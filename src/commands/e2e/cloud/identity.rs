//! A KMS that was made is asked for its quote, and proven to be the machine that was made, running what it was made with. Only
//! then is RTMR3, which holds the ids of the deployment, taken for its own: by that a node knows it.

use url::Url;

use super::{Course, boot::Booted, is_against, order::KmsOrder};
use crate::{
    attestation::measurement::Register,
    commands::{
        kms::{
            attest::{Evidence, KNOWN, attested, fresh_nonce},
            health::{self, HEALTH},
        },
        machine::cvm::{
            Running,
            identity::{answers, composed, repeated},
        },
        quote::judgement::Judgement,
    },
    error::{Error, Result},
    kms::{client::KmsClient, wire::Health},
    policy::deployment::of_this_deployment,
    report::Finding,
};

impl Course<'_> {
    /// The policy by which nodes know this deployment; `None` where it is not proven, which its findings say.
    ///
    /// # Errors
    /// Remote: it does not answer.
    pub(super) async fn proven(
        &self,
        one: &KmsOrder,
        machine: &Running<'_>,
        (url, health): (&Url, &Health),
        booted: &mut Booted,
    ) -> Result<Option<Vec<u8>>> {
        let client = KmsClient::new(url, self.context.http.clone())?;
        let subject = one.label.machine();
        let mut findings = vec![if health::is_ready(health) {
            HEALTH.pass(&subject, "ready to release keys")
        } else {
            HEALTH
                .fail(&subject, "it answers, and has not loaded its policy")
                .help("look at its log: does it trust its release?")
        }];
        findings.extend(health::expected(&subject, health, Some(self.kms.tag.version()), Some(one.profile)));
        let quotes = self.args.quotes.judgement(one.profile);
        let judgement = Judgement::new(&quotes, self.context, false)?;
        let attested = attested(&client, &judgement, fresh_nonce()?, None).await?;
        booted.caveats.extend(attested.section.caveats);
        // By which policy it is known is found out here.
        let judged = attested.section.findings.into_iter().filter(|finding| finding.check != KNOWN.id).map(repeated);
        findings.extend(judged.map(|finding| Finding { subject: subject.clone(), ..finding }));
        let mut policy = None;
        if let Some(evidence) = &attested.read {
            findings.extend(self.made(&subject, machine, evidence).await?);
            policy = self.policy_of(one, evidence)?;
        }
        let is_proven = !findings.iter().any(is_against);
        booted.findings.extend(findings);
        Ok(policy.filter(|_| is_proven))
    }

    /// It is the machine that was made, and runs the file that it was made with.
    async fn made(&self, subject: &str, machine: &Running<'_>, evidence: &Evidence) -> Result<Vec<Finding>> {
        let identity = evidence.log.as_ref().and_then(|log| log.identity().ok());
        let mut findings = vec![answers(subject, machine, identity.as_ref())];
        findings.extend(composed(subject, machine, evidence).await?);
        Ok(findings)
    }

    fn policy_of(&self, one: &KmsOrder, evidence: &Evidence) -> Result<Option<Vec<u8>>> {
        let Some((name, bytes)) = self.kms.policy(one.profile) else { return Ok(None) };
        let rtmr3 = evidence.input.quote.report.registers.get(Register::Rtmr3).to_string();
        let own = of_this_deployment(bytes, one.profile, &rtmr3);
        let odd = || Error::trust(format!("{} {name} has another form than the policy of a release", self.kms.tag));
        own.ok_or_else(odd).map(Some)
    }
}
