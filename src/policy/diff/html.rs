//! The difference as a page: what is newly admitted first, each list before and after, equal values in equal colour.
//!
//! Every text of a document is untrusted; the template escapes it. The look is the report's.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

use super::{
    Diff, FileDiff, Pair, RoleDiff,
    wording::{self, Legend, Line},
};
use crate::{
    attestation::measurement::Register,
    report::{
        escape::terminal,
        html::{Prose, Shell, Value},
    },
    subject::{profile::Profile, role::Role},
    text::{counted, listed},
};

/// Most values of a list that are shown, and most sentences about one.
const CELL: usize = 12;
const SENTENCES: usize = 24;

/// Renders the difference.
///
/// # Errors
/// Only a defect of the template.
pub fn render(diff: &Diff) -> askama::Result<String> {
    let page = Page::of(diff).render()?;
    Ok(format!("{page}\n"))
}

#[derive(Template)]
#[template(path = "policy_diff.html", config = "src/report/html/askama.toml")]
struct Page {
    shell: Shell,
    from: String,
    to: String,
    verdict: &'static str,
    sign: &'static str,
    lead: String,
    contents: Vec<(String, String)>,
    lists: Vec<List>,
    structure: Vec<Structure>,
    fields: Vec<Fields>,
    unchanged: Option<String>,
    /// Every value once, under its name.
    full: Vec<Value>,
}

/// Sides whose change weighs the same.
struct List {
    anchor: &'static str,
    title: &'static str,
    entries: Vec<Entry>,
}

/// The lists of one profile and role.
struct Entry {
    anchor: String,
    name: String,
    file: String,
    tone: &'static str,
    sum: Prose,
    /// What the lists are worth, where that changed.
    status: Vec<Prose>,
    rows: Vec<Row>,
}

/// One list.
struct Row {
    list: String,
    /// Before and after.
    cells: [(&'static str, Cell); 2],
    sentences: Vec<Sentence>,
    more: usize,
}

struct Cell {
    /// Said instead of values, and whether it is a warning.
    instead: Option<(&'static str, bool)>,
    values: Vec<Shown>,
    more: usize,
}

/// A value and what happened to it: `+`, `−` or nothing.
struct Shown {
    sign: &'static str,
    words: &'static str,
    value: Value,
}

struct Sentence {
    sign: char,
    value: String,
    meaning: Prose,
    alarm: bool,
}

/// What differs in the form of one file, or could not be read.
struct Structure {
    anchor: String,
    file: String,
    changes: Vec<Prose>,
    malformed: Vec<Prose>,
}

/// Fields that are not lists.
struct Fields {
    file: String,
    kind: String,
    note: &'static str,
    rows: Vec<[String; 3]>,
}

impl Page {
    fn of(diff: &Diff) -> Self {
        let mut legend = Legend::default();
        let mut number = 0;
        let mut entry = |file: &FileDiff, entry: &RoleDiff, legend: &mut Legend| {
            number += 1;
            Entry::of(number, file, entry, legend)
        };
        let all = || diff.files.iter().flat_map(|file| file.roles.iter().map(move |entry| (file, entry)));
        let newly = |(_, entry): &(&FileDiff, &RoleDiff)| newly_admits(entry);
        let admitted: Vec<_> = all().filter(newly).map(|(file, of)| entry(file, of, &mut legend)).collect();
        let others: Vec<_> = all().filter(|of| !newly(of)).map(|(file, of)| entry(file, of, &mut legend)).collect();
        let structure: Vec<_> = diff.files.iter().enumerate().filter_map(Structure::of).collect();
        let fields: Vec<_> = diff.files.iter().filter_map(Fields::of).collect();
        let lists = [("admitted", "Newly admitted", admitted), ("others", "Other changes of lists", others)];
        let lists: Vec<_> = lists.map(|(anchor, title, entries)| List { anchor, title, entries }).into();
        let (verdict, sign, tone, lead) = verdict(diff, &structure);
        let (from, to) = (terminal(&diff.from), terminal(&diff.to));
        Self {
            shell: Shell::new(format!("Policy changes: {from} → {to}"), "policy diff", tone),
            contents: contents(&lists, &structure, &fields),
            full: legend.values().map(|(number, value)| shown(number, value)).collect(),
            unchanged: (diff.unchanged > 0)
                .then(|| format!("{} without a difference.", counted(diff.unchanged, "file", "files"))),
            lists: lists.into_iter().filter(|list| !list.entries.is_empty()).collect(),
            from,
            to,
            verdict,
            sign,
            lead,
            structure,
            fields,
        }
    }
}

/// What the change amounts to: a word, a sign, the class that colours both, and a sentence.
fn verdict(diff: &Diff, structure: &[Structure]) -> (&'static str, &'static str, &'static str, String) {
    if diff.is_empty() {
        return ("NO DIFFERENCE", "✓", "good", format!("{} compared.", counted(diff.unchanged, "file", "files")));
    }
    let admitting = admitting(diff);
    let review =
        if diff.is_structural() { " The structure changes too: this needs an architecture review." } else { "" };
    if !admitting.is_empty() {
        return ("NEWLY ADMITS", "!", "care", format!("{admitting}.{review}"));
    }
    if structure.is_empty() {
        return ("NOTHING NEWLY ADMITTED", "✓", "good", "What is listed now was admitted before.".to_owned());
    }
    let malformed = structure.iter().any(|of| !of.malformed.is_empty());
    let compared = if malformed { "Not everything could be compared." } else { "No list newly admits anything." };
    ("NEEDS A REVIEW", "!", "care", format!("{compared}{review}"))
}

fn newly_admits(entry: &RoleDiff) -> bool {
    wording::in_all(entry).contains(wording::NEWLY)
}

/// Which profiles newly admit machines, and as what; empty where none does. Of a profile that stands in several files each
/// role is named once.
fn admitting(diff: &Diff) -> String {
    let mut profiles: BTreeMap<Profile, Vec<Role>> = BTreeMap::new();
    for entry in diff.files.iter().flat_map(|file| &file.roles).filter(|entry| newly_admits(entry)) {
        profiles.entry(entry.profile).or_default().push(entry.role);
    }
    let sentence = |(profile, roles): (Profile, Vec<Role>)| {
        let roles: Vec<&str> = Role::ALL.into_iter().filter(|role| roles.contains(role)).map(Role::as_str).collect();
        format!("{profile} newly admits machines as {}", listed(&roles))
    };
    profiles.into_iter().map(sentence).collect::<Vec<_>>().join("; ")
}

fn contents(lists: &[List], structure: &[Structure], fields: &[Fields]) -> Vec<(String, String)> {
    let mut contents = Vec::new();
    for list in lists {
        contents.extend(list.entries.iter().map(|entry| (entry.anchor.clone(), entry.name.clone())));
    }
    if !structure.is_empty() {
        contents.push(("structure".to_owned(), "Structure".to_owned()));
    }
    if !fields.is_empty() {
        contents.push(("fields".to_owned(), "Other fields".to_owned()));
    }
    contents
}

/// A value under the number that the other formats give it, coloured by it.
fn shown(number: usize, value: &str) -> Value {
    Value::new(value, &format!("v{number}"), Some(number))
}

impl Entry {
    fn of(number: usize, file: &FileDiff, entry: &RoleDiff, legend: &mut Legend) -> Self {
        let lines = wording::lines(entry, legend);
        let sum = wording::in_all(entry);
        let mut rows = Vec::new();
        for register in Register::ALL {
            let list = register.to_string();
            rows.extend(row(&list, entry.lists.registers.get(register), &lines, |value| shown_by(legend, value)));
        }
        let tcb = |status: &str| Value::new(status, "", None);
        rows.extend(row("TCB", &entry.lists.tcb, &lines, tcb));
        rows.extend(row("compose", &entry.lists.event_payloads, &lines, |hash| shown_by(legend, hash)));
        let status = lines.iter().filter(|line| line.list == "status").map(|line| Prose::of(&line.meaning));
        Self {
            anchor: format!("lists-{number}"),
            name: format!("{} · {}", entry.profile, entry.role.as_str()),
            file: terminal(&wording::name(file)),
            tone: if sum.contains(wording::NEWLY) { "care" } else { "plain" },
            sum: Prose::of(&sum),
            status: status.collect(),
            rows,
        }
    }
}

fn shown_by(legend: &mut Legend, value: &str) -> Value {
    shown(legend.number(value), value)
}

/// A list before and after; none where both are the same and empty, or no state has one.
fn row<T: Ord + Copy + ToString>(
    list: &str,
    pair: &Pair<T>,
    lines: &[Line],
    mut value: impl FnMut(&str) -> Value,
) -> Option<Row> {
    let of: Vec<&Line> = lines.iter().filter(|line| line.list == list).collect();
    let empty = |list: &Option<Vec<T>>| list.as_ref().is_none_or(Vec::is_empty);
    if of.is_empty() && empty(&pair.before) && empty(&pair.after) {
        return None;
    }
    let set = |list: &Option<Vec<T>>| list.iter().flatten().copied().collect::<BTreeSet<T>>();
    let (old, new) = (set(&pair.before), set(&pair.after));
    // A list that nobody compares has nothing to say of what was in it: the whole file is new or gone.
    let mut cell = |list: &Option<Vec<T>>, own: &BTreeSet<T>, other: &BTreeSet<T>, sign: &'static str, words| {
        let instead = match list {
            None => Some(("no list", false)),
            Some(values) if values.is_empty() => Some(("empty: any value", true)),
            Some(_) => None,
        };
        // What differs stands first, so that it is never what is cut.
        let changed = own.difference(other).map(|value| (sign, words, value));
        let kept = own.intersection(other).map(|value| ("", "", value));
        let values = changed.chain(kept).take(CELL);
        let values = values.map(|(sign, words, of)| Shown { sign, words, value: value(&of.to_string()) }).collect();
        Cell { instead, values, more: own.len().saturating_sub(CELL) }
    };
    let before = cell(&pair.before, &old, &new, "−", "gone");
    let after = cell(&pair.after, &new, &old, "+", "new");
    let sentence = |line: &&Line| Sentence {
        sign: line.sign,
        value: terminal(line.value.split(' ').next().unwrap_or_default()),
        meaning: Prose::of(&line.meaning),
        alarm: line.alarm,
    };
    Some(Row {
        list: list.to_owned(),
        cells: [("Before", before), ("After", after)],
        sentences: of.iter().filter(|line| !line.meaning.is_empty()).take(SENTENCES).map(sentence).collect(),
        more: of.len().saturating_sub(SENTENCES),
    })
}

impl Structure {
    fn of((index, file): (usize, &FileDiff)) -> Option<Self> {
        let changes: Vec<_> = file.structural.iter().map(|change| Prose::of(&wording::structural(change))).collect();
        let malformed = file
            .malformed
            .iter()
            .map(|entry| Prose::of(&format!("`{}` is {}, expected {}", entry.place, entry.actual, entry.expected)));
        let malformed: Vec<_> = malformed.collect();
        let anchor = format!("structure-{}", index + 1);
        let file = terminal(&wording::name(file));
        (!changes.is_empty() || !malformed.is_empty()).then_some(Self { anchor, file, changes, malformed })
    }
}

impl Fields {
    fn of(file: &FileDiff) -> Option<Self> {
        let rows: Vec<_> = file
            .restated
            .iter()
            .map(|field| [&field.place, &field.from, &field.to].map(|text| terminal(text)))
            .collect();
        let note = if file.roles.is_empty() { wording::no_list_changes(file) } else { "" };
        let (file, kind) = (terminal(&wording::name(file)), terminal(file.kind));
        (!rows.is_empty() || !note.is_empty()).then_some(Self { file, kind, note, rows })
    }
}
