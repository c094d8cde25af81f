//! What is known of a release, and what a reader needs side by side to follow its findings. Nothing is judged here: the
//! checks have done that, and their findings are given.

use super::{
    checks::{authenticity, completeness, integrity, source::SOURCE_COMMIT},
    contract::AssetKind,
    notes::image::{NOTES_IMAGE, pinned},
    signer::Signer,
    snapshot::{Available, Signature, SignatureOutcome, Snapshot},
};
use crate::{
    policy::{
        agreement::{COUNTERPART_MEASUREMENTS, MEASUREMENTS_MATCH},
        isolation::PROFILE_ISOLATION,
        matrix,
        roles::ROLE_SEPARATION,
    },
    report::{AssetRow, Exhibit, Fact, Finding, RegisterMatrix, SignatureRow, Status, Table},
    subject::{role::Role, tag::Family},
};

/// Checks that the table of assets helps to follow.
const ON_ASSETS: &[&str] = &[
    completeness::ASSET_LISTED.id,
    integrity::CHECKSUM.id,
    integrity::API_DIGEST.id,
    integrity::ASSET_SIZE.id,
    authenticity::SIGNATURE.id,
];
/// Checks that the table of registers helps to follow.
const ON_REGISTERS: &[&str] =
    &[PROFILE_ISOLATION.id, ROLE_SEPARATION.id, MEASUREMENTS_MATCH.id, COUNTERPART_MEASUREMENTS.id];
/// Checks that the table of signatures helps to follow.
const ON_SIGNATURES: &[&str] = &[authenticity::IDENTITY.id, SOURCE_COMMIT.id];

/// The image that the notes pin, where the check of it found nothing wrong; and who signed the checksums file, when, and
/// where that is logged.
pub fn facts(snapshot: &Snapshot, findings: &[Finding]) -> Vec<Fact> {
    let mut facts = Vec::new();
    let image = findings.iter().filter(|finding| finding.check == NOTES_IMAGE.id);
    if image.clone().count() > 0
        && worst(image) == Status::Pass
        && let Available::Yes(notes) = &snapshot.notes
    {
        facts.extend(pinned(notes, &snapshot.contract.image_of(&snapshot.repository)).map(Fact::Image));
    }
    if let Some(signer) = signer_of(snapshot, &snapshot.contract.checksums.name) {
        facts.push(Fact::Signer(named(signer, &snapshot.contract.checksums.name, findings)));
        facts.extend(signer.signed_at.map(Fact::SignedAt));
        facts.extend(signer.log_index.map(Fact::LogIndex));
    }
    facts
}

/// The assets, the registers and the signatures of a release, each where there are any.
pub fn exhibits(snapshot: &Snapshot, findings: &[Finding]) -> Vec<Exhibit> {
    let exhibit = |checks, table| Exhibit { checks, table };
    let (assets, registers, signatures) = (assets(snapshot, findings), registers(snapshot), signatures(snapshot));
    let mut exhibits = Vec::new();
    if !assets.is_empty() {
        exhibits.push(exhibit(ON_ASSETS, Table::Assets(assets)));
    }
    if !registers.rows.is_empty() {
        exhibits.push(exhibit(ON_REGISTERS, Table::Registers(registers)));
    }
    if !signatures.is_empty() {
        exhibits.push(exhibit(ON_SIGNATURES, Table::Signatures(signatures)));
    }
    exhibits
}

/// One row an asset, but for the files that carry the signatures: those have a table of their own.
fn assets(snapshot: &Snapshot, findings: &[Finding]) -> Vec<AssetRow> {
    let checksums = snapshot.contract.checksums.name.as_str();
    let carries_signature = |name: &str| snapshot.signatures.iter().any(|signature| signature.was_judged_by(name));
    let came_of = |check: &str, name: &str| came_of(findings, check, name);
    let row = |name: &str| {
        let checksum = came_of(integrity::CHECKSUM.id, name);
        // A checksum that holds makes the asset one that the checksums file's signer vouches for.
        let vouched = checksum == Some(Status::Pass);
        let own = signer_of(snapshot, name);
        let signed = own.is_some();
        let signer = own.or_else(|| signer_of(snapshot, checksums).filter(|_| vouched));
        AssetRow {
            name: name.to_owned(),
            checksum,
            signature: came_of(authenticity::SIGNATURE.id, name),
            signer: signer.map(|signer| named(signer, if signed { name } else { checksums }, findings)),
        }
    };
    let names = snapshot.assets.iter().map(|asset| asset.name.as_str());
    names.filter(|name| !carries_signature(name)).map(row).collect()
}

fn signatures(snapshot: &Snapshot) -> Vec<SignatureRow> {
    let row = |signature: &Signature| {
        let signer = match &signature.outcome {
            SignatureOutcome::SignedBy(signer) => Some(signer),
            SignatureOutcome::SignedWithKey => None,
            SignatureOutcome::Rejected(_) | SignatureOutcome::Absent | SignatureOutcome::Unverified(_) => return None,
        };
        Some(SignatureRow {
            asset: signature.asset.clone(),
            evidence: signature.evidence.clone(),
            signer: signer.map(|signer| signer.san.clone()),
            signed_at: signer.and_then(|signer| signer.signed_at),
            log_index: signer.and_then(|signer| signer.log_index),
            log: signer.and_then(|signer| signer.log.clone()),
            valid: signer.and_then(|signer| signer.valid),
        })
    };
    snapshot.signatures.iter().filter_map(row).collect()
}

/// What each profile accepts: of a KMS release by role, of a node release as measured. Documents that do not parse have no
/// rows; `schema` says why.
fn registers(snapshot: &Snapshot) -> RegisterMatrix {
    let policies = snapshot.documents(AssetKind::Policy).filter_map(|(_, document)| document.policy());
    let mut rows = matrix::of_policies(policies);
    let measured = snapshot.documents(AssetKind::Measurements).filter_map(|(_, document)| document.measurements());
    let role = match snapshot.tag.family() {
        Family::Kms => Role::Kms,
        Family::Node => Role::Node,
    };
    let published = measured.flat_map(|published| &published.profiles);
    rows.extend(published.map(|of| matrix::row(format!("{} published", of.profile), role, &of.allowed)));
    matrix::matrix(rows)
}

/// What came of a check on an asset; `None` where it was not made.
fn came_of(findings: &[Finding], check: &str, asset: &str) -> Option<Status> {
    let mut found = findings.iter().filter(|f| f.check == check && f.subject == asset).peekable();
    found.peek().is_some().then(|| worst(found))
}

/// A signer in short where the identity is the one demanded. Of others the short name may be the same: they are named whole.
fn named(signer: &Signer, asset: &str, findings: &[Finding]) -> String {
    match came_of(findings, authenticity::IDENTITY.id, asset) {
        Some(Status::Pass) => signer.to_string(),
        Some(Status::Warn | Status::Fail | Status::Missing | Status::SkippedRequired | Status::Skipped) | None => {
            format!("{} via {}", signer.san, signer.issuer)
        }
    }
}

/// Who signed an asset, by the first sound signature over it.
fn signer_of<'a>(snapshot: &'a Snapshot, asset: &str) -> Option<&'a Signer> {
    let of = snapshot.signatures.iter().filter(|signature| signature.asset == asset);
    of.filter_map(|signature| match &signature.outcome {
        SignatureOutcome::SignedBy(signer) => Some(signer),
        SignatureOutcome::SignedWithKey
        | SignatureOutcome::Rejected(_)
        | SignatureOutcome::Absent
        | SignatureOutcome::Unverified(_) => None,
    })
    .next()
}

/// The status that bears most on the verdict; a pass where there is none.
fn worst<'a>(findings: impl Iterator<Item = &'a Finding>) -> Status {
    let weight = |status: &Status| match status {
        Status::Pass => 0,
        Status::Skipped => 1,
        Status::Warn => 2,
        Status::SkippedRequired => 3,
        Status::Missing => 4,
        Status::Fail => 5,
    };
    findings.map(|finding| finding.status).max_by_key(weight).unwrap_or(Status::Pass)
}
