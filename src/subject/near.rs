//! The tag that was meant: what a malformed one most likely says, and which releases are near one that does not exist.
//! This is advice and decides nothing. It never names a version that was neither typed nor listed.

use std::cmp::Reverse;

use semver::Version;

use super::tag::{Family, InvalidTag, OLD_NODE_PREFIX, Selector, Tag, Wanted};
use crate::text::distance;

/// What families are called, in tags and by people.
const NAMES: [(&str, Family); 8] = [
    ("mero-kms", Family::Kms),
    ("mero-tee", Family::Node),
    ("node-image-gcp", Family::Node),
    ("node-image", Family::Node),
    ("mero-node", Family::Node),
    ("kms", Family::Kms),
    ("tee", Family::Node),
    ("node", Family::Node),
];

/// Shorter names are near to too many other words: they must be spelled right.
const MISSPELT_FROM: usize = 8;
/// How many characters of a name may be wrong.
const MAX_SLIPS: usize = 2;
/// What a tag's archive is called: typed or pasted along with it.
const ARCHIVES: [&str; 4] = [".tar.gz", ".tgz", ".zip", ".git"];
/// How many near releases are worth naming.
const MAX_NEAR: usize = 3;

/// The tag, or bare version, that a malformed tag most likely says and that would have been taken in its place. The
/// family's name may be misspelt and the marks around the numbers wrong; the numbers are those that were typed.
pub fn meant(wrong: &InvalidTag) -> Option<String> {
    let typed = wrong.text();
    if typed.chars().count() >= InvalidTag::SHOWN {
        return None;
    }
    let text = typed.to_ascii_lowercase();
    // A ref, or the address of a release's page.
    let text = ["tags/", "/tag/"].iter().find_map(|mark| text.rsplit_once(mark)).map_or(&*text, |(_, tag)| tag);
    let (name, numbers) = text.split_at_checked(text.find(|c: char| c.is_ascii_digit())?)?;
    if name.contains(['/', '\\']) {
        return None;
    }
    let version = version(numbers)?;
    let corrected = match words(name).trim_end_matches(['v', '-']) {
        "" => version.to_string(),
        name => format!("{}{version}", prefix(name, &version)?),
    };
    let taken = match (corrected.parse().ok()?, wrong.wanted()) {
        (_, Wanted::Selector) | (Selector::One(_), Wanted::Tag) | (Selector::Both(_), Wanted::TagOf(_)) => true,
        (Selector::One(tag), Wanted::TagOf(family)) => tag.family() == family,
        (Selector::Both(_), Wanted::Tag) => false,
    };
    Some(corrected).filter(|corrected| taken && corrected != typed)
}

/// Of the tags that a repository has, those nearest to one that it lacks: the same family, at most three, nearest first.
/// The listed names are untrusted; those that are not tags are left out.
pub fn among<'a>(missing: &Tag, listed: impl IntoIterator<Item = &'a str>) -> Vec<Tag> {
    let parsed = listed.into_iter().filter_map(|text| text.parse::<Tag>().ok());
    let mut near: Vec<Tag> = parsed.filter(|tag| tag.family() == missing.family() && tag != missing).collect();
    near.sort_by_cached_key(|tag| (steps(missing.version(), tag.version()), tag.to_string()));
    near.dedup();
    near.truncate(MAX_NEAR);
    near
}

/// How far apart versions are; of those equally far, a final one before a candidate, and then the newest.
fn steps(from: &Version, to: &Version) -> ([u64; 3], bool, Reverse<Version>) {
    let apart = [from.major.abs_diff(to.major), from.minor.abs_diff(to.minor), from.patch.abs_diff(to.patch)];
    (apart, from.pre.is_empty() != to.pre.is_empty(), Reverse(to.clone()))
}

/// The words of a name with one `-` between them, whatever stood there.
fn words(name: &str) -> String {
    name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// What tags of the family with this name start with; `None` where no name is near, or those of both families equally.
fn prefix(name: &str, version: &Version) -> Option<&'static str> {
    let allowed = |known: &str| if known.len() < MISSPELT_FROM { 0 } else { MAX_SLIPS };
    let near: Vec<_> = NAMES
        .iter()
        .map(|(known, family)| (distance(name, known), known, *family))
        .filter(|(slips, known, _)| *slips <= allowed(known))
        .collect();
    let &(slips, _, family) = near.iter().min_by_key(|(slips, ..)| *slips)?;
    if near.iter().any(|(others, _, other)| *others == slips && *other != family) {
        return None;
    }
    // The old name never had release candidates.
    let old = family == Family::Node && name.starts_with("node-image") && version.pre.is_empty();
    Some(if old { OLD_NODE_PREFIX } else { family.tag_prefix() })
}

/// Three numbers, and that of a candidate, whatever marks are around them. Anything else that says something is part of
/// the version, and then it is not one of ours.
fn version(text: &str) -> Option<Version> {
    let (major, rest) = number(text)?;
    let (minor, rest) = number(rest.strip_prefix(['.', '_', '-', ','])?)?;
    let (patch, rest) = number(rest.strip_prefix(['.', '_', '-', ','])?)?;
    let (pre, rest) = match behind_marks(rest).strip_prefix("rc") {
        Some(after) => {
            let (candidate, rest) = number(behind_marks(after))?;
            (format!("-rc.{candidate}"), rest)
        }
        None => (String::new(), rest),
    };
    let rest = ARCHIVES.iter().find_map(|archive| rest.strip_prefix(archive)).unwrap_or(rest);
    if rest.contains(char::is_alphanumeric) {
        return None;
    }
    Version::parse(&format!("{major}.{minor}.{patch}{pre}")).ok()
}

fn behind_marks(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_alphanumeric())
}

/// The number that a text starts with, without leading zeros, and what follows.
fn number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())?;
    let significant = digits.trim_start_matches('0');
    Some((if significant.is_empty() { "0" } else { significant }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is suggested for a text that is no selector.
    fn suggested(text: &str) -> Option<String> {
        meant(&text.parse::<Selector>().err()?)
    }

    #[test]
    fn a_slip_in_the_name_or_the_marks_is_corrected_and_the_numbers_stay() {
        for (typed, right) in [
            ("mero-kms-1.2.0", "mero-kms-v1.2.0"),
            ("mero-tee-1.3.0-rc.1", "mero-tee-v1.3.0-rc.1"),
            ("mero-kmsv1.2.0", "mero-kms-v1.2.0"),
            ("mero-kms-vv1.2.0", "mero-kms-v1.2.0"),
            ("mero-kms-v.1.2.0", "mero-kms-v1.2.0"),
            ("mero_kms_v1.2.0", "mero-kms-v1.2.0"),
            ("mero_tee_v1_2_0", "mero-tee-v1.2.0"),
            ("MERO-KMS-V1.2.0", "mero-kms-v1.2.0"),
            ("Mero-Tee-v1.2.0-RC.2", "mero-tee-v1.2.0-rc.2"),
            ("mero-ksm-v1.2.0", "mero-kms-v1.2.0"),
            ("meor-tee-v1.2.0", "mero-tee-v1.2.0"),
            ("merokms-v1.2.0", "mero-kms-v1.2.0"),
            ("mero\u{2011}kms\u{2011}v1.2.0", "mero-kms-v1.2.0"),
            ("kms-v1.2.0", "mero-kms-v1.2.0"),
            ("node-v1.2.0", "mero-tee-v1.2.0"),
            ("node-image-v1.2.0", "node-image-gcp-v1.2.0"),
            ("node-image-gpc-v1.2.0", "node-image-gcp-v1.2.0"),
            // The old name has no candidates, the new one has.
            ("node-image-gcp-v1.0.0-rc.1", "mero-tee-v1.0.0-rc.1"),
            ("mero-kms-v1.2.0rc1", "mero-kms-v1.2.0-rc.1"),
            ("mero-kms-v1.2.0-rc1", "mero-kms-v1.2.0-rc.1"),
            ("mero-kms-v1.2.0.rc.01", "mero-kms-v1.2.0-rc.1"),
            ("mero-kms-v01.2.0", "mero-kms-v1.2.0"),
            ("mero-kms-v1.2.0 ", "mero-kms-v1.2.0"),
            ("'mero-kms-v1.2.0',", "mero-kms-v1.2.0"),
            ("mero-kms-v1.2.0/", "mero-kms-v1.2.0"),
            ("mero-kms-v1.2.0.tar.gz", "mero-kms-v1.2.0"),
            ("mero-kms-v1.2.0-rc.1^{}", "mero-kms-v1.2.0-rc.1"),
            ("refs/tags/mero-kms-v1.2.0", "mero-kms-v1.2.0"),
            ("https://github.com/calimero-network/mero-tee/releases/tag/mero-kms-v1.2.0", "mero-kms-v1.2.0"),
            ("V1.2.0", "1.2.0"),
            ("v1.2.0-rc1", "1.2.0-rc.1"),
        ] {
            assert_eq!(suggested(typed).as_deref(), Some(right), "{typed:?}");
            assert!(right.parse::<Selector>().is_ok(), "{right}");
        }
    }

    #[test]
    fn no_version_is_made_up_and_no_stranger_taken_for_a_family() {
        for typed in [
            "",
            "latest",
            "mero-kms",
            "mero-kms-v",
            "mero-kms-v1",
            "mero-kms-v1.2",
            "mero-kms-v1.2.0.1",
            "mero-kms-v1.2.0-rc",
            "mero-kms-v1.2.0-rc.1.2",
            "mero-kms-v1.2.0-beta.1",
            "mero-kms-v1.2.0+x",
            "mero-kms-v1.2.0x",
            "mero-kms-v1.x.0",
            "mero-kms-v1..0",
            "mero-kms-v1.2.٣",
            "mero-kms-v99999999999999999999.0.0",
            "mero-kms-v1.2.0/../../x",
            "../v1.0.0",
            "../../etc/passwd",
            "mero-v1.2.0",
            // As near to one family as to the other.
            "mero-ts-v1.2.0",
            "code-v1.2.0",
            "merod-v1.2.0",
            "curb-v1.2.0",
            &format!("mero-kms-{}1.2.0", "-".repeat(100)),
            &"é".repeat(200),
        ] {
            assert_eq!(suggested(typed), None, "{typed:?}");
            assert!(typed.parse::<Selector>().is_err(), "{typed:?}");
        }
    }

    #[test]
    fn what_would_be_refused_as_well_is_not_suggested() {
        let one = |text: &str| meant(&text.parse::<Tag>().err()?);
        assert_eq!([one("1.2.0"), one("V1.2.0"), one("mero-kms-1.2.0")], [None, None, Some("mero-kms-v1.2.0".into())]);
        let of = |text: &str, family| meant(&text.parse::<Selector>().err()?.of(family));
        assert_eq!(of("mero-tee-1.2.0", Family::Kms), None);
        assert_eq!(of("mero-tee-1.2.0", Family::Node).as_deref(), Some("mero-tee-v1.2.0"));
        assert_eq!(of("V1.2.0", Family::Kms).as_deref(), Some("1.2.0"));
    }

    #[test]
    fn the_nearest_three_of_the_family_are_named_and_nothing_that_is_not_a_tag() {
        let near = |missing: &str, listed: &[&str]| {
            let missing = missing.parse::<Tag>();
            let near = missing.map(|missing| among(&missing, listed.iter().copied())).unwrap_or_default();
            near.iter().map(Tag::to_string).collect::<Vec<_>>()
        };
        let listed = [
            "mero-kms-v1.3.0-rc.1",
            "mero-tee-v1.2.1",
            "mero-kms-v1.2.1",
            "mero-kms-v1.2.1",
            "mero-kms-v1.2.0-rc.1",
            "mero-kms-v1.2.9\n::error::x",
            "\u{1b}[2Jmero-kms-v1.2.8",
            "1.2.9",
            "mero-kms-v0.9.0",
        ];
        let nearest = ["mero-kms-v1.2.1", "mero-kms-v1.2.0-rc.1", "mero-kms-v1.3.0-rc.1"];
        assert_eq!(near("mero-kms-v1.2.9", &listed), nearest);
        assert_eq!(near("node-image-gcp-v1.2.1", &listed), ["mero-tee-v1.2.1"]);
        // A candidate of the version that was asked for, the newest first; then its neighbours.
        let candidates = ["mero-kms-v1.2.0-rc.1", "mero-kms-v1.2.0-rc.10", "mero-kms-v1.1.9", "mero-kms-v1.2.1-rc.1"];
        let nearest = ["mero-kms-v1.2.0-rc.10", "mero-kms-v1.2.0-rc.1", "mero-kms-v1.2.1-rc.1"];
        assert_eq!(near("mero-kms-v1.2.0", &candidates), nearest);
        assert_eq!(near("mero-tee-v9.9.9", &candidates), [""; 0]);
    }
}
