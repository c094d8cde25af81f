//! Automata's dcap-rs, an independent implementation of Intel's verification, as second verifier of version 4 quotes.
//!
//! It judges no certificate's validity, no list's `nextUpdate` and no TD attribute. For a TDX quote it takes the first
//! TCB level whose TDX components the machine reaches and never looks at that level's SGX components or PCESVN, so it can
//! differ from Intel's rule where those alone fall short. What it does judge must come out as dcap-qvl has it.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use super::*;

/// The program of `tests/interop/dcap-rs`, or `None` with a line on stderr where it is absent; required when
/// `MEROTEE_REQUIRE_INTEROP=1`.
fn program() -> Option<PathBuf> {
    let program = std::env::var_os("MEROTEE_DCAP_RS").map(PathBuf::from);
    if program.is_none() {
        let message = "no dcap-rs: cargo install --locked --path tests/interop/dcap-rs --root DIR, and set \
                       MEROTEE_DCAP_RS to DIR/bin/dcap-rs-verify";
        assert!(std::env::var_os("MEROTEE_REQUIRE_INTEROP").is_none_or(|value| value != "1"), "{message}");
        eprintln!("SKIPPED: {message}");
    }
    program
}

/// Its verdict on a quote: status and advisories, or what it stumbled over.
fn verdict(program: &PathBuf, quote: &[u8], collateral: &str, root: &[u8], time: i64) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("quote.bin", quote);
    write("collateral.json", collateral.as_bytes());
    write("root.der", root);
    let Output { status, stdout, stderr } = Command::new(program)
        .args(["quote.bin", "collateral.json", "root.der", &time.to_string()])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    if status.success() {
        Ok(String::from_utf8(stdout).unwrap().lines().map(str::to_owned).collect())
    } else {
        Err(String::from_utf8_lossy(&stderr).into_owned())
    }
}

/// The same of a platform's version 4 quote at the platform's time.
fn judged(program: &PathBuf, platform: &Platform) -> Result<Vec<String>, String> {
    let quote = platform.quote(&request(QuoteVersion::V4));
    verdict(program, &quote, &platform.collateral_json().unwrap(), platform.root_der(), NOW)
}

#[test]
fn dcap_rs_agrees_on_every_status_and_its_advisories() {
    let Some(program) = program() else { return };
    assert_eq!(judged(&program, &platform()).unwrap(), ["UpToDate"]);
    for status in TcbStatus::ALL.into_iter().filter(|s| *s != TcbStatus::Revoked) {
        let platform = platform().with_status(status, &["INTEL-SA-00001", "INTEL-SA-00002"]).unwrap();
        let ours = judge(&platform).unwrap();
        let theirs = judged(&program, &platform).unwrap();
        assert_eq!(theirs, [&[ours.status][..], &ours.advisory_ids].concat());
    }
    let revoked = platform().with_status(TcbStatus::Revoked, &[]).unwrap();
    judged(&program, &revoked).unwrap_err();
}

#[test]
fn dcap_rs_refuses_every_fault_that_it_looks_for() {
    let Some(program) = program() else { return };
    for fault in Fault::ALL {
        let verdict = judged(&program, &platform().with_fault(fault).unwrap());
        match fault {
            // Not looked at by this verifier.
            Fault::ExpiredRootCrl
            | Fault::ExpiredPckCrl
            | Fault::ExpiredPckCertificate
            | Fault::ExpiredTcbSigner
            | Fault::DebugAttribute
            | Fault::SgxTcbInfo
            | Fault::UnknownTcbType
            | Fault::MissingTdxComponents
            | Fault::SgxQeIdentity
            | Fault::MissingQeLevels => assert!(verdict.is_ok(), "{fault:?}: {verdict:?}"),
            // Read, and given no name of its own.
            Fault::UnknownTcbStatus => assert_eq!(verdict.unwrap(), ["Unrecognized"]),
            Fault::ExpiredTcbInfo
            | Fault::ExpiredQeIdentity
            | Fault::RevokedPck
            | Fault::RevokedPlatformCa
            | Fault::RevokedTcbSigner
            | Fault::WrongRoot
            | Fault::MismatchedFmspc
            | Fault::MismatchedPceId
            | Fault::UnknownTcbInfoVersion
            | Fault::MissingTdxModule
            | Fault::BadQeReportHash
            | Fault::BadQeReportSignature
            | Fault::BadQuoteSignature
            | Fault::BadTcbInfoSignature
            | Fault::BadQeIdentitySignature => assert!(verdict.is_err(), "{fault:?}: {verdict:?}"),
        }
    }
}

#[test]
fn dcap_rs_agrees_on_every_real_version_4_quote_that_verifies() {
    let Some(program) = program() else { return };
    let Some(corpus) = crate::corpus::corpus("tdx") else { return };
    let cases: serde_json::Value = serde_json::from_slice(&std::fs::read(corpus.join("cases.json")).unwrap()).unwrap();
    let mut agreed = 0;
    for case in cases["cases"].as_array().unwrap() {
        if case["quote_version"] != 4 || case["expect"] != "verified" {
            continue;
        }
        let path = |key: &str| corpus.join(case[key].as_str().unwrap());
        let quote = std::fs::read(path("quote")).unwrap();
        let collateral = std::fs::read_to_string(path("collateral")).unwrap();
        let parsed: QuoteCollateralV3 = serde_json::from_str(&collateral).unwrap();
        let root = pem_root(&parsed.tcb_info_issuer_chain);
        let theirs = verdict(&program, &quote, &collateral, &root, case["verify_at_unix"].as_i64().unwrap()).unwrap();
        let words = [&case["tcb_status"]].into_iter().chain(case["advisories"].as_array().unwrap());
        assert_eq!(theirs, words.map(|word| word.as_str().unwrap()).collect::<Vec<_>>(), "{case}");
        agreed += 1;
    }
    assert_eq!(agreed, 7);
}

/// DER of the last certificate of a chain.
fn pem_root(chain: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let text = chain.rsplit("-----BEGIN CERTIFICATE-----").next().unwrap();
    let text: String = text.split("-----END").next().unwrap().split_whitespace().collect();
    STANDARD.decode(text).unwrap()
}
