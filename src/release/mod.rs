//! Releases: what they are called, what they must hold, and whether one does.

pub mod repository;
pub mod tag;
