//! GitHub's attestations of immutable releases: a real one, those of the sandbox, and what only looks like one.

mod asked;
mod real;
mod roots;
mod sandbox;
