//! The authority that certifies a dstack KMS, from its attested key alone. Its certificate is not needed: what decides is the
//! key, and the name that every dstack KMS gives its authority.

use der::{
    Decode as _,
    asn1::{AnyRef, ObjectIdentifier},
};
use rustls_pki_types::{Der, TrustAnchor};

use crate::{
    adapters::http::Use,
    error::{Error, Result},
};

/// `O=Dstack, CN=Dstack KMS CA` as certificates hold it, without the outer header.
const NAME: &[u8] =
    b"\x31\x0f\x30\x0d\x06\x03\x55\x04\x0a\x0c\x06Dstack\x31\x16\x30\x14\x06\x03\x55\x04\x03\x0c\x0dDstack KMS CA";

/// What a KMS has its own certificate made for. Applications get theirs from authorities of their own below this one, with
/// names of their choice.
pub(super) const SERVING: Use =
    Use { extension: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62397.1.4"), value: "kms:rpc" };

/// The authority that holds a key, a SubjectPublicKeyInfo in DER.
///
/// # Errors
/// Trust: it is not one.
pub fn of(key: &[u8]) -> Result<TrustAnchor<'static>> {
    let refused = |e: der::Error| Error::trust("ca_pubkey is not a public key in DER").because(e);
    let key = AnyRef::from_der(key).map_err(refused)?;
    Ok(TrustAnchor {
        subject: Der::from(NAME.to_vec()),
        subject_public_key_info: Der::from(key.value().to_vec()),
        name_constraints: None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_in_der_is_taken() {
        let key = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200043187cfa13b503fdd61c4fce0c3117cddf081240b7f82708e154cdffd5282cd1ad82791a28f4a66c8da23e25defddffcaddec3624f14b4f1e17d410f4b4778eea").unwrap();
        let anchor = of(&key).unwrap();
        assert_eq!(anchor.subject_public_key_info.as_ref(), key.split_at(2).1);
        for bad in [key.split_at(40).0, &[][..], &[key.as_slice(), &[0]].concat()] {
            assert!(of(bad).is_err());
        }
    }
}
