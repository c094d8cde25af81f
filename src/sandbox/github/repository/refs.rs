//! Refs: which names they may have, what they may point to, and how they move.

use super::{super::refusal::Refusal, Repository};
use crate::sandbox::git::{Object, Oid};

impl Repository {
    /// The commit that a ref, a branch, a tag, or a commit's own id or the start of it leads to.
    pub(in super::super) fn commit(&self, git_ref: &str) -> Option<Oid> {
        let git_ref = if git_ref == "HEAD" { super::BRANCH } else { git_ref };
        let names = ["", "refs/", "refs/heads/", "refs/tags/"].map(|start| format!("{start}{git_ref}"));
        let named = names.iter().find_map(|name| self.refs.get(name)).copied();
        named.or_else(|| self.commit_with_id(git_ref))
    }

    /// Makes a ref.
    pub(in super::super) fn create_ref(&mut self, name: &str, sha: &str) -> Result<Oid, Refusal> {
        if !well_formed(name) {
            return Err(Refusal::refused(&format!("{name} is not a valid ref name.")));
        }
        let id = self.target(sha)?;
        if self.refs.contains_key(name) {
            return Err(Refusal::refused("Reference already exists"));
        }
        self.may_make(name)?;
        self.refs.insert(name.to_owned(), id);
        Ok(id)
    }

    /// Moves a ref, forwards only unless it is forced.
    pub(in super::super) fn move_ref(&mut self, name: &str, sha: &str, force: bool) -> Result<Oid, Refusal> {
        let before = *self.refs.get(name).ok_or_else(|| Refusal::refused("Reference does not exist"))?;
        let id = self.target(sha)?;
        self.may_change(name)?;
        if !force && !self.objects.ancestors(id).contains(&before) {
            return Err(Refusal::refused("Update is not a fast forward"));
        }
        self.refs.insert(name.to_owned(), id);
        Ok(id)
    }

    /// Deletes a ref.
    pub(in super::super) fn delete_ref(&mut self, name: &str) -> Result<(), Refusal> {
        self.may_change(name)?;
        if name == format!("refs/heads/{}", super::BRANCH) {
            return Err(Refusal::refused("Cannot delete the default branch"));
        }
        self.refs.remove(name).map(|_| ()).ok_or_else(|| Refusal::refused("Reference does not exist"))
    }

    /// A tag or branch cannot be a folder of others, nor be given a second time after an immutable release had it.
    pub(super) fn may_make(&self, name: &str) -> Result<(), Refusal> {
        let (below, stands) = (format!("{name}/"), |other: &String| name.starts_with(&format!("{other}/")));
        if self.refs.keys().any(|other| other.starts_with(&below) || stands(other)) {
            return Err(Refusal::refused(&format!("{name} conflicts with another ref")));
        }
        match name.strip_prefix("refs/tags/") {
            Some(tag) if self.spent.contains(tag) => Err(Refusal::refused("tag_name was used by an immutable release")),
            Some(_) | None => Ok(()),
        }
    }

    fn may_change(&self, name: &str) -> Result<(), Refusal> {
        let tag = name.strip_prefix("refs/tags/");
        if self.releases.iter().any(|release| release.immutable && Some(release.tag.as_str()) == tag) {
            return Err(Refusal::refused(
                "Repository rule violations found\n\nCannot change the tag of an immutable release",
            ));
        }
        Ok(())
    }

    /// Branches and tags point to commits here, and to nothing else.
    fn target(&self, sha: &str) -> Result<Oid, Refusal> {
        let id: Oid = sha.parse().map_err(|_| {
            Refusal::refused("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
        })?;
        match self.objects.get(id) {
            Some(Object::Commit(_)) => Ok(id),
            Some(Object::Blob(_) | Object::Tree(_)) => Err(Refusal::refused("Object is not a commit")),
            None => Err(Refusal::refused("Object does not exist")),
        }
    }

    fn commit_with_id(&self, id: &str) -> Option<Oid> {
        if let Ok(id) = id.parse() {
            return self.objects.commit(id).map(|_| id);
        }
        let short = id.len() >= 7 && id.len() < 40 && id.bytes().all(|b| b.is_ascii_hexdigit());
        short.then(|| self.objects.commit_starting(&id.to_ascii_lowercase())).flatten()
    }
}

/// Whether a ref may have this name, by the rules of `git check-ref-format`.
pub(super) fn well_formed(name: &str) -> bool {
    let part_is_fine = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let odd = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    let kind = name.strip_prefix("refs/").and_then(|rest| rest.split_once('/'));
    kind.is_some_and(|(_, rest)| !rest.is_empty() && !rest.starts_with('-') && rest != "@")
        && name.len() <= 512
        && name.split('/').all(part_is_fine)
        && !name.contains(odd)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
}
