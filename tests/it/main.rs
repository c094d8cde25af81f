//! Integration tests: one binary, a module a topic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says on stderr what it skips"
)]

#[cfg(feature = "sandbox")]
mod actions;
#[cfg(feature = "sandbox")]
mod advice;
#[cfg(feature = "sandbox")]
mod audit;
#[cfg(feature = "sandbox")]
mod bad_input;
#[cfg(feature = "sandbox")]
mod binary;
#[cfg(feature = "sandbox")]
mod bundles;
#[cfg(feature = "sandbox")]
mod catalog;
#[cfg(feature = "sandbox")]
mod catalog_pr;
#[cfg(feature = "sandbox")]
mod checksums;
#[cfg(feature = "sandbox")]
mod checksums_coreutils;
mod compose_hash;
mod compose_hash_oracles;
mod corpus;
#[cfg(feature = "sandbox")]
mod dependency_guard;
#[cfg(feature = "sandbox")]
mod determinism;
#[cfg(feature = "sandbox")]
mod doc_guard;
mod docs;
#[cfg(feature = "sandbox")]
mod doctor;
#[cfg(all(feature = "sandbox", unix))]
mod dstack;
#[cfg(all(feature = "sandbox", unix))]
mod dstack_host;
#[cfg(feature = "sandbox")]
mod dstack_kms;
#[cfg(all(feature = "sandbox", unix))]
mod e2e;
mod english;
mod event_log;
#[cfg(feature = "sandbox")]
mod explain;
mod forbid_allowed_env;
#[cfg(feature = "sandbox")]
mod gcp;
#[cfg(feature = "sandbox")]
mod gen_policy;
#[cfg(all(feature = "sandbox", unix))]
mod github_action;
#[cfg(feature = "sandbox")]
mod github_client;
#[cfg(feature = "sandbox")]
mod guarded;
#[cfg(feature = "sandbox")]
mod help;
mod hotfix;
#[cfg(feature = "sandbox")]
mod html;
mod http_requests;
#[cfg(feature = "sandbox")]
mod interop_emulate;
#[cfg(feature = "sandbox")]
mod interop_gh;
#[cfg(feature = "sandbox")]
mod interop_sigstore_python;
#[cfg(all(feature = "sandbox", unix))]
mod interrupted;
#[cfg(feature = "sandbox")]
mod ita;
#[cfg(all(feature = "sandbox", unix))]
mod kms;
#[cfg(feature = "sandbox")]
mod kms_start;
mod layers;
#[cfg(feature = "sandbox")]
mod merod_config;
mod merotee_config;
#[cfg(feature = "sandbox")]
mod mrtds;
#[cfg(feature = "sandbox")]
mod outside;
#[cfg(all(feature = "sandbox", unix))]
mod phala;
mod policies;
#[cfg(feature = "sandbox")]
mod policy_folders;
#[cfg(feature = "sandbox")]
mod policy_git;
#[cfg(feature = "sandbox")]
mod policy_review;
#[cfg(feature = "sandbox")]
mod policy_walk;
#[cfg(all(feature = "sandbox", unix))]
mod probe;
#[cfg(feature = "sandbox")]
mod promote;
mod publish;
#[cfg(all(feature = "sandbox", unix))]
mod publishing_walk;
#[cfg(feature = "sandbox")]
mod pulls;
mod quote;
#[cfg(feature = "sandbox")]
mod redis;
#[cfg(all(feature = "sandbox", unix))]
mod rehearsal;
#[cfg(feature = "sandbox")]
mod release_attestation;
mod release_notes;
mod renderers;
#[cfg(feature = "sandbox")]
mod review;
#[cfg(feature = "sandbox")]
mod rollout_state;
#[cfg(feature = "sandbox")]
mod sandbox_github;
#[cfg(feature = "sandbox")]
mod sandbox_sigstore;
#[cfg(feature = "sandbox")]
mod sandbox_tdx;
#[cfg(feature = "sandbox")]
mod sandbox_world;
#[cfg(feature = "sandbox")]
mod sign;
#[cfg(feature = "sandbox")]
mod spdx_tools;
#[cfg(feature = "sandbox")]
mod standard_input;
#[cfg(feature = "sandbox")]
mod tampering;
#[cfg(all(feature = "sandbox", unix))]
mod targets;
#[cfg(feature = "sandbox")]
mod verify_blob;
#[cfg(feature = "sandbox")]
mod verify_release;
#[cfg(feature = "sandbox")]
mod version_sync;
#[cfg(feature = "sandbox")]
mod wrong_tags;
