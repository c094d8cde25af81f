//! Fulcio's REST API: a certificate for the holder of an identity token of the instance and the key it asks for.
//! <https://github.com/sigstore/fulcio/blob/main/fulcio.proto> (v2); v1 is what cosign 2 asks.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use der::{DecodePem, Encode};
use p256::ecdsa::VerifyingKey;
use p256::pkcs8::DecodePublicKey;
use serde::Deserialize;
use serde_json::{Value, json};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::request::CertReq;

use super::{Problem, Services};
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::sandbox::sigstore::certificate::pem;
use crate::sandbox::sigstore::record::{decode_base64, verify};

#[derive(Deserialize)]
pub(super) struct Request {
    credentials: Option<Credentials>,
    #[serde(rename = "certificateSigningRequest")]
    certificate_request: Option<String>,
    #[serde(rename = "publicKeyRequest")]
    public_key_request: Option<PublicKeyRequest>,
    // v1 has the key and its proof at the top.
    #[serde(rename = "publicKey")]
    public_key: Option<PublicKey>,
    #[serde(rename = "signedEmailAddress")]
    proof_v1: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(rename = "oidcIdentityToken")]
    token: String,
}

#[derive(Deserialize)]
struct PublicKeyRequest {
    #[serde(rename = "publicKey")]
    public_key: PublicKey,
    #[serde(rename = "proofOfPossession")]
    proof: String,
}

/// PEM in v2, base64 of DER in v1.
#[derive(Deserialize)]
struct PublicKey {
    content: String,
}

pub(super) async fn signing_cert_v2(
    State(services): State<Services>,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Json<Value>, Problem> {
    let certificates = issue(&services, &headers, &request)?;
    Ok(Json(json!({ "signedCertificateEmbeddedSct": { "chain": { "certificates": certificates } } })))
}

pub(super) async fn signing_cert_v1(
    State(services): State<Services>,
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Response, Problem> {
    let chain = issue(&services, &headers, &request)?.concat();
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/pem-certificate-chain")], chain).into_response())
}

pub(super) async fn trust_bundle(State(services): State<Services>) -> Result<Json<Value>, Problem> {
    let certificates =
        services.with(|instance, _| instance.fulcio.chain().into_iter().map(pem).collect::<Result<Vec<_>>>())?;
    Ok(Json(json!({ "chains": [{ "certificates": certificates }] })))
}

/// The new certificate and its chain, PEM, leaf first. Steps: 1. the token is the instance's and valid, 2. the caller
/// holds the key, 3. issue.
fn issue(services: &Services, headers: &HeaderMap, request: &Request) -> Result<Vec<String>, Problem> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let token = request.credentials.as_ref().map(|credentials| credentials.token.as_str()).or(bearer);
    let Some(token) = token else {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "an identity token is needed"));
    };
    services.with(|instance, now| {
        let asserted = instance.oidc.check(token, now)?;
        let key = proven_key(request, &asserted.challenge)?;
        let certificate = instance.fulcio.issue(&key, &asserted.identity, now, &instance.ct_log)?;
        let mut certificates = vec![pem(&certificate)?];
        for authority in instance.fulcio.chain() {
            certificates.push(pem(authority)?);
        }
        Ok(certificates)
    })
}

/// The key the certificate is for, after the caller has proved to hold it: by signing its certificate request, or by
/// signing the token's challenge.
fn proven_key(request: &Request, challenge: &str) -> Result<SubjectPublicKeyInfoOwned> {
    if let Some(certificate_request) = &request.certificate_request {
        return requested_key(&decode_base64("certificate signing request", certificate_request)?);
    }
    let (key, proof) = match (&request.public_key_request, &request.public_key, &request.proof_v1) {
        (Some(request), _, _) => (VerifyingKey::from_public_key_pem(&request.public_key.content), &request.proof),
        (None, Some(key), Some(proof)) => {
            (VerifyingKey::from_public_key_der(&decode_base64("public key", &key.content)?), proof)
        }
        (None, _, _) => return Err(Error::usage("a certificate signing request or a public key with proof is needed")),
    };
    let key = key.map_err(|e| Error::usage("the public key is not ECDSA P-256").because(e))?;
    let proof = decode_base64("proof of possession", proof)?;
    verify(&key, &Sha256::of(challenge.as_bytes()), &proof)?;
    SubjectPublicKeyInfoOwned::from_key(key).map_err(|e| Error::usage("the public key is malformed").because(e))
}

/// The key of a PKCS #10 request (PEM) that it signed itself.
fn requested_key(request: &[u8]) -> Result<SubjectPublicKeyInfoOwned> {
    let malformed = |e| Error::usage("the certificate signing request is malformed").because(e);
    let request = CertReq::from_pem(request).map_err(malformed)?;
    let spki = request.info.public_key.to_der().map_err(malformed)?;
    let key = VerifyingKey::from_public_key_der(&spki)
        .map_err(|e| Error::usage("the public key is not ECDSA P-256").because(e))?;
    let signed = request.info.to_der().map_err(malformed)?;
    verify(&key, &Sha256::of(&signed), request.signature.raw_bytes())?;
    Ok(request.info.public_key)
}
