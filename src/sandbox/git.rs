//! Git's objects in memory: blobs, trees and commits under the ids that any git computes for them, and walks over a
//! history. It knows no refs and speaks no HTTP.

mod id;
mod object;
mod store;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use self::{
    id::Oid,
    object::{Commit, Entry, Mode, Object, Person},
    store::{Files, Objects, path_is_safe},
};
