//! Real quotes under real collateral: verdicts, dates, forgeries, and the commands that show them.

#[cfg(feature = "sandbox")]
mod commands;
mod dates;
mod flips;
mod forgeries;
#[cfg(feature = "sandbox")]
mod pccs;
mod remembered;

use std::{fs, path::PathBuf};

use merotee::{
    attestation::{
        measurement::{Register, TcbStatus},
        quote::Quote,
        verdict::{Collateral, CollateralParts, DcapVerifier},
    },
    digest::Sha256,
};
use serde_json::Value;

use crate::corpus::corpus;

/// A case of the corpus: a quote, collateral, a time, and what must come of them.
struct Case {
    folder: PathBuf,
    value: Value,
}

impl Case {
    fn all() -> Vec<Self> {
        let Some(folder) = corpus("tdx") else { return Vec::new() };
        let cases: Value = serde_json::from_slice(&fs::read(folder.join("cases.json")).unwrap()).unwrap();
        let cases = cases["cases"].as_array().unwrap().clone();
        cases.into_iter().map(|value| Self { folder: folder.clone(), value }).collect()
    }

    fn verified() -> Vec<Self> {
        Self::all().into_iter().filter(Self::is_verified).collect()
    }

    fn is_verified(&self) -> bool {
        self.text("expect") == "verified"
    }

    fn text(&self, key: &str) -> &str {
        self.value[key].as_str().unwrap()
    }

    fn number(&self, key: &str) -> u64 {
        self.value[key].as_u64().unwrap()
    }

    fn name(&self) -> String {
        format!("{} under {}", self.text("quote"), self.text("collateral"))
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(self.text(key))
    }

    fn quote(&self) -> Quote {
        Quote::parse(&fs::read(self.path("quote")).unwrap()).unwrap()
    }

    fn collateral(&self) -> Collateral {
        Collateral::from_json(&fs::read(self.path("collateral")).unwrap()).unwrap()
    }

    fn parts(&self) -> CollateralParts {
        parts_of(&fs::read(self.path("collateral")).unwrap())
    }

    fn at(&self) -> u64 {
        self.number("verify_at_unix")
    }
}

/// The fields of a collateral document, to be spoilt one by one.
pub(crate) fn parts_of(json: &[u8]) -> CollateralParts {
    let value: Value = serde_json::from_slice(json).unwrap();
    let text = |key: &str| value[key].as_str().unwrap().to_owned();
    let bytes = |key: &str| hex::decode(text(key)).unwrap();
    CollateralParts {
        pck_crl_issuer_chain: text("pck_crl_issuer_chain"),
        root_ca_crl: bytes("root_ca_crl"),
        pck_crl: bytes("pck_crl"),
        tcb_info_issuer_chain: text("tcb_info_issuer_chain"),
        tcb_info: text("tcb_info"),
        tcb_info_signature: bytes("tcb_info_signature"),
        qe_identity_issuer_chain: text("qe_identity_issuer_chain"),
        qe_identity: text("qe_identity"),
        qe_identity_signature: bytes("qe_identity_signature"),
    }
}

#[test]
fn every_real_case_has_the_stated_outcome_registers_status_and_advisories() {
    let verifier = DcapVerifier::intel().unwrap();
    let cases = Case::all();
    for case in &cases {
        let quote = case.quote();
        assert_eq!(u64::from(quote.header.version.number()), case.number("quote_version"));
        for register in Register::ALL {
            let expected = case.value["measurements"][register.as_str()].as_str().unwrap();
            assert_eq!(quote.report.registers.get(register).to_string(), expected, "{} {register}", case.name());
        }
        let outcome = verifier.verify(&quote, &case.collateral(), case.at());
        if case.is_verified() {
            let verdict = outcome.unwrap_or_else(|e| panic!("{}: {e}", case.name()));
            assert_eq!(verdict.tcb, case.text("tcb_status").parse::<TcbStatus>().unwrap(), "{}", case.name());
            let advisories: Vec<_> = verdict.advisories.iter().map(ToString::to_string).collect();
            let expected: Vec<_> =
                case.value["advisories"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
            assert_eq!(advisories, expected, "{}", case.name());
        } else {
            let rejection = outcome.expect_err(&case.name());
            let said = match rejection.to_string() {
                said if said.contains("the PCK certificate chain is not valid before") => "CertNotValidYet",
                said if said.contains("matches no TCB level") => "No matching TCB level",
                said => panic!("{}: {said}", case.name()),
            };
            assert!(case.text("reason_seen").contains(said), "{}: {rejection}", case.name());
        }
    }
    assert!(cases.is_empty() || cases.len() == 17);
}

#[test]
fn collateral_written_and_read_again_is_the_same() {
    for case in Case::all() {
        let written = case.collateral().to_json();
        assert_eq!(parts_of(&written), case.parts());
        assert_eq!(Collateral::from_json(&written).unwrap().to_json(), written);
    }
}

#[test]
fn intels_root_is_the_one_that_real_quotes_bring_along() {
    let root = DcapVerifier::intel().unwrap();
    assert!(root.is_intel());
    // The fingerprint that Intel publishes.
    let fingerprint = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3";
    assert_eq!(Sha256::of(root.root().der()).to_string(), fingerprint);
    assert!(root.root().subject().contains("CN=Intel SGX Root CA"));
    for case in Case::verified() {
        assert_eq!(case.quote().certification.chain().last().unwrap().der(), root.root().der(), "{}", case.name());
    }
}
