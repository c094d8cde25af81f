//! What the releases of a repository were after each change, and whether a good asset was ever missing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::repository::{Asset, AssetState, Release, Repository};

/// The releases of a repository after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// `owner/name`.
    pub repository: String,
    /// Newest first, drafts included. One that a change left alone is the same as the moment before.
    pub releases: Vec<Arc<SeenRelease>>,
}

/// A release at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRelease {
    /// Its number.
    pub id: u64,
    /// Its tag.
    pub tag: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Its assets.
    pub assets: Vec<SeenAsset>,
}

/// An asset at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAsset {
    /// Its name.
    pub name: String,
    /// As the API spells it.
    pub state: &'static str,
    /// In bytes.
    pub size: u64,
    /// `sha256:…`.
    pub digest: Option<String>,
}

/// A good asset that was missing, with nothing in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// At which moment, counted from nought.
    pub moment: usize,
    /// Of which release.
    pub tag: String,
    /// The asset's name.
    pub name: String,
}

/// All moments so far.
#[derive(Debug, Default)]
pub struct Moments(Mutex<Vec<Moment>>);

impl Moments {
    /// All of them, oldest first. The first of a repository is how it was before any change.
    pub fn all(&self) -> Vec<Moment> {
        self.lock().clone()
    }

    /// Every good asset that was missing at a moment while neither its bytes nor those that have its name next were there,
    /// under whatever name. An empty list is the proof that nothing was ever lost, if there was a change at all.
    pub fn gaps(&self, repository: &str) -> Vec<Gap> {
        let all = self.lock();
        let moments: Vec<&Moment> = all.iter().filter(|one| one.repository.eq_ignore_ascii_case(repository)).collect();
        let (mut held, mut gaps) = (BTreeMap::new(), Vec::new());
        for (at, moment) in moments.iter().enumerate() {
            held.extend(moment.good());
            for (key, (tag, digest)) in &held {
                let (id, name) = key;
                let assets = moment.releases.iter().find(|release| release.id == *id).map(|release| &release.assets);
                let has = |fits: &dyn Fn(&SeenAsset) -> bool| {
                    assets.is_some_and(|assets| assets.iter().any(|asset| asset.is_good() && fits(asset)))
                };
                if has(&|asset| asset.name == *name || asset.digest == *digest) {
                    continue;
                }
                let replacement = moments.iter().skip(at).find_map(|later| later.good().remove(key));
                if !replacement.is_some_and(|(_, digest)| has(&|asset| asset.digest == digest)) {
                    gaps.push(Gap { moment: at, tag: tag.clone(), name: name.clone() });
                }
            }
        }
        gaps
    }

    /// Notes how a repository is, if that differs from what was noted before.
    pub(super) fn note(&self, repository: &Repository) {
        let mut all = self.lock();
        let before = all.iter().rev().find(|moment| moment.repository == repository.full_name);
        let seen = |release: &Release| {
            let seen = SeenRelease::of(release);
            let same = before.and_then(|moment| moment.releases.iter().find(|one| ***one == seen));
            same.cloned().unwrap_or_else(|| Arc::new(seen))
        };
        let releases: Vec<Arc<SeenRelease>> = repository.releases.iter().map(seen).collect();
        if before.is_none_or(|moment| moment.releases != releases) {
            all.push(Moment { repository: repository.full_name.clone(), releases });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Moment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Good assets by release and name, with their release's tag and their digest.
type Good = BTreeMap<(u64, String), (String, Option<String>)>;

impl Moment {
    fn good(&self) -> Good {
        let all = self.releases.iter().flat_map(|release| release.assets.iter().map(move |asset| (release, asset)));
        let good = all.filter(|(_, asset)| asset.is_good());
        good.map(|(release, asset)| ((release.id, asset.name.clone()), (release.tag.clone(), asset.digest.clone())))
            .collect()
    }
}

impl SeenRelease {
    fn of(release: &Release) -> Self {
        let assets = release.assets.iter().map(SeenAsset::of).collect();
        Self { id: release.id, tag: release.tag.clone(), draft: release.draft, assets }
    }
}

impl SeenAsset {
    /// Whether it is whole and not empty.
    pub fn is_good(&self) -> bool {
        self.state == AssetState::Uploaded.name() && self.size > 0
    }

    fn of(asset: &Asset) -> Self {
        Self { name: asset.name.clone(), state: asset.state.name(), size: asset.size, digest: asset.digest.clone() }
    }
}
