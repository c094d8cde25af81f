//! One request and its answer, whatever the status: for services whose refusals are answers.

use reqwest::{Method, StatusCode, Url};

use super::{
    client::Http,
    failure::Failure,
    reason::Reason,
    request::{Body, Request},
};
use crate::error::Result;

impl Http {
    /// Sends `json`, or just asks, once: what a request changes must not be changed twice. Any status is an answer.
    ///
    /// # Errors
    /// Remote: no answer, or one that is too large, slow or cut, or a redirect elsewhere.
    pub(crate) async fn exchange(
        &self,
        url: &Url,
        json: Option<&serde_json::Value>,
        subject: &str,
    ) -> Result<(StatusCode, Vec<u8>)> {
        let request = match json {
            None => Request::new(Method::GET, url),
            Some(json) => Request { body: Body::json(json), ..Request::new(Method::POST, url) },
        };
        let limit = self.options().request_timeout;
        let exchange = async {
            let mut answer = self.open(&request).await?;
            let body = self.body(&mut answer, self.options().max_json_bytes).await?;
            Ok((answer.response.status(), body))
        };
        let failure = match self.admitted(url).await {
            Ok(()) => match tokio::time::timeout(limit, exchange).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::new(url, Reason::TimedOut(limit)),
            },
            Err(closed) => closed,
        };
        Err(self.patience(subject).give_up(failure))
    }
}
