//! Which release a release is compared with.
//!
//! | class | compared with |
//! |---|---|
//! | stable | the highest stable version below it |
//! | rc | the highest release candidate of the same version below it; without one, the highest stable version below it |
//! | hotfix | the highest stable version below it with the same major and minor number: the one it patches |
//!
//! Only releases of the family count, and only those whose commit the release's history holds: a version that was released
//! from another branch is not what this one was made from.

use crate::subject::tag::{Class, Tag};

/// What is known of the family's tags.
#[derive(Debug, Clone, Default)]
pub struct Tags {
    /// Those that the release's history holds.
    pub within: Vec<Tag>,
    /// All of them.
    pub all: Vec<Tag>,
}

/// The release to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// Its tag; `None` for the first release.
    pub tag: Option<Tag>,
    /// A nearer version that the history does not hold.
    pub passed_over: Option<Tag>,
}

/// The release that `tag` is compared with.
pub fn previous(tag: &Tag, class: Class, tags: &Tags) -> Previous {
    let before = best(tag, class, &tags.within);
    let nearest = best(tag, class, &tags.all);
    let passed_over = nearest.filter(|nearest| before.is_none_or(|before| before.version() < nearest.version()));
    Previous { tag: before.cloned(), passed_over: passed_over.cloned() }
}

fn best<'t>(tag: &Tag, class: Class, tags: &'t [Tag]) -> Option<&'t Tag> {
    let highest = |fits: &dyn Fn(&Tag) -> bool| {
        let below = tags
            .iter()
            .filter(|other| other.family() == tag.family() && other.version() < tag.version() && fits(other));
        // Of two names of one version, the family's present one.
        below.max_by_key(|other| (other.version().clone(), other.as_str().starts_with(tag.family().tag_prefix())))
    };
    let (own, core) = (tag.version(), |tag: &Tag| (tag.version().major, tag.version().minor, tag.version().patch));
    match class {
        Class::Stable => highest(&|other| !other.is_rc()),
        Class::Hotfix => {
            highest(&|other| !other.is_rc() && other.version().major == own.major && other.version().minor == own.minor)
        }
        Class::Rc => highest(&|other| other.is_rc() && core(other) == core(tag)).or_else(|| highest(&|o| !o.is_rc())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> Vec<Tag> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn chosen(tag: &str, class: Class, within: &[&str]) -> Option<String> {
        let within = tags(within);
        let found = previous(&tag.parse().unwrap(), class, &Tags { all: within.clone(), within });
        assert_eq!(found.passed_over, None);
        found.tag.map(|tag| tag.to_string())
    }

    const KMS: [&str; 9] = [
        "mero-kms-v1.0.0",
        "mero-kms-v1.1.0-rc.1",
        "mero-kms-v1.1.0-rc.2",
        "mero-kms-v1.1.0-rc.10",
        "mero-kms-v1.1.0",
        "mero-kms-v1.1.1",
        "mero-kms-v2.0.0-rc.1",
        "mero-tee-v1.9.0",
        "mero-kms-v1.10.0",
    ];

    #[test]
    fn each_class_has_its_own_measure() {
        for (tag, class, expected) in [
            ("mero-kms-v1.1.0", Class::Stable, Some("mero-kms-v1.0.0")),
            ("mero-kms-v2.0.0", Class::Stable, Some("mero-kms-v1.10.0")),
            ("mero-kms-v1.1.0-rc.1", Class::Rc, Some("mero-kms-v1.0.0")),
            ("mero-kms-v1.1.0-rc.2", Class::Rc, Some("mero-kms-v1.1.0-rc.1")),
            ("mero-kms-v1.1.0-rc.11", Class::Rc, Some("mero-kms-v1.1.0-rc.10")),
            ("mero-kms-v2.0.0-rc.2", Class::Rc, Some("mero-kms-v2.0.0-rc.1")),
            ("mero-kms-v2.1.0-rc.1", Class::Rc, Some("mero-kms-v1.10.0")),
            ("mero-kms-v1.1.2", Class::Hotfix, Some("mero-kms-v1.1.1")),
            ("mero-kms-v1.1.1", Class::Hotfix, Some("mero-kms-v1.1.0")),
            ("mero-kms-v1.2.1", Class::Hotfix, None),
            ("mero-kms-v1.0.0", Class::Stable, None),
            ("mero-tee-v2.0.0", Class::Stable, Some("mero-tee-v1.9.0")),
        ] {
            assert_eq!(chosen(tag, class, &KMS).as_deref(), expected, "{tag} {class}");
        }
    }

    #[test]
    fn the_old_name_of_the_node_family_counts_and_the_present_one_comes_first() {
        let names = ["node-image-gcp-v2.0.0", "mero-tee-v2.0.0", "node-image-gcp-v1.9.0"];
        assert_eq!(chosen("mero-tee-v2.1.0", Class::Stable, &names).as_deref(), Some("mero-tee-v2.0.0"));
        assert_eq!(chosen("mero-tee-v2.0.0", Class::Stable, &names).as_deref(), Some("node-image-gcp-v1.9.0"));
    }

    #[test]
    fn a_nearer_version_from_another_branch_is_passed_over_and_said() {
        let tags = Tags {
            within: tags(&["mero-kms-v1.0.0", "mero-kms-v1.1.0"]),
            all: tags(&["mero-kms-v1.0.0", "mero-kms-v1.1.0", "mero-kms-v1.1.1", "mero-kms-v3.0.0"]),
        };
        let found = previous(&"mero-kms-v1.2.0".parse().unwrap(), Class::Stable, &tags);
        assert_eq!(found.tag.unwrap().as_str(), "mero-kms-v1.1.0");
        assert_eq!(found.passed_over.unwrap().as_str(), "mero-kms-v1.1.1");
    }
}
