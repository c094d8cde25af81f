//! Collateral fetched from a service and kept in a folder.

use std::{fs, sync::Arc};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Case, parts_of};
use crate::binary::{
    Place,
    loopback::{Answer, Server},
};

/// What a PCCS answers for the sample's platform; the path that is asked for must be one of Intel's.
fn service(collateral: Vec<u8>) -> Server {
    let parts = Arc::new(parts_of(&collateral));
    Server::start(move |path, _| {
        let header = |name: &str, chain: &str| format!("{name}: {}\r\n", utf8_percent_encode(chain, NON_ALPHANUMERIC));
        let json = |key: &str, document: &str, signature: &[u8]| {
            format!("{{\"{key}\":{document},\"signature\":\"{}\"}}", hex::encode(signature)).into_bytes()
        };
        let p = &parts;
        match path {
            "/tdx/certification/v4/tcb?fmspc=B0C06F000000" => Answer::Reply(
                "200 OK",
                header("TCB-Info-Issuer-Chain", &p.tcb_info_issuer_chain),
                json("tcbInfo", &p.tcb_info, &p.tcb_info_signature),
            ),
            "/tdx/certification/v4/qe/identity" => Answer::Reply(
                "200 OK",
                header("SGX-Enclave-Identity-Issuer-Chain", &p.qe_identity_issuer_chain),
                json("enclaveIdentity", &p.qe_identity, &p.qe_identity_signature),
            ),
            "/sgx/certification/v4/pckcrl?ca=platform&encoding=der" => {
                Answer::Reply("200 OK", header("SGX-PCK-CRL-Issuer-Chain", &p.pck_crl_issuer_chain), p.pck_crl.clone())
            }
            // As a PCCS sends it: in hex.
            "/sgx/certification/v4/rootcacrl" => {
                Answer::Reply("200 OK", String::new(), hex::encode(&p.root_ca_crl).into_bytes())
            }
            other => panic!("asked for {other}"),
        }
    })
}

/// A folder with `quote.bin`, the collateral for it, and the time of the case.
fn sample() -> Option<(Place, Vec<u8>, String)> {
    let case =
        Case::verified().into_iter().find(|c| c.name() == "quotes/near_mpc.bin under collateral/near_mpc.json")?;
    let place = Place::new();
    place.write("quote.bin", fs::read(case.path("quote")).unwrap());
    Some((place, fs::read(case.path("collateral")).unwrap(), case.at().to_string()))
}

#[test]
fn collateral_is_fetched_once_and_then_used_from_the_folder_until_it_expires() {
    let Some((place, collateral, at)) = sample() else { return };
    let server = service(collateral.clone());
    let verify = |at: &str, more: &[&str]| {
        let arguments = ["quote", "verify", "quote.bin", "--pccs", &server.url, "--at", at];
        place.merotee(arguments).args(more).run()
    };
    verify(&at, &[]).expect(0);
    assert_eq!(server.asked(), 4);
    verify(&at, &["--cache", "cache"]).expect(0);
    assert_eq!(server.asked(), 8);
    verify(&at, &["--cache", "cache"]).expect(0);
    verify(&at, &["--cache", "cache", "--offline"]).expect(0);
    assert_eq!(server.asked(), 8, "the folder has it");
    let names = place.names("cache");
    let [name] = names.as_slice() else { panic!("{names:?}") };
    assert_eq!(parts_of(place.read(&format!("cache/{name}")).as_bytes()), parts_of(&collateral));

    // Expired: asked for anew, and offline said to be expired.
    verify("2026-09-11T23:57:11Z", &["--cache", "cache"]).expect(10).says(&["the PCK CRL expired"]);
    assert_eq!(server.asked(), 12);
    verify("2026-09-11T23:57:11Z", &["--cache", "cache", "--offline"]).expect(10).says(&["the PCK CRL expired"]);
    assert_eq!(server.asked(), 12);

    // Spoilt: warned about and replaced.
    place.write(&format!("cache/{name}"), "{");
    verify(&at, &["--cache", "cache"]).expect(0).says(&["is not used"]);
    assert_eq!(server.asked(), 16);
    verify(&at, &["--cache", "cache"]).expect(0);
    assert_eq!(server.asked(), 16);
}

#[test]
fn a_service_that_knows_nothing_or_answers_nonsense_is_no_verdict() {
    let Some((place, ..)) = sample() else { return };
    let verify = |server: &Server| {
        let arguments = ["quote", "verify", "quote.bin", "--pccs", &server.url, "--retries", "0"];
        place.merotee(arguments).run().expect(1).without_product()
    };
    verify(&Server::start(|_, _| Answer::status("404 Not Found", "no"))).says(&["answered 404"]);
    verify(&Server::start(|_, _| Answer::status("500 Internal Server Error", "no"))).says(&["500"]);
    let nonsense = Server::start(|_, _| Answer::Reply("200 OK", String::new(), b"nonsense".to_vec()));
    verify(&nonsense).says(&["did not answer with JSON of tcbInfo and signature"]);
}

#[test]
fn a_service_that_cannot_be_reached_is_no_verdict() {
    let Some((place, ..)) = sample() else { return };
    let arguments = ["quote", "verify", "quote.bin", "--pccs", "http://127.0.0.1:1", "--retries", "0"];
    place.merotee(arguments).run().expect(1).without_product();
    place.merotee(["quote", "verify", "quote.bin", "--pccs", "ftp://x"]).run().expect(2).without_product();
}
