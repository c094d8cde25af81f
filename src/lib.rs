//! Says whether a release of a TEE key-management service is genuine, complete and safe to deploy.
//!
//! # Map
//! Data flows one way: `cli` (arguments) → `commands` (one file each) → `adapters` fetch a snapshot → the domain
//! (`release`, `policy`, `attestation`, `catalog`) judges it, purely → [`report`] → a renderer → [`exit`].
//! `sandbox` stands up a loopback world with the domain's types and knows nothing of the commands.

pub mod adapters;
pub mod attestation;
pub mod catalog;
pub mod digest;
pub mod error;
pub mod exit;
pub mod policy;
pub mod release;
pub mod report;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod schema;
