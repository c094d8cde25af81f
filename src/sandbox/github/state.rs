//! What the sandbox's GitHub holds, and the rules by which it changes. It speaks no HTTP.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;

use super::refusal::Refusal;
use crate::{
    digest::Sha256,
    sandbox::{
        documents::commit,
        release::{ServedAsset, ServedRelease},
    },
};

/// Asset ids of samples are made of the release's place and the asset's.
const ASSETS_A_RELEASE: u64 = 1_000;
/// Ids of what is made later start here.
const FIRST_ID: u64 = 1_000_000;
/// GitHub's bound on a release.
const MAX_ASSETS: usize = 1_000;
/// The branch every repository has.
pub(super) const BRANCH: &str = "master";

/// All repositories.
#[derive(Debug, Default)]
pub(super) struct State {
    repositories: Vec<Repository>,
    /// Names that repositories had before, and those they have now.
    moved: BTreeMap<String, String>,
    made: u64,
}

/// One repository.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) full_name: String,
    /// Whether its releases can't be changed once they are published.
    pub(super) immutable_releases: bool,
    /// Newest first.
    pub(super) releases: Vec<Release>,
    /// Full names of refs (`refs/tags/v1`), and the commits they point to.
    pub(super) refs: BTreeMap<String, String>,
    /// Files of the default branch, by path.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Tags that immutable releases had: they are never given again.
    spent: BTreeSet<String>,
}

/// A release. Its tag may be any text.
#[derive(Debug, Clone)]
pub(super) struct Release {
    pub(super) id: u64,
    pub(super) tag: String,
    pub(super) target: String,
    pub(super) name: String,
    pub(super) body: String,
    pub(super) draft: bool,
    pub(super) prerelease: bool,
    pub(super) immutable: bool,
    pub(super) assets: Vec<Asset>,
}

/// An asset.
#[derive(Debug, Clone)]
pub(super) struct Asset {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) media_type: String,
    pub(super) state: AssetState,
    /// What the API states, which tampers change.
    pub(super) size: u64,
    pub(super) digest: Option<String>,
    pub(super) bytes: Bytes,
}

/// How far an upload got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AssetState {
    /// It broke off.
    Starter,
    /// It is whole.
    Uploaded,
}

/// What a caller wants a release to be; what is left out stays as it is.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    pub(super) tag_name: Option<String>,
    pub(super) target_commitish: Option<String>,
    pub(super) name: Option<String>,
    pub(super) body: Option<String>,
    pub(super) draft: Option<bool>,
    pub(super) prerelease: Option<bool>,
}

impl AssetState {
    /// As the API spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Uploaded => "uploaded",
        }
    }
}

impl State {
    /// Adds a repository, empty but for its branch and what `fill` puts there.
    pub(super) fn add(&mut self, full_name: &str, fill: impl FnOnce(&mut Repository)) {
        let mut repository = Repository {
            id: self.repositories.len() as u64 + 1,
            full_name: full_name.to_owned(),
            immutable_releases: false,
            releases: Vec::new(),
            refs: BTreeMap::from([(format!("refs/heads/{BRANCH}"), head(full_name))]),
            files: BTreeMap::new(),
            spent: BTreeSet::new(),
        };
        fill(&mut repository);
        self.repositories.push(repository);
    }

    /// Answers for a name that a repository had before.
    pub(super) fn moved(&mut self, before: &str, now: &str) {
        self.moved.insert(before.to_ascii_lowercase(), now.to_owned());
    }

    /// The name that a repository has now, if it had this one before.
    pub(super) fn moved_to(&self, full_name: &str) -> Option<&str> {
        self.moved.get(&full_name.to_ascii_lowercase()).map(String::as_str)
    }

    /// A repository by its name, in any case.
    pub(super) fn repository(&self, full_name: &str) -> Result<&Repository, Refusal> {
        let found = self.repositories.iter().find(|one| one.full_name.eq_ignore_ascii_case(full_name));
        found.ok_or_else(Refusal::not_found)
    }

    /// A repository to change, and a number that nothing has had.
    pub(super) fn change(&mut self, full_name: &str) -> Result<(&mut Repository, u64), Refusal> {
        let id = FIRST_ID + self.made;
        self.made += 1;
        let found = self.repositories.iter_mut().find(|one| one.full_name.eq_ignore_ascii_case(full_name));
        found.map(|one| (one, id)).ok_or_else(Refusal::not_found)
    }

    /// An asset of any repository, by its number.
    pub(super) fn asset(&self, id: u64) -> Option<&Asset> {
        self.repositories.iter().find_map(|repository| repository.asset(id).ok())
    }
}

impl Repository {
    /// Publishes sample releases, newest first, whose numbers follow from their places.
    pub(super) fn publish_samples(&mut self, samples: Vec<ServedRelease>) {
        for (release, place) in samples.into_iter().zip(1..) {
            let commit = commit(&release.tag);
            self.refs.insert(format!("refs/tags/{}", release.tag), commit.clone());
            let assets = release.assets.into_iter().zip(place * ASSETS_A_RELEASE..).map(|(one, id)| served(one, id));
            self.releases.push(Release {
                id: place,
                tag: release.tag.to_string(),
                target: commit,
                name: release.tag.to_string(),
                body: release.notes,
                draft: false,
                prerelease: release.tag.is_rc(),
                immutable: false,
                assets: assets.collect(),
            });
        }
    }

    /// The published release of a tag. A draft has no tag yet.
    pub(super) fn by_tag(&self, tag: &str) -> Result<&Release, Refusal> {
        self.releases.iter().find(|one| !one.draft && one.tag == tag).ok_or_else(Refusal::not_found)
    }

    /// A release by its number; drafts are shown to those with a token.
    pub(super) fn by_id(&self, id: u64, drafts: bool) -> Result<&Release, Refusal> {
        self.releases.iter().find(|one| one.id == id && (drafts || !one.draft)).ok_or_else(Refusal::not_found)
    }

    /// The newest release that is neither a draft nor a prerelease.
    pub(super) fn latest(&self) -> Result<&Release, Refusal> {
        self.releases.iter().find(|one| !one.draft && !one.prerelease).ok_or_else(Refusal::not_found)
    }

    pub(super) fn asset(&self, id: u64) -> Result<&Asset, Refusal> {
        let mut all = self.releases.iter().flat_map(|release| &release.assets);
        all.find(|asset| asset.id == id).ok_or_else(Refusal::not_found)
    }

    /// The commit that a ref, a branch, a tag or a commit's own number leads to.
    pub(super) fn commit(&self, git_ref: &str) -> Option<&str> {
        let full = [git_ref.to_owned(), format!("refs/heads/{git_ref}"), format!("refs/tags/{git_ref}")];
        let named = full.iter().find_map(|name| self.refs.get(name));
        named.or_else(|| self.refs.values().find(|commit| *commit == git_ref)).map(String::as_str)
    }

    /// Makes a release, a draft or a published one.
    pub(super) fn create(&mut self, id: u64, wish: Wish) -> Result<&Release, Refusal> {
        let tag = wish.tag_name.clone().filter(|tag| !tag.is_empty());
        let tag = tag.ok_or_else(|| Refusal::field("Release", "missing_field", "tag_name"))?;
        let target = wish.target_commitish.clone().unwrap_or_else(|| BRANCH.to_owned());
        let (name, body, draft) = (String::new(), String::new(), true);
        let made =
            Release { id, tag, target, name, body, draft, prerelease: false, immutable: false, assets: Vec::new() };
        let publish = !wish.draft.unwrap_or(false);
        let made = self.settled(made, Wish { draft: Some(!publish), ..wish })?;
        self.releases.insert(0, made);
        self.releases.first().ok_or_else(Refusal::not_found)
    }

    /// Changes a release. Publishing a draft makes its tag.
    pub(super) fn edit(&mut self, id: u64, wish: Wish) -> Result<&Release, Refusal> {
        let before = self.by_id(id, true)?.clone();
        let renames = wish.tag_name.as_ref().is_some_and(|tag| *tag != before.tag);
        if before.immutable && (renames || wish.draft == Some(true)) {
            return Err(Refusal::rule("Release", "An immutable release can only change its title and notes."));
        }
        let after = self.settled(before, wish)?;
        let place = self.place(id)?;
        if let Some(release) = self.releases.get_mut(place) {
            *release = after;
        }
        self.by_id(id, true)
    }

    /// A release as it is wished; a tag is given once, and made when its release is published.
    fn settled(&mut self, mut release: Release, wish: Wish) -> Result<Release, Refusal> {
        let Wish { tag_name, target_commitish, name, body, draft, prerelease } = wish;
        release.tag = tag_name.unwrap_or(release.tag);
        release.target = target_commitish.unwrap_or(release.target);
        release.name = name.unwrap_or(release.name);
        release.body = body.unwrap_or(release.body);
        release.prerelease = prerelease.unwrap_or(release.prerelease);
        let publishes = release.draft && draft == Some(false);
        release.draft = draft.unwrap_or(release.draft);
        if release.draft {
            return Ok(release);
        }
        if self.releases.iter().any(|one| !one.draft && one.id != release.id && one.tag == release.tag) {
            return Err(Refusal::field("Release", "already_exists", "tag_name"));
        }
        if publishes && self.spent.contains(&release.tag) {
            return Err(Refusal::rule("Release", "tag_name was used by an immutable release"));
        }
        let name = format!("refs/tags/{}", release.tag);
        if !self.refs.contains_key(&name) {
            let commit = self.commit(&release.target).map(str::to_owned);
            let commit = commit.ok_or_else(|| Refusal::field("Release", "invalid", "target_commitish"))?;
            self.refs.insert(name, commit);
        }
        if publishes && self.immutable_releases {
            release.immutable = true;
            self.spent.insert(release.tag.clone());
        }
        Ok(release)
    }

    /// Deletes a release and its assets, and leaves its tag.
    pub(super) fn delete(&mut self, id: u64) -> Result<(), Refusal> {
        let place = self.place(id)?;
        self.releases.remove(place);
        Ok(())
    }

    /// Takes an asset: a name once, with odd characters replaced, and nothing for an immutable release.
    pub(super) fn upload(&mut self, release: u64, mut asset: Asset) -> Result<Asset, Refusal> {
        let place = self.place(release)?;
        let release = self.releases.get_mut(place).ok_or_else(Refusal::not_found)?;
        if release.immutable {
            return Err(Refusal::rule("ReleaseAsset", "Cannot upload assets to an immutable release."));
        }
        asset.name = plain(&asset.name);
        if asset.name.is_empty() {
            return Err(Refusal::field("ReleaseAsset", "missing_field", "name"));
        }
        if release.assets.iter().any(|one| one.name == asset.name) {
            return Err(Refusal::field("ReleaseAsset", "already_exists", "name"));
        }
        if release.assets.len() >= MAX_ASSETS {
            return Err(Refusal::rule("ReleaseAsset", "a release has at most 1000 assets"));
        }
        release.assets.push(asset.clone());
        Ok(asset)
    }

    /// Deletes an asset, but not of an immutable release.
    pub(super) fn delete_asset(&mut self, id: u64) -> Result<(), Refusal> {
        let holds = |release: &&mut Release| release.assets.iter().any(|asset| asset.id == id);
        let release = self.releases.iter_mut().find(holds).ok_or_else(Refusal::not_found)?;
        if release.immutable {
            return Err(Refusal::rule("ReleaseAsset", "Cannot delete asset from an immutable release"));
        }
        release.assets.retain(|asset| asset.id != id);
        Ok(())
    }

    fn place(&self, id: u64) -> Result<usize, Refusal> {
        self.releases.iter().position(|one| one.id == id).ok_or_else(Refusal::not_found)
    }
}

impl Asset {
    /// An asset whose upload ended well.
    pub(super) fn uploaded(id: u64, name: String, media_type: String, bytes: Bytes) -> Self {
        let digest = Some(format!("sha256:{}", Sha256::of(&bytes)));
        let (size, state) = (bytes.len() as u64, AssetState::Uploaded);
        Self { id, name, label: String::new(), media_type, state, size, digest, bytes }
    }

    /// What is left where an upload broke off.
    pub(super) fn broken_off(self) -> Self {
        Self { state: AssetState::Starter, size: 0, digest: None, bytes: Bytes::new(), ..self }
    }
}

fn served(asset: ServedAsset, id: u64) -> Asset {
    let state = if asset.state == "uploaded" { AssetState::Uploaded } else { AssetState::Starter };
    Asset {
        id,
        name: asset.name,
        label: String::new(),
        media_type: "application/octet-stream".to_owned(),
        state,
        size: asset.stated_size,
        digest: Some(asset.stated_digest),
        bytes: asset.bytes.into(),
    }
}

/// The commit that a new repository's branch points to: 40 digits that follow from its name.
fn head(full_name: &str) -> String {
    Sha256::of(full_name.as_bytes()).to_string().chars().take(40).collect()
}

/// A name as GitHub keeps it: what is neither a letter, a digit nor one of a few signs becomes a dot.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.+@~".contains(c) { c } else { '.' }).collect()
}
