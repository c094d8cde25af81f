//! Changing the list's text: an entry more, an entry less. Everything that is not meant keeps its bytes. The result is read
//! back before it is given out.

use serde_json::{Value, json};

use super::{AllowList, AllowListError, normal};
use crate::{
    report::CheckInfo,
    schema::written::{Node, Style, spliced, with_item, without_item},
    text::excerpt,
};

/// What an edit came to.
pub const EDIT: CheckInfo = CheckInfo {
    id: "dstack-allow-list-edit",
    title: "the allow-list of the auth API says what was asked for, and nothing else changed",
};

/// A change of the list's text by an entry: [`allow`] or [`revoke`].
pub type AuthEdit = fn(&[u8], &Entry) -> Result<Edited, EditError>;

/// What is allowed or no longer allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A KMS, by its `mr_aggregated`.
    Kms(String),
    /// A machine on which KMSs may boot, by its device id.
    KmsDevice(String),
    /// An OS image, by its hash.
    OsImage(String),
    /// A compose file of an application.
    App {
        /// The application's id.
        id: String,
        /// The hash of its `app-compose.json`.
        compose_hash: String,
    },
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
    /// The file is not an allow-list.
    #[error(transparent)]
    Unreadable(#[from] AllowListError),
    /// Revoking the last device would allow all.
    #[error("it is the only entry of `{0}`, and an empty list allows any device")]
    LastDevice(&'static str),
    /// The result does not say what it should.
    #[error("the edited list does not say what was asked for")]
    Defect,
}

impl Entry {
    /// The path of the list that it belongs into.
    fn path(&self) -> Vec<String> {
        let fixed = |path: &[&str]| path.iter().map(|name| (*name).to_owned()).collect();
        match self {
            Self::Kms(_) => fixed(&["kms", "mrAggregated"]),
            Self::KmsDevice(_) => fixed(&["kms", "devices"]),
            Self::OsImage(_) => fixed(&["osImages"]),
            Self::App { id, .. } => vec!["apps".to_owned(), id.clone(), "composeHashes".to_owned()],
        }
    }

    /// What stands in that list.
    fn hash(&self) -> &str {
        match self {
            Self::Kms(hash) | Self::KmsDevice(hash) | Self::OsImage(hash) => hash,
            Self::App { compose_hash, .. } => compose_hash,
        }
    }

    fn is_in(&self, list: &AllowList) -> bool {
        let hash = normal(self.hash());
        match self {
            Self::Kms(_) => list.kms.contains(&hash),
            Self::KmsDevice(_) => list.kms_devices.ids.contains(&hash),
            Self::OsImage(_) => list.os_images.contains(&hash),
            Self::App { id, .. } => list.app(id).is_some_and(|app| app.compose_hashes.contains(&hash)),
        }
    }

    fn named(&self) -> String {
        format!("{} in {}", excerpt(self.hash()), excerpt(&self.path().join(".")))
    }
}

/// Puts an entry behind the others of its list. The text stays as it is when it is there already, in whatever spelling.
///
/// # Errors
/// [`EditError`], and the text is to be left as it is.
pub fn allow(bytes: &[u8], entry: &Entry) -> Result<Edited, EditError> {
    let list = AllowList::parse(bytes)?;
    let text = str::from_utf8(bytes).map_err(|_| EditError::Defect)?;
    if entry.is_in(&list) {
        return Ok(Edited { text: text.to_owned(), changes: Vec::new() });
    }
    let root = Node::root(text).ok_or(EditError::Defect)?;
    let edited = with_entry(text, root, entry)?;
    let read = AllowList::parse(edited.as_bytes()).map_err(|_| EditError::Defect)?;
    if !entry.is_in(&read) {
        return Err(EditError::Defect);
    }
    let mut changes = vec![format!("{} is allowed", entry.named())];
    if matches!(entry, Entry::KmsDevice(_)) && list.kms_devices.ids.is_empty() && !list.kms_devices.any {
        changes.push("kms.devices was empty and allowed any device: from now on it allows this one alone".to_owned());
    }
    if let Entry::App { id, .. } = entry
        && list.app(id).is_none()
    {
        let id = excerpt(id);
        changes.push(format!("app {id} is new: it may boot on any device, as its entry says (allowAnyDevice)"));
    }
    Ok(Edited { text: edited, changes })
}

/// Takes an entry out, however often it is there. The text stays as it is when it is not.
///
/// # Errors
/// [`EditError`], and the text is to be left as it is.
pub fn revoke(bytes: &[u8], entry: &Entry) -> Result<Edited, EditError> {
    let list = AllowList::parse(bytes)?;
    let mut text = str::from_utf8(bytes).map_err(|_| EditError::Defect)?.to_owned();
    if !entry.is_in(&list) {
        return Ok(Edited { text, changes: Vec::new() });
    }
    let hash = normal(entry.hash());
    loop {
        let next = {
            let root = Node::root(&text).ok_or(EditError::Defect)?;
            let node = place(root, &entry.path()).ok_or(EditError::Defect)?;
            let is_it =
                |item: &Node<'_>| serde_json::from_str::<String>(item.raw()).is_ok_and(|word| normal(&word) == hash);
            node.items().iter().position(is_it).map(|index| without_item(node, index))
        };
        match next {
            Some(next) => text = next,
            None => break,
        }
    }
    let read = AllowList::parse(text.as_bytes()).map_err(|_| EditError::Defect)?;
    if entry.is_in(&read) {
        return Err(EditError::Defect);
    }
    if matches!(entry, Entry::KmsDevice(_)) && read.kms_devices.ids.is_empty() && !read.kms_devices.any {
        return Err(EditError::LastDevice("kms.devices"));
    }
    Ok(Edited { text, changes: vec![format!("{} is no longer allowed", entry.named())] })
}

/// The value at a path, where hex among its names is compared as the service does.
fn place<'t>(root: Node<'t>, path: &[String]) -> Option<Node<'t>> {
    path.iter().try_fold(root, |node, name| child(node, name))
}

fn child<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    node.field(name).or_else(|| {
        let wanted = normal(name);
        node.fields().into_iter().find(|(key, _)| normal(key) == wanted).map(|(_, value)| value)
    })
}

/// The text with the entry in it; lists and objects that are not there are made.
fn with_entry(text: &str, root: Node<'_>, entry: &Entry) -> Result<String, EditError> {
    let path = entry.path();
    let mut at = root;
    for (depth, name) in path.iter().enumerate() {
        let Some(next) = child(at, name) else {
            let rest = path.get(depth + 1..).unwrap_or_default();
            return Ok(with_field(text, at, name, &nested(rest, entry)));
        };
        if depth + 1 == path.len() {
            let (items, style) = (next.items(), Style::of(at).with_tall_lists_like(at));
            let item = Value::from(spelled(entry.hash(), &items)).to_string();
            return Ok(match (items.len(), next) {
                (0, list) => spliced(text, list.range(), &style.value(&json!([spelled(entry.hash(), &items)]))),
                (count, list) => with_item(list, count, &item, &style),
            });
        }
        at = next;
    }
    Err(EditError::Defect)
}

/// What is to stand where nothing does: the list, in the objects that lead to it.
fn nested(path: &[String], entry: &Entry) -> Value {
    let list = json!([spelled(entry.hash(), &[])]);
    path.iter().rev().fold(list, |inner, name| match name.as_str() {
        // An application that is new would be open to any device unsaid.
        "composeHashes" => json!({ name.as_str(): inner, "devices": [], "allowAnyDevice": true }),
        name => json!({ name: inner }),
    })
}

fn with_field(text: &str, object: Node<'_>, name: &str, value: &Value) -> String {
    let style = Style::of(object).with_tall_lists_like(object);
    match object.fields().pop() {
        Some((_, last)) => spliced(text, last.range().end..last.range().end, &style.further_field(name, value)),
        None => spliced(text, object.range(), &style.object(&[(name, value.clone())])),
    }
}

/// A hash as its neighbours are spelled: with `0x` unless they all go without.
fn spelled(hash: &str, neighbours: &[Node<'_>]) -> String {
    let bare = !neighbours.is_empty() && neighbours.iter().all(|item| !item.raw().starts_with("\"0x"));
    if bare { normal(hash) } else { format!("0x{}", normal(hash)) }
}
