//! The certificate: Fulcio's API v2, asked with a certificate request, so that the key proves itself whatever the token
//! says of its holder. <https://github.com/sigstore/fulcio/blob/main/fulcio.proto>

use base64::{Engine as _, engine::general_purpose::STANDARD};
use const_oid::{
    ObjectIdentifier,
    db::{rfc5912::ECDSA_WITH_SHA_256, rfc6962::CT_PRECERT_SCTS},
};
use der::{Decode as _, Encode as _, EncodePem as _, asn1::BitString, pem::LineEnding};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use sigstore_crypto::KeyPair;
use sigstore_types::DerCertificate;
use x509_cert::{
    Certificate,
    name::Name,
    request::{CertReq, CertReqInfo, Version},
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
};

use super::below;
use crate::{
    adapters::http::{Body, Http, Request},
    error::{Error, Result},
};

/// What is asked for, in messages.
const SUBJECT: &str = "a signing certificate";

/// A certificate for our key.
pub(super) struct Issued {
    pub(super) certificate: DerCertificate,
    pub(super) expires: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    signed_certificate_embedded_sct: Option<Chain>,
}

#[derive(Deserialize)]
struct Chain {
    chain: Certificates,
}

#[derive(Deserialize)]
struct Certificates {
    certificates: Vec<String>,
}

/// Asks for a certificate of `key`. A second one for the same key does no harm, so it is asked again after a lost answer.
///
/// # Errors
/// Remote: it cannot be had. Trust: it is for another key, or no log of certificates promises to hold it.
pub(super) async fn certificate(http: &Http, key: &KeyPair) -> Result<Issued> {
    let url = below(http.base(), &["api", "v2", "signingCert"])?;
    let body = json!({"certificateSigningRequest": STANDARD.encode(request(key)?)});
    let request = Request {
        body: Body::json(&body),
        idempotent: true,
        accepted: &[StatusCode::CREATED],
        ..Request::new(Method::POST, &url)
    };
    let answer = http.ask(&request, SUBJECT).await?;
    let strange = |what: &str| Error::remote(format!("cannot get {SUBJECT}: {}", what));
    let answer = answer.ok_or_else(|| strange("this address has no Fulcio (404)"))?;
    // The token went along, and what the parser says of an answer may quote it.
    let answer: Answer =
        serde_json::from_slice(&answer.body).map_err(|_| strange("the answer is not one of Fulcio's"))?;
    let Some(Chain { chain }) = answer.signed_certificate_embedded_sct else {
        return Err(Error::trust("Fulcio's certificate holds no SCT: no log of certificates promises to hold it"));
    };
    let pem = chain.certificates.first().ok_or_else(|| strange("the answer holds no certificate"))?;
    let certificate = DerCertificate::from_pem(pem).map_err(|_| strange("the certificate is not PEM"))?;
    let parsed = Certificate::from_der(certificate.as_bytes())
        .map_err(|e| strange("the certificate is malformed").because(e))?;
    judge(&parsed, key)?;
    let end = parsed.tbs_certificate.validity.not_after.to_unix_duration().as_secs();
    let expires = i64::try_from(end).ok().and_then(|end| Timestamp::from_second(end).ok());
    Ok(Issued { certificate, expires: expires.ok_or_else(|| strange("the certificate ends at an impossible time"))? })
}

/// What must be so before anything is signed by it. Chain and SCT are verified with the bundle.
fn judge(certificate: &Certificate, key: &KeyPair) -> Result<()> {
    let certificate = &certificate.tbs_certificate;
    let certified = certificate.subject_public_key_info.to_der();
    let certified = certified.map_err(|e| Error::remote("Fulcio's certificate holds a malformed key").because(e))?;
    if certified != spki(key)? {
        return Err(Error::trust("Fulcio's certificate is for another key than ours"));
    }
    let has = |oid: ObjectIdentifier| certificate.extensions.iter().flatten().any(|e| e.extn_id == oid);
    if !has(CT_PRECERT_SCTS) {
        return Err(Error::trust("Fulcio's certificate holds no SCT: no log of certificates promises to hold it"));
    }
    Ok(())
}

/// A PKCS #10 request, PEM. Fulcio takes the name from the token, so the request states none.
fn request(key: &KeyPair) -> Result<String> {
    let cannot = |e: der::Error| Error::internal("cannot write a certificate request").because(e);
    let public_key = SubjectPublicKeyInfoOwned::from_der(&spki(key)?).map_err(cannot)?;
    let info =
        CertReqInfo { version: Version::V1, subject: Name::default(), public_key, attributes: Default::default() };
    let signature = key
        .sign(&info.to_der().map_err(cannot)?)
        .map_err(|e| Error::internal("cannot sign a certificate request").because(e))?;
    let request = CertReq {
        info,
        algorithm: AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None },
        signature: BitString::from_bytes(signature.as_bytes()).map_err(cannot)?,
    };
    request.to_pem(LineEnding::LF).map_err(cannot)
}

fn spki(key: &KeyPair) -> Result<Vec<u8>> {
    let key = key.public_key_der().map_err(|e| Error::internal("cannot write our public key").because(e))?;
    Ok(key.as_bytes().to_vec())
}
