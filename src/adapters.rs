//! Everything that touches the world outside: files, HTTP, GitHub, Sigstore, Intel's PCS, the dstack guest agent.

pub mod download;
pub mod dstack;
pub mod evidence;
pub mod fetched;
pub mod file;
pub mod file_set;
pub mod folder;
pub mod git;
pub mod git_remote;
pub mod github;
pub mod github_release;
pub mod http;
pub mod keep;
pub mod lone_document;
pub mod node_config;
pub mod pccs;
pub mod phala;
pub mod policies;
pub mod publish_folder;
pub mod reach;
pub mod release_source;
pub mod sigstore;
pub mod tdx_root;
pub mod tools;
pub mod verified_cache;
pub mod walk;
