//! Proposals of log entries, of whichever kind the log takes.

use serde_json::Value;

use super::{
    envelope,
    record::{HashedRekord, NewEntry},
};
use crate::error::{Error, Result};

/// Reads a proposed entry of any kind the log takes and checks its signature.
///
/// # Errors
/// A usage error that says what is wrong with the proposal.
pub(super) fn read_proposal(proposal: &Value) -> Result<NewEntry> {
    let field = |name: &str| proposal.get(name).and_then(Value::as_str);
    match (field("kind"), field("apiVersion")) {
        (Some("hashedrekord"), Some("0.0.1")) => HashedRekord::from_proposal(proposal)?.new_entry(),
        (Some("dsse"), Some("0.0.1")) => envelope::from_proposal(proposal),
        (_, _) => Err(Error::usage("only hashedrekord 0.0.1 and dsse 0.0.1 entries can be logged here")),
    }
}
