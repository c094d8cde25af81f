//! The key-release service: storage keys for attested nodes only.
//!
//! A library: it knows nothing of the command line, reads no environment and installs no subscriber. What a node must be is
//! judged by the same code that audits releases ([`crate::policy`], [`crate::attestation`]).
//!
//! # How a key is released
//! [`http`] (shape of a request) → [`Kms`]: policy there → [`challenge`] opened → [`peer`] signature → [`collateral`], quote
//! → nonce and peer binding → TCB and measurements → challenge consumed → key from the guest agent. Each step may end in a
//! [`Refusal`], which has a status and a code; nothing after a refusal runs.
//!
//! # Embedding
//! [`config::Settings`] judges what it is given; [`instance::Instance`] listens at once and serves until it is told to stop,
//! while the policy is loaded beside it. Where another program has the listener, [`Kms`] and [`http::router`] do.
//!
//! ```no_run
//! use merotee::kms::{
//!     config::{Given, Settings},
//!     instance::Instance,
//!     policy::{self, Publisher},
//! };
//!
//! async fn serve(publisher: &Publisher, stop: impl Future<Output = ()>) -> merotee::error::Result<()> {
//!     let settings = Settings::new(Given {
//!         version: Some("1.2.0".to_owned()),
//!         profile: Some("locked-read-only".to_owned()),
//!         ..Given::default()
//!     })?;
//!     let instance = Instance::bind(&settings).await?;
//!     instance.run(policy::load(&settings, publisher), stop).await
//! }
//! ```

pub mod asking;
pub mod challenge;
pub mod client;
mod clock;
pub mod collateral;
pub mod config;
pub mod http;
pub mod instance;
mod key_release;
mod metrics;
pub mod peer;
pub mod policy;
mod refusal;
pub mod server;
mod service;
pub mod wire;

pub use self::{
    clock::Clock,
    metrics::Metrics,
    refusal::{Refusal, RefusalCode},
    service::{Kms, Parts},
};
