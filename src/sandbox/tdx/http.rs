//! The platform as a collateral service: the paths and headers of Intel's PCS version 4, as a caching service (PCCS)
//! serves them.
//!
//! The two differ in one answer, the root's revocation list: a PCCS gives hex, and so does this; Intel gives DER, under
//! another host.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use der::pem::{LineEnding, encode_string};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{FMSPC, Platform};

const PCK_CRL_CHAIN: &str = "sgx-pck-crl-issuer-chain";
const TCB_INFO_CHAIN: &str = "tcb-info-issuer-chain";
const QE_IDENTITY_CHAIN: &str = "sgx-enclave-identity-issuer-chain";

/// The service.
pub fn router(platform: Arc<Platform>) -> Router {
    Router::new()
        .route("/sgx/certification/v4/pckcrl", get(pck_crl))
        .route("/sgx/certification/v4/rootcacrl", get(root_crl))
        .route("/tdx/certification/v4/tcb", get(tcb_info))
        .route("/tdx/certification/v4/qe/identity", get(qe_identity))
        .with_state(platform)
}

#[derive(Deserialize)]
struct PckCrlQuery {
    ca: Option<String>,
    encoding: Option<String>,
}

/// The platform CA's list, as PEM unless DER is asked for. There is no processor CA.
async fn pck_crl(State(platform): State<Arc<Platform>>, Query(query): Query<PckCrlQuery>) -> Response {
    match query.ca.as_deref() {
        Some("platform") => {}
        Some("processor") => return StatusCode::NOT_FOUND.into_response(),
        Some(_) | None => return StatusCode::BAD_REQUEST.into_response(),
    }
    let chain = chain_header(PCK_CRL_CHAIN, &platform.pki.platform_ca_chain);
    let der = platform.pki.pck_crl.clone();
    match query.encoding.as_deref() {
        Some("der") => (chain, [(header::CONTENT_TYPE, "application/pkix-crl")], der).into_response(),
        Some("pem") | None => match encode_string("X509 CRL", LineEnding::LF, &der) {
            Ok(pem) => (chain, [(header::CONTENT_TYPE, "application/x-pem-file")], pem).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        Some(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn root_crl(State(platform): State<Arc<Platform>>) -> Response {
    ([(header::CONTENT_TYPE, "application/pkix-crl")], platform.collateral.root_ca_crl.clone()).into_response()
}

#[derive(Deserialize)]
struct TcbQuery {
    fmspc: Option<String>,
}

async fn tcb_info(State(platform): State<Arc<Platform>>, Query(query): Query<TcbQuery>) -> Response {
    let Some(fmspc) = query.fmspc else { return StatusCode::BAD_REQUEST.into_response() };
    if !fmspc.eq_ignore_ascii_case(&hex::encode(FMSPC)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let chain = chain_header(TCB_INFO_CHAIN, &platform.pki.tcb_signer_chain);
    json(chain, platform.collateral.tcb_info_response())
}

async fn qe_identity(State(platform): State<Arc<Platform>>) -> Response {
    let chain = chain_header(QE_IDENTITY_CHAIN, &platform.pki.tcb_signer_chain);
    json(chain, platform.collateral.qe_identity_response())
}

/// Bytes that are signed: sent as they are.
fn json(chain: HeaderMap, body: String) -> Response {
    (chain, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A chain of certificates in a header: PEM, percent-encoded.
fn chain_header(name: &'static str, pem: &str) -> HeaderMap {
    let encoded = utf8_percent_encode(pem, NON_ALPHANUMERIC).to_string();
    // Percent-encoded text holds nothing that a header cannot.
    HeaderValue::from_str(&encoded).into_iter().map(|value| (HeaderName::from_static(name), value)).collect()
}
