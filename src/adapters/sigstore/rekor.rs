//! Finding the log entry of a detached signature.
//!
//! A `.sig` with a `.pem` proves nothing about when it was made; Rekor knows. The artifact's digest is looked up in the
//! search index, every entry found is fetched, and a bundle is built from signature, certificate and entry. When the
//! index has nothing, the entry itself is proposed to `log/entries/retrieve`, which finds it by content. What comes
//! back is judged like any other bundle: nothing here is trusted.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sigstore_rekor::LogEntry;
use sigstore_types::{DerCertificate, KindVersion, SignatureBytes};
use url::Url;

use super::{Artifact, Bundle, Rejected, TrustRoot, bundle::EntryKind, detached_signature, verify_bundle};
use crate::{
    adapters::http::Http,
    digest::Sha256,
    error::{Error, Result},
    release::signer::Signer,
};

/// Entries tried for one artifact. The search index lists every signature anybody ever made of the digest, so a
/// hostile crowd could make it long.
const MAX_ENTRIES: usize = 50;

/// A Rekor v1 log to ask.
pub struct RekorLookup<'a> {
    http: &'a Http,
    base: &'a Url,
}

/// Reads a certificate as PEM, or as cosign writes it: base64 of PEM.
///
/// # Errors
/// [`Rejected`] when it is neither.
pub(super) fn certificate_from_pem(file: &[u8]) -> Result<DerCertificate, Rejected> {
    let text = std::str::from_utf8(file).map_err(|_| Rejected::new("the certificate file is not text"))?;
    let decoded;
    let pem = if text.contains("-----BEGIN") {
        text
    } else {
        let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        decoded = STANDARD
            .decode(compact)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| Rejected::new("the certificate file is neither PEM nor base64 of PEM"))?;
        decoded.as_str()
    };
    DerCertificate::from_pem(pem).map_err(|e| Rejected::new(format!("malformed certificate: {e}")))
}

impl<'a> RekorLookup<'a> {
    /// Asks the log whose API is at `base` (without `/api/v1`).
    pub(crate) fn new(http: &'a Http, base: &'a Url) -> Self {
        Self { http, base }
    }

    /// Verifies a detached signature with its certificate, both as files hold them. Any log entry over the artifact may
    /// be the right one, so each is tried.
    ///
    /// # Errors
    /// When the log cannot be asked; the inner [`Rejected`] when no entry makes the signature good.
    pub async fn verify(
        &self,
        artifact: Artifact<'_>,
        signature: &[u8],
        certificate: &[u8],
        root: &TrustRoot,
    ) -> Result<Result<Signer, Rejected>> {
        let parts = detached_signature(signature).and_then(|s| Ok((s, certificate_from_pem(certificate)?)));
        let (signature, certificate) = match parts {
            Ok(parts) => parts,
            Err(why) => return Ok(Err(why)),
        };
        let bundles = self.bundles(artifact.digest, &signature, &certificate).await?;
        let mut reason = None;
        for bundle in &bundles {
            match verify_bundle(artifact, bundle, root) {
                Ok(signer) => return Ok(Ok(signer)),
                // Entries are sorted most likely first, so the first reason is the telling one.
                Err(why) => reason = reason.or(Some(why)),
            }
        }
        Ok(Err(reason.unwrap_or_else(|| Rejected::new("the transparency log holds no entry for this artifact"))))
    }

    /// Every bundle that can be made of a signature, its certificate and a log entry over `digest`, most likely first.
    /// Empty when the log knows no such entry.
    ///
    /// # Errors
    /// When the log cannot be asked. Malformed entries are passed over: others may still do.
    async fn bundles(
        &self,
        digest: Sha256,
        signature: &SignatureBytes,
        certificate: &DerCertificate,
    ) -> Result<Vec<Bundle>> {
        let mut entries = self.by_index(digest).await?;
        if entries.is_empty() {
            entries = self.by_content(digest, signature, certificate).await?;
        }
        // An entry that holds this very signature comes first; the verifier then rarely sees another.
        let wanted = signature.to_base64();
        entries.sort_by_key(|e| !String::from_utf8_lossy(e.body.as_bytes()).contains(&wanted));
        Ok(entries.iter().filter_map(|entry| bundle_of(entry, signature, certificate)).collect())
    }

    async fn by_index(&self, digest: Sha256) -> Result<Vec<LogEntry>> {
        let found = self
            .http
            .post_json(
                &self.endpoint(&["index", "retrieve"])?,
                &json!({"hash": format!("sha256:{digest}")}),
                "Rekor's search index",
            )
            .await?;
        let ids: Vec<String> = serde_json::from_value(found)
            .map_err(|e| Error::remote("Rekor's search index did not answer with a list of entry ids").because(e))?;
        let mut entries = Vec::new();
        for id in ids.iter().take(MAX_ENTRIES) {
            let answer = self.http.get_json(&self.endpoint(&["log", "entries", id])?, "a Rekor entry").await?;
            entries.extend(answer.map(entries_of).unwrap_or_default());
        }
        Ok(entries)
    }

    async fn by_content(
        &self,
        digest: Sha256,
        signature: &SignatureBytes,
        certificate: &DerCertificate,
    ) -> Result<Vec<LogEntry>> {
        let proposed = json!({"entries": [{
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest.to_string()}},
                "signature": {
                    "content": signature.to_base64(),
                    "publicKey": {"content": STANDARD.encode(certificate.to_pem())},
                },
            },
        }]});
        let answer = self
            .http
            .post_json(&self.endpoint(&["log", "entries", "retrieve"])?, &proposed, "Rekor's entry search")
            .await?;
        let Value::Array(maps) = answer else {
            return Err(Error::remote("Rekor's entry search did not answer with a list of entries"));
        };
        Ok(maps.into_iter().take(MAX_ENTRIES).flat_map(entries_of).collect())
    }

    fn endpoint(&self, path: &[&str]) -> Result<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::usage(format!("{}: a Rekor URL must be http or https", self.base)))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        Ok(url)
    }
}

/// Rekor answers with a map from entry id to entry.
fn entries_of(answer: Value) -> Vec<LogEntry> {
    let Value::Object(map) = answer else { return Vec::new() };
    map.into_iter().filter_map(|(_, entry)| serde_json::from_value(entry).ok()).collect()
}

fn bundle_of(entry: &LogEntry, signature: &SignatureBytes, certificate: &DerCertificate) -> Option<Bundle> {
    let kind: EntryKind = serde_json::from_slice(entry.body.as_bytes()).ok()?;
    let kind: KindVersion = serde_json::from_value(json!({"kind": kind.kind, "version": kind.api_version})).ok()?;
    let entry = entry.to_bundle_entry(kind).ok()?;
    Bundle::from_parts(signature, certificate, &entry).ok()
}
