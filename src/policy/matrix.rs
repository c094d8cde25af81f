//! What profiles accept, side by side, as a table to look at. Nothing is judged here.

use super::document::PolicyFile;
use crate::{
    attestation::measurement::{Allowed, Register},
    report::{RegisterMatrix, RegisterRow},
    subject::role::Role,
};

/// The lists of every profile and role that `policies` state.
pub fn of_policies<'p>(policies: impl Iterator<Item = &'p PolicyFile>) -> Vec<RegisterRow> {
    let mut rows = Vec::new();
    for lists in policies.flat_map(|policy| &policy.profiles) {
        let of = |role: Role| Some(row(format!("{} {}", lists.profile, role.as_str()), role, lists.of(role)?));
        rows.extend([Role::Kms, Role::Node].into_iter().filter_map(of));
    }
    rows
}

/// One row, of machines of `role`.
pub fn row(profile: String, role: Role, allowed: &Allowed) -> RegisterRow {
    let values = |register| allowed.register(register).iter().map(ToString::to_string).collect();
    RegisterRow { profile, role: Some(role.as_str()), values: Register::ALL.map(values).to_vec() }
}

/// A table of these rows.
pub fn matrix(rows: Vec<RegisterRow>) -> RegisterMatrix {
    RegisterMatrix { registers: Register::ALL.map(Register::name).to_vec(), rows }
}
