//! Evidence of a TDX machine, and the values a policy compares it with.

pub mod measurement;
