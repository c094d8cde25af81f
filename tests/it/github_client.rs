//! The GitHub client against servers on loopback, well-behaved and hostile.

mod downloads;
mod failures;
mod proxies;
mod redirects;
mod releases;
mod resuming;
mod server;

use std::{path::Path, time::Duration};

use merotee::{
    adapters::{
        github::{GitHub, ReleaseAsset},
        http::HttpOptions,
    },
    error::{Class, Error},
    subject::repository::Repository,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

const TOKEN: &str = "t0p-s3cret";
const TAG: &str = "mero-kms-v1.2.0";

/// Short enough for a test that waits for them, long enough for a busy machine that answers.
fn options() -> HttpOptions {
    HttpOptions { attempts: 3, backoff: Duration::ZERO, limit_pause: Duration::ZERO, ..HttpOptions::default() }
}

fn impatient(wait: u64) -> HttpOptions {
    HttpOptions { attempts: 2, read_timeout: Duration::from_millis(wait), ..options() }
}

fn client(api: &Url, options: HttpOptions) -> GitHub {
    GitHub::new(api.clone(), Some(SecretString::from(TOKEN)), options).unwrap()
}

fn anonymous(api: &Url, options: HttpOptions) -> GitHub {
    GitHub::new(api.clone(), None, options).unwrap()
}

fn repo() -> Repository {
    "o/r".parse().unwrap()
}

fn release(id: u64, tag: &str, assets: &[Value]) -> Value {
    json!({"id": id, "tag_name": tag, "name": null, "body": "notes", "draft": false, "prerelease": false,
        "published_at": "2026-01-02T03:04:05Z", "html_url": "https://x/", "assets": assets, "unknown": {"a": 1}})
}

fn asset(api: &Url, id: u64, name: &str, size: u64) -> Value {
    let url = api.join(&format!("/repos/o/r/releases/assets/{id}")).unwrap();
    json!({"id": id, "name": name, "size": size, "state": "uploaded", "digest": null, "url": url.as_str(),
        "content_type": "text/plain", "browser_download_url": "https://x/y", "uploader": {}})
}

fn an_asset(api: &Url, size: u64) -> ReleaseAsset {
    serde_json::from_value(asset(api, 1, "a.bin", size)).unwrap()
}

/// Bytes that differ from place to place, so that a shifted resume shows.
fn payload(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8 ^ (i / 65_536) as u8).collect()
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

/// The whole text a reader can get out of an error, checked for what must never be in it.
#[track_caller]
fn told(error: &Error, class: Class) -> String {
    let text = format!("{} / {}", merotee::error::chain(error), error.advice().unwrap_or_default());
    assert_eq!(error.class(), class, "{text}");
    for secret in [TOKEN, "sig="] {
        assert!(!text.contains(secret) && !format!("{error:?}").contains(secret), "{text}");
    }
    text
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}
