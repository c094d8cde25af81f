//! Answers other than a success: as much of them as their message takes, and the failure each stands for.

use reqwest::header::HeaderValue;

use super::{
    client::{Answer, Http},
    failure::{self, Failure, Unwelcome, host},
    token,
};

/// How much of an error's body is read for its message.
const MAX_ERROR_BYTES: u64 = 16 << 10;

impl Http {
    /// The same client, which shows none of these either where a server repeats them.
    pub(crate) fn keeping(mut self, secrets: Vec<HeaderValue>) -> Self {
        self.secrets = secrets;
        self
    }

    /// The failure that an answer with an unwelcome status stands for.
    pub(crate) async fn rejected(&self, mut answer: Answer) -> Failure {
        let body = self.excuse(&mut answer).await;
        self.unwelcome(&answer, &body)
    }

    /// The start of its body, which is only wanted for its message: without one, or with half of one, the status has to do.
    pub(super) async fn excuse(&self, answer: &mut Answer) -> Vec<u8> {
        if self.service.is_confidential() {
            return Vec::new();
        }
        let body = self.body(answer, MAX_ERROR_BYTES).await.unwrap_or_default();
        // JSON can spell it in escapes.
        let said = failure::message(&body).unwrap_or_default();
        if self.repeats_token(&body) || self.repeats_token(said.as_bytes()) {
            tracing::debug!("{} repeats the token in its message, which is not shown", host(&answer.url));
            return Vec::new();
        }
        body
    }

    /// Whether a server's words hold a part of the token that it was sent.
    pub(crate) fn repeats_token(&self, words: &[u8]) -> bool {
        self.authorization.iter().any(|sent| token::holds_part(words, sent))
            || self.secrets.iter().any(|secret| token::holds(words, secret))
    }

    /// What a service said, with the token masked where a text of it repeats that.
    pub(crate) fn mask_token(&self, said: &mut serde_json::Value) {
        use serde_json::Value;
        match said {
            Value::String(text) if self.repeats_token(text.as_bytes()) => "(repeats the token)".clone_into(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_token(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.mask_token(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The failure, of an answer whose body was read.
    pub(super) fn unwelcome(&self, answer: &Answer, body: &[u8]) -> Failure {
        let (status, headers) = (answer.response.status(), answer.response.headers());
        let unwelcome = Unwelcome { status, headers, body, storage: answer.redirected_away };
        Failure::status(&answer.url, self.service, &unwelcome)
    }
}
