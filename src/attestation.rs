//! Evidence of a TDX machine, and the values a policy compares it with.

pub mod compose_hash;
pub mod dcap;
pub mod encoded;
pub mod event_log;
pub mod ita;
pub mod key_answer;
pub mod measurement;
pub mod quote;
pub mod report_data;
pub mod runtime;
pub mod verdict;
