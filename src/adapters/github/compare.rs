//! Where commits stand to one another: the commit of a tag, and what two commits have in common.

use serde::Deserialize;

use super::{GitHub, excerpt, host};
use crate::{
    error::{Error, Result},
    subject::{repository::Repository, tag::Tag},
};

/// Tags that may point to one another before the commit comes. Git itself knows no bound, and nested tags are rare.
const MAX_NESTED_TAGS: usize = 5;

/// How one commit stands to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The latest commit that both have in their history.
    pub shared: String,
    /// How many commits the second has that the first has not.
    pub ahead: u64,
}

#[derive(Deserialize)]
struct Ref {
    r#ref: String,
    object: Object,
}

#[derive(Deserialize)]
struct Annotated {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    r#type: String,
    sha: String,
}

/// What a ref points to, and who said so, for messages.
struct Pointed {
    object: Object,
    host: String,
    subject: String,
}

#[derive(Deserialize)]
struct Comparison {
    base_commit: Sha,
    merge_base_commit: Sha,
    ahead_by: u64,
}

#[derive(Deserialize)]
struct Sha {
    sha: String,
}

#[derive(Deserialize)]
struct Described {
    default_branch: String,
}

impl GitHub {
    /// The commit that a tag leads to, through annotated tags; `None` when there is no such tag, or no such repository. A
    /// branch of the same name is not meant.
    ///
    /// # Errors
    /// Remote: the tag is of something other than a commit, and every failure of the API.
    pub async fn tag_commit(&self, repo: &Repository, tag: &Tag) -> Result<Option<String>> {
        self.ref_commit(repo, &format!("tags/{tag}")).await
    }

    /// The commit that the branch leads to which a clone has first; `None` for a repository without commits. With its name.
    ///
    /// # Errors
    /// Remote: an unknown repository, and every failure of the API.
    pub async fn default_branch(&self, repo: &Repository) -> Result<(String, Option<String>)> {
        let url = self.endpoint(repo, &[])?;
        let found = self.object::<Described>(&url, "a repository", &format!("repository {repo}")).await?;
        let absent = || Error::remote(format!("{} has no repository {repo} (404)", host(&url)));
        let branch = found.ok_or_else(absent)?.default_branch;
        let commit = self.ref_commit(repo, &format!("heads/{branch}")).await?;
        Ok((branch, commit))
    }

    /// The object that a tag points to, in hex: the tag's own where it is annotated, else the commit. `None` when there is no
    /// such tag.
    ///
    /// # Errors
    /// Remote: every failure of the API.
    pub async fn tag_object(&self, repo: &Repository, tag: &str) -> Result<Option<String>> {
        let Pointed { object, host, subject } = match self.pointed(repo, &format!("tags/{tag}")).await? {
            Some(pointed) => pointed,
            None => return Ok(None),
        };
        commit_id(object.sha, &host, &subject).map(Some)
    }

    /// What a ref points to, by its name behind `refs/`.
    async fn pointed(&self, repo: &Repository, name: &str) -> Result<Option<Pointed>> {
        let subject = format!("refs/{} of {repo}", excerpt(name));
        let segments: Vec<&str> = ["git", "ref"].into_iter().chain(name.split('/')).collect();
        let url = self.endpoint(repo, &segments)?;
        let host = host(&url);
        let Some(found) = self.object::<Ref>(&url, "a ref", &subject).await? else { return Ok(None) };
        if found.r#ref != format!("refs/{name}") {
            let other = excerpt(&found.r#ref);
            return Err(Error::remote(format!("{host} answered with `{other}`, asked for {subject}")));
        }
        Ok(Some(Pointed { object: found.object, host, subject }))
    }

    /// The commit of a ref, by its name behind `refs/`.
    async fn ref_commit(&self, repo: &Repository, name: &str) -> Result<Option<String>> {
        let Some(Pointed { mut object, host, subject }) = self.pointed(repo, name).await? else { return Ok(None) };
        for _ in 0..=MAX_NESTED_TAGS {
            match object.r#type.as_str() {
                "commit" => return Ok(Some(commit_id(object.sha, &host, &subject)?)),
                "tag" => {
                    let id = commit_id(object.sha, &host, &subject)?;
                    let url = self.endpoint(repo, &["git", "tags", &id])?;
                    let annotated = self.object::<Annotated>(&url, "a tag", &subject).await?;
                    let lost = || Error::remote(format!("{host} does not have the object of {subject}"));
                    object = annotated.ok_or_else(lost)?.object;
                }
                _ => break,
            }
        }
        Err(Error::remote(format!("{subject} does not lead to a commit"))
            .help("a release is made from a commit: look at the tag with `git cat-file -t`"))
    }

    /// How the commit `head` stands to the commit `base`, both given by their ids; `None` when their histories have nothing
    /// in common, or one of them is not there.
    ///
    /// # Errors
    /// Remote: every failure of the API.
    pub async fn compare(&self, repo: &Repository, base: &str, head: &str) -> Result<Option<Compared>> {
        let subject = format!("how `{}` stands to `{}` in {repo}", excerpt(head), excerpt(base));
        let mut url = self.endpoint(repo, &["compare", &format!("{base}...{head}")])?;
        // What the commits change is listed on the first page alone, and may be large.
        url.query_pairs_mut().append_pair("per_page", "1").append_pair("page", "2");
        let Some(found) = self.object::<Comparison>(&url, "a comparison", &subject).await? else { return Ok(None) };
        let host = host(&url);
        if !found.base_commit.sha.eq_ignore_ascii_case(base) {
            let other = excerpt(&found.base_commit.sha);
            return Err(Error::remote(format!("{host} compared with commit `{other}`, asked for {subject}")));
        }
        let shared = commit_id(found.merge_base_commit.sha, &host, &subject)?;
        Ok(Some(Compared { shared, ahead: found.ahead_by }))
    }
}

/// An object's id, which goes into addresses and reports.
pub(super) fn commit_id(id: String, host: &str, subject: &str) -> Result<String> {
    if matches!(id.len(), 40 | 64) && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(id.to_ascii_lowercase());
    }
    let id = excerpt(&id);
    Err(Error::remote(format!("{host} gives `{id}` for a commit, asked for {subject}")))
}
