//! Where the commit of a hotfix stands to the release it patches, by the tags of a clone.

use std::path::Path;

use super::{commit, git};
use crate::{
    error::{Class, Error, Result},
    release::lineage::{Lineage, Trunk},
    subject::tag::Tag,
};

/// The branch that the remote had first when it was cloned.
const REMOTE_HEAD: &str = "refs/remotes/origin/HEAD";

/// The commits of both tags and what they share; or the tag that the clone does not have.
///
/// # Errors
/// Input: `git` is not there, `folder` is in no repository, the clone is shallow, or `git` fails.
pub fn lineage(folder: &Path, tag: &Tag, patched: Tag) -> Result<std::result::Result<Lineage, Tag>> {
    super::history::require_whole(folder)?;
    let Some(head) = tagged(folder, tag)? else { return Ok(Err(tag.clone())) };
    let Some(patched_commit) = tagged(folder, &patched)? else { return Ok(Err(patched)) };
    let shared = merge_base(folder, &patched_commit, &head)?;
    let ahead = count(folder, &format!("{patched_commit}..{head}"))?;
    let trunk = match commit(folder, REMOTE_HEAD) {
        Ok(branch) => Some(Trunk {
            branch: branch_name(folder)?,
            with_patched: merge_base(folder, &patched_commit, &branch)?,
            with_hotfix: merge_base(folder, &head, &branch)?,
        }),
        // A clone made with `git init` and `git fetch` has none, until `git remote set-head origin -a`.
        Err(error) if error.class() == Class::Usage => None,
        Err(error) => return Err(error),
    };
    Ok(Ok(Lineage { patched, patched_commit, commit: head, shared, ahead, trunk }))
}

/// The commit of a tag; `None` when there is none of that name.
fn tagged(folder: &Path, tag: &Tag) -> Result<Option<String>> {
    match commit(folder, &format!("refs/tags/{tag}")) {
        Ok(commit) => Ok(Some(commit)),
        Err(error) if error.class() == Class::Usage => Ok(None),
        Err(error) => Err(error),
    }
}

/// The latest commit that two have in common; `None` when there is none, for which `git merge-base` would fail as it does
/// for everything else.
fn merge_base(folder: &Path, one: &str, other: &str) -> Result<Option<String>> {
    // The symmetric difference of two commits is without those that both have: the merge bases, each behind a `^`.
    let listing = git(folder, &["rev-parse", &format!("{one}...{other}")], 4096)?;
    let listing = String::from_utf8_lossy(&listing);
    let bases: Vec<&str> = listing.lines().filter_map(|line| line.strip_prefix('^')).collect();
    Ok(bases.first().map(|base| (*base).to_owned()))
}

fn count(folder: &Path, range: &str) -> Result<u64> {
    let counted = git(folder, &["rev-list", "--count", "--end-of-options", range], 64)?;
    let unreadable = |e| Error::internal("git does not say how many commits there are").because(e);
    String::from_utf8_lossy(&counted).trim().parse().map_err(unreadable)
}

fn branch_name(folder: &Path) -> Result<String> {
    let name = git(folder, &["rev-parse", "--abbrev-ref", REMOTE_HEAD], 1024)?;
    let name = String::from_utf8_lossy(&name).trim().chars().take(200).collect::<String>();
    Ok(name)
}
