//! `quote inspect`: what a quote says, for people or programs. No verdict.

use std::{borrow::Cow, fmt::Write as _, path::Path};

use crate::{
    attestation::quote::{Inspection, NO_VERDICT},
    error::{Error, Result},
    product::Product,
    report::{Format, escape},
};

pub(super) fn run(path: &Path, format: Format) -> Result<Product> {
    let as_json = match format {
        Format::Human => false,
        Format::Json => true,
        Format::Sarif | Format::Markdown | Format::Html => {
            return Err(Error::usage("`quote inspect` makes no report: its formats are human and json"));
        }
    };
    let (input, name) = super::read(path)?;
    let inspection =
        Inspection::of(&input).map_err(|e| Error::input(format!("{name}: no quote that can be read: {e}")))?;
    let text = if as_json { json(&inspection)? } else { human(&name, &inspection) };
    Ok(Product::bytes(text))
}

/// What a quote says, as JSON.
///
/// # Errors
/// Internal: it cannot be written.
pub(in crate::commands) fn json(inspection: &Inspection) -> Result<String> {
    let mut text = serde_json::to_string_pretty(inspection)
        .map_err(|e| Error::internal("cannot write the quote as JSON").because(e))?;
    text.push('\n');
    Ok(escape::json(&text))
}

/// Groups of `name  value`, aligned.
fn human(name: &str, inspection: &Inspection) -> String {
    let groups = inspection.groups();
    let names = groups.iter().flat_map(|(_, lines)| lines);
    let width = names.map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let mut text = format!("{}\n{NO_VERDICT}\n", escape::terminal(name));
    for (group, lines) in &groups {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{group}");
        for (name, value) in lines {
            let _ = writeln!(text, "  {name:width$}  {}", shown(value));
        }
    }
    text
}

/// Hex is shown whole, however long; names in certificates are somebody else's text.
fn shown(value: &str) -> Cow<'_, str> {
    if value.bytes().all(|b| b.is_ascii_hexdigit()) {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(escape::terminal(value))
    }
}
