//! `rollout …`: a new KMS goes from its tags into production through six gates.

#![allow(dead_code, reason = "the commands that use it come next")]

mod effects;
