//! The allow-list of dstack's file-backed auth API (`auth-simple`, `dstack-auth`): who may boot, as a JSON file that the
//! service reads anew for each request.
//!
//! Judged as the service judges: hex in any case, with or without `0x`. Fields that are not known here keep their bytes, and
//! so does everything that an edit is not about.

mod edit;
mod judge;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use edit::{AuthEdit, EDIT, EditError, Edited, Entry, allow, revoke};
pub use judge::{ALLOW_LIST, SHOWN, judge_kms};

use crate::schema::{
    JsonError,
    excerpt::{excerpt, excerpt_json},
    parse_json,
};

/// Largest file read, in bytes.
pub const MAX_BYTES: u64 = 4 << 20;

/// The file, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowList {
    /// `osImages`: hashes of OS images, without `0x`, lowercase. Empty allows none.
    pub os_images: Vec<String>,
    /// `gatewayAppId`.
    pub gateway_app_id: String,
    /// `allowedTcbStatuses`, spelled as in the file.
    pub tcb_statuses: Vec<String>,
    /// `allowedAdvisoryIds`, spelled as in the file.
    pub advisories: Vec<String>,
    /// `kms.mrAggregated`: which KMS may boot.
    pub kms: Vec<String>,
    /// On which machines.
    pub kms_devices: Devices,
    /// `apps`: by id, in the order of the file.
    pub apps: Vec<App>,
    /// Fields of the file itself that are not known here.
    pub unknown: Vec<String>,
}

/// An application's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its id, without `0x`, lowercase.
    pub id: String,
    /// `composeHashes`: what it may run.
    pub compose_hashes: Vec<String>,
    /// On which machines.
    pub devices: Devices,
}

/// Which machines are allowed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Devices {
    /// `devices`, without `0x`, lowercase.
    pub ids: Vec<String>,
    /// `allowAnyDevice`.
    pub any: bool,
}

impl Devices {
    /// Whether a machine is allowed. An empty list allows any, whatever `allowAnyDevice` says: so the service reads it.
    pub fn allow(&self, id: &str) -> bool {
        self.any || self.ids.is_empty() || self.ids.iter().any(|listed| listed == id)
    }

    /// In words.
    pub fn describe(&self) -> String {
        match (self.any, self.ids.len()) {
            (true, _) => "any device".to_owned(),
            (false, 0) => "any device: the list is empty, and allowAnyDevice = false does not change that".to_owned(),
            (false, count) => crate::text::counted(count, "device", "devices"),
        }
    }
}

/// Why a file is not such a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowListError {
    /// Not JSON.
    #[error("not acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// A part is not what it must be. The service would take the whole file for an empty one.
    #[error("`{place}`: expected {expected}, got {actual}")]
    Field {
        /// Where.
        place: String,
        /// What must be there.
        expected: &'static str,
        /// The beginning of what is.
        actual: String,
    },
    /// One application has two entries: the service takes the first, and a reader either.
    #[error("`apps` holds one application as `{0}` and again as `{1}`")]
    AppTwice(String, String),
}

impl AllowList {
    /// Reads the file. What is left out has the service's defaults.
    ///
    /// # Errors
    /// [`AllowListError`] names the place.
    pub fn parse(bytes: &[u8]) -> Result<Self, AllowListError> {
        const KNOWN: [&str; 9] = [
            "osImages",
            "gatewayAppId",
            "kmsContractAddr",
            "chainId",
            "appImplementation",
            "allowedTcbStatuses",
            "allowedAdvisoryIds",
            "kms",
            "apps",
        ];
        let document = parse_json(bytes)?;
        let fields = object(&document, "the file")?;
        let kms = part(fields, "kms", "")?;
        let apps = part(fields, "apps", "")?;
        one_entry_each(apps)?;
        let tcb_statuses = match fields.get("allowedTcbStatuses") {
            None => vec!["UpToDate".to_owned()],
            Some(_) => words(fields, "allowedTcbStatuses", "")?,
        };
        Ok(Self {
            os_images: hashes(fields, "osImages", "")?,
            gateway_app_id: text(fields, "gatewayAppId")?,
            tcb_statuses,
            advisories: words(fields, "allowedAdvisoryIds", "")?,
            kms: kms.map(|kms| hashes(kms, "mrAggregated", "kms.")).transpose()?.unwrap_or_default(),
            kms_devices: kms.map(|kms| devices(kms, "kms.")).transpose()?.unwrap_or_default(),
            apps: apps.into_iter().flatten().map(|(id, app)| self::app(id, app)).collect::<Result<_, _>>()?,
            unknown: fields.keys().filter(|key| !KNOWN.contains(&key.as_str())).cloned().collect(),
        })
    }

    /// An application's entry.
    pub fn app(&self, id: &str) -> Option<&App> {
        let id = normal(id);
        self.apps.iter().find(|app| app.id == id)
    }
}

/// Hex as the service compares it.
pub fn normal(hex: &str) -> String {
    let hex = hex.to_lowercase();
    hex.strip_prefix("0x").map(str::to_owned).unwrap_or(hex)
}

/// Refuses an application that is listed under two spellings of its id.
fn one_entry_each(apps: Option<&Map<String, Value>>) -> Result<(), AllowListError> {
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    for id in apps.into_iter().flat_map(Map::keys) {
        if let Some(first) = seen.insert(normal(id), id) {
            return Err(AllowListError::AppTwice(excerpt(first), excerpt(id)));
        }
    }
    Ok(())
}

fn app(id: &str, value: &Value) -> Result<App, AllowListError> {
    let place = format!("apps.{}", excerpt(id));
    let fields = object(value, &place)?;
    let place = format!("{place}.");
    Ok(App {
        id: normal(id),
        compose_hashes: hashes(fields, "composeHashes", &place)?,
        devices: devices(fields, &place)?,
    })
}

fn devices(fields: &Map<String, Value>, place: &str) -> Result<Devices, AllowListError> {
    let any = match fields.get("allowAnyDevice") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(|| wrong(place, "allowAnyDevice", "true or false", value))?,
    };
    Ok(Devices { ids: hashes(fields, "devices", place)?, any })
}

fn object<'v>(value: &'v Value, place: &str) -> Result<&'v Map<String, Value>, AllowListError> {
    value.as_object().ok_or_else(|| wrong("", place, "an object", value))
}

fn part<'v>(
    fields: &'v Map<String, Value>,
    name: &str,
    place: &str,
) -> Result<Option<&'v Map<String, Value>>, AllowListError> {
    fields.get(name).map(|value| object(value, &format!("{place}{name}"))).transpose()
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<String, AllowListError> {
    match fields.get(name) {
        None => Ok(String::new()),
        Some(value) => value.as_str().map(str::to_owned).ok_or_else(|| wrong("", name, "text", value)),
    }
}

fn hashes(fields: &Map<String, Value>, name: &str, place: &str) -> Result<Vec<String>, AllowListError> {
    Ok(words(fields, name, place)?.iter().map(|word| normal(word)).collect())
}

fn words(fields: &Map<String, Value>, name: &str, place: &str) -> Result<Vec<String>, AllowListError> {
    let Some(value) = fields.get(name) else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(|| wrong(place, name, "a list of texts", value))?;
    let word =
        |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| wrong(place, name, "texts alone", value));
    list.iter().map(word).collect()
}

fn wrong(place: &str, name: &str, expected: &'static str, value: &Value) -> AllowListError {
    AllowListError::Field { place: format!("{place}{name}"), expected, actual: excerpt_json(value) }
}

#[cfg(test)]
mod tests;
