//! in-toto provenance: statements about the very assets of the release.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    digest::Sha256,
    release::{contract::Role, snapshot::Snapshot},
    report::{CheckInfo, Finding},
    schema,
};

/// `provenance`.
pub const PROVENANCE: CheckInfo = CheckInfo {
    id: "provenance",
    title: "each in-toto statement parses and its subjects are the release's own assets",
};

/// Statements read at most; a real file has one to three.
const MAX_STATEMENTS: usize = 100;

/// Every line of every provenance file.
pub fn provenance(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (entry, bytes) in snapshot.documents(Role::Provenance) {
        let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty()).collect();
        if lines.is_empty() {
            findings.push(PROVENANCE.fail(entry.name.as_str(), "holds no statement"));
        }
        if lines.len() > MAX_STATEMENTS {
            findings.push(PROVENANCE.fail(entry.name.as_str(), format!("holds more than {MAX_STATEMENTS} statements")));
        }
        for (number, line) in (1..).zip(lines.into_iter().take(MAX_STATEMENTS)) {
            findings.push(match statement(line).and_then(|s| subjects(snapshot, &s)) {
                Ok(count) => PROVENANCE.pass(
                    entry.name.as_str(),
                    format!("statement {number}: {count} subjects are assets of this release"),
                ),
                Err(why) => PROVENANCE.fail(entry.name.as_str(), format!("statement {number}: {why}")),
            });
        }
    }
    findings
}

/// The statement of a line: bare, or in a DSSE envelope. Envelope signatures are not verified here: the file is
/// vouched for by the checksums file, which is signed.
fn statement(line: &[u8]) -> Result<Value, String> {
    let value = schema::parse_json(line).map_err(|e| e.to_string())?;
    let statement = match value.pointer("/payload").or_else(|| value.pointer("/dsseEnvelope/payload")) {
        None => value,
        Some(payload) => {
            let bytes =
                payload.as_str().and_then(|p| STANDARD.decode(p).ok()).ok_or("the envelope's payload is not base64")?;
            schema::parse_json(&bytes).map_err(|e| format!("the envelope's payload: {e}"))?
        }
    };
    let kind = statement.get("_type").and_then(Value::as_str).unwrap_or("none");
    if !kind.starts_with("https://in-toto.io/Statement/") {
        return Err(format!("not an in-toto statement: _type is {kind}"));
    }
    Ok(statement)
}

fn subjects(snapshot: &Snapshot, statement: &Value) -> Result<usize, String> {
    let subjects = statement.get("subject").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut own = 0;
    for subject in subjects {
        let name = subject.get("name").and_then(Value::as_str).unwrap_or_default();
        let Some(asset) = snapshot.asset(name) else { continue };
        let stated = subject.pointer("/digest/sha256").and_then(Value::as_str).unwrap_or("none");
        match asset.digest() {
            Some(digest) if stated.parse::<Sha256>() == Ok(digest) => own += 1,
            Some(digest) => {
                let stated: String = stated.chars().take(64).collect();
                return Err(format!("{name} is sha256:{digest}, and the statement is about sha256:{stated}"));
            }
            None => return Err(format!("{name} could not be read")),
        }
    }
    if own == 0 { Err("none of its subjects is an asset of this release".into()) } else { Ok(own) }
}
