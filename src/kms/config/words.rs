//! Single values of the settings: from a word to what it means, or why it means nothing.

use std::{num::NonZeroU32, time::Duration};

use url::Url;

use super::MAX_CHALLENGE_TTL_SECS;
use crate::{
    digest::Sha256,
    error::{Error, Result},
    subject::{
        near,
        profile::Profile,
        tag::{Family, InvalidTag, Selector, Tag},
    },
};

/// Longest key namespace, in bytes.
const MAX_NAMESPACE_BYTES: usize = 128;

/// The KMS release of a version in any of its three spellings.
pub(super) fn release(version: Option<&str>) -> Result<Tag> {
    const EXPECTED: &str = "write it as 1.2.0, v1.2.0 or mero-kms-v1.2.0, with -rc.N for a release candidate";
    let version = version
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Error::usage("MERO_KMS_VERSION is not set: which release is this?").help(EXPECTED))?;
    let selector: Selector = version.parse().map_err(|wrong: InvalidTag| {
        let wrong = wrong.of(Family::Kms);
        let meant = near::meant(&wrong).map(|tag| format!("did you mean `{tag}`? ")).unwrap_or_default();
        Error::usage("MERO_KMS_VERSION").because(wrong).help(format!("{meant}{EXPECTED}"))
    })?;
    match selector {
        Selector::Both(version) => Ok(Tag::new(Family::Kms, version)),
        Selector::One(tag) if tag.family() == Family::Kms => Ok(tag),
        Selector::One(tag) => {
            Err(Error::usage(format!("MERO_KMS_VERSION: {tag} is a node image, not a KMS")).help(EXPECTED))
        }
    }
}

/// The profile.
pub(super) fn profile(word: Option<&str>) -> Result<Profile> {
    const EXPECTED: &str = "set it to debug, debug-read-only or locked-read-only, the one this image was built for";
    let word = word.filter(|word| !word.is_empty()).ok_or_else(|| {
        Error::usage("MERO_KMS_PROFILE is not set: which machines is this service for?").help(EXPECTED)
    })?;
    word.parse().map_err(|e| Error::usage("MERO_KMS_PROFILE").because(e).help(EXPECTED))
}

/// The digest a policy is pinned to.
pub(super) fn pin(text: &str) -> Result<Sha256> {
    text.trim().parse().map_err(|e| {
        Error::usage("MERO_KMS_POLICY_SHA256").because(e).help("it is what `sha256sum` prints of the policy's file")
    })
}

/// How long a challenge is good for.
pub(super) fn challenge_ttl(seconds: u64) -> Result<Duration> {
    if (1..=MAX_CHALLENGE_TTL_SECS).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    Err(Error::usage(format!("CHALLENGE_TTL_SECS: expected 1 to {MAX_CHALLENGE_TTL_SECS}, got {seconds}")))
}

/// How often a peer may try.
pub(super) fn attempts(number: u32) -> Result<NonZeroU32> {
    NonZeroU32::new(number)
        .ok_or_else(|| Error::usage("MAX_PENDING_CHALLENGES: expected at least 1, got 0: no node could get a key"))
}

/// The first part of every key's path. It is refused rather than tidied up: another path is another key.
pub(super) fn key_namespace(text: &str) -> Result<String> {
    let segment = |s: &str| {
        let plain = s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        plain && !s.is_empty() && s != "." && s != ".."
    };
    if text.len() <= MAX_NAMESPACE_BYTES && text.split('/').all(segment) {
        return Ok(text.to_owned());
    }
    Err(Error::usage("KEY_NAMESPACE_PREFIX is not usable as a path of keys")
        .help("letters, digits, `-`, `_` and `.`, in parts with one `/` between them, as in merod/storage"))
}

/// Origins as browsers write them.
pub(super) fn origins(text: &str) -> Result<Vec<String>> {
    let written = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    written.map(origin).collect()
}

fn origin(text: &str) -> Result<String> {
    let refuse = || {
        let shown: String = text.chars().take(100).collect();
        Error::usage(format!("CORS_ALLOWED_ORIGINS: `{shown}` is not an origin"))
            .help("write each as https://app.example or http://localhost:3000; `*` is not accepted")
    };
    let url = Url::parse(text).map_err(|_| refuse())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !bare || !anonymous || text.contains('*') {
        return Err(refuse());
    }
    Ok(url.origin().ascii_serialization())
}

/// An address of ours.
pub(super) fn url(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|e| Error::internal("a default address does not parse").because(e))
}
