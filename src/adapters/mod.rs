//! Everything that touches the world outside: HTTP, GitHub, Sigstore services.

pub mod github;
pub mod http;
