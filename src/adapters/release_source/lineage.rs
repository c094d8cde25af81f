//! Where the commit of a hotfix stands to the release it patches: asked of GitHub, or of a clone.

use std::path::Path;

use super::{Files, ReleaseSource};
use crate::{
    adapters::{git, github::GitHub},
    error::{self, Result},
    release::{
        lineage::{Lineage, Trunk},
        snapshot::{Available, Snapshot},
    },
    subject::{
        repository::Repository,
        tag::{Class, Tag},
    },
};

impl ReleaseSource<'_> {
    /// The lineage of a hotfix; of other classes, and of a quick snapshot, nothing is asked. `clone` is asked in GitHub's
    /// place.
    pub async fn lineage(&self, of: &Snapshot, clone: Option<&Path>) -> Available<Lineage> {
        if of.class != Class::Hotfix || of.quick {
            return Available::NotHere("only a hotfix patches a release".into());
        }
        match (clone, &self.files) {
            (Some(clone), _) => in_clone(clone, &of.tag),
            (None, Files::GitHub { github, .. }) => on_github(github, &of.repository, &of.tag).await,
            (None, Files::Folder { .. }) => {
                Available::NotHere("verifying a local folder; name a clone with --repo-dir".into())
            }
        }
    }
}

/// The lineage of a hotfix by the tags of a repository on GitHub.
pub async fn on_github(github: &GitHub, repository: &Repository, tag: &Tag) -> Available<Lineage> {
    let Some(patched) = tag.patched() else { return patches_nothing(tag) };
    match asked(github, repository, tag, patched).await {
        Ok(found) => found,
        Err(error) => Available::Failed(error::chain(&error)),
    }
}

/// The lineage of a hotfix by the tags of a local clone.
pub fn in_clone(folder: &Path, tag: &Tag) -> Available<Lineage> {
    let Some(patched) = tag.patched() else { return patches_nothing(tag) };
    match git::lineage(folder, tag, patched) {
        Ok(Ok(lineage)) => Available::Yes(lineage),
        Ok(Err(absent)) => no_tag(&absent, &folder.display().to_string()),
        Err(error) => Available::Failed(error::chain(&error)),
    }
}

fn patches_nothing(tag: &Tag) -> Available<Lineage> {
    Available::NotHere(format!("{tag} does not patch a version: see the class check"))
}

fn no_tag(tag: &Tag, place: &str) -> Available<Lineage> {
    Available::Absent(format!("{place} has no tag {tag}"))
}

async fn asked(github: &GitHub, repository: &Repository, tag: &Tag, patched: Tag) -> Result<Available<Lineage>> {
    let (commit, patched_commit, (branch, head)) = tokio::try_join!(
        github.tag_commit(repository, tag),
        github.tag_commit(repository, &patched),
        github.default_branch(repository),
    )?;
    let place = repository.to_string();
    let Some(commit) = commit else { return Ok(no_tag(tag, &place)) };
    let Some(patched_commit) = patched_commit else { return Ok(no_tag(&patched, &place)) };
    let head = head.as_deref();
    let (compared, with_patched, with_hotfix) = tokio::try_join!(
        github.compare(repository, &patched_commit, &commit),
        shared(github, repository, &patched_commit, head),
        shared(github, repository, &commit, head),
    )?;
    let trunk = head.is_some().then_some(Trunk { branch, with_patched, with_hotfix });
    let ahead = compared.as_ref().map_or(0, |compared| compared.ahead);
    let shared = compared.map(|compared| compared.shared);
    Ok(Available::Yes(Lineage { patched, patched_commit, commit, shared, ahead, trunk }))
}

/// The latest commit that one shares with the head of the default branch, where there is one.
async fn shared(github: &GitHub, repository: &Repository, commit: &str, head: Option<&str>) -> Result<Option<String>> {
    match head {
        Some(head) => Ok(github.compare(repository, commit, head).await?.map(|compared| compared.shared)),
        None => Ok(None),
    }
}
