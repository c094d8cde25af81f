//! What stops a bad release before it is built: the rules of the guards and their configuration, as functions of values.
//!
//! Git, GitHub and the environment are asked elsewhere.

pub mod allowed_env;
pub mod config;
pub mod dependency;
pub mod docs;
pub mod trigger;
pub mod version_sync;
