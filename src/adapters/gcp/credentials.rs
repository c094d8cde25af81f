//! Access tokens of Google Cloud: whose they are, where they come from, how long they hold. They are secrets: no message
//! holds a part of one, and nothing that a token service says is repeated.
//!
//! The order is that of Google's own libraries ("Application Default Credentials"), after a token that is given:
//! `GOOGLE_APPLICATION_CREDENTIALS`, the file of gcloud, the metadata server.

mod exchange;
mod file;
mod hosts;
mod jwt;
mod metadata;

use std::{fmt, path::PathBuf};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use url::Url;

pub use self::hosts::Hosts;
use self::{exchange::User, exchange::Workload, file::Kind, jwt::ServiceAccount};
use crate::{
    adapters::http::HttpOptions,
    error::{Error, Result},
};

/// What an access token is good for. Rights are the account's roles, and not this.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// A token that expires sooner is not used any more: a request and its wait for an answer must fit in.
const MARGIN: SignedDuration = SignedDuration::from_secs(240);
/// How long a token holds that states no end.
const UNSTATED: SignedDuration = SignedDuration::from_secs(600);

/// Where to look for credentials, in this order.
#[derive(Debug, Clone)]
pub struct Sources {
    /// An access token that is given.
    pub token: Option<SecretString>,
    /// `GOOGLE_APPLICATION_CREDENTIALS`.
    pub file: Option<PathBuf>,
    /// Where gcloud keeps what `gcloud auth application-default login` made.
    pub gcloud: Option<PathBuf>,
    /// `GCE_METADATA_HOST`; `None`: the name that every machine in Google Cloud knows.
    pub metadata: Option<String>,
    /// Whom the secrets of a file may be sent to.
    pub hosts: Hosts,
}

/// An account, and its access token as long as that holds.
pub struct Credentials {
    kind: Source,
    http: HttpOptions,
    clock: fn() -> Timestamp,
    kept: Mutex<Option<Token>>,
}

/// Where tokens come from.
enum Source {
    Given(SecretString),
    Account(ServiceAccount),
    Workload(Box<Workload>),
    User(User),
    Metadata(Url),
}

/// An access token.
#[derive(Clone)]
struct Token {
    secret: SecretString,
    expires: Timestamp,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("whose", &self.whose()).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Finds them and reads their file. Nothing is asked yet.
    ///
    /// # Errors
    /// Input: the file that is named cannot be read. Usage: it holds no credentials of a kind that is understood, or names
    /// a host that secrets are not sent to.
    pub fn find(sources: &Sources, http: HttpOptions, clock: fn() -> Timestamp) -> Result<Self> {
        let kind = match (&sources.token, &sources.file, &sources.gcloud) {
            (Some(token), _, _) => Source::Given(token.expose_secret().trim().into()),
            (None, Some(path), _) => Self::of(file::read(path, &sources.hosts)?),
            (None, None, Some(path)) if path.is_file() => Self::of(file::read(path, &sources.hosts)?),
            (None, None, _) => Source::Metadata(metadata::server(sources.metadata.as_deref())?),
        };
        Ok(Self { kind, http, clock, kept: Mutex::new(None) })
    }

    fn of(kind: Kind) -> Source {
        match kind {
            Kind::Account(account) => Source::Account(account),
            Kind::Workload(workload) => Source::Workload(workload),
            Kind::User(user) => Source::User(user),
        }
    }

    /// Whose they are, for people.
    pub fn whose(&self) -> String {
        match &self.kind {
            Source::Given(_) => "the access token that was given".to_owned(),
            Source::Account(account) => format!("the service account {}", account.email()),
            Source::Workload(workload) => workload.whose(),
            Source::User(_) => "the user who logged in with gcloud".to_owned(),
            Source::Metadata(_) => "this machine's service account".to_owned(),
        }
    }

    /// A token that holds for some minutes at least.
    ///
    /// # Errors
    /// Remote: the service that gives it out fails. Usage: there are no credentials at all.
    pub async fn token(&self) -> Result<SecretString> {
        let mut kept = self.kept.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.expires > (self.clock)() + MARGIN) {
            return Ok(token.secret.clone());
        }
        let token = self.fresh().await?;
        let secret = token.secret.clone();
        *kept = Some(token);
        Ok(secret)
    }

    /// Forgets a token that was not accepted, so that the next one is another. Whether there can be one.
    pub(crate) async fn forget(&self, refused: &SecretString) -> bool {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|token| token.secret.expose_secret() == refused.expose_secret()) {
            *kept = None;
        }
        !matches!(self.kind, Source::Given(_))
    }

    async fn fresh(&self) -> Result<Token> {
        let now = (self.clock)();
        tracing::debug!("getting an access token of {}", self.whose());
        match &self.kind {
            Source::Given(token) if token.expose_secret().is_empty() => {
                Err(Error::usage("the access token is empty").help("give another, or leave it out"))
            }
            // When it ends is not known: the service says so.
            Source::Given(token) => Ok(Token { secret: token.clone(), expires: Timestamp::MAX }),
            Source::Account(account) => account.token(now),
            Source::Workload(workload) => workload.token(now, &self.http).await,
            Source::User(user) => user.token(now, &self.http).await,
            Source::Metadata(server) => metadata::token(server, now, &self.http).await,
        }
    }
}

impl Token {
    /// One that holds for so many seconds from now.
    fn lasting(secret: SecretString, now: Timestamp, seconds: Option<u64>) -> Self {
        // Longer ones than a day are not given out.
        let lasts = seconds.map_or(UNSTATED, |seconds| {
            SignedDuration::from_secs(i64::try_from(seconds.min(86_400)).unwrap_or(i64::from(u16::MAX)))
        });
        Self { secret, expires: now.saturating_add(lasts).unwrap_or(now) }
    }
}
