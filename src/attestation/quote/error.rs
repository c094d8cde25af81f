//! Why bytes are not a quote we accept.

use super::MAX_QUOTE_BYTES;

/// The bytes are not a TDX quote of a form we accept. Offsets count from the quote's first byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// More bytes than any quote has.
    #[error("the quote has {len} bytes; at most {MAX_QUOTE_BYTES} are read")]
    TooLarge {
        /// Bytes there are.
        len: usize,
    },
    /// The bytes end within a field.
    #[error("the quote ends at byte {end}, but {field} needs bytes {from} to {to}")]
    Truncated {
        /// The field.
        field: &'static str,
        /// Its first byte.
        from: usize,
        /// The byte behind its last.
        to: usize,
        /// Where the bytes, or the structure around the field, end.
        end: usize,
    },
    /// A field has a value we do not accept.
    #[error("{field} at byte {offset} is {found}, expected {expected}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// Its first byte.
        offset: usize,
        /// What is there.
        found: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// A length disagrees with the structure around it.
    #[error("{field} at byte {offset} is {found}, but the structure around it leaves {expected} bytes")]
    Length {
        /// The field.
        field: &'static str,
        /// Its first byte.
        offset: usize,
        /// What it states.
        found: usize,
        /// What there is room for.
        expected: usize,
    },
    /// Something other than zeros follows the quote.
    #[error("byte {offset} lies behind the end of the quote and is not zero")]
    Trailing {
        /// The first such byte.
        offset: usize,
    },
    /// The certificate chain cannot be read.
    #[error("the PCK certificate chain at byte {offset} cannot be read: {reason}")]
    Chain {
        /// Where the chain begins.
        offset: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl QuoteError {
    pub(super) fn unsupported(
        field: &'static str,
        offset: usize,
        found: impl ToString,
        expected: &'static str,
    ) -> Self {
        Self::Unsupported { field, offset, found: found.to_string(), expected }
    }
}
