//! Attestation policies: the documents, and the rules that make a set of them safe.
//!
//! [`document`] reads what a file says, [`checks`] judges one file, [`isolation`] and [`roles`] judge files against each
//! other, and [`agreement`] compares them with published measurements. All are functions of values; nothing here reads a file,
//! asks the network or knows the command line.

pub mod acceptance;
pub mod agreement;
pub mod candidates;
pub mod checks;
pub mod collection;
pub mod deployment;
pub mod diff;
pub mod document;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod generate;
pub mod isolation;
pub mod matrix;
pub mod mrtds;
pub mod promotion;
pub mod reading;
pub mod review;
pub mod roles;
pub mod suite;
