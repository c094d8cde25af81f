//! Units on literals.
