//! Release tags, families and classes: the taxonomy every other rule hangs on.

use std::{fmt, str::FromStr};

use semver::Version;
use serde::{Deserialize, Serialize};

/// The two kinds of release there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// The key-management service, `mero-kms-v…`.
    Kms,
    /// The TDX node image for GCP, `mero-tee-v…`.
    Node,
}

impl Family {
    /// Both families, in report order.
    pub const ALL: [Self; 2] = [Self::Kms, Self::Node];

    /// What tags of the family start with, up to the version.
    pub fn tag_prefix(self) -> &'static str {
        match self {
            Self::Kms => "mero-kms-v",
            Self::Node => "mero-tee-v",
        }
    }

    /// The family whose measurements this one's policy is coupled to.
    pub fn counterpart(self) -> Self {
        match self {
            Self::Kms => Self::Node,
            Self::Node => Self::Kms,
        }
    }

    /// The word documents use for the family's `role`.
    pub fn role(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::Node => "node",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kms => "kms",
            Self::Node => "node image",
        })
    }
}

/// How strict a release is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// `-rc.N`: measurements may be unsettled; never for production.
    Rc,
    /// Everything final.
    Stable,
    /// A stable release that patches another; more must be explained.
    Hotfix,
}

impl Class {
    /// Every class, from the laxest to the strictest.
    pub const ALL: [Self; 3] = [Self::Rc, Self::Stable, Self::Hotfix];

    /// The word for it, on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rc => "rc",
            Self::Stable => "stable",
            Self::Hotfix => "hotfix",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A tag of one family.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag {
    family: Family,
    version: Version,
    /// The tag as it stands in the repository: `node-image-gcp-v2.0.0` and `mero-tee-v2.0.0` are one version.
    text: String,
}

/// What a user may name: one release, or a version that both families share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A tag of one family.
    One(Tag),
    /// A bare version: both families.
    Both(Version),
}

/// The text names no release. What it was meant to say, [`near::meant`](super::near::meant) finds out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a release tag: expected {}", wanted.forms())]
pub struct InvalidTag {
    /// Its first [`InvalidTag::SHOWN`] characters.
    text: String,
    wanted: Wanted,
}

/// What would have been taken in a malformed tag's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A tag, or a version that both families share.
    Selector,
    /// A tag of either family.
    Tag,
    /// A tag of this family, or its version.
    TagOf(Family),
}

impl Wanted {
    /// How it is written.
    fn forms(self) -> &'static str {
        match self {
            Self::Selector => {
                "mero-kms-vX.Y.Z[-rc.N], mero-tee-vX.Y.Z[-rc.N], node-image-gcp-vX.Y.Z, or a bare [v]X.Y.Z for both families"
            }
            Self::Tag => "mero-kms-vX.Y.Z[-rc.N], mero-tee-vX.Y.Z[-rc.N] or node-image-gcp-vX.Y.Z",
            Self::TagOf(Family::Kms) => "mero-kms-vX.Y.Z[-rc.N], or a bare [v]X.Y.Z",
            Self::TagOf(Family::Node) => "mero-tee-vX.Y.Z[-rc.N], node-image-gcp-vX.Y.Z, or a bare [v]X.Y.Z",
        }
    }
}

/// Old name of the node family, without release candidates.
pub(super) const OLD_NODE_PREFIX: &str = "node-image-gcp-v";

impl InvalidTag {
    /// How much of a malformed tag is kept, in characters.
    pub const SHOWN: usize = 100;

    /// Says that only a tag of `family`, or its version, is taken.
    #[must_use]
    pub fn of(self, family: Family) -> Self {
        Self { wanted: Wanted::TagOf(family), ..self }
    }

    /// The malformed tag, cut after [`InvalidTag::SHOWN`] characters.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What would have been taken.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }
}

impl Tag {
    /// The tag the family gives to `version`.
    pub fn new(family: Family, version: Version) -> Self {
        let text = format!("{}{version}", family.tag_prefix());
        Self { family, version, text }
    }

    /// The family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The bare version, as documents hold it.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The tag as typed and as it stands in the repository.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The release that a hotfix of this tag patches: the patch version before it, under the same name. `None` of a release
    /// candidate, and of a version whose patch is 0.
    pub fn patched(&self) -> Option<Self> {
        let patch = self.version.patch.checked_sub(1).filter(|_| !self.is_rc())?;
        let version = Version { patch, ..self.version.clone() };
        let name = self.text.strip_suffix(&self.version.to_string())?;
        Some(Self { family: self.family, text: format!("{name}{version}"), version })
    }

    /// Whether the version carries `-rc.N`.
    pub fn is_rc(&self) -> bool {
        !self.version.pre.is_empty()
    }

    /// The class the tag alone implies. A hotfix looks like a stable release and must be asked for.
    pub fn class(&self) -> Class {
        if self.is_rc() { Class::Rc } else { Class::Stable }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        match text.parse() {
            Ok(Selector::One(tag)) => Ok(tag),
            Ok(Selector::Both(_)) | Err(_) => Err(InvalidTag { wanted: Wanted::Tag, ..invalid(text) }),
        }
    }
}

impl Selector {
    /// The tags meant, in report order.
    pub fn tags(&self) -> Vec<Tag> {
        match self {
            Self::One(tag) => vec![tag.clone()],
            Self::Both(version) => Family::ALL.map(|family| Tag::new(family, version.clone())).to_vec(),
        }
    }
}

impl FromStr for Selector {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        for family in Family::ALL {
            if let Some(version) = text.strip_prefix(family.tag_prefix()) {
                return Ok(Self::One(Tag { family, version: version_of(version, text)?, text: text.to_owned() }));
            }
        }
        if let Some(version) = text.strip_prefix(OLD_NODE_PREFIX) {
            let version = version_of(version, text)?;
            if !version.pre.is_empty() {
                return Err(invalid(text));
            }
            return Ok(Self::One(Tag { family: Family::Node, version, text: text.to_owned() }));
        }
        version_of(text.strip_prefix('v').unwrap_or(text), text).map(Self::Both)
    }
}

fn invalid(text: &str) -> InvalidTag {
    InvalidTag { text: text.chars().take(InvalidTag::SHOWN).collect(), wanted: Wanted::Selector }
}

/// `X.Y.Z` or `X.Y.Z-rc.N`; semver's other pre-releases and build metadata are not releases of ours.
fn version_of(version: &str, whole: &str) -> Result<Version, InvalidTag> {
    let parsed = Version::parse(version).map_err(|_| invalid(whole))?;
    let number = parsed.pre.strip_prefix("rc.");
    let rc_or_final =
        parsed.pre.is_empty() || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if !rc_or_final || !parsed.build.is_empty() {
        return Err(invalid(whole));
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_accepted_form_names_its_family_version_and_class() {
        let one = |text: &str| text.parse::<Tag>().map(|t| (t.family(), t.version().to_string(), t.class()));
        assert_eq!(one("mero-kms-v1.2.0"), Ok((Family::Kms, "1.2.0".into(), Class::Stable)));
        assert_eq!(one("mero-tee-v1.3.0-rc.1"), Ok((Family::Node, "1.3.0-rc.1".into(), Class::Rc)));
        assert_eq!(one("node-image-gcp-v2.0.1"), Ok((Family::Node, "2.0.1".into(), Class::Stable)));
    }

    #[test]
    fn a_hotfix_patches_the_patch_version_before_it_under_the_same_name() {
        let patched = |text: &str| text.parse::<Tag>().ok().and_then(|tag| Some(tag.patched()?.as_str().to_owned()));
        assert_eq!(patched("mero-kms-v1.2.1").as_deref(), Some("mero-kms-v1.2.0"));
        assert_eq!(patched("mero-tee-v1.2.10").as_deref(), Some("mero-tee-v1.2.9"));
        assert_eq!(patched("node-image-gcp-v2.0.1").as_deref(), Some("node-image-gcp-v2.0.0"));
        assert_eq!(patched("mero-kms-v1.2.0"), None);
        assert_eq!(patched("mero-kms-v1.2.1-rc.1"), None);
    }

    #[test]
    fn a_bare_version_means_both_families() {
        for text in ["1.2.0", "v1.2.0"] {
            let tags: Vec<_> = text.parse::<Selector>().map(|s| s.tags()).unwrap_or_default();
            let names: Vec<_> = tags.iter().map(Tag::as_str).collect();
            assert_eq!(names, ["mero-kms-v1.2.0", "mero-tee-v1.2.0"]);
        }
    }

    #[test]
    fn anything_else_is_refused_and_the_message_lists_the_forms() {
        for bad in [
            "",
            "latest",
            "mero-kms-1.2.0",
            "mero-kms-v1.2",
            "mero-kms-v1.2.0-beta.1",
            "mero-kms-v1.2.0-rc",
            "mero-kms-v01.2.0",
            "mero-kms-v1.2.0+x",
            "node-image-gcp-v1.0.0-rc.1",
            "mero-kms-v1.2.0 ",
            "mero-kms-v1.2.0-rc.1.2",
            "../v1.0.0",
        ] {
            let error = bad.parse::<Selector>().err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.contains("mero-tee-vX.Y.Z[-rc.N]"), "{bad:?}: {error}");
        }
    }
}
