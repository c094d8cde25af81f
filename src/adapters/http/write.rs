//! One request that changes something, and what is known of it afterwards. Whoever asked decides what to do next: what may
//! have been done already is never asked again from here.

use reqwest::StatusCode;

use super::{
    client::{Answer, Fetched, Http},
    excerpt,
    failure::{Asked, Failure},
    reason::Reason,
    request::{Body, Request},
};
use crate::error::{Error, Result};

/// What came of a request that changes something.
#[derive(Debug)]
pub(crate) enum Written {
    /// It was carried out.
    Done(Fetched),
    /// It was not: the service says no.
    Refused(Refused),
    /// Nobody knows: the answer is an error of the server's own, or there is none.
    Unknown(Error),
}

/// A service's no.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Its status, 4xx.
    pub(crate) status: StatusCode,
    /// The codes and words of its errors, as GitHub gives them.
    pub(crate) errors: Vec<String>,
    /// The refusal as an error.
    pub(crate) error: Error,
}

impl Refused {
    /// Whether the reason is that something of this name is there already.
    pub(crate) fn already_exists(&self) -> bool {
        self.status == StatusCode::UNPROCESSABLE_ENTITY && self.errors.iter().any(|error| error == "already_exists")
    }
}

impl Http {
    /// Asks for a change. It is asked again only where it surely was not made: there was no connection, or a rate limit kept
    /// the service from it.
    ///
    /// # Errors
    /// Remote: a rate limit that lasts, no connection after all attempts. Input: a body that cannot be produced.
    pub(crate) async fn write(&self, request: &Request<'_>, subject: &str) -> Result<Written> {
        let asked = Asked::To(subject);
        let mut patience = self.attempts(asked).only_what_was_not_done();
        let limit = match request.body {
            Body::Stream(_) => self.options().download_timeout,
            Body::None | Body::Json(_) | Body::Bytes(..) => self.options().request_timeout,
        };
        loop {
            let failure = match tokio::time::timeout(limit, self.write_once(request)).await {
                Ok(Ok(written)) => return Ok(Written::Done(written)),
                Ok(Err(Outcome::Failure(failure))) => failure,
                Ok(Err(Outcome::Refused { status, errors, failure })) => {
                    let mut error = self.attempts(asked).give_up(failure);
                    if error.advice().is_none() && !errors.is_empty() {
                        error = error.help(format!("the service's reason: {}", excerpt(&errors.join("; "))));
                    }
                    return Ok(Written::Refused(Refused { status, errors, error }));
                }
                Err(_) => Failure::new(request.url, Reason::TimedOut(limit)),
            };
            if failure.was_not_done() || failure.is_ours() {
                patience.wait(failure).await?;
            } else {
                return Ok(Written::Unknown(self.attempts(asked).give_up(failure)));
            }
        }
    }

    async fn write_once(&self, request: &Request<'_>) -> Result<Fetched, Outcome> {
        let mut answer = self.open(request).await?;
        let status = answer.response.status();
        if status.is_success() {
            let body = self.body(&mut answer, self.options().max_json_bytes).await?;
            return Ok(Fetched { url: answer.url, status, headers: answer.response.headers().clone(), body });
        }
        Err(self.refused(answer).await)
    }

    /// A no, or a failure that says nothing of the kind.
    async fn refused(&self, mut answer: Answer) -> Outcome {
        let status = answer.response.status();
        let body = self.excuse(&mut answer).await;
        let failure = self.unwelcome(&answer, &body);
        if !status.is_client_error() || status == StatusCode::REQUEST_TIMEOUT || failure.was_not_done() {
            return Outcome::Failure(failure);
        }
        Outcome::Refused { status, errors: errors(&body), failure }
    }
}

/// Why a request that changes something did not end in a success.
enum Outcome {
    Failure(Failure),
    Refused { status: StatusCode, errors: Vec<String>, failure: Failure },
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// `errors` of GitHub's validation failures: codes, and words where the code is `custom`.
fn errors(body: &[u8]) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Said {
        #[serde(default)]
        errors: Vec<serde_json::Value>,
    }
    let said = serde_json::from_slice::<Said>(body).map(|said| said.errors).unwrap_or_default();
    let words = said.iter().flat_map(|error| {
        let text = |key: &str| error.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        [text("code"), text("message"), error.as_str().map(str::to_owned)]
    });
    words.flatten().filter(|word| word != "custom").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errors_of_a_refusal_are_its_codes_and_words() {
        let body = br#"{"message":"Validation Failed","errors":[{"resource":"ReleaseAsset","code":"already_exists"},
            {"code":"custom","message":"size is odd"},"plain words",7]}"#;
        assert_eq!(errors(body), ["already_exists", "size is odd", "plain words"]);
        assert_eq!(errors(b"<html>"), [""; 0]);
    }
}
