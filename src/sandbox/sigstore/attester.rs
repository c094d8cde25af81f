//! GitHub's own Sigstore instance in miniature, which attests immutable releases: a certificate authority, one certificate
//! for all of them, and a timestamp authority. It writes to no log, and its certificates hold no SCT, as GitHub's do not.
//!
//! What it signs follows from the seed and the time, as with the other instance.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectAltName};

use super::bundle;
use super::certificate::{
    Authority, EPOCH_START, Template, der, distinguished_name, extension, instance_validity, rfc3339,
    subject_key_identifier,
};
use super::envelope::{Envelope, IN_TOTO};
use super::fulcio::{code_signing, general_name};
use super::key::{Key, Seed};
use super::timestamp::TimestampAuthority;
use super::trust::{authority, with};
use crate::error::Result;

/// Whom the certificate is of.
const IDENTITY: &str = "https://dotcom.releases.github.com";

/// Its address in its root, where it is only a hint: no host has this name.
const NOWHERE: &str = "https://github.sandbox.invalid";

/// The instance.
pub struct Attester {
    key: Key,
    serial: [u8; 16],
    intermediate: Authority,
    root: Certificate,
    tsa: TimestampAuthority,
}

impl Attester {
    /// Derives every key from `seed`.
    ///
    /// # Errors
    /// Internal when something cannot be encoded.
    pub fn new(seed: u64) -> Result<Self> {
        let seed = Seed::new("github", seed);
        let (name, serial) = ("CN=attester-root,O=merotee sandbox", seed.bytes("root serial", 0));
        let root = Authority::root(seed.key("root", 0)?, name, serial, 1)?;
        let (name, serial) = ("CN=attester-intermediate,O=merotee sandbox", seed.bytes("intermediate serial", 0));
        let intermediate = root.subordinate(seed.key("intermediate", 0)?, name, serial, vec![code_signing()?])?;
        Ok(Self {
            key: seed.key("attester", 0)?,
            serial: seed.bytes("attester serial", 0),
            intermediate,
            root: root.certificate().clone(),
            tsa: TimestampAuthority::new(seed)?,
        })
    }

    /// Signs a statement at `time`: a v0.3 bundle with a timestamp and no log entry.
    ///
    /// # Errors
    /// Internal when something cannot be encoded.
    pub fn attest(&mut self, statement: &Value, time: Timestamp) -> Result<Value> {
        self.attest_as(IDENTITY, statement.to_string().as_bytes(), time)
    }

    /// The same as another holder of a certificate, and of any bytes.
    ///
    /// # Errors
    /// As [`Attester::attest`].
    pub fn attest_as(&mut self, identity: &str, payload: &[u8], time: Timestamp) -> Result<Value> {
        let envelope = Envelope::sign(IN_TOTO, payload, &self.key);
        let timestamp = self.tsa.bare_timestamp(envelope.signature(), time.as_second())?;
        Ok(bundle::unlogged(&envelope.json(), &der(&self.certificate(identity)?)?, &[timestamp]))
    }

    /// The certificate, of whom it is to be.
    fn certificate(&self, identity: &str) -> Result<Certificate> {
        self.intermediate.sign(self.intermediate.to_be_signed(Template {
            serial: self.serial,
            subject: distinguished_name("CN=Attester,O=merotee sandbox")?,
            validity: instance_validity()?,
            public_key: self.key.spki().clone(),
            extensions: vec![
                extension(&KeyUsage(KeyUsages::DigitalSignature.into()), true)?,
                code_signing()?,
                extension(&BasicConstraints { ca: false, path_len_constraint: None }, true)?,
                subject_key_identifier(self.key.spki())?,
                extension(&SubjectAltName(vec![general_name(identity)?]), false)?,
            ],
        })?)
    }

    /// Its `trusted_root.json`: certificate and timestamp authorities, and no log.
    ///
    /// # Errors
    /// Internal when something cannot be encoded.
    pub fn trusted_root_json(&self) -> Result<String> {
        let valid_for = json!({ "start": rfc3339(EPOCH_START)? });
        let chain = [self.intermediate.certificate(), &self.root];
        let root = json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "certificateAuthorities": [with(&authority("attester-root", &chain, &valid_for)?, "uri", NOWHERE)],
            "timestampAuthorities": [with(&authority("tsa-root", &self.tsa.chain(), &valid_for)?, "uri", NOWHERE)],
        });
        Ok(root.to_string())
    }
}

impl fmt::Debug for Attester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attester").finish_non_exhaustive()
    }
}
