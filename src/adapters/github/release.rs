//! A release and its assets as the API states them. Every text in here is remote and untrusted.

use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

/// A release. Fields of the API that nobody here needs are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// The API's number.
    pub id: u64,
    /// The tag, which does not exist yet while the release is a draft.
    pub tag_name: String,
    /// The title.
    #[serde(default)]
    pub name: Option<String>,
    /// The notes, as Markdown.
    #[serde(default)]
    pub body: Option<String>,
    /// Not published yet.
    pub draft: bool,
    /// Marked as not for production.
    pub prerelease: bool,
    /// When it was published, RFC 3339; `None` for a draft.
    #[serde(default)]
    pub published_at: Option<String>,
    /// The page for people.
    #[serde(default)]
    pub html_url: String,
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
    /// `uploaded`, or `starter` where an upload failed half-way.
    pub state: String,
    /// `sha256:…` as the API computed it; `None` for assets older than that feature.
    #[serde(default)]
    pub digest: Option<String>,
    /// The API's URL of the asset: its metadata or, when asked for, its bytes.
    #[serde(deserialize_with = "absolute_url")]
    pub url: Url,
    /// The media type as uploaded.
    #[serde(default)]
    pub content_type: String,
    /// The URL for people.
    #[serde(default)]
    pub browser_download_url: String,
}

fn absolute_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map_err(|e| D::Error::custom(format_args!("invalid url ({e})")))
}
