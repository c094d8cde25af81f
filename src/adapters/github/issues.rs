//! Pull requests and what people say on them: commits, labels, comments, and what their authors may do.

use serde::Deserialize;
use serde_json::Value;

use super::{GitHub, pages::Pages};
use crate::{
    adapters::http::excerpt,
    error::{Error, Result},
    guard::{
        trigger::PullRequest,
        version_sync::{Comment, Permission},
    },
    subject::repository::Repository,
};

#[derive(Deserialize)]
struct Issue {
    labels: Vec<Label>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct IssueComment {
    /// `null` for an account that was deleted.
    user: Option<User>,
    body: Option<String>,
    html_url: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
    /// `User`, `Bot`, `Organization`, `Mannequin`.
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Access {
    permission: String,
}

impl GitHub {
    /// A pull request's commits.
    ///
    /// # Errors
    /// Remote: there is none of that number, an answer without its commits, and every failure of the API.
    pub async fn pull_request(&self, repo: &Repository, number: u64) -> Result<PullRequest> {
        let subject = format!("pull request #{number} of {repo}");
        let url = self.endpoint(repo, &["pulls", &number.to_string()])?;
        let found = self.object::<Value>(&url, "a pull request", &subject).await?.ok_or_else(|| unknown(&subject))?;
        PullRequest::read(&found)
            .map_err(|why| Error::remote(format!("GitHub's answer for {subject} is malformed: {why}")))
    }

    /// The labels that an issue or a pull request has now.
    ///
    /// # Errors
    /// Remote: there is none of that number, and every failure of the API.
    pub async fn labels(&self, repo: &Repository, number: u64) -> Result<Vec<String>> {
        let subject = format!("the labels of #{number} of {repo}");
        let url = self.endpoint(repo, &["issues", &number.to_string()])?;
        let issue = self.object::<Issue>(&url, "an issue", &subject).await?.ok_or_else(|| unknown(&subject))?;
        Ok(issue.labels.into_iter().map(|label| label.name).collect())
    }

    /// The comments on an issue or a pull request, oldest first; not those on lines of its code. Comments whose author's
    /// account is gone are left out.
    ///
    /// # Errors
    /// Remote: there is none of that number, and every failure of the API.
    pub async fn comments(&self, repo: &Repository, number: u64) -> Result<Vec<Comment>> {
        let subject = format!("comments on #{number} of {repo}");
        let url = self.endpoint(repo, &["issues", &number.to_string(), "comments"])?;
        let mut pages = Pages::new(self, url, super::PAGE, &subject);
        let mut comments = Vec::new();
        while let Some(page) = pages.next::<IssueComment>().await? {
            comments.extend(page.into_iter().filter_map(|comment| {
                let user = comment.user?;
                Some(Comment {
                    by_person: user.kind == "User",
                    author: user.login,
                    body: comment.body.unwrap_or_default(),
                    url: comment.html_url,
                })
            }));
        }
        Ok(comments)
    }

    /// What an account may do in the repository.
    ///
    /// # Errors
    /// Remote: a permission of another name, and every failure of the API, also that the token may not ask.
    pub async fn permission(&self, repo: &Repository, login: &str) -> Result<Permission> {
        let subject = format!("what @{} may do in {repo}", excerpt(login));
        let url = self.endpoint(repo, &["collaborators", login, "permission"])?;
        let Some(access) = self.object::<Access>(&url, "a permission", &subject).await? else {
            return Ok(Permission::None);
        };
        match access.permission.as_str() {
            "admin" => Ok(Permission::Admin),
            "write" => Ok(Permission::Write),
            "read" => Ok(Permission::Read),
            "none" => Ok(Permission::None),
            other => {
                Err(Error::remote(format!("GitHub answers with permission `{}`, asked for {subject}", excerpt(other))))
            }
        }
    }
}

fn unknown(subject: &str) -> Error {
    Error::remote(format!("GitHub knows nothing of {subject} (404)"))
        .help("check the number and --repo; the token needs `pull-requests: read`")
}
