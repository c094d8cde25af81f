//! The platform's certificates: root → platform CA → PCK certificate, and root → TCB signer; and what the root and the
//! platform CA have revoked.
//!
//! Common names are Intel's, because verifiers tell the platform CA from the processor CA by name; the organisation says
//! whose they are.

use der::Encode;
use der::asn1::{BitString, Ia5String, Uint};
use x509_cert::Certificate;
use x509_cert::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{BasicConstraints, CrlDistributionPoints, CrlNumber, CrlReason, KeyUsage, KeyUsages};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Validity;

use super::Window;
use super::extension::sgx_extension;
use super::fault::Fault;
use super::machine::Machine;
use crate::error::Result;
use crate::sandbox::certificate::{
    self, Authority, Template, authority_key_identifier, distinguished_name, ecdsa_sha256, encoding, extension,
    instance_validity, subject_key_identifier,
};
use crate::sandbox::key::{Key, Seed};

/// Verifiers tell the two lists apart by what their addresses contain, so the certificates name Intel's; but on a host of
/// a domain that never resolves (RFC 2606), so that no request leaves the sandbox for Intel.
const ROOT_LIST: &str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";
const PCK_LIST: &str = "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=platform&encoding=der";

/// Keys that sign something other than certificates, and everything that vouches for them.
pub(super) struct Pki {
    /// DER of the root to trust.
    pub(super) root_der: Vec<u8>,
    /// Signs QE reports.
    pub(super) pck: Key,
    /// Signs TCB info and QE identity.
    pub(super) tcb_signer: Key,
    /// PEM: PCK certificate, platform CA, root.
    pub(super) pck_chain: String,
    /// PEM: platform CA, root.
    pub(super) platform_ca_chain: String,
    /// PEM: TCB signer, root.
    pub(super) tcb_signer_chain: String,
    /// DER.
    pub(super) root_crl: Vec<u8>,
    /// DER.
    pub(super) pck_crl: Vec<u8>,
}

impl Pki {
    /// Issues everything. Lists are valid in `window`, or before it where a fault says so.
    pub(super) fn new(seed: Seed, machine: &Machine, window: Window, faults: &[Fault]) -> Result<Self> {
        let has = |fault| faults.contains(&fault);
        let list_window = |fault| if has(fault) { window.passed() } else { window };
        let trusted = root(seed, 0)?;
        let issuer = root(seed, u64::from(has(Fault::WrongRoot)))?;
        let platform_ca = issuer.subordinate(
            seed.key("platform ca", 0)?,
            "CN=Intel SGX PCK Platform CA,O=merotee sandbox",
            seed.bytes("platform ca serial", 0),
            vec![listed_in(ROOT_LIST)?],
        )?;
        let pck = seed.key("pck", 0)?;
        let pck_certificate = issue(
            &platform_ca,
            &pck,
            Leaf {
                name: "CN=Intel SGX PCK Certificate,O=merotee sandbox",
                serial: seed.bytes("pck serial", 0),
                validity: leaf_validity(window, has(Fault::ExpiredPckCertificate))?,
                more: vec![listed_in(PCK_LIST)?, sgx_extension(machine)?],
            },
        )?;
        let tcb_signer = seed.key("tcb signer", 0)?;
        let tcb_certificate = issue(
            &issuer,
            &tcb_signer,
            Leaf {
                name: "CN=Intel SGX TCB Signing,O=merotee sandbox",
                serial: seed.bytes("tcb signer serial", 0),
                validity: leaf_validity(window, has(Fault::ExpiredTcbSigner))?,
                more: vec![listed_in(ROOT_LIST)?],
            },
        )?;
        let revoked_by_root =
            [(Fault::RevokedPlatformCa, platform_ca.certificate()), (Fault::RevokedTcbSigner, &tcb_certificate)];
        let revoked_by_root = revoked_by_root.into_iter().filter(|(fault, _)| has(*fault)).map(|(_, c)| c);
        let revoked_by_platform_ca = Some(&pck_certificate).filter(|_| has(Fault::RevokedPck));
        let root_crl = revocation_list(&issuer, list_window(Fault::ExpiredRootCrl), revoked_by_root)?;
        let pck_crl =
            revocation_list(&platform_ca, list_window(Fault::ExpiredPckCrl), revoked_by_platform_ca.into_iter())?;
        let root_pem = certificate::pem(issuer.certificate())?;
        let platform_ca_chain = certificate::pem(platform_ca.certificate())? + &root_pem;
        Ok(Self {
            root_der: certificate::der(trusted.certificate())?,
            pck_chain: certificate::pem(&pck_certificate)? + &platform_ca_chain,
            tcb_signer_chain: certificate::pem(&tcb_certificate)? + &root_pem,
            platform_ca_chain,
            root_crl,
            pck_crl,
            pck,
            tcb_signer,
        })
    }
}

/// The `number`-th root of the seed: all have the same name.
fn root(seed: Seed, number: u64) -> Result<Authority> {
    let serial = seed.bytes("root serial", number);
    let name = "CN=Intel SGX Root CA,O=merotee sandbox";
    Authority::root_with(seed.key("root", number)?, name, serial, 1, vec![listed_in(ROOT_LIST)?])
}

/// The distribution point of a certificate that `list` would revoke.
fn listed_in(list: &str) -> Result<Extension> {
    let uri = Ia5String::new(&format!("https://merotee.invalid/?list={list}")).map_err(encoding)?;
    let name = DistributionPointName::FullName(vec![GeneralName::UniformResourceIdentifier(uri)]);
    let point = DistributionPoint { distribution_point: Some(name), reasons: None, crl_issuer: None };
    extension(&CrlDistributionPoints(vec![point]), false)
}

/// What a certificate that signs no certificates says.
struct Leaf {
    name: &'static str,
    serial: [u8; 16],
    validity: Validity,
    more: Vec<Extension>,
}

fn issue(issuer: &Authority, key: &Key, leaf: Leaf) -> Result<Certificate> {
    let mut extensions = vec![
        extension(&KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation), true)?,
        extension(&BasicConstraints { ca: false, path_len_constraint: None }, true)?,
        subject_key_identifier(key.spki())?,
    ];
    extensions.extend(leaf.more);
    let unsigned = issuer.to_be_signed(Template {
        serial: leaf.serial,
        subject: distinguished_name(leaf.name)?,
        validity: leaf.validity,
        public_key: key.spki().clone(),
        extensions,
    })?;
    issuer.sign(unsigned)
}

fn leaf_validity(window: Window, expired: bool) -> Result<Validity> {
    if !expired {
        return instance_validity();
    }
    let passed = window.passed();
    certificate::validity(passed.from, passed.until)
}

/// A version 2 list with a number and a `nextUpdate`.
fn revocation_list<'a>(
    issuer: &Authority,
    window: Window,
    revoked: impl Iterator<Item = &'a Certificate>,
) -> Result<Vec<u8>> {
    let entries = revoked
        .map(|certificate| entry(certificate.tbs_certificate.serial_number.clone(), window.from))
        .collect::<Result<Vec<_>>>()?;
    let number = CrlNumber(Uint::new(&[1]).map_err(encoding)?);
    let list = TbsCertList {
        version: Version::V2,
        signature: ecdsa_sha256(),
        issuer: issuer.name().clone(),
        this_update: certificate::time(window.from)?,
        next_update: Some(certificate::time(window.until)?),
        // RFC 5280 §5.1.2.6: absent when nothing is revoked.
        revoked_certificates: Some(entries).filter(|entries| !entries.is_empty()),
        crl_extensions: Some(vec![extension(&number, false)?, authority_key_identifier(issuer.key().spki())?]),
    };
    let signature = issuer.key().sign(&list.to_der().map_err(encoding)?);
    let list = CertificateList {
        tbs_cert_list: list,
        signature_algorithm: ecdsa_sha256(),
        signature: BitString::from_bytes(&signature).map_err(encoding)?,
    };
    list.to_der().map_err(encoding)
}

fn entry(serial_number: SerialNumber, date: i64) -> Result<RevokedCert> {
    Ok(RevokedCert {
        serial_number,
        revocation_date: certificate::time(date)?,
        crl_entry_extensions: Some(vec![extension(&CrlReason::KeyCompromise, false)?]),
    })
}
