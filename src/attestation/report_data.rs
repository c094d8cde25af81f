//! What a KMS or a node binds to its quote: 64 bytes, a nonce and then a binding, of 32 bytes each.

use crate::digest::Sha256;

/// What a KMS binds to a quote when its caller gives no binding: this text's SHA-256.
pub const DEFAULT_BINDING_DOMAIN: &[u8] = b"mero-kms-phala-attest-v1";

/// The binding of a KMS that was given none.
pub fn default_binding() -> Sha256 {
    Sha256::of(DEFAULT_BINDING_DOMAIN)
}

/// The 64 bytes.
pub fn report_data(nonce: &[u8; 32], binding: &[u8; 32]) -> [u8; 64] {
    let mut data = [0; 64];
    data.iter_mut().zip(nonce.iter().chain(binding)).for_each(|(to, from)| *to = *from);
    data
}
