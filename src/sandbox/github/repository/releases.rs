//! Releases and their assets: drafts, tags, publishing, immutability, names.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    super::{
        content::{Content, Received},
        refusal::Refusal,
    },
    BRANCH, Repository, now,
    refs::well_formed,
};
use crate::sandbox::{
    documents::GENERATED_AT,
    release::{ServedAsset, ServedRelease},
};

/// Asset ids of samples are made of the release's place and the asset's.
const ASSETS_A_RELEASE: u64 = 1_000;
/// GitHub's bound on a release.
const MAX_ASSETS: usize = 1_000;

/// A release.
#[derive(Debug, Clone)]
pub(in super::super) struct Release {
    pub(in super::super) id: u64,
    pub(in super::super) tag: String,
    pub(in super::super) target: String,
    pub(in super::super) name: String,
    pub(in super::super) body: String,
    pub(in super::super) draft: bool,
    pub(in super::super) prerelease: bool,
    pub(in super::super) immutable: bool,
    make_latest: MakeLatest,
    pub(in super::super) author: String,
    pub(in super::super) created: Timestamp,
    pub(in super::super) published: Option<Timestamp>,
    pub(in super::super) assets: Vec<Asset>,
    /// Bundles that attest it, once it was asked for them.
    pub(in super::super) attestations: Option<Vec<Value>>,
}

/// An asset.
#[derive(Debug, Clone)]
pub(in super::super) struct Asset {
    pub(in super::super) id: u64,
    pub(in super::super) name: String,
    pub(in super::super) label: String,
    pub(in super::super) media_type: String,
    pub(in super::super) state: AssetState,
    /// What the API states, which tampers change.
    pub(in super::super) size: u64,
    pub(in super::super) digest: Option<String>,
    pub(in super::super) uploader: String,
    pub(in super::super) time: Timestamp,
    pub(in super::super) content: Content,
}

/// How far an upload got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum AssetState {
    /// It broke off.
    Starter,
    /// It is whole.
    Uploaded,
}

/// Whether publishing makes a release the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum MakeLatest {
    /// It does. Drafts and prereleases never are.
    True,
    /// It does not, now or later.
    False,
    /// Its age decides.
    Legacy,
}

/// What a caller wants a release to be; what is left out stays as it is.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in super::super) struct Wish {
    pub(in super::super) tag_name: Option<String>,
    pub(in super::super) target_commitish: Option<String>,
    pub(in super::super) name: Option<String>,
    pub(in super::super) body: Option<String>,
    pub(in super::super) draft: Option<bool>,
    pub(in super::super) prerelease: Option<bool>,
    pub(in super::super) make_latest: Option<MakeLatest>,
    pub(in super::super) generate_release_notes: bool,
}

impl AssetState {
    /// As the API spells it.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Uploaded => "uploaded",
        }
    }
}

impl Repository {
    /// Publishes sample releases, newest first, whose numbers follow from their places. `commits` says what their tags
    /// point to.
    pub(in super::super) fn publish_samples(&mut self, samples: Vec<ServedRelease>) {
        let made = made_at();
        for (release, place) in samples.into_iter().zip(1..) {
            let tag = release.tag.to_string();
            let assets = release.assets.into_iter().zip(place * ASSETS_A_RELEASE..).map(|(one, id)| served(one, id));
            self.releases.push(Release {
                id: place,
                target: self.commit(&format!("refs/tags/{tag}")).map(|id| id.to_string()).unwrap_or_default(),
                name: tag.clone(),
                tag,
                body: release.notes,
                draft: false,
                prerelease: release.tag.is_rc(),
                immutable: release.attestations.is_some(),
                attestations: release.attestations,
                make_latest: MakeLatest::Legacy,
                author: "github-actions[bot]".to_owned(),
                created: made,
                published: Some(made),
                assets: assets.collect(),
            });
        }
    }

    /// The published release of a tag. A draft has no tag yet.
    pub(in super::super) fn by_tag(&self, tag: &str) -> Result<&Release, Refusal> {
        self.releases.iter().find(|one| !one.draft && one.tag == tag).ok_or_else(Refusal::not_found)
    }

    /// A release by its number; drafts are shown to those who may push.
    pub(in super::super) fn by_id(&self, id: u64, drafts: bool) -> Result<&Release, Refusal> {
        self.releases.iter().find(|one| one.id == id && (drafts || !one.draft)).ok_or_else(Refusal::not_found)
    }

    /// The release that was made the latest, else the newest; never a draft or a prerelease.
    pub(in super::super) fn latest(&self) -> Result<&Release, Refusal> {
        let able =
            || self.releases.iter().filter(|one| !one.draft && !one.prerelease && one.make_latest != MakeLatest::False);
        let named = able().find(|one| Some(one.id) == self.latest);
        named.or_else(|| able().next()).ok_or_else(Refusal::not_found)
    }

    /// An asset, and whether its release is a draft.
    pub(in super::super) fn asset(&self, id: u64, drafts: bool) -> Result<&Asset, Refusal> {
        let shown = self.releases.iter().filter(|release| drafts || !release.draft);
        shown.flat_map(|release| &release.assets).find(|asset| asset.id == id).ok_or_else(Refusal::not_found)
    }

    /// Makes a release, a draft or a published one.
    pub(in super::super) fn create(&mut self, id: u64, author: &str, wish: Wish) -> Result<&Release, Refusal> {
        let tag = wish.tag_name.clone().filter(|tag| !tag.is_empty());
        let tag = tag.ok_or_else(|| Refusal::field("Release", "missing_field", "tag_name"))?;
        let made = Release {
            id,
            tag,
            target: BRANCH.to_owned(),
            name: String::new(),
            body: String::new(),
            draft: true,
            prerelease: false,
            immutable: false,
            attestations: None,
            make_latest: MakeLatest::True,
            author: author.to_owned(),
            created: now(),
            published: None,
            assets: Vec::new(),
        };
        let publish = !wish.draft.unwrap_or(false);
        let notes = wish.generate_release_notes;
        let mut made = self.settled(made, Wish { draft: Some(!publish), ..wish })?;
        if notes {
            let (_, generated) = self.generated_notes(&made.tag, Some(&made.target), None)?;
            made.body =
                [made.body, generated].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
        }
        self.releases.insert(0, made);
        self.releases.first().ok_or_else(Refusal::not_found)
    }

    /// Changes a release. Publishing a draft makes its tag.
    pub(in super::super) fn edit(&mut self, id: u64, wish: Wish) -> Result<&Release, Refusal> {
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
        let publishes = release.draft && wish.draft == Some(false);
        release.tag = wish.tag_name.unwrap_or(release.tag);
        release.target = wish.target_commitish.unwrap_or(release.target);
        release.name = wish.name.unwrap_or(release.name);
        release.body = wish.body.unwrap_or(release.body);
        release.prerelease = wish.prerelease.unwrap_or(release.prerelease);
        release.draft = wish.draft.unwrap_or(release.draft);
        release.make_latest = wish.make_latest.unwrap_or(release.make_latest);
        let name = format!("refs/tags/{}", release.tag);
        if !well_formed(&name) {
            return Err(Refusal::rule("Release", "tag_name is not a valid tag"));
        }
        // What stands there already is not asked for its target.
        let tagged = self.refs.contains_key(&name);
        let commit = self.commit(&release.target);
        let commit = if tagged {
            None
        } else {
            Some(commit.ok_or_else(|| Refusal::field("Release", "invalid", "target_commitish"))?)
        };
        if release.draft {
            return Ok(release);
        }
        if self.releases.iter().any(|one| !one.draft && one.id != release.id && one.tag == release.tag) {
            return Err(Refusal::field("Release", "already_exists", "tag_name"));
        }
        if publishes && self.spent.contains(&release.tag) {
            return Err(Refusal::rule("Release", "tag_name was used by an immutable release"));
        }
        if let Some(commit) = commit {
            self.may_make(&name)?;
            self.refs.insert(name, commit);
        }
        if publishes {
            release.published = Some(now());
            release.immutable = self.immutable_releases;
        }
        if release.immutable {
            self.spent.insert(release.tag.clone());
        }
        let decides = publishes || wish.make_latest.is_some();
        if decides && !release.prerelease && release.make_latest == MakeLatest::True {
            self.latest = Some(release.id);
        }
        Ok(release)
    }

    /// Deletes a release and its assets, and leaves its tag.
    pub(in super::super) fn delete(&mut self, id: u64) -> Result<(), Refusal> {
        let place = self.place(id)?;
        self.releases.remove(place);
        Ok(())
    }

    /// Begins to take an asset: a name once, with odd characters replaced, and nothing for an immutable release. It stays
    /// a starter until [`Repository::complete`].
    pub(in super::super) fn begin(&mut self, release: u64, mut asset: Asset) -> Result<Asset, Refusal> {
        asset.name = plain(&asset.name);
        let place = self.place(release)?;
        let release = self.releases.get_mut(place).ok_or_else(Refusal::not_found)?;
        release.takes(&asset.name)?;
        release.assets.push(asset.clone());
        Ok(asset)
    }

    /// Ends an upload well.
    pub(in super::super) fn complete(&mut self, id: u64, received: Received) -> Result<Asset, Refusal> {
        let release = self.holder(id)?;
        if release.immutable {
            return Err(Refusal::rule("ReleaseAsset", "Cannot upload assets to an immutable release."));
        }
        let asset = release.assets.iter_mut().find(|asset| asset.id == id).ok_or_else(Refusal::not_found)?;
        asset.state = AssetState::Uploaded;
        (asset.size, asset.digest, asset.content) = (received.size, Some(received.digest), received.content);
        Ok(asset.clone())
    }

    /// Gives an asset another name or label.
    pub(in super::super) fn rename_asset(
        &mut self,
        id: u64,
        name: Option<String>,
        label: Option<String>,
    ) -> Result<Asset, Refusal> {
        let release = self.holder(id)?;
        if release.immutable {
            return Err(Refusal::rule("ReleaseAsset", "Cannot update asset of an immutable release"));
        }
        let name = name.map(|name| plain(&name));
        if let Some(name) = &name
            && release.assets.iter().any(|one| one.id != id && one.name == *name)
        {
            return Err(Refusal::field("ReleaseAsset", "already_exists", "name"));
        }
        let asset = release.assets.iter_mut().find(|asset| asset.id == id).ok_or_else(Refusal::not_found)?;
        if let Some(name) = name {
            if name.is_empty() {
                return Err(Refusal::field("ReleaseAsset", "missing_field", "name"));
            }
            asset.name = name;
        }
        asset.label = label.unwrap_or_else(|| asset.label.clone());
        Ok(asset.clone())
    }

    /// Deletes an asset, but not of an immutable release.
    pub(in super::super) fn delete_asset(&mut self, id: u64) -> Result<(), Refusal> {
        let release = self.holder(id)?;
        if release.immutable {
            return Err(Refusal::rule("ReleaseAsset", "Cannot delete asset from an immutable release"));
        }
        release.assets.retain(|asset| asset.id != id);
        Ok(())
    }

    fn holder(&mut self, asset: u64) -> Result<&mut Release, Refusal> {
        let holds = |release: &&mut Release| release.assets.iter().any(|one| one.id == asset);
        self.releases.iter_mut().find(holds).ok_or_else(Refusal::not_found)
    }

    fn place(&self, id: u64) -> Result<usize, Refusal> {
        self.releases.iter().position(|one| one.id == id).ok_or_else(Refusal::not_found)
    }
}

impl Release {
    /// Whether an asset of this name may be added.
    pub(in super::super) fn takes(&self, name: &str) -> Result<(), Refusal> {
        if self.immutable {
            return Err(Refusal::rule("ReleaseAsset", "Cannot upload assets to an immutable release."));
        }
        if name.is_empty() {
            return Err(Refusal::field("ReleaseAsset", "missing_field", "name"));
        }
        if self.assets.iter().any(|one| one.name == name) {
            return Err(Refusal::field("ReleaseAsset", "already_exists", "name"));
        }
        if self.assets.len() >= MAX_ASSETS {
            return Err(Refusal::rule("ReleaseAsset", "a release has at most 1000 assets"));
        }
        Ok(())
    }
}

impl Asset {
    /// An asset of which nothing came yet.
    pub(in super::super) fn starter(
        id: u64,
        name: String,
        label: String,
        media_type: String,
        uploader: String,
    ) -> Self {
        let (state, content) = (AssetState::Starter, Content::Held(Vec::new().into()));
        Self { id, name, label, media_type, state, size: 0, digest: None, uploader, time: now(), content }
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
        uploader: "github-actions[bot]".to_owned(),
        time: made_at(),
        content: Content::Held(asset.bytes.into()),
    }
}

fn made_at() -> Timestamp {
    GENERATED_AT.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A name as GitHub keeps it: what is neither a letter, a digit nor one of a few signs becomes a dot.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.+@~".contains(c) { c } else { '.' }).collect()
}
