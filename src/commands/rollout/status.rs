//! `rollout status`: how far a rollout is, on one screen; in other formats its whole record.

use crate::{
    adapters::rollout_state::Rollout,
    cli::rollout::RolloutStatusArgs,
    context::Context,
    error::Result,
    product::Product,
    report::{Format, Report},
    rollout::{checks::RULES, show},
};

pub(super) fn run(args: &RolloutStatusArgs, context: &Context) -> Result<Product> {
    let seen = Rollout::look(&args.state)?;
    let file = args.state.display().to_string();
    let head = format!("{} sha256:{}", seen.head.seq + 1, seen.head.sha256);
    let report = Report {
        command: "rollout status".into(),
        rules: RULES.to_vec(),
        sections: show::sections(&seen.state, &seen.entries, &head, &file),
        ..Report::default()
    };
    match context.output.format {
        Format::Human => {
            let holder = seen.holder.map(|holder| format!("{}, since {}", holder.operator(), holder.since()));
            let screen = show::screen(&seen.state, seen.entries.len(), holder.as_deref(), &file);
            let summary = format!("```text\n{screen}```\n");
            Ok(Product::text(screen, summary, report))
        }
        Format::Markdown | Format::Json | Format::Sarif | Format::Html => Ok(Product::report(report)),
    }
}
