//! The attestation policies that the sample repository keeps on its main branch: drafts, as this repository has them, into
//! which probes are promoted.

/// Path and content of each.
pub(super) fn kept() -> [(&'static str, &'static str); 3] {
    [
        (
            "policies/kms-phala-attestation-policy.debug.json",
            include_str!("../../policies/kms-phala-attestation-policy.debug.json"),
        ),
        (
            "policies/kms-phala-attestation-policy.debug-read-only.json",
            include_str!("../../policies/kms-phala-attestation-policy.debug-read-only.json"),
        ),
        (
            "policies/kms-phala-attestation-policy.locked-read-only.json",
            include_str!("../../policies/kms-phala-attestation-policy.locked-read-only.json"),
        ),
    ]
}
