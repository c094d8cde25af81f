//! Finding the log entry of a detached signature.
//!
//! A `.sig` with a `.pem` proves nothing about when it was made; Rekor knows. The entry is proposed to
//! `log/entries/retrieve`, which finds it by its content; when that gives nothing sound, the artifact's digest is looked
//! up in the search index and every entry found is tried. A bundle is built from signature, certificate and entry and
//! judged like any other: nothing here is trusted. Anybody can log a signature of any digest, so a crowd of entries
//! leads to no verdict, never to a failure.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use sigstore_rekor::LogEntry;
use sigstore_types::{DerCertificate, KindVersion, SignatureBytes};
use url::Url;

use super::{
    Artifact, Bundle, Rejected, TrustRoot, claims::is_authority, detached_signature, log_body::EntryKind,
    refuse_mismatch, verify_bundle,
};
use crate::{
    adapters::http::Http,
    digest::Sha256,
    error::{Error, Result},
    release::signer::Signer,
};

/// Entries tried for one artifact. The search index lists every signature anybody ever made of the digest, so a
/// hostile crowd could make it long.
const MAX_ENTRIES: usize = 50;

/// Entries fetched at the same time.
const CONCURRENT: usize = 8;

/// The two ways to find an entry.
#[derive(Clone, Copy)]
enum Search {
    Content,
    Index,
}

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
    let malformed = |e: &dyn fmt::Display| Rejected::new(format!("malformed certificate: {e}"));
    let certificates = ::pem::parse_many(pem).map_err(|e| malformed(&e))?;
    // A chain may follow the signer's certificate. Of two signers, readers could take either.
    for authority in certificates.iter().skip(1) {
        if authority.tag() != "CERTIFICATE" || !is_authority(&DerCertificate::new(authority.contents().to_vec()))? {
            return Err(Rejected::new("the certificate file holds more than one signing certificate"));
        }
    }
    DerCertificate::from_pem(pem).map_err(|e| malformed(&e))
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
        if let Err(why) = refuse_mismatch(artifact, signature, certificate) {
            return Ok(Err(why));
        }
        let parts = detached_signature(signature).and_then(|s| Ok((s, certificate_from_pem(certificate)?)));
        let (signature, certificate) = match parts {
            Ok(parts) => parts,
            Err(why) => return Ok(Err(why)),
        };
        let mut reason = None;
        let mut complete = true;
        for search in [Search::Content, Search::Index] {
            let found = match search {
                // The entry itself is known but for its place in the log: this search finds it however many others
                // signed the same digest. A log that does not offer it is asked the other way.
                Search::Content => self.by_content(artifact.digest, &signature, &certificate).await.unwrap_or_default(),
                Search::Index => {
                    let (entries, all) = self.by_index(artifact.digest).await?;
                    complete = all;
                    entries
                }
            };
            for bundle in found.iter().filter_map(|entry| bundle_of(entry, &signature, &certificate)) {
                match verify_bundle(artifact, &bundle, root) {
                    Ok(signer) => return Ok(Ok(signer)),
                    Err(why) => reason = reason.or(Some(why)),
                }
            }
        }
        if !complete {
            let message = format!("the log holds more than {MAX_ENTRIES} entries for sha256:{}", artifact.digest);
            return Err(Error::remote(format!("{message}, and none of those checked is for this signature")));
        }
        Ok(Err(reason.unwrap_or_else(|| Rejected::new("the transparency log holds no entry for this artifact"))))
    }

    /// Entries over a digest, and whether that is all of them.
    async fn by_index(&self, digest: Sha256) -> Result<(Vec<LogEntry>, bool)> {
        let query = json!({"hash": format!("sha256:{digest}")});
        let found = self.http.search(&self.endpoint(&["index", "retrieve"])?, &query, "Rekor's search index").await?;
        let ids: Vec<String> = serde_json::from_value(found)
            .map_err(|e| Error::remote("Rekor's search index did not answer with a list of entry ids").because(e))?;
        let fetch = |id: &String| {
            let url = self.endpoint(&["log", "entries", id]);
            async move { self.http.get_json(&url?, "a Rekor entry").await }
        };
        let answers: Vec<Result<Option<Value>>> =
            stream::iter(ids.iter().take(MAX_ENTRIES).map(fetch)).buffered(CONCURRENT).collect().await;
        let mut entries = Vec::new();
        for answer in answers {
            entries.extend(answer?.map(entries_of).unwrap_or_default());
        }
        Ok((entries, ids.len() <= MAX_ENTRIES))
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
            .search(&self.endpoint(&["log", "entries", "retrieve"])?, &proposed, "Rekor's entry search")
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
