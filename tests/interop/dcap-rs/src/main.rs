//! `dcap-rs-verify QUOTE COLLATERAL ROOT TIME`: judges a version 4 quote (binary) with collateral (JSON in the shape of
//! dcap-qvl's `QuoteCollateralV3`), a root certificate (DER) and a time (Unix seconds).
//!
//! Prints status and advisories, one a line, and ends with 0; the library panics at what it refuses.

use dcap_rs::types::{TcbStatus, collaterals::IntelCollateral, quotes::version_4::QuoteV4};
use dcap_rs::utils::quotes::version_4::verify_quote_dcapv4;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [quote, collateral, root, time] = arguments.as_slice() else { panic!("QUOTE COLLATERAL ROOT TIME") };
    let read = |path: &str| std::fs::read(path).expect("cannot read a file");
    let document: serde_json::Value = serde_json::from_slice(&read(collateral)).expect("collateral is not JSON");
    let field = |name: &str| document[name].as_str().expect("a field is missing").to_owned();
    let bytes = |name: &str| hex::decode(field(name)).expect("a field is not hex");

    let mut collateral = IntelCollateral::new();
    let tcb_info = format!(r#"{{"tcbInfo":{},"signature":"{}"}}"#, field("tcb_info"), field("tcb_info_signature"));
    collateral.set_tcbinfo_bytes(tcb_info.as_bytes());
    let identity = format!(
        r#"{{"enclaveIdentity":{},"signature":"{}"}}"#,
        field("qe_identity"),
        field("qe_identity_signature")
    );
    collateral.set_qeidentity_bytes(identity.as_bytes());
    collateral.set_intel_root_ca_der(&read(root));
    // The first certificate of the chain: the library takes the signer alone.
    let chain = field("tcb_info_issuer_chain");
    let end = "-----END CERTIFICATE-----\n";
    let signer = chain.split_inclusive(end).next().expect("no certificate");
    collateral.set_sgx_tcb_signing_pem(signer.as_bytes());
    collateral.set_sgx_intel_root_ca_crl_der(&bytes("root_ca_crl"));
    collateral.set_sgx_platform_crl_der(&bytes("pck_crl"));

    let quote = QuoteV4::from_bytes(&read(quote));
    let verdict = verify_quote_dcapv4(&quote, &collateral, time.parse().expect("time is not a number"));
    let status = match verdict.tcb_status {
        TcbStatus::OK => "UpToDate",
        TcbStatus::TcbSwHardeningNeeded => "SWHardeningNeeded",
        TcbStatus::TcbConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
        TcbStatus::TcbConfigurationNeeded => "ConfigurationNeeded",
        TcbStatus::TcbOutOfDate => "OutOfDate",
        TcbStatus::TcbOutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
        TcbStatus::TcbRevoked => "Revoked",
        TcbStatus::TcbUnrecognized => "Unrecognized",
    };
    println!("{status}");
    verdict.advisory_ids.unwrap_or_default().iter().for_each(|id| println!("{id}"));
}
