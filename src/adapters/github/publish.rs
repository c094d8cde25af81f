//! What publishing asks of GitHub and changes there: releases with their drafts, and single changes to them.
//! What to change is decided elsewhere, and so is what to do about an answer that does not come.

use std::{collections::HashSet, path::Path};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{GitHub, JSON, PAGE, ReleaseAsset, pages::Pages, release::text_if_any};
use crate::{
    adapters::http::{Body, Request, Written, excerpt},
    digest::Sha256,
    error::{Error, Result},
    release::publish::state::{File, Held, HeldAsset, Remote},
    subject::{repository::Repository, tag::Tag},
};

/// What is there under a tag, and where it goes on.
#[derive(Debug, Default)]
pub struct Seen {
    /// Releases and drafts.
    pub remote: Remote,
    places: Vec<Place>,
}

/// Addresses of a release.
#[derive(Debug)]
struct Place {
    id: u64,
    upload_url: Option<String>,
    page: Option<String>,
}

/// A release as its list states it; its assets are asked for themselves.
#[derive(Debug, Clone, Deserialize)]
struct Listed {
    id: u64,
    tag_name: String,
    #[serde(default, deserialize_with = "text_if_any")]
    name: Option<String>,
    #[serde(default)]
    body: Option<String>,
    draft: bool,
    prerelease: bool,
    #[serde(default)]
    immutable: Option<bool>,
    #[serde(default, deserialize_with = "text_if_any")]
    upload_url: Option<String>,
    #[serde(default, deserialize_with = "text_if_any")]
    html_url: Option<String>,
}

/// What a draft is made of.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    /// The tag, and the title.
    pub(crate) tag: &'a Tag,
    /// The commit that the tag leads to: where the tag were gone by then, GitHub would make it there.
    pub(crate) commit: &'a str,
    /// The notes.
    pub(crate) notes: &'a str,
}

impl Seen {
    /// The template of the address that assets of a release are uploaded to.
    pub fn upload_url(&self, release: u64) -> Option<&str> {
        self.place(release)?.upload_url.as_deref()
    }

    /// The page of a release.
    pub fn page(&self, release: u64) -> Option<&str> {
        self.place(release)?.page.as_deref()
    }

    fn place(&self, release: u64) -> Option<&Place> {
        self.places.iter().find(|place| place.id == release)
    }
}

impl GitHub {
    /// What is there under a tag: drafts by their list, which a release that was just made may not be on yet, and
    /// `works_on` by its number. An asset of which the API states no digest is downloaded where it may be one of `files`.
    ///
    /// # Errors
    /// Remote: every failure of the API. Input: an asset that must be downloaded cannot be written.
    pub async fn held(&self, repo: &Repository, tag: &Tag, works_on: Option<u64>, files: &[File]) -> Result<Seen> {
        let subject = format!("the releases of {repo}");
        let mut pages = Pages::new(self, self.endpoint(repo, &["releases"])?, PAGE, &subject);
        let (mut found, mut highest) = (Vec::<Listed>::new(), None::<Tag>);
        while let Some(page) = pages.next::<Listed>().await? {
            for listed in page {
                if listed.tag_name == tag.as_str() {
                    // A release published meanwhile moves the last entry of one page to the next.
                    if found.iter().all(|one| one.id != listed.id) {
                        found.push(listed);
                    }
                } else if let Ok(other) = listed.tag_name.parse::<Tag>()
                    && !listed.draft
                    && !listed.prerelease
                    && highest.as_ref().is_none_or(|highest| highest.version() < other.version())
                {
                    highest = Some(other);
                }
            }
        }
        if let Some(id) = works_on {
            found.retain(|listed| listed.id != id);
            let subject = format!("draft {id} of {repo}");
            let url = self.endpoint(repo, &["releases", &id.to_string()])?;
            let own = self.object::<Listed>(&url, "a release", &subject).await?;
            found.extend(own.filter(|own| own.tag_name == tag.as_str()));
        }
        let mut seen = Seen { remote: Remote { releases: Vec::new(), highest }, places: Vec::new() };
        for listed in found {
            let Listed { id, name, body, draft, prerelease, immutable, upload_url, html_url: page, .. } = listed;
            let assets = self.held_assets(repo, id, files).await?;
            let (title, notes) = (name.unwrap_or_default(), body.unwrap_or_default());
            let immutable = immutable.unwrap_or(false);
            seen.remote.releases.push(Held { id, draft, prerelease, immutable, title, notes, assets });
            seen.places.push(Place { id, upload_url, page });
        }
        Ok(seen)
    }

    async fn held_assets(&self, repo: &Repository, release: u64, files: &[File]) -> Result<Vec<HeldAsset>> {
        let subject = format!("the assets of release {release} of {repo}");
        let url = self.endpoint(repo, &["releases", &release.to_string(), "assets"])?;
        let mut pages = Pages::new(self, url, PAGE, &subject);
        let (mut held, mut seen) = (Vec::new(), HashSet::new());
        while let Some(page) = pages.next::<ReleaseAsset>().await? {
            for asset in page.into_iter().filter(|asset| seen.insert(asset.id)) {
                held.push(self.held_asset(asset, files).await?);
            }
        }
        Ok(held)
    }

    async fn held_asset(&self, asset: ReleaseAsset, files: &[File]) -> Result<HeldAsset> {
        let unfinished = asset.unfinished().map(excerpt);
        let stated = asset.digest.as_deref().and_then(|digest| Sha256::from_prefixed(digest).ok());
        let may_be = unfinished.is_none() && asset.size > 0 && files.iter().any(|file| file.size == asset.size);
        let digest = match stated {
            None if may_be => {
                let cannot = |e| Error::input("cannot make a temporary folder").because(e);
                let folder = TempDir::with_prefix("merotee-").map_err(cannot)?;
                Some(self.download(&asset, &folder.path().join("asset"), |_| ()).await?.sha256)
            }
            stated => stated,
        };
        Ok(HeldAsset { id: asset.id, name: asset.name, size: asset.size, unfinished, digest })
    }

    /// Writes the bytes of an asset into a file. `progress` is told the bytes so far.
    ///
    /// # Errors
    /// Remote: every failure of the API or of the storage behind it. Input: the file cannot be written.
    pub(crate) async fn download_held(
        &self,
        repo: &Repository,
        held: &HeldAsset,
        to: &Path,
        progress: impl Fn(u64) + Sync,
    ) -> Result<()> {
        let url = self.endpoint(repo, &["releases", "assets", &held.id.to_string()])?;
        let (state, digest, content_type, browser_download_url) = (None, None, None, None);
        let (id, name, size) = (held.id, held.name.clone(), held.size);
        let updated_at = None;
        let asset = ReleaseAsset { id, name, size, state, digest, url, content_type, browser_download_url, updated_at };
        self.download(&asset, to, progress).await.map(|_| ())
    }

    /// What an asset is called now; `None` where it is gone.
    ///
    /// # Errors
    /// Remote: every failure of the API.
    pub(crate) async fn asset_name(&self, repo: &Repository, id: u64) -> Result<Option<String>> {
        let url = self.endpoint(repo, &["releases", "assets", &id.to_string()])?;
        let found = self.object::<ReleaseAsset>(&url, "an asset", &format!("asset {id} of {repo}")).await?;
        Ok(found.map(|asset| asset.name))
    }

    /// Makes a draft; the number it got is in the answer.
    ///
    /// # Errors
    /// As for every change: a rate limit that lasts, or no connection.
    pub(crate) async fn create_draft(&self, repo: &Repository, draft: &Draft<'_>) -> Result<Written> {
        let Draft { tag, commit, notes } = draft;
        let wish = json!({
            "tag_name": tag.as_str(), "target_commitish": commit, "name": tag.as_str(), "body": notes,
            "draft": true, "prerelease": tag.is_rc(), "make_latest": "false",
        });
        self.change(Method::POST, repo, &["releases"], Some(&wish), &format!("create a draft of {tag} in {repo}")).await
    }

    /// Changes fields of a release.
    ///
    /// # Errors
    /// As [`GitHub::create_draft`].
    pub(crate) async fn edit_release(&self, repo: &Repository, id: u64, fields: &Value, what: &str) -> Result<Written> {
        let subject = format!("{what} of release {id} in {repo}");
        self.change(Method::PATCH, repo, &["releases", &id.to_string()], Some(fields), &subject).await
    }

    /// Deletes a release, which must be a draft of the caller's own.
    ///
    /// # Errors
    /// As [`GitHub::create_draft`].
    pub(crate) async fn delete_draft(&self, repo: &Repository, id: u64) -> Result<Written> {
        self.change(Method::DELETE, repo, &["releases", &id.to_string()], None, &format!("delete draft {id}")).await
    }

    /// Gives an asset another name.
    ///
    /// # Errors
    /// As [`GitHub::create_draft`].
    pub(crate) async fn rename_asset(&self, repo: &Repository, id: u64, name: &str) -> Result<Written> {
        let path = ["releases", "assets", &id.to_string()];
        let subject = format!("rename asset {id} to {}", excerpt(name));
        self.change(Method::PATCH, repo, &path, Some(&json!({ "name": name })), &subject).await
    }

    /// Deletes an asset.
    ///
    /// # Errors
    /// As [`GitHub::create_draft`].
    pub(crate) async fn delete_asset(&self, repo: &Repository, id: u64) -> Result<Written> {
        let path = ["releases", "assets", &id.to_string()];
        self.change(Method::DELETE, repo, &path, None, &format!("delete asset {id}")).await
    }

    async fn change(
        &self,
        method: Method,
        repo: &Repository,
        path: &[&str],
        fields: Option<&Value>,
        subject: &str,
    ) -> Result<Written> {
        let url = self.endpoint(repo, path)?;
        let body = fields.map_or(Body::None, Body::json);
        let request = Request { body, idempotent: false, accept: JSON, ..Request::new(method, &url) };
        self.http.write(&request, subject).await
    }
}
