//! in-toto provenance: statements about the very assets of the release.

use crate::{
    digest::Sha512,
    release::{contract::AssetKind, snapshot::Snapshot, statement::Statement},
    report::{CheckInfo, Finding},
    text::counted,
};

/// `provenance`.
pub const PROVENANCE: CheckInfo = CheckInfo {
    id: "provenance",
    title: "each in-toto statement is well formed, and its subjects are assets of the release",
};

/// Statements read at most; a real file has one to three.
const MAX_STATEMENTS: usize = 100;

/// Every line of every provenance file.
pub fn provenance(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (entry, document) in snapshot.documents(AssetKind::Provenance) {
        let lines: Vec<&[u8]> =
            document.bytes().split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty()).collect();
        if lines.is_empty() {
            findings.push(PROVENANCE.fail(entry.name.as_str(), "holds no statement"));
        }
        if lines.len() > MAX_STATEMENTS {
            findings.push(PROVENANCE.fail(entry.name.as_str(), format!("holds more than {MAX_STATEMENTS} statements")));
        }
        for (number, line) in (1..).zip(lines.into_iter().take(MAX_STATEMENTS)) {
            findings.push(match Statement::in_line(line).and_then(|s| subjects(snapshot, &s)) {
                Ok(count) => PROVENANCE.pass(
                    entry.name.as_str(),
                    format!(
                        "statement {number}: {} of this release",
                        counted(count, "subject is an asset", "subjects are assets")
                    ),
                ),
                Err(why) => PROVENANCE.fail(entry.name.as_str(), format!("statement {number}: {why}")),
            });
        }
    }
    findings
}

/// How many of the release's own assets a statement is about. Envelope signatures are not verified here: the file is
/// vouched for by the checksums file, which is signed.
fn subjects(snapshot: &Snapshot, statement: &Statement) -> Result<usize, String> {
    let mut own = 0;
    let mut uncompared = None;
    for subject in &statement.subjects {
        let name = subject.name.as_str();
        let Some(asset) = snapshot.asset(name) else { continue };
        let Some(digest) = asset.digest() else { return Err(format!("{name} could not be read")) };
        match (subject.sha256, subject.sha512, asset.bytes()) {
            (Some(stated), _, _) if stated != digest => {
                return Err(format!("{name} is sha256:{digest}, and the statement is about sha256:{stated}"));
            }
            (_, Some(stated), Some(bytes)) if stated != Sha512::of(bytes) => {
                return Err(format!("{name} does not match sha512:{stated}, which the statement is about"));
            }
            (Some(_), _, _) | (None, Some(_), Some(_)) => own += 1,
            (None, Some(_), None) => uncompared = Some(name),
            (None, None, _) => return Err(format!("it states neither SHA-256 nor SHA-512 of {name}")),
        }
    }
    match (own, uncompared) {
        (0, Some(name)) => Err(format!("it states SHA-512 alone of {name}, which is too large to be compared by it")),
        (0, None) => Err("none of its subjects is an asset of this release".into()),
        (own, _) => Ok(own),
    }
}
