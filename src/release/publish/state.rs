//! What GitHub holds of a release and what it is to hold, as values, and how an asset there compares with a file here.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    mark::{self, RunId},
    names,
};
use crate::{digest::Sha256, subject::tag::Tag};

/// What GitHub holds under a tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remote {
    /// The release and every draft of the tag.
    pub releases: Vec<Held>,
    /// The highest final version that is published under another tag, of either family.
    pub highest: Option<Tag>,
}

/// A release or a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its number.
    pub id: u64,
    /// Not published.
    pub draft: bool,
    /// Marked as a pre-release.
    pub prerelease: bool,
    /// Published for good: nothing but title and notes can be changed.
    pub immutable: bool,
    /// The title.
    pub title: String,
    /// The notes.
    pub notes: String,
    /// Its assets.
    pub assets: Vec<HeldAsset>,
}

/// An asset that GitHub holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldAsset {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The state that the API gives an upload that is not whole.
    pub unfinished: Option<String>,
    /// Digest of its content, as the API states it or as it was downloaded.
    pub digest: Option<Sha256>,
}

/// What is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The tag, which is also the title.
    pub tag: Tag,
    /// The commit that the tag leads to.
    pub commit: String,
    /// The notes; `None` leaves those that are there.
    pub notes: Option<String>,
    /// The files, each of which becomes an asset; those that vouch for others come last.
    pub files: Vec<File>,
    /// Whether assets beside these are to be left alone.
    pub others: Others,
    /// Whether what a published release or somebody else's draft holds may be replaced.
    pub replace: bool,
    /// The published release that the files join, and no other; `None` makes one where there is none.
    pub joins: Option<Joined>,
}

/// A published release that was judged together with the files that join it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// What it held when it was judged.
    pub judged: Held,
    /// The file that must not take the place of another content; `None` with leave.
    pub keeps: Option<String>,
}

/// What is to become of assets that are not among the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// The release is to hold the files and nothing else.
    Unwanted,
    /// They stay.
    Stay,
}

/// A file that is to be an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Of its content.
    pub digest: Sha256,
}

/// How an asset there compares with the file that has its name here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The same size and content.
    Good,
    /// There is a name and no content: its upload broke off.
    Broken(String),
    /// Whole, and another content.
    Differs {
        /// What the file here is.
        expected: String,
        /// What is there.
        actual: String,
    },
}

impl HeldAsset {
    /// Why it has no content, where it has none.
    pub fn broken(&self) -> Option<String> {
        match &self.unfinished {
            Some(state) => Some(format!("its upload did not finish (state {state})")),
            None if self.size == 0 => Some("it is empty".to_owned()),
            None => None,
        }
    }

    /// Its standing beside a file.
    pub fn beside(&self, file: &File) -> Standing {
        if let Some(why) = self.broken() {
            return Standing::Broken(why);
        }
        let differs = |expected: String, actual: String| Standing::Differs { expected, actual };
        match self.digest {
            Some(digest) if digest == file.digest && self.size == file.size => Standing::Good,
            Some(digest) if digest != file.digest => {
                differs(format!("sha256:{}", file.digest), format!("sha256:{digest}"))
            }
            Some(_) | None => differs(format!("{} bytes", file.size), format!("{} bytes", self.size)),
        }
    }
}

impl Held {
    /// The run that works on it, if `publish` made it.
    pub fn run(&self) -> Option<RunId> {
        self.draft.then(|| mark::run_of(&self.notes)).flatten()
    }

    /// The asset of that name, the one that is good for `file` first: a server may hold two.
    pub fn asset(&self, name: &str, file: &File) -> Option<(&HeldAsset, Standing)> {
        let named = || self.assets.iter().filter(|asset| asset.name == name);
        let good = named().find(|asset| asset.beside(file) == Standing::Good);
        good.or_else(|| named().next()).map(|asset| (asset, asset.beside(file)))
    }

    /// Assets whose names are those of no file, and that do not stand in for one either.
    pub fn others<'a>(&'a self, wish: &'a Wish) -> impl Iterator<Item = &'a HeldAsset> {
        let wanted = |name: &str| wish.files.iter().any(|file| file.name == name);
        self.assets
            .iter()
            .filter(move |asset| !wanted(&asset.name) && !names::stands_in_for(&asset.name).is_some_and(wanted))
    }
}

impl Joined {
    /// Names of assets that came, went or changed since the release was judged, beside those of the files.
    pub fn changed(&self, now: &Held, wish: &Wish) -> BTreeSet<String> {
        let (before, now) = (whole(&self.judged, wish), whole(now, wish));
        let same = |one: &HeldAsset, other: &HeldAsset| {
            let content = one.digest.zip(other.digest).is_none_or(|(one, other)| one == other);
            content && one.name == other.name && one.size == other.size
        };
        let missing = |of: &BTreeMap<u64, HeldAsset>, from: &BTreeMap<u64, HeldAsset>| -> Vec<String> {
            let lost = of.values().filter(|asset| !from.get(&asset.id).is_some_and(|other| same(asset, other)));
            lost.map(|asset| asset.name.clone()).collect()
        };
        missing(&before, &now).into_iter().chain(missing(&now, &before)).collect()
    }
}

/// Assets with content beside the files, by number.
fn whole(held: &Held, wish: &Wish) -> BTreeMap<u64, HeldAsset> {
    let whole = held.others(wish).filter(|asset| asset.broken().is_none());
    whole.map(|asset| (asset.id, asset.clone())).collect()
}

impl Wish {
    /// Whether the release is a pre-release.
    pub fn prerelease(&self) -> bool {
        self.tag.is_rc()
    }

    /// The notes to write where those of `held` are others.
    pub fn notes_unlike<'a>(&'a self, held: &Held) -> Option<&'a str> {
        let plain = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
        self.notes.as_deref().filter(|notes| plain(notes) != plain(&held.notes))
    }
}
