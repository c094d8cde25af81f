//! Which file of one state became which of the other.

use crate::{
    policy::document::{PolicyFile, PolicyKind},
    subject::profile::Profile,
};

/// An older file and its newer version. One side is `None` for a file that is new or gone.
pub type Pair<'a> = (Option<&'a PolicyFile>, Option<&'a PolicyFile>);

/// Pairs files: two states of one file each are that file; else equal names; else, where it is beyond doubt, the only
/// file of a profile with the only other. So a file keeps its history when its name changes with the layout.
pub fn pair<'a>(before: &'a [PolicyFile], after: &'a [PolicyFile]) -> Vec<Pair<'a>> {
    if let ([old], [new]) = (before, after) {
        return vec![(Some(old), Some(new))];
    }
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    let mut gone: Vec<&PolicyFile> = Vec::new();
    for old in before {
        match after.iter().find(|new| new.name == old.name) {
            Some(new) => pairs.push((Some(old), Some(new))),
            None => gone.push(old),
        }
    }
    let mut added: Vec<&PolicyFile> =
        after.iter().filter(|new| before.iter().all(|old| old.name != new.name)).collect();
    gone.retain(|old| {
        let subject = subject(old);
        let only = |files: &[&PolicyFile]| files.iter().filter(|f| self::subject(f) == subject).count() == 1;
        let Some(place) = added.iter().position(|new| self::subject(new) == subject) else { return true };
        // Judged over all files of a state: a second file of the profile leaves doubt even if it has a pair.
        let (olds, news): (Vec<_>, Vec<_>) = (before.iter().collect(), after.iter().collect());
        if !only(&olds) || !only(&news) {
            return true;
        }
        pairs.push((Some(old), Some(added.remove(place))));
        false
    });
    pairs.extend(gone.into_iter().map(|old| (Some(old), None)));
    pairs.extend(added.into_iter().map(|new| (None, Some(new))));
    pairs.sort_by_key(|(old, new)| new.or(*old).map(|f| f.name.clone()));
    pairs
}

/// What a file is about: whose lists, and which profile's.
fn subject(file: &PolicyFile) -> (bool, Option<Profile>) {
    (file.kind == PolicyKind::RegistryNode, file.profile())
}
