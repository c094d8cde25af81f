//! What a promotion may change: policies under their known names, and the evidence for them. Everything else is for a pull
//! request of its own, so that those who approve measurements approve nothing else along with them.

use std::collections::BTreeSet;

use super::{
    Case, FILES,
    place::{self, Place},
    pull::{Content, Files, PLAIN},
};
use crate::{
    policy::promotion::{FOLDER, Part},
    report::Finding,
    schema::{
        MAX_JSON_BYTES,
        excerpt::{capped, excerpt},
    },
    text::counted,
};

/// Largest bundle or signature that is read, in bytes: of a small document it takes a few KiB.
pub const MAX_SEAL_BYTES: u64 = 1 << 20;

/// Most bytes that are read of the file at `path` in the folder of policies; `None` where it is not looked at.
pub fn limit(path: &str) -> Option<u64> {
    match place::place(path) {
        Place::Policy(_) => Some(MAX_JSON_BYTES as u64),
        Place::Evidence(place) => Some(match place.part {
            Part::Candidates => MAX_JSON_BYTES as u64,
            Part::Bundle | Part::Signature => MAX_SEAL_BYTES,
        }),
        Place::Prose | Place::Other => None,
    }
}

/// [`FILES`]: every path that the pull request touches is one that a promotion may touch.
pub(super) fn files(case: &Case) -> Vec<Finding> {
    let touched = match &case.pull.files {
        Files::All(files) => files,
        Files::TooMany(count) => {
            let message = format!("it changes {count} files, more than GitHub lists");
            return vec![FILES.fail("", message).help("a promotion changes a handful: propose the rest by itself")];
        }
    };
    let listed = touched.iter().flat_map(|file| [Some(file.path.as_str()), file.previous.as_deref()]).flatten();
    // What lies in the folder of policies is told by the commits themselves.
    let changed = case.states.changed();
    let outside = &case.states.outside;
    let every: BTreeSet<&str> =
        listed.chain(changed.keys().copied()).chain(outside.keys().map(String::as_str)).collect();
    let (mut problems, mut meant) = (Vec::new(), 0);
    for path in every {
        match place::place(path) {
            Place::Policy(_) | Place::Evidence(_) => meant += 1,
            Place::Prose => problems.push(FILES.warn(excerpt(path), "is changed along with the policies")),
            Place::Other => problems.push(beside(path)),
        }
        if let Some(Some(mode)) = outside.get(path).filter(|_| place::place(path) == Place::Prose) {
            problems.extend(odd(path, mode));
        }
        if let Some(Some(entry)) = changed.get(path) {
            problems.extend(odd(path, &entry.mode));
            match (&entry.content, limit(path)) {
                (Content::TooLarge(size), Some(limit)) => {
                    let message = format!("is {size} bytes, more than the {limit} that are read");
                    problems.push(FILES.fail(excerpt(path), message));
                }
                (Content::Unread, Some(_)) if entry.is_plain() => {
                    problems
                        .push(FILES.undecided(excerpt(path), "was not read: there are too many files of this kind"));
                }
                (Content::Bytes(_) | Content::TooLarge(_) | Content::Unread, _) => {}
            }
        }
    }
    let mut findings = Vec::new();
    if meant == 0 {
        let message = format!("it changes no policy in `{FOLDER}`");
        findings.push(FILES.missing("", message).help("this is a review of promotions: give the number of one"));
    } else {
        let what = counted(meant, "file of policies and their evidence", "files of policies and their evidence");
        findings.push(FILES.pass("", format!("it changes {what}")));
    }
    findings.extend(capped(problems));
    findings
}

/// A link, a submodule or an executable.
fn odd(path: &str, mode: &str) -> Option<Finding> {
    (mode != PLAIN).then(|| {
        FILES
            .fail(excerpt(path), "is not a regular file")
            .compared(format!("mode {PLAIN}"), format!("mode {}", excerpt(mode)))
            .help("commit it as a plain file: a link's content is not what reviewers see")
    })
}

/// A file that a promotion must not touch.
fn beside(path: &str) -> Finding {
    let subject = excerpt(path);
    if path.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with('/')) {
        return FILES
            .fail(subject, "is neither a policy nor evidence of a probe, by its name")
            .compared(place::known(), excerpt(path))
            .help("no release reads a policy of another name: correct the name, or take the file out");
    }
    FILES
        .fail(subject, "has nothing to do with a promotion")
        .help("change it in a pull request of its own: those who approve measurements do not answer for it")
}
