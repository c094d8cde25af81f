//! The certificate authority: a root, an intermediate, and short-lived certificates that bind a key to a workload's
//! identity. Extensions follow Fulcio's registry:
//! <https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>.
//!
//! It trusts its caller: checking tokens and proofs of possession is the HTTP front's work.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_KP_CODE_SIGNING;
use der::Encode;
use der::asn1::Ia5String;
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::Name;

use super::certificate::{Authority, Template, encoding, extension, raw_extension, subject_key_identifier, validity};
use super::ct::CtLog;
use super::identity::Identity;
use super::key::Seed;
use crate::error::{Error, Result};

/// How long a signing certificate lives, in seconds: Fulcio's ten minutes.
const LIFETIME: i64 = 600;

/// The authority and how many certificates it has issued.
pub(super) struct Fulcio {
    seed: Seed,
    root: Authority,
    intermediate: Authority,
    issued: u64,
    scts: bool,
}

impl Fulcio {
    pub(super) fn new(seed: Seed) -> Result<Self> {
        let root = Authority::root(
            seed.key("fulcio root", 0)?,
            "CN=fulcio-root,O=merotee sandbox",
            seed.bytes("fulcio root serial", 0),
            1,
        )?;
        let intermediate = root.subordinate(
            seed.key("fulcio intermediate", 0)?,
            "CN=fulcio-intermediate,O=merotee sandbox",
            seed.bytes("fulcio intermediate serial", 0),
            vec![code_signing()?],
        )?;
        Ok(Self { seed, root, intermediate, issued: 0, scts: true })
    }

    /// Leaves SCTs out from now on.
    pub(super) fn forget_scts(&mut self) {
        self.scts = false;
    }

    /// Issues a certificate for `key` to `identity`, valid for ten minutes from `time` (Unix seconds), with an SCT of
    /// `ct_log` embedded.
    pub(super) fn issue(
        &mut self,
        key: &SubjectPublicKeyInfoOwned,
        identity: &Identity,
        time: i64,
        ct_log: &CtLog,
    ) -> Result<Certificate> {
        let mut extensions = vec![
            extension(&KeyUsage(KeyUsages::DigitalSignature.into()), true)?,
            code_signing()?,
            subject_key_identifier(key)?,
            // RFC 5280 §4.1.2.6: critical, because the subject is empty.
            extension(&SubjectAltName(vec![general_name(&identity.san)?]), true)?,
        ];
        extensions.extend(identity_extensions(identity)?);
        let mut certificate = self.intermediate.to_be_signed(Template {
            serial: self.seed.bytes("fulcio leaf serial", self.issued),
            subject: Name::default(),
            validity: validity(time, time.saturating_add(LIFETIME))?,
            public_key: key.clone(),
            extensions,
        })?;
        if self.scts {
            let sct = ct_log.embedded_sct(&certificate, self.intermediate.key(), time)?;
            certificate.extensions.get_or_insert_default().push(sct);
        }
        self.issued = self.issued.saturating_add(1);
        self.intermediate.sign(certificate)
    }

    /// The authorities from the issuer of leaves up to the root.
    pub(super) fn chain(&self) -> [&Certificate; 2] {
        [self.intermediate.certificate(), self.root.certificate()]
    }
}

pub(super) fn code_signing() -> Result<Extension> {
    extension(&ExtendedKeyUsage(vec![ID_KP_CODE_SIGNING]), false)
}

pub(super) fn general_name(san: &str) -> Result<GeneralName> {
    let text = Ia5String::new(san)
        .map_err(|e| Error::usage(format!("the identity {san:?} has characters outside ASCII")).because(e))?;
    Ok(if san.contains("://") { GeneralName::UniformResourceIdentifier(text) } else { GeneralName::Rfc822Name(text) })
}

/// One claim of an identity as an extension; claims the identity does not make are left out.
fn identity_extensions(identity: &Identity) -> Result<Vec<Extension>> {
    let mut extensions = Vec::new();
    for (number, value) in identity.deprecated_claims() {
        if !value.is_empty() {
            // Numbers 1 to 6 predate the rule that a value is DER: they hold bare text.
            extensions.push(raw_extension(fulcio_oid(number)?, false, value.as_bytes().to_vec())?);
        }
    }
    for (number, value) in identity.claims() {
        if !value.is_empty() {
            extensions.push(raw_extension(fulcio_oid(number)?, false, value.to_der().map_err(encoding)?)?);
        }
    }
    Ok(extensions)
}

/// The object identifier of Fulcio's `number`-th extension.
fn fulcio_oid(number: u32) -> Result<ObjectIdentifier> {
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1")
        .push_arc(number)
        .map_err(|e| Error::internal("cannot write a Fulcio object identifier").because(e))
}
