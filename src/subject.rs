//! What everything else is about: a repository, a release's tag with its family and class, a profile, a role; and the tag that
//! was meant by one that is wrong.

pub mod cvm;
pub mod e2e_part;
pub mod evidence_name;
pub mod gcp;
pub mod near;
pub mod profile;
pub mod release_name;
pub mod repository;
pub mod role;
pub mod tag;
pub mod trust_root;
pub mod vmm;
