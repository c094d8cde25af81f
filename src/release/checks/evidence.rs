//! Is every file of evidence one that was looked at?
//!
//! A signature that this program passes by may be the one that another client reads.

use crate::{
    release::snapshot::{Asset, Content, Demanded, Snapshot},
    report::{CheckInfo, Finding},
    subject::evidence_name::EvidenceName,
    text::counted,
};

/// `evidence`.
pub const EVIDENCE: CheckInfo = CheckInfo {
    id: "evidence",
    title: "every signature, certificate, bundle and attestation is verified, and is over an asset of the release",
};

const NOT_OURS: &str =
    "verify it by other means, or delete it: another client may rely on it; signatures beside it count on their own";

/// Whether the release holds any file of evidence.
pub fn is_there(snapshot: &Snapshot) -> bool {
    files(snapshot).next().is_some()
}

/// A warning for each file of evidence that no signature was judged by, and one line for all the others. The
/// signatures say what came of those.
pub fn evidence(snapshot: &Snapshot) -> Vec<Finding> {
    let mut judged = 0_usize;
    let mut findings = Vec::new();
    for (asset, name) in files(snapshot) {
        let file = asset.name.as_str();
        if snapshot.signatures.iter().any(|signature| signature.was_judged_by(file)) {
            judged += 1;
        } else {
            findings.push(unused(snapshot, asset, name));
        }
    }
    if judged > 0 {
        let files = counted(judged, "file", "files");
        findings.insert(0, EVIDENCE.pass("", format!("signatures were verified with {files} of evidence")));
    }
    findings
}

/// Files of evidence. What the contract names is a document with checks of its own. A narrowed contract is about its own
/// assets only.
fn files(snapshot: &Snapshot) -> impl Iterator<Item = (&Asset, EvidenceName<'_>)> {
    let contract = &snapshot.contract;
    let named = |name: &str| contract.checksums.name == name || contract.assets().any(|a| a.name == name);
    snapshot.assets.iter().filter_map(move |asset| {
        let evidence = EvidenceName::parse(asset.name.as_str())?;
        let wanted = !snapshot.quick || named(evidence.over);
        (wanted && !named(asset.name.as_str())).then_some((asset, evidence))
    })
}

fn unused(snapshot: &Snapshot, asset: &Asset, name: EvidenceName<'_>) -> Finding {
    let (file, EvidenceName { over, what, verified }) = (asset.name.as_str(), name);
    let Some(signed) = snapshot.asset(over) else {
        return EVIDENCE
            .warn(file, format!("looks like {what} over {over}, which is not in the release"))
            .help("publish what it is about, or delete it");
    };
    if !verified {
        return EVIDENCE
            .warn(file, format!("looks like {what} over {over}: merotee does not verify files of this kind"))
            .help(NOT_OURS);
    }
    if matches!(signed.content, Content::NotFetched) {
        return EVIDENCE.warn(file, format!("{what} over {over} was not verified: that asset was not fetched"));
    }
    match snapshot.signer {
        Demanded::Key => EVIDENCE
            .warn(file, format!("{what} over {over} was not verified: with --key, only signatures by that key are"))
            .help("run again without --key to verify what was signed with a certificate"),
        Demanded::Signer(_) => EVIDENCE
            .warn(file, format!("{what} over {over} was not verified: its other half is missing"))
            .compared(format!("{over}.sig with {over}.pem, a bundle of the same signing, or the key"), file)
            .help(
                "publish what is missing, give the key with --key, or delete the file: another client may rely on it",
            ),
    }
}

#[cfg(test)]
mod tests;
