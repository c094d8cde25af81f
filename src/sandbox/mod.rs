//! A world on loopback to run real commands against.

pub mod sigstore;
