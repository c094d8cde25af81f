//! Requests that change something, told apart by what is known of them afterwards: done, refused, or anybody's guess.

use reqwest::StatusCode;

use super::{
    client::{Fetched, Http},
    failure::{Asked, Failure},
    reason::Reason,
    request::{Body, Request},
};
use crate::error::{Error, Result};

/// What is known of a request that was to change something.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It was carried out.
    Done(Fetched),
    /// It was not, and the service says why.
    Refused(Refused),
    /// The answer got lost, or says nothing of it: look before anything else is done.
    Unclear(Error),
}

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) struct Refused {
    /// 4xx.
    pub(crate) status: StatusCode,
    /// The service's words, as remote text.
    pub(crate) said: String,
    /// The same as an error, where nothing else can be made of it.
    pub(crate) error: Error,
}

impl Http {
    /// Makes a request, again as often as the options say and its [`Request::idempotent`] allows.
    ///
    /// # Errors
    /// Remote: it was surely not carried out, and asking again can't help: a rate limit holds for too long, a redirect
    /// leads elsewhere. Input: a body that cannot be produced.
    pub(crate) async fn attempt(&self, request: &Request<'_>, subject: &str) -> Result<Attempt> {
        let mut patience = self.attempts(Asked::To(subject));
        if !request.idempotent {
            patience = patience.only_what_was_not_done();
        }
        loop {
            let failure = match self.within_limit(request).await {
                Ok(Some(fetched)) => return Ok(Attempt::Done(fetched)),
                Ok(None) => Failure::not_found(request.url),
                Err(failure) => failure,
            };
            let (refusal, undone) = (failure.refusal(), failure.was_not_done());
            let Err(error) = patience.wait(failure).await else { continue };
            return match refusal {
                Some((status, said)) => Ok(Attempt::Refused(Refused { status, said, error })),
                None if undone => Err(error),
                None => Ok(Attempt::Unclear(error)),
            };
        }
    }

    /// One attempt, for as long as one may take. `None` is a 404.
    pub(super) async fn within_limit(&self, request: &Request<'_>) -> Result<Option<Fetched>, Failure> {
        let limit = match request.body {
            Body::Stream(_) => self.options().download_timeout,
            Body::None | Body::Json(_) | Body::Bytes(..) => self.options().request_timeout,
        };
        let timed_out = |_| Err(Failure::new(request.url, Reason::TimedOut(limit)));
        // What is waited for at the gate is nobody's delay: no answer is late yet.
        let outcome = match self.gate.enter(request.url).await {
            Ok(()) => tokio::time::timeout(limit, self.ask_once(request)).await.unwrap_or_else(timed_out),
            Err(closed) => Err(closed),
        };
        if let Err(failure) = &outcome {
            self.heed(failure);
        }
        outcome
    }
}

impl Failure {
    /// The status and the words with which the service refused, if it did: not because of its own trouble, nor of a
    /// rate limit.
    fn refusal(&self) -> Option<(StatusCode, String)> {
        match self.reason() {
            Reason::Status { status, said, .. }
                if status.is_client_error() && *status != StatusCode::REQUEST_TIMEOUT =>
            {
                Some((*status, said.clone().unwrap_or_else(|| status.to_string())))
            }
            Reason::Status { .. }
            | Reason::Unreachable { .. }
            | Reason::TimedOut(_)
            | Reason::Broken(_)
            | Reason::RateLimited { .. }
            | Reason::Refused(_)
            | Reason::TooLarge(_)
            | Reason::Setup(_)
            | Reason::Unsendable(_) => None,
        }
    }
}
