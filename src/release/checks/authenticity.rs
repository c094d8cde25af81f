//! Was it signed, soundly, and by whom it had to be?

use crate::{
    release::{
        contract::{Covers, Signed},
        signer::{ExpectedSigner, Mismatch, Signer},
        snapshot::{Asset, Content, Demanded, Signature, SignatureOutcome, Snapshot},
    },
    report::{CheckInfo, Finding},
    subject::evidence_name::signed_by,
};

/// `signature`.
pub const SIGNATURE: CheckInfo = CheckInfo {
    id: "signature",
    title: "signatures verify: certificate chain, SCT, transparency log, signing time and artifact",
};
/// `identity`.
pub const IDENTITY: CheckInfo = CheckInfo {
    id: "identity",
    title: "the signer is the release workflow of the repository at the release's tag or branch",
};

/// Names of the assets that must carry a signature of their own and are in the release.
pub fn must_be_signed(snapshot: &Snapshot) -> Vec<String> {
    let contract = &snapshot.contract;
    let mut names = vec![contract.checksums.name.clone()];
    if contract.signed == Signed::EveryAsset {
        names.extend(contract.assets().map(|a| a.name));
        if contract.checksums.covers == Covers::Archives
            && let Some((file, _)) = super::checksums_of(snapshot)
            && !snapshot.quick
        {
            names.extend(file.iter().map(|(name, _)| name.to_owned()));
        }
    }
    names.retain(|name| snapshot.asset(name).is_some());
    names
}

/// The assets whose signature matters: those that must be signed, and every other that is.
pub fn to_verify(snapshot: &Snapshot) -> Vec<&Asset> {
    let required = must_be_signed(snapshot);
    let signed: Vec<&str> = snapshot.assets.iter().filter_map(|a| signed_by(a.name.as_str())).collect();
    let matters = |name: &str| required.iter().any(|r| r == name) || signed.contains(&name);
    let fetched = |asset: &&Asset| !matches!(asset.content, Content::NotFetched);
    snapshot.assets.iter().filter(|asset| matters(asset.name.as_str())).filter(fetched).collect()
}

/// One line an asset that is signed or must be.
pub fn signature(snapshot: &Snapshot) -> Vec<Finding> {
    let several = |asset: &str| snapshot.signatures.iter().filter(|s| s.asset == asset).count() > 1;
    let mut findings: Vec<Finding> =
        snapshot.signatures.iter().map(|signature| soundness(signature, several(&signature.asset))).collect();
    for asset in must_be_signed(snapshot) {
        if !snapshot.signatures.iter().any(|s| s.asset == asset) {
            findings.push(SIGNATURE.undecided(asset, "its signature was not checked"));
        }
    }
    if findings.is_empty() {
        let name = &snapshot.contract.checksums.name;
        findings.push(SIGNATURE.undecided(name, "nothing that must be signed is in the release"));
    }
    findings
}

/// Whether one signature is sound. `named`: whether the asset has several signatures, so that a pass must say which one is meant.
pub(crate) fn soundness(signature: &Signature, named: bool) -> Finding {
    let asset = signature.asset.as_str();
    let by = |who: String| if named { format!("{who} ({})", signature.evidence) } else { who };
    match &signature.outcome {
        SignatureOutcome::SignedBy(signer) => SIGNATURE.pass(asset, by(signer.to_string())),
        SignatureOutcome::SignedWithKey => SIGNATURE.pass(asset, by("the key given with --key".into())),
        SignatureOutcome::Rejected(why) => SIGNATURE
            .fail(asset, format!("{}: {why}", signature.evidence))
            .compared("a signature over this asset", "one that must not be trusted")
            .help("do not deploy: the asset was not signed by the release workflow, or was changed since"),
        SignatureOutcome::Absent => SIGNATURE
            .missing(asset, "no signature")
            .compared(signature.evidence.as_str(), "none of them")
            .help("sign the asset in the release workflow and upload the signature beside it"),
        SignatureOutcome::Unverified(why) => SIGNATURE.undecided(asset, why.as_str()),
    }
}

/// One line a sound signature: whether its signer was allowed to sign.
pub fn identity(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        snapshot.signatures.iter().flat_map(|signature| allowed_signer(signature, &snapshot.signer)).collect();
    if findings.is_empty() {
        findings.push(IDENTITY.undecided("", "no signature verified, so the signer is unknown"));
    }
    findings
}

/// Whether the signer of a sound signature is the one demanded; nothing of one that is not sound.
pub(crate) fn allowed_signer(signature: &Signature, demanded: &Demanded) -> Vec<Finding> {
    let asset = signature.asset.as_str();
    match (&signature.outcome, demanded) {
        (SignatureOutcome::SignedBy(signer), Demanded::Signer(expected)) => identity_of(asset, signer, expected),
        (SignatureOutcome::SignedBy(_), Demanded::Key) => {
            vec![IDENTITY.fail(asset, "signed with a certificate, and not with the key given with --key")]
        }
        (SignatureOutcome::SignedWithKey, _) => vec![IDENTITY.pass(asset, "the holder of the key given with --key")],
        (SignatureOutcome::Rejected(_) | SignatureOutcome::Absent | SignatureOutcome::Unverified(_), _) => Vec::new(),
    }
}

/// Whether a signer was allowed to sign `subject`: a pass, or a failure for each part that differs.
pub fn identity_of(subject: &str, signer: &Signer, expected: &ExpectedSigner) -> Vec<Finding> {
    let mismatches = expected.mismatches(signer);
    if mismatches.is_empty() {
        return vec![IDENTITY.pass(subject, format!("{} via {}", signer.san, signer.issuer))];
    }
    let fail = |m: Mismatch| {
        let message = match (&m.actual, m.part.starts_with("source ")) {
            (None, _) => format!("the certificate names no {}", m.part),
            (Some(_), true) => format!("the workflow ran for a different {}", m.part),
            (Some(_), false) => format!("another {} signed", m.part),
        };
        IDENTITY
            .fail(subject, message)
            .compared(m.expected, m.actual.as_deref().unwrap_or("none"))
            .help(m.advice.as_deref().unwrap_or("do not trust this: only the expected signer may sign"))
    };
    mismatches.into_iter().map(fail).collect()
}
