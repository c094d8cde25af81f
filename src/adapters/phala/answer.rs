//! Answers of Phala Cloud as values. A field that nothing relies on may be missing or of another form; one that is relied on
//! is read strictly. Texts are the service's: they are cut and escaped where they are shown.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use url::Url;

use crate::{
    digest::Sha256,
    subject::cvm::{AppId, CvmId},
};

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    user: User,
    #[serde(default)]
    workspace: Option<Workspace>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct User {
    username: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Workspace {
    #[serde(default, deserialize_with = "text")]
    slug: Option<String>,
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
}

impl Account {
    /// The user's name.
    pub fn user(&self) -> &str {
        &self.user.username
    }

    /// The workspace that the key belongs to.
    pub fn workspace(&self) -> Option<&str> {
        let workspace = self.workspace.as_ref()?;
        workspace.slug.as_deref().or(workspace.name.as_deref())
    }
}

/// An application that was registered, and is not running yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Provisioned {
    /// Its id.
    #[serde(deserialize_with = "parsed")]
    pub app_id: AppId,
    /// What the service says the application's compose file hashes to.
    #[serde(deserialize_with = "parsed")]
    pub compose_hash: Sha256,
    /// The OS image that was chosen, by its hash.
    #[serde(default, deserialize_with = "text")]
    pub os_image_hash: Option<String>,
    /// The kind of machine that was chosen.
    #[serde(default, deserialize_with = "text")]
    pub instance_type: Option<String>,
}

/// A machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Cvm {
    /// Its id; a machine has none at first.
    #[serde(default, rename = "vm_uuid", deserialize_with = "parsed_if_any")]
    pub id: Option<CvmId>,
    /// Its name.
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    /// The application on it.
    #[serde(default, deserialize_with = "parsed_if_any")]
    pub app_id: Option<AppId>,
    /// The instance of the application.
    #[serde(default, deserialize_with = "text")]
    pub instance_id: Option<String>,
    /// How far it is.
    #[serde(default)]
    pub status: Status,
    /// What the service says the application's compose file hashes to.
    #[serde(default, deserialize_with = "parsed_if_any")]
    pub compose_hash: Option<Sha256>,
    /// Its operating system.
    #[serde(default)]
    pub os: Option<Os>,
    /// Through what it is reached.
    #[serde(default)]
    pub gateway: Option<Gateway>,
    /// Where it is reached.
    #[serde(default, deserialize_with = "endpoints")]
    pub endpoints: Vec<Endpoint>,
}

impl Cvm {
    /// What the API calls it by: its own id, or its application's while it has none.
    pub fn handle(&self) -> Option<CvmId> {
        self.id.clone().or_else(|| self.app_id.as_ref().map(CvmId::from))
    }
}

/// An operating system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Os {
    /// Its name, such as `dstack-0.5.7`.
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    /// Its version.
    #[serde(default, deserialize_with = "text")]
    pub version: Option<String>,
    /// Whether it is for development: it has a shell, and other registers.
    #[serde(default)]
    pub is_dev: Option<bool>,
    /// Its hash.
    #[serde(default, deserialize_with = "text")]
    pub os_image_hash: Option<String>,
}

/// Through what machines are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Gateway {
    /// The domain below which each application has names of its own.
    #[serde(default, deserialize_with = "text")]
    pub base_domain: Option<String>,
}

/// Where a port of a machine is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Endpoint {
    /// By the application, whichever machine it runs on.
    #[serde(default, deserialize_with = "address")]
    pub app: Option<Url>,
    /// By the instance: this machine and no other.
    #[serde(default, deserialize_with = "address")]
    pub instance: Option<Url>,
}

/// How far a machine is. The service has no list of its words: one that is not known means that it is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Running,
    /// It waits to be started.
    Startable(String),
    /// It will never run.
    Failed(String),
    /// Anything else.
    NotYet(String),
}

impl Status {
    /// The service's word.
    pub fn word(&self) -> &str {
        match self {
            Self::Running => "running",
            Self::Startable(word) | Self::Failed(word) | Self::NotYet(word) => word,
        }
    }
}

impl Default for Status {
    fn default() -> Self {
        Self::NotYet(String::new())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = text(deserializer)?.unwrap_or_default();
        Ok(match word.as_str() {
            "running" => Self::Running,
            "stopped" | "created" => Self::Startable(word),
            "error" => Self::Failed(word),
            _ => Self::NotYet(word),
        })
    }
}

/// How far a machine is, and what is in the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct State {
    /// How far it is.
    #[serde(default)]
    pub status: Status,
    /// What it is doing.
    #[serde(default, deserialize_with = "text")]
    pub boot_progress: Option<String>,
    /// Why it does not start.
    #[serde(default, deserialize_with = "text")]
    pub boot_error: Option<String>,
}

/// An entry of the list of machines.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its id; a machine has none at first.
    #[serde(default, rename = "vm_uuid", deserialize_with = "parsed_if_any")]
    pub id: Option<CvmId>,
    /// The application on it.
    #[serde(default, deserialize_with = "parsed_if_any")]
    pub app_id: Option<AppId>,
    /// How far it is.
    #[serde(default)]
    pub status: Status,
    /// When it was made, as the service writes it.
    #[serde(default, deserialize_with = "text")]
    pub created_at: Option<String>,
}

impl Listed {
    /// What the API calls it by: its own id, or its application's while it has none.
    pub fn handle(&self) -> Option<CvmId> {
        self.id.clone().or_else(|| self.app_id.as_ref().map(CvmId::from))
    }
}

/// What the service says of a machine's attestation. None of it is proof: a quote is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Attestation {
    /// Whether the machine answers.
    #[serde(default)]
    pub is_online: bool,
    /// Why there is nothing to say.
    #[serde(default, deserialize_with = "text")]
    pub error: Option<String>,
    /// What was measured.
    #[serde(default)]
    pub tcb_info: Option<TcbInfo>,
}

/// What was measured, by the service's account.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TcbInfo {
    /// The `app-compose.json` that the machine was started with, as it is.
    pub app_compose: String,
    /// Entries of the event log.
    #[serde(default)]
    pub event_log: Vec<Value>,
}

/// A text, where there is one; anything else counts as none.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(_) | None => None,
    })
}

/// An http(s) address, where there is one.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let address = text(deserializer)?.and_then(|text| Url::parse(&text).ok());
    Ok(address.filter(|url| crate::adapters::http::is_http(url) && !crate::adapters::http::has_credentials(url)))
}

/// Endpoints, none where there are none yet.
fn endpoints<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Endpoint>, D::Error> {
    Ok(Option::<Vec<Endpoint>>::deserialize(deserializer)?.unwrap_or_default())
}

fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn parsed_if_any<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    const UUID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_status_that_is_not_known_means_not_yet_and_only_error_is_final() {
        let read = |word: Value| serde_json::from_value::<State>(json!({ "status": word })).unwrap().status;
        assert_eq!(read(json!("running")), Status::Running);
        assert_eq!(read(json!("created")), Status::Startable("created".to_owned()));
        assert_eq!(read(json!("stopped")), Status::Startable("stopped".to_owned()));
        assert_eq!(read(json!("error")), Status::Failed("error".to_owned()));
        for word in ["creating", "starting", "hibernating", "Running ", "ERROR?"] {
            assert_eq!(read(json!(word)), Status::NotYet(word.to_owned()));
        }
        for odd in [json!(null), json!(7), json!("")] {
            assert_eq!(read(odd), Status::default());
        }
    }

    #[test]
    fn a_machine_is_read_with_what_it_has_so_far() {
        let bare: Cvm = serde_json::from_value(json!({"id": 7, "name": "kms", "status": "creating", "vm_uuid": null,
            "app_id": "ab".repeat(20), "endpoints": null, "compose_hash": ""}))
        .unwrap();
        assert_eq!(bare.handle().unwrap().as_str(), format!("app_{}", "ab".repeat(20)));
        let whole: Cvm = serde_json::from_value(json!({"vm_uuid": UUID, "status": "running",
            "compose_hash": "cd".repeat(32), "os": {"name": "dstack-0.5.7", "is_dev": false},
            "gateway": {"base_domain": "example.org", "cname": 1},
            "endpoints": [{"app": "https://a.example", "instance": "ftp://x"}, {"app": "https://u:p@a.example"}]}))
        .unwrap();
        assert_eq!(whole.handle().unwrap().as_str(), UUID);
        assert_eq!(whole.endpoints.first().unwrap().app.as_ref().unwrap().as_str(), "https://a.example/");
        assert_eq!(whole.endpoints.get(1).unwrap(), &Endpoint::default());
        assert_eq!(whole.endpoints.first().unwrap().instance, None);
    }

    #[test]
    fn an_id_or_a_digest_that_is_none_is_refused_with_the_reason() {
        let read = |value: Value| serde_json::from_value::<Provisioned>(value).unwrap_err().to_string();
        let (id, digest) = ("ab".repeat(20), "cd".repeat(32));
        assert!(read(json!({"app_id": "../x", "compose_hash": digest})).contains("40 hex digits"));
        assert!(read(json!({"app_id": id, "compose_hash": "x"})).contains("64 hex digits"));
        assert!(read(json!({"compose_hash": digest})).contains("app_id"));
        assert!(serde_json::from_value::<Cvm>(json!({"vm_uuid": "/../"})).is_err());
    }
}
