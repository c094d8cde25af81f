//! Collateral judged by itself, before it is kept: never milder than the verdict on a quote, and no stricter.

use std::fs;

use merotee::{
    attestation::{
        quote::{PckCa, Quote},
        verdict::{Collateral, CollateralParts, Concern, DcapVerifier, Document, Rejection, Signed},
    },
    digest::Sha256,
};
use serde_json::Value;

use super::*;
use crate::{corpus::corpus, quote::parts_of};

fn read(json: &str) -> Collateral {
    Collateral::from_json(json.as_bytes()).unwrap()
}

fn vouched(platform: &Platform, collateral: &Collateral, now: i64) -> Result<(), Rejection> {
    let quote = Quote::parse(&self::platform().quote(&request(QuoteVersion::V4))).unwrap();
    let machine = quote.certification.platform().unwrap();
    DcapVerifier::new(platform.root_der()).unwrap().vouches_for(collateral, &machine, now.cast_unsigned())
}

/// Faults of the quote or the platform's certificate, which say nothing against the collateral; and revocations, which
/// are what collateral is for: a signed list that names a certificate must take effect.
fn says_nothing_against_the_collateral(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::ExpiredPckCertificate
            | Fault::RevokedPck
            | Fault::RevokedPlatformCa
            | Fault::RevokedTcbSigner
            | Fault::DebugAttribute
            | Fault::BadQeReportHash
            | Fault::BadQeReportSignature
            | Fault::BadQuoteSignature
    )
}

#[test]
fn every_fault_of_collateral_is_found_without_a_quote_and_no_other_is() {
    for fault in Fault::ALL {
        let faulty = platform().with_fault(fault).unwrap();
        let outcome = vouched(&faulty, &read(&faulty.collateral_json().unwrap()), NOW);
        assert_eq!(outcome.is_ok(), says_nothing_against_the_collateral(fault), "{fault:?}: {outcome:?}");
        if let Err(rejection) = outcome {
            assert_eq!(rejection.concern(), Concern::Collateral, "{fault:?}: {rejection}");
        }
    }
}

#[test]
fn it_counts_for_as_long_as_every_document_does() {
    let good = platform();
    let collateral = read(&good.collateral_json().unwrap());
    let (from, until) = (NOW - ISSUED_BEFORE, NOW - ISSUED_BEFORE + VALID_FOR);
    for (now, counts) in [(from - 1, false), (from, true), (until - 1, true), (until, false), (until + 1, false)] {
        assert_eq!(vouched(&good, &collateral, now).is_ok(), counts, "{now}");
    }
}

#[test]
fn sets_put_together_from_sound_documents_are_refused_by_themselves_and_with_a_quote_at_the_collateral() {
    type Change = fn(&mut CollateralParts);
    let good = platform();
    let bad = |document| Some(Rejection::BadSignature(Signed::Document(document)));
    let changes: [(Change, Option<Rejection>); 12] = [
        (|_| {}, None),
        (|p| p.pck_crl = p.root_ca_crl.clone(), bad(Document::PckCrl)),
        (|p| p.root_ca_crl = p.pck_crl.clone(), bad(Document::RootCrl)),
        (|p| std::mem::swap(&mut p.root_ca_crl, &mut p.pck_crl), bad(Document::RootCrl)),
        (|p| p.pck_crl_issuer_chain = p.tcb_info_issuer_chain.clone(), bad(Document::PckCrl)),
        (|p| p.pck_crl_issuer_chain = String::new(), bad(Document::PckCrl)),
        (|p| p.tcb_info_issuer_chain = p.pck_crl_issuer_chain.clone(), bad(Document::TcbInfo)),
        (|p| p.qe_identity_issuer_chain = p.pck_crl_issuer_chain.clone(), bad(Document::QeIdentity)),
        (|p| p.tcb_info_signature = p.qe_identity_signature.clone(), bad(Document::TcbInfo)),
        (|p| p.tcb_info_signature.clear(), bad(Document::TcbInfo)),
        (|p| p.tcb_info = p.tcb_info.replace(r#""pceId":"0000""#, r#""pceId":"0001""#), bad(Document::TcbInfo)),
        (|p| p.qe_identity.push(' '), bad(Document::QeIdentity)),
    ];
    for (index, (change, expected)) in changes.into_iter().enumerate() {
        let mut parts = parts_of(good.collateral_json().unwrap().as_bytes());
        change(&mut parts);
        let collateral = Collateral::from_parts(parts).unwrap();
        let quote = Quote::parse(&good.quote(&request(QuoteVersion::V4))).unwrap();
        let outcome = DcapVerifier::new(good.root_der()).unwrap().verify(&quote, &collateral, NOW.cast_unsigned());
        // No verdict rests on the chain of the PCK list: the quote brings its own.
        match (&expected, index) {
            (None, _) | (Some(_), 4 | 5) => assert!(outcome.is_ok(), "{index}: {outcome:?}"),
            (Some(_), _) => assert_eq!(outcome.unwrap_err().concern(), Concern::Collateral, "{index}"),
        }
        assert_eq!(vouched(&good, &collateral, NOW).err(), expected, "{index}");
    }
}

#[test]
fn a_list_of_the_other_pck_authority_is_not_the_machines() {
    let good = platform();
    let quote = Quote::parse(&good.quote(&request(QuoteVersion::V4))).unwrap();
    let mut machine = quote.certification.platform().unwrap();
    let verifier = DcapVerifier::new(good.root_der()).unwrap();
    let collateral = read(&good.collateral_json().unwrap());
    verifier.vouches_for(&collateral, &machine, NOW.cast_unsigned()).unwrap();
    machine.ca = PckCa::Processor;
    let rejection = verifier.vouches_for(&collateral, &machine, NOW.cast_unsigned()).unwrap_err();
    assert_eq!(rejection, Rejection::BadSignature(Signed::Document(Document::PckCrl)));
}

#[test]
fn real_collateral_is_vouched_for_where_it_verifies_a_quote_and_for_no_other_machine() {
    let Some(corpus) = corpus("tdx") else { return };
    let cases: Value = serde_json::from_slice(&fs::read(corpus.join("cases.json")).unwrap()).unwrap();
    let intel = DcapVerifier::intel().unwrap();
    let (mut sets, mut machines) = (Vec::new(), Vec::new());
    for case in cases["cases"].as_array().unwrap().iter().filter(|case| case["expect"] == "verified") {
        let file = |key: &str| fs::read(corpus.join(case[key].as_str().unwrap())).unwrap();
        let machine = Quote::parse(&file("quote")).unwrap().certification.platform().unwrap();
        let (json, at) = (file("collateral"), case["verify_at_unix"].as_u64().unwrap());
        let collateral = Collateral::from_json(&json).unwrap();
        intel.vouches_for(&collateral, &machine, at).unwrap_or_else(|e| panic!("{case}: {e}"));
        sets.push((collateral, at));
        machines.push((machine, Sha256::of(&json)));
    }
    let mut others = 0;
    for (collateral, at) in &sets {
        for (machine, _) in machines.iter().filter(|(machine, _)| hex::encode(machine.fmspc) != collateral.fmspc()) {
            others += 1;
            assert!(intel.vouches_for(collateral, machine, *at).is_err());
        }
    }
    assert!(sets.len() >= 10 && others > 0, "{} sets, {others} others", sets.len());
}
