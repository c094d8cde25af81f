//! Releases: what they are called, what they must hold, and whether one does.

pub mod asset_name;
pub mod attestation;
pub mod audit;
pub mod checks;
pub mod checksums;
pub mod contract;
pub mod counterpart;
pub mod documents;
pub mod envelope;
pub mod exhibits;
pub mod lineage;
pub mod notes;
pub mod probe_signer;
pub mod publish;
pub mod sbom;
pub mod selection;
pub mod signer;
pub mod signer_rule;
pub mod snapshot;
pub mod statement;
pub mod vouched;
