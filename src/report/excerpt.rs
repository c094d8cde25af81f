//! The source lines a finding is about, drawn as a compiler does: numbered, with what is meant underlined.
//!
//! Every line drawn starts with its number or a bar, so that none can be read as a workflow command.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};

use super::{Finding, Location, Status, escape, wording};

/// Columns of a tab.
const TAB: &str = "    ";

/// Draws the lines that a finding quotes, at most `width` columns wide; nothing where it quotes none or passed.
pub(super) fn drawn(finding: &Finding, width: usize, color: bool) -> Option<String> {
    let location = finding.location.as_ref().filter(|_| finding.status != Status::Pass)?;
    let excerpt = Excerpt::of(location)?;
    let (level, renderer) = (
        if wording::is_problem(finding.status) { Level::ERROR } else { Level::WARNING },
        if color { Renderer::styled() } else { Renderer::plain() },
    );
    let snippet = Snippet::source(excerpt.text.as_str())
        .line_start(usize::try_from(excerpt.first_line).ok()?)
        .fold(false)
        .annotation(AnnotationKind::Primary.span(excerpt.marked.clone()));
    let group = Group::with_level(level).element(snippet);
    let drawn = renderer.decor_style(DecorStyle::Ascii).term_width(width).render(&[group]);
    Some(drawn.trim_end().to_owned())
}

/// Quoted lines with hidden characters written out.
struct Excerpt {
    first_line: u32,
    text: String,
    /// The bytes of `text` that are meant.
    marked: Range<usize>,
}

impl Excerpt {
    fn of(location: &Location) -> Option<Self> {
        let quoted = location.snippet.as_ref()?;
        let span = wording::Span::of(location)?;
        let (mut text, mut start, mut end) = (String::new(), None, None);
        for (number, line) in quoted.lines() {
            if number > quoted.first_line {
                text.push('\n');
            }
            let from = text.len();
            let ends = push_visible(line, &mut text);
            // The byte where a column starts; a column beyond the line is its end.
            let at = |column: u32| {
                let before = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
                before.checked_sub(1).map_or(from, |last| ends.get(last).copied().unwrap_or(text.len()))
            };
            if number == span.line {
                let indent = from + text.get(from..).map_or(0, |line| line.len() - line.trim_start().len());
                start = Some(span.column.map_or(indent, at));
            }
            if number == span.end_line {
                end = Some(span.end_column.map_or(text.len(), at));
            }
        }
        // A span that goes on beyond what is quoted is marked to the last line quoted.
        let start = start.filter(|start| *start <= text.len())?;
        let end = end.unwrap_or(text.len()).max(start);
        Some(Self { first_line: quoted.first_line, text, marked: start..end })
    }
}

/// Writes a line with what is hidden in it made visible, and says where each of its characters ends.
fn push_visible(line: &str, text: &mut String) -> Vec<usize> {
    let characters: Vec<char> = line.chars().collect();
    let mut ends = Vec::with_capacity(characters.len());
    for (index, c) in characters.iter().copied().enumerate() {
        let before = index.checked_sub(1).and_then(|before| characters.get(before));
        match c {
            '\t' => text.push_str(TAB),
            // `##[` starts a workflow command anywhere in a line.
            '#' if before == Some(&'#') && characters.get(index + 1) == Some(&'[') => text.push_str("\\u{23}"),
            c if escape::is_hidden(c) => text.extend(c.escape_default()),
            c => text.push(c),
        }
        ends.push(text.len());
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(location: Location, source: &str) -> String {
        let finding = Finding::new("check", Status::Fail, "", "").at(location.quoting(source));
        drawn(&finding, 80, false).unwrap_or_default()
    }

    #[test]
    fn a_span_is_underlined_below_its_line() {
        let drawn = drawing(Location::file("a.yaml").on(2, 3).until(2, 8), "jobs:\n  build: 1\n");
        assert_eq!(drawn, "  |\n2 |   build: 1\n  |   ^^^^^");
    }

    #[test]
    fn a_line_alone_is_underlined_from_its_first_word() {
        assert_eq!(drawing(Location::file("a.yaml").on(1, None), "\tjobs\n"), "  |\n1 |     jobs\n  |     ^^^^");
    }

    #[test]
    fn columns_count_characters_also_behind_what_is_written_out() {
        let drawn = drawing(Location::file("a").on(1, 4).until(1, 5), "ü\u{202e}\tx y\n");
        assert_eq!(drawn, "  |\n1 | ü\\u{202e}    x y\n  |              ^");
    }

    #[test]
    fn a_span_of_several_lines_and_one_beyond_its_line_are_drawn() {
        let drawn = drawing(Location::file("a").on(1, 1).until(2, 99), "ab\ncd\n");
        assert!(drawn.contains("1 | / ab") && drawn.contains("2 | | cd"), "{drawn}");
        assert!(drawing(Location::file("a").on(1, 99), "ab\n").contains("1 | ab"));
    }

    #[test]
    fn source_starts_no_workflow_command() {
        let drawn = drawing(Location::file("a").on(1, 1), "::error::x ##[error]y\u{1b}[2J\n");
        assert!(drawn.lines().all(|line| !line.trim_start().starts_with("::")), "{drawn}");
        assert!(!drawn.contains("##[") && !drawn.contains('\u{1b}'), "{drawn}");
    }

    #[test]
    fn what_passed_and_what_quotes_nothing_is_not_drawn() {
        let location = Location::file("a").on(1, 1).quoting("ab\n");
        let passed = Finding::new("check", Status::Pass, "", "").at(location);
        let bare = Finding::new("check", Status::Fail, "", "").at(Location::file("a").on(1, 1));
        assert_eq!((drawn(&passed, 80, false), drawn(&bare, 80, false)), (None, None));
    }
}
