//! Makes untrusted text harmless in each format the report is written in.
//!
//! Responsible for what a reader must never be fooled by: control sequences, characters that hide or reorder others,
//! markup, links, mentions, workflow commands. Not responsible for layout; nothing here knows a report.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

/// Characters of one field shown in a format made for people. What is longer is cut there and ends in `…`.
pub const FIELD_LIMIT: usize = 300;

/// `text` cut after `limit` characters, with `…` in place of what is left out.
pub fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// A name of at most `limit` characters: a longer one loses its middle, since paths and addresses differ at their ends. Text of
/// several words stays as it is, for it reads from its start.
pub(super) fn cut_name(name: &str, limit: usize) -> Cow<'_, str> {
    let length = name.chars().count();
    if length <= limit || limit < 8 || name.contains(' ') {
        return Cow::Borrowed(name);
    }
    let start = limit / 3;
    let end = limit - start - 1;
    let (head, tail) = (name.chars().take(start), name.chars().skip(length - end));
    Cow::Owned(head.chain(['…']).chain(tail).collect())
}

/// `text` with every hidden character written out (`\n`, `\u{1b}`), cut at [`FIELD_LIMIT`]: safe on a terminal and in
/// a log, on one line.
pub fn terminal(text: &str) -> String {
    visible(&cut(text, FIELD_LIMIT), |_| false)
}

/// `text` for the start of a line, where `::` after any white space would start a workflow command.
pub fn at_line_start(text: &str) -> Cow<'_, str> {
    match text.trim_start().strip_prefix("::") {
        Some(rest) => Cow::Owned(format!("\\u{{3a}}:{rest}")),
        None => Cow::Borrowed(text),
    }
}

/// Several lines for a log: hidden characters are written out, and no line starts a workflow command.
pub fn lines(text: &str) -> String {
    let one = |line: &str| at_line_start(&visible(line, |_| false)).into_owned();
    text.split('\n').map(one).collect::<Vec<_>>().join("\n")
}

/// The data of a workflow command, the part after `::`. Line ends and `%` become the runner's own escapes, other hidden
/// characters are written out.
///
/// Rule: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>
pub fn annotation_data(text: &str) -> String {
    visible(text, |c| matches!(c, '\r' | '\n')).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a workflow command, where `:` and `,` separate.
pub fn annotation_property(text: &str) -> String {
    annotation_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text for a GFM table cell, list item or heading, cut at [`FIELD_LIMIT`].
///
/// Plain words stay as they are. Words that Markdown or GitHub could give a meaning (markup, HTML, links, mentions,
/// references, emoji, commit ids) are set as code instead, where neither gives them one. Pairs of backticks mark code.
pub fn markdown(text: &str) -> String {
    let text = terminal(text);
    let pieces: Vec<&str> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        return code(&text);
    }
    let mut out = String::with_capacity(text.len());
    for (index, piece) in pieces.into_iter().enumerate() {
        let shown = if index % 2 == 1 { code(piece) } else { markdown_words(piece) };
        // Two code spans need something between them, or their fences become one.
        if out.ends_with('`') && shown.starts_with('`') {
            out.push(' ');
        }
        out.push_str(&shown);
    }
    out
}

/// Words without a backtick, each run of those that are not plain as one code span.
fn markdown_words(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut special: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        if !is_plain_markdown(word) {
            special.push(word);
            continue;
        }
        if !special.is_empty() {
            out.push(special_words(&special));
            special.clear();
        }
        out.push(word.to_owned());
    }
    if !special.is_empty() {
        out.push(special_words(&special));
    }
    out.join(" ")
}

/// Words that are not plain as one code span. What only ends the sentence or a part of it stands behind it, and a bracket
/// that only opens one before it.
fn special_words(words: &[&str]) -> String {
    let text = words.join(" ");
    let count = |text: &str, bracket: char| text.chars().filter(|c| *c == bracket).count();
    let (opened, closed) = (count(&text, '('), count(&text, ')'));
    let opens = text.starts_with('(') && opened >= closed && (opened > closed || ends_with_bracket(&text));
    let inner = text.get(usize::from(opens)..).unwrap_or_default();
    let mut kept = inner;
    while let Some(shorter) = kept.strip_suffix([',', '.', ';', '?', ':', ')']) {
        let last = kept.rsplit(' ').next().unwrap_or_default();
        let is_part = match kept.chars().next_back() {
            // Its own bracket, as of a link or a call.
            Some(')') => count(kept, ')') <= count(kept, '('),
            // An emoji has a colon at both its ends, and a character reference ends in a semicolon.
            Some(':') => last.starts_with(':'),
            Some(';') => last.starts_with('&'),
            Some(_) | None => false,
        };
        if is_part {
            break;
        }
        kept = shorter;
    }
    let word = |text: &str, from_end: bool| {
        let mut words = text.split(' ');
        let word = if from_end { words.next_back() } else { words.next() };
        word.unwrap_or_default().to_owned()
    };
    // A number before a point begins a list: there the point is part of what must be code.
    let harmless = |word: &str| word.is_empty() || is_plain_markdown(word);
    if harmless(&word(kept, true)) || (opens && harmless(&word(kept, false))) {
        return code(&text);
    }
    let end = inner.get(kept.len()..).unwrap_or_default();
    format!("{}{}{end}", if opens { "(" } else { "" }, code(kept))
}

/// Whether the last thing in `text`, but for the end of a sentence, is a closing bracket.
fn ends_with_bracket(text: &str) -> bool {
    text.trim_end_matches([',', '.', ';', '?', ':']).ends_with(')')
}

/// A GFM code span that holds `text`, cut at [`FIELD_LIMIT`]. Empty for empty text.
pub fn markdown_code(text: &str) -> String {
    code(&terminal(text))
}

/// A finished JSON text with the characters that are valid in a JSON string but dangerous on a terminal or in a log
/// written as `\u` escapes. The value stays the same.
pub fn json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for c in document.chars() {
        // A finished document holds raw control characters only as its own line ends.
        if c != '\n' && is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _: fmt::Result = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    // `#` occurs only inside strings.
    out.replace("##[", "#\\u0023[")
}

/// One segment of a relative URI reference: everything but unreserved characters percent-encoded, cut at
/// [`FIELD_LIMIT`]. Segments that mean "here" or "up" become underscores; an empty one stays empty.
pub fn uri_segment(text: &str) -> String {
    const RESERVED: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    match text {
        "." => "_".to_owned(),
        ".." => "__".to_owned(),
        other => {
            let limited: String = other.chars().take(FIELD_LIMIT).collect();
            percent_encoding::utf8_percent_encode(&limited, RESERVED).to_string()
        }
    }
}

/// Whether `c` shows nothing of its own or changes how its neighbours show: controls, marks of writing direction,
/// zero-width and other invisible characters, line and paragraph separators.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Writes hidden characters out, but for those to `keep`, and breaks `##[`: older workflow commands start with it
/// anywhere in a line.
fn visible(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) && !keep(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out.replace("##[", "#\\u{23}[")
}

/// Visible text as code.
fn code(text: &str) -> String {
    // A cell ends at `|` even inside code, and a backslash before it is ambiguous there: the pipe goes outside.
    text.split('|').map(code_span).collect::<Vec<_>>().join("&#124;")
}

/// A code span around text that has no line end. The fence is longer than any run of backticks within.
fn code_span(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One space on each side is dropped again when the span is read.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Whether Markdown and GitHub read `word` as what it shows. Errs towards no. An empty word is plain.
fn is_plain_markdown(word: &str) -> bool {
    let lower = word.to_lowercase();
    let harmless = |c: char| c.is_alphanumeric() || ".,;:?'\"()/-+=%→…—·".contains(c);
    word.chars().all(harmless)
        && !starts_block(word)
        // A colon inside a word makes links, digests and emoji.
        && !word.trim_end_matches(':').contains(':')
        && !lower.contains("www.")
        && !lower.contains("gh-")
        // GitHub links what looks like a commit id.
        && !word.split(|c: char| !c.is_ascii_hexdigit()).any(|run| run.len() >= 7)
}

/// Words that start a list, a rule or an underlined heading if they come first in a line.
fn starts_block(word: &str) -> bool {
    let number = word.trim_end_matches(['.', ')']);
    let ordered = !number.is_empty() && number.len() < word.len() && number.chars().all(|c| c.is_ascii_digit());
    !word.is_empty() && (ordered || word.chars().all(|c| matches!(c, '-' | '+' | '=')))
}

#[cfg(test)]
mod tests;
