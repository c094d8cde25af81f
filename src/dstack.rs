//! dstack's KMS, as values: what its machines attest, what is deployed, who may boot. Everything here judges or renders; it
//! sends no request. The clients of the VMM, of onboarding and of the guest agent are adapters.

pub mod allow_list;
pub mod app_compose;
pub mod attestation;
pub mod attestation_info;
pub mod bootstrap_info;
pub mod keys;
pub mod kms_deploy;
pub mod measured;
pub mod meta;
pub mod os_image;
pub mod progress;
