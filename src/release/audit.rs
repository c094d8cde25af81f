//! An audit of many releases: which of those that are listed it looks at, and how many of them the rate limit leaves room
//! for. What is wrong with a release is for [`super::checks`] to say, the same as for one alone.

pub mod plan;
pub mod roll;
