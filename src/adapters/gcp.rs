//! Google Cloud, as far as a probe needs it: access tokens of every kind ([`credentials`]) and the calls to Compute Engine
//! that boot a machine, look at it and take it away ([`compute`]). What a probe does with them is not decided here.

pub mod compute;
pub mod credentials;
