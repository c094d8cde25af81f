//! Publishing a release: what GitHub holds of it ([`state`]), what keeps it from being published ([`target`], [`files`], [`checks`]), and
//! what is to be done about the difference ([`plan`]). Values alone: nothing here asks or changes anything.

pub mod checks;
pub mod files;
pub mod mark;
pub mod names;
pub mod plan;
pub mod refresh;
pub mod state;
pub mod target;
