//! What a single flipped bit does to a quote.

use std::ops::Range;

use super::*;

/// Where a quote's parts lie.
struct Layout {
    /// Header, descriptor and report: what the attestation key signs.
    signed: usize,
    /// First byte of the certification data: its kind, its length, the QE report.
    certification: usize,
    /// First byte of the PCK chain.
    chain: usize,
    len: usize,
}

fn layout(version: QuoteVersion, quote: &[u8]) -> Layout {
    let signed = match version {
        QuoteVersion::V4 => 48 + 584,
        QuoteVersion::V5Td10 => 48 + 6 + 584,
        QuoteVersion::V5Td15 => 48 + 6 + 648,
    };
    let certification = signed + 4 + 64 + 64;
    Layout { signed, certification, chain: certification + 6 + 384 + 64 + 2 + 32 + 6, len: quote.len() }
}

impl Layout {
    /// The bytes that no signature, hash or length check of dcap-qvl covers, as `docs/sandbox-tdx.md` lists them.
    fn unsigned(&self, quote: &[u8]) -> Vec<Range<usize>> {
        let chain = &quote[self.chain..];
        let text = std::str::from_utf8(chain).unwrap();
        let begins: Vec<_> = text.match_indices("-----BEGIN").map(|(at, _)| self.chain + at).collect();
        let mut ranges = vec![
            // The outer kind: dcap-qvl reads a QE report whatever it says.
            self.certification..self.certification + 2,
            // The inner length: a chain cut short after its second certificate is still a chain.
            self.chain - 4..self.chain,
            // The copy of the root, and the NUL after it.
            begins[2]..self.len,
        ];
        // Line ends of the PEM.
        ranges.extend(text.match_indices('\n').map(|(at, _)| self.chain + at..self.chain + at + 1));
        ranges
    }
}

/// Flips the bits that `pick` chooses and returns those that were accepted outside the unsigned bytes, with the number
/// tried and the number accepted inside.
fn survey(version: QuoteVersion, pick: impl Fn(usize, u8) -> bool) -> (Vec<(usize, u8)>, usize, usize) {
    let platform = platform();
    let collateral = collateral(&platform);
    let quote = platform.quote(&request(version));
    let layout = layout(version, &quote);
    let unsigned = layout.unsigned(&quote);
    let (mut surprises, mut tried, mut accepted) = (Vec::new(), 0, 0);
    let mut flipped = quote.clone();
    for at in 0..quote.len() {
        for bit in (0..8).filter(|bit| pick(at, *bit)) {
            flipped[at] ^= 1 << bit;
            tried += 1;
            if verify(platform.root_der(), &flipped, &collateral, NOW).is_ok() {
                if unsigned.iter().any(|range| range.contains(&at)) {
                    accepted += 1;
                } else {
                    surprises.push((at, bit));
                }
            }
            flipped[at] ^= 1 << bit;
        }
    }
    assert!(layout.signed < layout.certification);
    (surprises, tried, accepted)
}

#[test]
fn a_flipped_bit_in_any_byte_is_refused_or_lies_in_bytes_the_docs_list() {
    for version in [QuoteVersion::V4, QuoteVersion::V5Td15] {
        let (surprises, tried, accepted) = survey(version, |at, bit| usize::from(bit) == at % 8);
        assert_eq!(surprises, [], "{version:?}");
        assert!(tried > 3_000 && accepted > 0, "{version:?}: {tried} tried, {accepted} accepted");
    }
}

#[test]
#[ignore = "flips every bit of three quotes: about a minute each"]
fn every_flipped_bit_is_refused_or_lies_in_bytes_the_docs_list() {
    for version in QuoteVersion::ALL {
        let (surprises, tried, accepted) = survey(version, |_, _| true);
        eprintln!(
            "{version:?}: {tried} bits flipped, {accepted} accepted in unsigned bytes, {} elsewhere",
            surprises.len()
        );
        assert_eq!(surprises, [], "{version:?}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let platform = platform();
    let collateral = collateral(&platform);
    let quote = platform.quote(&request(QuoteVersion::V4));
    for len in 0..quote.len() {
        verify(platform.root_der(), &quote[..len], &collateral, NOW).unwrap_err();
    }
}
