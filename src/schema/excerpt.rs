//! How much of a hostile document a finding may repeat.

use std::fmt::{self, Write as _};

use serde_json::Value;

use crate::report::{Finding, Status};

/// Most characters of a value that are repeated.
const MAX_CHARS: usize = 80;

/// Most findings of one check about one document before the rest is only counted.
pub const MAX_PROBLEMS: usize = 20;

/// The beginning of `text`, control characters escaped, `…` where it was cut. At most 80 characters of the original.
pub fn excerpt(text: &str) -> String {
    bounded(format_args!("{text}"), MAX_CHARS)
}

/// The beginning of `value` as compact JSON. The cost is bounded too, however large the value.
pub fn excerpt_json(value: &Value) -> String {
    bounded(format_args!("{value}"), MAX_CHARS)
}

/// Prints at most `max` characters of `text`; printing stops there instead of building the whole.
pub(super) fn bounded(text: fmt::Arguments<'_>, max: usize) -> String {
    let mut sink = Bounded { text: String::new(), left: max };
    if write!(sink, "{text}").is_err() {
        sink.text.push('…');
    }
    sink.text
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

struct Bounded {
    text: String,
    left: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        for c in piece.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            if c.is_control() {
                self.text.extend(c.escape_default());
            } else {
                self.text.push(c);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_by_characters_and_control_characters_are_escaped() {
        assert_eq!(excerpt("a\nb\u{1b}"), "a\\nb\\u{1b}");
        assert_eq!(excerpt(&"é".repeat(80)), "é".repeat(80));
        assert_eq!(excerpt(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
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
