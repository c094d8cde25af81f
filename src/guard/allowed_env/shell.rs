//! Scripts of a POSIX shell: what sets a forbidden variable for later commands, steps or programs, and what only reads,
//! greps for or unsets one.
//!
//! The script is never run. Literal values of variables are put in where they are used; functions, conditions and loops
//! are read as if every branch were taken. What is computed while it runs (a name read from a file) cannot be seen.

mod command;
mod flow;
mod lexer;
mod program;
mod token;
mod word;

use std::collections::{HashMap, HashSet};

use super::hit::Hit;

/// Scripts within scripts (`bash -c`, `$(…)`, here-documents for a shell) that are looked into.
const MAX_NESTING: usize = 8;

/// Literal values of variables, of which there can be several: `for NAME in …`.
type Values = HashMap<String, Vec<String>>;

/// Whether somebody reads what the script prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Shown,
    Captured,
}

/// What a script sets. Ranges are bytes of `text`; each place once, in order.
pub(super) fn hits(text: &str) -> Vec<Hit> {
    let mut found = inner(text, Output::Shown, &mut Values::new(), 0);
    found.sort_by_key(|hit| (hit.start, hit.end));
    let mut seen = HashSet::new();
    found.retain(|hit| seen.insert(hit.start));
    found
}

fn inner(text: &str, output: Output, values: &mut Values, nesting: usize) -> Vec<Hit> {
    if nesting > MAX_NESTING {
        // Too deep to be understood: every name counts.
        return every_name(text).collect();
    }
    flow::Flow::new(text, values, nesting).run(output)
}

/// Every forbidden name in a text that is not understood.
fn every_name(text: &str) -> impl Iterator<Item = Hit> {
    let named = super::name::occurrences(text);
    named.map(|o| Hit::new(o.name, o.kind, o.start, o.end, super::hit::How::Raw))
}

#[cfg(test)]
mod tests;
