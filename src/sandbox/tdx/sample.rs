//! A quote to try things on: one of the sample KMS, which the policy of its sample release accepts.

use super::{Platform, QuoteRequest};
use crate::{
    attestation::measurement::{Measurement, Registers},
    digest::Sha256,
    error::{Error, Result},
    policy::profile::Profile,
    release::tag::Tag,
    sandbox::documents,
};

/// What the KMS binds to a quote when its caller gives no binding: this text's SHA-256.
const DEFAULT_BINDING: &[u8] = b"mero-kms-phala-attest-v1";

/// The registers of a machine of a sample release, as its `published-mrtds.json` states them.
///
/// # Errors
/// Internal, when the sample documents are broken.
pub fn release_registers(tag: &Tag, profile: Profile) -> Result<Registers<Measurement>> {
    let document = documents::published_mrtds(tag);
    let mut broken = None;
    let registers = Registers::from_fn(|register| {
        let text = document
            .pointer(&format!("/profiles/{profile}/{}", register.as_str()))
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        text.parse().unwrap_or_else(|e| {
            broken = Some(e);
            Measurement::from_bytes([0; 48])
        })
    });
    match broken {
        None => Ok(registers),
        Some(e) => Err(Error::internal("a sample measurement does not parse").because(e)),
    }
}

/// What a KMS answers to `/attest`: a quote over `nonce` and the default binding, by the machine of `release`'s
/// locked-read-only profile.
///
/// # Errors
/// As [`release_registers`].
pub fn kms_quote(platform: &Platform, release: &Tag, nonce: &[u8; 32]) -> Result<Vec<u8>> {
    let registers = release_registers(release, Profile::LockedReadOnly)?;
    let mut report_data = [0; 64];
    let binding = Sha256::of(DEFAULT_BINDING);
    report_data.iter_mut().zip(nonce.iter().chain(binding.as_bytes()).copied()).for_each(|(to, from)| *to = from);
    Ok(platform.quote(&QuoteRequest::new(registers, report_data)))
}
