//! Probes: a machine is made, asked for its quote, measured and taken down again. Here is what that means, as values: the
//! label by which a probe knows what is its own, the journal of what it made, what was measured, and the documents that
//! remain. Nothing here asks, makes or deletes anything.

pub mod artifacts;
pub mod checks;
pub mod combine;
pub mod image;
pub mod journal;
pub mod kms;
pub mod label;
pub mod leftover;
pub mod node;
pub mod source;
pub mod tolerance;
pub mod upgrade;
