//! Every bit of a sandbox quote under our own verifier: changing it is noticed, or it stands among the bytes that
//! [`Quote::unsigned_ranges`] lists.

use std::{collections::BTreeSet, ops::Range, thread};

use merotee::attestation::{
    quote::Quote,
    verdict::{Collateral, DcapVerifier},
};

use super::*;

/// Random bits tried beside those of the first bytes.
const SAMPLE: usize = 3_000;
/// Header, report, the signature's length, signature and attestation key of a version 4 quote.
const COVERED: usize = 48 + 584 + 4 + 64 + 64;

struct Subject {
    root: Vec<u8>,
    quote: Vec<u8>,
    unsigned: Vec<Range<usize>>,
    collateral: Collateral,
}

/// What became of the bits that were flipped.
#[derive(Default, Debug, PartialEq, Eq)]
struct Outcome {
    tried: usize,
    accepted: usize,
}

impl Subject {
    fn new(version: QuoteVersion) -> Self {
        let platform = platform();
        let quote = platform.quote(&request(version));
        let unsigned = Quote::parse(&quote).unwrap().unsigned_ranges();
        let collateral = Collateral::from_json(platform.collateral_json().unwrap().as_bytes()).unwrap();
        Self { root: platform.root_der().to_vec(), quote, unsigned, collateral }
    }

    /// Flips the bits, each alone, on two threads. Panics at one that is accepted and not listed.
    fn flip(&self, bits: &[usize]) -> Outcome {
        let share = |bits: &[usize]| {
            let verifier = DcapVerifier::new(&self.root).unwrap();
            let mut outcome = Outcome::default();
            let mut bytes = self.quote.clone();
            for bit in bits {
                bytes[bit / 8] ^= 1 << (bit % 8);
                outcome.tried += 1;
                let verdict = Quote::parse(&bytes).map(|quote| verifier.verify(&quote, &self.collateral, NOW as u64));
                if matches!(verdict, Ok(Ok(_))) {
                    outcome.accepted += 1;
                    let listed = self.unsigned.iter().any(|range| range.contains(&(bit / 8)));
                    assert!(listed, "bit {} of byte {} may change unnoticed", bit % 8, bit / 8);
                }
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            outcome
        };
        let (left, right) = bits.split_at(bits.len() / 2);
        let [left, right] = thread::scope(|scope| {
            let halves = [scope.spawn(|| share(left)), scope.spawn(|| share(right))];
            halves.map(|half| half.join().unwrap())
        });
        Outcome { tried: left.tried + right.tried, accepted: left.accepted + right.accepted }
    }
}

/// Numbers below `bound` that look random and are the same in every run (SplitMix64).
fn numbers(bound: usize) -> impl Iterator<Item = usize> {
    let mut state = 0x6d65_726f_7465_6531_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    })
}

#[test]
fn one_bit_of_every_early_byte_and_thousands_of_others_are_noticed_or_listed_as_unsigned() {
    let subject = Subject::new(QuoteVersion::V4);
    let each = (0..COVERED).zip(numbers(8)).map(|(byte, bit)| byte * 8 + bit);
    let mut bits: BTreeSet<usize> = each.collect();
    bits.extend(numbers(subject.quote.len() * 8).take(SAMPLE));
    assert!(bits.len() > SAMPLE, "{}", bits.len());
    // Every part of the quote has its share.
    let parts = [0..48, 48..632, 632..COVERED, COVERED..COVERED + 6 + 384 + 64 + 34 + 6];
    for part in parts.into_iter().chain(subject.unsigned.iter().filter(|r| r.len() > 16).cloned()) {
        assert!(bits.iter().any(|bit| part.contains(&(bit / 8))), "{part:?}");
    }
    let bits: Vec<usize> = bits.into_iter().collect();
    let Outcome { tried, accepted } = subject.flip(&bits);
    assert_eq!(tried, bits.len());
    let early = subject.flip(&bits.iter().copied().filter(|bit| bit / 8 < COVERED).collect::<Vec<_>>());
    assert_eq!(early.accepted, 0, "nothing before the certification data may change");
    assert!(accepted > 0, "the copy of the root in the quote decides nothing");
}

#[test]
#[ignore = "flips every bit of three quotes, some minutes: cargo test --test it -- --ignored each_bit_of_a_sandbox_quote"]
fn each_bit_of_a_sandbox_quote_is_noticed_or_listed_as_unsigned() {
    for version in QuoteVersion::ALL {
        let subject = Subject::new(version);
        let bits: Vec<usize> = (0..subject.quote.len() * 8).collect();
        let outcome = subject.flip(&bits);
        let unsigned: usize = subject.unsigned.iter().map(ExactSizeIterator::len).sum();
        eprintln!("{version:?}: {outcome:?}, {unsigned} bytes listed as unsigned");
        assert_eq!(outcome.tried, subject.quote.len() * 8);
    }
}
