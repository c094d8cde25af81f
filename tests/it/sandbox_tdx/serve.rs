//! The evidence that a served sandbox offers.

use merotee::sandbox::boot::Boot;
use merotee::subject::profile::Profile;
use merotee::subject::tag::Tag;

use super::*;
use crate::binary::serve::Serve;

#[test]
fn the_served_quote_verifies_now_and_is_the_one_of_the_sample_release() {
    let serve = Serve::start();
    let quote = std::fs::read(serve.export("MEROTEE_TDX_QUOTE")).unwrap();
    let root = std::fs::read(serve.export("MEROTEE_TDX_ROOT")).unwrap();
    let text = std::fs::read_to_string(serve.export("MEROTEE_TDX_COLLATERAL")).unwrap();
    let collateral = serde_json::from_str(&text).unwrap();
    let report = verify(&root, &quote, &collateral, Timestamp::now().as_second()).unwrap();
    assert_eq!(report.status, "UpToDate");

    let td = report.report.as_td10().unwrap();
    assert_eq!(hex::encode(&td.report_data[..32]), serve.export("MEROTEE_TDX_NONCE"));
    let binding = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"mero-kms-phala-attest-v1");
    assert_eq!(&td.report_data[32..], binding.as_ref());
    let release: Tag = "mero-kms-v1.2.0".parse().unwrap();
    let registers = Boot::of_release(&release, Profile::LockedReadOnly).registers();
    assert_eq!(&td.mr_td, registers.get(Register::Mrtd).as_bytes());
    assert_eq!(&td.rt_mr3, registers.get(Register::Rtmr3).as_bytes());
}

#[tokio::test]
async fn the_served_collateral_service_serves_what_the_file_holds() {
    let serve = Serve::start();
    let text = std::fs::read_to_string(serve.export("MEROTEE_TDX_COLLATERAL")).unwrap();
    let collateral: serde_json::Value = serde_json::from_str(&text).unwrap();
    let url = format!("{}/sgx/certification/v4/rootcacrl", serve.export("PCCS_URL"));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let list = client.get(url).send().await.unwrap().text().await.unwrap();
    assert_eq!(collateral["root_ca_crl"], list);
}
