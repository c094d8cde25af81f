//! Exhibits and actions as the JSON format writes them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::{Action, AssetRow, Exhibit, RegisterMatrix, SampleRow, SignatureRow, Table, TrialRow, wording};

#[derive(Serialize)]
pub(super) struct Deed<'a> {
    what: &'a str,
    target: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

/// One table, told apart by its kind.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Shown<'a> {
    Assets { rows: Vec<Asset<'a>> },
    Registers { registers: &'a [&'static str], rows: Vec<Profile<'a>>, shared: Vec<Shared<'a>> },
    Signatures { rows: Vec<Signature<'a>> },
    Trials { rows: Vec<Trial<'a>> },
    Samples { rows: Vec<Sample> },
}

#[derive(Serialize)]
pub(super) struct Sample {
    during: &'static str,
    at: String,
    healthy: bool,
    requests: u32,
    errors: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u32>,
    status: &'static str,
}

#[derive(Serialize)]
pub(super) struct Asset<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Profile<'a> {
    profile: &'a str,
    values: BTreeMap<&'static str, &'a [String]>,
}

#[derive(Serialize)]
pub(super) struct Shared<'a> {
    name: String,
    register: &'static str,
    value: &'a str,
    profiles: Vec<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Signature<'a> {
    asset: &'a str,
    evidence: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_index: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Trial<'a> {
    kms: &'a str,
    node: &'a str,
    expected: &'a str,
    got: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<&'static str>,
    status: &'static str,
}

impl<'a> Deed<'a> {
    pub(super) fn of(action: &'a Action) -> Self {
        Self {
            what: &action.what,
            target: &action.target,
            state: action.state.word(),
            content: action.content.as_deref(),
        }
    }
}

impl<'a> Shown<'a> {
    pub(super) fn of(exhibit: &'a Exhibit) -> Self {
        match &exhibit.table {
            Table::Assets(rows) => Self::Assets { rows: rows.iter().map(Asset::of).collect() },
            Table::Registers(matrix) => Self::registers(matrix),
            Table::Signatures(rows) => Self::Signatures { rows: rows.iter().map(Signature::of).collect() },
            Table::Trials(rows) => Self::Trials { rows: rows.iter().map(Trial::of).collect() },
            Table::Samples(rows) => Self::Samples { rows: rows.iter().map(Sample::of).collect() },
        }
    }

    fn registers(matrix: &'a RegisterMatrix) -> Self {
        let profile = |row: usize| matrix.rows.get(row).map(|row| row.profile.as_str());
        let rows = matrix.rows.iter().map(|row| Profile {
            profile: &row.profile,
            values: matrix.registers.iter().copied().zip(row.values.iter().map(Vec::as_slice)).collect(),
        });
        let shared = matrix.shared().into_iter().map(|shared| Shared {
            register: matrix.registers.get(shared.register).copied().unwrap_or_default(),
            profiles: shared.rows.into_iter().filter_map(profile).collect(),
            name: shared.name,
            value: shared.value,
        });
        Self::Registers { registers: &matrix.registers, rows: rows.collect(), shared: shared.collect() }
    }
}

impl<'a> Asset<'a> {
    fn of(row: &'a AssetRow) -> Self {
        Self {
            name: &row.name,
            checksum: row.checksum.map(wording::status_word),
            signature: row.signature.map(wording::status_word),
            signer: row.signer.as_deref(),
        }
    }
}

impl<'a> Trial<'a> {
    fn of(row: &'a TrialRow) -> Self {
        let TrialRow { kms, node, expected, got, basis, status } = row;
        Self { kms, node, expected, got, basis: *basis, status: wording::status_word(*status) }
    }
}

impl Sample {
    fn of(row: &SampleRow) -> Self {
        let SampleRow { during, at, healthy, requests, errors, latency_ms } = *row;
        let status = wording::status_word(row.status());
        Self { during, at: at.to_string(), healthy, requests, errors, latency_ms, status }
    }
}

impl<'a> Signature<'a> {
    fn of(row: &'a SignatureRow) -> Self {
        Self {
            asset: &row.asset,
            evidence: &row.evidence,
            signer: row.signer.as_deref(),
            signed_at: row.signed_at.map(|time| time.to_string()),
            log_index: row.log_index,
        }
    }
}
