//! Code that is not a POSIX shell: JavaScript, Python, PowerShell, batch files and whatever else a step runs.
//!
//! No language is parsed. Each whole-word occurrence of a forbidden name is judged by the characters around it: an
//! assignment, a call that sets a variable, an entry of a mapping or a line that is written counts; a comparison, a search,
//! a message and a comment do not. Where that is not clear it counts.

use super::{
    hit::{Hit, How},
    name::{self, Kind},
};

/// Calls whose argument is the name of a variable that they set, in lower case.
const SETTERS: [&str; 13] = [
    "exportvariable(",
    "putenv(",
    "setenv(",
    "setdefault(",
    "setenvironmentvariable(",
    "environ.update(",
    "setvariable(",
    "addvariable(",
    "set-item",
    "new-item",
    "set-content",
    "setx",
    "env.set(",
];
/// What searches, compares or says something, in lower case.
const READERS: [&str; 39] = [
    "includes(",
    "startswith(",
    "endswith(",
    "indexof(",
    "match(",
    "test(",
    "search(",
    "findall(",
    "select-string",
    "-match",
    "-like",
    "-contains",
    "-notmatch",
    "-eq",
    "-ne",
    "assert",
    "console.",
    "print(",
    "print ",
    "core.info(",
    "core.warning(",
    "core.error(",
    "core.debug(",
    "core.setfailed(",
    "core.notice(",
    "throw ",
    "raise ",
    "write-host",
    "write-error",
    "write-warning",
    "write-output",
    "write-verbose",
    "grep",
    "replace(",
    "split(",
    "getenv(",
    ".get(",
    "delete ",
    "findstr",
];
/// What keeps a line that is printed.
const KEEPERS: [&str; 12] = [
    ">>",
    "out-file",
    "add-content",
    "set-content",
    "file=",
    "appendfile",
    "writefile",
    "tee-object",
    ".write(",
    "writelines(",
    "write_text(",
    "github_env",
];

/// Where a program keeps its environment: what is assigned there is a variable whatever stands in front of it, in lower case.
const ENVIRONMENTS: [&str; 4] = ["process.env.", "environ", "env:", "env"];
/// What assigns; `==` and its like compare.
const ASSIGNS: [&str; 5] = ["=", "+=", "||=", "??=", "?="];
/// Quotes and brackets between a name and what it is used by.
const AROUND: [char; 7] = ['"', '\'', '`', '{', '[', ' ', '('];
/// How many characters in front of a name tell what it is used by.
const NEAR: usize = 200;
/// How many characters of a line count on each side of a name.
const MAX_LINE: usize = 1000;

/// What code sets. Ranges are bytes of `text`.
pub(super) fn hits(text: &str) -> Vec<Hit> {
    let slashes = !is_python(text);
    let whole = name::occurrences(text).map(|found| Hit::new(found.name, found.kind, found.start, found.end, How::Raw));
    let mut hits = Vec::new();
    for mut hit in whole.chain(begun(text)) {
        if let Some(how) = judged(text, &hit, slashes) {
            hit.how = how;
            hits.push(hit);
        }
    }
    hits.sort_by_key(|hit| hit.start);
    hits
}

/// Names whose end is known only when the code runs: `ALLOWED_${r}`, `ALLOWED_{r}`, `'ALLOWED_' + r`.
fn begun(text: &str) -> impl Iterator<Item = Hit> {
    text.match_indices("ALLOWED_").filter_map(|(start, word)| {
        if text.get(..start)?.ends_with(name::is_word) {
            return None;
        }
        let behind = start + word.len();
        let after = first(text.get(behind..)?, NEAR).split('\n').next()?;
        let joined = after.trim_start_matches(['"', '\'', '`']).trim_start().starts_with('+');
        let length = if after.starts_with(['$', '{']) {
            let braces = after.trim_start_matches('$').starts_with(['{', '(']);
            if braces {
                after.find(['}', ')'])? + 1
            } else {
                1 + after.get(1..)?.find(|c| !name::is_word(c)).unwrap_or(0)
            }
        } else if after.starts_with('%') && !after.get(2..)?.starts_with(['"', '\'']) {
            2
        } else if after.starts_with('%') || (joined && after.starts_with(['"', '\'', '`'])) {
            after.find([']', ',', ')']).unwrap_or(after.len())
        } else {
            return None;
        };
        Some(Hit::new("ALLOWED_*", Kind::Override, start, behind + length, How::Raw))
    })
}

fn judged(text: &str, found: &Hit, slashes: bool) -> Option<How> {
    let everything = text.get(..found.start).unwrap_or_default();
    let before = last(everything, MAX_LINE).rsplit('\n').next().unwrap_or_default();
    let after = first(text.get(found.end..).unwrap_or_default(), MAX_LINE);
    let line_after = after.split('\n').next().unwrap_or_default();
    if is_comment(before, slashes) {
        return None;
    }
    let lower = before.to_ascii_lowercase();
    let near = near(everything);
    let close = near.trim_end_matches(AROUND).trim_end_matches([':', '$', '\\', '/', ' ']).trim_end_matches(AROUND);
    let call = near.trim_end_matches(['"', '\'', '`', '{', '[', ' ', '\n', '\r', '\t']);
    if SETTERS.iter().any(|setter| call.ends_with(setter)) {
        return Some(How::Assignment);
    }
    if close.ends_with("env") && SETTERS.iter().any(|setter| lower.contains(setter)) {
        return Some(How::Assignment);
    }
    let tail = line_after.trim_start_matches(['"', '\'', '`', ']', ')', '}']);
    let closed = line_after.get(..line_after.len() - tail.len()).unwrap_or_default();
    let tail = tail.trim_start();
    let harmful = |value: &str| !is_harmless(found.kind, value);
    let assigned = ASSIGNS.iter().find_map(|sign| tail.strip_prefix(sign)).filter(|v| !v.starts_with(['=', '~', '>']));
    if in_environment(&lower) && assigned.is_some_and(harmful) {
        return Some(How::Assignment);
    }
    if is_shorthand(&near, line_after) {
        return Some(How::Assignment);
    }
    let kept = KEEPERS.iter().any(|keeper| lower.contains(keeper) || line_after.to_ascii_lowercase().contains(keeper));
    let statement = lower.get(statement(&lower)..).unwrap_or_default();
    let read = !kept && (READERS.iter().any(|reader| statement.contains(reader)) || is_compared(&lower));
    let quoted = line_after.starts_with("<<") || (kept && line_after.starts_with('='));
    let entry = || {
        // An entry of a mapping; `::` and `?:` are none, and neither is the end of `for x in (…):`.
        let value = tail.strip_prefix(':').filter(|value| !value.starts_with([':', '=']))?;
        let ends = closed.contains(')') || (closed.contains(']') && value.trim().is_empty());
        (!ends).then_some(value)
    };
    let sets = assigned.or_else(entry).is_some_and(harmful);
    if kept && (quoted || sets) {
        return Some(How::Written);
    }
    (sets && !read).then_some(How::Assignment)
}

/// The end of a text, of so many characters.
fn last(text: &str, most: usize) -> &str {
    let from = text.char_indices().rev().take(most).last().map_or(text.len(), |(at, _)| at);
    text.get(from..).unwrap_or_default()
}

/// The beginning of a text, of so many characters.
fn first(text: &str, most: usize) -> &str {
    let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

/// The end of a text in lower case, without the quotes at its very end and Python's letter in front of them.
fn near(text: &str) -> String {
    let near = last(text, NEAR).to_ascii_lowercase();
    let bare = near.trim_end_matches(['"', '\'']);
    let unmarked = bare.strip_suffix(['f', 'r']).filter(|rest| bare.len() < near.len() && rest.ends_with(['[', '(']));
    unmarked.map_or_else(|| near.clone(), str::to_owned)
}

fn is_harmless(kind: Kind, value: &str) -> bool {
    let value = value.trim().trim_end_matches([',', ';', '}', ')', ' ']);
    // PowerShell's constants.
    let value = value
        .strip_prefix('$')
        .filter(|v| ["true", "false"].iter().any(|w| v.eq_ignore_ascii_case(w)))
        .unwrap_or(value);
    kind.is_harmless(value)
}

/// Whether a name stands for a variable of the environment by what is in front of it, and not in a message.
fn in_environment(before: &str) -> bool {
    let near = near(before);
    let holder = near.trim_end_matches(AROUND).trim_end_matches(['\\', '/']);
    let quoted = ['"', '\''].iter().any(|quote| {
        let front = before.get(..before.len() - (near.len() - holder.len()).min(before.len())).unwrap_or_default();
        front.matches(*quote).count() % 2 == 1
    });
    !quoted && ENVIRONMENTS.iter().any(|holds| holder.ends_with(holds))
}

/// `{ ...process.env, NAME }`: the variable of that name is an entry.
fn is_shorthand(near: &str, after: &str) -> bool {
    let entry = near.trim_end().ends_with([',', '{']) && after.trim_start().starts_with([',', '}']);
    let object = near.rsplit([';', '}', ')']).next().unwrap_or_default();
    entry && ["...process.env", "env: {", "env:{", "env = {"].iter().any(|holds| object.contains(holds))
}

/// Whether a name is compared with what stands in front of it.
fn is_compared(before: &str) -> bool {
    let front = before.trim_end_matches(['"', '\'', '`', ' ']);
    ["==", "!=", " case", " in"].iter().any(|sign| front.ends_with(sign)) || front == "case"
}

/// Where the statement begins that the end of a line belongs to. Brackets that are closed, and what stands in quotes, are
/// looked over.
fn statement(before: &str) -> usize {
    let (mut from, mut depth, mut quote) = (0, 0_usize, None);
    for (at, c) in before.char_indices() {
        match (quote, c) {
            (Some(open), c) => quote = (c != open).then_some(open),
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    from = at + 1;
                }
            }
            (None, ';') => (from, depth) = (at + 1, 0),
            (None, '{') if depth == 0 => from = at + 1,
            (None, _) => {}
        }
    }
    from
}

/// Whether `//` divides in a text instead of beginning a comment.
fn is_python(text: &str) -> bool {
    text.contains("os.environ")
        || text.lines().any(|line| line.starts_with("import ") && !line.contains(['\'', '"', '{']))
}

/// Whether a line's beginning makes the rest of it a comment; `slashes` when `//` begins one.
fn is_comment(before: &str, slashes: bool) -> bool {
    let line = before.trim_start();
    let lower = line.get(..4).unwrap_or(line).to_ascii_lowercase();
    if line.starts_with('#') || line.starts_with("//") {
        return true;
    }
    if (line.starts_with('*') || line.starts_with("/*")) && !line.contains("*/") {
        return true;
    }
    if lower.starts_with("rem ") || line.starts_with("::") {
        return true;
    }
    // A mark outside quotes: an even number of each quote stands in front of it.
    let mut open = [false; 3];
    let mut spaced = false;
    for (at, c) in before.char_indices() {
        for (open, quote) in open.iter_mut().zip(['"', '\'', '`']) {
            *open ^= c == quote;
        }
        let mark = c == '#' || (slashes && c == '/' && before.get(at..).is_some_and(|rest| rest.starts_with("//")));
        if mark && spaced && open == [false; 3] {
            return true;
        }
        spaced = c == ' ';
    }
    false
}

#[cfg(test)]
mod tests;
