//! Texts of a file that may hold variables: lists of `NAME=value`, and values of a matrix.

use crate::guard::allowed_env::{
    hit::{Hit, How},
    line::{self, Colon},
    name,
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
    if parts().all(|part| part.contains('=') || part.starts_with('-')) {
        for part in parts() {
            let option = part.strip_prefix('-').and_then(|rest| rest.find('=')).map_or(0, |at| at + 2);
            let begin = [option, 0].into_iter().find(|at| part.get(*at..).and_then(line::lead).is_some());
            let Some((begin, lead)) = begin.and_then(|at| Some((at, line::lead(part.get(at..)?)?))) else { continue };
            let at = part.as_ptr().addr() - text.as_ptr().addr() + begin;
            if lead.assigned().is_some_and(|value| !lead.kind.is_harmless(value)) {
                hits.push(Hit::new(lead.name.clone(), lead.kind, at, at + lead.length, how));
            }
        }
    }
    hits.sort_by_key(|hit| hit.start);
    hits.dedup_by_key(|hit| hit.start);
    hits
}

/// A value of a matrix: the name itself, or with a value.
pub(super) fn matrix_value(text: &str) -> Vec<Hit> {
    let named = name::occurrences(text).filter(|found| {
        let before = text.get(..found.start).unwrap_or_default().trim_end();
        let after = text.get(found.end..).unwrap_or_default();
        let value = after.strip_prefix('=').unwrap_or_default();
        (before.is_empty() || before.ends_with([',', '-', 'e'])) && !found.kind.is_harmless(value)
    });
    named.map(|found| Hit::new(found.name, found.kind, found.start, found.end, How::Matrix)).collect()
}
