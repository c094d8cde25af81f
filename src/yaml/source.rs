//! From a scalar's text back to the bytes it is written with, and from bytes to lines and columns.

use super::{Span, Style};

/// Where each byte of a scalar's text is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// For each byte of the text, the bytes of the file it comes from.
    from: Vec<(u32, u32)>,
    whole: Span,
}

impl Written {
    /// Walks over text and file together. Each character of the text is looked for in what follows of the file; a fold is
    /// a space there, and an escape is several characters.
    pub(super) fn of(file: &str, span: Span, text: &str, style: Style) -> Self {
        let raw = file.get(span.start..span.end).unwrap_or_default();
        let mut reader = Raw { raw, at: content_start(raw, style), style };
        let mut from = Vec::with_capacity(text.len());
        for c in text.chars() {
            let (start, end) = reader.next(c);
            let place = |at: usize| u32::try_from(span.start + at).unwrap_or(u32::MAX);
            from.extend(std::iter::repeat_n((place(start), place(end)), c.len_utf8()));
        }
        Self { from, whole: span }
    }

    /// The place of a range of the text.
    pub fn place(&self, start: usize, end: usize) -> Span {
        let byte = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let first = self.from.get(start).map_or(self.whole.start, |(from, _)| byte(*from));
        let last = end.checked_sub(1).and_then(|at| self.from.get(at)).map_or(first, |(_, to)| byte(*to));
        Span { start: first, end: last.max(first) }
    }
}

/// Where the characters of a scalar begin: behind the quote, or behind the line of `|` or `>`.
fn content_start(raw: &str, style: Style) -> usize {
    match style {
        Style::Plain => 0,
        Style::Single | Style::Double => raw.find(['"', '\'']).map_or(0, |at| at + 1),
        Style::Block => raw.find('\n').map_or(raw.len(), |at| at + 1),
    }
}

struct Raw<'r> {
    raw: &'r str,
    at: usize,
    style: Style,
}

impl Raw<'_> {
    fn rest(&self) -> &str {
        self.raw.get(self.at..).unwrap_or_default()
    }

    fn step(&mut self, length: usize) -> (usize, usize) {
        let start = self.at;
        self.at = (self.at + length).min(self.raw.len());
        (start, self.at)
    }

    /// The bytes that `wanted` is written with.
    fn next(&mut self, wanted: char) -> (usize, usize) {
        loop {
            let Some(c) = self.rest().chars().next() else { return (self.at, self.at) };
            if c == '\\' && self.style == Style::Double {
                let (length, folds) = escape_length(self.rest());
                if !folds {
                    return self.step(length);
                }
                self.step(length);
                continue;
            }
            if c == wanted {
                // A quote in single quotes is written twice.
                let twice = self.style == Style::Single && c == '\'' && self.rest().starts_with("''");
                return self.step(if twice { 2 } else { c.len_utf8() });
            }
            if matches!(wanted, ' ' | '\n') && is_space(c) {
                // A fold: the line's end, and the indentation that follows.
                let length = self.rest().chars().take_while(|c| is_space(*c)).map(char::len_utf8).sum();
                return self.step(length);
            }
            self.step(c.len_utf8());
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// How many bytes an escape takes, and whether it only joins two lines.
fn escape_length(rest: &str) -> (usize, bool) {
    match rest.chars().nth(1) {
        Some('x') => (4, false),
        Some('u') => (6, false),
        Some('U') => (10, false),
        Some('\n' | '\r') => {
            let spaces: usize = rest.chars().skip(1).take_while(|c| is_space(*c)).map(char::len_utf8).sum();
            (1 + spaces, true)
        }
        Some(c) => (1 + c.len_utf8(), false),
        None => (1, false),
    }
}

/// Line and column of a byte, from 1. Lines end at a line feed; columns count characters.
pub fn line_column(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (number(line), number(column))
}
