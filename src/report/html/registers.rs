//! Register values by profile, so that a shared one is seen at a glance: by its letter and by its colour.

use std::collections::BTreeMap;

use askama::Template;

use super::Prose;
use crate::report::{RegisterMatrix, RegisterRow, escape::terminal};

/// Hex digits of a value that are shown in the table.
const SHORT: usize = 8;
/// Colours that tell values of a column apart; beyond them the letter does.
const HUES: usize = 8;
/// Most values of a cell that are shown, and of the table that are shown in full.
const CELL: usize = 6;
const FULL: usize = 200;

/// A value as it stands in a table.
#[derive(Template, Clone)]
#[template(
    ext = "html",
    source = "<span class=\"value{% if let Some(hue) = hue %} h{{ hue }}{% endif %}\">{% if !letter.is_empty() %}<b>{{ letter }}</b>{% endif %}{{ short }}</span>"
)]
pub(crate) struct Value {
    pub(crate) letter: String,
    pub(crate) hue: Option<usize>,
    short: String,
    pub(crate) full: String,
}

impl Value {
    /// A value under a letter and the colour of a number, or none of both.
    pub(crate) fn new(value: &str, letter: &str, hue: Option<usize>) -> Self {
        let full = terminal(value);
        let cut: String = full.chars().take(SHORT).collect();
        let short = match value.bytes().all(|b| b == b'0') && !value.is_empty() {
            true => "all zeros".to_owned(),
            false if cut.len() < full.len() => format!("{cut}…"),
            false => cut,
        };
        Self { letter: letter.to_owned(), hue: hue.map(|hue| hue % HUES), short, full }
    }
}

/// Gives the values of a column colours that differ as long as there are some.
#[derive(Default)]
pub(crate) struct Hues(BTreeMap<usize, usize>);

impl Hues {
    /// The colour of the next value in `column`. Columns start with another each, so that neighbours differ.
    pub(crate) fn next(&mut self, column: usize) -> usize {
        let met = self.0.entry(column).or_default();
        *met += 1;
        (column * 3 + *met - 1) % HUES
    }
}

/// The table.
#[derive(Template)]
#[template(path = "registers.html")]
pub(super) struct Registers {
    registers: Vec<&'static str>,
    roles: Vec<Role>,
    /// Values that machines of two roles may have.
    alarms: Vec<Prose>,
    /// Every value once, with where it stands.
    full: Vec<(Value, String)>,
}

/// The rows of one kind of machine.
struct Role {
    name: &'static str,
    rows: Vec<Row>,
}

struct Row {
    profile: String,
    /// Which documents state these values, where there are several.
    stated: String,
    cells: Vec<Cell>,
}

struct Cell {
    register: &'static str,
    values: Vec<Value>,
    /// How many are not shown.
    more: usize,
}

/// Rows that say the same of one profile.
struct Merged<'a> {
    profile: &'a str,
    stated: Vec<&'a str>,
    row: &'a RegisterRow,
}

impl Registers {
    pub(super) fn of(matrix: &RegisterMatrix) -> Self {
        let merged = merged(matrix);
        let rows = merged.iter().map(|merged| merged.row.clone()).collect();
        let matrix = RegisterMatrix { registers: matrix.registers.clone(), rows };
        let shared = matrix.shared();
        let mut hues = Hues::default();
        let shared: BTreeMap<(usize, &str), (&str, usize)> = shared
            .iter()
            .map(|shared| ((shared.register, shared.value), (shared.name.as_str(), hues.next(shared.register))))
            .collect();
        let value = |register: usize, value: &str| match shared.get(&(register, value)) {
            Some((letter, hue)) => Value::new(value, letter, Some(*hue)),
            None => Value::new(value, "", None),
        };
        let mut roles: Vec<Role> = Vec::new();
        for merged in &merged {
            let name = merged.row.role.unwrap_or("");
            let cell = |(register, values): (usize, &Vec<String>)| Cell {
                register: matrix.registers.get(register).copied().unwrap_or_default(),
                values: values.iter().take(CELL).map(|text| value(register, text)).collect(),
                more: values.len().saturating_sub(CELL),
            };
            let row = Row {
                profile: terminal(merged.profile),
                stated: terminal(&merged.stated.join(" and ")),
                cells: merged.row.values.iter().enumerate().take(matrix.registers.len()).map(cell).collect(),
            };
            match roles.iter_mut().find(|role| role.name == name) {
                Some(role) => role.rows.push(row),
                None => roles.push(Role { name, rows: vec![row] }),
            }
        }
        let full = in_full(&matrix, &merged, value);
        Self { registers: matrix.registers.clone(), alarms: alarms(&matrix), roles, full }
    }
}

/// A row's profile is its first word, and what states the values the rest. Rows of one profile and role that hold the same
/// become one; the rows of a profile stay together.
fn merged(matrix: &RegisterMatrix) -> Vec<Merged<'_>> {
    let mut merged: Vec<Merged<'_>> = Vec::new();
    for row in &matrix.rows {
        let (profile, stated) = match row.role {
            Some(role) => {
                let (profile, stated) = row.profile.split_once(' ').unwrap_or((&row.profile, ""));
                (profile, if stated == role { "policy" } else { stated })
            }
            None => (row.profile.as_str(), ""),
        };
        let same = |other: &Merged<'_>| other.row.role == row.role && other.profile == profile;
        let stated: Vec<&str> = Some(stated).filter(|stated| !stated.is_empty()).into_iter().collect();
        if let Some(equal) =
            merged.iter_mut().find(|other| row.role.is_some() && same(other) && other.row.values == row.values)
        {
            equal.stated.extend(stated);
            continue;
        }
        let after = merged.iter().rposition(same).map_or(merged.len(), |last| last + 1);
        merged.insert(after, Merged { profile, stated, row });
    }
    merged
}

/// Values that two roles share: no machine may be both.
fn alarms(matrix: &RegisterMatrix) -> Vec<Prose> {
    let role = |row: &usize| matrix.rows.get(*row).and_then(|row| row.role);
    let shared = matrix.shared().into_iter().filter(|shared| {
        let first = shared.rows.first().and_then(role);
        first.is_some() && shared.rows.iter().any(|row| role(row).is_some_and(|other| Some(other) != first))
    });
    shared
        .map(|shared| {
            let register = matrix.registers.get(shared.register).copied().unwrap_or_default();
            let rows = shared.rows.iter().filter_map(|row| matrix.rows.get(*row)).map(|row| row.profile.as_str());
            let rows = rows.collect::<Vec<_>>().join(", ");
            Prose::of(&format!("{register} {} ({}), in {rows}", shared.name, shared.value))
        })
        .collect()
}

fn in_full(
    matrix: &RegisterMatrix,
    merged: &[Merged<'_>],
    value: impl Fn(usize, &str) -> Value,
) -> Vec<(Value, String)> {
    let mut full: Vec<(usize, &str, Vec<String>)> = Vec::new();
    for register in 0..matrix.registers.len() {
        for merged in merged {
            let named = match merged.row.role {
                Some(role) => format!("{} {role}", merged.profile),
                None => merged.profile.to_owned(),
            };
            for text in merged.row.values.get(register).into_iter().flatten() {
                let room = full.len() < FULL;
                match full.iter_mut().find(|(of, value, _)| *of == register && value == text) {
                    Some((_, _, names)) if names.contains(&named) => {}
                    Some((_, _, names)) => names.push(named.clone()),
                    None if room => full.push((register, text, vec![named.clone()])),
                    None => {}
                }
            }
        }
    }
    let name = |register: usize| matrix.registers.get(register).copied().unwrap_or_default();
    let shown = |(register, text, names): (usize, &str, Vec<String>)| {
        (value(register, text), terminal(&format!("{} of {}", name(register), names.join(", "))))
    };
    full.into_iter().map(shown).collect()
}
