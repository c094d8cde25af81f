//! How many machines a policy admits, and how many it admits newly.
//!
//! A machine is a combination of five register values. A policy admits the product of its five lists; what two policies
//! both admit is the product of what their lists share, register by register, so counting needs no enumeration. An
//! empty list constrains nothing: there is then no number.

use std::{collections::BTreeSet, fmt};

use crate::attestation::measurement::{Allowed, Measurement, Register, Registers};

/// The values one register may have.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    /// Whatever it has.
    Any,
    /// One of these.
    Listed(BTreeSet<Measurement>),
}

/// What a policy admits: one choice a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product(Registers<Option<Values>>);

/// How many combinations of register values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// This many.
    Exactly(u128),
    /// A register is not constrained at all.
    Unbounded,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(1) => f.write_str("1 combination"),
            Self::Exactly(count) => write!(f, "{count} combinations"),
            Self::Unbounded => f.write_str("any number of combinations"),
        }
    }
}

/// What a change of lists means for the machines admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Admitted by the older lists.
    pub before: Count,
    /// Admitted by the newer lists.
    pub after: Count,
    /// Admitted by the newer lists only.
    pub newly: Count,
    /// Admitted by the older lists only.
    pub no_longer: Count,
    /// How many values each register of the newer lists has; `None` where any value goes.
    pub choices: Registers<Option<usize>>,
}

impl Product {
    /// No machine at all: there is no policy.
    pub fn nothing() -> Self {
        Self(Registers::from_fn(|_| None))
    }

    /// Any machine: the policy says that it is not ready.
    pub fn anything() -> Self {
        Self(Registers::from_fn(|_| Some(Values::Any)))
    }

    /// The product of five lists.
    pub fn of(allowed: &Allowed) -> Self {
        Self(Registers::from_fn(|register| match allowed.register(register) {
            [] => Some(Values::Any),
            values => Some(Values::Listed(values.iter().copied().collect())),
        }))
    }

    /// The product of five lists, of which one that is empty and filled in `later` admits nothing: it may be empty only
    /// because it cannot be read.
    pub fn doubted(allowed: &Allowed, later: &Allowed) -> Self {
        Self(Registers::from_fn(|register| match (allowed.register(register), later.register(register)) {
            ([], []) => Some(Values::Any),
            ([], _) => None,
            (values, _) => Some(Values::Listed(values.iter().copied().collect())),
        }))
    }

    fn count(&self) -> Count {
        let mut product = 1_u128;
        let mut unbounded = false;
        for register in Register::ALL {
            match self.0.get(register) {
                None => return Count::Exactly(0),
                Some(Values::Any) => unbounded = true,
                Some(Values::Listed(values)) => product = product.saturating_mul(values.len() as u128),
            }
        }
        if unbounded { Count::Unbounded } else { Count::Exactly(product) }
    }

    /// What both admit.
    fn common(&self, other: &Self) -> Self {
        Self(Registers::from_fn(|register| match (self.0.get(register), other.0.get(register)) {
            (None, _) | (_, None) => None,
            (Some(Values::Any), Some(values)) | (Some(values), Some(Values::Any)) => Some(values.clone()),
            (Some(Values::Listed(a)), Some(Values::Listed(b))) => {
                Some(a & b).filter(|s| !s.is_empty()).map(Values::Listed)
            }
        }))
    }

    /// How many combinations `self` admits and `other` does not.
    fn beyond(&self, other: &Self) -> Count {
        let common = self.common(other);
        match (self.count(), common.count()) {
            (Count::Exactly(all), Count::Exactly(shared)) => Count::Exactly(all.saturating_sub(shared)),
            (Count::Exactly(all), Count::Unbounded) => Count::Exactly(all),
            (Count::Unbounded, _) if common == *self => Count::Exactly(0),
            (Count::Unbounded, _) => Count::Unbounded,
        }
    }
}

impl Admission {
    /// Compares what is admitted before and after.
    pub fn of(before: &Product, after: &Product) -> Self {
        Self {
            before: before.count(),
            after: after.count(),
            newly: after.beyond(before),
            no_longer: before.beyond(after),
            choices: Registers::from_fn(|register| match after.0.get(register) {
                None => Some(0),
                Some(Values::Any) => None,
                Some(Values::Listed(values)) => Some(values.len()),
            }),
        }
    }

    /// Whether the set of admitted machines is another.
    pub fn changes(&self) -> bool {
        self.newly != Count::Exactly(0) || self.no_longer != Count::Exactly(0)
    }

    /// How many combinations one value of `register` takes part in: the product of the other lists.
    pub fn with_one_of(&self, register: Register) -> Count {
        let mut product = 1_u128;
        for other in Register::ALL.into_iter().filter(|r| *r != register) {
            match self.choices.get(other) {
                None => return Count::Unbounded,
                Some(count) => product = product.saturating_mul(*count as u128),
            }
        }
        Count::Exactly(product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::fixtures::allowed;

    fn admission(before: [&[u8]; 5], after: [&[u8]; 5]) -> Admission {
        Admission::of(&Product::of(&allowed(before)), &Product::of(&allowed(after)))
    }

    #[test]
    fn a_value_in_one_register_admits_every_combination_with_the_others() {
        let change = admission([&[1], &[1, 2], &[1], &[1, 2, 3], &[1]], [&[1, 9], &[1, 2], &[1], &[1, 2, 3], &[1]]);
        assert_eq!(change.before, Count::Exactly(6));
        assert_eq!(
            (change.after, change.newly, change.no_longer),
            (Count::Exactly(12), Count::Exactly(6), Count::Exactly(0))
        );
        assert_eq!(change.with_one_of(Register::Mrtd), Count::Exactly(6));
    }

    #[test]
    fn two_values_in_two_registers_admit_their_crossings_too() {
        let change = admission([&[1], &[1], &[1], &[1], &[1]], [&[1, 2], &[1, 2], &[1], &[1], &[1]]);
        assert_eq!((change.newly, change.no_longer), (Count::Exactly(3), Count::Exactly(0)));
    }

    #[test]
    fn a_replaced_value_admits_as_many_as_it_removes() {
        let change = admission([&[1], &[1], &[1], &[1], &[1]], [&[2], &[1], &[1], &[1], &[1]]);
        assert_eq!((change.newly, change.no_longer), (Count::Exactly(1), Count::Exactly(1)));
    }

    #[test]
    fn an_emptied_list_admits_without_bound_and_a_filled_one_no_longer_does() {
        let (full, hole): ([&[u8]; 5], [&[u8]; 5]) = ([&[1]; 5], [&[1], &[], &[1], &[1], &[1]]);
        let emptied = admission(full, hole);
        assert_eq!((emptied.newly, emptied.no_longer), (Count::Unbounded, Count::Exactly(0)));
        let filled = admission(hole, full);
        assert_eq!((filled.newly, filled.no_longer), (Count::Exactly(0), Count::Unbounded));
        assert!(!admission(hole, hole).changes());
    }

    #[test]
    fn no_policy_admits_nothing_and_an_unready_one_everything() {
        let one = Product::of(&allowed([&[1]; 5]));
        let new = Admission::of(&Product::nothing(), &one);
        assert_eq!((new.before, new.newly), (Count::Exactly(0), Count::Exactly(1)));
        let unready = Admission::of(&one, &Product::anything());
        assert_eq!((unready.newly, unready.no_longer), (Count::Unbounded, Count::Exactly(0)));
        assert!(!Admission::of(&Product::anything(), &Product::anything()).changes());
        assert!(!Admission::of(&Product::nothing(), &Product::nothing()).changes());
    }
}
