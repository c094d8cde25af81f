//! What a signing certificate says of its holder: Fulcio's extensions, both generations of them.
//!
//! Fulcio wrote GitHub's claims as bare text into extensions 2 to 6, and since 2023 every provider's as DER into those
//! from 8 on, and the older ones beside them (<https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>). What
//! stands in both must agree: a reader of only one must not learn something else. A claim that cannot be read is an
//! error and never an absent one.

use std::collections::BTreeMap;

use der::{Decode as _, asn1::Utf8StringRef};
use jiff::Timestamp;
use sigstore_types::DerCertificate;
use x509_cert::{
    Certificate,
    ext::pkix::{BasicConstraints, SubjectAltName},
    time::Time,
};

use super::Rejected;
use crate::release::signer::{Signer, WorkflowIdentity};

/// The arc of Fulcio's extensions.
const FULCIO_ARC: &str = "1.3.6.1.4.1.57264.1.";
/// The organisation in the names of the authorities of GitHub's own Sigstore instance.
const GITHUB: &str = "O=GitHub\\, Inc.";
/// Server of a repository that the older extensions name without one, where the identity names none either.
const DEFAULT_SERVER: &str = "https://github.com";

/// The last extension that holds bare text.
const LAST_BARE: u32 = 6;
/// The OIDC issuer.
const ISSUER: (u32, u32) = (1, 8);
/// Pairs of an older extension and the one that says the same since, with what they say.
const PAIRS: [(u32, u32, &str); 4] =
    [(ISSUER.0, ISSUER.1, "OIDC issuer"), (2, 20, "trigger"), (3, 13, "commit"), (6, 14, "ref")];
/// The repository: `OWNER/NAME` in the older extension, a URL in the newer.
const REPOSITORY: (u32, u32) = (5, 12);
/// The commit and the ref that the workflow ran for.
const COMMIT: (u32, u32) = (3, 13);
const REF: (u32, u32) = (6, 14);

/// The holder, as a verified certificate names it. `san` and `issuer` are what the library read: this must see the
/// same.
///
/// # Errors
/// [`Rejected`] when a claim cannot be read, appears twice, or contradicts another.
pub(super) fn signer(certificate: &DerCertificate, san: &str, issuer: &str) -> Result<Signer, Rejected> {
    let certificate = parsed(certificate)?;
    one_name(&certificate)?;
    let claims = Claims::read(&certificate)?;
    if claims.either(ISSUER).is_none_or(|stated| stated != issuer) {
        return Err(Rejected::new("the certificate's OIDC issuer reads in two ways"));
    }
    Ok(Signer {
        san: san.to_owned(),
        issuer: issuer.to_owned(),
        source_repository: claims.repository(san)?,
        source_ref: claims.either(REF).map(str::to_owned),
        source_commit: claims.either(COMMIT).map(str::to_owned),
        signed_at: None,
        log_index: None,
        log: None,
        valid: validity(&certificate),
        bare: claims.0.keys().all(|number| [ISSUER.0, ISSUER.1].contains(number)),
    })
}

/// From when until when the certificate is valid; none where a time is not of this calendar.
fn validity(certificate: &Certificate) -> Option<(Timestamp, Timestamp)> {
    let validity = &certificate.tbs_certificate.validity;
    let time = |time: Time| Timestamp::from_second(i64::try_from(time.to_unix_duration().as_secs()).ok()?).ok();
    time(validity.not_before).zip(time(validity.not_after))
}

/// Whether an authority of GitHub's own Sigstore instance issued the certificate. Not verified: good for words only.
pub(super) fn is_githubs_own(certificate: &DerCertificate) -> bool {
    parsed(certificate).is_ok_and(|c| {
        let issuer = c.tbs_certificate.issuer.to_string();
        issuer.contains(GITHUB) || issuer.contains("O=GitHub, Inc.")
    })
}

/// Refuses a certificate that does not name exactly one identity.
///
/// # Errors
/// [`Rejected`] when it names none or several, or cannot be read.
pub(super) fn refuse_several_names(certificate: &DerCertificate) -> Result<(), Rejected> {
    one_name(&parsed(certificate)?)
}

/// Whether the certificate may sign others.
pub(super) fn is_authority(certificate: &DerCertificate) -> Result<bool, Rejected> {
    let constraints: Option<(bool, BasicConstraints)> =
        parsed(certificate)?.tbs_certificate.get().map_err(malformed)?;
    Ok(constraints.is_some_and(|(_, constraints)| constraints.ca))
}

fn parsed(certificate: &DerCertificate) -> Result<Certificate, Rejected> {
    Certificate::from_der(certificate.as_bytes()).map_err(malformed)
}

fn malformed(error: der::Error) -> Rejected {
    Rejected::new(format!("malformed certificate: {error}"))
}

/// Readers differ in which of several names they take.
fn one_name(certificate: &Certificate) -> Result<(), Rejected> {
    let names: Option<(bool, SubjectAltName)> = certificate.tbs_certificate.get().map_err(malformed)?;
    match names.map_or(0, |(_, names)| names.0.len()) {
        1 => Ok(()),
        0 => Err(Rejected::new("the certificate names no identity")),
        several => Err(Rejected::new(format!("the certificate names {several} identities; expected one"))),
    }
}

/// Fulcio's extensions by number.
struct Claims(BTreeMap<u32, String>);

impl Claims {
    fn read(certificate: &Certificate) -> Result<Self, Rejected> {
        let mut claims = BTreeMap::new();
        for extension in certificate.tbs_certificate.extensions.as_deref().unwrap_or_default() {
            let oid = extension.extn_id.to_string();
            // A number with a dot in it is of a deeper arc, which is none of these.
            let Some(number) = oid.strip_prefix(FULCIO_ARC).and_then(|number| number.parse().ok()) else { continue };
            let unreadable = || Rejected::new(format!("extension {oid} of the certificate is not readable text"));
            let value = extension.extn_value.as_bytes();
            let text = match number {
                1..=LAST_BARE => str::from_utf8(value).map_err(|_| unreadable())?,
                8..=24 => Utf8StringRef::from_der(value).map_err(|_| unreadable())?.as_str(),
                _ => continue,
            };
            if claims.insert(number, text.to_owned()).is_some() {
                return Err(Rejected::new(format!("extension {oid} appears twice in the certificate")));
            }
        }
        let claims = Self(claims);
        for (older, newer, what) in PAIRS {
            if let (Some(old), Some(new)) = (claims.get(older), claims.get(newer))
                && old != new
            {
                return Err(contradiction(what, old, new));
            }
        }
        Ok(claims)
    }

    fn get(&self, number: u32) -> Option<&str> {
        self.0.get(&number).map(String::as_str)
    }

    /// The newer extension, or the older one where that is all there is.
    fn either(&self, (older, newer): (u32, u32)) -> Option<&str> {
        self.get(newer).or_else(|| self.get(older))
    }

    /// The repository as a URL. The older extension names no server: that is the identity's.
    fn repository(&self, san: &str) -> Result<Option<String>, Rejected> {
        match (self.get(REPOSITORY.0), self.get(REPOSITORY.1)) {
            (None, new) => Ok(new.map(str::to_owned)),
            (Some(old), Some(new)) => {
                let path = new.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
                if path == Some(old) { Ok(Some(new.to_owned())) } else { Err(contradiction("repository", old, new)) }
            }
            (Some(old), None) => {
                let server = WorkflowIdentity::parse(san).map_or(DEFAULT_SERVER, |identity| identity.server);
                Ok(Some(format!("{server}/{old}")))
            }
        }
    }
}

fn contradiction(what: &str, old: &str, new: &str) -> Rejected {
    let (old, new) = (crate::schema::excerpt::excerpt(old), crate::schema::excerpt::excerpt(new));
    Rejected::new(format!(
        "the certificate contradicts itself: its {what} is {old} in an older extension and {new} in a newer"
    ))
}

#[cfg(test)]
mod tests;
