//! A world on loopback to run real commands against: GitHub's releases API, its blob storage, a Sigstore instance,
//! a TDX platform with its collateral service, an Intel Trust Authority that appraises its quotes, the dstack guest agents of machines on it, and a
//! dstack host that runs KMSs.
//!
//! It is not a mock of our own code. What it serves is signed by real keys, logged in a real Merkle tree and answered over
//! real HTTP; other people's clients accept it. The production code runs unchanged: only base URLs and the trust root
//! differ, and both are given explicitly.

mod account_id;
mod app_compose;
pub mod artifacts;
mod assembly;
mod attestation;
pub mod boot;
pub mod boundary;
pub mod catalog;
mod certificate;
mod clone;
pub mod docker;
pub mod documents;
pub mod dstack;
pub mod e2e;
pub mod gcp;
mod git;
pub mod github;
mod history;
pub mod ita;
mod key;
pub mod kms;
pub mod node;
mod people;
pub mod phala;
mod plan;
mod policies;
pub mod release;
mod revocation;
pub mod sbom;
pub mod schedule;
pub mod sigstore;
pub mod tamper;
pub mod tdx;
pub mod trouble;
pub mod vmm;
pub mod world;

/// The token that the sandbox's GitHub gets. A real one never leaves the machine, not even to loopback.
pub const TOKEN: &str = "sandbox";
