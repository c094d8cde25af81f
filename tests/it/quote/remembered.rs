//! Remembering changes no verdict: the library with a memory and without one, over real evidence and its mutations.

use std::fs;

use dcap_qvl::{
    QuoteCollateralV3,
    config::Config,
    verify::{self, VerifiedReport},
};
use merotee::attestation::{
    dcap::{Plain, Remembering},
    verdict::DcapVerifier,
};
use proptest::prelude::*;

use super::Case;

/// A quote, collateral and a time when both count.
struct Evidence {
    quote: Vec<u8>,
    collateral: QuoteCollateralV3,
    at: u64,
}

impl Evidence {
    /// Every pair of the corpus, those included that must not verify.
    fn all() -> Vec<Self> {
        let read = |case: &Case, key| fs::read(case.path(key)).unwrap();
        let evidence = Case::all().into_iter().map(|case| {
            let mut collateral: QuoteCollateralV3 = serde_json::from_slice(&read(&case, "collateral")).unwrap();
            collateral.pck_certificate_chain = None;
            Self { quote: read(&case, "quote"), collateral, at: case.at() }
        });
        evidence.collect()
    }

    /// The parts that are bytes, and those that are text.
    fn spoil(&mut self, part: usize, at: usize, bit: u8) {
        let collateral = &mut self.collateral;
        let bytes = match part {
            0 => &mut self.quote,
            1 => &mut collateral.root_ca_crl,
            2 => &mut collateral.pck_crl,
            3 => &mut collateral.tcb_info_signature,
            4 => &mut collateral.qe_identity_signature,
            _ => {
                let text = match part {
                    5 => &mut collateral.tcb_info,
                    6 => &mut collateral.qe_identity,
                    7 => &mut collateral.tcb_info_issuer_chain,
                    8 => &mut collateral.qe_identity_issuer_chain,
                    _ => &mut collateral.pck_crl_issuer_chain,
                };
                let mut bytes = std::mem::take(text).into_bytes();
                let at = at % bytes.len();
                // Stays ASCII, so it stays text.
                bytes[at] ^= 1 << (bit % 7);
                *text = String::from_utf8(bytes).unwrap();
                return;
            }
        };
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
    }

    fn judged<C: Config>(&self, root: &[u8]) -> Result<String, String> {
        let verifier = verify::QuoteVerifier::<C>::new_with_config(root.to_vec());
        let verdict: Result<VerifiedReport, _> = verifier.verify(&self.quote, &self.collateral, self.at);
        verdict.map(|report| serde_json::to_string(&report).unwrap()).map_err(|e| format!("{e:#}"))
    }

    fn assert_same(&self) -> bool {
        let intel = DcapVerifier::intel().unwrap();
        let root = intel.root().der();
        let plain = self.judged::<Plain>(root);
        // Twice: the second time, what verified the first time is remembered.
        for _ in 0..2 {
            assert_eq!(self.judged::<Remembering>(root), plain);
        }
        plain.is_ok()
    }
}

#[test]
fn real_evidence_is_judged_alike_with_and_without_a_memory() {
    let cases = Evidence::all();
    let verified = cases.iter().filter(|case| case.assert_same()).count();
    assert!(cases.is_empty() || verified > 0, "no case verified: nothing was compared");
}

#[test]
fn spoilt_evidence_is_judged_alike_when_the_sound_one_is_remembered() {
    if Evidence::all().is_empty() {
        return;
    }
    // Everything sound is remembered first: the most a memory could be tempted with.
    for case in Evidence::all() {
        case.assert_same();
    }
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) };
    proptest!(config, |(case in any::<prop::sample::Index>(), part in 0..10_usize, at in any::<usize>(), bit in 0..8_u8, late in 0..4_u64)| {
        let mut cases = Evidence::all();
        let mut case = cases.swap_remove(case.index(cases.len()));
        case.spoil(part, at, bit);
        // Also after everything has expired: what is remembered must not outlive its time.
        case.at += late * 40 * 24 * 3600;
        case.assert_same();
    });
}
