//! How much of a hostile document a finding may repeat.

use serde_json::Value;

pub(crate) use crate::text::excerpt;
use crate::{
    report::{Finding, Status},
    text::{EXCERPT, excerpt_within},
};

/// Most findings of one check about one document before the rest is only counted.
pub const MAX_PROBLEMS: usize = 20;

/// The beginning of `value` as compact JSON. The cost is bounded too, however large the value.
pub(crate) fn excerpt_json(value: &Value) -> String {
    excerpt_within(format_args!("{value}"), EXCERPT)
}

/// Keeps the first [`MAX_PROBLEMS`] findings and counts the rest in one more, as bad as the worst of them.
pub fn capped(mut findings: Vec<Finding>) -> Vec<Finding> {
    if findings.len() <= MAX_PROBLEMS {
        return findings;
    }
    let rest = findings.split_off(MAX_PROBLEMS);
    let worst = [Status::Fail, Status::Missing, Status::SkippedRequired, Status::Warn, Status::Skipped];
    let status = worst.into_iter().find(|s| rest.iter().any(|f| f.status == *s)).unwrap_or(Status::Pass);
    if let Some(first) = rest.first() {
        let message = format!("and {} more like these", rest.len());
        findings.push(Finding::new(first.check, status, first.subject.clone(), message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_value_is_cut() {
        assert_eq!(excerpt_json(&Value::from(vec![1; 1_000_000])).chars().count(), 81);
    }

    #[test]
    fn findings_past_the_limit_are_counted_and_stay_as_bad() {
        let finding = |status| Finding::new("sbom", status, "s", "m");
        assert_eq!(capped(vec![finding(Status::Warn); 20]).len(), 20);
        let mut many = vec![finding(Status::Warn); 24];
        many.push(finding(Status::Fail));
        let capped = capped(many);
        assert_eq!(capped.len(), 21);
        assert_eq!(
            capped.last().map(|f| (f.status, f.message.as_str())),
            Some((Status::Fail, "and 5 more like these"))
        );
        let ending = |status| super::capped([vec![finding(Status::Pass); 24], vec![finding(status)]].concat()).pop();
        for status in [Status::Missing, Status::SkippedRequired, Status::Warn, Status::Skipped, Status::Pass] {
            assert_eq!(ending(status).map(|f| f.status), Some(status), "what is cut keeps its weight");
        }
    }
}
