//! A release and its assets as the API states them. Every text in here is remote and untrusted.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use url::Url;

use crate::subject::repository::Repository;

/// A release. Fields of the API not needed here are ignored; those on which no verdict hangs may be absent, null or
/// of any type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// The API's number.
    pub id: u64,
    /// The tag, which does not exist yet while the release is a draft.
    pub tag_name: String,
    /// The title.
    #[serde(default, deserialize_with = "text_if_any")]
    pub name: Option<String>,
    /// The notes, as Markdown.
    #[serde(default)]
    pub body: Option<String>,
    /// Not published yet.
    pub draft: bool,
    /// Marked as not for production.
    pub prerelease: bool,
    /// Whether nothing of it can be changed any more. Servers that know no such releases leave it out.
    #[serde(default, deserialize_with = "false_if_null")]
    pub immutable: bool,
    /// When it was published, RFC 3339; `None` for a draft.
    #[serde(default, deserialize_with = "text_if_any")]
    pub published_at: Option<String>,
    /// The page for people.
    #[serde(default, deserialize_with = "text_if_any")]
    pub html_url: Option<String>,
    /// All assets, in the API's order.
    pub assets: Vec<ReleaseAsset>,
}

/// An asset of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReleaseAsset {
    /// The API's number.
    pub id: u64,
    /// The file name. Untrusted: it may hold separators, and two assets may have the same.
    pub name: String,
    /// The stated size in bytes.
    pub size: u64,
    /// `uploaded`, or `starter` or `open` where an upload failed half-way. Servers that know no such states leave it
    /// out.
    #[serde(default, deserialize_with = "text_if_any")]
    pub state: Option<String>,
    /// `sha256:…` as the API computed it; `None` for assets older than that feature.
    #[serde(default)]
    pub digest: Option<String>,
    /// When it was last changed, RFC 3339.
    #[serde(default, deserialize_with = "text_if_any")]
    pub updated_at: Option<String>,
    /// The API's URL of the asset: its metadata or, when asked for, its bytes.
    #[serde(deserialize_with = "absolute_url")]
    pub url: Url,
    /// The media type as uploaded.
    #[serde(default, deserialize_with = "text_if_any")]
    pub content_type: Option<String>,
    /// The URL for people.
    #[serde(default, deserialize_with = "text_if_any")]
    pub browser_download_url: Option<String>,
}

impl Release {
    /// The repository that the release's page belongs to. It has another name than the one asked for where that was
    /// renamed or moved: the API then answers with a redirect.
    pub fn repository(&self) -> Option<Repository> {
        Repository::of_page(self.html_url.as_deref()?)
    }
}

impl ReleaseAsset {
    /// The state of an upload that has not ended well; such an asset has no usable content.
    pub fn unfinished(&self) -> Option<&str> {
        self.state.as_deref().filter(|state| *state != "uploaded")
    }
}

/// Anything but a boolean or nothing is an answer that cannot be read: whether an attestation is demanded hangs on it.
fn false_if_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<bool>::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn absolute_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map_err(|e| D::Error::custom(format_args!("invalid url ({e})")))
}

/// Whatever else a server sends in place of a text counts as none.
pub(super) fn text_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    })
}
