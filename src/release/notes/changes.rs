//! From commits to what a reader takes for one change: a pull request, or a commit on its own.
//!
//! The history is walked from its newest commit along first parents. A merge of a pull request is one change, with the
//! commits it brought in as its parts; any other merge is none, and the line it joins is walked as well. So every commit
//! belongs to exactly one change, however branches were merged into each other. A change that a later one takes back
//! is marked and never dropped: a message that says so may be wrong.

use std::collections::{HashMap, HashSet};

use super::commit::{Commit, Kind, Person, Reverted, Title, says_revert};

/// Most flaws that are named of one change.
const MAX_FLAWS: usize = 10;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The commit that brought it in.
    pub id: String,
    /// Its first line, taken apart.
    pub title: Title,
    /// What it is for: as its title says, or the first in order of what its parts are for.
    pub kind: Kind,
    /// What it breaks, each in a sentence or so; the title where it is only marked as breaking.
    pub breaks: Vec<String>,
    /// Identifiers of the published flaws it is about.
    pub flaws: Vec<String>,
    /// Who wrote it or helped.
    pub people: Vec<Person>,
    /// How many commits it has.
    pub commits: usize,
    /// Whether it says that it takes another change back.
    pub is_revert: bool,
    /// Whether it takes a change of these back.
    pub takes_back: bool,
    /// Which of the changes takes it back, by place.
    pub taken_back_by: Option<usize>,
    /// The files it changes, where they were asked for.
    pub files: Vec<String>,
}

/// The changes in `history`, newest first, without those of `foreign` files, and how many these are. Commits may come in
/// any order; the walk begins at `head`.
pub fn changes(history: &[Commit], head: &str, foreign: impl Fn(&[String]) -> bool) -> (Vec<Change>, usize) {
    let by_id: HashMap<&str, &Commit> = history.iter().map(|commit| (commit.id.as_str(), commit)).collect();
    let line = mainline(&by_id, head);
    let on_line: HashSet<&str> = line.iter().map(|commit| commit.id.as_str()).collect();
    let mut claimed: HashSet<&str> = HashSet::new();
    let mut changes = Vec::new();
    // The oldest first: a commit belongs to the pull request that brought it in, not to those that were merged later.
    for commit in line.into_iter().rev() {
        match commit.merged_pull() {
            Some(pull) => {
                let parts = parts(&by_id, commit, &on_line, &mut claimed);
                changes.push((merged(commit, pull, &parts), ids(commit, &parts)));
            }
            None if commit.is_merge() => {}
            None => changes.push((lone(commit), vec![commit.id.clone()])),
        }
    }
    changes.reverse();
    let all = changes.len();
    changes.retain(|(change, _)| !foreign(&change.files));
    let left_out = all - changes.len();
    mark_taken_back(&mut changes, &by_id);
    (changes.into_iter().map(|(change, _)| change).collect(), left_out)
}

/// The commits along first parents from `head`, and from the other parents of merges that are not of a pull request;
/// newest first within each line.
fn mainline<'c>(by_id: &HashMap<&str, &'c Commit>, head: &str) -> Vec<&'c Commit> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut line = Vec::new();
    let mut tips: Vec<&str> = by_id.get(head).map(|commit| commit.id.as_str()).into_iter().collect();
    while let Some(tip) = tips.pop() {
        let mut at = by_id.get(tip).copied();
        while let Some(commit) = at.filter(|commit| seen.insert(commit.id.as_str())) {
            line.push(commit);
            let mut parents = commit.parents.iter();
            at = parents.next().and_then(|first| by_id.get(first.as_str())).copied();
            if commit.merged_pull().is_none() {
                tips.extend(parents.map(String::as_str));
            }
        }
    }
    line
}

/// The commits that the merge of a pull request brought in and no earlier one did, in the order they are reached.
fn parts<'c>(
    by_id: &HashMap<&str, &'c Commit>,
    merge: &'c Commit,
    on_line: &HashSet<&str>,
    claimed: &mut HashSet<&'c str>,
) -> Vec<&'c Commit> {
    let mut parts = Vec::new();
    let mut open: Vec<&'c str> = merge.parents.iter().skip(1).map(String::as_str).collect();
    while let Some(id) = open.pop() {
        let Some(commit) = by_id.get(id).copied().filter(|_| !on_line.contains(id)) else { continue };
        if claimed.insert(commit.id.as_str()) {
            parts.push(commit);
            open.extend(commit.parents.iter().map(String::as_str));
        }
    }
    parts.retain(|commit| !commit.is_merge());
    parts
}

fn ids(merge: &Commit, parts: &[&Commit]) -> Vec<String> {
    [merge].into_iter().chain(parts.iter().copied()).map(|commit| commit.id.clone()).collect()
}

fn lone(commit: &Commit) -> Change {
    let title = Title::read(commit.subject());
    Change {
        kind: kind_of(&title, &[commit]),
        breaks: breaks(&title, &[commit]),
        flaws: flaws(&[commit]),
        people: commit.people(),
        commits: 1,
        is_revert: says_revert(commit.subject()),
        takes_back: false,
        taken_back_by: None,
        files: commit.files.clone(),
        id: commit.id.clone(),
        title,
    }
}

fn merged(merge: &Commit, pull: u64, parts: &[&Commit]) -> Change {
    let only = if let [only] = parts { Some(only.subject()) } else { None };
    let line = merge.merged_title().or(only).unwrap_or_else(|| merge.subject());
    let mut title = Title::read(line);
    if !title.pulls.contains(&pull) {
        title.pulls.push(pull);
    }
    let all: Vec<&Commit> = [merge].into_iter().chain(parts.iter().copied()).collect();
    // Who merges a pull request did not write it.
    let people = if parts.is_empty() { merge.people() } else { parts.iter().flat_map(|part| part.people()).collect() };
    Change {
        kind: kind_of(&title, &all),
        breaks: breaks(&title, &all),
        flaws: flaws(&all),
        people,
        commits: parts.len().max(1),
        is_revert: says_revert(line),
        takes_back: false,
        taken_back_by: None,
        files: merge.files.clone(),
        id: merge.id.clone(),
        title,
    }
}

/// What the title says, or else the first in order of what the parts say. A flaw that is named makes it security.
fn kind_of(title: &Title, parts: &[&Commit]) -> Kind {
    if parts.iter().any(|part| !part.flaws().is_empty()) {
        return Kind::Security;
    }
    let of_parts = parts.iter().map(|part| Title::read(part.subject()).kind);
    if title.kind == Kind::Other {
        return of_parts.min().unwrap_or(Kind::Other);
    }
    // A part that closes a hole must not hide behind a title that does not say so.
    of_parts.filter(|kind| *kind == Kind::Security).chain([title.kind]).min().unwrap_or(title.kind)
}

/// What the footers say, or the titles that are marked where no footer says more.
fn breaks(title: &Title, all: &[&Commit]) -> Vec<String> {
    let mut breaks: Vec<String> = Vec::new();
    for commit in all {
        let (own, notes) = (Title::read(commit.subject()), commit.breaking_notes());
        if own.breaking && notes.is_empty() {
            breaks.push(own.text);
        } else {
            breaks.extend(notes.into_iter().map(|note| if note.is_empty() { own.text.clone() } else { note }));
        }
    }
    if breaks.is_empty() && title.breaking {
        breaks.push(title.text.clone());
    }
    let mut seen = HashSet::new();
    breaks.retain(|text| seen.insert(text.clone()));
    breaks
}

fn flaws(all: &[&Commit]) -> Vec<String> {
    let mut flaws: Vec<String> = Vec::new();
    for flaw in all.iter().flat_map(|commit| commit.flaws()) {
        if !flaws.contains(&flaw) && flaws.len() < MAX_FLAWS {
            flaws.push(flaw);
        }
    }
    flaws
}

/// Marks the changes that a later one takes back. The newest first: a change that takes one back and is itself taken back
/// leaves it as it was.
fn mark_taken_back(changes: &mut [(Change, Vec<String>)], by_id: &HashMap<&str, &Commit>) {
    let mut of_commit: Vec<(String, usize)> = changes
        .iter()
        .enumerate()
        .flat_map(|(index, (_, ids))| ids.iter().map(move |id| (id.clone(), index)))
        .collect();
    of_commit.sort();
    let of_pull: HashMap<u64, usize> = changes
        .iter()
        .enumerate()
        .flat_map(|(index, (change, _))| change.title.pulls.iter().map(move |pull| (*pull, index)))
        .collect();
    for index in 0..changes.len() {
        let Some((_, ids)) = changes.get(index).filter(|(change, _)| change.taken_back_by.is_none()) else { continue };
        let commits = ids.iter().filter_map(|id| by_id.get(id.as_str()));
        let targets: Vec<usize> = commits
            .flat_map(|commit| commit.reverts())
            .filter_map(|reverted| match reverted {
                Reverted::Commit(id) => unique(&of_commit, &id),
                Reverted::Pull(pull) => of_pull.get(&pull).copied(),
            })
            .filter(|target| *target > index)
            .collect();
        if let Some((change, _)) = changes.get_mut(index) {
            change.takes_back = !targets.is_empty();
        }
        for target in targets {
            if let Some((taken, _)) = changes.get_mut(target) {
                taken.taken_back_by.get_or_insert(index);
            }
        }
    }
}

/// The change of the only commit whose id begins so.
fn unique(of_commit: &[(String, usize)], start: &str) -> Option<usize> {
    let from = of_commit.partition_point(|(id, _)| id.as_str() < start);
    let mut found = of_commit.get(from..)?.iter().take_while(|(id, _)| id.starts_with(start));
    let (_, index) = found.next()?;
    if found.next().is_none() { Some(*index) } else { None }
}

#[cfg(test)]
mod tests;
