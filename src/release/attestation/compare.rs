//! An attestation that GitHub signed, against the release at hand. `gh release verify` compares the tag and what it points
//! to, and `gh release verify-asset` a digest; neither looks at the repository, at ids, or at what an asset is called.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::{Ids, Known, ReleaseStatement};
use crate::{
    digest::Sha256,
    report::{CheckInfo, Finding},
    schema::excerpt::{capped, excerpt},
    text::{counted, listed},
};

/// `release-attestation`.
pub const RELEASE_ATTESTATION: CheckInfo = CheckInfo {
    id: "release-attestation",
    title: "GitHub attests an immutable release as it is: repository, tag, and each asset's name and digest",
};

const ANOTHER: &str = "do not use the release: GitHub attested a different one";
const CHANGED: &str = "do not use it: GitHub attested other bytes under this name when the release was published";
/// Most names of assets that a finding repeats.
const MAX_NAMES: usize = 8;
const MOVED: &str = "find out who moved the tag: what the release was made from is what GitHub attested";

/// An asset at hand.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What it holds.
    pub found: Found<'a>,
}

/// What is known of an asset's content.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// Its SHA-256.
    Digest(Sha256),
    /// Nothing, for this reason.
    Unread(&'a str),
}

/// What the assets at hand are of all that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All: what is attested and not among them is missing.
    Whole,
    /// Some, and the rest is not compared, which is said.
    Part,
    /// Some, beside a comparison of all.
    Beside,
}

/// Is it an attestation of this release? One line for whatever differs, one when all of it agrees, and one for what could
/// not be compared.
pub fn identity(known: &Known, statement: &ReleaseStatement, at: Timestamp) -> Vec<Finding> {
    let tag = known.tag.as_str();
    let mut findings = named(known, statement);
    let Ids { repository, owner, release, tag_ref } = &known.ids;
    let ids = [
        ("repository", *repository, statement.repository_id),
        ("owner", *owner, statement.owner_id),
        ("release", *release, statement.release_id),
    ];
    for (what, expected, attested) in ids {
        if let Some(expected) = expected.filter(|expected| *expected != attested) {
            findings.push(
                RELEASE_ATTESTATION
                    .fail(tag, format!("GitHub attests another {what}: its id differs"))
                    .compared(format!("{what} {expected}"), format!("{what} {attested}"))
                    .help(ANOTHER),
            );
        }
    }
    if let Some(now) = tag_ref.as_deref().filter(|now| !now.eq_ignore_ascii_case(&statement.tag_ref)) {
        findings.push(
            RELEASE_ATTESTATION
                .fail(tag, "the tag has moved since GitHub attested the release")
                .compared(format!("the tag at {}", statement.tag_ref), format!("the tag at {}", excerpt(now)))
                .help(MOVED),
        );
    }
    if findings.is_empty() {
        let ReleaseStatement { release_id, tag_ref, .. } = statement;
        let message = format!("release {release_id} of {} at {tag_ref}, signed by GitHub at {at}", known.repository);
        findings.push(RELEASE_ATTESTATION.pass(tag, message));
    }
    findings.extend(not_compared(known));
    findings
}

/// Repository, tag and package URL.
fn named(known: &Known, statement: &ReleaseStatement) -> Vec<Finding> {
    let (tag, repository) = (known.tag.as_str(), &known.repository);
    let mut findings = Vec::new();
    let mut differs = |what: &str, expected: String, attested: &str| {
        let finding = RELEASE_ATTESTATION.fail(tag, format!("GitHub attests another {what}"));
        findings.push(finding.compared(expected, excerpt(attested)).help(ANOTHER));
    };
    let fits = |name: &str| repository.is(name) || known.asked_for.as_ref().is_some_and(|asked| asked.is(name));
    if !fits(&statement.repository) {
        differs("repository", repository.to_string(), &statement.repository);
    }
    if statement.tag != known.tag {
        differs("tag", known.tag.clone(), &statement.tag);
    }
    let package = package(&statement.purl);
    if !package.is_some_and(|(name, version)| fits(name) && is_version(version, tag)) {
        differs("package", format!("pkg:github/{repository}@{tag}"), &statement.purl);
    }
    findings
}

/// `OWNER/NAME` and version of a package URL for GitHub, which has neither qualifiers nor a path.
fn package(purl: &str) -> Option<(&str, &str)> {
    purl.strip_prefix("pkg:github/")?.split_once('@')
}

/// A version is written as it is, or with what is odd in it percent-encoded.
fn is_version(version: &str, tag: &str) -> bool {
    version == tag || percent_decode_str(version).decode_utf8().is_ok_and(|decoded| decoded == tag)
}

/// What there was nothing to compare with.
fn not_compared(known: &Known) -> Option<Finding> {
    let Ids { repository, owner, release, tag_ref } = &known.ids;
    let all = [
        ("the repository's id", repository.is_none()),
        ("the owner's id", owner.is_none()),
        ("the release's id", release.is_none()),
        ("what the tag points to", tag_ref.is_none()),
    ];
    let unknown: Vec<&str> = all.into_iter().filter(|(_, unknown)| *unknown).map(|(what, _)| what).collect();
    if unknown.is_empty() {
        return None;
    }
    Some(RELEASE_ATTESTATION.skip(known.tag.as_str(), format!("not known, so not compared: {}", listed(&unknown))))
}

/// Is each asset attested under its name, with its digest, and each attested one there?
pub fn assets(tag: &str, statement: &ReleaseStatement, at_hand: &[Listed<'_>], extent: Extent) -> Vec<Finding> {
    let names: BTreeSet<&str> = at_hand.iter().map(|asset| asset.name).collect();
    // Attested, and there under no name of theirs: what was renamed is among them.
    let mut gone: BTreeMap<&str, Sha256> =
        statement.assets.iter().map(|(name, digest)| (name.as_str(), *digest)).collect();
    gone.retain(|name, _| !names.contains(name));
    let mut wrong = Vec::new();
    let mut agreed = 0_usize;
    for asset in at_hand {
        match (statement.assets.get(asset.name), asset.found) {
            (Some(attested), Found::Digest(digest)) if *attested == digest => agreed += 1,
            (Some(attested), Found::Digest(digest)) => wrong.push(
                RELEASE_ATTESTATION
                    .fail(asset.name, "differs from what GitHub attested")
                    .compared(format!("sha256:{attested}"), format!("sha256:{digest}"))
                    .help(CHANGED),
            ),
            (Some(_), Found::Unread(why)) => wrong.push(RELEASE_ATTESTATION.undecided(asset.name, why)),
            (None, found) => {
                let (name, attested) = (asset.name, statement.assets.keys().map(String::as_str));
                wrong.push(match (not_attested(name, found, &mut gone), extent) {
                    (Some(renamed), _) => renamed,
                    (None, Extent::Whole) => added(name),
                    (None, Extent::Part | Extent::Beside) => unnamed(name, attested),
                });
            }
        }
    }
    if extent == Extent::Whole {
        wrong.extend(gone.keys().map(|name| {
            RELEASE_ATTESTATION
                .missing(*name, "GitHub attested this asset, and it is not there")
                .compared("one asset of this name", "none")
                .help("an immutable release cannot lose an asset: ask for it again, and find out who answers")
        }));
    }
    let mut findings = capped(wrong);
    if agreed > 0 {
        let message = format!("{}, by name and SHA-256", counted(agreed, "asset is attested", "assets are attested"));
        findings.insert(0, RELEASE_ATTESTATION.pass(tag, message));
    }
    if extent == Extent::Part && !gone.is_empty() {
        let message = counted(gone.len(), "attested asset was not given", "attested assets were not given");
        findings.push(RELEASE_ATTESTATION.skip(tag, format!("{message}, so not compared")));
    }
    findings
}

/// An asset whose bytes GitHub attests under another name, which then is not gone.
fn not_attested(name: &str, found: Found<'_>, gone: &mut BTreeMap<&str, Sha256>) -> Option<Finding> {
    let Found::Digest(digest) = found else { return None };
    let attested = gone.iter().find(|(_, attested)| **attested == digest).map(|(name, _)| *name)?;
    gone.remove(attested);
    let finding = RELEASE_ATTESTATION
        .fail(name, "GitHub attested these bytes under another name")
        .compared(format!("the name {}", excerpt(attested)), format!("the name {}", excerpt(name)));
    Some(finding.help("do not use it under this name: a download by name would fetch a different file"))
}

/// An asset that GitHub attests nothing of: it was added since.
fn added(name: &str) -> Finding {
    RELEASE_ATTESTATION
        .fail(name, "GitHub does not attest this asset")
        .compared("an asset that was there when the release was published", "one that was added since")
        .help("do not use it: nothing can be added to an immutable release")
}

/// A file of the command line that is called as no asset is: it may never have been one.
fn unnamed<'a>(name: &str, attested: impl Iterator<Item = &'a str>) -> Finding {
    let mut names: Vec<String> = attested.map(excerpt).collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    names.extend((more > 0).then(|| format!("{more} more")));
    let attests = if names.is_empty() { "none at all".to_owned() } else { listed(&names) };
    RELEASE_ATTESTATION
        .fail(name, format!("GitHub attests no asset of this name; it attests: {attests}"))
        .help("give the file under its published name")
}
