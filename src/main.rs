//! The binary: parse, run, return the code.

fn main() {}
