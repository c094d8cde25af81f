//! One comment on a pull request, kept up to date. It is known by its marker and by its author: what others wrote is never
//! touched, whatever it holds.

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::excerpt;
use crate::{
    adapters::{
        github::{GitHub, JSON, PAGE, pages::Pages},
        http::{Body, Request, Written},
    },
    error::{Error, Result},
    subject::repository::Repository,
};

/// The account of a workflow's own token.
const WORKFLOW: &str = "github-actions[bot]";
/// How often it is looked at what there is.
const LOOKS: usize = 3;

/// A comment that is to be there.
#[derive(Debug, Clone, Copy)]
pub struct Posting<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The pull request.
    pub number: u64,
    /// What tells it from others; its text begins with it.
    pub marker: &'a str,
    /// The text.
    pub text: &'a str,
    /// As whom it is written; `None`: as the token's account.
    pub author: Option<&'a str>,
}

/// The outcome of posting a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// It was not there.
    Created,
    /// It said something else.
    Updated,
    /// It says this already.
    Unchanged,
    /// The token may not write: GitHub's words.
    NotAllowed(String),
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    user: Option<Account>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    login: String,
}

/// One request's end.
enum Step {
    Done(Posted),
    /// It may have been carried out, or things are no longer as they were.
    Unclear(Error),
}

impl GitHub {
    /// Writes the comment, or brings the one that is there up to date.
    ///
    /// # Errors
    /// Usage: there is no token. Remote: every failure of the API that lasts.
    pub async fn post(&self, posting: &Posting<'_>) -> Result<Posted> {
        if !self.http.has_token() {
            return Err(
                Error::usage("a comment needs a token").help("set GH_TOKEN; the token needs `pull-requests: write`")
            );
        }
        let author = match posting.author {
            Some(author) => author.to_owned(),
            None => self.account().await?.unwrap_or_else(|| WORKFLOW.to_owned()),
        };
        let mut looks = 0;
        loop {
            looks += 1;
            let step = match self.ours(posting, &author).await? {
                Some(comment) if comment.body.as_deref().is_some_and(|body| same(body, posting.text)) => {
                    // Written by an attempt whose answer was lost, or there before.
                    return Ok(if looks == 1 { Posted::Unchanged } else { Posted::Updated });
                }
                Some(comment) => self.edit(posting, comment.id).await?,
                None => self.create(posting).await?,
            };
            match step {
                Step::Done(posted) => return Ok(posted),
                Step::Unclear(error) if looks < LOOKS => tracing::warn!("{error}; looking at what there is"),
                Step::Unclear(error) => return Err(error),
            }
        }
    }

    /// Our comment, the oldest where there are several.
    async fn ours(&self, posting: &Posting<'_>, author: &str) -> Result<Option<Comment>> {
        let Posting { repository, number, .. } = posting;
        let subject = format!("comments on #{number} of {repository}");
        let url = self.endpoint(repository, &["issues", &number.to_string(), "comments"])?;
        let mut pages = Pages::new(self, url, PAGE, &subject);
        while let Some(page) = pages.next::<Comment>().await? {
            let ours = |comment: &Comment| {
                comment.user.as_ref().is_some_and(|user| user.login.eq_ignore_ascii_case(author))
                    && comment.body.as_deref().is_some_and(|body| body.trim_start().starts_with(posting.marker))
            };
            if let Some(found) = page.into_iter().find(ours) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn create(&self, posting: &Posting<'_>) -> Result<Step> {
        let number = posting.number.to_string();
        self.say(posting, Method::POST, &["issues", &number, "comments"], Posted::Created).await
    }

    async fn edit(&self, posting: &Posting<'_>, id: u64) -> Result<Step> {
        self.say(posting, Method::PATCH, &["issues", "comments", &id.to_string()], Posted::Updated).await
    }

    async fn say(&self, posting: &Posting<'_>, method: Method, path: &[&str], done: Posted) -> Result<Step> {
        let subject = format!("comment on #{} of {}", posting.number, posting.repository);
        let url = self.endpoint(posting.repository, path)?;
        let body: Value = json!({"body": posting.text});
        let request = Request { body: Body::json(&body), accept: JSON, ..Request::new(method, &url) };
        Ok(match self.http.write(&request, &subject).await? {
            Written::Done(_) => Step::Done(done),
            Written::Unknown(error) => Step::Unclear(error),
            Written::Refused(refused) => match refused.status {
                StatusCode::FORBIDDEN => Step::Done(Posted::NotAllowed(excerpt(&refused.error.to_string()))),
                // A comment that was deleted meanwhile.
                StatusCode::NOT_FOUND if done == Posted::Updated => Step::Unclear(refused.error),
                StatusCode::NOT_FOUND => Step::Done(Posted::NotAllowed(excerpt(&refused.error.to_string()))),
                _ => return Err(refused.error),
            },
        })
    }
}

/// GitHub may give line ends back as CR LF.
fn same(there: &str, wanted: &str) -> bool {
    there.replace("\r\n", "\n").trim() == wanted.trim()
}
