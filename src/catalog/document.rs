//! The catalog as a document: our form (`entries`) and upstream's (`releases`, in which both families share a version and
//! all three profiles are meant), read into one shape.

use semver::Version;
use serde_json::{Map, Value};

use crate::{
    report::{Finding, Status},
    schema::{SCHEMA, excerpt::excerpt_json, parse_json, unreadable},
    subject::{
        profile::Profile,
        tag::{Family, Tag},
    },
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
    /// Whether the pair was tested together.
    pub tested: bool,
    /// For people.
    pub notes: Option<String>,
    /// SHA-256 of each report that the pair was listed on, in hex, as recorded.
    pub evidence: Vec<String>,
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
    pub(super) fn profiles_left_out(&self) -> Vec<&'static str> {
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

impl CatalogForm {
    /// The field that holds the list.
    pub fn list(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Releases => "releases",
        }
    }

    /// What `schema_version` says in the form.
    fn schema_version(self) -> Value {
        match self {
            Self::Entries => "1".into(),
            Self::Releases => 1.into(),
        }
    }
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
    /// The bytes are not acceptable JSON, neither form, or a form's version that is not known: one `schema` finding says why.
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
        let version = document.get("schema_version").unwrap_or(&Value::Null);
        if *version != form.schema_version() {
            let message =
                format!("not a compatibility catalog of a known version: `schema_version` with `{}`", form.list());
            let finding = Finding::new(SCHEMA.id, Status::Fail, name, message);
            return Err(Box::new(finding.compared(form.schema_version().to_string(), excerpt_json(version))));
        }
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
                    malformed.push((format!("{}[{index}]{field}", form.list()), excerpt_json(value)));
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
        notes: notes(object),
        evidence: evidence(object),
    })
}

/// Upstream lists a version once both families' tests have passed, so its entries count as tested unless they say otherwise.
fn upstream_entry(object: &Map<String, Value>) -> Result<Entry, Misread<'_>> {
    let version = |key: &'static str, place, family: Family| {
        let value = object.get(key).unwrap_or(&Value::Null);
        let tag: Option<Tag> = value.as_str().and_then(|text| text.parse().ok());
        tag.filter(|t| t.family() == family).map(|t| t.version().clone()).ok_or((place, value))
    };
    let tested = object.get("tested").unwrap_or(&Value::Bool(true));
    Ok(Entry {
        kms: version("kms_tag", ".kms_tag", Family::Kms)?,
        node_image: version("node_image_tag", ".node_image_tag", Family::Node)?,
        profiles: Profile::ALL.to_vec(),
        tested: tested.as_bool().ok_or((".tested", tested))?,
        notes: notes(object),
        evidence: evidence(object),
    })
}

fn notes(object: &Map<String, Value>) -> Option<String> {
    object.get("notes").and_then(Value::as_str).map(str::to_owned)
}

fn evidence(object: &Map<String, Value>) -> Vec<String> {
    let reports = object.get("evidence").and_then(Value::as_array).into_iter().flatten();
    reports.filter_map(|report| report.get("sha256")?.as_str()).map(str::to_owned).collect()
}
