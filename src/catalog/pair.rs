//! Whether the catalog lists a release, and whether it lists a pair.

use std::collections::HashSet;

use semver::Version;

use super::document::{Catalog, Entry};
use crate::{
    report::{CheckInfo, Finding, Status},
    schema::excerpt::capped,
    subject::{
        profile::Profile,
        tag::{Class, Family, Tag},
    },
    text::counted,
};

/// The release is listed with a counterpart, for all profiles.
pub const CATALOG: CheckInfo = CheckInfo {
    id: "catalog",
    title: "the compatibility catalog lists the release with its counterpart, in all three profiles",
};

/// A pair is listed as tested.
pub const CATALOG_PAIR: CheckInfo = CheckInfo {
    id: "catalog-pair",
    title: "the compatibility catalog lists the pair as tested, in the profiles asked about",
};

/// What is asked of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The KMS.
    pub kms: Version,
    /// The node image.
    pub node_image: Version,
    /// In which profiles it is meant to run; never empty.
    pub profiles: Vec<Profile>,
    /// Whether a pair that is listed as not tested will do.
    pub untested: Untested,
}

/// What a pair that is listed as not tested amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untested {
    /// It fails.
    Refused,
    /// It is warned about.
    Accepted,
}

/// [`CATALOG_PAIR`]: a finding a profile. What is not listed is missing; what is listed as not tested failed, and so does a
/// catalog with entries that cannot be read, one of which may be about the very pair.
pub fn pair(catalog: &Catalog, question: &Question) -> Vec<Finding> {
    let mut findings = malformed(CATALOG_PAIR, catalog);
    let of_pair: Vec<&Entry> =
        catalog.entries.iter().filter(|e| e.kms == question.kms && e.node_image == question.node_image).collect();
    let what = format!("KMS {} with node image {}", question.kms, question.node_image);
    if of_pair.iter().any(|e| e.tested) && of_pair.iter().any(|e| !e.tested) {
        let message = format!("{what} is listed as tested and as not tested");
        findings.push(CATALOG_PAIR.fail(&catalog.name, message).help("keep one entry per pair"));
    }
    for profile in &question.profiles {
        let listed: Vec<_> = of_pair.iter().filter(|e| e.profiles.contains(profile)).collect();
        let finding = if listed.is_empty() {
            let known = if of_pair.is_empty() {
                not_listed(catalog, question)
            } else {
                let profiles = of_pair.iter().flat_map(|e| &e.profiles).map(|p| p.as_str()).collect::<Vec<_>>();
                format!(
                    "listed in {} only",
                    if profiles.is_empty() { "no profile".into() } else { profiles.join(", ") }
                )
            };
            CATALOG_PAIR
                .missing(&catalog.name, format!("{what} is not listed in {profile}"))
                .compared(format!("an entry for {profile}"), known)
                .help("test the pair, then list it with `merotee catalog add KMS NODE --evidence FILE`")
        } else if listed.iter().all(|e| e.tested) {
            CATALOG_PAIR.pass(&catalog.name, format!("{what} is listed as tested in {profile}"))
        } else {
            let message = format!("{what} is listed as not tested in {profile}");
            let help = "test the pair, then record that with `merotee catalog add KMS NODE --evidence FILE`";
            match question.untested {
                Untested::Refused => CATALOG_PAIR.fail(&catalog.name, message).help(help),
                Untested::Accepted => CATALOG_PAIR.warn(&catalog.name, message).help(help),
            }
        };
        findings.push(finding);
    }
    findings
}

/// What is listed instead of the pair.
fn not_listed(catalog: &Catalog, question: &Question) -> String {
    const SHOWN: usize = 5;
    let others = catalog.counterparts_of(Family::Kms, &question.kms);
    if others.is_empty() {
        return match catalog.entries.len() {
            0 => "an empty catalog".to_owned(),
            count => format!("{}, none of this KMS", counted(count, "entry", "entries")),
        };
    }
    let mut shown: Vec<_> = others.iter().take(SHOWN).map(ToString::to_string).collect();
    if others.len() > SHOWN {
        shown.push(format!("{} more", others.len() - SHOWN));
    }
    format!("listed with node image {}", shown.join(", "))
}

/// Entries that cannot be read, as findings of `check`.
pub fn malformed(check: CheckInfo, catalog: &Catalog) -> Vec<Finding> {
    let malformed = catalog.malformed.iter().map(|(place, value)| {
        check
            .fail(&catalog.name, format!("malformed entry at {place}: {value}"))
            .help("compare the entry with schemas/compatibility-catalog.schema.json")
            .within(place)
    });
    capped(malformed.collect())
}

/// [`CATALOG`]: a stable release or hotfix is listed, with `counterpart` when it is known and with any version
/// otherwise, in all three profiles. For a release candidate the catalog is optional. Malformed entries fail whatever
/// the class; pairs listed twice are warned about.
pub fn listed(catalog: &Catalog, tag: &Tag, class: Class, counterpart: Option<&Version>) -> Vec<Finding> {
    let mut findings = malformed(CATALOG, catalog);
    findings.extend(capped(duplicates(catalog)));
    findings.push(pair_listed(catalog, tag, class, counterpart));
    findings
}

fn duplicates(catalog: &Catalog) -> Vec<Finding> {
    let mut seen = HashSet::new();
    let again = catalog.entries.iter().filter(|e| !seen.insert((&e.kms, &e.node_image)));
    again
        .map(|e| {
            let message = format!("KMS {} with node image {} is listed more than once", e.kms, e.node_image);
            Finding::new(CATALOG.id, Status::Warn, &catalog.name, message).help("keep one entry per pair")
        })
        .collect()
}

fn pair_listed(catalog: &Catalog, tag: &Tag, class: Class, counterpart: Option<&Version>) -> Finding {
    let (family, other) = (tag.family(), tag.family().counterpart());
    let finding = |status, message: String| Finding::new(CATALOG.id, status, &catalog.name, message);
    let of_release = catalog.entries.iter().filter(|e| e.version(family) == tag.version());
    let candidates: Vec<_> =
        of_release.filter(|e| counterpart.is_none_or(|version| e.version(other) == version)).collect();
    let wanted = match counterpart {
        Some(version) => format!("{family} {} with {other} {version}", tag.version()),
        None => format!("{family} {} with any {other}", tag.version()),
    };
    let Some(best) = candidates.iter().min_by_key(|e| (e.profiles_left_out().len(), !e.tested)) else {
        if class == Class::Rc {
            return finding(Status::Skipped, format!("{wanted} is not listed, which a release candidate need not be"));
        }
        let known = catalog.counterparts_of(family, tag.version());
        let got = match (known.first(), catalog.entries.len()) {
            (Some(version), _) => format!("listed with {other} {version} only"),
            (None, 0) => "the catalog is empty".to_owned(),
            (None, count) => format!("not among {}", counted(count, "entry", "entries")),
        };
        return finding(Status::Fail, format!("the pair of this {class} release is not listed"))
            .compared(wanted, got)
            .help("test the pair and add it to compatibility-catalog.json");
    };
    let pair = format!("KMS {} with node image {}", best.kms, best.node_image);
    let left_out = best.profiles_left_out();
    if !left_out.is_empty() {
        let status = if class == Class::Rc { Status::Warn } else { Status::Fail };
        return finding(status, format!("{pair} is listed without {}", left_out.join(", ")))
            .compared("all three profiles", best.profiles.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", "))
            .help("test the pair in the profiles left out and add them to the entry");
    }
    if !best.tested {
        return finding(Status::Warn, format!("{pair} is listed as not tested"))
            .help("test the pair before deploying it");
    }
    finding(Status::Pass, format!("{pair} is listed in all three profiles"))
}
