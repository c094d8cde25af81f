//! The GitHub REST API, as far as releases need it: releases, their assets, files of a repository.
//!
//! It says what the API says and judges none of it. Bounds, retries and the token's whereabouts are the business of
//! `http`, bytes on disk that of `download`.

mod api;
mod attestations;
mod compare;
mod issues;
mod pages;
pub(crate) mod publish;
mod pulls;
mod release;
mod review;
pub(crate) mod upload;

use std::{collections::HashSet, path::Path, sync::Arc};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use self::{api::Api, pages::Pages};
pub use self::{
    attestations::RepositoryIds,
    compare::Compared,
    pulls::{Made, Proposed, Proposing, Snapshot},
    release::{Release, ReleaseAsset},
    review::{Posted, Posting, Promotion, Wanted as WantedPromotion},
};
pub use super::{
    download::{Allowance, Downloaded},
    http::Quota,
};
use super::{
    download::{Wanted, download},
    http::{Http, HttpOptions, Service, excerpt, host},
};
use crate::{
    error::{Error, Result},
    subject::repository::Repository,
};

/// A client of one GitHub, public or Enterprise.
#[derive(Debug)]
pub struct GitHub {
    http: Arc<Http>,
    api: Api,
    allowance: Allowance,
}

const JSON: &str = "application/vnd.github+json";
const RAW: &str = "application/vnd.github.raw+json";
const PAGE: usize = 100;

impl GitHub {
    /// A client of the API at `api_url`, such as `https://api.github.com` or `https://ghe.example/api/v3`, whose path
    /// is kept. Nothing is sent yet. Proxies come from the environment, but never for loopback addresses. An empty
    /// token counts as none.
    ///
    /// # Errors
    /// Usage: a URL that is not http(s) or carries credentials, or a token that no header can hold.
    pub fn new(api_url: Url, token: Option<SecretString>, options: HttpOptions) -> Result<Self> {
        let http = Arc::new(Http::new(Service::GitHub, api_url, token.as_ref(), options)?);
        Ok(Self { api: Api::new(Arc::clone(&http)), http, allowance: Allowance::unlimited() })
    }

    /// Bounds what all downloads together may bring.
    #[must_use]
    pub fn within(self, allowance: Allowance) -> Self {
        Self { allowance, ..self }
    }

    /// What may still be downloaded.
    pub(crate) fn allowance(&self) -> &Allowance {
        &self.allowance
    }

    /// The API that is asked.
    pub fn api_url(&self) -> &Url {
        self.http.base()
    }

    /// Requests made to the API so far.
    pub fn requests(&self) -> u64 {
        self.http.requests()
    }

    /// What the API last said of its rate limit.
    pub fn quota(&self) -> Option<Quota> {
        self.http.quota()
    }

    /// Until when the API is not asked, where its rate limit is reached and that is not over soon.
    pub fn shut_until(&self) -> Option<Timestamp> {
        self.http.shut_until()
    }

    /// The release of a tag, with all its assets; `None` when the repository has none. A draft has no tag yet, so with
    /// a token the list of releases is searched as well.
    ///
    /// # Errors
    /// Usage: a tag that can't be one. Remote: an unknown repository, two drafts of the tag, and every failure of the
    /// API.
    pub async fn release(&self, repo: &Repository, tag: &str) -> Result<Option<Release>> {
        let subject = format!("release `{}` of {repo}", excerpt(tag));
        let url = self.endpoint(repo, &["releases", "tags", tag])?;
        let found = match self.object::<Release>(&url, "a release", &subject).await? {
            Some(found) if found.tag_name == tag => Some(found),
            Some(other) => {
                let (host, other) = (host(&url), excerpt(&other.tag_name));
                return Err(Error::remote(format!("{host} answered with release `{other}`, asked for {subject}")));
            }
            None => {
                self.require(repo).await?;
                if self.http.has_token() { self.draft(repo, tag).await? } else { None }
            }
        };
        match found {
            Some(release) => self.with_all_assets(repo, release).await.map(Some),
            None => Ok(None),
        }
    }

    /// Up to `limit` releases in the API's order, newest first, each with all its assets. Drafts are among them when
    /// the token may see them.
    ///
    /// # Errors
    /// Remote: an unknown repository, and every failure of the API.
    pub async fn releases(&self, repo: &Repository, limit: usize) -> Result<Vec<Release>> {
        self.releases_that(repo, limit, |_| true).await
    }

    /// As [`GitHub::releases`], of those that are `wanted`. It is told of each release on the way, once, newest first.
    ///
    /// # Errors
    /// As [`GitHub::releases`].
    pub async fn releases_that(
        &self,
        repo: &Repository,
        limit: usize,
        mut wanted: impl FnMut(&Release) -> bool,
    ) -> Result<Vec<Release>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let subject = format!("the releases of {repo}");
        let mut pages = Pages::new(self, self.endpoint(repo, &["releases"])?, limit.min(PAGE), &subject);
        let (mut releases, mut seen) = (Vec::new(), HashSet::new());
        'reading: while let Some(page) = pages.next::<Release>().await? {
            // A release published meanwhile moves the last entry of one page to the start of the next.
            for release in page.into_iter().filter(|release| seen.insert(release.id) && wanted(release)) {
                releases.push(self.with_all_assets(repo, release).await?);
                if releases.len() == limit {
                    break 'reading;
                }
            }
        }
        Ok(releases)
    }

    /// The tags of the newest published releases, up to a hundred, in the API's order. They serve as advice, so the API is
    /// asked once and no failure is retried.
    ///
    /// # Errors
    /// Remote: an unknown repository, and every failure of the API, transient ones as well.
    pub async fn newest_tags(&self, repo: &Repository) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Tagged {
            tag_name: String,
            draft: bool,
        }

        let subject = format!("the releases of {repo}");
        let mut url = self.endpoint(repo, &["releases"])?;
        url.query_pairs_mut().append_pair("per_page", &PAGE.to_string());
        let (status, body) = self.http.exchange(&url, None, &subject).await?;
        if !status.is_success() {
            return Err(Error::remote(format!("{} answered {}, asked for {subject}", host(&url), status.as_u16())));
        }
        let listed: Vec<Tagged> = serde_json::from_slice(&body)
            .map_err(|e| Error::remote(format!("{} sent no list of releases", host(&url))).because(e))?;
        Ok(listed.into_iter().filter(|release| !release.draft).take(PAGE).map(|release| release.tag_name).collect())
    }

    /// The content of the file at `path` in the tree of `git_ref`, or of the default branch; `None` when the
    /// repository, the ref or the file does not exist.
    ///
    /// # Errors
    /// Usage: a path that leaves the repository. Remote: content over [`HttpOptions::max_json_bytes`], and every
    /// failure of the API.
    pub async fn file(&self, repo: &Repository, path: &str, git_ref: Option<&str>) -> Result<Option<Vec<u8>>> {
        let at = git_ref.map(|r| format!(" at `{}`", excerpt(r))).unwrap_or_default();
        let subject = format!("file `{}`{at} of {repo}", excerpt(path));
        let segments: Vec<&str> = ["contents"].into_iter().chain(path.split('/')).collect();
        let mut url = self.endpoint(repo, &segments)?;
        if let Some(git_ref) = git_ref {
            url.query_pairs_mut().append_pair("ref", git_ref);
        }
        Ok(self.http.fetch(&url, RAW, &subject).await?.map(|fetched| fetched.body))
    }

    /// Streams an asset's bytes into the file `destination`, whose name the caller has chosen: the asset's own is not
    /// to be trusted. They are hashed while they are written to a temporary name, which is renamed when all came, over
    /// a file already there. `progress` is told the bytes so far.
    ///
    /// A body that is whole but not of the stated size is not an error: the result says how much came.
    ///
    /// # Errors
    /// Remote: an asset URL outside the API, every failure of the API or of the storage behind it, more bytes than
    /// [`HttpOptions::max_asset_bytes`], than the stated size and 1 MiB, or than what is left of [`GitHub::within`].
    /// Input: the file can't be written. In each case nothing is left on disk.
    pub async fn download(
        &self,
        asset: &ReleaseAsset,
        destination: &Path,
        progress: impl Fn(u64) + Sync,
    ) -> Result<Downloaded> {
        self.bytes(asset, Some(destination), progress).await
    }

    /// Hashes an asset's bytes as they come and keeps none of them. Otherwise as [`GitHub::download`].
    ///
    /// # Errors
    /// Remote: as [`GitHub::download`].
    pub async fn hash(&self, asset: &ReleaseAsset, progress: impl Fn(u64) + Sync) -> Result<Downloaded> {
        self.bytes(asset, None, progress).await
    }

    async fn bytes(
        &self,
        asset: &ReleaseAsset,
        destination: Option<&Path>,
        progress: impl Fn(u64) + Sync,
    ) -> Result<Downloaded> {
        let name = excerpt(&asset.name);
        if !self.http.is_own(&asset.url) {
            let (there, here) = (host(&asset.url), host(self.http.base()));
            let message = format!("asset `{name}` points to {there}, not to the API at {here}");
            return Err(Error::remote(message).help("check GITHUB_API_URL: it must be the API that lists the asset"));
        }
        // The path names repository and asset; a query has no place in it, and might be secret.
        let subject = format!("asset `{name}` ({})", excerpt(asset.url.path()));
        let wanted = Wanted { url: &asset.url, subject: &subject, stated_size: asset.size, allowance: &self.allowance };
        download(&self.http, wanted, destination, progress).await
    }

    /// Distinguishes a release that does not exist from a repository that does not.
    async fn require(&self, repo: &Repository) -> Result<()> {
        let url = self.endpoint(repo, &[])?;
        if self.http.fetch(&url, JSON, &format!("repository {repo}")).await?.is_some() {
            return Ok(());
        }
        let advice = if self.http.has_token() {
            "check the name, and that GH_TOKEN may read it: a private repository looks the same as a missing one"
        } else {
            "check the name, or set GH_TOKEN: a private repository looks the same as a missing one"
        };
        Err(Error::remote(format!("{} has no repository {repo} (404)", host(&url))).help(advice))
    }

    /// The release of a tag by listing. A name can be held by several drafts, and guessing among them is not for us.
    async fn draft(&self, repo: &Repository, tag: &str) -> Result<Option<Release>> {
        let subject = format!("the releases of {repo}");
        let mut pages = Pages::new(self, self.endpoint(repo, &["releases"])?, PAGE, &subject);
        let mut found: Option<Release> = None;
        while let Some(page) = pages.next::<Release>().await? {
            for release in page.into_iter().filter(|release| release.tag_name == tag) {
                match &found {
                    Some(first) if first.id != release.id => {
                        let (tag, one, other) = (excerpt(tag), first.id, release.id);
                        let message = format!("{repo} has two draft releases `{tag}`, {one} and {other}");
                        return Err(Error::remote(message).help("delete the one that is not wanted"));
                    }
                    Some(_) => {}
                    None => found = Some(release),
                }
            }
        }
        Ok(found)
    }

    /// The list inside a release is complete as far as anyone has seen. One that a server cut would end at a page's
    /// end, so a list of just such a length is read again from its own endpoint, page by page.
    async fn with_all_assets(&self, repo: &Repository, mut release: Release) -> Result<Release> {
        let count = release.assets.len();
        if count == 0 || !(count.is_multiple_of(30) || count.is_multiple_of(PAGE)) {
            return Ok(release);
        }
        let subject = format!("the assets of release `{}` of {repo}", excerpt(&release.tag_name));
        let url = self.endpoint(repo, &["releases", &release.id.to_string(), "assets"])?;
        let mut pages = Pages::new(self, url, PAGE, &subject);
        let (mut assets, mut seen) = (Vec::with_capacity(count), HashSet::new());
        while let Some(page) = pages.next::<ReleaseAsset>().await? {
            assets.extend(page.into_iter().filter(|asset| seen.insert(asset.id)));
        }
        release.assets = assets;
        Ok(release)
    }

    async fn object<T: DeserializeOwned>(&self, url: &Url, expected: &str, subject: &str) -> Result<Option<T>> {
        Ok(self.api.get(url, expected, subject).await?.map(|answered| answered.value))
    }

    /// `/repos/OWNER/NAME/…` under the API's URL, each segment percent-encoded.
    fn endpoint(&self, repo: &Repository, segments: &[&str]) -> Result<Url> {
        // A URL drops such segments silently, and the request would be for something else.
        if let Some(bad) = segments.iter().find(|s| matches!(**s, "" | "." | "..") || s.contains(char::is_control)) {
            return Err(Error::usage(format!("`{}` cannot be part of a tag or path", excerpt(bad))));
        }
        let mut url = self.http.base().clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .map_err(|()| Error::usage("the API's URL must be one that has a path"))?
            .pop_if_empty()
            .extend(["repos", repo.owner(), repo.name()])
            .extend(segments);
        Ok(url)
    }
}
