//! Integration tests: one binary, a module a topic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says on stderr what it skips"
)]

mod corpus;
#[cfg(feature = "sandbox")]
mod github_client;
mod policies;
mod renderers;
#[cfg(feature = "sandbox")]
mod sandbox_sigstore;
