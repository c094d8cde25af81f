//! dstack's `attestation`: an envelope around a quote, its event log and what they were made for.
//!
//! Opened as far as the quote, which is judged like any other; nothing else in the envelope is signed. Form 0 (dstack
//! 0.5.6 and later) is SCALE: a zero byte, the platform (0 TDX, 1 TDX on Google's cloud), the quote's length as a compact
//! number, the quote. Form 1 is MessagePack and is only named ([`super::input::Foreign`]); before both, `attestation` was
//! the bare quote.

/// The quote in an envelope of form 0; `None` where `bytes` are none.
pub(super) fn quote_in(bytes: &[u8]) -> Option<&[u8]> {
    let [0, 0 | 1, rest @ ..] = bytes else { return None };
    let (length, rest) = compact(rest)?;
    let quote = rest.get(..length)?;
    // Versions 4 and 5 with an ECDSA P-256 key: so that nothing else is taken for an envelope.
    matches!(quote, [4 | 5, 0, 2, 0, ..]).then_some(quote)
}

/// A SCALE compact number, up to four bytes long: <https://docs.polkadot.com/polkadot-protocol/basics/data-encoding/>.
fn compact(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, _) = bytes.split_first()?;
    let width = match first & 0b11 {
        0b00 => 1,
        0b01 => 2,
        0b10 => 4,
        _ => return None,
    };
    let (number, rest) = bytes.split_at_checked(width)?;
    let mut wide = [0; 4];
    wide.iter_mut().zip(number).for_each(|(to, from)| *to = *from);
    usize::try_from(u32::from_le_bytes(wide) >> 2).ok().map(|length| (length, rest))
}
