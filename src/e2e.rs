//! End to end: whether KMS and node image work together where they should, and nowhere else. What was read of releases and
//! what running services and nodes answered goes in as values; findings and the matrix come out.
//!
//! - [`release`]: what releases state, and whether that is trusted.
//! - [`scheme`]: which pairs, which pair runs, and whose policy is the stale one.
//! - [`service`]: a KMS as its policy makes it, judged in process by what the service itself judges by.
//! - [`trial`]: one node before one KMS, and what that amounts to.
//! - [`guardrails`]: A, B and C, which are all made of trials.
//! - [`measurements`]: D, what was observed against what was published.
//! - [`suite`]: a node from its boot to its key, and the probes of its own verifier.

pub mod guardrails;
pub mod measurements;
pub mod release;
pub mod scheme;
pub mod service;
pub mod suite;
pub mod trial;
