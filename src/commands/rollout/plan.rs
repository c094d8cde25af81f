//! `rollout plan`: every step, what it would touch, and how each gate is rolled back. Nothing is asked of production.

use super::{effects, given};
use crate::{
    cli::rollout::RolloutPlanArgs,
    context::Context,
    error::Result,
    product::Product,
    report::{Action, Fact, Report, Section},
    rollout::{
        checks::{GATE, PLAN},
        gate::Gate,
        inputs::Inputs,
        path::{Act, Effect, Look, PATH},
    },
};

pub(super) async fn run(args: &RolloutPlanArgs, context: &Context) -> Result<Product> {
    let inputs = given::inputs(&args.inputs, context)?;
    let mut section = Section::new(format!("rollout of {}", inputs.kms));
    section.told = &[PLAN.id];
    section.facts = vec![
        Fact::Repository(inputs.repository.to_string()),
        Fact::named("node release", inputs.node.as_str()),
        Fact::named("profile", inputs.profile.as_str()),
        Fact::named("staging", inputs.staging.target.described()),
        Fact::named("production", inputs.production.target.described()),
        Fact::named("soak", given::watched(&inputs.soak)),
    ];
    section.findings.push(PLAN.pass("inputs", "the inputs make sense together"));
    section.findings.extend(effects::tools(&inputs, context).await);
    for gate in Gate::ALL {
        let message = format!("{}; rollback: {}", gate.holds(), gate.rollback());
        section.findings.push(GATE.skip(gate.name(), message));
    }
    section.actions = PATH.iter().map(|(gate, act)| planned(*gate, *act, &inputs)).collect();
    let report = Report {
        command: "rollout plan".into(),
        rules: vec![PLAN, GATE],
        sections: vec![section],
        ..Report::default()
    };
    Ok(Product::report(report))
}

/// A step with what it touches.
fn planned(gate: Gate, act: Act, inputs: &Inputs) -> Action {
    let what = format!("{gate} {}", act.described());
    let staging = || inputs.staging.target.described();
    let production = || inputs.production.target.described();
    match act {
        Act::Effect(Effect::DeployStaging | Effect::RemoveStaging) => Action::planned(what, staging()),
        Act::Effect(Effect::OpenPull | Effect::ClosePull) => Action::planned(what, inputs.repository.to_string()),
        Act::Effect(Effect::SwitchProduction | Effect::RestoreProduction) | Act::Baseline | Act::Soak => {
            Action::planned(what, production())
        }
        Act::Look(Look::KmsReleaseAgain) => Action::planned(what, inputs.kms.to_string()),
        Act::Look(Look::NodeReleaseAgain) => Action::planned(what, inputs.node.to_string()),
        Act::Look(Look::ReviewAgain) => Action::planned(what, inputs.repository.to_string()),
        Act::Look(_) => Action::planned(what, touched(gate, inputs)),
    }
}

/// What is looked at.
fn touched(gate: Gate, inputs: &Inputs) -> String {
    match gate {
        Gate::D1 => inputs.kms.to_string(),
        Gate::D2 => inputs.node.to_string(),
        Gate::D3 => inputs.staging.target.described(),
        Gate::D4 => format!("{}, {}", inputs.staging.target.described(), inputs.staging.node.described()),
        Gate::D5 => inputs.repository.to_string(),
        Gate::D6 => format!("{}, {}", inputs.production.target.described(), inputs.production.node.described()),
    }
}
