//! Just enough Markdown to find sections: headings, text and code, line by line.
//!
//! Follows CommonMark for what decides whether a reader sees a heading: ATX and setext headings, fenced code (in which
//! `#` is a comment), blocks of raw HTML, HTML comments (which hide text, unless they stand in a code span). Everything
//! else is text. Not a renderer.

mod blocks;

use self::blocks::{Fence, Html};

/// How the comment begins that marks a part of the notes as still to be written.
pub(super) const GAP: &str = "<!-- merotee:gap ";

/// One line of a document, as a reader would take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// A heading with its level, 1 to 6.
    Heading(u8, String),
    /// Text, or an empty line. HTML comments are taken out.
    Text(String),
    /// A line inside a code fence.
    Code(String),
    /// A comment that marks a gap, with the name it gives it. It stands before the text of its line.
    Gap(String),
}

/// Splits a document into lines. A fence or comment that is never closed reaches to the end, as it does when rendered.
pub(super) fn lines(document: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut fence: Option<Fence> = None;
    let mut html: Option<Html> = None;
    let mut in_comment = false;
    for raw in document.lines() {
        if let Some(open) = fence {
            match open.within(raw) {
                Some(inner) if !open.is_closed_by(inner) => {
                    lines.push(Line::Code(inner.to_owned()));
                    continue;
                }
                Some(_) => {
                    fence = None;
                    continue;
                }
                None => fence = None,
            }
        }
        let visible = without_comments(raw, &mut in_comment, &mut lines);
        if let Some(block) = html.or_else(|| Html::opened_by(&visible)) {
            html = Some(block).filter(|block| !block.is_closed_by(raw));
            lines.push(Line::Text(visible));
        } else if let Some(open) = Fence::opened_by(&visible) {
            fence = Some(open);
        } else if let Some((level, title)) = atx_heading(&visible) {
            lines.push(Line::Heading(level, title));
        } else if let Some((level, title)) = setext_level(&visible).zip(paragraph(lines.last())) {
            lines.pop();
            lines.push(Line::Heading(level, title));
        } else {
            lines.push(Line::Text(visible));
        }
    }
    lines
}

/// What a reader sees of a line of text: without link targets, pictures' texts, HTML tags, elements that are hidden, and
/// definitions of links.
pub(super) fn visible(line: &str) -> String {
    let defines_link = unindented(line)
        .and_then(|rest| rest.strip_prefix('['))
        .and_then(|rest| rest.split_once(']'))
        .is_some_and(|(_, rest)| rest.starts_with(':'));
    if defines_link {
        return String::new();
    }
    let mut shown = String::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        // What is cut out separates what stands around it.
        let after = if rest.starts_with("![") {
            rest.split_once(']').map(|(_, after)| after.strip_prefix('(').map_or(after, after_closing_bracket))
        } else if let Some(target) = rest.strip_prefix("](") {
            Some(after_closing_bracket(target))
        } else if is_tag(rest) {
            rest.split_once('>').map(|(tag, after)| if is_hidden(tag) { after_element(tag, after) } else { after })
        } else {
            None
        };
        match after {
            Some(after) => {
                shown.push(' ');
                rest = after;
            }
            None => {
                shown.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    shown
}

/// What follows the `)` that closes a link's target. One that is never closed reaches to the end.
fn after_closing_bracket(target: &str) -> &str {
    let mut depth = 1_usize;
    for (at, c) in target.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return target.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

fn is_hidden(tag: &str) -> bool {
    tag.split_whitespace().skip(1).any(|word| {
        let name = word.split('=').next().unwrap_or_default().trim_end_matches('/');
        name.eq_ignore_ascii_case("hidden")
    })
}

/// What follows the element that a tag opens. One that is never closed reaches to the end.
fn after_element<'l>(tag: &str, after: &'l str) -> &'l str {
    let name = tag.split_whitespace().next().unwrap_or_default().trim_start_matches('<');
    after.split_once(&format!("</{name}>")).map_or("", |(_, after)| after)
}

/// A line in which every code span is what `told` makes of what stands in it.
pub(super) fn with_spans(line: &str, told: impl Fn(&str) -> String) -> String {
    let (mut text, mut rest) = (String::new(), line);
    while !rest.is_empty() {
        let is_code = rest.starts_with('`');
        let length = if is_code { shown_at_once(rest) } else { rest.find('`').unwrap_or(rest.len()) };
        let (shown, after) = rest.split_at(length);
        let inner = shown.trim_matches('`');
        if is_code && !inner.is_empty() {
            text.push_str(&told(inner));
        } else {
            text.push_str(shown);
        }
        rest = after;
    }
    text
}

/// Whether an HTML tag begins here; `<https://…>` is a link that is seen.
fn is_tag(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('<') else { return false };
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let name = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-');
    name.len() < rest.len() && name.starts_with([' ', '\t', '/', '>'])
}

/// The line without its indentation, unless that makes it indented code.
fn unindented(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(' ');
    (line.len() - rest.len() <= 3 && !rest.starts_with('\t')).then_some(rest)
}

/// A line without its comments. Those that mark a gap are noted.
fn without_comments(line: &str, in_comment: &mut bool, noted: &mut Vec<Line>) -> String {
    let mut visible = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        if *in_comment {
            let Some((_, after)) = rest.split_once("-->") else { break };
            *in_comment = false;
            rest = after;
        } else if let Some(comment) = rest.strip_prefix("<!--") {
            if let Some(gap) = rest.strip_prefix(GAP) {
                noted.push(Line::Gap(gap.split("-->").next().unwrap_or_default().trim().to_owned()));
            }
            *in_comment = true;
            rest = comment;
        } else {
            let (shown, after) = rest.split_at(shown_at_once(rest));
            visible.push_str(shown);
            rest = after;
        }
    }
    visible
}

/// How many bytes of a line follow in which no comment can begin: a code span, a run of backticks that begins none, or
/// what comes before either or a comment.
fn shown_at_once(text: &str) -> usize {
    let ticks = |text: &str| text.len() - text.trim_start_matches('`').len();
    let run = ticks(text);
    if run == 0 {
        let next = [text.find('`'), text.find("<!--")].into_iter().flatten().min();
        return next.unwrap_or(text.len());
    }
    let mut at = run;
    while let Some(tick) = text.get(at..).and_then(|rest| rest.find('`')) {
        let closing = ticks(text.get(at + tick..).unwrap_or_default());
        at += tick + closing;
        if closing == run {
            return at;
        }
    }
    run
}

fn atx_heading(line: &str) -> Option<(u8, String)> {
    let rest = unindented(line)?;
    let title = rest.trim_start_matches('#');
    let level = u8::try_from(rest.len() - title.len()).ok().filter(|level| (1..=6).contains(level))?;
    if !title.is_empty() && !title.starts_with([' ', '\t']) {
        return None;
    }
    Some((level, title.trim().trim_end_matches('#').trim_end().to_owned()))
}

fn setext_level(line: &str) -> Option<u8> {
    let rest = unindented(line)?.trim_end();
    match rest.chars().next() {
        Some('=') if rest.chars().all(|c| c == '=') => Some(1),
        Some('-') if rest.chars().all(|c| c == '-') => Some(2),
        _ => None,
    }
}

/// The text of a line that an underline turns into a heading: not a list item, table row or quotation.
fn paragraph(line: Option<&Line>) -> Option<String> {
    match line? {
        Line::Text(text) => {
            let text = text.trim();
            (!text.is_empty() && !text.starts_with(['|', '>', '-', '*', '+'])).then(|| text.to_owned())
        }
        Line::Heading(..) | Line::Code(_) | Line::Gap(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(level: u8, title: &str) -> Line {
        Line::Heading(level, title.to_owned())
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    #[test]
    fn both_kinds_of_heading_are_found_and_nothing_else_is_one() {
        let document =
            "# One #\n   ###### Six\n####### seven\n#hash\n    # code\nTitle\n===\nOther\n---\n\n---\n- item\n---";
        assert_eq!(
            lines(document),
            [
                heading(1, "One"),
                heading(6, "Six"),
                text("####### seven"),
                text("#hash"),
                text("    # code"),
                heading(1, "Title"),
                heading(2, "Other"),
                text(""),
                text("---"),
                text("- item"),
                text("---"),
            ]
        );
    }

    #[test]
    fn a_fence_hides_headings_until_one_at_least_as_long_closes_it() {
        let code = |text: &str| Line::Code(text.to_owned());
        assert_eq!(
            lines("````sh\n# not a heading\n```\n````\n# yes"),
            [code("# not a heading"), code("```"), heading(1, "yes")]
        );
        assert_eq!(lines("~~~\n# never closed\n```"), [code("# never closed"), code("```")]);
        assert_eq!(lines("```a`b```"), [text("```a`b```")], "inline code is no fence");
    }

    #[test]
    fn a_fence_in_a_list_or_quotation_hides_headings_and_ends_with_it_at_the_latest() {
        let code = |text: &str| Line::Code(text.to_owned());
        for document in [
            "1. ```\n   # no\n   ```\n# yes",
            "- ```sh\n  # no\n# yes",
            "> ```\n> # no\n> ```\n# yes",
            "> - ~~~\n>   # no\n# yes",
        ] {
            assert_eq!(lines(document), [code("# no"), heading(1, "yes")], "{document:?}");
        }
    }

    #[test]
    fn raw_html_hides_headings_to_its_end() {
        let document = "<pre>\n# no\n\n# no\n</pre>\n# yes\n<details>\n# no\n\n# yes\n<b>x</b>\n# yes";
        let found = lines(document).into_iter().filter(|line| matches!(line, Line::Heading(..)));
        assert_eq!(found.collect::<Vec<_>>(), [heading(1, "yes"), heading(1, "yes"), heading(1, "yes")]);
    }

    #[test]
    fn link_targets_pictures_and_tags_are_not_seen_and_what_stands_between_is() {
        for (line, expected) in [
            ("see [a](https://b/(c)) d", "see [a  d"),
            ("![alt](picture.png) e", "  e"),
            ("[1]: https://hidden", ""),
            ("[a][1]", "[a][1]"),
            ("a<img alt=\"x\"/>b</p>c", "a b c"),
            ("<https://seen> 1 < 2", "<https://seen> 1 < 2"),
            ("[open](never closed", "[open "),
            ("a<div hidden>b</div>c<p class=hidden>d", "a c d"),
        ] {
            assert_eq!(visible(line), expected, "{line}");
        }
    }

    #[test]
    fn comments_are_taken_out_across_lines_and_may_hide_the_rest() {
        assert_eq!(lines("a <!-- b --> c\n<!--\n# hidden\n-->d"), [text("a  c"), text(""), text(""), text("d")]);
        assert_eq!(lines("<!-- open\n# hidden"), [text(""), text("")]);
        assert_eq!(lines("```\n<!--\n```\n# seen"), [Line::Code("<!--".to_owned()), heading(1, "seen")]);
    }

    #[test]
    fn a_comment_in_a_code_span_hides_nothing_and_a_lone_backtick_begins_no_span() {
        for seen in ["- `<!--` b", "``a ` <!-- `` c", "- `` <!-- merotee:gap x --> `` d"] {
            assert_eq!(lines(&format!("{seen}\n# yes")), [text(seen), heading(1, "yes")]);
        }
        for (hiding, shown) in [("a ` <!-- b", "a ` "), ("`a` <!-- `b`", "`a` "), ("``a` <!-- b", "``a` ")] {
            assert_eq!(lines(&format!("{hiding}\n# hidden")), [text(shown), text("")], "{hiding}");
        }
    }

    #[test]
    fn a_comment_that_marks_a_gap_is_noted_by_its_name_unless_it_is_code() {
        let gap = |name: &str| Line::Gap(name.to_owned());
        assert_eq!(lines("<!-- merotee:gap a -->\nb"), [gap("a"), text(""), text("b")]);
        assert_eq!(lines("x <!-- merotee:gap a --><!-- merotee:gap b"), [gap("a"), gap("b"), text("x ")]);
        assert_eq!(lines("<!-- merotee:gaps --> <!-- merotee:gap -->"), [gap(""), text(" ")]);
        assert_eq!(lines("```\n<!-- merotee:gap a -->"), [Line::Code("<!-- merotee:gap a -->".to_owned())]);
    }
}
