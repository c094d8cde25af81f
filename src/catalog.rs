//! The compatibility catalog: which KMS and node image versions were tested together.
//!
//! Reads our form (`entries`) and upstream's (`releases`, in which both families share a version and all three profiles
//! are meant) into one shape, and judges whether a release is listed. Says nothing about whether the listed releases
//! exist.

use std::collections::HashSet;

use semver::Version;
use serde_json::{Map, Value};

use crate::{
    report::{CheckInfo, Finding, Status},
    schema::{
        SCHEMA,
        excerpt::{capped, excerpt_json},
        parse_json, unreadable,
    },
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

/// Most malformed entries kept.
const MAX_MALFORMED: usize = 1_000;

/// A pair of versions that work together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The KMS.
    pub kms: Version,
    /// The node image.
    pub node_image: Version,
    /// In which profiles.
    pub profiles: Vec<Profile>,
    /// Whether anybody tried.
    pub tested: bool,
    /// For people.
    pub notes: Option<String>,
}

impl Entry {
    /// The version of `family` in the pair.
    pub fn version(&self, family: Family) -> &Version {
        match family {
            Family::Kms => &self.kms,
            Family::Node => &self.node_image,
        }
    }

    /// The profiles the entry does not cover.
    fn profiles_left_out(&self) -> Vec<&'static str> {
        Profile::ALL.into_iter().filter(|p| !self.profiles.contains(p)).map(Profile::as_str).collect()
    }
}

/// Which form the catalog was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CatalogForm {
    /// `entries`, one a pair.
    Entries,
    /// Upstream's `releases`, one a version.
    Releases,
}

/// A catalog, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// The file's name.
    pub name: String,
    /// Its form.
    pub form: CatalogForm,
    /// Every entry that could be read, in file order.
    pub entries: Vec<Entry>,
    /// What could not: `entries[3].kms`, and what is there.
    pub malformed: Vec<(String, String)>,
}

impl Catalog {
    /// Reads a catalog of either form.
    ///
    /// # Errors
    /// The bytes are not acceptable JSON or neither form: one `schema` finding says why.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Box<Finding>> {
        let document = parse_json(bytes).map_err(|error| Box::new(unreadable(name, &error)))?;
        let list = |key: &str| document.get(key).and_then(Value::as_array);
        let (form, items) = match (list("entries"), list("releases")) {
            (Some(items), None) => (CatalogForm::Entries, items),
            (None, Some(items)) => (CatalogForm::Releases, items),
            (None, None) | (Some(_), Some(_)) => {
                let message = "not a compatibility catalog: expected a list `entries`, or upstream's `releases`";
                return Err(Box::new(Finding::new(SCHEMA.id, Status::Fail, name, message)));
            }
        };
        let (mut entries, mut malformed) = (Vec::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            let read = item.as_object().ok_or(("", item)).and_then(|object| match form {
                CatalogForm::Entries => our_entry(object),
                CatalogForm::Releases => upstream_entry(object),
            });
            match read {
                Ok(entry) => entries.push(entry),
                // A hostile file could hold millions.
                Err(_) if malformed.len() >= MAX_MALFORMED => {}
                Err((field, value)) => {
                    let list = if form == CatalogForm::Entries { "entries" } else { "releases" };
                    malformed.push((format!("{list}[{index}]{field}"), excerpt_json(value)));
                }
            }
        }
        Ok(Self { name: name.to_owned(), form, entries, malformed })
    }

    /// The first entry of a pair.
    pub fn lists(&self, kms: &Version, node_image: &Version) -> Option<&Entry> {
        self.entries.iter().find(|e| e.kms == *kms && e.node_image == *node_image)
    }

    /// Versions of the other family that are listed with `version` of `family`, in file order.
    pub fn counterparts_of(&self, family: Family, version: &Version) -> Vec<&Version> {
        let pairs = self.entries.iter().filter(|e| e.version(family) == version);
        pairs.map(|e| e.version(family.counterpart())).collect()
    }
}

/// [`CATALOG`]: a stable release or hotfix is listed, with `counterpart` when it is known and with any version
/// otherwise, in all three profiles. For a release candidate the catalog is optional. Malformed entries fail whatever
/// the class; pairs listed twice are warned about.
pub fn listed(catalog: &Catalog, tag: &Tag, class: Class, counterpart: Option<&Version>) -> Vec<Finding> {
    let malformed = catalog.malformed.iter().map(|(place, value)| {
        Finding::new(CATALOG.id, Status::Fail, &catalog.name, format!("malformed entry at {place}: {value}"))
            .help("compare the entry with schemas/compatibility-catalog.schema.json")
            .within(place)
    });
    let mut findings = capped(malformed.collect());
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

type Misread<'v> = (&'static str, &'v Value);

fn our_entry(object: &Map<String, Value>) -> Result<Entry, Misread<'_>> {
    let version = |key: &'static str, place| {
        let value = object.get(key).unwrap_or(&Value::Null);
        value.as_str().and_then(|text| Version::parse(text).ok()).ok_or((place, value))
    };
    let listed = object.get("profiles").unwrap_or(&Value::Null);
    let profiles: Option<Vec<Profile>> =
        listed.as_array().and_then(|names| names.iter().map(|name| name.as_str()?.parse().ok()).collect());
    let tested = object.get("tested").unwrap_or(&Value::Null);
    Ok(Entry {
        kms: version("kms", ".kms")?,
        node_image: version("node_image", ".node_image")?,
        profiles: profiles.ok_or((".profiles", listed))?,
        tested: tested.as_bool().ok_or((".tested", tested))?,
        notes: object.get("notes").and_then(Value::as_str).map(str::to_owned),
    })
}

/// Upstream lists a version once both families' tests have passed, so its entries count as tested.
fn upstream_entry(object: &Map<String, Value>) -> Result<Entry, Misread<'_>> {
    let version = |key: &'static str, place, family: Family| {
        let value = object.get(key).unwrap_or(&Value::Null);
        let tag: Option<Tag> = value.as_str().and_then(|text| text.parse().ok());
        tag.filter(|t| t.family() == family).map(|t| t.version().clone()).ok_or((place, value))
    };
    Ok(Entry {
        kms: version("kms_tag", ".kms_tag", Family::Kms)?,
        node_image: version("node_image_tag", ".node_image_tag", Family::Node)?,
        profiles: Profile::ALL.to_vec(),
        tested: true,
        notes: None,
    })
}

#[cfg(test)]
mod tests;
