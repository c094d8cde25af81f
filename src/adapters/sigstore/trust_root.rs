//! Which certificate authorities and logs are trusted.

use std::{ffi::OsStr, fmt, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;
use sigstore_trust_root::{SigstoreInstance, TrustedRoot};
use sigstore_types::LogKeyId;
use sigstore_verify::Verifier;

use super::{MAX_EVIDENCE_BYTES, weak_key};
use crate::{
    adapters::file,
    digest::Sha256,
    error::{Error, Result},
    release::envelope,
    schema::{excerpt::excerpt, parse_json},
    subject::trust_root,
};

/// The media types of a trusted root, in the spellings that protobuf-specs asks readers to take.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/// What to give instead of what was given.
const EXPECTED: &str = "give a trusted_root.json, whose mediaType is application/vnd.dev.sigstore.trustedroot+json;version=0.1; \
                        a client trust config holds one under `trustedRoot`";

/// Where a trust root came from. Anything but the embedded one is announced and recorded in every report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustRootSource {
    /// The public-good instance's root, as it was when the binary was built.
    Embedded,
    /// A `trusted_root.json` given by the user.
    File(PathBuf),
}

/// A trust root, parsed once and ready to verify many bundles. A clone shares what was parsed.
#[derive(Clone)]
pub struct TrustRoot {
    verifier: Arc<Verifier>,
    source: TrustRootSource,
    caveat: Option<String>,
    newest: Option<Timestamp>,
    /// The transparency logs: their keys' ids and where they are.
    logs: Arc<Vec<(LogKeyId, String)>>,
}

impl TrustRoot {
    /// Loads and validates a root.
    ///
    /// # Errors
    /// Input: the file cannot be read. Usage: it is not a trusted root, or one under which nothing could be verified.
    pub fn load(source: TrustRootSource) -> Result<Self> {
        let (root, name, caveat) = match &source {
            TrustRootSource::Embedded => (
                TrustedRoot::from_embedded(SigstoreInstance::PublicGood)
                    .map_err(|e| Error::internal("the embedded trust root does not parse").because(e))?,
                "the embedded trust root".to_owned(),
                None,
            ),
            TrustRootSource::File(path) => {
                let bytes = file::read_source(path, MAX_EVIDENCE_BYTES)?;
                let caveat = caveat_of(path.file_name().unwrap_or(path.as_os_str()), Sha256::of(&bytes));
                let name = file::source_name(path);
                let root = parse(&bytes)
                    .map_err(|why| Error::usage(format!("{name}: not a usable trusted root: {why}")).help(EXPECTED))?;
                (root, name, Some(caveat))
            }
        };
        let logs = root.tlogs.iter().map(|log| &log.public_key).chain(root.ctlogs.iter().map(|log| &log.public_key));
        for key in logs {
            weak_key::refuse(&key.raw_bytes)
                .map_err(|e| Error::usage(format!("{name}: the key of a log is not valid: {e}")))?;
        }
        let verifier =
            Verifier::new(&root).map_err(|e| Error::usage(format!("{name}: not a usable trusted root")).because(e))?;
        let logs = root.tlogs.iter().map(|log| (log.log_id.key_id.clone(), log.base_url.clone())).collect();
        Ok(Self { verifier: Arc::new(verifier), source, caveat, newest: newest(&root), logs: Arc::new(logs) })
    }

    /// Where it came from.
    pub fn source(&self) -> &TrustRootSource {
        &self.source
    }

    /// The sentence every report must carry when the root is not the embedded one.
    pub fn caveat(&self) -> Option<String> {
        self.caveat.clone()
    }

    /// Since when its newest authority or log is in use.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Address of the log with this key, as the root has it.
    pub(super) fn log(&self, key: &LogKeyId) -> Option<String> {
        self.logs.iter().find(|(id, _)| id == key).map(|(_, address)| address.clone())
    }

    pub(super) fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

/// The latest beginning of any validity in the root.
fn newest(root: &TrustedRoot) -> Option<Timestamp> {
    fn starts(value: &Value, found: &mut Vec<Timestamp>) {
        match value {
            Value::Object(fields) => {
                let start = fields.get("validFor").and_then(|period| period.get("start")).and_then(Value::as_str);
                found.extend(start.and_then(|start| start.parse::<Timestamp>().ok()));
                fields.values().for_each(|field| starts(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| starts(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    starts(&serde_json::to_value(root).ok()?, &mut found);
    found.into_iter().max()
}

/// Parses a trusted root of an instance that writes to a log.
fn parse(bytes: &[u8]) -> Result<TrustedRoot, String> {
    let root = read(bytes)?;
    // Under such a root nothing could ever verify, which would read as a fault of whatever is verified.
    if root.tlogs.is_empty() {
        return Err("it names no transparency log".to_owned());
    }
    Ok(root)
}

/// Parses a trusted root, and says what it is when it is something else.
pub(super) fn read(bytes: &[u8]) -> Result<TrustedRoot, String> {
    let value = parse_json(bytes).map_err(|error| match envelope::documents(bytes) {
        0 | 1 => error.to_string(),
        several => {
            format!("this is {several} documents in one file (as `gh attestation trusted-root` writes): give one")
        }
    })?;
    let media_type = value.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    if !MEDIA_TYPES.contains(&media_type) {
        let kind = envelope::kind_of(&value);
        return Err(match media_type {
            "" => format!("this is {kind}, without a mediaType"),
            other => format!("this is {kind}, with the mediaType {}", excerpt(other)),
        });
    }
    serde_json::from_value(value).map_err(|e| e.to_string())
}

/// Names the root by its digest: the same root reads the same in every report, wherever it lay.
fn caveat_of(name: &OsStr, digest: Sha256) -> String {
    trust_root::caveat(&name.to_string_lossy(), digest)
}

impl fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustRoot").field("source", &self.source).finish_non_exhaustive()
    }
}
