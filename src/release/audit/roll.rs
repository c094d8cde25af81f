//! Which of the releases that a repository lists are audited, and what is said of those that are not.

use crate::{
    release::checks::RELEASE,
    report::{Fact, Finding, Section},
    subject::tag::{Family, Tag},
    text::counted,
};

/// Most releases named that are not audited.
const NAMED: usize = 20;
/// What the verdict on an asset rests on whose bytes this run did not read.
const RECALLED: &str = "hashed by an earlier run, and GitHub states the same digest";

/// What is to become of a listed release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// It is audited.
    Audited(Tag),
    /// It is of the family that was not asked for.
    NotAskedFor,
    /// It is not audited, and the report says so.
    PassedOver(Why),
}

/// Why a release is not audited, though its family was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is not published yet: it may still change.
    Draft,
    /// Its tag is of neither family.
    Stranger,
}

/// A release that is not audited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// Its tag, which may be any text.
    pub tag: String,
    /// Why.
    pub why: Why,
}

/// Sorts a listed release, where releases of `family` are asked for, or of both.
pub fn sort(tag: &str, draft: bool, family: Option<Family>) -> Entry {
    match tag.parse::<Tag>() {
        Err(_) => Entry::PassedOver(Why::Stranger),
        Ok(tag) if family.is_some_and(|family| family != tag.family()) => Entry::NotAskedFor,
        Ok(_) if draft => Entry::PassedOver(Why::Draft),
        Ok(tag) => Entry::Audited(tag),
    }
}

/// What the report says of the releases that are not audited; `None` where there are none.
pub fn passed_over(releases: &[PassedOver]) -> Option<Section> {
    let mut findings: Vec<Finding> = releases.iter().take(NAMED).map(finding).collect();
    let more = releases.len().saturating_sub(NAMED);
    if more > 0 {
        findings.push(RELEASE.skip("", format!("{more} more are not audited")));
    }
    (!findings.is_empty()).then(|| Section { findings, ..Section::new("not audited") })
}

/// What the report says of all assets whose bytes this run did not read; `None` where it read every one.
pub fn not_downloaded(assets: usize) -> Option<String> {
    let were = counted(assets, "asset was", "assets were");
    (assets > 0).then(|| format!("{were} not downloaded: {RECALLED}"))
}

/// The same of one release.
pub fn recalled(assets: usize) -> Option<Fact> {
    let assets = (assets > 0).then(|| counted(assets, "asset", "assets"));
    assets.map(|assets| Fact::named("not downloaded", format!("{assets}: {RECALLED}")))
}

fn finding(PassedOver { tag, why }: &PassedOver) -> Finding {
    RELEASE.skip(
        tag.as_str(),
        match why {
            Why::Draft => "a draft: it is audited once it is published, or when its tag is given",
            Why::Stranger => "not a tag of the kms or node image family",
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Status, Verdict};

    #[test]
    fn releases_of_both_families_are_audited_and_drafts_and_strangers_are_not() {
        let audited = |tag: &str, family| matches!(sort(tag, false, family), Entry::Audited(of) if of.as_str() == tag);
        for tag in ["mero-kms-v1.2.0", "mero-tee-v1.3.0-rc.1", "node-image-gcp-v2.0.0"] {
            assert!(audited(tag, None), "{tag}");
            assert_eq!(sort(tag, true, None), Entry::PassedOver(Why::Draft));
        }
        assert!(audited("mero-kms-v1.2.0", Some(Family::Kms)));
        for draft in [true, false] {
            assert_eq!(sort("mero-tee-v1.2.0", draft, Some(Family::Kms)), Entry::NotAskedFor);
            // A bare version is a selector and no tag.
            for tag in ["1.2.0", "merod-v1.2.0", "", "mero-kms-v1.2", "::error::"] {
                assert_eq!(sort(tag, draft, None), Entry::PassedOver(Why::Stranger), "{tag:?}");
            }
        }
    }

    #[test]
    fn assets_whose_bytes_were_not_read_are_counted_and_none_is_not_worth_a_word() {
        assert_eq!((not_downloaded(0), recalled(0)), (None, None));
        let said = [1, 2].map(|assets| not_downloaded(assets).unwrap_or_default());
        assert_eq!(
            said,
            ["1 asset was", "2 assets were"].map(|were| {
                format!("{were} not downloaded: hashed by an earlier run, and GitHub states the same digest")
            })
        );
        assert!(recalled(2).is_some_and(|fact| fact.value().starts_with("2 assets: hashed by an earlier run")));
    }

    #[test]
    fn what_is_not_audited_is_named_within_a_bound_and_decides_nothing() {
        assert_eq!(passed_over(&[]), None);
        let many: Vec<_> = (0..50).map(|n| PassedOver { tag: format!("nightly-{n}"), why: Why::Stranger }).collect();
        let section = passed_over(&many).unwrap_or_default();
        assert_eq!((section.findings.len(), section.verdict()), (NAMED + 1, Verdict::Passed));
        assert!(section.findings.iter().all(|finding| finding.status == Status::Skipped));
        assert!(section.findings.iter().any(|finding| finding.message == "30 more are not audited"));
    }
}
