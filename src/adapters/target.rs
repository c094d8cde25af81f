//! Where a KMS is deployed for good: a machine on Phala Cloud, or a service of a compose file on a host. Both can say what they run, take
//! another compose file, and say where the KMS is reached. Which file, and when, is for the caller to decide.

mod compose;
mod phala;

use futures_util::future::BoxFuture;
use url::Url;

pub use self::{
    compose::{Address, ComposeFile, Docker, STAND_IN},
    phala::PhalaMachine,
};
use crate::error::{Error, Result};

/// What a target runs, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// The docker-compose file that it runs or is about to run; `None` while it cannot say.
    pub compose: Option<String>,
    /// How far it is.
    pub phase: Phase,
}

/// How far a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It runs what its file says.
    Running,
    /// It is on its way, and this is its own word for that.
    Coming(String),
    /// It was given a file, and was never brought up with it; this is how it stands.
    Behind(String),
    /// It will not run, and this is why.
    Failed(String),
}

/// What came of giving a target a compose file.
#[derive(Debug)]
pub enum Applied {
    /// It was taken: the target is on its way.
    Begun,
    /// It has this file already.
    Unchanged,
    /// It was not taken, and everything is as before.
    Refused(Error),
    /// It may have been, and the error says why that is not known: [`Target::current`] tells.
    Unknown(Error),
}

/// A place where a KMS runs for good.
pub trait Target: Send + Sync {
    /// What it is, for people: `machine mero-kms on Phala Cloud`.
    fn describe(&self) -> String;

    /// What it runs.
    ///
    /// # Errors
    /// Remote or input: it cannot be asked.
    fn current(&self) -> BoxFuture<'_, Result<Current>>;

    /// Gives it a compose file. To give it the same once more does no harm.
    ///
    /// # Errors
    /// Usage: no target takes such a file. Remote or input: it surely was not given.
    fn apply<'a>(&'a self, compose: &'a str) -> BoxFuture<'a, Result<Applied>>;

    /// Where the KMS on it is reached, the best address first; none while it is on its way.
    ///
    /// # Errors
    /// Remote: it cannot be asked.
    fn addresses(&self) -> BoxFuture<'_, Result<Vec<Url>>>;
}
