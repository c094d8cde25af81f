//! A pull request that was opened before: which there is of a branch, and its end without a merge.

use reqwest::Method;
use serde_json::{Value, json};

use super::{super::GitHub, write::COLOUR};
use crate::{
    adapters::http::{Body, Request, Written},
    change::{Branch, PullState},
    error::{Error, Result},
    subject::repository::Repository,
    text::excerpt,
};

impl GitHub {
    /// The newest pull request from a branch into the default branch, and how far it is.
    ///
    /// # Errors
    /// Remote: every failure of the API.
    pub async fn proposed_from(&self, repository: &Repository, branch: &Branch) -> Result<Option<(u64, PullState)>> {
        let default = self.branch_by_default(repository).await?;
        let base = self.base(repository, &default).await?;
        let (pulls, _) = self.pulls(repository, &base, branch).await?;
        let newest = pulls.into_iter().max_by_key(|pull| pull.number);
        Ok(newest.map(|pull| (pull.number, pull.state)))
    }

    /// Gives a pull request a label, which is made where there is none of its name. To give it once more does no harm.
    ///
    /// # Errors
    /// Remote: the token may not, and every failure of the API.
    pub async fn label(&self, repository: &Repository, number: u64, label: &str) -> Result<()> {
        if self.labels(repository, number).await?.iter().any(|has| has == label) {
            return Ok(());
        }
        let subject = format!("label `{}` of {repository}", excerpt(label));
        let url = self.endpoint(repository, &["labels", label])?;
        if self.object::<Value>(&url, "a label", &subject).await?.is_none() {
            let url = self.endpoint(repository, &["labels"])?;
            let body = json!({"name": label, "color": COLOUR});
            let request = Request { body: Body::json(&body), ..Request::new(Method::POST, &url) };
            match self.http.write(&request, &subject).await? {
                // Somebody made it meanwhile; what else could be wrong shows when it is used.
                Written::Done(_) | Written::Refused(_) => {}
                Written::Unknown(error) => return Err(error),
            }
        }
        let url = self.endpoint(repository, &["issues", &number.to_string(), "labels"])?;
        let subject = format!("label #{number} of {repository}");
        let request = Request { body: Body::json(&json!({"labels": [label]})), ..Request::new(Method::POST, &url) };
        match self.http.write(&request, &subject).await? {
            Written::Done(_) => Ok(()),
            Written::Refused(refused) => Err(refused.error),
            Written::Unknown(error) => Err(error),
        }
    }

    /// Closes a pull request without a merge. To close it once more does no harm.
    ///
    /// # Errors
    /// Remote: the token may not, it was merged, and every failure of the API.
    pub async fn close(&self, repository: &Repository, number: u64) -> Result<()> {
        let url = self.endpoint(repository, &["pulls", &number.to_string()])?;
        let subject = format!("close pull request #{number} of {repository}");
        let request = Request { body: Body::json(&json!({"state": "closed"})), ..Request::new(Method::PATCH, &url) };
        let fetched = match self.http.write(&request, &subject).await? {
            Written::Done(fetched) => fetched,
            Written::Refused(refused) => return Err(refused.error),
            Written::Unknown(error) => return Err(error),
        };
        let said: Value = serde_json::from_slice(&fetched.body).unwrap_or_default();
        match (said.get("merged").and_then(Value::as_bool), said.get("state").and_then(Value::as_str)) {
            (Some(true), _) => Err(Error::remote(format!("pull request #{number} of {repository} is merged"))
                .help("what was merged is taken back by another pull request that people approve")),
            (_, Some("closed")) => Ok(()),
            (_, _) => Err(Error::remote(format!("pull request #{number} of {repository} is still open"))),
        }
    }
}
