//! The JSON Schemas of `schemas/`, compiled in, and reading and validating documents against them.
//!
//! A schema says what shape a document has; what its content must fulfil (isolation, agreement with other documents)
//! is decided by the checks of `policy`, `release` and `catalog`. Schemas are 2020-12, refer to nothing outside
//! themselves, and their patterns run in linear time.

pub mod excerpt;
mod json;
pub mod position;
pub(crate) mod written;

use std::{fmt, sync::OnceLock};

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

pub(crate) use json::pretty;
pub use json::{JsonError, MAX_JSON_BYTES, parse_json, parse_json_within};

use crate::{
    report::{CheckInfo, Finding, Status},
    text::excerpt_within,
};
use excerpt::MAX_PROBLEMS;

/// Every document has the shape its schema demands.
pub const SCHEMA: CheckInfo =
    CheckInfo { id: "schema", title: "each document is JSON of the shape its schema demands" };

/// Most characters of one schema error's message.
const MAX_MESSAGE_CHARS: usize = 240;

/// A kind of document there is a schema for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Document {
    /// `attestation-policy-{profile}.json` and its older names, with or without prefixed lists.
    AttestationPolicy,
    /// Upstream's older registry files: KMS (version 2) and node (by profile).
    RegistryPolicy,
    /// `published-mrtds.json` of either family.
    PublishedMrtds,
    /// `measurement-policy-candidates.json`, from a probe.
    MeasurementCandidates,
    /// `compatibility-catalog.json`, in our form and upstream's.
    CompatibilityCatalog,
    /// An SBOM in SPDX 2.3 JSON.
    SpdxSbom,
    /// Upstream's `kms-phala-release-manifest.json`.
    KmsReleaseManifest,
    /// Upstream's `kms-phala-container-metadata.json`.
    ContainerMetadata,
    /// Upstream's `kms-phala-compatibility-map.json`.
    CompatibilityMap,
    /// Upstream's `release-provenance.json` of the node family.
    ReleaseProvenance,
}

impl Document {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::AttestationPolicy,
        Self::RegistryPolicy,
        Self::PublishedMrtds,
        Self::MeasurementCandidates,
        Self::CompatibilityCatalog,
        Self::SpdxSbom,
        Self::KmsReleaseManifest,
        Self::ContainerMetadata,
        Self::CompatibilityMap,
        Self::ReleaseProvenance,
    ];

    /// The schema's name: `schemas/{name}.schema.json`, `urn:merotee:schema:{name}:1`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AttestationPolicy => "attestation-policy",
            Self::RegistryPolicy => "registry-policy",
            Self::PublishedMrtds => "published-mrtds",
            Self::MeasurementCandidates => "measurement-policy-candidates",
            Self::CompatibilityCatalog => "compatibility-catalog",
            Self::SpdxSbom => "spdx-2.3",
            Self::KmsReleaseManifest => "kms-release-manifest",
            Self::ContainerMetadata => "container-metadata",
            Self::CompatibilityMap => "compatibility-map",
            Self::ReleaseProvenance => "release-provenance",
        }
    }

    /// The schema's text, as it stands in `schemas/`.
    pub fn schema(self) -> &'static str {
        match self {
            Self::AttestationPolicy => include_str!("../schemas/attestation-policy.schema.json"),
            Self::RegistryPolicy => include_str!("../schemas/registry-policy.schema.json"),
            Self::PublishedMrtds => include_str!("../schemas/published-mrtds.schema.json"),
            Self::MeasurementCandidates => include_str!("../schemas/measurement-policy-candidates.schema.json"),
            Self::CompatibilityCatalog => include_str!("../schemas/compatibility-catalog.schema.json"),
            Self::SpdxSbom => include_str!("../schemas/spdx-2.3.schema.json"),
            Self::KmsReleaseManifest => include_str!("../schemas/kms-release-manifest.schema.json"),
            Self::ContainerMetadata => include_str!("../schemas/container-metadata.schema.json"),
            Self::CompatibilityMap => include_str!("../schemas/compatibility-map.schema.json"),
            Self::ReleaseProvenance => include_str!("../schemas/release-provenance.schema.json"),
        }
    }

    /// The compiled schema. Compiled on first use only: most commands need one or two of them.
    fn validator(self) -> Result<&'static Validator, &'static str> {
        static COMPILED: [OnceLock<Result<Validator, String>>; Document::ALL.len()] =
            [const { OnceLock::new() }; Document::ALL.len()];
        let slot = COMPILED.get(self as usize).ok_or("the schema has no slot")?;
        slot.get_or_init(|| compile(self.schema())).as_ref().map_err(String::as_str)
    }
}

/// One place where a document differs from its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// RFC 6901 pointer to the place. Empty for the whole document.
    pub pointer: String,
    /// What the schema demands there, and the beginning of what is there.
    pub message: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "(the document)" } else { &self.pointer };
        write!(f, "{pointer}: {}", self.message)
    }
}

/// Values in a document up to which every difference is looked for. The validator collects them all before it hands
/// out the first, at some 300 bytes each, so a hostile document could multiply its size.
const MAX_VALUES_FOR_ALL_ERRORS: usize = 50_000;

/// Compares a document with its schema. Empty when it conforms; else the first [`MAX_PROBLEMS`] differences, or only
/// the first one of a very large document.
pub fn validate(document: Document, value: &Value) -> Vec<SchemaError> {
    let validator = match document.validator() {
        Ok(validator) => validator,
        Err(defect) => return vec![SchemaError { pointer: String::new(), message: defect.to_owned() }],
    };
    let difference = |error: jsonschema::ValidationError<'_>| SchemaError {
        pointer: excerpt_within(format_args!("{}", error.instance_path()), MAX_MESSAGE_CHARS),
        message: excerpt_within(format_args!("{error}"), MAX_MESSAGE_CHARS),
    };
    if has_more_values_than(value, MAX_VALUES_FOR_ALL_ERRORS) {
        return validator.validate(value).err().map(difference).into_iter().collect();
    }
    let mut differences: Vec<_> = validator.iter_errors(value).take(MAX_PROBLEMS).map(difference).collect();
    // The validator goes by the order of keys in the schema, which depends on how the build's JSON maps keep them.
    differences.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    differences
}

fn has_more_values_than(value: &Value, limit: usize) -> bool {
    let (mut left, mut pending) = (limit, vec![value]);
    while let Some(value) = pending.pop() {
        let Some(rest) = left.checked_sub(1) else { return true };
        left = rest;
        match value {
            Value::Array(items) if items.len() > left => return true,
            Value::Array(items) => pending.extend(items),
            Value::Object(fields) if fields.len() > left => return true,
            Value::Object(fields) => pending.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}

/// The check [`SCHEMA`] of one document: a finding per difference, or one pass. `subject` is the asset's name.
pub fn conforms(subject: &str, document: Document, value: &Value) -> Vec<Finding> {
    let errors = validate(document, value);
    if errors.is_empty() {
        return vec![Finding::new(SCHEMA.id, Status::Pass, subject, format!("valid {}", document.name()))];
    }
    let help = format!("compare the file with schemas/{}.schema.json", document.name());
    let finding = |e: SchemaError| {
        Finding::new(SCHEMA.id, Status::Fail, subject, e.to_string()).help(help.clone()).within(e.pointer)
    };
    errors.into_iter().map(finding).collect()
}

/// The finding for a document that is not acceptable JSON at all.
pub fn unreadable(subject: &str, error: &JsonError) -> Finding {
    let place = error.place.map(|(line, column)| crate::report::Location {
        file: subject.to_owned(),
        line: u32::try_from(line).ok(),
        column: u32::try_from(column).ok(),
        ..crate::report::Location::default()
    });
    let finding = Finding::new(SCHEMA.id, Status::Fail, subject, format!("not acceptable JSON: {error}"))
        .help("the file must be one JSON value in UTF-8, every key once in its object");
    match place {
        Some(place) => finding.at(place),
        None => finding,
    }
}

fn compile(text: &str) -> Result<Validator, String> {
    let defect = |error: &dyn fmt::Display| format!("the built-in schema does not compile: {error}");
    let schema: Value = serde_json::from_str(text).map_err(|e| defect(&e))?;
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        // The other engine backtracks, and documents are hostile.
        .with_pattern_options(PatternOptions::regex())
        .build(&schema)
        .map_err(|e| defect(&e))
}

#[cfg(test)]
mod tests;
