//! A cursor that names the field it fails on.

use super::QuoteError;

/// Reads fields one after another. `base` is where `bytes` begin within the quote, so that errors state offsets a reader
/// can look up.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    base: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self::within(bytes, 0)
    }

    pub(super) fn within(bytes: &'a [u8], base: usize) -> Self {
        Self { bytes, at: 0, base }
    }

    /// Offset of the next field within the quote.
    pub(super) fn at(&self) -> usize {
        self.base + self.at
    }

    /// Bytes not read yet.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], QuoteError> {
        let taken = self.at.checked_add(count).and_then(|end| self.bytes.get(self.at..end));
        let Some(taken) = taken else {
            let to = self.at().saturating_add(count);
            return Err(QuoteError::Truncated { field, from: self.at(), to, end: self.base + self.bytes.len() });
        };
        self.at += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], QuoteError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, field)?);
        Ok(array)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, QuoteError> {
        self.array(field).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, QuoteError> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, QuoteError> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A four-byte length.
    pub(super) fn length(&mut self, field: &'static str) -> Result<usize, QuoteError> {
        // A length that does not fit is larger than any quote, and fails as one.
        self.u32(field).map(|length| usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// A four-byte length of something that must fill the rest.
    pub(super) fn length_of_rest(&mut self, field: &'static str) -> Result<usize, QuoteError> {
        let offset = self.at();
        let found = self.length(field)?;
        let expected = self.left();
        if found == expected { Ok(found) } else { Err(QuoteError::Length { field, offset, found, expected }) }
    }
}
