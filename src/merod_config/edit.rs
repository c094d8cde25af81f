//! Writes a [`MerodConfig`] into the text of a `config.toml` and leaves every other byte as it is.
//!
//! The file is parsed for the places of its values only; the result is the old text with pieces exchanged and put in.
//! So comments, order, line ends and a missing last one survive by construction, which a rewritten document cannot
//! promise. The result is parsed again and compared with what was asked for before anybody gets it.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike};

use super::{MerodConfig, Setting, block};

/// Settings in `[tee.kms.phala.attestation]` that a node reads in addition to ours, and what they do.
const OVERRIDING: [(&str, &str); 1] =
    [("policy_json_path", "makes the node take its lists from that file instead of from here")];

/// Why a configuration cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It is not TOML.
    #[error("not TOML: {0}")]
    NotToml(String),
    /// Something that is not a table stands where one is needed.
    #[error("`{0}` is not a table")]
    NotATable(String),
    /// The table is written in a form that nothing can be put into without rewriting it.
    #[error("`{0}` is an inline table or made of dotted keys, which cannot be extended in place")]
    NotExtendable(String),
    /// A defect of ours: the result does not say what it should.
    #[error("the edited text would not say `{0}`")]
    Defect(String),
}

/// A configuration after the edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The whole text. The same as before when nothing had to change.
    pub text: String,
    /// What was set, in document order: `tee.kms.phala.url`.
    pub changed: Vec<String>,
    /// Settings that are there and undo what was set, with what they do.
    pub overriding: Vec<(String, &'static str)>,
}

/// Puts `config` into `text`. Doing so twice changes nothing the second time.
///
/// # Errors
/// As [`EditError`] says; the text is then not usable, and nothing was changed.
pub fn apply(text: &str, config: &MerodConfig) -> Result<Edited, EditError> {
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let document = parse(body)?;
    let newline = if body.contains("\r\n") { "\r\n" } else { "\n" };
    let mut edits = Edits { text: body, newline, pieces: Vec::new(), tail: String::new(), changed: Vec::new() };
    edits.table(&document, SERVICE, &config.service())?;
    edits.table(&document, ATTESTATION, &config.attestation())?;
    let changed = std::mem::take(&mut edits.changed);
    let result = edits.finish();
    let overriding = verify(&result, config)?;
    Ok(Edited { text: format!("{mark}{result}"), changed, overriding })
}

const SERVICE: &[&str] = &["tee", "kms", "phala"];
const ATTESTATION: &[&str] = &["tee", "kms", "phala", "attestation"];

fn parse(text: &str) -> Result<Document<&str>, EditError> {
    Document::parse(text).map_err(|error| EditError::NotToml(error.to_string().trim_end().replace('\n', " ")))
}

/// Finds the table at `path`; `None` when it, or one above it, is not there.
fn find<'d>(document: &'d Document<&str>, path: &[&str]) -> Result<Option<&'d Item>, EditError> {
    let mut item = document.as_item();
    for (depth, key) in path.iter().enumerate() {
        let table = item.as_table_like().ok_or_else(|| not_a_table(path, depth))?;
        match table.get(key) {
            Some(inner) => item = inner,
            None => return Ok(None),
        }
    }
    if item.is_table_like() { Ok(Some(item)) } else { Err(not_a_table(path, path.len())) }
}

fn not_a_table(path: &[&str], depth: usize) -> EditError {
    EditError::NotATable(path.get(..depth).unwrap_or(path).join("."))
}

/// Exchanged and inserted pieces, collected before any is made.
struct Edits<'t> {
    text: &'t str,
    newline: &'static str,
    /// Places of the old text, and what stands there instead.
    pieces: Vec<(Range<usize>, String)>,
    /// What is put behind the last line.
    tail: String,
    changed: Vec<String>,
}

impl Edits<'_> {
    fn table(
        &mut self,
        document: &Document<&str>,
        path: &[&str],
        settings: &[(&'static str, Setting)],
    ) -> Result<(), EditError> {
        let name = path.join(".");
        let item = find(document, path)?;
        let mut missing = Vec::new();
        for (key, setting) in settings {
            let old = item.and_then(Item::as_table_like).and_then(|table| table.get(key));
            match old {
                Some(old) if says(old, setting) => continue,
                Some(old) => {
                    // Tables have the place of their header only, and a value cannot stand in for one.
                    let span = old.as_value().and(old.span());
                    let span = span.ok_or_else(|| EditError::NotExtendable(format!("{name}.{key}")))?;
                    self.pieces.push((span, setting.toml(self.newline)));
                }
                None => missing.push((*key, setting.clone())),
            }
            self.changed.push(format!("{name}.{key}"));
        }
        if missing.is_empty() {
            return Ok(());
        }
        match item.and_then(header) {
            Some((table, header)) => {
                let last = table.iter().filter_map(|(_, item)| end_of(item)).max().unwrap_or(header.end);
                let lines: Vec<_> = missing
                    .iter()
                    .map(|(key, s)| format!("{key} = {}{}", s.toml(self.newline), self.newline))
                    .collect();
                self.insert_after_line(last, &lines.concat());
                Ok(())
            }
            None => self.append(document, path, &missing),
        }
    }

    /// Puts whole lines behind the line that holds the byte before `at`.
    fn insert_after_line(&mut self, at: usize, lines: &str) {
        let rest = self.text.get(at..).unwrap_or_default();
        match rest.find('\n') {
            Some(offset) => self.pieces.push((at + offset + 1..at + offset + 1, lines.to_owned())),
            // The last line has no end: what was last must not become one line with what comes.
            None => {
                let lines = lines.strip_suffix(self.newline).unwrap_or(lines);
                self.pieces.push((self.text.len()..self.text.len(), format!("{}{lines}", self.newline)));
            }
        }
    }

    /// Puts a table that has no header of its own behind the last line.
    fn append(
        &mut self,
        document: &Document<&str>,
        path: &[&str],
        settings: &[(&'static str, Setting)],
    ) -> Result<(), EditError> {
        // TOML forbids a header for what an inline table or a dotted key has made.
        for depth in 1..=path.len() {
            let above = path.get(..depth).unwrap_or(path);
            let Some(item) = find(document, above)? else { break };
            let closed = item.is_inline_table() || item.as_table().is_some_and(toml_edit::Table::is_dotted);
            if closed {
                return Err(EditError::NotExtendable(above.join(".")));
            }
        }
        if !self.tail.is_empty() || !self.text.is_empty() {
            self.tail.push_str(self.newline);
        }
        self.tail.push_str(&block(&path.join("."), settings, self.newline));
        Ok(())
    }

    fn finish(mut self) -> String {
        self.pieces.sort_by_key(|(place, _)| (place.start, place.end));
        let mut out = String::with_capacity(self.text.len() + self.tail.len());
        let mut at = 0;
        for (place, piece) in &self.pieces {
            out.push_str(self.text.get(at..place.start).unwrap_or_default());
            out.push_str(piece);
            at = place.end;
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        if !self.tail.is_empty() {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push_str(self.newline);
            }
            out.push_str(&self.tail);
        }
        out
    }
}

/// A table that has a header of its own, and the header's place.
fn header(item: &Item) -> Option<(&toml_edit::Table, Range<usize>)> {
    let table = item.as_table()?;
    let written = !table.is_implicit() && !table.is_dotted();
    written.then_some(table).zip(table.span())
}

/// Where the last value that belongs to the lines of a table ends. Tables with a header of their own do not.
fn end_of(item: &Item) -> Option<usize> {
    match item {
        Item::Value(value) => value.span().map(|span| span.end),
        Item::Table(table) if table.is_dotted() => table.iter().filter_map(|(_, item)| end_of(item)).max(),
        Item::Table(_) | Item::ArrayOfTables(_) | Item::None => None,
    }
}

/// Whether a value of the document means the same as `setting`.
fn says(item: &Item, setting: &Setting) -> bool {
    match setting {
        Setting::Flag(flag) => item.as_bool() == Some(*flag),
        Setting::Text(text) => item.as_str() == Some(text),
        Setting::List(list) => item.as_array().is_some_and(|array| {
            array.len() == list.len() && array.iter().zip(list).all(|(value, text)| value.as_str() == Some(text))
        }),
    }
}

/// Reads the result back: every setting must say what was asked for. Returns what else is there that undoes it.
fn verify(text: &str, config: &MerodConfig) -> Result<Vec<(String, &'static str)>, EditError> {
    let document = parse(text).map_err(|e| EditError::Defect(e.to_string()))?;
    let mut overriding = Vec::new();
    for (path, settings) in [(SERVICE, config.service()), (ATTESTATION, config.attestation())] {
        let name = path.join(".");
        let item = find(&document, path)?.and_then(Item::as_table_like);
        let table: &dyn TableLike = item.ok_or_else(|| EditError::Defect(name.clone()))?;
        for (key, setting) in &settings {
            if !table.get(key).is_some_and(|item| says(item, setting)) {
                return Err(EditError::Defect(format!("{name}.{key}")));
            }
        }
        for (key, effect) in OVERRIDING {
            if path == ATTESTATION && table.contains_key(key) {
                overriding.push((format!("{name}.{key}"), effect));
            }
        }
    }
    Ok(overriding)
}

#[cfg(test)]
mod tests;
