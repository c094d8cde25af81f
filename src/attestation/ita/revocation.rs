//! Revocation lists (RFC 5280, section 5) of the authorities above a token's key. Whether one counts, the `webpki` library
//! judges; what is said of those that could not be had, this does.

use std::fmt;

use webpki::{CertRevocationList, OwnedCertRevocationList};

use super::Refusal;
use crate::{attestation::verdict::revocation_list, schema::excerpt::excerpt};

/// What came of asking for a revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Where it was asked for, or which file it is.
    pub address: String,
    /// The list, in DER or PEM; or why there is none.
    pub outcome: Result<Vec<u8>, String>,
}

/// Whether a certificate is known not to be revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Whose certificate it is.
    pub subject: String,
    /// `None`: a list of its issuer was read, and it is not on it. Else why there is none.
    pub unknown: Option<String>,
}

impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unknown {
            None => write!(f, "{} is not revoked", self.subject),
            Some(why) => write!(f, "it is not known whether {} is revoked: {why}", self.subject),
        }
    }
}

/// A list and where it is from.
pub(super) type Read<'a> = (&'a str, CertRevocationList<'static>);

/// The lists that were had, read.
pub(super) struct Lists<'a> {
    pub(super) read: Vec<Read<'a>>,
    /// Where none was had, and why.
    pub(super) missing: Vec<(&'a str, &'a str)>,
}

impl<'a> Lists<'a> {
    /// Reads what came. What came and is not a list is refused: anyone who changes lists on the way must not be able to
    /// have them ignored without a word.
    pub(super) fn read(lists: &'a [List]) -> Result<Self, Refusal> {
        let mut all = Self { read: Vec::new(), missing: Vec::new() };
        for List { address, outcome } in lists {
            match outcome {
                Err(why) => all.missing.push((address, why)),
                Ok(bytes) => all.read.push((address, parsed(address, bytes)?)),
            }
        }
        Ok(all)
    }
}

fn parsed(address: &str, bytes: &[u8]) -> Result<CertRevocationList<'static>, Refusal> {
    let unfit = |reason: String| Refusal::RevocationList { address: excerpt(address), reason };
    let der = revocation_list(bytes).map_err(unfit)?;
    let list = OwnedCertRevocationList::from_der(&der).map_err(|e| unfit(format!("it cannot be read: {e}")))?;
    Ok(list.into())
}
