//! Everything that touches the world outside: files, HTTP, GitHub, Sigstore.

pub mod download;
pub mod evidence;
pub mod fetched;
pub mod file;
pub mod folder;
pub mod github;
pub mod github_release;
pub mod http;
pub mod sigstore;
