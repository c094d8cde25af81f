//! The compatibility catalog: which KMS and node image versions were tested together.
//!
//! [`document`] reads it, [`pair`] judges whether a release or a pair is listed, [`evidence`] judges the report that a pair
//! is added on, [`edit`] changes the text and nothing else in it, [`rebuild`] finds the pairs again from releases. Says
//! nothing about whether the listed releases exist.

pub mod document;
pub mod edit;
pub mod evidence;
pub mod pair;
pub mod proposal;
pub mod rebuild;
pub mod show;

pub use self::{
    document::{Catalog, CatalogForm, Entry},
    pair::{CATALOG, listed},
};

#[cfg(test)]
mod tests;
