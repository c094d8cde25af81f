//! What a change of policies changes: values, what they admit, and the structure of the documents.
//!
//! [`admission`] counts machines, [`structure`] compares documents field by field, [`pairing`] finds which file of one
//! state became which of the other; [`human`], [`markdown`], [`html`] and [`json`] print the result, [`remarks`] tells it to a workflow. A policy accepts the product
//! of its lists, so a value added to one register admits every combination with the values of the others: that, and not
//! the number of lines in a diff, is what a reviewer has to judge.

pub mod admission;
pub mod html;
pub mod human;
pub mod json;
pub mod markdown;
pub mod pairing;
pub mod remarks;
pub mod structure;
pub(super) mod wording;

use std::collections::BTreeSet;

use super::{
    document::{PolicyFile, Readiness},
    reading::{Field, Malformed},
};
use crate::{
    attestation::measurement::{Allowed, Measurement, Register, Registers, TcbStatus},
    digest::Sha256,
    subject::{profile::Profile, role::Role},
};
use admission::{Admission, Product};
use structure::{Restated, Structural};

/// Everything that differs between two states of a set of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// What the older state is called: a path, a revision.
    pub from: String,
    /// What the newer state is called.
    pub to: String,
    /// Files that differ, in the order of their names. Files without any difference are left out.
    pub files: Vec<FileDiff>,
    /// How many files were compared and are the same.
    pub unchanged: usize,
}

/// What differs in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Name in the older state; `None` for a new file.
    pub from: Option<String>,
    /// Name in the newer state; `None` for a removed file.
    pub to: Option<String>,
    /// What kind of policy it is; the newer kind where it changed.
    pub kind: &'static str,
    /// Changes of structure, which need an architecture review.
    pub structural: Vec<Structural>,
    /// Fields whose value changed and which are not lists.
    pub restated: Vec<Restated>,
    /// Entries of the newer file that cannot be read, and so were not compared.
    pub malformed: Vec<Malformed>,
    /// Lists that differ.
    pub roles: Vec<RoleDiff>,
}

/// What differs in the lists of one profile and one kind of machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDiff {
    /// The profile.
    pub profile: Profile,
    /// The machines.
    pub role: Role,
    /// What the two states are worth.
    pub standing: Standing,
    /// Registers whose lists differ.
    pub registers: Vec<RegisterDiff>,
    /// TCB statuses.
    pub tcb: Change<TcbStatus>,
    /// Compose hashes of the KMS.
    pub event_payloads: Change<Sha256>,
    /// How many machines are admitted, before and after.
    pub admission: Admission,
    /// The lists themselves, whether they differ or not.
    pub lists: Lists,
}

/// The lists of one profile and role in both states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    /// Register values.
    pub registers: Registers<Pair<Measurement>>,
    /// TCB statuses.
    pub tcb: Pair<TcbStatus>,
    /// Compose hashes of the KMS.
    pub event_payloads: Pair<Sha256>,
}

/// A list before and after; `None` where the state has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<T> {
    /// As the older state has it.
    pub before: Option<Vec<T>>,
    /// As the newer state has it.
    pub after: Option<Vec<T>>,
}

/// What the lists of two states are worth, which decides how their change reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Both are final, or as good as that to a reader.
    Settled,
    /// The lists are final for the first time: all that is in them is admitted newly, whatever the draft listed.
    Promoted,
    /// They were final and are a draft: any genuine machine is taken.
    Withdrawn,
    /// They are a draft in both states.
    Draft,
    /// One of the states has no such lists: the file, or the profile in it, is new or gone.
    Whole,
}

/// Added and removed values of one register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterDiff {
    /// The register.
    pub register: Register,
    /// The values.
    pub change: Change<Measurement>,
}

/// How a list changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T> {
    /// Values only the newer list has, sorted.
    pub added: Vec<T>,
    /// Values only the older list has, sorted.
    pub removed: Vec<T>,
    /// The newer list is empty and the older was not: it now constrains nothing.
    pub emptied: bool,
    /// The older list was empty and the newer is not: it constrained nothing until now.
    pub filled: bool,
}

impl<T: Ord + Copy> Change<T> {
    /// Compares two lists as sets. `None` is a list of a file that is not there.
    fn of(before: Option<&[T]>, after: Option<&[T]>) -> Self {
        let (old, new) = (set(before), set(after));
        let is_empty = |list: Option<&[T]>| list.is_some_and(<[T]>::is_empty);
        Self {
            added: new.difference(&old).copied().collect(),
            removed: old.difference(&new).copied().collect(),
            emptied: is_empty(after) && !is_empty(before),
            filled: is_empty(before) && after.is_some() && !is_empty(after),
        }
    }

    /// A list that was never enforced, whatever it held: every value counts as added.
    fn promoted(draft: Option<&[T]>, list: Option<&[T]>) -> Self {
        Self { removed: Self::of(draft, list).removed, ..Self::of(None, list) }
    }

    /// Whether the lists are the same.
    pub fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && !self.emptied && !self.filled
    }
}

fn set<T: Ord + Copy>(list: Option<&[T]>) -> BTreeSet<T> {
    list.unwrap_or_default().iter().copied().collect()
}

impl Diff {
    /// Compares two states of a set of policies. Files are paired by [`pairing::pair`].
    pub fn of(from: &str, to: &str, before: &[PolicyFile], after: &[PolicyFile]) -> Self {
        let pairs = pairing::pair(before, after);
        let compared = pairs.len();
        let files: Vec<_> = pairs.into_iter().filter_map(|(old, new)| FileDiff::of(old, new)).collect();
        let unchanged = compared - files.len();
        Self { from: from.to_owned(), to: to.to_owned(), files, unchanged }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether any change is one of structure.
    pub fn is_structural(&self) -> bool {
        self.files.iter().any(|f| !f.structural.is_empty())
    }
}

impl FileDiff {
    /// Compares one file; `None` when nothing differs.
    fn of(before: Option<&PolicyFile>, after: Option<&PolicyFile>) -> Option<Self> {
        let kind = after.or(before)?.kind.describe();
        let (structural, restated) = structure::compare(before, after);
        let roles: Vec<_> = Profile::ALL
            .into_iter()
            .flat_map(|profile| Role::ALL.map(|role| (profile, role)))
            .filter_map(|(profile, role)| RoleDiff::of(before, after, profile, role))
            .collect();
        // An unreadable entry is reported when it is new, not when it has always been there.
        let known = |m: &&Malformed| before.is_none_or(|b| !b.malformed.contains(m));
        let malformed: Vec<_> = after.iter().flat_map(|f| &f.malformed).filter(known).cloned().collect();
        if structural.is_empty() && restated.is_empty() && roles.is_empty() && malformed.is_empty() {
            return None;
        }
        let name = |file: Option<&PolicyFile>| file.map(|f| f.name.clone());
        Some(Self { from: name(before), to: name(after), kind, structural, restated, malformed, roles })
    }
}

/// The lists of one profile and role, as one state has them.
#[derive(Clone, Copy)]
struct Stated<'a> {
    allowed: &'a Allowed,
    event_payloads: &'a [Sha256],
    readiness: &'a Readiness,
    /// Whether something in the file that belongs into a list could not be read: an empty list may then be none.
    doubtful: bool,
}

impl<'a> Stated<'a> {
    fn find(file: Option<&'a PolicyFile>, profile: Profile, role: Role) -> Option<Self> {
        let file = file?;
        let lists = file.profiles.iter().find(|p| p.profile == profile)?;
        let event_payloads = match role {
            Role::Kms => lists.event_payloads.as_slice(),
            Role::Node => &[],
        };
        let doubtful = file.malformed.iter().any(|m| matches!(m.field, Field::Measurement | Field::Tcb));
        Some(Self { allowed: lists.of(role)?, event_payloads, readiness: &file.readiness, doubtful })
    }

    /// What the lists admit by themselves.
    fn product(stated: Option<Self>) -> Product {
        stated.map_or_else(Product::nothing, |stated| Product::of(stated.allowed))
    }

    /// What the older lists are taken to have admitted. What is newly admitted must never count as known, so a list that
    /// may be empty only because it cannot be read admitted nothing.
    fn older(old: Option<Self>, new: Option<Self>) -> Product {
        match (old, new) {
            (Some(old), Some(new)) if old.doubtful => Product::doubted(old.allowed, new.allowed),
            (old, _) => Self::product(old),
        }
    }
}

impl Standing {
    fn of(old: Option<Stated<'_>>, new: Option<Stated<'_>>) -> Self {
        let (Some(old), Some(new)) = (old, new) else { return Self::Whole };
        match (old.readiness, new.readiness) {
            (Readiness::NotReady, Readiness::NotReady) => Self::Draft,
            (Readiness::Ready | Readiness::Unknown(_), Readiness::NotReady) => Self::Withdrawn,
            // A word that means nothing keeps a KMS of ours from loading the file; what it becomes is the first to count.
            (Readiness::NotReady | Readiness::Unknown(_), after) if old.readiness != after => Self::Promoted,
            (
                Readiness::Ready | Readiness::Unknown(_) | Readiness::NotReady,
                Readiness::Ready | Readiness::Unknown(_),
            ) => Self::Settled,
        }
    }

    fn change<T: Ord + Copy>(self, before: Option<&[T]>, after: Option<&[T]>, doubtful: bool) -> Change<T> {
        match self {
            Self::Promoted => Change::promoted(before, after),
            Self::Settled | Self::Withdrawn | Self::Draft | Self::Whole => {
                let change = Change::of(before, after);
                Change { filled: change.filled && !doubtful, ..change }
            }
        }
    }

    fn admission(self, old: Option<Stated<'_>>, new: Option<Stated<'_>>) -> Admission {
        let (before, after) = (Stated::older(old, new), Stated::product(new));
        // The file is new and a draft: nothing was admitted, and now any genuine machine is.
        let draft = new.is_some_and(|new| *new.readiness == Readiness::NotReady);
        let after = if draft { Product::anything() } else { after };
        match self {
            Self::Settled | Self::Withdrawn => Admission::of(&before, &after),
            Self::Promoted => Admission::of(&Product::nothing(), &after),
            Self::Draft => Admission::of(&Product::anything(), &after),
            Self::Whole if old.is_some_and(|old| *old.readiness == Readiness::NotReady) => {
                Admission::of(&Product::anything(), &after)
            }
            Self::Whole => Admission::of(&before, &after),
        }
    }
}

impl Lists {
    fn of(old: Option<Stated<'_>>, new: Option<Stated<'_>>) -> Self {
        fn pair<'a, T: Copy + 'a>(
            old: Option<Stated<'a>>,
            new: Option<Stated<'a>>,
            list: impl Fn(Stated<'a>) -> &'a [T],
        ) -> Pair<T> {
            let of = |stated: Option<Stated<'a>>| stated.map(|stated| list(stated).to_vec());
            Pair { before: of(old), after: of(new) }
        }
        Self {
            registers: Registers::from_fn(|register| pair(old, new, |stated| stated.allowed.register(register))),
            tcb: pair(old, new, |stated| stated.allowed.tcb()),
            event_payloads: pair(old, new, |stated| stated.event_payloads),
        }
    }
}

impl RoleDiff {
    fn of(before: Option<&PolicyFile>, after: Option<&PolicyFile>, profile: Profile, role: Role) -> Option<Self> {
        let (old, new) = (Stated::find(before, profile, role), Stated::find(after, profile, role));
        let (standing, doubtful) = (Standing::of(old, new), old.is_some_and(|old| old.doubtful));
        let lists = Lists::of(old, new);
        let registers: Vec<_> = Register::ALL
            .into_iter()
            .map(|register| {
                let Pair { before, after } = lists.registers.get(register);
                let change = standing.change(before.as_deref(), after.as_deref(), doubtful);
                RegisterDiff { register, change }
            })
            .filter(|r| !r.change.is_none())
            .collect();
        let tcb = standing.change(lists.tcb.before.as_deref(), lists.tcb.after.as_deref(), doubtful);
        let Pair { before: old_payloads, after: new_payloads } = &lists.event_payloads;
        let mut event_payloads = standing.change(old_payloads.as_deref(), new_payloads.as_deref(), doubtful);
        // A file that is new or gone was not emptied, and nodes have no such list at all.
        if role == Role::Node || standing == Standing::Whole {
            (event_payloads.emptied, event_payloads.filled) = (false, false);
        }
        // The list is optional: a promotion that never had one does not empty it.
        event_payloads.emptied &= !event_payloads.removed.is_empty();
        let admission = standing.admission(old, new);
        let same = registers.is_empty() && tcb.is_none() && event_payloads.is_none() && !admission.changes();
        (!same).then_some(Self { profile, role, standing, registers, tcb, event_payloads, admission, lists })
    }
}

#[cfg(test)]
mod tests;
