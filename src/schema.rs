//! The JSON Schemas of `schemas/`, compiled in, and validation against them.
