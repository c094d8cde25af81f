//! Whom the secrets of a credentials file may be sent to. The file says where to send them, and such files come from
//! elsewhere: those for workload identities have been used to make programs ask servers of an attacker's choice.

use url::Url;

use crate::{
    adapters::http::{has_credentials, host},
    error::{Error, Result},
    schema::excerpt::excerpt,
};

/// Google's hosts.
const GOOGLE: &str = "googleapis.com";

/// The hosts that may be asked.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// Where the job of GitHub Actions gets its identity tokens: `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub actions: Option<Url>,
    /// Servers in Google's place: those of a sandbox, and none in the real world.
    pub besides: Vec<Url>,
}

impl Hosts {
    /// An address of Google's that the field `field` states.
    ///
    /// # Errors
    /// Usage: it is another's.
    pub(super) fn google(&self, field: &str, text: &str) -> Result<Url> {
        let url = address(field, text)?;
        let domain = url.domain().unwrap_or_default();
        let google = domain.strip_suffix(GOOGLE).is_some_and(|name| name.is_empty() || name.ends_with('.'));
        let usual = url.scheme() == "https" && google && url.port().is_none();
        if usual || self.besides.iter().any(|one| one.origin() == url.origin()) {
            return Ok(url);
        }
        Err(elsewhere(field, &url, "https on a host of googleapis.com"))
    }

    /// The address that GitHub Actions gives identity tokens at, which the field `field` states.
    ///
    /// # Errors
    /// Usage: it is another's, or this is not a job of GitHub Actions.
    pub(super) fn runner(&self, field: &str, text: &str) -> Result<Url> {
        let url = address(field, text)?;
        match &self.actions {
            Some(actions) if actions.origin() == url.origin() && self.may_be_shown_a_token(&url) => Ok(url),
            Some(actions) => Err(elsewhere(field, &url, &format!("the host of this job's tokens, {}", host(actions)))),
            None => Err(Error::usage(format!(
                "the credentials file's {field} is an address of GitHub Actions, and this is not a job with the permission `id-token: write`"
            ))
            .help("give the job that permission: ACTIONS_ID_TOKEN_REQUEST_URL is not set")),
        }
    }

    fn may_be_shown_a_token(&self, url: &Url) -> bool {
        url.scheme() == "https" || self.besides.iter().any(|one| one.origin() == url.origin())
    }
}

fn address(field: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text)
        .map_err(|e| Error::usage(format!("the credentials file's {field} is not an address")).because(e))?;
    if has_credentials(&url) || url.host_str().is_none() {
        return Err(Error::usage(format!("the credentials file's {field} is not an address of a plain host")));
    }
    Ok(url)
}

fn elsewhere(field: &str, url: &Url, expected: &str) -> Error {
    let shown = format!("{}://{}", excerpt(url.scheme()), host(url));
    Error::usage(format!("the credentials file's {field} leads to {shown}: expected {expected}"))
        .help("no secret is sent there: get the file from Google Cloud or from google-github-actions/auth")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn actions() -> Hosts {
        let url = "https://run-actions-1-azure-eastus.actions.githubusercontent.com/1//idtoken?api-version=2.0";
        Hosts { actions: Some(Url::parse(url).unwrap()), besides: Vec::new() }
    }

    #[test]
    fn only_google_gets_what_is_meant_for_google() {
        let hosts = actions();
        for good in [
            "https://sts.googleapis.com/v1/token",
            "https://oauth2.googleapis.com/token",
            "https://STS.googleapis.com/",
        ] {
            assert!(hosts.google("token_url", good).is_ok(), "{good}");
        }
        for bad in [
            "http://sts.googleapis.com/v1/token",
            "https://sts.googleapis.com:8443/v1/token",
            "https://evilgoogleapis.com/",
            "https://googleapis.com.evil.example/",
            "https://u:p@sts.googleapis.com/",
            "https://sts.googleapis.com@evil.example/",
            "https://127.0.0.1/",
            "http://169.254.169.254/computeMetadata/v1/",
            "file:///etc/passwd",
            "https:\\\\evil.example\\.googleapis.com",
            "",
        ] {
            let said = hosts.google("token_url", bad).unwrap_err().to_string();
            assert!(said.starts_with("the credentials file's token_url "), "{bad}: {said}");
        }
    }

    #[test]
    fn only_the_runner_gets_the_jobs_own_token() {
        let hosts = actions();
        let runner = "https://run-actions-1-azure-eastus.actions.githubusercontent.com/2?audience=x";
        assert!(hosts.runner("credential_source.url", runner).is_ok());
        for bad in [
            "https://run-actions-2-azure-eastus.actions.githubusercontent.com/2",
            "http://run-actions-1-azure-eastus.actions.githubusercontent.com/2",
            "https://sts.googleapis.com/",
            "http://127.0.0.1:80/",
        ] {
            assert!(hosts.runner("credential_source.url", bad).is_err(), "{bad}");
        }
        let said = Hosts::default().runner("credential_source.url", runner).unwrap_err().to_string();
        assert!(said.ends_with("this is not a job with the permission `id-token: write`"), "{said}");
    }

    #[test]
    fn a_sandbox_adds_its_own_servers_and_only_those() {
        let besides = vec![Url::parse("http://127.0.0.1:1234").unwrap()];
        let hosts = Hosts { actions: None, besides };
        assert!(hosts.google("token_url", "http://127.0.0.1:1234/sts").is_ok());
        assert!(hosts.google("token_url", "http://127.0.0.1:1235/sts").is_err());
    }
}
