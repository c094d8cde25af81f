//! `${{ … }}`: references to forbidden variables, names put together by `format`, and contexts passed on whole.
//!
//! Calls with known arguments are computed; what is not known before the run is a gap in the text. That is enough to see
//! `vars[format('ALLOWED_{0}', matrix.register)]`. It is not an evaluator of expressions: operators, filters and values that
//! come from other files are not followed.

use super::{
    hit::{Hit, How},
    name::{self, Kind},
};

/// What an expression can be nested to; deeper ones are read as far as that.
const MAX_NESTING: usize = 24;
/// Stands for what is not known before the run.
const GAP: char = '\u{0}';
/// Contexts by which a value comes from outside the file.
const CONTEXTS: [&str; 3] = ["vars", "secrets", "inputs"];

/// What the expressions in a text refer to. Ranges are bytes of `text`.
pub(super) fn hits(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut from = 0;
    while let Some(open) = text.get(from..).and_then(|rest| rest.find("${{")) {
        let start = from + open + 3;
        let body = text.get(start..).unwrap_or_default();
        let length = end_of(body);
        hits.extend(whole(body.get(..length).unwrap_or_default(), start));
        from = start + length;
    }
    hits
}

/// What a text refers to that is an expression without braces, as that of `if`.
pub(super) fn whole(text: &str, at: usize) -> Vec<Hit> {
    let mut reader = Reader { text, at: 0, base: at, hits: Vec::new(), searched: false };
    while reader.at < text.len() {
        reader.value(0);
        // Whatever stands between two values: an operator, a comma, a bracket too many.
        if reader.peek().is_some_and(|c| !starts_value(c)) {
            reader.bump();
        }
    }
    outermost(reader.hits)
}

/// One hit for `vars[format(…)]`: what is found inside another one is a part of it.
fn outermost(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
    let mut end = 0;
    hits.retain(|hit| {
        let inside = hit.end <= end;
        end = end.max(hit.end);
        !inside
    });
    hits
}

/// Where `}}` ends an expression, quotes heeded; the whole text when it does not end.
fn end_of(body: &str) -> usize {
    let mut quoted = false;
    for (at, c) in body.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '}' if !quoted && body.get(at..).is_some_and(|rest| rest.starts_with("}}")) => return at,
            _ => {}
        }
    }
    // A quote that does not end hides nothing: the runner would refuse the file.
    body.find("}}").unwrap_or(body.len())
}

fn starts_value(c: char) -> bool {
    c == '\'' || c == '_' || c.is_alphanumeric() || c == '(' || c.is_whitespace()
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    base: usize,
    hits: Vec<Hit>,
    /// Whether the values are arguments of a function that looks for one in another.
    searched: bool,
}

/// A value: text with gaps, or a context.
enum Value {
    Text(String),
    Context(&'static str),
}

impl Value {
    fn gap() -> Self {
        Self::Text(GAP.to_string())
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Context(_) => "\u{0}",
        }
    }
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(1, char::len_utf8);
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.bump();
        }
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.spaces();
        let found = self.peek() == Some(wanted);
        if found {
            self.bump();
        }
        found
    }

    fn hit(&mut self, name: impl Into<String>, kind: Kind, start: usize, how: How) {
        self.hits.push(Hit::new(name, kind, self.base + start, self.base + self.at, how));
    }

    /// One value with its `.x`, `[x]` and `(…)`.
    fn value(&mut self, depth: usize) -> Value {
        self.spaces();
        let start = self.at;
        if depth > MAX_NESTING {
            self.at = self.text.len();
            return Value::gap();
        }
        match self.peek() {
            Some('\'') => {
                let compared = self.is_compared();
                let text = self.literal();
                if !self.searched && !compared && !self.is_compared_behind() {
                    self.setting(&text, start);
                }
                return Value::Text(text);
            }
            Some('(') => {
                self.bump();
                let value = self.value(depth + 1);
                self.until(')', depth);
                // `(vars).NAME`.
                if let Value::Context(context) = value {
                    return self.members(Some(context), start, depth);
                }
                return value;
            }
            Some(c) if name::is_word(c) => {}
            Some(_) | None => return Value::gap(),
        }
        let word = self.word();
        if self.eat('(') {
            return self.call(&word, start, depth);
        }
        let context = CONTEXTS.into_iter().find(|context| word.eq_ignore_ascii_case(context));
        self.members(context, start, depth)
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| name::is_word(c) || c == '-') {
            self.bump();
        }
        self.text.get(start..self.at).unwrap_or_default().to_owned()
    }

    /// Whether what stands in front is a comparison.
    fn is_compared(&self) -> bool {
        let before = self.text.get(..self.at).unwrap_or_default().trim_end();
        before.ends_with("==") || before.ends_with("!=")
    }

    fn is_compared_behind(&self) -> bool {
        let behind = self.text.get(self.at..).unwrap_or_default().trim_start();
        behind.starts_with("==") || behind.starts_with("!=")
    }

    /// A literal that sets a variable wherever it is put: `NAME=value`.
    fn setting(&mut self, text: &str, start: usize) {
        let found = name::occurrences(text).find(|found| {
            let value = text.get(found.end..).and_then(|rest| rest.strip_prefix('='));
            let value = value.filter(|value| !value.starts_with(['=', '~']));
            value.is_some_and(|value| {
                !found.kind.is_harmless(value.split([' ', '\n', ';', ',']).next().unwrap_or_default())
            })
        });
        if let Some((name, kind)) = found.map(|found| (found.name.to_owned(), found.kind)) {
            self.hit(name, kind, start, How::Built);
        }
    }

    fn literal(&mut self) -> String {
        self.bump();
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.bump();
            if c != '\'' {
                text.push(c);
            } else if self.peek() == Some('\'') {
                self.bump();
                text.push('\'');
            } else {
                break;
            }
        }
        text
    }

    /// `.name`, `['name']` and `[expression]` behind a context or anything else.
    fn members(&mut self, mut context: Option<&'static str>, start: usize, depth: usize) -> Value {
        let mut first = true;
        loop {
            let member = if self.eat('.') {
                self.spaces();
                match self.peek() {
                    Some('*') => {
                        self.bump();
                        if context.is_some_and(|c| c != "inputs") && first {
                            self.hit(format!("{}.*", context.unwrap_or_default()), Kind::Override, start, How::Whole);
                        }
                        GAP.to_string()
                    }
                    _ => self.word(),
                }
            } else if self.eat('[') {
                let value = self.value(depth + 1);
                self.until(']', depth);
                value.text().to_owned()
            } else {
                break;
            };
            // `github.event.inputs.x` is the same input by its long name.
            if context.is_none() && member.eq_ignore_ascii_case("inputs") {
                context = Some("inputs");
                continue;
            }
            if let (Some(_), Some((name, kind))) = (context, named(&member)) {
                self.hit(name, kind, start, How::Reference);
            }
            first = false;
            if context.is_some() {
                while self.eat('.') || self.eat('[') {
                    self.value(depth + 1);
                }
                return Value::gap();
            }
        }
        match context {
            Some(context) if first => Value::Context(context),
            Some(_) | None => Value::gap(),
        }
    }

    fn call(&mut self, function: &str, start: usize, depth: usize) -> Value {
        let mut arguments = Vec::new();
        let outside = self.searched;
        self.searched |= ["contains", "startsWith", "endsWith"].iter().any(|name| function.eq_ignore_ascii_case(name));
        while self.peek().is_some() {
            arguments.push(self.value(depth + 1));
            self.until_comma_or_end(depth);
            if self.eat(',') {
                continue;
            }
            break;
        }
        self.until(')', depth);
        self.searched = outside;
        let is = |name: &str| function.eq_ignore_ascii_case(name);
        let first = arguments.first();
        if is("toJSON") {
            if let Some(Value::Context(context @ ("vars" | "secrets"))) = first {
                self.hit(format!("toJSON({context})"), Kind::Override, start, How::Whole);
            }
            return Value::gap();
        }
        let text = if is("format") {
            format(&arguments)
        } else if is("fromJSON") {
            first.map(|value| value.text().to_owned())
        } else if is("join") {
            first.map(|value| value.text().to_owned())
        } else {
            None
        };
        let Some(text) = text else { return Value::gap() };
        if let Some((name, kind)) = inside(&text) {
            self.hit(name, kind, start, How::Built);
        }
        Value::Text(text)
    }

    /// Reads on to a closing bracket of its own level.
    fn until(&mut self, close: char, depth: usize) {
        while let Some(c) = self.peek() {
            if c == close {
                self.bump();
                return;
            }
            if starts_value(c) && !c.is_whitespace() {
                self.value(depth + 1);
            } else {
                self.bump();
            }
        }
    }

    fn until_comma_or_end(&mut self, depth: usize) {
        while let Some(c) = self.peek() {
            if c == ',' || c == ')' {
                return;
            }
            if starts_value(c) && !c.is_whitespace() {
                self.value(depth + 1);
            } else {
                self.bump();
            }
        }
    }
}

/// `format('{0}', …)`, with a gap for what is not known.
fn format(arguments: &[Value]) -> Option<String> {
    let (pattern, values) = arguments.split_first()?;
    let mut out = String::new();
    let mut rest = pattern.text();
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((index, behind)) = after.split_once('}') else { break };
        match index.trim().parse::<usize>() {
            Ok(index) => out.push_str(values.get(index).map_or("\u{0}", Value::text)),
            Err(_) => out.push_str(index),
        }
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

/// A member that is forbidden, or that begins as a forbidden one and goes on with a gap.
fn named(member: &str) -> Option<(String, Kind)> {
    if let Some(kind) = name::forbidden_in_any_case(member) {
        return Some((member.to_owned(), kind));
    }
    let (known, _) = member.split_once(GAP)?;
    let capital = known.to_ascii_uppercase();
    capital.starts_with("ALLOWED_").then(|| (format!("{known}*"), Kind::Override))
}

/// A forbidden name in a text put together.
fn inside(text: &str) -> Option<(String, Kind)> {
    let whole = name::occurrences(text).next().map(|found| (found.name.to_owned(), found.kind));
    whole.or_else(|| {
        let mut words = text.split(|c: char| !name::is_word(c) && c != GAP);
        words.find_map(|word| word.starts_with("ALLOWED_").then(|| named(word)).flatten())
    })
}

#[cfg(test)]
mod tests;
