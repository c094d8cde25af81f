//! Walks over a history: what leads to a commit, what one has and another lacks, where two parted.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{id::Oid, store::Objects};

impl Objects {
    /// The commit and all that lead to it.
    pub(crate) fn ancestors(&self, commit: Oid) -> BTreeSet<Oid> {
        let (mut found, mut left) = (BTreeSet::new(), vec![commit]);
        while let Some(id) = left.pop() {
            if let Some(commit) = self.commit(id)
                && found.insert(id)
            {
                left.extend(&commit.parents);
            }
        }
        found
    }

    /// The commits that lead to `head`, newest first and none before its children.
    pub(crate) fn log(&self, head: Oid) -> Vec<Oid> {
        self.in_order(self.ancestors(head))
    }

    /// The commits that lead to `head` and not to `base`, newest first.
    pub(crate) fn since(&self, base: Oid, head: Oid) -> Vec<Oid> {
        let known = self.ancestors(base);
        self.in_order(self.ancestors(head).into_iter().filter(|id| !known.contains(id)).collect())
    }

    /// The newest commit that leads to both.
    pub(crate) fn merge_base(&self, one: Oid, other: Oid) -> Option<Oid> {
        let (of_one, of_other) = (self.ancestors(one), self.ancestors(other));
        let common: BTreeSet<Oid> = of_one.intersection(&of_other).copied().collect();
        self.in_order(common).first().copied()
    }

    fn in_order(&self, mut left: BTreeSet<Oid>) -> Vec<Oid> {
        let mut ordered = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let parents: BTreeSet<Oid> =
                left.iter().filter_map(|id| self.commit(*id)).flat_map(|commit| commit.parents.clone()).collect();
            let newest =
                left.iter().filter(|id| !parents.contains(id)).max_by_key(|id| (self.time(**id), **id)).copied();
            let Some(newest) = newest else { break };
            left.remove(&newest);
            ordered.push(newest);
        }
        ordered
    }

    fn time(&self, id: Oid) -> Option<Timestamp> {
        self.commit(id).map(|commit| commit.committer.time)
    }
}
