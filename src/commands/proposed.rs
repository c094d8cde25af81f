//! What came of a change that was proposed, for a report and for the next step of a workflow.

use crate::{
    change::{Change, Ending, Outcome, Plan},
    product::Product,
    report::{Fact, Report, Section},
};

/// Values for a workflow's step.
pub(super) type Outputs = Vec<(&'static str, String)>;

/// Tells it in the section of what was to be changed.
pub(super) fn told(section: &mut Section, change: &Change, outcome: &Outcome) -> Outputs {
    section.facts.push(Fact::named("branch", change.branch.to_string()));
    section.findings.extend(outcome.findings(change));
    section.actions = outcome.actions(change);
    let (number, url, operation) = match &outcome.ending {
        Ending::Proposed { number, url, how, .. } => (Some(*number), Some(url), how.word()),
        Ending::Pushed { page, .. } => (None, Some(page), "pushed"),
        Ending::Planned(Plan::Nothing { .. } | Plan::Refused(_) | Plan::Steps { .. }) => (None, None, "none"),
    };
    let number = number.map(|number| ("pull-request-number", number.to_string()));
    let url = url.map(|url| ("pull-request-url", url.clone()));
    number.into_iter().chain(url).chain([("pull-request-operation", operation.to_owned())]).collect()
}

/// The product of a report, with the outputs.
pub(super) fn product(report: Report, outputs: Outputs) -> Product {
    let one_line = |value: String| value.replace(['\r', '\n'], " ");
    outputs.into_iter().fold(Product::report(report), |product, (name, value)| product.output(name, one_line(value)))
}
