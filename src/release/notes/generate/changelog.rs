//! The sections that the history fills: what changed, what breaks, which flaws are about, and what a hotfix changes.

use std::fmt::Write as _;

use super::{Facts, standing};
use crate::{
    release::notes::{
        changes::Change,
        commit::Kind,
        prose::{TITLE, bounded, prose},
    },
    report::escape::markdown_code,
    text::counted,
};

/// Characters of the changelog. GitHub takes notes of 125,000 characters.
const CHANGES: usize = 60_000;
/// Characters of each other list.
const LIST: usize = 12_000;
/// Characters of what one change breaks.
const BREAKS: usize = 280;

/// Every change: by its kind, then what takes older changes back, and what was taken back again.
pub(super) fn changelog(facts: &Facts<'_>) -> String {
    if facts.changes.is_empty() {
        return match facts.previous {
            Some(previous) => format!("No change since {previous}.\n"),
            None => "No change.\n".to_owned(),
        };
    }
    let mut text = String::new();
    let mut room = CHANGES;
    let mut group = |heading: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        let (shown, more) = bounded(lines, room);
        room = room.saturating_sub(shown.chars().count());
        let space = if text.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{space}### {heading}\n\n{shown}");
        if more > 0 {
            let _ = writeln!(text, "- and {}", counted(more, "more change", "more changes"));
        }
    };
    for kind in Kind::ALL {
        let of_kind = standing(facts).filter(|change| change.kind == kind && !change.is_revert);
        group(kind.heading(), of_kind.map(|change| line(facts, change)).collect());
    }
    let reverts = standing(facts).filter(|change| change.is_revert && !change.takes_back);
    group("Reverts", reverts.map(|change| line(facts, change)).collect());
    let taken_back = facts.changes.iter().filter_map(|change| {
        change.taken_back_by?;
        Some(format!("{}{}", line(facts, change), taken_back(facts, change)))
    });
    group("Taken back", taken_back.collect());
    text
}

/// What is said behind a change that a later one takes back. That is its author's word, and reverts less than all of it
/// now and then: so what it breaks or mends stays listed.
fn taken_back(facts: &Facts<'_>, change: &Change) -> String {
    let by = change.taken_back_by.and_then(|by| facts.changes.get(by));
    by.map_or_else(String::new, |by| format!(", taken back by {}", facts.references(by)))
}

/// What breaks; `None` where no change says that it breaks anything.
pub(super) fn breaking(facts: &Facts<'_>) -> Option<String> {
    let breaks = facts.changes.iter().flat_map(|change| change.breaks.iter().map(move |text| (change, text)));
    list(breaks.map(|(change, text)| {
        let (text, taken_back) = (prose(text, BREAKS), taken_back(facts, change));
        format!("- {text} ({}){taken_back}", facts.references(change))
    }))
}

/// The flaws that the changes name; `None` where they name none.
pub(super) fn incident(facts: &Facts<'_>) -> Option<String> {
    let flaws = facts.changes.iter().flat_map(|change| change.flaws.iter().map(move |flaw| (change, flaw)));
    list(flaws.map(|(change, flaw)| {
        let (title, taken_back) = (prose(&change.title.text, TITLE), taken_back(facts, change));
        format!("- {flaw}: {title} ({}){taken_back}", facts.references(change))
    }))
}

/// Every change with its commit, and the files it comes to; `None` where there is no change.
pub(super) fn exact_change(facts: &Facts<'_>) -> Option<String> {
    let mut text = list(facts.changes.iter().map(|change| {
        let (title, taken_back) = (prose(&change.title.text, TITLE), taken_back(facts, change));
        format!("- {title} ({}){taken_back}", facts.commit(&change.id))
    }))?;
    if !facts.files.is_empty() {
        let files = counted(facts.files.len(), "file differs", "files differ");
        let since = facts.previous.map(|previous| format!(" from {previous}")).unwrap_or_default();
        let paths = list(facts.files.iter().map(|path| format!("- {}", markdown_code(path)))).unwrap_or_default();
        let _ = write!(text, "\n{files}{since}:\n\n{paths}");
    }
    Some(text)
}

fn list(lines: impl Iterator<Item = String>) -> Option<String> {
    let (mut text, more) = bounded(lines, LIST);
    if more > 0 {
        let _ = writeln!(text, "- and {more} more");
    }
    (!text.is_empty()).then_some(text)
}

/// One change in the changelog.
fn line(facts: &Facts<'_>, change: &Change) -> String {
    let title = &change.title;
    let mut line = "- ".to_owned();
    if let Some(scope) = &title.scope {
        let _ = write!(line, "{}: ", prose(scope, 40));
    }
    line.push_str(&prose(&title.text, TITLE));
    let unnamed: Vec<&str> =
        change.flaws.iter().map(String::as_str).filter(|flaw| !title.text.contains(flaw)).collect();
    if !unnamed.is_empty() {
        let _ = write!(line, " — {}", unnamed.join(", "));
    }
    if !change.breaks.is_empty() {
        line.push_str(" — breaking");
    }
    let _ = write!(line, " ({})", facts.references(change));
    line
}
