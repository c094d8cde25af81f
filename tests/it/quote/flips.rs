//! Every bit of a real quote: changing it is noticed, or it stands among the bytes the documentation lists as unsigned.

use std::{fs, ops::Range, thread};

use merotee::attestation::{
    quote::{Quote, input::Input},
    verdict::{Collateral, DcapVerifier},
};

use super::Case;

/// A quote of 5,006 bytes in every version of the format and every kind of report there is.
const CASES: [&str; 3] = [
    "quotes/near_mpc.bin under collateral/near_mpc.json",
    "quotes/gtg_v5.dat under collateral/fb_azure-collateral.json",
    "quotes/dcapqvl_td15ex.bin under collateral/tdx_quote_td15ex_collateral.json",
];

struct Subject {
    bytes: Vec<u8>,
    unsigned: Vec<Range<usize>>,
    collateral: Collateral,
    at: u64,
}

impl Subject {
    fn all() -> Vec<(String, Self)> {
        let chosen = Case::verified().into_iter().filter(|case| CASES.contains(&case.name().as_str()));
        chosen
            .map(|case| {
                let bytes = fs::read(case.path("quote")).unwrap();
                let unsigned = case.quote().unsigned_ranges();
                (case.name(), Self { bytes, unsigned, collateral: case.collateral(), at: case.at() })
            })
            .collect()
    }

    /// Flips every bit that `choose` picks. Returns how many were tried and how many of them were accepted.
    fn flip(&self, name: &str, choose: impl Fn(usize) -> bool + Sync) -> (usize, usize) {
        let total = self.bytes.len() * 8;
        let half = |bits: Range<usize>| {
            let verifier = DcapVerifier::intel().unwrap();
            let (mut tried, mut accepted) = (0, 0);
            for bit in bits.filter(|bit| choose(*bit)) {
                let mut bytes = self.bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                tried += 1;
                let genuine =
                    Quote::parse(&bytes).is_ok_and(|quote| verifier.verify(&quote, &self.collateral, self.at).is_ok());
                if genuine {
                    accepted += 1;
                    let listed = self.unsigned.iter().any(|range| range.contains(&(bit / 8)));
                    assert!(listed, "{name}: bit {} of byte {} may change unnoticed", bit % 8, bit / 8);
                }
            }
            (tried, accepted)
        };
        let (first, second) = thread::scope(|scope| {
            let (first, second) = (scope.spawn(|| half(0..total / 2)), scope.spawn(|| half(total / 2..total)));
            (first.join().unwrap(), second.join().unwrap())
        });
        (first.0 + second.0, first.1 + second.1)
    }
}

#[test]
fn a_flipped_bit_is_noticed_or_lies_in_bytes_listed_as_unsigned() {
    for (name, subject) in Subject::all() {
        // A prime distance: over the bytes, every bit position comes up. Fields of two bytes and less get all of theirs.
        let field = |byte: usize| byte < 8 || (48..54).contains(&byte) || (632..640).contains(&byte);
        let (tried, _) = subject.flip(&name, |bit| bit % 31 == 0 || field(bit / 8));
        assert!(tried > 1_000, "{name}: {tried}");
    }
}

#[test]
#[ignore = "some 120,000 verifications, a few minutes: cargo test --test it -- --ignored every_flipped_bit"]
fn every_flipped_bit_is_noticed_or_lies_in_bytes_listed_as_unsigned() {
    for (name, subject) in Subject::all() {
        let (tried, accepted) = subject.flip(&name, |_| true);
        let unsigned: usize = subject.unsigned.iter().map(ExactSizeIterator::len).sum();
        eprintln!("{name}: {tried} bits flipped, {accepted} unnoticed, {unsigned} bytes listed as unsigned");
        assert_eq!(tried, subject.bytes.len() * 8);
    }
}

#[test]
fn a_real_quote_cut_at_any_length_is_an_error_until_only_padding_is_missing() {
    for (name, subject) in Subject::all() {
        let end = Quote::parse(&subject.bytes).unwrap().as_bytes().len();
        for length in 0..subject.bytes.len() {
            let cut = Quote::parse(&subject.bytes[..length]);
            assert_eq!(cut.is_ok(), length >= end, "{name}: {length}");
            // As a file, whatever its beginning is taken for.
            assert_eq!(Input::read(&subject.bytes[..length]).is_ok(), length >= end, "{name}: {length}");
        }
    }
}

#[test]
fn a_real_quote_padded_with_zeros_verifies_and_with_anything_else_does_not() {
    for (name, subject) in Subject::all() {
        let verifier = DcapVerifier::intel().unwrap();
        let mut padded = subject.bytes.clone();
        padded.resize(8000, 0);
        let quote = Quote::parse(&padded).unwrap();
        assert!(verifier.verify(&quote, &subject.collateral, subject.at).is_ok(), "{name}");
        assert_eq!(quote.as_bytes().len() + quote.padding(), 8000);
        padded.push(1);
        assert!(Quote::parse(&padded).is_err(), "{name}");
    }
}
