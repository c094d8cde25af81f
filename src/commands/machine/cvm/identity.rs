//! That what answers is the machine that was made, and runs what it was made with: what its quote proves is held against what
//! the cloud says of it.

use super::Running;
use crate::{
    attestation::{
        compose_hash::of_app_compose,
        event_log::{AppIdentity, Field, checks},
    },
    commands::kms::attest::Evidence,
    error::Result,
    probe::checks::{MACHINE, Stated, compose_hash, deployed},
    report::{Finding, Status},
};

/// [`MACHINE`]: the event log is of the machine that was made, and not of another one with the same compose file.
pub(in crate::commands) fn answers(subject: &str, machine: &Running<'_>, identity: Option<&AppIdentity>) -> Finding {
    let measured = |field: Field| identity.and_then(|identity| identity.get(field)).map(hex::encode);
    let application = (Field::AppId, "application", Some(machine.provisioned.app_id.digits().to_owned()));
    let instance = (Field::InstanceId, "instance", machine.cvm.instance_id.as_deref().map(instance_digits));
    for (field, what, made) in [application, instance] {
        let (Some(made), measured) = (made, measured(field)) else { continue };
        if measured.as_ref() != Some(&made) {
            return MACHINE
                .fail(subject, format!("the event log is of another {what} than the one that was made"))
                .compared(made, measured.unwrap_or_else(|| format!("no {field}")))
                .help("another machine answered: do not use this probe");
        }
    }
    MACHINE.pass(subject, "the event log is of the application and instance that were made")
}

/// The id of an instance as it is measured.
fn instance_digits(stated: &str) -> String {
    stated.strip_prefix("instance_").unwrap_or(stated).to_ascii_lowercase()
}

/// The compose hash in its four places, and the compose file in the one that was measured.
///
/// # Errors
/// Remote: the service does not say what runs there.
pub(in crate::commands) async fn composed(
    subject: &str,
    machine: &Running<'_>,
    evidence: &Evidence,
) -> Result<Vec<Finding>> {
    let attestation = machine.phala.attestation(&machine.id).await?;
    let app_compose = attestation.and_then(|attestation| attestation.tcb_info).map(|info| info.app_compose);
    let measured =
        evidence.log.as_ref().and_then(|log| log.identity().ok()).and_then(|identity| identity.compose_hash());
    let stated: [Stated; 4] = [
        ("the answer to provision", Some(machine.provisioned.compose_hash)),
        ("the machine's description", machine.cvm.compose_hash),
        ("the event log", measured),
        ("app-compose.json", app_compose.as_deref().map(|text| of_app_compose(text.as_bytes()))),
    ];
    let mut findings = compose_hash(subject, &stated);
    if let (Some(text), Some(measured)) = (&app_compose, measured) {
        findings.push(deployed(subject, text.as_bytes(), measured, &machine.deployment.compose));
    }
    Ok(findings)
}

/// An identity that the log states twice cannot be the basis of a policy: the application wrote one of them.
pub(in crate::commands) fn repeated(finding: Finding) -> Finding {
    if finding.check == checks::IDENTITY.id && finding.status == Status::Warn {
        return Finding { status: Status::Fail, ..finding };
    }
    finding
}
