//! Does GitHub attest the release, where it must?

use crate::{
    digest::Sha256,
    release::{
        attestation::{Attested, Extent, Found, Listed, Outcome, RELEASE_ATTESTATION, Standing, assets, identity},
        snapshot::{Asset, Content, Snapshot},
    },
    report::Finding,
};

/// What to do about an attestation that is not there.
const ABSENT: &str =
    "GitHub attests a release within minutes of its publication: ask again, and find out why there is none";
/// What to do about one that must not be trusted.
const UNTRUSTED: &str = "do not use the release: nothing proves that GitHub attested it";
/// What to do about several.
const SEVERAL: &str = "GitHub attests a release once: find out where the others come from before using any of it";
/// How a release becomes immutable.
const SWITCH: &str = "switch on immutable releases in the repository's settings and publish a new version: a release \
                      that is published already stays as it is";

/// Whether there is anything to say: of a release that can still be changed there is nothing, unless it must not be so.
pub fn is_looked_for(snapshot: &Snapshot) -> bool {
    match snapshot.attestation {
        Standing::NotAsked => false,
        Standing::Mutable { demanded } => demanded,
        Standing::Local | Standing::Absent(_) | Standing::Unknown(_) | Standing::Attested(_) => true,
    }
}

/// The attestation against the release as it is listed and downloaded.
pub fn release_attestation(snapshot: &Snapshot) -> Vec<Finding> {
    match &snapshot.attestation {
        Standing::NotAsked => Vec::new(),
        Standing::Local => {
            vec![RELEASE_ATTESTATION.skip("", "a local folder: GitHub is not asked whether it attests the release")]
        }
        Standing::Attested(attested) => judged(attested, Some(&listed(snapshot))),
        Standing::Mutable { .. } | Standing::Absent(_) | Standing::Unknown(_) => {
            without(snapshot.tag.as_str(), &snapshot.attestation).into_iter().collect()
        }
    }
}

/// What there is to say where there is no attestation.
pub fn without(tag: &str, standing: &Standing) -> Option<Finding> {
    match standing {
        Standing::Mutable { .. } => Some(
            RELEASE_ATTESTATION
                .missing(tag, "GitHub does not call this release immutable, so it attests nothing of it")
                .compared("an immutable release", "one that can still be changed")
                .help(SWITCH),
        ),
        Standing::Absent(why) => Some(
            RELEASE_ATTESTATION.missing(tag, why.as_str()).compared("one attestation of this tag", "none").help(ABSENT),
        ),
        Standing::Unknown(why) => Some(RELEASE_ATTESTATION.undecided(tag, why.as_str())),
        Standing::NotAsked | Standing::Local | Standing::Attested(_) => None,
    }
}

/// One attestation against the release, and against all of its assets where they are known.
pub fn judged(attested: &Attested, all: Option<&[Listed<'_>]>) -> Vec<Finding> {
    let Attested { known, outcome } = attested;
    let tag = known.tag.as_str();
    match outcome {
        Outcome::Signed { statement, at } => {
            let mut findings = identity(known, statement, *at);
            if let Some(all) = all {
                findings.extend(assets(tag, statement, all, Extent::Whole));
            }
            findings
        }
        Outcome::Rejected(why) => vec![
            RELEASE_ATTESTATION
                .fail(tag, why.as_str())
                .compared("an attestation that GitHub signed", "one that must not be trusted")
                .help(UNTRUSTED),
        ],
        Outcome::Several(count) => vec![
            RELEASE_ATTESTATION
                .fail(tag, "the release has more than one attestation")
                .compared("one attestation of this tag", count.to_string())
                .help(SEVERAL),
        ],
    }
}

/// Everything that GitHub lists, with what was downloaded of it. What was not is taken by the digest that GitHub states.
fn listed(snapshot: &Snapshot) -> Vec<Listed<'_>> {
    const NO_CONTENT: &str = "it is listed and has no content that can be compared: see asset-present";
    const TWICE: &str = "it is listed twice, so there is nothing to compare with: see asset-unique";
    const REFUSED: &str = "its name cannot be used: see asset-name";
    let usable = snapshot.assets.iter().map(|asset| Listed { name: asset.name.as_str(), found: found(asset) });
    let refused = snapshot.refused.iter().map(|(name, _)| Listed { name, found: Found::Unread(REFUSED) });
    let twice = snapshot.duplicates.iter().map(|name| Listed { name, found: Found::Unread(TWICE) });
    let aside = snapshot.set_aside.iter().map(|aside| Listed { name: &aside.name, found: Found::Unread(NO_CONTENT) });
    usable.chain(refused).chain(twice).chain(aside).collect()
}

fn found(asset: &Asset) -> Found<'_> {
    match &asset.content {
        Content::Read { digest, .. } => Found::Digest(*digest),
        Content::Failed(why) => Found::Unread(why),
        Content::NotFetched => {
            let stated = asset.stated_digest.as_deref().and_then(|text| Sha256::from_prefixed(text).ok());
            stated.map_or(Found::Unread("it was not downloaded, and GitHub states no digest of it"), Found::Digest)
        }
    }
}
