//! The wait for a KMS: asked at every address that it may be reached at until it says that it is ready.

use std::time::{Duration, Instant};

use url::Url;

use super::pauses::Pauses;
use crate::{
    adapters::http::HttpOptions,
    commands::kms::health,
    context::Context,
    error::{self, Error, Result},
    kms::{client::KmsClient, wire::Health},
    progress::Phase,
};

/// How long one question about health may take.
const QUESTION: Duration = Duration::from_secs(8);
/// How long a KMS that answers may take to load its policy. One that is not released yet has none to load.
const POLICY_GRACE: Duration = Duration::from_secs(20);

/// The first of `addresses` at which a KMS answers, and what it says; it may say that it has no policy.
///
/// # Errors
/// Remote: none answers in time.
pub(in crate::commands) async fn until_healthy(
    addresses: &[Url],
    patience: Duration,
    context: &Context,
) -> Result<(Url, Health)> {
    let end = Instant::now() + patience;
    let options = HttpOptions {
        attempts: 1,
        request_timeout: context.http.request_timeout.min(QUESTION),
        ..context.http.clone()
    };
    let clients = addresses.iter().map(|url| Ok((url, KmsClient::new(url, options.clone())?)));
    let clients: Vec<(&Url, KmsClient)> = clients.collect::<Result<_>>()?;
    let _shown = Phase::waiting("waiting for the KMS to answer at /health");
    let mut pauses = Pauses::new();
    let mut first = None;
    loop {
        let mut last = String::new();
        for (url, client) in &clients {
            match client.health().await {
                Ok(Ok(health)) => {
                    let since = *first.get_or_insert_with(Instant::now);
                    if health::is_ready(&health) || since.elapsed() >= POLICY_GRACE {
                        return Ok(((*url).clone(), health));
                    }
                    "it has not loaded its policy".clone_into(&mut last);
                }
                Ok(Err(refused)) => last = format!("{} answers {refused}", client.host()),
                Err(error) => last = error::chain(&error),
            }
        }
        if Instant::now() >= end {
            let message = format!("the KMS did not answer in time at /health: {last}");
            return Err(Error::remote(message).help("look at the KMS's own log; wait longer with --wait"));
        }
        pauses.sleep().await;
    }
}
