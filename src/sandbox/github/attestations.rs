//! Attestations of immutable releases over HTTP. As on GitHub, they are found by the digest of anything they are about, and
//! one in the newer form lies in the storage, compressed.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Hub, Shared,
    ask::Here,
    refusal::Refusal,
    repository::{Release, Repository, now},
};
use crate::sandbox::{
    attestation::{Attested, Form, Repository as Named},
    sigstore::Attester,
};

/// What is asked for: `sha1:…` or `sha256:…`.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    digest: String,
}

/// Which attestations of it.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    predicate_type: Option<String>,
}

/// An attestation in the storage.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    release: u64,
    place: usize,
}

pub(super) async fn list(
    here: Here,
    Path(Wanted { digest }): Path<Wanted>,
    Query(Which { predicate_type }): Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let found = here.hub.attested(here.full_name(), &digest)?;
    let of_releases = predicate_type.is_none_or(|kind| kind == "release");
    let storage = &here.hub.storage;
    let shown = found.into_iter().filter(|_| of_releases).map(|Found { repository, release, place, bundle }| {
        let newer = payload(&bundle).pointer("/predicate/databaseId").is_some();
        let address = format!("{storage}/attestations/{release}/{place}?signature=sandbox");
        let (bundle, address) = if newer { (Value::Null, address) } else { (bundle, String::new()) };
        json!({"bundle": bundle, "bundle_url": address, "repository_id": repository, "initiator": "github"})
    });
    Ok(Json(json!({ "attestations": shown.collect::<Vec<_>>() })))
}

pub(super) async fn stored(
    State(hub): State<Shared>,
    Path(Stored { release, place }): Path<Stored>,
) -> Result<Response, Refusal> {
    let bundle = hub.lock().attestation(release, place).map(Value::to_string).ok_or_else(Refusal::not_found)?;
    let block = snap::raw::Encoder::new().compress_vec(bundle.as_bytes());
    let block = block.map_err(|e| Refusal::refused(&format!("the sandbox cannot compress it: {e}")))?;
    Ok(([(header::CONTENT_TYPE, "application/x-snappy")], block).into_response())
}

/// An attestation of what was asked for.
struct Found {
    repository: u64,
    release: u64,
    place: usize,
    bundle: Value,
}

impl Hub {
    /// The attestations about a digest. A release that was published here is attested when it is first asked for.
    fn attested(&self, full_name: &str, digest: &str) -> Result<Vec<Found>, Refusal> {
        let mut state = self.lock();
        let repository = state.repository_mut(full_name)?;
        let mut attester = self.attester.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for place in 0..repository.releases.len() {
            attest(repository, place, &mut attester)?;
        }
        let id = repository.id;
        let bundles = repository.releases.iter().flat_map(|release| {
            let bundles = release.attestations.iter().flatten().enumerate();
            bundles.map(|(place, bundle)| Found { repository: id, release: release.id, place, bundle: bundle.clone() })
        });
        Ok(bundles.filter(|found| is_about(&found.bundle, digest)).collect())
    }
}

fn attest(repository: &mut Repository, place: usize, attester: &mut Attester) -> Result<(), Refusal> {
    let Some(release) = repository.releases.get(place).filter(|one| one.immutable && one.attestations.is_none()) else {
        return Ok(());
    };
    let object = repository.refs.get(&format!("refs/tags/{}", release.tag)).map(ToString::to_string);
    let Release { id, tag, assets, published, .. } = release;
    let of = Attested { form: Form::V0_2, release: *id, tag, object: &object.unwrap_or_default() };
    let named = Named { name: &repository.full_name, id: repository.id };
    let digests = assets.iter().map(|asset| (asset.name.as_str(), asset.digest.clone().unwrap_or_default()));
    let bundle = attester.attest(&of.of(&named, digests), published.unwrap_or_else(now));
    let bundle = bundle.map_err(|e| Refusal::refused(&format!("the sandbox cannot attest it: {e}")))?;
    if let Some(release) = repository.releases.get_mut(place) {
        release.attestations = Some(vec![bundle]);
    }
    Ok(())
}

/// What a bundle states.
fn payload(bundle: &Value) -> Value {
    let text = bundle.pointer("/dsseEnvelope/payload").and_then(Value::as_str).unwrap_or_default();
    STANDARD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn is_about(bundle: &Value, digest: &str) -> bool {
    let Some((algorithm, digits)) = digest.split_once(':') else { return false };
    let payload = payload(bundle);
    let subjects = payload.get("subject").and_then(Value::as_array).into_iter().flatten();
    let mut digests = subjects.filter_map(|subject| subject.get("digest")?.get(algorithm)?.as_str());
    digests.any(|stated| stated.eq_ignore_ascii_case(digits))
}
