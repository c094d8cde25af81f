//! Texts of a file that may hold variables: lists of `NAME=value`, and values of a matrix.

use crate::guard::allowed_env::{
    hit::{Hit, How},
    line::{self, Colon},
    name, shell,
};

/// `NAME=value`, a line each or parted by commas, and `NAME` alone as an item of a list.
pub(super) fn listed(text: &str, how: How) -> Vec<Hit> {
    let mut hits = line::written(text, Colon::IsText, how);
    if let Some(lead) = line::lead(text.trim())
        && lead.after.is_empty()
        && how != How::Input
    {
        let at = text.len() - text.trim_start().len();
        hits.push(Hit::new(lead.name.clone(), lead.kind, at, at + lead.length, how));
    }
    // `A=1,NAME=x` and `--env A=1 --env=NAME=x`: each part a setting or an option, so that prose is none.
    let parts = || text.split([',', ' ', '\n', '\t']).filter(|part| !part.trim().is_empty());
    let settings = parts().all(|part| part.contains('=') || part.starts_with('-'));
    // `--region us --set-env-vars NAME=x`: what stands behind an option is judged whatever else is there.
    let mut option_before = false;
    for part in parts() {
        let given = std::mem::replace(&mut option_before, part.starts_with('-'));
        if settings || given || part.starts_with('-') {
            let option = part.strip_prefix('-').and_then(|rest| rest.find('=')).map_or(0, |at| at + 2);
            let begin = [option, 0].into_iter().find(|at| part.get(*at..).and_then(line::lead).is_some());
            let Some((begin, lead)) = begin.and_then(|at| Some((at, line::lead(part.get(at..)?)?))) else { continue };
            let at = part.as_ptr().addr() - text.as_ptr().addr() + begin;
            if lead.assigned().is_some_and(|value| !lead.kind.is_harmless(value)) {
                hits.push(Hit::new(lead.name.clone(), lead.kind, at, at + lead.length, how));
            }
        }
    }
    if text.trim_start().starts_with('{') {
        hits.extend(entries(text, how));
    }
    hits.sort_by_key(|hit| hit.start);
    hits.dedup_by_key(|hit| hit.start);
    hits
}

/// `{"NAME": "value"}`: a mapping in a text.
fn entries(text: &str, how: How) -> impl Iterator<Item = Hit> {
    let named = name::occurrences(text).filter(|found| {
        let after = text.get(found.end..).unwrap_or_default().trim_start_matches(['"', '\'']).trim_start();
        let value = after.strip_prefix(':').and_then(|value| value.split([',', '}', '\n']).next());
        value.is_some_and(|value| !found.kind.is_harmless(value))
    });
    named.map(move |found| Hit::new(found.name, found.kind, found.start, found.end, how))
}

/// A value of a matrix: the name itself, or with a value.
pub(super) fn matrix_value(text: &str) -> Vec<Hit> {
    let named = name::occurrences(text).filter(|found| {
        let before = text.get(..found.start).unwrap_or_default().trim_end();
        let after = text.get(found.end..).unwrap_or_default();
        let value = after.strip_prefix('=').unwrap_or_default();
        (before.is_empty() || before.ends_with([',', '-', 'e'])) && !found.kind.is_harmless(value)
    });
    let mut hits: Vec<Hit> =
        named.map(|found| Hit::new(found.name, found.kind, found.start, found.end, How::Matrix)).collect();
    // A command, for a step that runs it.
    let commands = shell::hits(text).into_iter().filter(|hit| hits.iter().all(|other| other.start != hit.start));
    let commands: Vec<Hit> = commands.collect();
    hits.extend(commands);
    hits
}
