//! Whether collateral can be trusted by itself, before any quote is judged by it: who signed what, down from the root.
//!
//! Its callers keep collateral for later, and must not give up a good set for one that would fail every quote. What a
//! signed list revokes is not looked at: that is news, which must take effect even where it fails every quote. A quote
//! is judged by the library alone ([`super::DcapVerifier::verify`]), which looks at all of this again.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use der::{Decode as _, Encode as _};
use x509_cert::crl::CertificateList;

use super::{
    Collateral, Document, Rejection, Signed,
    fit::{MachineKind, fits},
};
use crate::attestation::quote::{Certificate, Platform};

/// Judges everything but dates: chains, signatures, and that the documents fit machines like `platform`.
///
/// # Errors
/// The first fault.
pub(super) fn vouched(collateral: &Collateral, root: &Certificate, platform: &Platform) -> Result<(), Rejection> {
    let documents = collateral.library();
    let authority = list_signed_by(&documents.root_ca_crl, root)
        .then(|| chain_of(&collateral.pck_crl_chain, Document::PckCrl, root))
        .ok_or(Rejection::BadSignature(Signed::Document(Document::RootCrl)))??;
    // Each authority has a list of its own, and only one of them names this machine's certificates.
    let is_right = authority.subject().to_ascii_lowercase().contains(platform.ca.as_str());
    if !is_right || !list_signed_by(&documents.pck_crl, authority) {
        return Err(Rejection::BadSignature(Signed::Document(Document::PckCrl)));
    }
    let signed = [
        (
            Document::TcbSigningChain,
            &collateral.tcb_chain,
            Document::TcbInfo,
            &documents.tcb_info,
            &documents.tcb_info_signature,
        ),
        (
            Document::QeSigningChain,
            &collateral.qe_chain,
            Document::QeIdentity,
            &documents.qe_identity,
            &documents.qe_identity_signature,
        ),
    ];
    for (chain_name, chain, document, text, signature) in signed {
        let signer = chain_of(chain, chain_name, root)?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, signer.public_key());
        if key.verify(text.as_bytes(), signature).is_err() {
            return Err(Rejection::BadSignature(Signed::Document(document)));
        }
    }
    fits(collateral, MachineKind { fmspc: &platform.fmspc, pce_id: &platform.pce_id })
}

/// The first certificate of a chain that leads to the root.
fn chain_of<'c>(chain: &'c [Certificate], name: Document, root: &Certificate) -> Result<&'c Certificate, Rejection> {
    let foreign = |c: &Certificate| c.is_self_issued() && c.public_key() != root.public_key();
    if chain.iter().any(foreign) {
        return Err(Rejection::WrongRoot(name));
    }
    let first = chain.first().filter(|_| leads_to(chain, root));
    first.ok_or(Rejection::BadSignature(Signed::Document(name)))
}

/// Whether a revocation list names `issuer` as its issuer and is signed by it.
fn list_signed_by(der: &[u8], issuer: &Certificate) -> bool {
    let Ok(list) = CertificateList::from_der(der) else { return false };
    let Ok(signed) = list.tbs_cert_list.to_der() else { return false };
    list.tbs_cert_list.issuer.to_string() == issuer.subject() && issuer.signed(&signed, list.signature.raw_bytes())
}

/// Whether signatures lead from the first certificate to the root's key.
pub(super) fn leads_to(chain: &[Certificate], root: &Certificate) -> bool {
    let Some(mut certificate) = chain.first() else { return false };
    for _ in 0..chain.len() {
        if certificate.names_as_issuer(root) && certificate.is_signed_by(root) {
            return true;
        }
        let issuer = |c: &&Certificate| certificate.names_as_issuer(c) && certificate.is_signed_by(c);
        let Some(next) = chain.iter().find(issuer) else { return false };
        certificate = next;
    }
    false
}
