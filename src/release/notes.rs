//! Release notes: what they must say, and making them.
//!
//! [`check()`] holds a text to the rules of a class: the [`sections`] it must have, no gap left in them, and the [`image`]
//! it pins. Whether what the sections say is true is for people.

pub mod changes;
pub mod check;
pub mod commit;
pub mod generate;
pub mod image;
mod markdown;
pub mod measured;
pub mod people;
pub mod previous;
mod prose;
pub mod sections;
pub mod supplied;

pub use check::{DemandedImage, Demands, NOTES_SECTIONS, RULES, advisory, check, notes_sections};
