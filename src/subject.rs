//! What everything else is about: a repository, a release's tag with its family and class, a profile, a role.

pub mod evidence_name;
pub mod profile;
pub mod repository;
pub mod role;
pub mod tag;
