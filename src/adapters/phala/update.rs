//! Another compose file for a machine that is there: it restarts with it, and stays the same application. That is why a service
//! whose keys belong to its application is updated so, and never moved to a second machine, which would have other keys.

use reqwest::Method;
use serde::Deserialize;

use super::{Answered, MAX_COMPOSE_BYTES, Phala};
use crate::{
    adapters::http::{Body, Request, Written},
    error::{Error, Result},
    subject::cvm::CvmId,
};

/// Status of a request that has to be registered on a blockchain first: the application's KMS takes no other word for it.
const HASH_REGISTRATION_REQUIRED: u16 = 465;

/// What an update does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// The machine restarts with the new file; it takes its time.
    Begun,
    /// It has this file already.
    Unchanged,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    status: String,
}

impl Phala {
    /// Gives a machine another docker-compose file. Everything else of its application stays: id, keys, variables. The request
    /// may be repeated: a machine that has the file stays as it is.
    ///
    /// # Errors
    /// Usage: a compose file that is too long. Remote: a rate limit that lasts, no connection.
    pub async fn update(&self, id: &CvmId, compose: &str) -> Result<Answered<Update>> {
        if compose.len() > MAX_COMPOSE_BYTES {
            let message =
                format!("the compose file has {} bytes, and Phala Cloud takes {MAX_COMPOSE_BYTES}", compose.len());
            return Err(Error::usage(message));
        }
        let url = self.endpoint(&["cvms", id.as_str(), "docker-compose"])?;
        let body = Body::Bytes("text/yaml", compose.as_bytes().to_vec());
        let request = Request { body, ..Request::new(Method::PATCH, &url) };
        Ok(match self.http.write(&request, &format!("update machine {id}")).await? {
            Written::Done(fetched) => {
                let said = serde_json::from_slice::<Said>(&fetched.body).map(|said| said.status).unwrap_or_default();
                Answered::Done(if said == "no_change" { Update::Unchanged } else { Update::Begun })
            }
            Written::Refused(refused) if refused.status.as_u16() == HASH_REGISTRATION_REQUIRED => {
                let help = "the machine takes its keys from a KMS on a blockchain: register the compose hash there and update \
                            the machine with `phala deploy`; this program signs no transaction";
                Answered::Refused(refused.error.help(help))
            }
            Written::Refused(refused) => Answered::Refused(refused.error),
            Written::Unknown(error) => Answered::Unknown(error),
        })
    }
}
