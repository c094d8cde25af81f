//! Integration tests: one binary, a module a topic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod corpus;
mod github_client;
mod policies;
mod renderers;
#[cfg(feature = "sandbox")]
mod sandbox_sigstore;
