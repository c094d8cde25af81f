//! `dependency-guard`: a release and its counterpart of the other family go together. The counterpart is published, the
//! catalog lists the pair, and the KMS's policies admit exactly the nodes that the node releases publish.
//!
//! Judges values: which releases there are and what they hold is found out elsewhere.

use semver::Version;

use crate::{
    catalog::{self, CATALOG, Catalog},
    policy::{
        agreement::{self, COUNTERPART_MEASUREMENTS},
        checks::{self, STATUS},
        document::PolicyFile,
        mrtds::PublishedMrtds,
    },
    release::{
        checks::class::{self, CLASS},
        snapshot::{Available, ReadCatalog},
    },
    report::{CheckInfo, Finding},
    schema::{SCHEMA, excerpt::excerpt},
    subject::{
        profile::Profile,
        tag::{Class, Family, Selector, Tag},
    },
};

/// The counterpart is there.
pub const COUNTERPART_RELEASE: CheckInfo = CheckInfo {
    id: "counterpart-release",
    title: "the counterpart of the other family is published, and final where the release is",
};

/// The rules, for listings.
pub const RULES: [CheckInfo; 6] = [CLASS, COUNTERPART_RELEASE, SCHEMA, CATALOG, STATUS, COUNTERPART_MEASUREMENTS];

/// Everything that is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Situation {
    /// The release that is about to be made.
    pub tag: Tag,
    /// How strictly it is held.
    pub class: Class,
    /// Its counterpart.
    pub counterpart: Tag,
    /// What GitHub says of the counterpart.
    pub release: Lookup,
    /// The compatibility catalog.
    pub catalog: Available<ReadCatalog>,
    /// The KMS's policies: of the release itself, or of the counterpart.
    pub policies: Available<Vec<PolicyFile>>,
    /// What the node releases publish that the policies have to admit.
    pub nodes: Available<PublishedMrtds>,
    /// Releases whose documents are not trusted, and why.
    pub distrusted: Vec<(Tag, String)>,
}

/// What GitHub says of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Everyone can see it.
    Published {
        /// It is marked as a pre-release.
        prerelease: bool,
    },
    /// It is not published yet.
    Draft,
    /// There is none of this tag.
    Absent,
    /// That could not be found out.
    Failed(String),
}

/// A counterpart, and what it was chosen by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its tag.
    pub tag: Tag,
    /// For people: `--counterpart`, the name of a variable.
    pub by: String,
}

/// What may name the counterpart, the strongest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints<'a> {
    /// What the user says.
    pub given: Option<&'a str>,
    /// A variable of the pipeline that holds the other family's version, with its name.
    pub variable: Option<(&'a str, &'a str)>,
    /// The catalog.
    pub catalog: Option<&'a Catalog>,
}

/// The counterpart of `tag`: the one that is named, else of those that the catalog pairs with it the one of the same
/// version or else the newest, else the one of the same version. A later patch of the one release does not bind the
/// other.
///
/// # Errors
/// One sentence: what is named is not a release of the other family.
pub fn counterpart(tag: &Tag, hints: Hints<'_>) -> Result<Chosen, String> {
    let family = tag.family().counterpart();
    let named = hints.given.map(|text| ("--counterpart", text)).or(hints.variable);
    if let Some((by, text)) = named {
        let version = version_of(text, family)
            .ok_or_else(|| format!("{by}: `{}` is not a version of a {family} release", excerpt(text)))?;
        return Ok(Chosen { tag: version, by: by.to_owned() });
    }
    let listed = hints.catalog.and_then(|catalog| nearest(catalog, tag));
    Ok(match listed {
        Some(version) => Chosen { tag: Tag::new(family, version.clone()), by: "the catalog".to_owned() },
        None => Chosen { tag: Tag::new(family, tag.version().clone()), by: "the version of the tag".to_owned() },
    })
}

fn version_of(text: &str, family: Family) -> Option<Tag> {
    match text.parse().ok()? {
        Selector::One(tag) => Some(tag).filter(|tag| tag.family() == family),
        Selector::Both(version) => Some(Tag::new(family, version)),
    }
}

fn nearest<'c>(catalog: &'c Catalog, tag: &Tag) -> Option<&'c Version> {
    let listed = catalog.counterparts_of(tag.family(), tag.version());
    listed.into_iter().max_by_key(|version| (*version == tag.version(), *version))
}

/// Every rule, in the order of [`RULES`].
pub fn judge(situation: &Situation) -> Vec<Finding> {
    // A class that the tag is not of would hold the rest to less than the release must meet.
    let mut findings = class::of_tag(&situation.tag, situation.class);
    findings.push(published(situation));
    findings.extend(listed(situation));
    findings.extend(situation.distrusted.iter().map(|(tag, why)| {
        COUNTERPART_MEASUREMENTS
            .fail(tag.as_str(), format!("not trusted: {why}"))
            .help(format!("run `merotee verify-release-assets {tag}`"))
    }));
    findings.extend(policies(situation));
    findings
}

/// [`COUNTERPART_RELEASE`].
fn published(situation: &Situation) -> Finding {
    let Situation { tag, class, counterpart, release, .. } = situation;
    let subject = counterpart.as_str();
    let final_one = *class != Class::Rc;
    match release {
        Lookup::Absent => {
            COUNTERPART_RELEASE.missing(subject, format!("{tag} needs it, and there is no such release")).help(
                "release it first, or name the one that is meant with --counterpart; a draft is seen with a token only",
            )
        }
        Lookup::Draft => COUNTERPART_RELEASE
            .fail(subject, "the release is a draft")
            .compared("a published release", "a draft")
            .help("publish it first"),
        Lookup::Failed(why) => COUNTERPART_RELEASE.undecided(subject, why.as_str()),
        Lookup::Published { .. } if final_one && counterpart.is_rc() => COUNTERPART_RELEASE
            .fail(subject, format!("{tag} is final and its counterpart is a release candidate"))
            .compared("a stable release", counterpart.version().to_string())
            .help("release the counterpart first, or name a stable one with --counterpart"),
        Lookup::Published { prerelease: true } if final_one => COUNTERPART_RELEASE
            .warn(subject, "the release is marked as a pre-release on GitHub")
            .help("clear the mark when the release is final"),
        Lookup::Published { .. } => COUNTERPART_RELEASE.pass(subject, "published"),
    }
}

/// [`CATALOG`], of this very pair.
fn listed(situation: &Situation) -> Vec<Finding> {
    let Situation { tag, class, counterpart, catalog, .. } = situation;
    match catalog {
        Available::Yes(read) => match read.as_ref() {
            Ok(catalog) => catalog::listed(catalog, tag, *class, Some(counterpart.version())),
            Err(unreadable) => vec![Finding { check: CATALOG.id, ..unreadable.as_ref().clone() }],
        },
        Available::Absent(why) if *class == Class::Rc => vec![CATALOG.skip("", why.as_str())],
        Available::Absent(why) => vec![CATALOG.missing("", why.as_str())],
        Available::NotHere(why) => vec![CATALOG.skip("", why.as_str())],
        Available::Failed(why) => vec![CATALOG.undecided("", why.as_str())],
    }
}

/// [`STATUS`] and [`COUNTERPART_MEASUREMENTS`] of the policies.
fn policies(situation: &Situation) -> Vec<Finding> {
    let files = match &situation.policies {
        Available::Yes(files) => files,
        Available::Absent(why) => return vec![COUNTERPART_MEASUREMENTS.missing("", why.as_str())],
        Available::NotHere(why) => return vec![COUNTERPART_MEASUREMENTS.skip("", why.as_str())],
        Available::Failed(why) => return vec![COUNTERPART_MEASUREMENTS.undecided("", why.as_str())],
    };
    let mut findings: Vec<Finding> = files.iter().flat_map(|file| checks::status(file, situation.class)).collect();
    let stated = |profile| files.iter().flat_map(|file| &file.profiles).any(|lists| lists.profile == profile);
    for profile in Profile::ALL.into_iter().filter(|profile| !stated(*profile)) {
        let message = format!("there is no policy of {profile}");
        findings.push(COUNTERPART_MEASUREMENTS.missing("", message).help("make the three with gen-policy"));
    }
    let readable: Vec<&PolicyFile> = files.iter().collect();
    match &situation.nodes {
        // Nothing in it could agree or disagree, so no node release is needed.
        _ if !files.is_empty() && files.iter().all(PolicyFile::is_not_ready) => {
            findings.push(COUNTERPART_MEASUREMENTS.skip("", "no policy is ready"));
        }
        Available::Yes(nodes) => findings.extend(agreement::counterpart_measurements(&readable, nodes)),
        Available::Absent(why) => findings.push(COUNTERPART_MEASUREMENTS.missing("", why.as_str())),
        Available::NotHere(why) => findings.push(COUNTERPART_MEASUREMENTS.skip("", why.as_str())),
        Available::Failed(why) => findings.push(COUNTERPART_MEASUREMENTS.undecided("", why.as_str())),
    }
    findings
}

#[cfg(test)]
mod tests;
