//! The parser: YAML text to events with their places.
//!
//! It is libyaml, in Rust, because Docker Compose's parser descends from libyaml: what the two disagree about with YAML
//! 1.2 (a closing bracket at the key's column, a tab, `{a:,b: 1}`) must be read as Compose reads it. The port is not
//! finished where a tag is followed by a comma, and would panic there; [`hide_tags`] keeps such tags from it.

use std::{borrow::Cow, collections::HashSet};

use libyaml_safer::{Event as Raw, EventData, Mark, Parser, ScalarStyle};

use super::{ComposeError, ComposeProblem};
use crate::schema::excerpt::excerpt;

/// How a scalar is written, as far as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    /// `|` or `>`.
    Block,
}

/// What the file says next.
#[derive(Debug)]
pub(super) enum Event {
    Document,
    Scalar {
        anchor: Option<String>,
        tag: Option<String>,
        text: String,
        style: Style,
    },
    List {
        anchor: Option<String>,
        tag: Option<String>,
    },
    Map {
        anchor: Option<String>,
        tag: Option<String>,
    },
    /// Of a list or a mapping.
    End,
    Alias(String),
    /// The end of a document.
    Break,
}

/// Hands an event after another to `take`, with its line and column, until the text ends or something is wrong.
pub(super) fn each(
    text: &str,
    mut take: impl FnMut(Event, (usize, usize)) -> Result<(), ComposeError>,
) -> Result<(), ComposeError> {
    let (text, stand_in) = hide_tags(text).map_err(|problem| ComposeError { at: None, problem })?;
    let after_question_mark = after_question_marks(&text);
    let mut parser = Parser::new();
    parser.set_input(text.as_bytes());
    loop {
        let Raw { data, start_mark, .. } = parser.parse().map_err(|e| {
            let words = e.context().map_or_else(|| e.problem().to_owned(), |c| format!("{c}, {}", e.problem()));
            ComposeError { at: e.problem_mark().map(place), problem: ComposeProblem::Syntax(excerpt(&words)) }
        })?;
        let at = place(start_mark);
        match event(data, stand_in).map_err(|problem| ComposeError { at: Some(at), problem })? {
            Step::Start => {}
            Step::Event(event) if event.is_written() && after_question_mark.contains(&at) => {
                return Err(ComposeError { at: Some(at), problem: ComposeProblem::QuestionMark });
            }
            Step::Event(event) => take(event, at)?,
            Step::End => return Ok(()),
        }
    }
}

impl Event {
    /// Whether the event stands for characters of the file: an empty value has a place and no characters.
    fn is_written(&self) -> bool {
        match self {
            Self::Scalar { text, style, .. } => !text.is_empty() || *style != Style::Plain,
            Self::List { .. } | Self::Map { .. } | Self::Alias(_) => true,
            Self::Document | Self::End | Self::Break => false,
        }
    }
}

enum Step {
    Start,
    Event(Event),
    End,
}

fn event(data: EventData, stand_in: Option<char>) -> Result<Step, ComposeProblem> {
    Ok(Step::Event(match data {
        EventData::StreamStart { .. } => return Ok(Step::Start),
        EventData::StreamEnd => return Ok(Step::End),
        EventData::DocumentStart { version_directive, tag_directives, .. } => {
            if version_directive.is_some() || !tag_directives.is_empty() {
                return Err(ComposeProblem::Directive);
            }
            Event::Document
        }
        EventData::DocumentEnd { .. } => Event::Break,
        EventData::Alias { anchor } => Event::Alias(anchor),
        EventData::Scalar { anchor, tag, value, style, .. } => {
            // The library's list may grow: whatever is neither plain nor a block stands in quotes.
            let style = if style == ScalarStyle::Plain {
                Style::Plain
            } else if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                Style::Block
            } else {
                Style::Quoted
            };
            Event::Scalar { anchor, tag, text: shown(value, style, stand_in)?, style }
        }
        EventData::SequenceStart { anchor, tag, .. } => Event::List { anchor, tag },
        EventData::MappingStart { anchor, tag, .. } => Event::Map { anchor, tag },
        EventData::SequenceEnd | EventData::MappingEnd => Event::End,
    }))
}

fn place(mark: Mark) -> (usize, usize) {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).saturating_add(1);
    (number(mark.line), number(mark.column))
}

/// The places right behind a `?`. In flow style libyaml takes such a `?` for the mark of a key, as Compose did before its
/// parser changed; now it is the beginning of a text. Elsewhere it is text to both, and nothing begins behind it.
fn after_question_marks(text: &str) -> HashSet<(usize, usize)> {
    let lines = text.split('\n').enumerate().filter(|(_, line)| line.contains('?'));
    let in_line =
        |line: &str| line.chars().enumerate().filter(|(_, c)| *c == '?').map(|(n, _)| n + 2).collect::<Vec<_>>();
    lines.flat_map(|(n, line)| in_line(line).into_iter().map(move |column| (n + 1, column))).collect()
}

/// Puts a character that the text does not hold in the place of each `!` that cannot begin a tag that is read here.
///
/// In text the stand-in is as ordinary as `!` is. Where `!` would begin a tag it begins a plain scalar, so that every
/// hidden tag is found by its first character, and is refused.
fn hide_tags(text: &str) -> Result<(Cow<'_, str>, Option<char>), ComposeProblem> {
    if !text.contains('!') {
        return Ok((Cow::Borrowed(text), None));
    }
    let stand_in = ('\u{e000}'..='\u{f8ff}').find(|c| !text.contains(*c));
    let stand_in = stand_in.ok_or_else(|| ComposeProblem::Character("U+E000".to_owned()))?;
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('!') {
        hidden.push_str(before);
        match after_known_tag(after) {
            Some(beyond) => {
                hidden.push('!');
                hidden.push_str(after.strip_suffix(beyond).unwrap_or_default());
                rest = beyond;
            }
            None => {
                hidden.push(stand_in);
                rest = after;
            }
        }
    }
    hidden.push_str(rest);
    Ok((Cow::Owned(hidden), Some(stand_in)))
}

/// What follows a tag whose `!` has been taken: `!`, `!!name` or `!<name>`, each before white space.
fn after_known_tag(after: &str) -> Option<&str> {
    let beyond = if let Some(name) = after.strip_prefix('!') {
        name.trim_start_matches(|c: char| c.is_ascii_alphanumeric())
    } else if let Some(name) = after.strip_prefix('<') {
        name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || ":.,-".contains(c)).strip_prefix('>')?
    } else {
        after
    };
    beyond.starts_with([' ', '\t', '\n']).then_some(beyond)
}

/// A scalar's text with its `!` put back.
fn shown(text: String, style: Style, stand_in: Option<char>) -> Result<String, ComposeProblem> {
    let Some(stand_in) = stand_in.filter(|c| text.contains(*c)) else { return Ok(text) };
    let begins = text.starts_with(stand_in);
    let text = text.replace(stand_in, "!");
    if begins && style == Style::Plain {
        let tag = text.split([' ', '\t', '\n']).next().unwrap_or_default();
        return Err(ComposeProblem::Tag(excerpt(tag)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> String {
        hide_tags(text).map_or_else(|e| e.to_string(), |(text, _)| text.into_owned())
    }

    #[test]
    fn only_tags_that_are_read_here_reach_the_parser() {
        for kept in ["! a", "!\n", "!!str a", "!!\ta", "!<tag:yaml.org,2002:str> a", "a: !!int 1\nb: !!map\n"] {
            assert_eq!(hidden(kept), kept);
        }
        for (text, expected) in [
            ("!t a", "\u{e000}t a"),
            ("[!t,a]", "[\u{e000}t,a]"),
            ("[!!str,a]", "[\u{e000}\u{e000}str,a]"),
            ("!<a%62> x", "\u{e000}<a%62> x"),
            ("!a!b c", "\u{e000}a\u{e000}b c"),
            ("hi!", "hi\u{e000}"),
            ("\u{e000}!x", "\u{e000}\u{e001}x"),
        ] {
            assert_eq!(hidden(text), expected);
        }
    }
}
