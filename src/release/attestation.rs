//! GitHub's attestation of an immutable release: what the signed statement says, and whether that is the release at hand.
//!
//! GitHub has written two forms. Version 0.1 of the predicate names the release `releaseId`; version 0.2 names it
//! `databaseId`, and adds `packageId`, which is the repository's. Each has exactly its fields, and every id is a text: one
//! field more or less is a form that is not known here, and is refused. Nothing in here verifies a signature.

mod compare;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub use self::compare::{Extent, Found, Listed, RELEASE_ATTESTATION, assets, identity};
use crate::{
    digest::Sha256,
    schema::{excerpt::excerpt, parse_json_within},
    subject::repository::Repository,
};

/// The type of statement that GitHub writes.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The predicate of 2025.
const V0_1: &str = "https://in-toto.io/attestation/release/v0.1";
/// The predicate since.
const V0_2: &str = "https://in-toto.io/attestation/release/v0.2";
/// Largest statement read. GitHub has at most 1,000 assets a release, each a few hundred bytes here.
const MAX_BYTES: usize = 4 << 20;

/// What is known of GitHub's attestation of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was not looked for: the release is read for another purpose.
    NotAsked,
    /// The release was read from a local folder.
    Local,
    /// GitHub does not call the release immutable, so there is nothing that it attests.
    Mutable {
        /// Whether it had to be immutable.
        demanded: bool,
    },
    /// The release is immutable, and GitHub attests nothing of it, for this reason.
    Absent(String),
    /// It could not be found out, for this reason.
    Unknown(String),
    /// There is an attestation.
    Attested(Box<Attested>),
}

/// An attestation that was looked for, and the release that it must be of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The release.
    pub known: Known,
    /// What was found.
    pub outcome: Outcome,
}

/// What was found of a release's attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// One, soundly signed by GitHub.
    Signed {
        /// What it says.
        statement: Box<ReleaseStatement>,
        /// When, as GitHub's timestamp authority says.
        at: Timestamp,
    },
    /// One that must not be trusted, for this reason.
    Rejected(String),
    /// So many of the same tag, where GitHub makes one.
    Several(usize),
}

/// A release, as far as it is known from elsewhere than its attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The repository, as it is called now.
    pub repository: Repository,
    /// What it was asked for by, where that is another name.
    pub asked_for: Option<Repository>,
    /// The tag.
    pub tag: String,
    /// What GitHub's API says beside that.
    pub ids: Ids,
}

/// What names things for good. What is not known is not compared, and said not to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// The repository's number.
    pub repository: Option<u64>,
    /// Its owner's number.
    pub owner: Option<u64>,
    /// The release's number.
    pub release: Option<u64>,
    /// The object that the tag points to: the tag itself where it is annotated, else the commit. Hex.
    pub tag_ref: Option<String>,
}

/// What an attestation says, in either form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseStatement {
    /// `OWNER/NAME`, as the repository was called then.
    pub repository: String,
    /// The repository's number.
    pub repository_id: u64,
    /// Its owner's number.
    pub owner_id: u64,
    /// The release's number.
    pub release_id: u64,
    /// The tag.
    pub tag: String,
    /// `pkg:github/OWNER/NAME@TAG`.
    pub purl: String,
    /// The object that the tag pointed to, lower-case hex.
    pub tag_ref: String,
    /// The assets, by name.
    pub assets: BTreeMap<String, Sha256>,
}

/// Which of several attestations is the one of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This one.
    One(usize),
    /// None; so many are of other tags.
    None(usize),
    /// So many.
    Several(usize),
    /// This one cannot be read, so it might be of this tag as well.
    Unreadable(String),
}

/// Finds the one attestation of `tag` among those of its object: two tags may point to one commit.
pub fn choose(read: &[Result<&ReleaseStatement, &str>], tag: &str) -> Choice {
    if let Some(why) = read.iter().find_map(|one| one.err()) {
        return Choice::Unreadable(why.to_owned());
    }
    let of_tag = |one: &Result<&ReleaseStatement, &str>| one.is_ok_and(|statement| statement.tag == tag);
    let places: Vec<usize> = read.iter().enumerate().filter(|(_, one)| of_tag(one)).map(|(place, _)| place).collect();
    match places.as_slice() {
        [] => Choice::None(read.len()),
        [place] => Choice::One(*place),
        several => Choice::Several(several.len()),
    }
}

impl ReleaseStatement {
    /// Reads the payload of an envelope.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn parse(payload: &[u8]) -> Result<Self, String> {
        let value = parse_json_within(payload, MAX_BYTES).map_err(|e| format!("the statement: {e}"))?;
        let statement = exactly(&value, "the statement", &["_type", "subject", "predicateType", "predicate"])?;
        if text(statement, "_type", "_type")? != STATEMENT {
            return Err(format!("_type is {}, not {STATEMENT}", excerpt(text(statement, "_type", "_type")?)));
        }
        let predicate = Predicate::parse(
            text(statement, "predicateType", "predicateType")?,
            statement.get("predicate").unwrap_or(&Value::Null),
        )?;
        let subjects = statement.get("subject").and_then(Value::as_array).ok_or("subject is not a list")?;
        let Some((release, assets)) = subjects.split_first() else {
            return Err("subject is empty".to_owned());
        };
        let (uri, tag_ref) = of_release(release)?;
        if uri != predicate.purl {
            return Err(format!(
                "subject[0].uri is {} and predicate.purl is {}: which release is meant?",
                excerpt(&uri),
                excerpt(&predicate.purl)
            ));
        }
        let Predicate { repository, repository_id, owner_id, release_id, tag, purl } = predicate;
        let assets = of_assets(assets)?;
        Ok(Self { repository, repository_id, owner_id, release_id, tag, purl, tag_ref, assets })
    }
}

/// The fields that both forms have.
struct Predicate {
    repository: String,
    repository_id: u64,
    owner_id: u64,
    release_id: u64,
    tag: String,
    purl: String,
}

impl Predicate {
    fn parse(kind: &str, value: &Value) -> Result<Self, String> {
        const V0_1_FIELDS: [&str; 6] = ["ownerId", "purl", "releaseId", "repository", "repositoryId", "tag"];
        const V0_2_FIELDS: [&str; 7] =
            ["databaseId", "ownerId", "packageId", "purl", "repository", "repositoryId", "tag"];
        let (fields, release) = match kind {
            V0_1 => (exactly(value, "predicate", &V0_1_FIELDS)?, "releaseId"),
            V0_2 => (exactly(value, "predicate", &V0_2_FIELDS)?, "databaseId"),
            other => return Err(format!("predicateType is {}, not {V0_1} or v0.2 of it", excerpt(other))),
        };
        let said = |name: &str| text(fields, name, &format!("predicate.{name}"));
        let id = |name: &str| number(said(name)?).ok_or_else(|| format!("predicate.{name} is not a number in text"));
        let repository_id = id("repositoryId")?;
        if kind == V0_2 && id("packageId")? != repository_id {
            return Err("predicate.packageId is not the repository's id".to_owned());
        }
        Ok(Self {
            repository: said("repository")?.to_owned(),
            repository_id,
            owner_id: id("ownerId")?,
            release_id: id(release)?,
            tag: said("tag")?.to_owned(),
            purl: said("purl")?.to_owned(),
        })
    }
}

/// The release itself: where it is, and what its tag points to.
fn of_release(subject: &Value) -> Result<(String, String), String> {
    let at = "subject[0]";
    let fields = exactly(subject, at, &["uri", "digest"])?;
    let digest = fields.get("digest").and_then(Value::as_object).ok_or("subject[0].digest is not an object")?;
    let digits = |name: &str, length: usize| {
        let hex = digest.get(name)?.as_str()?;
        let sound = hex.len() == length && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        sound.then(|| hex.to_owned())
    };
    let tag_ref = if digest.len() == 1 { digits("sha1", 40).or_else(|| digits("sha256", 64)) } else { None };
    let tag_ref = tag_ref.ok_or("subject[0].digest is not one SHA-1 or SHA-256 of the tag's object in hex")?;
    Ok((text(fields, "uri", "subject[0].uri")?.to_owned(), tag_ref))
}

fn of_assets(subjects: &[Value]) -> Result<BTreeMap<String, Sha256>, String> {
    let mut assets = BTreeMap::new();
    for (subject, place) in subjects.iter().zip(1_usize..) {
        let at = format!("subject[{place}]");
        let fields = exactly(subject, &at, &["name", "digest"])?;
        let name = text(fields, "name", &format!("{at}.name"))?;
        let digest = fields.get("digest").unwrap_or(&Value::Null);
        let (digests, at) = (exactly(digest, &format!("{at}.digest"), &["sha256"])?, format!("{at}.digest.sha256"));
        // In the one spelling that GitHub has, so that equal digests are equal texts.
        let digest = text(digests, "sha256", &at)?;
        let digest = Sha256::from_prefixed(&format!("sha256:{digest}")).map_err(|e| format!("{at}: {e}"))?;
        if assets.insert(name.to_owned(), digest).is_some() {
            return Err(format!("two subjects are called {}", excerpt(name)));
        }
    }
    Ok(assets)
}

/// An object with these fields and no others.
fn exactly<'a>(value: &'a Value, at: &str, names: &[&str]) -> Result<&'a Map<String, Value>, String> {
    let fields = value.as_object().ok_or_else(|| format!("{at} is not an object"))?;
    if let Some(missing) = names.iter().find(|name| !fields.contains_key(**name)) {
        return Err(format!("{at} has no field {missing}"));
    }
    match fields.keys().find(|key| !names.contains(&key.as_str())) {
        Some(stranger) => Err(format!("{at} has a field that is not known there: {}", excerpt(stranger))),
        None => Ok(fields),
    }
}

/// A text that says something.
fn text<'a>(fields: &'a Map<String, Value>, name: &str, at: &str) -> Result<&'a str, String> {
    let text = fields.get(name).and_then(Value::as_str).ok_or_else(|| format!("{at} is not a text"))?;
    if text.is_empty() { Err(format!("{at} is empty")) } else { Ok(text) }
}

/// A number as GitHub writes it: decimal digits and nothing before them, so that equal numbers are equal texts.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests;
