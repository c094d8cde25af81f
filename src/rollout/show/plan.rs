//! A plan on a screen: a block a gate, within 80 columns.

use super::screen::folded;
use crate::rollout::{
    gate::Gate,
    inputs::Inputs,
    path::{Act, Effect, Look, PATH},
};

/// Every gate with what it does, to what, what it needs, and how it is rolled back.
pub fn plan(inputs: &Inputs, watched: &str) -> String {
    let mut out = vec![
        format!("{} with {}, {}", inputs.kms, inputs.node, inputs.profile),
        format!("repository  {}", inputs.repository),
        format!("staging     {}", inputs.staging.target.described()),
        format!("production  {}", inputs.production.target.described()),
        format!("soak        {watched}"),
    ];
    for gate in Gate::ALL {
        out.push(String::new());
        out.push(format!("{gate} {}", gate.title()));
        for (_, act) in PATH.iter().filter(|(of, _)| *of == gate) {
            out.push(format!("  does      {}: {}", act.described(), touched(*act, inputs)));
        }
        out.push(format!("  needs     {}", gate.holds()));
        out.push(format!("  rollback  {}", gate.rollback()));
    }
    out.iter().flat_map(|line| folded(line)).fold(String::new(), |text, line| text + &line + "\n")
}

/// What an act looks at or changes.
pub fn touched(act: Act, inputs: &Inputs) -> String {
    let (staging, production) = (&inputs.staging, &inputs.production);
    match act {
        Act::Look(Look::KmsRelease | Look::KmsReleaseAgain) => inputs.kms.to_string(),
        Act::Look(Look::NodeRelease | Look::NodeReleaseAgain) => inputs.node.to_string(),
        Act::Look(Look::Review | Look::ReviewAgain) | Act::Effect(Effect::OpenPull | Effect::ClosePull) => {
            inputs.repository.to_string()
        }
        Act::Look(Look::StagingHealth) | Act::Effect(Effect::DeployStaging | Effect::RemoveStaging) => {
            staging.target.described()
        }
        Act::Look(Look::StagingProbe) => format!("{}, {}", staging.target.described(), staging.node.described()),
        Act::Look(Look::Canary | Look::Proof) => {
            format!("{}, {}", production.target.described(), production.node.described())
        }
        Act::Look(Look::Previous | Look::Production)
        | Act::Effect(Effect::SwitchProduction | Effect::RestoreProduction)
        | Act::Baseline
        | Act::Soak => production.target.described(),
    }
}
