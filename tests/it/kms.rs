//! The embedded KMS as its callers see it: over HTTP, with guest agents on sockets, collateral from a service, and a clock
//! that stands still until a test moves it.

mod agents;
mod collateral;
#[cfg(target_os = "linux")]
mod floods;
#[cfg(target_os = "linux")]
mod idle;
mod keys;
mod log;
mod node;
mod process;
mod races;
mod refusals;
mod requests;
mod silence;
mod site;
mod strangers;
mod weak_keys;
mod wire;
