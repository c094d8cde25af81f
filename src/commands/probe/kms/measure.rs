//! A KMS that runs is asked who it is and for its quote, and what it answers is judged: nothing that it says of itself counts
//! but what the quote proves.

use std::io::ErrorKind;

use url::Url;

use super::Kms;
use crate::{
    adapters::http::{HttpOptions, host},
    attestation::measurement::{Allowed, Register},
    commands::{
        kms::{
            attest::{Evidence, attested, fresh_nonce},
            health::{self, HEALTH},
        },
        machine::{
            cvm::{
                Running,
                identity::{answers, composed, repeated},
            },
            healthy::until_healthy,
        },
        probe::course::{Course, Found, Order},
    },
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    kms::{client::KmsClient, wire::Health},
    probe::{
        checks::{AS_RELEASED, COMPOSE},
        tolerance::intolerant,
    },
    report::{Exhibit, Fact, Finding, RegisterMatrix, RegisterRow, Table},
};

/// What the quote of a KMS that was not deployed proves.
const ANY_MACHINE: &str = "no policy was given (--expect-policy): any genuine machine could be this KMS";

/// Four registers are as released, and the fifth differs between any two deployments.
const RTMR3_DIFFERS: &str = "its policy admits MRTD and RTMR0 to RTMR2; RTMR3 differs, as with every deployment on Phala Cloud: it \
                             holds the ids of application and instance";

/// Refuses an address at which nothing listens: there is nothing to wait for.
///
/// # Errors
/// Remote: the connection is refused.
pub(super) async fn refuse_closed(url: &Url, context: &Context) -> Result<()> {
    let options = HttpOptions { attempts: 1, ..context.http.clone() };
    match KmsClient::new(url, options)?.health().await {
        Err(error) if is_refused(&error) => {
            Err(Error::remote(format!("nothing listens at {}", host(url))).because(error).help(
                "check the address and the port of --kms-url; for a KMS that is still starting, say how long: --wait SECONDS",
            ))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether the host answered that the port is closed.
fn is_refused(error: &Error) -> bool {
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == ErrorKind::ConnectionRefused)
}

impl Order<Kms> {
    /// Asks the KMS at one of `addresses`, and judges its answers.
    ///
    /// # Errors
    /// Remote: it does not answer in time, or not in a form that is known.
    pub(super) async fn measure(
        &self,
        course: &Course<'_>,
        addresses: &[Url],
        machine: Option<&Running<'_>>,
        found: &mut Found,
    ) -> Result<()> {
        let (url, health) = until_healthy(addresses, course.args.patience(), course.context).await?;
        let client = KmsClient::new(&url, course.context.http.clone())?;
        let subject = client.host();
        found.facts.push(Fact::named("address", url.to_string()));
        self.identity(&subject, &health, found);
        found.nonce = fresh_nonce()?;
        let attested = attested(&client, course.judgement, found.nonce, None).await?;
        found.facts.extend(attested.section.facts);
        found.caveats.extend(attested.section.caveats);
        // That no policy was given is no flaw of a probe: it is made to find out what a policy shall say.
        let known = crate::commands::kms::attest::KNOWN.id;
        let findings = attested.section.findings.into_iter().filter(|finding| finding.check != known);
        found.findings.extend(findings.map(|finding| if course.is_tolerant() { finding } else { intolerant(finding) }));
        found.evidence = attested.read;
        let Some(evidence) = &found.evidence else { return Ok(()) };
        let identity = evidence.log.as_ref().and_then(|log| log.identity().ok());
        if identity.as_ref().is_some_and(|identity| !identity.repeated.is_empty()) {
            found.findings = std::mem::take(&mut found.findings).into_iter().map(repeated).collect();
        }
        match machine {
            Some(machine) => {
                found.findings.push(answers(&subject, machine, identity.as_ref()));
                found.findings.extend(composed(&subject, machine, evidence).await?);
            }
            None => {
                found.findings.push(running(&subject, identity.and_then(|identity| identity.compose_hash())));
                if !course.is_tolerant() {
                    found.caveats.push(ANY_MACHINE.to_owned());
                }
            }
        }
        if let (Some(admitted), Some(release)) = (&self.probed.admitted, &self.release) {
            let release = release.as_str();
            found.findings.extend(as_released(release, evidence, admitted));
            found.exhibits.push(compared(evidence, admitted));
        }
        Ok(())
    }

    fn identity(&self, subject: &str, health: &Health, found: &mut Found) {
        let plan = &self.probed.plan;
        found.findings.push(if health::is_ready(health) {
            HEALTH.pass(subject, "ready to release keys")
        } else {
            HEALTH
                .warn(subject, "it answers, and has not loaded a policy")
                .help("a KMS that is probed before its release has none to load; after the release, look at its log")
        });
        found.findings.extend(health::expected(subject, health, plan.version.as_ref(), Some(plan.profile)));
        found.version = Some(health.version.clone()).filter(|version| !version.is_empty());
    }
}

/// [`COMPOSE`] of a KMS that ran already: the event log alone states the compose hash, and must state it.
fn running(subject: &str, measured: Option<Sha256>) -> Finding {
    match measured {
        Some(_) => {
            COMPOSE.skip(subject, "the event log alone states the compose hash of a KMS that this probe did not deploy")
        }
        None => COMPOSE
            .fail(subject, "the event log states no compose hash: nothing says what runs there")
            .help("probe a KMS that runs on dstack, or deploy one: leave out --kms-url"),
    }
}

/// [`AS_RELEASED`]: a policy of the release exists already, so what differs from it is told. It does not fail: a probe measures
/// what a policy is to be made of. RTMR3 is left out: dstack extends it with ids that each deployment has of its own.
fn as_released(release: &str, evidence: &Evidence, admitted: &Allowed) -> Vec<Finding> {
    let registers = &evidence.input.quote.report.registers;
    let others = |register: &Register| !admitted.admits(*register, registers.get(*register));
    let findings: Vec<Finding> = Register::ALL
        .into_iter()
        .filter(|register| *register != Register::Rtmr3 && others(register))
        .map(|register| {
            let listed: Vec<String> = admitted.register(register).iter().take(3).map(|value| value.short()).collect();
            AS_RELEASED
                .warn(release, format!("its policy does not admit the measured {register}"))
                .compared(listed.join(" or "), registers.get(register).short())
                .help("firmware, OS image or kind of machine differ from those that the release was measured on")
        })
        .collect();
    match (findings.is_empty(), others(&Register::Rtmr3)) {
        (false, _) => findings,
        (true, false) => vec![AS_RELEASED.pass(release, "its policy admits all five registers")],
        (true, true) => vec![AS_RELEASED.pass(release, RTMR3_DIFFERS)],
    }
}

fn compared(evidence: &Evidence, admitted: &Allowed) -> Exhibit {
    let registers = &evidence.input.quote.report.registers;
    let row =
        |name: &str, values: Vec<Vec<String>>| RegisterRow { profile: name.to_owned(), role: Some("kms"), values };
    let measured = Register::ALL.into_iter().map(|register| vec![registers.get(register).to_string()]).collect();
    let policy = Register::ALL
        .into_iter()
        .map(|register| admitted.register(register).iter().map(ToString::to_string).collect())
        .collect();
    let matrix = RegisterMatrix {
        registers: Register::ALL.map(Register::name).to_vec(),
        rows: vec![row("measured", measured), row("released", policy)],
    };
    Exhibit { checks: &["probe-as-released"], table: Table::Registers(matrix) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Status;

    #[test]
    fn a_kms_that_ran_already_must_state_its_compose_hash_in_the_event_log() {
        let stated = running("kms.example", Some(Sha256::of(b"app-compose.json")));
        assert_eq!(stated.status, Status::Skipped);
        let unstated = running("kms.example", None);
        assert_eq!(unstated.status, Status::Fail);
        assert!(unstated.message.contains("states no compose hash"), "{}", unstated.message);
    }
}
