//! The steps of a plan as requests, and what is known of each afterwards.

use reqwest::{Method, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    super::{GitHub, JSON},
    look::id,
};
use crate::{
    adapters::http::{self, Body, Refused, Request, excerpt, host},
    change::{Base, Change, File, Person, Remark, Step, message, within_markers},
    error::{Error, Result},
    subject::repository::Repository,
};

/// The colour of a label that has to be made.
pub(super) const COLOUR: &str = "0e8a16";

/// What carries a step out.
pub(super) struct Writing<'a> {
    pub(super) github: &'a GitHub,
    pub(super) repository: &'a Repository,
    pub(super) base: &'a Base,
    pub(super) change: &'a Change,
}

/// What is known of a step afterwards.
pub(super) enum Written {
    /// It is carried out.
    Done,
    /// A pull request is open: its number and page.
    Opened(u64, String),
    /// The token may not open pull requests; GitHub's words.
    NotAllowedToOpen(String),
    /// It could not be carried out, which is worth a remark.
    NotAllowed(Remark),
    /// It was not carried out: things are no longer as they were.
    Overtaken(Error),
    /// It is not known whether it is.
    Unclear(Error),
}

/// One write.
struct Write<'w> {
    method: Method,
    path: &'w [&'w str],
    body: Value,
    subject: &'w str,
}

/// An answer, or why there is none.
enum Answer<T> {
    Is(T),
    Refused(Refused),
    Unclear(Error),
}

#[derive(Deserialize)]
struct Object {
    sha: String,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    html_url: String,
}

impl Writing<'_> {
    /// # Errors
    /// Remote: the token may not write to the repository, and what no second look can help with.
    pub(super) async fn step(&self, step: &Step, pull: Option<u64>) -> Result<Written> {
        match step {
            Step::Create => self.create().await,
            Step::Advance { parents } => self.advance(parents).await,
            Step::Open => self.open().await,
            Step::Describe { number, body } => self.describe(*number, body).await,
            Step::Label { number } => match number.or(pull) {
                Some(number) => self.label(number).await,
                None => Err(Error::internal("there is no pull request to label")),
            },
        }
    }

    async fn create(&self) -> Result<Written> {
        let commit = match self.commit(std::slice::from_ref(&self.base.commit)).await? {
            Ok(commit) => commit,
            Err(written) => return Ok(written),
        };
        let Self { repository, change, .. } = self;
        let subject = format!("make branch `{}` of {repository}", change.branch);
        let body = json!({"ref": format!("refs/heads/{}", change.branch), "sha": commit});
        let path = ["git", "refs"];
        let write = Write { method: Method::POST, path: &path, body, subject: &subject };
        self.git::<Value>(write).await.map(|answer| answer.map_or_else(|written| written, |_| Written::Done))
    }

    /// Never by force: a commit pushed after we looked stays, and GitHub refuses ours.
    async fn advance(&self, parents: &[String]) -> Result<Written> {
        let commit = match self.commit(parents).await? {
            Ok(commit) => commit,
            Err(written) => return Ok(written),
        };
        let Self { repository, change, .. } = self;
        let subject = format!("commit to branch `{}` of {repository}", change.branch);
        let body = json!({"sha": commit, "force": false});
        let path: Vec<&str> = ["git", "refs", "heads"].into_iter().chain(change.branch.as_str().split('/')).collect();
        let write = Write { method: Method::PATCH, path: &path, body, subject: &subject };
        self.git::<Value>(write).await.map(|answer| answer.map_or_else(|written| written, |_| Written::Done))
    }

    /// A commit of the change on the base's tree. It is not seen until a ref leads to it.
    async fn commit(&self, parents: &[String]) -> Result<Result<String, Written>> {
        let Self { repository, base, change, .. } = self;
        let subject = format!("make a commit in {repository}");
        let entry = |File { path, content }: &File| match content {
            Some(content) => json!({"path": path, "mode": "100644", "type": "blob", "content": content}),
            None => json!({"path": path, "mode": "100644", "type": "blob", "sha": null}),
        };
        let tree: Vec<Value> = change.files.iter().map(entry).collect();
        let body = json!({"base_tree": base.tree, "tree": tree});
        let path = ["git", "trees"];
        let write = Write { method: Method::POST, path: &path, body, subject: &subject };
        let tree = match self.git::<Object>(write).await? {
            Ok(tree) => id(tree.sha, &subject)?,
            Err(written) => return Ok(Err(written)),
        };
        let Person { name, email } = Person::ours();
        let us = json!({"name": name, "email": email});
        let body = json!({"message": message(change), "tree": tree, "parents": parents, "author": us, "committer": us});
        let path = ["git", "commits"];
        let write = Write { method: Method::POST, path: &path, body, subject: &subject };
        match self.git::<Object>(write).await? {
            Ok(commit) => Ok(Ok(id(commit.sha, &subject)?)),
            Err(written) => Ok(Err(written)),
        }
    }

    async fn open(&self) -> Result<Written> {
        let Self { repository, base, change, .. } = self;
        let subject = format!("open a pull request of branch `{}` of {repository}", change.branch);
        let body = json!({
            "title": change.title,
            "head": change.branch.as_str(),
            "base": base.branch.as_str(),
            "body": within_markers(&change.body),
            "draft": change.draft,
        });
        let write = Write { method: Method::POST, path: &["pulls"], body, subject: &subject };
        Ok(match self.send::<Pull>(write).await? {
            Answer::Is(pull) => Written::Opened(pull.number, pull.html_url),
            Answer::Unclear(error) => Written::Unclear(error),
            Answer::Refused(refused) if may_not(&refused) => Written::NotAllowedToOpen(said(&refused)),
            Answer::Refused(refused) => overtaken(refused)?,
        })
    }

    async fn describe(&self, number: u64, text: &str) -> Result<Written> {
        let subject = format!("update pull request #{number} of {}", self.repository);
        let (number, body) = (number.to_string(), json!({"body": text}));
        let path = ["pulls", &number];
        let write = Write { method: Method::PATCH, path: &path, body, subject: &subject };
        Ok(match self.send::<Value>(write).await? {
            Answer::Is(_) => Written::Done,
            Answer::Unclear(error) => Written::Unclear(error),
            Answer::Refused(refused) if may_not(&refused) => Written::NotAllowed(Remark::TextIsOld(said(&refused))),
            Answer::Refused(refused) => overtaken(refused)?,
        })
    }

    async fn label(&self, number: u64) -> Result<Written> {
        let Self { repository, change, .. } = self;
        let name = &change.label.name;
        let unlabelled = |refused: &Refused| Written::NotAllowed(Remark::Unlabelled(said(refused)));
        let url = self.github.endpoint(repository, &["labels", name])?;
        let subject = format!("label `{}` of {repository}", excerpt(name));
        if self.github.object::<Value>(&url, "a label", &subject).await?.is_none() {
            let subject = format!("make label `{}` of {repository}", excerpt(name));
            let body = json!({"name": name, "color": COLOUR, "description": change.label.description});
            let write = Write { method: Method::POST, path: &["labels"], body, subject: &subject };
            match self.send::<Value>(write).await? {
                Answer::Is(_) => {}
                Answer::Unclear(error) => return Ok(Written::Unclear(error)),
                // Somebody made it meanwhile; what else could be wrong shows when it is used.
                Answer::Refused(refused) if refused.status == StatusCode::UNPROCESSABLE_ENTITY => {}
                Answer::Refused(refused) => return Ok(unlabelled(&refused)),
            }
        }
        let subject = format!("label #{number} of {repository}");
        let (number, body) = (number.to_string(), json!({"labels": [name]}));
        let path = ["issues", &number, "labels"];
        let write = Write { method: Method::POST, path: &path, body, subject: &subject };
        Ok(match self.send::<Value>(write).await? {
            Answer::Is(_) => Written::Done,
            Answer::Unclear(error) => Written::Unclear(error),
            Answer::Refused(refused) => unlabelled(&refused),
        })
    }

    /// A write to the git repository.
    async fn git<T: DeserializeOwned>(&self, write: Write<'_>) -> Result<Result<T, Written>> {
        match self.send(write).await? {
            Answer::Is(answer) => Ok(Ok(answer)),
            Answer::Unclear(error) => Ok(Err(Written::Unclear(error))),
            Answer::Refused(refused) if may_not(&refused) => {
                let message = format!("the token may not write to {}: {}", self.repository, said(&refused));
                Err(Error::remote(message)
                    .because(refused.error)
                    .help("give the token `contents: write` for this repository, or check whether it is archived"))
            }
            Answer::Refused(refused) => overtaken(refused).map(Err),
        }
    }

    async fn send<T: DeserializeOwned>(&self, write: Write<'_>) -> Result<Answer<T>> {
        let url = self.github.endpoint(self.repository, write.path)?;
        let request = Request { body: Body::json(&write.body), accept: JSON, ..Request::new(write.method, &url) };
        Ok(match self.github.http.write(&request, write.subject).await? {
            http::Written::Refused(refused) => Answer::Refused(refused),
            http::Written::Unknown(error) => Answer::Unclear(error),
            // It was carried out, whatever the answer says: a second look tells.
            http::Written::Done(fetched) => match serde_json::from_slice(&fetched.body) {
                Ok(answer) => Answer::Is(answer),
                Err(error) => Answer::Unclear(unreadable(&url, write.subject, error)),
            },
        })
    }
}

fn unreadable(url: &Url, subject: &str, error: serde_json::Error) -> Error {
    Error::remote(format!("{} did not answer with the JSON it should, asked to {subject}", host(url))).because(error)
}

/// GitHub's words.
fn said(refused: &Refused) -> String {
    if refused.errors.is_empty() { refused.error.to_string() } else { excerpt(&refused.errors.join("; ")) }
}

/// Whether the token is what is wrong. GitHub also says of what a token may not see that it is not there.
fn may_not(refused: &Refused) -> bool {
    matches!(refused.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
}

/// A refusal for other reasons: things are no longer as they were, or the request can't be right.
///
/// # Errors
/// Remote: no second look helps.
fn overtaken(refused: Refused) -> Result<Written> {
    match refused.status {
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => Ok(Written::Overtaken(refused.error)),
        _ => Err(refused.error),
    }
}
