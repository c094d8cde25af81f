//! Whether a release, or a signature beside it, vouches for a document that is about to be put to use.
//!
//! The checks are the auditor's; what the document itself says is judged elsewhere.

use super::{
    checks::{
        self,
        authenticity::{self, IDENTITY},
        integrity::CHECKSUM,
    },
    signer::{ExpectedSigner, Signer},
    snapshot::{Demanded, Signature, SignatureOutcome, Snapshot},
};
use crate::{policy::acceptance::Unacceptable, report::Status};

/// The bytes of the asset `name`, when what was fetched of the release is whole, signed by whom it must be, and either
/// the signed checksums file or a signature of its own vouches for this very asset.
///
/// # Errors
/// Every reason against it.
pub fn document<'s>(snapshot: &'s Snapshot, name: &str) -> Result<&'s [u8], Unacceptable> {
    let findings = checks::judge_delivery(snapshot);
    if let Some(refusal) = Unacceptable::of(&findings) {
        return Err(refusal);
    }
    let vouches = [CHECKSUM.id, IDENTITY.id];
    if !findings.iter().any(|f| vouches.contains(&f.check) && f.subject == name && f.status == Status::Pass) {
        let finding = CHECKSUM
            .fail(name, "neither the checksums file nor a signature of its own vouches for it")
            .help("publish the release again: every document must be vouched for");
        return Err(Unacceptable::because(&finding));
    }
    let too_large = || CHECKSUM.fail(name, "the document is too large to be genuine");
    snapshot.asset(name).and_then(|asset| asset.bytes()).ok_or_else(|| Unacceptable::because(&too_large()))
}

/// Who signed a document that lies by itself: every signature there is must be sound and of the signer expected.
///
/// # Errors
/// Every reason against it, also when there is no signature at all.
pub fn alone<'s>(signatures: &'s [Signature], expected: &ExpectedSigner) -> Result<&'s Signer, Unacceptable> {
    let demanded = Demanded::Signer(expected.clone());
    let mut findings: Vec<_> = signatures.iter().map(|s| authenticity::soundness(s, false)).collect();
    findings.extend(signatures.iter().flat_map(|s| authenticity::allowed_signer(s, &demanded)));
    if let Some(refusal) = Unacceptable::of(&findings) {
        return Err(refusal);
    }
    let signer = signatures.iter().find_map(|signature| match &signature.outcome {
        SignatureOutcome::SignedBy(signer) => Some(signer),
        SignatureOutcome::SignedWithKey
        | SignatureOutcome::Rejected(_)
        | SignatureOutcome::Absent
        | SignatureOutcome::Unverified(_) => None,
    });
    signer.ok_or_else(|| Unacceptable::because(&IDENTITY.fail("", "no certificate says who signed")))
}

#[cfg(test)]
#[allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const SAN: &str = "https://github.com/o/r/.github/workflows/w.yaml@refs/tags/t";

    fn signature(outcome: SignatureOutcome) -> Signature {
        Signature { asset: "p.json".into(), evidence: "p.json.sigstore.json".into(), outcome }
    }

    fn signed_by(san: &str) -> Signature {
        let (repository, git_ref) = (Some("https://github.com/o/r".into()), san.split_once('@').map(|(_, r)| r.into()));
        signature(SignatureOutcome::SignedBy(Signer {
            san: san.into(),
            issuer: "i".into(),
            source_repository: repository,
            source_ref: git_ref,
            ..Signer::default()
        }))
    }

    fn judged(signatures: &[Signature]) -> Result<&Signer, Unacceptable> {
        alone(signatures, &ExpectedSigner::exact(SAN, "i"))
    }

    #[test]
    fn a_sound_signature_of_the_expected_signer_vouches() {
        assert_eq!(judged(&[signed_by(SAN)]).expect("sound").san, SAN);
    }

    #[test]
    fn one_sound_signature_does_not_make_up_for_another_that_is_not() {
        let other = signed_by(&SAN.replace("tags/t", "heads/feature"));
        let refusal = judged(&[signed_by(SAN), other]).expect_err("another ref");
        assert_eq!(refusal.objections()[0].check, "identity");
        let forged = signature(SignatureOutcome::Rejected("forged".into()));
        assert!(matches!(judged(&[signed_by(SAN), forged]), Err(Unacceptable::Refused(_))));
    }

    #[test]
    fn no_signature_is_a_refusal_and_one_that_could_not_be_verified_is_none() {
        assert!(matches!(judged(&[signature(SignatureOutcome::Absent)]), Err(Unacceptable::Refused(_))));
        let silent = signature(SignatureOutcome::Unverified("the log is silent".into()));
        assert!(matches!(judged(&[silent]), Err(Unacceptable::Undecided(_))));
        assert!(judged(&[]).is_err(), "nothing looked at is nothing passed");
        assert!(judged(&[signature(SignatureOutcome::SignedWithKey)]).is_err(), "a key has no identity");
    }
}
