//! The metadata server of a machine in Google Cloud, which gives out tokens of the machine's service account.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::{Token, exchange::AccessToken};
use crate::{
    adapters::http::{Http, HttpOptions, Request, Service},
    error::{Error, Result},
};

/// A server on the machine's own link answers at once.
const PATIENCE: Duration = Duration::from_secs(3);
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
