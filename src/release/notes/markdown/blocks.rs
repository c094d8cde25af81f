//! Blocks in which no line is a heading: fenced code, also in lists and quotations, and raw HTML.

use super::unindented;

/// An open code fence.
#[derive(Clone, Copy)]
pub(super) struct Fence {
    marker: char,
    length: usize,
    /// Quotations that it stands in.
    quotes: usize,
    /// Where the text of the list item begins that it stands in.
    indent: usize,
}

impl Fence {
    pub(super) fn opened_by(line: &str) -> Option<Self> {
        let (mut outer, mut rest, mut quotes, mut indent) = (line, unindented(line)?, 0, 0);
        loop {
            if let Some(quoted) = rest.strip_prefix('>') {
                outer = quoted.strip_prefix(' ').unwrap_or(quoted);
                rest = unindented(outer)?;
                (quotes, indent) = (quotes + 1, 0);
            } else if let Some(item) = list_item(rest) {
                rest = item;
                indent = outer.len() - item.len();
            } else {
                break;
            }
        }
        let marker = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let length = rest.chars().take_while(|c| *c == marker).count();
        let info = rest.trim_start_matches(marker);
        (length >= 3 && (marker == '~' || !info.contains('`'))).then_some(Self { marker, length, quotes, indent })
    }

    /// A line without what its list or quotation takes of it; `None` when that is over, and the fence with it.
    pub(super) fn within(self, line: &str) -> Option<&str> {
        let mut rest = line;
        for _ in 0..self.quotes {
            let quoted = rest.trim_start_matches(' ').strip_prefix('>')?;
            rest = quoted.strip_prefix(' ').unwrap_or(quoted);
        }
        let text = rest.trim_start();
        if self.indent > 0 && (text.is_empty() || rest.starts_with('\t')) {
            return Some(text);
        }
        let spaces = rest.len() - rest.trim_start_matches(' ').len();
        if spaces < self.indent { None } else { rest.get(self.indent..) }
    }

    pub(super) fn is_closed_by(self, line: &str) -> bool {
        let Some(rest) = unindented(line) else { return false };
        let rest = rest.trim_end();
        rest.chars().all(|c| c == self.marker) && rest.chars().count() >= self.length
    }
}

/// What stands behind the marker of a list item.
fn list_item(line: &str) -> Option<&str> {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let after = if (1..=9).contains(&(line.len() - number.len())) {
        number.strip_prefix(['.', ')'])?
    } else {
        line.strip_prefix(['-', '+', '*'])?
    };
    let item = after.trim_start_matches(' ');
    (1..=4).contains(&(after.len() - item.len())).then_some(item)
}

/// An open block of raw HTML.
#[derive(Clone, Copy)]
pub(super) enum Html {
    /// It reaches to the closing tag.
    Verbatim,
    /// It reaches to a blank line.
    Block,
}

const VERBATIM: [&str; 4] = ["pre", "script", "style", "textarea"];

/// Of the names in CommonMark's sixth kind of HTML block, those that GitHub shows.
const BLOCKS: [&str; 34] = [
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

impl Html {
    pub(super) fn opened_by(line: &str) -> Option<Self> {
        let tag = unindented(line)?.strip_prefix('<')?;
        let rest = tag.strip_prefix('/').unwrap_or(tag);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !(after.is_empty() || after.starts_with([' ', '\t', '>']) || after.starts_with("/>")) {
            return None;
        }
        let is_one_of = |names: &[&str]| names.iter().any(|one| one.eq_ignore_ascii_case(name));
        if is_one_of(&VERBATIM) && rest.len() == tag.len() {
            Some(Self::Verbatim)
        } else {
            is_one_of(&BLOCKS).then_some(Self::Block)
        }
    }

    pub(super) fn is_closed_by(self, line: &str) -> bool {
        let line = line.trim().to_ascii_lowercase();
        match self {
            Self::Verbatim => VERBATIM.iter().any(|name| line.contains(&format!("</{name}>"))),
            Self::Block => line.is_empty(),
        }
    }
}
