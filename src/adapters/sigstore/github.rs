//! GitHub's own Sigstore instance, by which it attests immutable releases.
//!
//! It writes to no log: neither its certificates nor its signatures can be found in one, and GitHub's authorities alone are
//! trusted. So what is demanded of every other signature is not demanded here. That relaxation belongs to [`GitHubRoot`],
//! which is a type of its own, made from roots without logs alone and never from a [`super::TrustRoot`], and which verifies
//! attestations of releases and nothing else. A root with a log in it is refused, so that no signature which could be in a
//! log is ever taken without.
//!
//! What must hold, in this order: one bundle that two readers read alike, with one certificate and no log entry; a timestamp
//! by one of the root's timestamp authorities, each that is there; the chain to one of its certificate authorities at that
//! time; the one identity that attests releases; and the signature over the statement.

use std::{fmt, path::Path, sync::Arc};

use jiff::Timestamp;
use sigstore_trust_root::{SigstoreInstance, TrustedRoot};
use sigstore_types::{Artifact, Sha256Hash, SignatureContent};
use sigstore_verify::{IdentityMatcher, VerificationPolicy, Verifier};

use super::{Bundle, MAX_EVIDENCE_BYTES, Rejected, claims, trust_root, weak_key, words};
use crate::{
    adapters::file,
    digest::Sha256,
    error::{Error, Result},
    release::attestation::ReleaseStatement,
};

/// Who attests releases, by its certificate.
pub const ATTESTER: &str = "https://dotcom.releases.github.com";

/// What to give instead of what was given.
const EXPECTED: &str = "give a trusted_root.json of an instance that writes to no log, as GitHub's own does";

/// GitHub's authorities, parsed once. A clone shares what was parsed.
#[derive(Clone)]
pub struct GitHubRoot {
    verifier: Arc<Verifier>,
    caveat: Option<String>,
}

/// An attestation as it was read; nothing of it is verified.
#[derive(Debug, Clone)]
pub struct UnverifiedRelease {
    bundle: Bundle,
    statement: ReleaseStatement,
}

impl GitHubRoot {
    /// GitHub's own root as it was when the binary was built, or the one that was given in its place.
    ///
    /// # Errors
    /// Input: the file cannot be read. Usage: it is not a trusted root, or one with logs, or without authorities.
    pub fn load(given: Option<&Path>) -> Result<Self> {
        let Some(path) = given else {
            let root = TrustedRoot::from_embedded(SigstoreInstance::GitHub)
                .map_err(|e| Error::internal("GitHub's embedded trust root does not parse").because(e))?;
            return Self::of(&root, "GitHub's embedded trust root", None);
        };
        let bytes = file::read_source(path, MAX_EVIDENCE_BYTES)?;
        let name = file::source_name(path);
        let unusable =
            |why: String| Error::usage(format!("{name}: not a usable root of GitHub's: {why}")).help(EXPECTED);
        let root = trust_root::read(&bytes).map_err(unusable)?;
        let shown = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let caveat = format!(
            "using custom root {shown} (sha256:{}) for GitHub's attestations, not GitHub's own root",
            Sha256::of(&bytes)
        );
        Self::of(&root, &name, Some(caveat))
    }

    fn of(root: &TrustedRoot, name: &str, caveat: Option<String>) -> Result<Self> {
        let unusable = |why: &str| Error::usage(format!("{name}: not a usable root of GitHub's: {why}")).help(EXPECTED);
        if !root.tlogs.is_empty() || !root.ctlogs.is_empty() {
            return Err(unusable("it names logs, and what is signed under it must be in them"));
        }
        if root.certificate_authorities.is_empty() || root.timestamp_authorities.is_empty() {
            return Err(unusable("it lacks a certificate authority or a timestamp authority"));
        }
        let verifier = Verifier::new(root)
            .map_err(|e| Error::usage(format!("{name}: not a usable root of GitHub's")).because(e))?;
        Ok(Self { verifier: Arc::new(verifier), caveat })
    }

    /// The sentence every report must carry when the root is not GitHub's.
    pub fn caveat(&self) -> Option<String> {
        self.caveat.clone()
    }

    /// Verifies that GitHub attested a release, and says when. Whether it is the release at hand is for
    /// [`crate::release::attestation`] to say.
    ///
    /// # Errors
    /// [`Rejected`] with the first part that failed.
    pub fn verify(&self, attestation: &UnverifiedRelease) -> Result<Timestamp, Rejected> {
        let UnverifiedRelease { bundle, statement } = attestation;
        // The library binds a signature to an artifact by its SHA-256: any that the statement names will do, since the
        // signature is over all of it. What it says of each asset is compared afterwards.
        let Some(digest) = statement.assets.values().next() else {
            return Err(Rejected::new("the attestation names no asset, so its signature cannot be verified"));
        };
        let artifact = Artifact::from_digest(Sha256Hash::from(*digest.as_bytes()));
        let policy = VerificationPolicy::any_identity()
            .require_identity(IdentityMatcher::Uri(ATTESTER.to_owned()))
            .skip_tlog_unsafe()
            .skip_sct();
        let result = self.verifier.verify(artifact, &bundle.inner, &policy).map_err(|e| Rejected::new(words(&e)))?;
        // Belt to the library's braces: a relaxed default in a later version must not pass unnoticed.
        if !(result.certificate_verified() && result.identity_policy_checked()) {
            return Err(Rejected::new("certificate chain or identity was not verified"));
        }
        if let Some(certificate) = result.certificate() {
            weak_key::refuse(&certificate.public_key)?;
        }
        let signed_at = result.verified_timestamps().iter().min().copied();
        signed_at.ok_or_else(|| Rejected::new("no timestamp says when it was signed"))
    }
}

impl UnverifiedRelease {
    /// Reads a bundle that holds an attestation of a release.
    ///
    /// # Errors
    /// [`Rejected`] saying what it is instead, or what is ambiguous.
    pub fn read(bytes: &[u8]) -> Result<Self, Rejected> {
        let bundle = Bundle::parse(bytes)?;
        let SignatureContent::DsseEnvelope(envelope) = &bundle.inner.content else {
            return Err(Rejected::new("not an attestation: a signature over a file, which states nothing"));
        };
        let statement = ReleaseStatement::parse(envelope.payload.as_bytes())
            .map_err(|why| Rejected::new(format!("not an attestation of a release: {why}")))?;
        let Some(certificate) = bundle.inner.signing_certificate() else {
            return Err(Rejected::new("signed with a key, and GitHub attests releases with a certificate"));
        };
        claims::refuse_several_names(certificate)?;
        if !bundle.entries().is_empty() {
            return Err(Rejected::new("it holds a log entry, and GitHub's own instance writes to no log"));
        }
        Ok(Self { bundle, statement })
    }

    /// What it says, which nothing has verified.
    pub fn claims(&self) -> &ReleaseStatement {
        &self.statement
    }

    /// What it says, once [`GitHubRoot::verify`] has verified it.
    pub fn into_statement(self) -> ReleaseStatement {
        self.statement
    }
}

impl fmt::Debug for GitHubRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHubRoot").field("caveat", &self.caveat).finish_non_exhaustive()
    }
}
