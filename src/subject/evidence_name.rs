//! Which files look like evidence over another file: signatures, certificates, bundles, attestations, checksums. Some client
//! may go by each of them, so each is verified or reported.
//!
//! Names only; what the files hold is verified elsewhere.

/// Suffixes of the files that carry a signature over another file. They vouch; nothing vouches for them.
pub const EVIDENCE_SUFFIXES: [&str; 4] = [".sigstore.json", ".bundle.json", ".sig", ".pem"];

/// What a file's name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidenceName<'a> {
    /// The file it is about.
    pub over: &'a str,
    /// What it is, in words.
    pub what: &'static str,
    /// Whether this program verifies files of this kind.
    pub verified: bool,
}

/// Words for the suffixes that this program verifies, in the order of [`EVIDENCE_SUFFIXES`].
const VERIFIED: [&str; 4] = ["a Sigstore bundle", "a Sigstore bundle", "a signature", "a certificate"];

/// Suffixes that others verify, longer ones first where one ends in another.
const OTHERS: [(&str, &str); 52] = [
    (".sigstore.jsonl", "Sigstore bundles (JSON lines)"),
    (".bundle.jsonl", "Sigstore bundles (JSON lines)"),
    (".cosign.bundle", "a Sigstore bundle"),
    (".sigstore", "a Sigstore bundle"),
    (".bundle", "a Sigstore bundle"),
    (".attestations.jsonl", "attestations (JSON lines)"),
    (".attestation.jsonl", "attestations (JSON lines)"),
    (".attestations.json", "attestations"),
    (".attestation.json", "an attestation"),
    (".attestations", "attestations"),
    (".attestation", "an attestation"),
    (".intoto.jsonl", "attestations (JSON lines)"),
    (".intoto.json", "an attestation"),
    (".intoto", "an attestation"),
    (".provenance.json", "an attestation"),
    (".provenance", "an attestation"),
    (".slsa.json", "an attestation"),
    (".dsse.json", "an attestation"),
    (".dsse", "an attestation"),
    (".att.jsonl", "attestations (JSON lines)"),
    (".att.json", "an attestation"),
    (".att", "an attestation"),
    (".jsonl", "attestations (JSON lines)"),
    (".rekor.json", "a log entry"),
    (".rekor", "a log entry"),
    (".tsr", "a timestamp"),
    (".tsq", "a timestamp request"),
    (".ots", "a timestamp"),
    (".asc", "an OpenPGP signature"),
    (".gpg", "an OpenPGP signature"),
    (".pgp", "an OpenPGP signature"),
    (".minisig", "a minisign signature"),
    (".signify", "a signify signature"),
    (".sshsig", "an SSH signature"),
    (".signature", "a signature"),
    (".sign", "a signature"),
    (".p7s", "a PKCS #7 signature"),
    (".p7m", "a PKCS #7 signature"),
    (".p7b", "certificates"),
    (".jws", "a JSON web signature"),
    (".crt", "a certificate"),
    (".cert", "a certificate"),
    (".cer", "a certificate"),
    (".der", "a certificate"),
    (".pub", "a public key"),
    (".sha256sum", "a checksum"),
    (".sha256", "a checksum"),
    (".sha512sum", "a checksum"),
    (".sha512", "a checksum"),
    (".sha1", "a checksum"),
    (".md5", "a checksum"),
    (".digest", "a checksum"),
];

impl<'a> EvidenceName<'a> {
    /// What the name of a file promises; `None` for a name that promises no evidence. Suffixes count in any case, but only
    /// in lower case are such files verified.
    pub fn parse(name: &'a str) -> Option<Self> {
        let exact = EVIDENCE_SUFFIXES.iter().zip(VERIFIED).map(|(suffix, what)| (*suffix, what, true));
        let others = OTHERS.iter().map(|(suffix, what)| (*suffix, *what, false));
        let in_any_case = EVIDENCE_SUFFIXES.iter().zip(VERIFIED).map(|(suffix, what)| (*suffix, what, false));
        exact.chain(others).chain(in_any_case).find_map(|(suffix, what, verified)| {
            let (over, tail) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
            let fits = if verified { tail == suffix } else { tail.eq_ignore_ascii_case(suffix) };
            (fits && !over.is_empty()).then_some(Self { over, what, verified })
        })
    }
}

/// The file a signature file vouches for: `X.sig` → `X`.
pub fn signed_by(name: &str) -> Option<&str> {
    EVIDENCE_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).filter(|stem| !stem.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_suffix_decides_and_case_does_not() {
        for (name, over, verified) in [
            ("a.sigstore.json", "a", true),
            ("a.bundle.json", "a", true),
            ("a.sig", "a", true),
            ("a.tar.gz.pem", "a.tar.gz", true),
            ("a.SIG", "a", false),
            ("a.Pem", "a", false),
            ("a.Sigstore.JSON", "a", false),
            ("a.intoto.jsonl", "a", false),
            ("a.jsonl", "a", false),
            ("a.asc", "a", false),
            ("a.sig.asc", "a.sig", false),
            ("a.sigstore", "a", false),
            ("a.sha256", "a", false),
        ] {
            let found = EvidenceName::parse(name).map(|e| (e.over, e.verified));
            assert_eq!(found, Some((over, verified)), "{name}");
        }
        for none in ["", ".sig", ".asc", "sig", "a", "a.json", "a.sig.txt", "a.tar.gz", "asc", "é.json"] {
            assert_eq!(EvidenceName::parse(none), None, "{none}");
        }
    }

    #[test]
    fn no_suffix_hides_behind_a_shorter_one_before_it() {
        for (at, (long, _)) in OTHERS.iter().enumerate() {
            assert!(long.starts_with('.') && long.to_ascii_lowercase() == *long, "{long}");
            let hidden = OTHERS.iter().take(at).find(|(earlier, _)| long.ends_with(earlier));
            assert_eq!(hidden, None, "{long}");
        }
    }
}
