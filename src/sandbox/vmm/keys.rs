//! The keys of a KMS and the certificates by which it serves. They are a sandbox's: they follow from its seed.

use aws_lc_rs::signature::{ECDSA_P256K1_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use const_oid::ObjectIdentifier;
use der::{Encode as _, asn1::OctetString};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_cert::{
    Certificate,
    certificate::{TbsCertificate, Version},
    ext::{
        Extension,
        pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectAltName, name::GeneralName},
    },
    serial_number::SerialNumber,
};

use crate::{
    dstack::keys::PublicKeys,
    error::{Error, Result},
    sandbox::{
        certificate::{self, distinguished_name, ecdsa_sha256, encoding, extension, raw_extension, signed},
        key::{Key, Seed},
    },
};

/// The name that every dstack KMS gives its authority.
const AUTHORITY: &str = "CN=Dstack KMS CA,O=Dstack";
/// 1975-01-01T00:00:00Z: from when dstack's certificates are valid.
const FROM: i64 = 157_766_400;
/// 2036-01-01T00:00:00Z.
const UNTIL: i64 = 2_082_758_400;
/// What a certificate is for, and by what it is attested.
const USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62397.1.4");
const ATTESTATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62397.1.8");

/// The root keys of a KMS.
pub(super) struct Keys {
    authority: Key,
    /// SEC1, compressed.
    k256: Vec<u8>,
}

/// A certificate and its key, as TLS wants them.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Keys {
    /// The `number`-th.
    pub(super) fn new(seed: Seed, number: u64) -> Result<Self> {
        let odd = |_| Error::internal("the sandbox's key cannot be made");
        let pair = EcdsaKeyPair::generate(&ECDSA_P256K1_SHA256_ASN1_SIGNING).map_err(odd)?;
        let point = pair.public_key().as_ref();
        // 04 ‖ x ‖ y becomes 02 or 03 ‖ x.
        let odd_y = point.last().is_some_and(|last| last % 2 == 1);
        let k256 = std::iter::once(if odd_y { 3 } else { 2 }).chain(point.iter().copied().skip(1).take(32)).collect();
        Ok(Self { authority: seed.key("authority", number)?, k256 })
    }

    /// Their public halves.
    pub(super) fn public(&self) -> PublicKeys {
        PublicKeys { ca: self.authority.spki_der().to_vec(), k256: self.k256.clone() }
    }

    /// The authority's own certificate, PEM.
    pub(super) fn ca_cert(&self) -> Result<String> {
        let name = distinguished_name(AUTHORITY)?;
        let extensions = vec![
            extension(&KeyUsage(KeyUsages::DigitalSignature | KeyUsages::KeyCertSign | KeyUsages::CRLSign), true)?,
            certificate::subject_key_identifier(self.authority.spki())?,
            extension(&BasicConstraints { ca: true, path_len_constraint: Some(1) }, true)?,
        ];
        certificate::pem(&self.certify(name, &self.authority, extensions)?)
    }

    /// What a KMS serves under `domain`, certified by this authority.
    pub(super) fn serving(&self, seed: Seed, number: u64, domain: &str, attestation: &[u8]) -> Result<Identity> {
        let key = seed.key("server", number)?;
        let host = GeneralName::DnsName(der::asn1::Ia5String::new(domain).map_err(encoding)?);
        let octets = |bytes: &[u8]| OctetString::new(bytes).and_then(|octets| octets.to_der()).map_err(encoding);
        let extensions = vec![
            extension(&SubjectAltName(vec![host]), false)?,
            extension(&KeyUsage(KeyUsages::DigitalSignature.into()), true)?,
            raw_extension(USAGE, false, octets(b"kms:rpc")?)?,
            raw_extension(ATTESTATION, false, octets(attestation)?)?,
        ];
        let leaf = self.certify(distinguished_name(&format!("CN={domain}"))?, &key, extensions)?;
        Identity::new(&[leaf], &key)
    }

    /// What an application has that asked for a certificate of `domain`: it chooses the name, and its own authority below
    /// this one signs.
    pub(super) fn application(&self, seed: Seed, number: u64, domain: &str) -> Result<Identity> {
        let (own, key) = (seed.key("application", number)?, seed.key("server", number)?);
        let name = distinguished_name("CN=Dstack App CA,O=Dstack")?;
        let signs = vec![
            extension(&KeyUsage(KeyUsages::KeyCertSign.into()), true)?,
            extension(&BasicConstraints { ca: true, path_len_constraint: Some(0) }, true)?,
        ];
        let authority = self.certify(name.clone(), &own, signs)?;
        let host = GeneralName::DnsName(der::asn1::Ia5String::new(domain).map_err(encoding)?);
        let names = vec![extension(&SubjectAltName(vec![host]), false)?];
        let subject = distinguished_name(&format!("CN={domain}"))?;
        let leaf = certified(Issuer { name, key: &own }, subject, &key, names)?;
        Identity::new(&[leaf, authority], &key)
    }

    fn certify(&self, subject: x509_cert::name::Name, of: &Key, extensions: Vec<Extension>) -> Result<Certificate> {
        certified(Issuer { name: distinguished_name(AUTHORITY)?, key: &self.authority }, subject, of, extensions)
    }
}

/// Who signs a certificate.
struct Issuer<'a> {
    name: x509_cert::name::Name,
    key: &'a Key,
}

impl Identity {
    fn new(chain: &[Certificate], key: &Key) -> Result<Self> {
        let chain = chain.iter().map(|one| certificate::der(one).map(CertificateDer::from));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8_der()?));
        Ok(Self { chain: chain.collect::<Result<_>>()?, key })
    }
}

fn certified(
    issuer: Issuer<'_>,
    subject: x509_cert::name::Name,
    of: &Key,
    extensions: Vec<Extension>,
) -> Result<Certificate> {
    signed(
        issuer.key,
        TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&[0x42; 16]).map_err(encoding)?,
            signature: ecdsa_sha256(),
            issuer: issuer.name,
            validity: certificate::validity(FROM, UNTIL)?,
            subject,
            subject_public_key_info: of.spki().clone(),
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(extensions),
        },
    )
}
