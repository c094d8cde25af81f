//! A change of Compute Engine, waited for to its end.

use super::pace::Pace;
use crate::{
    adapters::gcp::compute::{Compute, Operation, Scope, Trouble},
    error::{Error, Result},
};

/// The id in the journal of the operation that makes something.
pub(super) const OPERATION: &str = "operation";

/// Waits until a change is made, or says why it was not.
///
/// # Errors
/// Remote: its state cannot be had, or it takes longer than `pace` waits.
pub(super) async fn finished(
    compute: &Compute,
    scope: Scope<'_>,
    mut operation: Operation,
    mut pace: Pace,
) -> Result<Option<Trouble>> {
    while !operation.is_done() {
        operation = compute.operation(scope, &operation).await?;
        if !operation.is_done() && !pace.rest().await {
            let name = crate::text::excerpt(&operation.name);
            return Err(Error::remote(format!("the change {name} of Compute Engine does not end")));
        }
    }
    Ok(operation.trouble())
}
