//! What reading a release gives, whatever it was read from.

use crate::release::{
    asset_name::RefusedName,
    selection::Selection,
    snapshot::{Asset, Available, Origin},
};

/// A release's listing and contents, not yet judged in any way.
#[derive(Debug)]
pub struct Fetched {
    /// Contract and what was needed under it.
    pub selection: Selection,
    /// Where it came from.
    pub origin: Origin,
    /// Assets with usable, unique names.
    pub assets: Vec<Asset>,
    /// Unsafe names.
    pub refused: Vec<(String, RefusedName)>,
    /// Names that occur more than once.
    pub duplicates: Vec<String>,
    /// Release notes.
    pub notes: Available<String>,
}
