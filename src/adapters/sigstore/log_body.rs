//! The body of a log entry against the bundle around it, as far as the library leaves it open.
//!
//! The log vouches for the body and for nothing that the bundle says of it. So the kind that the bundle states, by which the
//! body is read, must be the body's own; and what the body says twice, it says to two readers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;
use sigstore_types::{SignatureContent, TransparencyLogEntry};

use super::Rejected;
use crate::schema::{excerpt::excerpt, parse_json};

/// The part of a log entry's body that names its format.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryKind {
    pub(super) kind: String,
    pub(super) api_version: String,
}

/// Holds one entry against the content that it must be of.
///
/// # Errors
/// [`Rejected`] naming what differs.
pub(super) fn check(entry: &TransparencyLogEntry, content: &SignatureContent) -> Result<(), Rejected> {
    let body = parse_json(entry.canonicalized_body.as_bytes())
        .map_err(|e| Rejected::new(format!("malformed log entry: its body: {e}")))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or("none");
    let (kind, version) = (entry.kind_version.kind(), entry.kind_version.version());
    if (text("kind"), text("apiVersion")) != (kind, version) {
        let own = excerpt(&format!("{} {}", text("kind"), text("apiVersion")));
        return Err(Rejected::new(format!(
            "ambiguous bundle: it calls its log entry {kind} {version}, which calls itself {own}"
        )));
    }
    let verifier = body.pointer("/spec/hashedRekordV002/signature/verifier");
    if let Some(verifier) = verifier
        && verifier.get("x509Certificate").is_some()
        && verifier.get("publicKey").is_some()
    {
        return Err(Rejected::new("ambiguous bundle: its log entry names a certificate and a public key at once"));
    }
    let SignatureContent::DsseEnvelope(envelope) = content else { return Ok(()) };
    // The log leaves the payload out; an entry that holds one all the same must hold this one.
    let logged = body.pointer("/spec/content/envelope/payload").or_else(|| body.pointer("/spec/envelope/payload"));
    if let Some(logged) = logged
        && !same_payload(logged, envelope.payload.as_bytes())
    {
        return Err(Rejected::new("ambiguous bundle: its log entry holds another payload than its envelope"));
    }
    Ok(())
}

/// Rekor encodes the payload of an `intoto` entry once more.
fn same_payload(logged: &Value, payload: &[u8]) -> bool {
    let once = logged.as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    once == payload || STANDARD.decode(&once).is_ok_and(|twice| twice == payload)
}
