//! Attestation policies: the documents, and the rules that make a set of them safe.

pub mod profile;
