//! The platform's certificates: root → platform CA → PCK certificate, and root → TCB signer; and what the root and the
//! platform CA have revoked.
//!
//! Common names are Intel's, because verifiers tell the platform CA from the processor CA by name; the organisation says
//! whose they are.

use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::time::Validity;

use super::Window;
use super::extension::sgx_extension;
use super::fault::Fault;
use super::machine::Machine;
use crate::error::Result;
use crate::sandbox::certificate::{
    self, Authority, Template, distinguished_name, extension, instance_validity, subject_key_identifier,
};
use crate::sandbox::key::{Key, Seed};
use crate::sandbox::revocation::{listed_at, revocation_list};

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
        let list = |issuer, fault, revoked: Vec<&Certificate>| {
            let Window { from, until } = list_window(fault);
            let serials = revoked.into_iter().map(|one| one.tbs_certificate.serial_number.clone());
            revocation_list(issuer, (from, until), serials)
        };
        let root_crl = list(&issuer, Fault::ExpiredRootCrl, revoked_by_root.collect())?;
        let pck_crl = list(&platform_ca, Fault::ExpiredPckCrl, revoked_by_platform_ca.into_iter().collect())?;
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
    listed_at(&format!("https://merotee.invalid/?list={list}"))
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
