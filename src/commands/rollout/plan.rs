//! `rollout plan`: every step, what it would touch, and how each gate is rolled back. Nothing is asked of production.

use super::{effects, given};
use crate::{
    cli::rollout::RolloutPlanArgs,
    context::Context,
    error::Result,
    product::Product,
    report::{Action, Fact, Finding, Format, Report, Section, Status},
    rollout::{
        checks::PLAN,
        gate::Gate,
        path::{Act, PATH},
        show,
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
    section.findings.extend(effects::tools(&inputs, &args.signing, context).await);
    let planned = |(gate, act): &(Gate, Act)| {
        Action::planned(format!("{gate} {}", act.described()), show::touched(*act, &inputs))
    };
    section.actions = PATH.iter().map(planned).collect();
    let of = |word: &'static str, is: fn(Status) -> bool| -> Vec<String> {
        let found = section.findings.iter().filter(|finding| is(finding.status));
        found.map(|finding| told(word, finding)).collect()
    };
    let warnings = of("warning for", |status| matches!(status, Status::Warn | Status::Skipped));
    let lacking = of("lacks", |status| !matches!(status, Status::Pass | Status::Warn | Status::Skipped));
    let report =
        Report { command: "rollout plan".into(), rules: vec![PLAN], sections: vec![section], ..Report::default() };
    match context.output.format {
        Format::Human => {
            let mut text = show::plan(&inputs, &given::watched(&inputs.soak));
            text.push('\n');
            text.push_str(&warnings.concat());
            text.push_str(&lacking.concat());
            text.push_str(if lacking.is_empty() {
                "plan: nothing is lacking, and nothing was done\n"
            } else {
                "plan: NOT READY, and nothing was done\n"
            });
            let summary = format!("```text\n{text}```\n");
            Ok(Product::text(text, summary, report))
        }
        Format::Markdown | Format::Json | Format::Sarif | Format::Html => Ok(Product::report(report)),
    }
}

/// Something that a target needs and that is not there, or that its operator should know.
fn told(word: &str, finding: &Finding) -> String {
    let help = finding.help.as_deref().map(|help| format!("      {help}\n")).unwrap_or_default();
    format!("{word} {}: {}\n{help}", finding.subject, finding.message)
}
