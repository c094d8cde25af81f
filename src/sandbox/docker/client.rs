//! Hands words on to the Docker of a sandbox.

use std::time::Duration;

use url::Url;

use super::{Said, Told};
use crate::{
    adapters::http::is_loopback,
    error::{Error, Result},
};

/// How long it may take: as long as an image may take to be pulled.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Says words to the Docker at `url`.
///
/// # Errors
/// Usage: it is not on this machine. Remote: it does not answer.
pub async fn ask(url: &Url, told: &Told) -> Result<Said> {
    if !is_loopback(url) {
        return Err(Error::usage(format!("{url} is not on this machine, and a sandbox is")));
    }
    let unheard = |e: reqwest::Error| {
        Error::remote(format!("the Docker of the sandbox does not answer at {url}")).because(e.without_url())
    };
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
    let client = client.map_err(|e| Error::internal("cannot set up a client").because(e))?;
    let answer = client.post(url.clone()).json(told).send().await.map_err(unheard)?;
    answer.error_for_status().map_err(unheard)?.json().await.map_err(unheard)
}
