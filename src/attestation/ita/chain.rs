//! Who certifies a token's key: from its certificate to the root. Signatures, constraints and revocation are judged by the
//! `webpki` library; what it leaves to its callers is judged here: the root itself, what each key may be used for, and what
//! is not known of revocation.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use der::{Decode as _, Encode as _, Sequence, asn1::UintRef};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter,
    RevocationOptionsBuilder, UnknownStatusPolicy, aws_lc_rs as algorithms,
};
use x509_cert::ext::pkix::{
    BasicConstraints, CrlDistributionPoints, KeyUsage,
    name::{DistributionPointName, GeneralName},
};

use super::{
    Refusal, Revocation,
    jwks::Key,
    revocation::{List, Lists, Read},
};
use crate::{attestation::quote::Certificate, digest::Sha256, schema::excerpt::excerpt};

/// RSA keys, whatever they sign with: PKCS #1.
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
/// Most places that one certificate may name for its revocation list.
const MAX_PLACES: usize = 4;
/// How certificates may be signed.
const ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 11] = [
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P521_SHA512,
];

/// Where a certificate says that the list of its issuer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose certificate says so.
    pub subject: String,
    /// The addresses, in its order, as text that is not looked at. All lead to the same list.
    pub addresses: Vec<String>,
}

/// The certificates of a key, read but not verified.
pub(super) struct Chain {
    leaf: Certificate,
    authorities: Vec<Certificate>,
    /// The root that the key set brings itself.
    root: Option<Certificate>,
}

/// A chain that holds.
pub(super) struct Certified {
    /// SHA-256 of the root's DER, in hex.
    pub(super) root: String,
    pub(super) revocation: Vec<Revocation>,
}

/// A certificate is for whatever its issuer says: nothing documents a purpose for signers of tokens.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        purposes.into_iter().try_for_each(|purpose| purpose.map(|_| ()))
    }
}

/// An RSA public key: RFC 8017, appendix A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

impl Chain {
    /// Reads the certificates of a key: its own first, then those above it.
    pub(super) fn read(key: &Key) -> Result<Self, Refusal> {
        let unfit = |why: String| Refusal::Chain(why);
        let mut certificates = Vec::new();
        for text in &key.x5c {
            let der =
                STANDARD.decode(text).map_err(|_| unfit("one is not base64 (RFC 7517, section 4.7)".to_owned()))?;
            certificates.push(Certificate::from_der(&der).map_err(|e| unfit(e.to_string()))?);
        }
        let mut certificates = certificates.into_iter();
        let leaf = certificates.next().filter(|leaf| !leaf.is_self_issued());
        let leaf =
            leaf.ok_or_else(|| unfit("the first one is not a signer's: it names itself as its issuer".to_owned()))?;
        let (roots, authorities): (Vec<_>, Vec<_>) = certificates.partition(Certificate::is_self_issued);
        let mut roots = roots.into_iter();
        let root = roots.next();
        if roots.next().is_some() {
            return Err(unfit("it has several roots".to_owned()));
        }
        Ok(Self { leaf, authorities, root })
    }

    /// Whether the chain holds at `now`, up to the pinned root, or else to its own.
    pub(super) fn certified(
        &self,
        pinned: Option<&Certificate>,
        lists: &[List],
        now: u64,
    ) -> Result<Certified, Refusal> {
        let root = self.anchor(pinned)?;
        for certificate in self.below_root().chain([root]) {
            let validity = certificate.validity();
            if !validity.contains(now) {
                let subject = excerpt(&certificate.subject());
                return Err(Refusal::CertificateTime { subject, from: validity.from, until: validity.until, now });
            }
        }
        usable(root, Some(self.authorities.len()))?;
        self.authorities.iter().try_for_each(|authority| usable(authority, None))?;
        signs(&self.leaf, KeyUsage::digital_signature)?;
        let lists = Lists::read(lists)?;
        // Each by itself: of several lists of one authority, the library asks the first alone.
        for list in &lists.read {
            self.follow(root, std::slice::from_ref(list), UnknownStatusPolicy::Allow, now)?;
        }
        let complete = self.follow(root, &lists.read, UnknownStatusPolicy::Deny, now)?;
        if !complete {
            self.follow(root, &lists.read, UnknownStatusPolicy::Allow, now)?;
        }
        let revocation = self.below_root().map(|certificate| known(certificate, &lists, complete)).collect();
        Ok(Certified { root: Sha256::of(root.der()).to_string(), revocation })
    }

    /// Whether the key is the one in the first certificate.
    pub(super) fn holds(&self, key: &Key) -> Result<(), Refusal> {
        let parsed = parsed(&self.leaf)?;
        let info = parsed.tbs_certificate.subject_public_key_info;
        let rsa = RsaPublicKey::from_der(info.subject_public_key.raw_bytes()).ok();
        let rsa = rsa.filter(|_| info.algorithm.oid.to_string() == RSA_ENCRYPTION);
        let rsa = rsa.ok_or_else(|| Refusal::Chain("the first one's key is not an RSA key".to_owned()))?;
        let same = rsa.modulus.as_bytes() == key.modulus() && rsa.exponent.as_bytes() == key.exponent();
        if same { Ok(()) } else { Err(Refusal::KeyUnlikeCertificate) }
    }

    /// Where the lists are that name these certificates.
    pub(super) fn places(&self) -> Vec<Place> {
        let place = |certificate: &Certificate| {
            let addresses = addresses(certificate).into_iter().take(MAX_PLACES).collect();
            Place { subject: certificate.subject(), addresses }
        };
        self.below_root().map(place).collect()
    }

    fn below_root(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.leaf).chain(&self.authorities)
    }

    /// The root to follow the chain to.
    fn anchor<'c>(&'c self, pinned: Option<&'c Certificate>) -> Result<&'c Certificate, Refusal> {
        match (pinned, &self.root) {
            (Some(pinned), Some(own)) if own.public_key() != pinned.public_key() => Err(Refusal::OtherRoot {
                found: Sha256::of(own.der()).to_string(),
                pinned: Sha256::of(pinned.der()).to_string(),
            }),
            (Some(pinned), _) => Ok(pinned),
            (None, Some(own)) => Ok(own),
            (None, None) => Err(Refusal::Chain("they end without a root, and none is pinned".to_owned())),
        }
    }

    /// Follows signatures, constraints and lists from the first certificate to the root. `false`: some certificate's
    /// status is not known, where that is not allowed.
    fn follow(
        &self,
        root: &Certificate,
        lists: &[Read<'_>],
        unknown: UnknownStatusPolicy,
        now: u64,
    ) -> Result<bool, Refusal> {
        let not = |error: &Error| Refusal::NotCertified(error.to_string());
        let (root, leaf) = (CertificateDer::from(root.der()), CertificateDer::from(self.leaf.der()));
        let anchors = [webpki::anchor_from_trusted_cert(&root).map_err(|e| not(&e))?];
        let end = EndEntityCert::try_from(&leaf).map_err(|e| not(&e))?;
        let between: Vec<_> = self.authorities.iter().map(|one| CertificateDer::from(one.der())).collect();
        let read: Vec<&CertRevocationList<'_>> = lists.iter().map(|(_, list)| list).collect();
        // Without a list there is nothing to look at, and the library wants one.
        let revocation = RevocationOptionsBuilder::new(&read).ok().map(|options| {
            options.with_status_policy(unknown).with_expiration_policy(ExpirationPolicy::Enforce).build()
        });
        let denied = unknown == UnknownStatusPolicy::Deny;
        if revocation.is_none() && denied {
            return Ok(false);
        }
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
        let path = match end.verify_for_usage(&ALGORITHMS, &anchors, &between, time, AnyPurpose, revocation, None) {
            Ok(path) => path,
            Err(error) if denied && error == Error::UnknownRevocationStatus => return Ok(false),
            Err(error) => return Err(self.refused(&error, lists)),
        };
        if path.intermediate_certificates().count() != self.authorities.len() {
            return Err(Refusal::NotCertified("one of the certificates leads nowhere".to_owned()));
        }
        Ok(true)
    }

    /// What the library's refusal stands for.
    fn refused(&self, error: &Error, lists: &[Read<'_>]) -> Refusal {
        let revoked = |certificate: &&Certificate| {
            let listed = |(_, list): &Read<'_>| {
                issued_by(list, certificate) && matches!(list.find_serial(certificate.serial_bytes()), Ok(Some(_)))
            };
            lists.iter().any(listed)
        };
        if *error == Error::CertRevoked
            && let Some(certificate) = self.below_root().find(revoked)
        {
            return Refusal::Revoked { subject: excerpt(&certificate.subject()), serial: certificate.serial() };
        }
        let is_of_a_list = matches!(
            error,
            Error::InvalidCrlSignatureForPublicKey
                | Error::IssuerNotCrlSigner
                | Error::UnsupportedCrlSignatureAlgorithmContext(_)
                | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_)
                | Error::CrlExpired { .. }
        );
        if is_of_a_list {
            let addresses: Vec<_> = lists.iter().map(|(address, _)| *address).collect();
            return Refusal::RevocationList { address: excerpt(&addresses.join(" or ")), reason: error.to_string() };
        }
        Refusal::NotCertified(error.to_string())
    }
}

/// Whether a certificate may sign certificates, and a root: itself, with so many authorities below it.
fn usable(certificate: &Certificate, below_root: Option<usize>) -> Result<(), Refusal> {
    let subject = || excerpt(&certificate.subject());
    let not = |why: &str| Refusal::NotCertified(format!("{} {why}", subject()));
    signs(certificate, KeyUsage::key_cert_sign)?;
    let parsed = parsed(certificate)?;
    let constraints = parsed.tbs_certificate.get::<BasicConstraints>().map_err(|_| not("has broken constraints"))?;
    let constraints = constraints.map(|(_, constraints)| constraints).filter(|constraints| constraints.ca);
    let constraints = constraints.ok_or_else(|| not("is not a certificate authority"))?;
    let Some(below) = below_root else { return Ok(()) };
    if constraints.path_len_constraint.is_some_and(|most| usize::from(most) < below) {
        return Err(not("does not let so many authorities stand below it"));
    }
    let signed = parsed.tbs_certificate.to_der().map_err(|_| not("cannot be read"))?;
    let der = CertificateDer::from(certificate.der());
    let own = EndEntityCert::try_from(&der).map_err(|e| not(&format!("cannot be read: {e}")))?;
    let signature = parsed.signature.raw_bytes();
    if ALGORITHMS.iter().any(|algorithm| own.verify_signature(*algorithm, &signed, signature).is_ok()) {
        return Ok(());
    }
    Err(not("is not signed by itself, as roots are"))
}

/// Whether a key may be used so: where its certificate says what it is for, that is among it.
fn signs(certificate: &Certificate, may: fn(&KeyUsage) -> bool) -> Result<(), Refusal> {
    let not = |why: &str| Refusal::NotCertified(format!("{} {why}", excerpt(&certificate.subject())));
    match parsed(certificate)?.tbs_certificate.get::<KeyUsage>() {
        Err(_) => Err(not("has a broken key usage")),
        Ok(Some((_, usage))) if !may(&usage) => Err(not("has a key that may not be used so")),
        Ok(_) => Ok(()),
    }
}

/// What is known of a certificate's revocation, after no list revoked it.
fn known(certificate: &Certificate, lists: &Lists<'_>, complete: bool) -> Revocation {
    // A list for some distribution points alone may not be the one that would name this certificate.
    let whole = |list: &CertRevocationList<'_>| list.issuing_distribution_point().is_none();
    let covered = complete || lists.read.iter().any(|(_, list)| whole(list) && issued_by(list, certificate));
    let unknown = (!covered).then(|| {
        let addresses = addresses(certificate);
        let missing = lists.missing.iter().find(|(address, _)| addresses.iter().any(|own| own == address));
        match (missing, addresses.is_empty()) {
            (Some((address, why)), _) => format!("{}: {why}", excerpt(address)),
            (None, true) => "its certificate names no revocation list".to_owned(),
            (None, false) => "its revocation list was not given".to_owned(),
        }
    });
    Revocation { subject: excerpt(&certificate.subject()), unknown }
}

/// Whether a list is by the issuer of a certificate.
fn issued_by(list: &CertRevocationList<'_>, certificate: &Certificate) -> bool {
    let der = CertificateDer::from(certificate.der());
    EndEntityCert::try_from(&der).is_ok_and(|read| read.issuer() == list.issuer())
}

/// The addresses of revocation lists in a certificate.
fn addresses(certificate: &Certificate) -> Vec<String> {
    let Ok(parsed) = parsed(certificate) else { return Vec::new() };
    let Ok(Some((_, points))) = parsed.tbs_certificate.get::<CrlDistributionPoints>() else { return Vec::new() };
    let names = points.0.into_iter().filter_map(|point| match point.distribution_point? {
        DistributionPointName::FullName(names) => Some(names),
        DistributionPointName::NameRelativeToCRLIssuer(_) => None,
    });
    let uri = |name: &GeneralName| {
        if let GeneralName::UniformResourceIdentifier(uri) = name { Some(uri.to_string()) } else { None }
    };
    names.flatten().filter_map(|name| uri(&name)).collect()
}

fn parsed(certificate: &Certificate) -> Result<x509_cert::Certificate, Refusal> {
    x509_cert::Certificate::from_der(certificate.der()).map_err(|e| Refusal::Chain(e.to_string()))
}
