//! A pull request as a review needs it: what it says, which files it changes, and the folder of policies in its commits,
//! by their ids. All of it is read from the repository itself, which keeps the commits of a fork too.

mod comment;
mod folder;
mod people;

use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

pub use self::comment::{Posted, Posting};
use super::{GitHub, PAGE, compare::commit_id, excerpt, host, pages::Pages};
use crate::{
    change::Branch,
    error::{Error, Result},
    policy::review::pull::{
        Changed, Commit, End, Files, PullRequest, PullState, Review, ReviewVerdict, Source, States, short,
    },
    subject::repository::Repository,
};

/// GitHub lists no more files of a pull request, and no more commits.
const MAX_FILES: u64 = 3_000;
const MAX_COMMITS: u64 = 250;
/// Most reviews that are read.
const MAX_REVIEWS: usize = 5_000;
/// Who GitHub says committed what was done on its pages.
const GITHUB_ITSELF: &str = "web-flow";

/// What is read.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The number of the pull request.
    pub number: u64,
    /// The folder of policies.
    pub folder: &'a str,
    /// Most bytes that are read of a file; `None` for one that is not looked at.
    pub limit: fn(&str) -> Option<u64>,
    /// Whether the change of a merged one is wanted as it was before the merge: its base holds that by now.
    pub as_merged: bool,
}

/// A pull request, the folder of policies in its commits, and the branch its repository goes by.
#[derive(Debug)]
pub struct Promotion {
    /// The pull request.
    pub pull: PullRequest,
    /// The folder.
    pub states: States,
    /// The default branch.
    pub default_branch: String,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    html_url: String,
    body: Option<String>,
    state: String,
    #[serde(default)]
    merged: bool,
    #[serde(default)]
    draft: bool,
    user: Option<Account>,
    #[serde(default)]
    labels: Vec<Label>,
    head: Ref,
    base: Ref,
    changed_files: u64,
    commits: u64,
}

#[derive(Deserialize)]
struct Account {
    login: String,
    id: Option<u64>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct Ref {
    r#ref: String,
    sha: String,
    /// `null` when a fork is gone.
    repo: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    full_name: String,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    sha: String,
    commit: Said,
    author: Option<MaybeAccount>,
    committer: Option<MaybeAccount>,
}

/// GitHub answers with an empty object for an address without an account.
#[derive(Deserialize)]
struct MaybeAccount {
    login: Option<String>,
    id: Option<u64>,
}

#[derive(Deserialize)]
struct Said {
    message: String,
    author: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Reviewed {
    id: u64,
    user: Option<Account>,
    state: String,
    commit_id: Option<String>,
    submitted_at: Option<Timestamp>,
}

impl GitHub {
    /// Reads a pull request at the commit that it has now.
    ///
    /// # Errors
    /// Remote: there is none of that number, its histories have nothing in common, and every failure of the API.
    pub async fn promotion(&self, wanted: &Wanted<'_>) -> Result<Promotion> {
        let Wanted { repository, number, .. } = *wanted;
        let subject = format!("pull request #{number} of {repository}");
        let found = self.pull_now(repository, number).await?;
        let head = commit_id(found.head.sha.clone(), &host(self.api_url()), &subject)?;
        let branch: Branch =
            found.base.r#ref.parse().map_err(|e| Error::remote(format!("the base of {subject}")).because(e))?;
        // What the pull request says of its base is of the time when its branch last changed.
        let base = self.base(repository, &branch).await?.commit;
        let onto = match found.merged && wanted.as_merged {
            true => commit_id(found.base.sha.clone(), &host(self.api_url()), &subject)?,
            false => base.clone(),
        };
        let compared = self.compare(repository, &onto, &head).await?;
        let unrelated = || Error::remote(format!("{subject} and its base have no common history"));
        let left = compared.ok_or_else(unrelated)?.shared;
        let files = if found.changed_files > MAX_FILES {
            Files::TooMany(found.changed_files)
        } else {
            Files::All(self.files_of(repository, number).await?)
        };
        let commits = if found.commits > MAX_COMMITS { None } else { Some(self.commits_of(repository, number).await?) };
        let reviews = self.reviews_of(repository, number).await?;
        let states = self.states(wanted, [&left, &base, &head]).await?;
        let default_branch = self.branch_by_default(repository).await?.as_str().to_owned();
        let mut pull = PullRequest {
            number,
            url: found.html_url.clone(),
            author: found.user.as_ref().map(|user| user.login.clone()),
            author_id: found.user.as_ref().and_then(|user| user.id),
            body: found.body.clone(),
            state: state(&found, &subject)?,
            draft: found.draft,
            base: End { branch: found.base.r#ref.clone(), commit: base },
            head: End { branch: found.head.r#ref.clone(), commit: head },
            source: match &found.head.repo {
                None => Source::Gone,
                Some(repo) if repository.is(&repo.full_name) => Source::Own,
                Some(repo) => Source::Fork(repo.full_name.clone()),
            },
            labels: Vec::new(),
            files,
            commits,
            reviews,
            moved: None,
        };
        if let Some(listed) = &pull.commits
            && !listed.iter().any(|one| one.id.eq_ignore_ascii_case(&pull.head.commit))
        {
            let head = short(&pull.head.commit);
            pull.moved = Some(format!("GitHub lists its commits without the newest one, {head}"));
        }
        if let Files::All(listed) = &pull.files
            && listed.len() as u64 != found.changed_files
        {
            let (listed, said) = (listed.len(), found.changed_files);
            pull.moved = Some(format!("GitHub lists {listed} of the {said} files that it says were changed"));
        }
        pull.labels = found.labels.into_iter().map(|label| label.name).collect();
        Ok(Promotion { pull, states, default_branch })
    }

    /// What has become different of a pull request since it was read.
    ///
    /// # Errors
    /// As [`GitHub::promotion`].
    pub async fn moved(&self, repository: &Repository, read: &PullRequest) -> Result<Option<String>> {
        let now = self.pull_now(repository, read.number).await?;
        let subject = format!("pull request #{} of {repository}", read.number);
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        if !same(&now.head.sha, &read.head.commit) {
            let (then, now) = (short(&read.head.commit), short(&now.head.sha));
            return Ok(Some(format!("its branch moved from {then} to {} while it was judged", excerpt(&now))));
        }
        if now.base.r#ref != read.base.branch {
            let (then, now) = (excerpt(&read.base.branch), excerpt(&now.base.r#ref));
            return Ok(Some(format!("its base changed from {then} to {now} while it was judged")));
        }
        if now.body != read.body {
            return Ok(Some("its text changed while it was judged".to_owned()));
        }
        let labels: Vec<String> = now.labels.iter().map(|label| label.name.clone()).collect();
        if (state(&now, &subject)?, now.draft) != (read.state, read.draft) || labels != read.labels {
            return Ok(Some("its state or its labels changed while it was judged".to_owned()));
        }
        Ok(None)
    }

    async fn pull_now(&self, repository: &Repository, number: u64) -> Result<Pull> {
        let subject = format!("pull request #{number} of {repository}");
        let url = self.endpoint(repository, &["pulls", &number.to_string()])?;
        let found: Option<Pull> = self.object(&url, "a pull request", &subject).await?;
        let found = found.ok_or_else(|| {
            Error::remote(format!("{} has no {subject} (404)", host(&url)))
                .help("check the number and --repo; the token needs `pull-requests: read`")
        })?;
        if found.number != number {
            return Err(Error::remote(format!("{} answered with #{}, asked for {subject}", host(&url), found.number)));
        }
        Ok(found)
    }

    async fn files_of(&self, repository: &Repository, number: u64) -> Result<Vec<Changed>> {
        let files: Vec<File> = self.listed(repository, number, "files", MAX_FILES as usize).await?;
        let changed = |file: File| Changed { path: file.filename, previous: file.previous_filename };
        Ok(files.into_iter().map(changed).collect())
    }

    async fn commits_of(&self, repository: &Repository, number: u64) -> Result<Vec<Commit>> {
        let commits: Vec<Listed> = self.listed(repository, number, "commits", MAX_COMMITS as usize).await?;
        Ok(commits.into_iter().map(Commit::from).collect())
    }

    async fn reviews_of(&self, repository: &Repository, number: u64) -> Result<Vec<Review>> {
        let reviews: Vec<Reviewed> = self.listed(repository, number, "reviews", MAX_REVIEWS).await?;
        reviews.into_iter().map(|review| review.read(repository, number)).collect()
    }

    /// Everything on a list of a pull request.
    async fn listed<T: DeserializeOwned>(
        &self,
        repository: &Repository,
        number: u64,
        what: &str,
        limit: usize,
    ) -> Result<Vec<T>> {
        let subject = format!("the {what} of pull request #{number} of {repository}");
        let url = self.endpoint(repository, &["pulls", &number.to_string(), what])?;
        let mut pages = Pages::new(self, url, PAGE, &subject);
        let mut all = Vec::new();
        while let Some(page) = pages.next::<T>().await? {
            all.extend(page);
            if all.len() > limit {
                return Err(Error::remote(format!("GitHub lists more than {limit} of {subject}")));
            }
        }
        Ok(all)
    }
}

fn state(pull: &Pull, subject: &str) -> Result<PullState> {
    match (pull.state.as_str(), pull.merged) {
        ("open", _) => Ok(PullState::Open),
        ("closed", true) => Ok(PullState::Merged),
        ("closed", false) => Ok(PullState::Closed),
        (other, _) => {
            Err(Error::remote(format!("GitHub answers with state `{}`, asked for {subject}", excerpt(other))))
        }
    }
}

impl Reviewed {
    fn read(self, repository: &Repository, number: u64) -> Result<Review> {
        let verdict = match self.state.as_str() {
            "APPROVED" => ReviewVerdict::Approved,
            "CHANGES_REQUESTED" => ReviewVerdict::ChangesRequested,
            "DISMISSED" => ReviewVerdict::Dismissed,
            "COMMENTED" => ReviewVerdict::Commented,
            "PENDING" => ReviewVerdict::Pending,
            other => {
                let other = excerpt(other);
                let message = format!("a review of pull request #{number} of {repository} has state `{other}`");
                return Err(Error::remote(message));
            }
        };
        let (author_id, commit) = (self.user.as_ref().and_then(|user| user.id), self.commit_id);
        Ok(Review {
            id: self.id,
            author: self.user.map(|user| user.login),
            author_id,
            verdict,
            commit: commit.map(|id| id.to_ascii_lowercase()),
            at: self.submitted_at,
        })
    }
}

impl From<Listed> for Commit {
    fn from(listed: Listed) -> Self {
        let account = |one: Option<MaybeAccount>| {
            let one = one.filter(|one| one.login.as_deref() != Some(GITHUB_ITSELF))?;
            Some((one.login?, one.id))
        };
        let author = account(listed.author);
        let name = listed.commit.author.and_then(|author| author.name).unwrap_or_default();
        let unknown = author.is_none().then(|| excerpt(&name));
        let named = listed.commit.message.lines().filter_map(named_author);
        let all: Vec<_> = author.into_iter().chain(account(listed.committer)).chain(named).collect();
        let account_ids = all.iter().filter_map(|(_, id)| *id).collect();
        let accounts = all.into_iter().map(|(login, _)| login).collect();
        Self { id: listed.sha, accounts, account_ids, unknown }
    }
}

/// The account that `Co-authored-by: NAME <ID+LOGIN@users.noreply.github.com>` names, and its number.
fn named_author(line: &str) -> Option<(String, Option<u64>)> {
    let (key, value) = line.split_once(':')?;
    if !key.trim().eq_ignore_ascii_case("co-authored-by") {
        return None;
    }
    let (_, address) = value.rsplit_once('<')?;
    let local = address.trim_end().strip_suffix("@users.noreply.github.com>")?;
    Some(match local.rsplit_once('+') {
        Some((id, login)) => (login.to_owned(), id.parse().ok()),
        None => (local.to_owned(), None),
    })
}
