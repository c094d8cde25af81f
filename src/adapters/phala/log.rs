//! What a machine wrote on its serial console: for a person who wonders why it does not start, and evidence of nothing.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use url::Url;

use super::Phala;
use crate::{
    adapters::http::{Request, host, is_loopback},
    error::{Error, Result},
    subject::cvm::CvmId,
};

/// The version of the API that still says where logs are.
const VERSION_WITH_LOGS: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-phala-version"), HeaderValue::from_static("2025-10-28"));

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    syslog_endpoint: Option<String>,
}

impl Phala {
    /// The serial log, as text; `None` when there is no machine of this id or it has none.
    ///
    /// # Errors
    /// Remote: every failure of the API and of the log's own host, which is asked without the key.
    pub async fn serial_log(&self, id: &CvmId) -> Result<Option<String>> {
        let subject = format!("the serial log of machine {id}");
        let url = self.endpoint(&["cvms", id.as_str()])?;
        let headers = HeaderMap::from_iter([VERSION_WITH_LOGS]);
        let request = Request { headers, ..Request::get(&url, "application/json") };
        let place: Option<Place> = self.fetch(&request, &subject).await?;
        let Some(address) = place.and_then(|place| place.syslog_endpoint) else { return Ok(None) };
        let url = self.place(&address).map_err(|why| Error::remote(format!("{subject}: {why}")))?;
        let answer = self.http.ask(&Request::get(&url, "text/plain, */*;q=0.5"), &subject).await?;
        let log = answer.map(|fetched| String::from_utf8_lossy(&fetched.body).into_owned());
        match log {
            Some(log) if self.http.repeats_token(log.as_bytes()) => {
                Err(Error::remote(format!("{subject} repeats the API key, and is not shown")))
            }
            log => Ok(log),
        }
    }

    /// Where the log is read. Another host of the service's has it, and no other scheme or machine of ours.
    fn place(&self, address: &str) -> Result<Url, String> {
        // The address has a query already, and the client appends to it.
        let url = Url::parse(&format!("{address}&ch=serial")).map_err(|_| "the service gives no address".to_owned())?;
        let near = is_loopback(&url) && is_loopback(self.http.base());
        if url.scheme() != "https" && !near {
            return Err(format!("the service names {}, which is not asked without encryption", host(&url)));
        }
        if is_loopback(&url) && !near {
            return Err(format!("the service names {}, which is on this machine", host(&url)));
        }
        Ok(url)
    }
}
