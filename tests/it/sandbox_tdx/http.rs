//! The platform as a collateral service, asked the way collateral clients ask.

use std::sync::Arc;

use merotee::sandbox::tdx::router;

use super::*;

async fn serve(platform: Platform) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router(Arc::new(platform))).await });
    base
}

async fn get(url: &str) -> reqwest::Response {
    reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap()
}

/// A chain from a header, as a client reads it.
fn chain(response: &reqwest::Response, name: &str) -> String {
    let value = response.headers()[name].to_str().unwrap();
    percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned()
}

/// The inner document as it was sent: between the first key and the signature.
fn inner(body: &str, key: &str) -> (String, String) {
    let rest = body.strip_prefix(&format!("{{\"{key}\":")).unwrap();
    let (document, signature) = rest.rsplit_once(",\"signature\":\"").unwrap();
    (document.to_owned(), signature.strip_suffix("\"}").unwrap().to_owned())
}

#[tokio::test]
async fn what_a_client_gathers_from_the_service_verifies_a_quote() {
    let base = serve(platform()).await;
    let fmspc = hex::encode_upper(merotee::sandbox::tdx::FMSPC);

    let pck_crl = get(&format!("{base}/sgx/certification/v4/pckcrl?ca=platform&encoding=der")).await;
    let pck_crl_issuer_chain = chain(&pck_crl, "SGX-PCK-CRL-Issuer-Chain");
    let tcb = get(&format!("{base}/tdx/certification/v4/tcb?fmspc={fmspc}&update=standard")).await;
    let tcb_info_issuer_chain = chain(&tcb, "TCB-Info-Issuer-Chain");
    let (tcb_info, tcb_info_signature) = inner(&tcb.text().await.unwrap(), "tcbInfo");
    let qe = get(&format!("{base}/tdx/certification/v4/qe/identity?update=standard")).await;
    let qe_identity_issuer_chain = chain(&qe, "SGX-Enclave-Identity-Issuer-Chain");
    let (qe_identity, qe_identity_signature) = inner(&qe.text().await.unwrap(), "enclaveIdentity");
    // A PCCS gives this one list as hex.
    let root_ca_crl = get(&format!("{base}/sgx/certification/v4/rootcacrl")).await.text().await.unwrap();

    let gathered = QuoteCollateralV3 {
        pck_crl_issuer_chain,
        root_ca_crl: hex::decode(root_ca_crl).unwrap(),
        pck_crl: pck_crl.bytes().await.unwrap().to_vec(),
        tcb_info_issuer_chain,
        tcb_info,
        tcb_info_signature: hex::decode(tcb_info_signature).unwrap(),
        qe_identity_issuer_chain,
        qe_identity,
        qe_identity_signature: hex::decode(qe_identity_signature).unwrap(),
        pck_certificate_chain: None,
    };
    let platform = platform();
    assert_eq!(gathered, collateral(&platform));
    let quote = platform.quote(&request(QuoteVersion::V4));
    verify(platform.root_der(), &quote, &gathered, NOW).unwrap();
}

#[tokio::test]
async fn the_list_of_the_platform_ca_comes_as_pem_too() {
    let base = serve(platform()).await;
    let text = get(&format!("{base}/sgx/certification/v4/pckcrl?ca=platform")).await.text().await.unwrap();
    assert!(text.starts_with("-----BEGIN X509 CRL-----\n"), "{text}");
}

#[tokio::test]
async fn what_is_unknown_is_not_found_and_what_is_malformed_is_refused() {
    let base = serve(platform()).await;
    for (path, status) in [
        ("/sgx/certification/v4/pckcrl?ca=processor&encoding=der", 404),
        ("/sgx/certification/v4/pckcrl", 400),
        ("/sgx/certification/v4/pckcrl?ca=platform&encoding=xml", 400),
        ("/tdx/certification/v4/tcb", 400),
        ("/tdx/certification/v4/tcb?fmspc=00906ED50000", 404),
        ("/sgx/certification/v4/tcb?fmspc=53414E444258", 404),
        ("/", 404),
    ] {
        assert_eq!(get(&format!("{base}{path}")).await.status(), status, "{path}");
    }
}
