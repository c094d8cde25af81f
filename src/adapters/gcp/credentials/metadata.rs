//! The metadata server of a machine in Google Cloud, which gives out tokens of the machine's service account.

use std::{net::Ipv4Addr, time::Duration};

use jiff::Timestamp;
use url::Url;

use super::{Token, exchange::AccessToken};
use crate::{
    adapters::http::{Http, HttpOptions, Request, Service},
    error::{Error, Result},
};

/// A server on the machine's own link answers at once.
const PATIENCE: Duration = Duration::from_secs(3);
/// Its name where nothing else is said.
const METADATA: &str = "metadata.google.internal";
const PATH: &str = "computeMetadata/v1/instance/service-accounts/default/token";
const HELP: &str = "give a credentials file in GOOGLE_APPLICATION_CREDENTIALS or an access token in GOOGLE_OAUTH_ACCESS_TOKEN, log in with \
                    `gcloud auth application-default login`, or use google-github-actions/auth in a workflow";

/// Asks for a token.
pub(super) async fn token(server: &Url, now: Timestamp, http: &HttpOptions) -> Result<Token> {
    let url = server.join(PATH).map_err(|e| Error::usage("GCE_METADATA_HOST is not a host").because(e))?;
    let bounded = HttpOptions {
        connect_timeout: PATIENCE.min(http.connect_timeout),
        read_timeout: PATIENCE.min(http.read_timeout),
        request_timeout: PATIENCE.min(http.request_timeout),
        attempts: 2.min(http.attempts),
        max_json_bytes: super::exchange::MAX_ANSWER_BYTES,
        ..http.clone()
    };
    let http = Http::new(Service::Metadata, server.clone(), None, bounded)?;
    let asked = http.ask(&Request::get(&url, "application/json"), "a token of the metadata server").await;
    let nothing = || Error::usage("there are no credentials for Google Cloud").help(HELP);
    let answer = asked.map_err(|e| nothing().because(e))?;
    let answer = answer.ok_or_else(|| {
        Error::usage("there are no credentials for Google Cloud: this machine has no service account").help(HELP)
    })?;
    // Another server, such as a captive portal's, does not say so.
    if answer.headers.get("metadata-flavor").is_none_or(|flavor| flavor != "Google") {
        return Err(nothing());
    }
    AccessToken::read(answer.body, "the metadata server")?.token(now)
}

/// The metadata server: a host of this network, never one that a request could leave it for.
pub(super) fn server(host: Option<&str>) -> Result<Url> {
    let host = host.unwrap_or(METADATA);
    let wrong = || {
        Error::usage("GCE_METADATA_HOST is not a host, or one on the internet")
            .help(format!("leave it unset for {METADATA}, or give HOST or HOST:PORT"))
    };
    let url = Url::parse(&format!("http://{host}/")).map_err(|e| wrong().because(e))?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    // What is sent there is answered with a secret, in the clear.
    let near = match url.host() {
        Some(url::Host::Ipv4(address)) => is_near(address),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        Some(url::Host::Domain(name)) => name == "localhost" || name == METADATA || !name.contains('.'),
        None => false,
    };
    if plain && near { Ok(url) } else { Err(wrong()) }
}

fn is_near(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_link_local() || address.is_private()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_server_is_a_host_of_this_network() {
        for good in [METADATA, "169.254.169.254", "127.0.0.1:8080", "metadata", "10.0.0.2"] {
            assert!(server(Some(good)).is_ok(), "{good}");
        }
        for bad in ["", "evil.example", "8.8.8.8", "127.0.0.1/x", "u@127.0.0.1", "127.0.0.1:port", "metadata?x"] {
            assert!(server(Some(bad)).is_err(), "{bad}");
        }
    }
}
