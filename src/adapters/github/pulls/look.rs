//! What there is of a proposal: base, branch, pull requests. It only reads.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{GitHub, PAGE, pages::Pages};
use crate::{
    adapters::http::{excerpt, host},
    change::{At, Base, Branch, Change, Commit, Elsewhere, Person, Pull, PullState},
    error::{Error, Result},
    subject::repository::Repository,
};

#[derive(Deserialize)]
struct About {
    default_branch: String,
}

#[derive(Deserialize)]
struct Ref {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    sha: String,
}

/// Most entries of a folder that GitHub lists; the rest it keeps to itself.
const MOST_LISTED: usize = 1_000;

/// What lies in a folder.
#[derive(Deserialize)]
struct Lying {
    path: String,
    r#type: String,
}

#[derive(Deserialize)]
struct GitCommit {
    tree: Object,
}

/// What one commit has and another has not.
#[derive(Deserialize)]
struct Comparison {
    merge_base_commit: Object,
    total_commits: u64,
    commits: Vec<Listed>,
    files: Option<Vec<Touched>>,
}

#[derive(Deserialize)]
struct Touched {
    filename: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    sha: String,
    commit: Said,
}

#[derive(Deserialize)]
struct Said {
    author: Option<Who>,
    committer: Option<Who>,
    message: String,
}

#[derive(Deserialize)]
struct Who {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct ListedPull {
    number: u64,
    html_url: String,
    body: Option<String>,
    state: String,
    merged_at: Option<String>,
    #[serde(default)]
    labels: Vec<Name>,
    head: End,
    base: End,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct End {
    r#ref: String,
    repo: Option<FullName>,
}

#[derive(Deserialize)]
struct FullName {
    full_name: String,
}

impl GitHub {
    /// The repository's default branch.
    pub(in crate::adapters::github) async fn branch_by_default(&self, repository: &Repository) -> Result<Branch> {
        let url = self.endpoint(repository, &[])?;
        let Some(about) = self.object::<About>(&url, "a repository", &format!("repository {repository}")).await? else {
            self.require(repository).await?;
            return Err(Error::remote(format!("{} has no repository {repository} (404)", host(&url))));
        };
        about
            .default_branch
            .parse()
            .map_err(|e| Error::remote(format!("the default branch of {repository}")).because(e))
    }

    /// The newest commit of a branch that must be there.
    pub(in crate::adapters::github) async fn base(&self, repository: &Repository, branch: &Branch) -> Result<Base> {
        let none = || Error::usage(format!("{repository} has no branch `{branch}`")).help("check --base");
        let commit = self.head(repository, branch).await?.ok_or_else(none)?;
        let subject = format!("commit {commit} of {repository}");
        let url = self.endpoint(repository, &["git", "commits", &commit])?;
        let found = self.object::<GitCommit>(&url, "a commit", &subject).await?;
        let tree = found.ok_or_else(|| Error::remote(format!("{} has no {subject} (404)", host(&url))))?.tree.sha;
        Ok(Base { branch: branch.clone(), commit, tree: id(tree, &subject)? })
    }

    async fn head(&self, repository: &Repository, branch: &Branch) -> Result<Option<String>> {
        let subject = format!("branch `{branch}` of {repository}");
        let segments: Vec<&str> = ["git", "ref", "heads"].into_iter().chain(branch.as_str().split('/')).collect();
        let url = self.endpoint(repository, &segments)?;
        let found = self.object::<Ref>(&url, "a ref", &subject).await?;
        found.map(|found| id(found.object.sha, &subject)).transpose()
    }

    /// Files of a commit; those that are not there are left out.
    pub(super) async fn files<'p>(
        &self,
        repository: &Repository,
        commit: &str,
        paths: impl Iterator<Item = &'p str>,
    ) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut files = BTreeMap::new();
        for path in paths {
            if let Some(bytes) = self.file(repository, path, Some(commit)).await? {
                files.insert(path.to_owned(), bytes);
            }
        }
        Ok(files)
    }

    /// Paths of the files right in `folders` of a commit. A folder that is not there holds none.
    pub(super) async fn lying_in(
        &self,
        repository: &Repository,
        commit: &str,
        folders: &[&str],
    ) -> Result<Vec<String>> {
        let mut paths = Vec::new();
        for folder in folders {
            let subject = format!("folder `{}` of {repository}", excerpt(folder));
            let segments: Vec<&str> = ["contents"].into_iter().chain(folder.split('/')).collect();
            let mut url = self.endpoint(repository, &segments)?;
            url.query_pairs_mut().append_pair("ref", commit);
            let found = self.object::<Vec<Lying>>(&url, "the list of a folder", &subject).await?.unwrap_or_default();
            if found.len() >= MOST_LISTED {
                return Err(Error::remote(format!("{subject} holds more than {MOST_LISTED} files")));
            }
            paths.extend(found.into_iter().filter(|one| one.r#type == "file").map(|one| one.path));
        }
        Ok(paths)
    }

    /// The branch of a change, if it is there.
    pub(super) async fn branch(&self, repository: &Repository, base: &Base, change: &Change) -> Result<Option<At>> {
        let Some(head) = self.head(repository, &change.branch).await? else { return Ok(None) };
        let files = self.files(repository, &head, change.files.iter().map(|file| file.path.as_str())).await?;
        let subject = format!("what branch `{}` of {repository} adds to `{}`", change.branch, base.branch);
        let url = self.endpoint(repository, &["compare", &format!("{}...{head}", base.commit)])?;
        let Some(found) = self.object::<Comparison>(&url, "a comparison", &subject).await? else {
            // Two histories without a common beginning: whatever it is, it is not ours.
            return Ok(Some(At { head, has_base: false, commits: Vec::new(), count: 1, files, touched: None }));
        };
        let paths = |touched: Touched| [Some(touched.filename), touched.previous_filename].into_iter().flatten();
        Ok(Some(At {
            head,
            has_base: found.merge_base_commit.sha == base.commit,
            commits: found.commits.into_iter().map(Commit::from).collect(),
            count: found.total_commits,
            files,
            touched: found.files.map(|files| files.into_iter().flat_map(paths).collect()),
        }))
    }

    /// The pull requests from a branch into the base, open and closed; and the oldest open one into another base, to
    /// which a person may have moved it.
    pub(super) async fn pulls(
        &self,
        repository: &Repository,
        base: &Base,
        branch: &Branch,
    ) -> Result<(Vec<Pull>, Option<Elsewhere>)> {
        let subject = format!("pull requests of branch `{branch}` of {repository}");
        let mut url = self.endpoint(repository, &["pulls"])?;
        url.query_pairs_mut()
            .append_pair("state", "all")
            .append_pair("head", &format!("{}:{branch}", repository.owner()));
        let mut pages = Pages::new(self, url, PAGE, &subject);
        let mut pulls = Vec::new();
        let mut elsewhere: Option<Elsewhere> = None;
        let of_ours = |end: &End, branch: &Branch| {
            end.r#ref == branch.as_str() && end.repo.as_ref().is_none_or(|repo| repository.is(&repo.full_name))
        };
        while let Some(page) = pages.next::<ListedPull>().await? {
            for one in page.into_iter().filter(|one| of_ours(&one.head, branch)) {
                let (into, is_here) = (one.base.r#ref.clone(), of_ours(&one.base, &base.branch));
                let pull = one.into_pull(&subject)?;
                if is_here {
                    pulls.push(pull);
                } else if pull.state == PullState::Open
                    && elsewhere.as_ref().is_none_or(|other| pull.number < other.number)
                {
                    elsewhere = Some(Elsewhere { number: pull.number, url: pull.url, base: into });
                }
            }
        }
        // Only the newest says whether the same was turned down.
        let newest = pulls.iter_mut().max_by_key(|pull| pull.number);
        if let Some(newest) = newest.filter(|newest| newest.state == PullState::Closed) {
            newest.mark = self.mark(repository, newest.number).await?;
        }
        Ok((pulls, elsewhere))
    }

    /// What the newest commit of ours in a pull request says it proposes.
    async fn mark(&self, repository: &Repository, number: u64) -> Result<Option<crate::digest::Sha256>> {
        let subject = format!("commits of pull request #{number} of {repository}");
        let url = self.endpoint(repository, &["pulls", &number.to_string(), "commits"])?;
        let mut pages = Pages::new(self, url, PAGE, &subject);
        let mut mark = None;
        while let Some(page) = pages.next::<Listed>().await? {
            let ours = page.into_iter().map(Commit::from).filter(Commit::is_ours);
            mark = ours.filter_map(|commit| commit.mark()).next_back().or(mark);
        }
        Ok(mark)
    }
}

/// The id of a git object: 40 hex digits, or 64 where the repository has SHA-256.
pub(super) fn id(text: String, subject: &str) -> Result<String> {
    if matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(text);
    }
    Err(Error::remote(format!("GitHub gives `{}` as the id of an object, asked for {subject}", excerpt(&text))))
}

impl ListedPull {
    fn into_pull(self, subject: &str) -> Result<Pull> {
        let state = match (self.state.as_str(), self.merged_at.is_some()) {
            ("open", _) => PullState::Open,
            ("closed", true) => PullState::Merged,
            ("closed", false) => PullState::Closed,
            (other, _) => {
                let message = format!("GitHub answers with state `{}`, asked for {subject}", excerpt(other));
                return Err(Error::remote(message));
            }
        };
        Ok(Pull {
            number: self.number,
            url: self.html_url,
            body: self.body.unwrap_or_default(),
            state,
            labels: self.labels.into_iter().map(|label| label.name).collect(),
            mark: None,
        })
    }
}

impl From<Listed> for Commit {
    fn from(listed: Listed) -> Self {
        let Said { author, committer, message } = listed.commit;
        Self { id: listed.sha, author: author.map(Person::from), committer: committer.map(Person::from), message }
    }
}

impl From<Who> for Person {
    fn from(who: Who) -> Self {
        Self { name: who.name.unwrap_or_default(), email: who.email.unwrap_or_default() }
    }
}
