//! A place in a file as SARIF's regions (3.30): the span that is meant, and the whole lines around it.

use super::log::{ArtifactContent, Region};
use crate::report::{Location, Snippet, wording::Span};

/// The region of a place, and its context where that is more. A region without columns is whole lines, so it holds the
/// quoted lines itself; one with columns holds exactly its own text, and the lines are its context.
pub(super) fn of(location: Option<&Location>) -> (Option<Region>, Option<Region>) {
    let Some((location, span)) = location.and_then(|location| Some((location, Span::of(location)?))) else {
        return (None, None);
    };
    let end = Span::stated_end(location);
    let (end_line, end_column) = end.map_or((None, None), |(line, column)| (Some(line), column));
    let region = Region { start_line: span.line, start_column: span.column, end_line, end_column, snippet: None };
    let Some(quoted) = &location.snippet else { return (Some(region), None) };
    let last = quoted.lines().last().map_or(quoted.first_line, |(number, _)| number);
    // Less than the whole span is quoted: what is there must not pass for its text.
    if quoted.first_line > span.line || last < span.end_line {
        return (Some(region), None);
    }
    let content = |text: String| Some(ArtifactContent { text });
    let context = Region {
        start_line: quoted.first_line,
        start_column: None,
        end_line: Some(last),
        end_column: None,
        snippet: content(quoted.text.clone()),
    };
    let whole_lines = span.column.is_none() && end_column.is_none();
    if whole_lines && quoted.first_line == span.line && last == span.end_line {
        return (Some(Region { snippet: content(quoted.text.clone()), ..region }), None);
    }
    let own = text_of(quoted, &Span { end_column, ..span });
    (Some(Region { snippet: content(own), ..region }), Some(context))
}

/// The characters of a span. Without an end column it goes to the end of its line, as a region does (3.30.8).
fn text_of(quoted: &Snippet, span: &Span) -> String {
    let index = |column: u32| usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let part = |(number, line): (u32, &str)| {
        let from = if number == span.line { span.column.map_or(0, index) } else { 0 };
        let to = if number == span.end_line { span.end_column.map_or(usize::MAX, index) } else { usize::MAX };
        line.chars().take(to).skip(from).collect::<String>()
    };
    let lines = quoted.lines().filter(|(number, _)| (span.line..=span.end_line).contains(number));
    lines.map(part).collect::<Vec<_>>().join("\n")
}
