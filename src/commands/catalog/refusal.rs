//! Why a catalog was not edited, for a report.

use crate::{
    catalog::edit::{CATALOG_EDIT, EditError},
    error::{Error, Result},
    report::Finding,
};

/// Why the text was not changed: a finding, or an error when it is none of the catalog's faults.
pub(super) fn refused(subject: &str, error: EditError) -> Result<Finding> {
    let help = match &error {
        EditError::Unreadable(finding) => return Ok(Finding { check: CATALOG_EDIT.id, ..(**finding).clone() }),
        EditError::Malformed { place, .. } => {
            let finding = CATALOG_EDIT.fail(subject, error.to_string()).within(place);
            return Ok(finding.help("compare them with schemas/compatibility-catalog.schema.json"));
        }
        EditError::Twice(..) => "keep one entry per pair, then run this again",
        EditError::AlreadyTested(..) => "leave out --untested; to take a pair back, remove its entry",
        EditError::NotExpressible(_) => "turn the catalog into one with `entries`, which holds any pair",
        EditError::Defect => {
            return Err(
                Error::internal(format!("{subject} was left as it is, because the edit went wrong")).because(error)
            );
        }
    };
    Ok(CATALOG_EDIT.fail(subject, error.to_string()).help(help))
}
