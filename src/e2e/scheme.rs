//! What a run is made of: the pairs that the catalog lists for the releases asked about, the pair whose machines run, and
//! the releases whose policy is stale for its node image.

use crate::{
    catalog::Catalog,
    subject::{
        profile::Profile,
        tag::{Family, Tag},
    },
};

/// Most pairs that one run looks at.
pub const MAX_PAIRS: usize = 40;

/// A pair of releases, and the profiles it is listed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The KMS.
    pub kms: Tag,
    /// The node image.
    pub node: Tag,
    /// The profiles in which the two work together.
    pub profiles: Vec<Profile>,
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// The releases asked about that the catalog lists.
    pub listed: Vec<Tag>,
    /// Those that it does not list.
    pub unlisted: Vec<Tag>,
    /// Every pair with one of them, the same version first, then the newest.
    pub pairs: Vec<Pair>,
    /// How many pairs are left out, because there are too many.
    pub left_out: usize,
    /// Every release that the catalog lists.
    pub known: Vec<Tag>,
}

impl Scheme {
    /// What the catalog makes of these releases: one, or those of a version.
    pub fn of(catalog: &Catalog, asked: &[Tag]) -> Self {
        let is_listed = |tag: &&Tag| catalog.entries.iter().any(|entry| entry.version(tag.family()) == tag.version());
        let (listed, unlisted): (Vec<&Tag>, Vec<&Tag>) = asked.iter().partition(is_listed);
        let mut pairs: Vec<Pair> = Vec::new();
        for entry in &catalog.entries {
            if !listed.iter().any(|tag| entry.version(tag.family()) == tag.version()) {
                continue;
            }
            let kms = Tag::new(Family::Kms, entry.kms.clone());
            let node = Tag::new(Family::Node, entry.node_image.clone());
            match pairs.iter_mut().find(|pair| pair.kms == kms && pair.node == node) {
                // Two entries of one pair: the auditor objects, and here the pair is what both say.
                Some(pair) => pair.profiles.extend(&entry.profiles),
                None => pairs.push(Pair { kms, node, profiles: entry.profiles.clone() }),
            }
        }
        for pair in &mut pairs {
            pair.profiles.sort_unstable();
            pair.profiles.dedup();
        }
        let is_asked = |tag: &Tag| listed.contains(&tag);
        pairs.sort_by(|a, b| {
            let rank = |pair: &Pair| {
                let both = is_asked(&pair.kms) && is_asked(&pair.node);
                (!both, pair.kms.version() != pair.node.version())
            };
            let newest = || b.kms.version().cmp(a.kms.version()).then(b.node.version().cmp(a.node.version()));
            rank(a).cmp(&rank(b)).then_with(newest)
        });
        let left_out = pairs.len().saturating_sub(MAX_PAIRS);
        pairs.truncate(MAX_PAIRS);
        let owned = |tags: Vec<&Tag>| tags.into_iter().cloned().collect();
        let tags = |family| catalog.entries.iter().map(move |entry| Tag::new(family, entry.version(family).clone()));
        let known = tags(Family::Kms).chain(tags(Family::Node)).collect();
        Self { listed: owned(listed), unlisted: owned(unlisted), pairs, left_out, known }
    }

    /// The KMS releases, newest first, whose policies are stale for the node image of a pair: older than its KMS, and not
    /// listed with that image.
    pub fn stale(catalog: &Catalog, pair: &Pair) -> Vec<Tag> {
        let mut versions: Vec<_> = catalog.entries.iter().map(|entry| &entry.kms).collect();
        versions.retain(|version| {
            version.pre.is_empty()
                && *version < pair.kms.version()
                && catalog.lists(version, pair.node.version()).is_none()
        });
        versions.sort_unstable();
        versions.dedup();
        versions.into_iter().rev().map(|version| Tag::new(Family::Kms, version.clone())).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    fn catalog(pairs: &[(&str, &str)]) -> Catalog {
        let entry = |(kms, node): &(&str, &str)| json!({"kms": kms, "node_image": node, "profiles": ["debug", "locked-read-only"], "tested": true});
        let document = json!({"schema_version": "1", "entries": pairs.iter().map(entry).collect::<Vec<_>>()});
        Catalog::parse("catalog", document.to_string().as_bytes()).unwrap()
    }

    fn tags(texts: &[&str]) -> Vec<Tag> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn names(scheme: &Scheme) -> Vec<String> {
        scheme.pairs.iter().map(|pair| format!("{} {}", pair.kms.version(), pair.node.version())).collect()
    }

    const LISTED: [(&str, &str); 6] = [
        ("1.3.0", "1.2.0"),
        ("1.2.1", "1.2.0"),
        ("1.2.0", "1.2.0"),
        ("1.2.0", "1.1.0"),
        ("1.1.0", "1.1.0"),
        ("1.0.0", "1.0.0"),
    ];

    #[test]
    fn a_version_is_looked_at_as_kms_and_as_node_image() {
        let scheme = Scheme::of(&catalog(&LISTED), &tags(&["mero-kms-v1.2.0", "mero-tee-v1.2.0"]));
        assert_eq!(names(&scheme), ["1.2.0 1.2.0", "1.3.0 1.2.0", "1.2.1 1.2.0", "1.2.0 1.1.0"]);
        let scheme = Scheme::of(&catalog(&LISTED), &tags(&["mero-kms-v1.2.0"]));
        assert_eq!(names(&scheme), ["1.2.0 1.2.0", "1.2.0 1.1.0"]);
        let scheme = Scheme::of(&catalog(&LISTED), &tags(&["mero-tee-v1.2.0"]));
        assert_eq!(names(&scheme), ["1.2.0 1.2.0", "1.3.0 1.2.0", "1.2.1 1.2.0"]);
    }

    #[test]
    fn a_hotfix_has_no_node_image_of_its_own_and_that_is_told() {
        let scheme = Scheme::of(&catalog(&LISTED), &tags(&["mero-kms-v1.2.1", "mero-tee-v1.2.1"]));
        assert_eq!((names(&scheme), scheme.unlisted), (vec!["1.2.1 1.2.0".to_owned()], tags(&["mero-tee-v1.2.1"])));
    }

    #[test]
    fn a_stale_policy_is_that_of_an_older_kms_which_is_not_listed_with_the_image() {
        let of = |kms: &str, node: &str| {
            let (kms, node) = (kms.parse().unwrap(), node.parse().unwrap());
            let pair = Pair { kms, node, profiles: Vec::new() };
            let stale = Scheme::stale(&catalog(&LISTED), &pair);
            stale.iter().map(|tag| tag.version().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of("mero-kms-v1.2.0", "mero-tee-v1.2.0"), ["1.1.0", "1.0.0"]);
        assert_eq!(of("mero-kms-v1.2.1", "mero-tee-v1.2.0"), ["1.1.0", "1.0.0"], "1.2.0 is listed with the image");
        assert_eq!(of("mero-kms-v1.0.0", "mero-tee-v1.0.0"), Vec::<String>::new());
    }

    #[test]
    fn more_pairs_than_a_run_looks_at_are_counted_and_never_dropped_in_silence() {
        let versions: Vec<String> = (0..50).map(|minor| format!("1.{minor}.0")).collect();
        let pairs: Vec<(&str, &str)> = versions.iter().map(|version| ("2.0.0", version.as_str())).collect();
        let scheme = Scheme::of(&catalog(&pairs), &tags(&["mero-kms-v2.0.0"]));
        assert_eq!((scheme.pairs.len(), scheme.left_out), (MAX_PAIRS, 10));
        assert_eq!(scheme.pairs[0].node.as_str(), "mero-tee-v1.49.0");
    }
}
