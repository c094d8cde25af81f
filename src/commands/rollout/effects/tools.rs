//! What the targets of a rollout need, looked at before anything is begun: a program that is missing is told by `rollout plan`.

use crate::{
    adapters::target::Docker,
    context::Context,
    error::chain,
    report::Finding,
    rollout::{
        checks::PLAN,
        inputs::{Inputs, Target},
    },
};

/// [`PLAN`]: whether what the targets need is there.
pub(in crate::commands::rollout) async fn tools(inputs: &Inputs, context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    let targets = [("staging", &inputs.staging.target), ("production", &inputs.production.target)];
    let needs_docker = targets.iter().any(|(_, target)| matches!(target, Target::Compose { .. }));
    let docker = if needs_docker { Some(Docker::new(&context.endpoints.rollout.docker).version().await) } else { None };
    for (place, target) in targets {
        match (target, &docker) {
            (Target::Compose { .. }, Some(Ok(version))) => {
                findings.push(PLAN.pass(place, format!("Docker Compose {version} is there")));
            }
            (Target::Compose { .. }, Some(Err(error))) => {
                let finding = PLAN.fail(place, chain(error));
                findings.push(match error.advice() {
                    Some(advice) => finding.help(advice),
                    None => finding,
                });
            }
            (Target::Phala { .. }, _) | (Target::Compose { .. }, None) => match context.phala() {
                Ok(phala) => findings.push(PLAN.pass(place, format!("there is a key for {}", phala.host()))),
                Err(error) => {
                    let finding = PLAN.fail(place, chain(&error));
                    findings.push(match error.advice() {
                        Some(advice) => finding.help(advice),
                        None => finding,
                    });
                }
            },
        }
    }
    findings
}
