//! Changing a catalog's text: a pair more, a pair that says something else, a pair less.
//!
//! Fields and entries that are not meant keep their bytes, unknown fields among them; what is written follows the layout
//! and the order of what is there. The result depends on the text and the change alone. It is read back before it is
//! given out: a text that does not say what was asked for is a defect and never written.

use semver::Version;
use serde_json::{Value, json};

use super::{
    document::{Catalog, CatalogForm, Entry},
    evidence::Evidence,
};
use crate::{
    report::{CheckInfo, Finding},
    schema::written::{Node, Style, spliced, with_item, without_item},
    subject::{
        profile::Profile,
        repository::Repository,
        tag::{Family, Tag},
    },
    text::counted,
};

/// What an edit of the catalog came to.
pub const CATALOG_EDIT: CheckInfo = CheckInfo {
    id: "catalog-edit",
    title: "the compatibility catalog says what was asked for, and nothing else changed",
};

/// What the catalog is to say of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The KMS.
    pub kms: Version,
    /// The node image.
    pub node_image: Version,
    /// In which profiles the pair works; never empty.
    pub profiles: Vec<Profile>,
    /// What it was tested by; empty means that it was not.
    pub evidence: Vec<Evidence>,
    /// For people; `None` leaves what is there.
    pub notes: Option<String>,
}

/// Where releases are, for the addresses that upstream's form holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Releases<'a> {
    /// Web address of GitHub, without a slash at the end.
    pub server: &'a str,
    /// The repository.
    pub repository: &'a Repository,
}

/// A text that was changed, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The text.
    pub text: String,
    /// What is new in it, for people. Empty when the text is as it was.
    pub changes: Vec<String>,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The text is not a catalog.
    #[error("not a compatibility catalog: {}", .0.message)]
    Unreadable(Box<Finding>),
    /// Entries that cannot be read: they might be the very pair.
    #[error("{count} of its entries cannot be read, the first at {place}")]
    Malformed {
        /// How many.
        count: usize,
        /// Where the first stands.
        place: String,
    },
    /// A pair with two entries.
    #[error("KMS {0} with node image {1} is listed more than once")]
    Twice(Version, Version),
    /// A tested pair must not lose that.
    #[error("KMS {0} with node image {1} is listed as tested")]
    AlreadyTested(Version, Version),
    /// Upstream's form cannot say it.
    #[error("a catalog with `releases` lists {0}")]
    NotExpressible(&'static str),
    /// The result does not say what it should.
    #[error("the edited catalog does not say what was asked for")]
    Defect,
}

impl Statement {
    fn is(&self, entry: &Entry) -> bool {
        entry.kms == self.kms && entry.node_image == self.node_image
    }

    fn tested(&self) -> bool {
        !self.evidence.is_empty()
    }
}

/// Lists a pair, or adds to what its entry says.
///
/// Of an entry that says tested, the profiles stay and those of the statement join them. One that was not tested lists
/// the tested profiles alone from now on. Evidence is added to what is recorded.
///
/// # Errors
/// [`EditError`], and the text is to be left as it is.
pub fn add(name: &str, bytes: &[u8], statement: &Statement, releases: &Releases<'_>) -> Result<Edited, EditError> {
    let (text, catalog) = readable(name, bytes)?;
    let of_pair: Vec<usize> = (0..).zip(&catalog.entries).filter(|(_, e)| statement.is(e)).map(|(i, _)| i).collect();
    let edited = match of_pair.as_slice() {
        [] => insert(text, &catalog, statement, releases)?,
        [index] => update(text, &catalog, *index, statement)?,
        _ => return Err(EditError::Twice(statement.kms.clone(), statement.node_image.clone())),
    };
    confirm(name, &edited.text, statement)?;
    Ok(edited)
}

/// Takes a pair out. The text stays as it is when the pair is not listed.
///
/// # Errors
/// As [`add`].
pub fn remove(name: &str, bytes: &[u8], kms: &Version, node_image: &Version) -> Result<Edited, EditError> {
    let (text, catalog) = readable(name, bytes)?;
    let Some(index) = catalog.entries.iter().position(|e| e.kms == *kms && e.node_image == *node_image) else {
        return Ok(Edited { text: text.to_owned(), changes: Vec::new() });
    };
    let (_, list) = list_of(text, catalog.form)?;
    let edited = without_item(list, index);
    let left = Catalog::parse(name, edited.as_bytes()).map_err(|_| EditError::Defect)?;
    if left.entries.len() + 1 != catalog.entries.len() {
        return Err(EditError::Defect);
    }
    Ok(Edited { text: edited, changes: vec![format!("KMS {kms} with node image {node_image} is no longer listed")] })
}

/// Makes the profiles of a listed pair exactly these; whether it was tested and everything else stays as it is.
///
/// # Errors
/// As [`add`].
pub fn set_profiles(
    name: &str,
    bytes: &[u8],
    pair: (&Version, &Version),
    profiles: &[Profile],
) -> Result<Edited, EditError> {
    let (text, catalog) = readable(name, bytes)?;
    let entry = catalog.entries.iter().enumerate().find(|(_, e)| (&e.kms, &e.node_image) == pair);
    let (Some((index, entry)), CatalogForm::Entries) = (entry, catalog.form) else {
        return Err(EditError::NotExpressible("every pair in all three profiles"));
    };
    let profiles = ordered(profiles);
    let change = format!(
        "KMS {} with node image {} is listed in {} instead of {}",
        pair.0,
        pair.1,
        joined(&profiles),
        joined(&entry.profiles)
    );
    let text = set(text, catalog.form, index, "profiles", &json!(names(&profiles)))?;
    let read = Catalog::parse(name, text.as_bytes()).map_err(|_| EditError::Defect)?;
    let read = read.lists(pair.0, pair.1).ok_or(EditError::Defect)?;
    if read.profiles != profiles {
        return Err(EditError::Defect);
    }
    Ok(Edited { text, changes: vec![change] })
}

fn readable<'b>(name: &str, bytes: &'b [u8]) -> Result<(&'b str, Catalog), EditError> {
    let catalog = Catalog::parse(name, bytes).map_err(EditError::Unreadable)?;
    if let Some((place, _)) = catalog.malformed.first() {
        return Err(EditError::Malformed { count: catalog.malformed.len(), place: place.clone() });
    }
    // A catalog is read as UTF-8 before it is anything else.
    Ok((str::from_utf8(bytes).map_err(|_| EditError::Defect)?, catalog))
}

/// The object at the top, and its list of entries.
fn list_of(text: &str, form: CatalogForm) -> Result<(Node<'_>, Node<'_>), EditError> {
    let root = Node::root(text).ok_or(EditError::Defect)?;
    let list = root.field(form.list()).ok_or(EditError::Defect)?;
    Ok((root, list))
}

fn insert(text: &str, catalog: &Catalog, statement: &Statement, releases: &Releases<'_>) -> Result<Edited, EditError> {
    let (root, list) = list_of(text, catalog.form)?;
    let index = place_for(&catalog.entries, statement);
    let items = list.items();
    let neighbour = items.get(index.saturating_sub(1)).copied();
    let style = Style::of(root);
    let own = neighbour.map_or_else(|| style.of_item(), Style::of);
    let mut fields = match catalog.form {
        CatalogForm::Entries => vec![
            ("kms", json!(statement.kms.to_string())),
            ("node_image", json!(statement.node_image.to_string())),
            ("profiles", json!(names(&ordered(&statement.profiles)))),
            ("tested", json!(statement.tested())),
        ],
        CatalogForm::Releases => upstream_fields(statement, neighbour, releases)?,
    };
    fields.extend(statement.notes.iter().map(|notes| ("notes", json!(notes))));
    if statement.tested() {
        fields.push(("evidence", recorded(&statement.evidence)));
    }
    let (kms, node, profiles) = (&statement.kms, &statement.node_image, joined(&ordered(&statement.profiles)));
    let tested = if statement.tested() { "tested" } else { "not tested" };
    Ok(Edited {
        text: with_item(list, index, &own.object(&fields), &style),
        changes: vec![format!("KMS {kms} with node image {node} is now listed in {profiles}, {tested}")],
    })
}

/// Lists that go up or down stay so; others grow at the end.
fn place_for(entries: &[Entry], statement: &Statement) -> usize {
    let key = |e: &Entry| (e.kms.clone(), e.node_image.clone());
    let new = (statement.kms.clone(), statement.node_image.clone());
    let keys: Vec<_> = entries.iter().map(key).collect();
    if keys.len() > 1 && keys.is_sorted_by(|a, b| a >= b) {
        return keys.partition_point(|k| *k >= new);
    }
    if keys.len() > 1 && keys.is_sorted() {
        return keys.partition_point(|k| *k <= new);
    }
    keys.len()
}

/// A version of both families, with addresses as the entry beside it has them.
fn upstream_fields(
    statement: &Statement,
    neighbour: Option<Node<'_>>,
    releases: &Releases<'_>,
) -> Result<Vec<(&'static str, Value)>, EditError> {
    expressible(statement)?;
    let version = &statement.kms;
    let (kms, node) = (Tag::new(Family::Kms, version.clone()), Tag::new(Family::Node, version.clone()));
    let address = |tag: &Tag, file: &str| {
        let Releases { server, repository } = releases;
        format!("{server}/{repository}/releases/download/{tag}/{file}")
    };
    let file_beside = |field: &str, usual: &str| {
        let stated = neighbour.and_then(|n| serde_json::from_str::<String>(n.field(field)?.raw()).ok());
        let name = stated.as_deref().and_then(|url| url.rsplit('/').next()).filter(|name| name.ends_with(".json"));
        name.unwrap_or(usual).to_owned()
    };
    Ok(vec![
        ("version", json!(version.to_string())),
        ("kms_tag", json!(kms.as_str())),
        ("node_image_tag", json!(node.as_str())),
        ("kms_policy_url", json!(address(&kms, &file_beside("kms_policy_url", "kms-phala-attestation-policy.json")))),
        ("node_policy_url", json!(address(&node, &file_beside("node_policy_url", "published-mrtds.json")))),
    ])
}

fn expressible(statement: &Statement) -> Result<(), EditError> {
    if statement.kms != statement.node_image {
        return Err(EditError::NotExpressible("pairs of one version only"));
    }
    if ordered(&statement.profiles) != Profile::ALL {
        return Err(EditError::NotExpressible("every pair in all three profiles"));
    }
    if !statement.tested() {
        return Err(EditError::NotExpressible("tested pairs only"));
    }
    Ok(())
}

fn update(text: &str, catalog: &Catalog, index: usize, statement: &Statement) -> Result<Edited, EditError> {
    let entry = catalog.entries.get(index).ok_or(EditError::Defect)?;
    if catalog.form == CatalogForm::Releases {
        expressible(statement)?;
    }
    if entry.tested && !statement.tested() {
        return Err(EditError::AlreadyTested(entry.kms.clone(), entry.node_image.clone()));
    }
    // What was listed without a test is not tested by a test in other profiles.
    let kept = if entry.tested == statement.tested() { entry.profiles.as_slice() } else { &[] };
    let profiles = ordered(&[kept, &statement.profiles].concat());
    let pair = format!("KMS {} with node image {}", entry.kms, entry.node_image);
    let mut edited = Edited { text: text.to_owned(), changes: Vec::new() };
    let mut set_field = |name: &str, value: &Value, change: String| -> Result<(), EditError> {
        edited.text = set(&edited.text, catalog.form, index, name, value)?;
        edited.changes.push(change);
        Ok(())
    };
    if profiles != ordered(&entry.profiles) {
        let change = format!("{pair} is listed in {} instead of {}", joined(&profiles), joined(&entry.profiles));
        set_field("profiles", &json!(names(&profiles)), change)?;
    }
    if entry.tested != statement.tested() {
        set_field("tested", &json!(true), format!("{pair} is listed as tested"))?;
    }
    if let Some(notes) = statement.notes.as_ref().filter(|notes| entry.notes.as_ref() != Some(*notes)) {
        set_field("notes", &json!(notes), format!("{pair} has other notes"))?;
    }
    let of_before = evidence_at(text, catalog.form, index)?;
    let new: Vec<Evidence> =
        statement.evidence.iter().filter(|e| !states(&of_before, &e.sha256.to_string())).cloned().collect();
    if !new.is_empty() {
        let mut all = of_before;
        all.extend(new.iter().map(Evidence::to_json));
        set_field(
            "evidence",
            &Value::Array(all),
            format!("{pair}: {} more recorded", counted(new.len(), "report", "reports")),
        )?;
    }
    Ok(edited)
}

/// The evidence an entry records, whatever else is in the list.
fn evidence_at(text: &str, form: CatalogForm, index: usize) -> Result<Vec<Value>, EditError> {
    let (_, list) = list_of(text, form)?;
    let Some(recorded) = list.items().get(index).and_then(|item| item.field("evidence")) else { return Ok(Vec::new()) };
    let malformed = |_| EditError::Malformed { count: 1, place: format!("{}[{index}].evidence", form.list()) };
    serde_json::from_str(recorded.raw()).map_err(malformed)
}

fn states(evidence: &[Value], sha256: &str) -> bool {
    evidence.iter().any(|e| e.get("sha256").and_then(Value::as_str) == Some(sha256))
}

fn recorded(evidence: &[Evidence]) -> Value {
    evidence.iter().map(Evidence::to_json).collect()
}

/// The text with one field of one entry set.
fn set(text: &str, form: CatalogForm, index: usize, name: &str, value: &Value) -> Result<String, EditError> {
    let (_, list) = list_of(text, form)?;
    let item = list.items().get(index).copied().ok_or(EditError::Defect)?;
    let style = Style::of(item);
    if let Some(field) = item.field(name) {
        return Ok(spliced(text, field.range(), &style.value(value)));
    }
    let (_, last) = item.fields().pop().ok_or(EditError::Defect)?;
    Ok(spliced(text, last.range().end..last.range().end, &style.further_field(name, value)))
}

/// Reads the result back.
fn confirm(name: &str, text: &str, statement: &Statement) -> Result<(), EditError> {
    let catalog = Catalog::parse(name, text.as_bytes()).map_err(|_| EditError::Defect)?;
    let mut of_pair = catalog.entries.iter().filter(|e| statement.is(e));
    let as_asked = |e: &Entry| {
        e.tested == statement.tested()
            && statement.profiles.iter().all(|p| e.profiles.contains(p))
            && statement.evidence.iter().all(|report| e.evidence.contains(&report.sha256.to_string()))
    };
    match (of_pair.next(), of_pair.next(), catalog.malformed.is_empty()) {
        (Some(entry), None, true) if as_asked(entry) => Ok(()),
        _ => Err(EditError::Defect),
    }
}

/// Each profile once, in the order there is.
fn ordered(profiles: &[Profile]) -> Vec<Profile> {
    Profile::ALL.into_iter().filter(|p| profiles.contains(p)).collect()
}

fn names(profiles: &[Profile]) -> Vec<&'static str> {
    profiles.iter().map(|p| p.as_str()).collect()
}

fn joined(profiles: &[Profile]) -> String {
    if profiles.len() == Profile::ALL.len() { "all three profiles".to_owned() } else { names(profiles).join(", ") }
}

#[cfg(test)]
mod tests;
