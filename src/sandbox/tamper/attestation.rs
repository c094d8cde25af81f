//! The kinds of tampering with immutable releases and what GitHub attests of them, in the order of `--tamper list`.

use serde_json::{Value, json};

use super::{
    Attesting, Row,
    Stage::{self, Attestations, Served, Statement},
    target,
};
use crate::{
    digest::Sha256,
    error::Result,
    sandbox::{
        history,
        release::{Sample, ServedRelease},
        sigstore::Attester,
    },
};

const fn row(name: &'static str, does: &'static str, stage: Stage) -> Row {
    Row { name, does, spares: mutable, stage }
}

pub(super) static ROWS: &[Row] = &[
    // `gh release verify-asset` takes it: it compares the digest and not the name.
    row("immutable-asset-renamed", "gives the SBOM of an immutable release another name", Served(asset_renamed)),
    row("immutable-asset-digest", "has GitHub attest another digest of the SBOM", Statement(sbom_digest)),
    row(
        "immutable-asset-added",
        "adds an asset, listed and signed, that GitHub does not attest",
        Statement(asset_added),
    ),
    row("immutable-asset-removed", "has GitHub attest an asset that is not there", Statement(asset_removed)),
    row(
        "immutable-repository",
        "has GitHub attest a release of a fork, under the ids of the repository",
        Statement(|statement| {
            set(statement, "/predicate/repository", json!("somebody/mero-tee"));
        }),
    ),
    row(
        "immutable-repository-id",
        "has GitHub attest a repository of the same name that was there before",
        Statement(|statement| {
            set(statement, "/predicate/repositoryId", json!("7"));
            set(statement, "/predicate/packageId", json!("7"));
        }),
    ),
    row(
        "immutable-owner-id",
        "has GitHub attest a repository of another owner of the same name",
        Statement(|statement| set(statement, "/predicate/ownerId", json!("7"))),
    ),
    row(
        "immutable-release-id",
        "has GitHub attest another release of the same tag",
        Statement(|statement| {
            set(statement, "/predicate/releaseId", json!("7"));
            set(statement, "/predicate/databaseId", json!("7"));
        }),
    ),
    row(
        "immutable-package",
        "has GitHub attest the package of another version",
        Statement(|statement| {
            let purl = json!("pkg:github/calimero-network/mero-tee@mero-kms-v9.9.9");
            set(statement, "/predicate/purl", purl.clone());
            set(statement, "/subject/0/uri", purl);
        }),
    ),
    row(
        "immutable-tag",
        "has GitHub attest the release under another tag",
        Statement(|statement| set(statement, "/predicate/tag", json!("mero-kms-v9.9.9"))),
    ),
    row("immutable-tag-moved", "moves the tag to another commit after GitHub attested it", Served(tag_moved)),
    row(
        "immutable-unknown-field",
        "adds a field to the attestation that its form does not have",
        Statement(|statement| {
            if let Some(Value::Object(fields)) = statement.pointer_mut("/predicate") {
                fields.insert("note".to_owned(), json!("trust me"));
            }
        }),
    ),
    row("immutable-other-root", "has the release attested under another root than GitHub's", Attestations(other_root)),
    row(
        "immutable-other-identity",
        "has the release attested by another holder of a certificate of GitHub's",
        Attestations(other_identity),
    ),
    row("immutable-changed", "changes the attestation after it was signed", Attestations(changed)),
    row("immutable-no-timestamp", "cuts the timestamp out of the attestation", Attestations(no_timestamp)),
    row(
        "immutable-other-timestamp",
        "puts another signature's timestamp into the attestation",
        Attestations(other_timestamp),
    ),
    row("immutable-two", "has the release attested twice", Attestations(two)),
    row(
        "immutable-none",
        "has the release attested not at all",
        Attestations(|attesting| {
            attesting.bundles.clear();
            Ok(())
        }),
    ),
];

/// Where a bundle keeps its timestamps.
const TIMESTAMPS: &str = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";

fn mutable(sample: &Sample) -> Option<&'static str> {
    sample.attested_in().is_none().then_some("it is not immutable, so GitHub attests nothing of it")
}

fn set(statement: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = statement.pointer_mut(pointer) {
        *place = value;
    }
}

fn subjects(statement: &mut Value) -> Option<&mut Vec<Value>> {
    statement.get_mut("subject")?.as_array_mut()
}

fn is_sbom(subject: &Value) -> bool {
    subject.get("name").and_then(Value::as_str) == Some("sbom.spdx.json")
}

fn sbom_digest(statement: &mut Value) {
    let digest = json!(Sha256::of(b"something else").to_string());
    let sbom = subjects(statement).into_iter().flatten().filter(|subject| is_sbom(subject));
    sbom.for_each(|subject| set(subject, "/digest/sha256", digest.clone()));
}

/// It is there, listed and signed like the others; GitHub saw the release without it.
fn asset_added(statement: &mut Value) {
    if let Some(subjects) = subjects(statement) {
        subjects.retain(|subject| !is_sbom(subject));
    }
}

fn asset_removed(statement: &mut Value) {
    let digest = Sha256::of(b"gone").to_string();
    if let Some(subjects) = subjects(statement) {
        subjects.push(json!({ "name": "erratum.txt", "digest": { "sha256": digest } }));
    }
}

fn asset_renamed(sample: &Sample, release: &mut ServedRelease) {
    let renamed = release.assets.iter_mut().filter(|asset| asset.name == target(sample));
    renamed.for_each(|asset| asset.name = "sbom-of-another-build.spdx.json".to_owned());
}

fn tag_moved(_: &Sample, release: &mut ServedRelease) {
    release.commit = history::astray().to_string();
}

fn other_root(attesting: &mut Attesting<'_>) -> Result<()> {
    *attesting.bundles = vec![Attester::new(u64::MAX)?.attest(attesting.statement, attesting.time)?];
    Ok(())
}

fn other_identity(attesting: &mut Attesting<'_>) -> Result<()> {
    let Attesting { bundles, statement, attester, time } = attesting;
    let another = "https://dotcom.packages.github.com";
    **bundles = vec![attester.attest_as(another, statement.to_string().as_bytes(), *time)?];
    Ok(())
}

fn changed(attesting: &mut Attesting<'_>) -> Result<()> {
    let mut statement = attesting.statement.clone();
    sbom_digest(&mut statement);
    let forged = attesting.attester.attest(&statement, attesting.time)?;
    let payload = forged.pointer("/dsseEnvelope/payload").cloned().unwrap_or_default();
    edit(attesting, "/dsseEnvelope/payload", &payload);
    Ok(())
}

fn no_timestamp(attesting: &mut Attesting<'_>) -> Result<()> {
    edit(attesting, TIMESTAMPS, &json!([]));
    Ok(())
}

fn other_timestamp(attesting: &mut Attesting<'_>) -> Result<()> {
    let mut statement = attesting.statement.clone();
    set(&mut statement, "/predicate/tag", json!("mero-kms-v9.9.9"));
    let another = attesting.attester.attest(&statement, attesting.time)?;
    let timestamps = another.pointer(TIMESTAMPS).cloned().unwrap_or_default();
    edit(attesting, TIMESTAMPS, &timestamps);
    Ok(())
}

fn two(attesting: &mut Attesting<'_>) -> Result<()> {
    let again = attesting.attester.attest(attesting.statement, attesting.time)?;
    attesting.bundles.push(again);
    Ok(())
}

fn edit(attesting: &mut Attesting<'_>, pointer: &str, value: &Value) {
    for place in attesting.bundles.iter_mut().filter_map(|bundle| bundle.pointer_mut(pointer)) {
        *place = value.clone();
    }
}
