//! Which certificate authorities and logs are believed.

use std::{fmt, path::PathBuf};

use sigstore_trust_root::{SigstoreInstance, TrustedRoot};
use sigstore_verify::Verifier;

use super::MAX_EVIDENCE_BYTES;
use crate::{
    adapters::file,
    error::{Error, Result},
};

/// Where a trust root came from. Anything but the embedded one is announced and recorded in every report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustRootSource {
    /// The public-good instance's root, as it was when the binary was built.
    Embedded,
    /// A `trusted_root.json` given by the user.
    File(PathBuf),
}

/// A trust root, parsed once and ready to verify many bundles.
pub struct TrustRoot {
    verifier: Verifier,
    source: TrustRootSource,
}

impl TrustRoot {
    /// Loads and validates a root.
    ///
    /// # Errors
    /// When the file cannot be read or is not a usable trusted root.
    pub fn load(source: TrustRootSource) -> Result<Self> {
        let (root, name) = match &source {
            TrustRootSource::Embedded => (
                TrustedRoot::from_embedded(SigstoreInstance::PublicGood)
                    .map_err(|e| Error::internal("the embedded trust root does not parse").because(e))?,
                "the embedded trust root".to_owned(),
            ),
            TrustRootSource::File(path) => {
                let bytes = file::read_bounded(path, MAX_EVIDENCE_BYTES)?;
                let refuse = |reason: String| Error::trust(format!("{}: not a trusted root: {reason}", path.display()));
                let text = String::from_utf8(bytes).map_err(|_| refuse("not UTF-8".into()))?;
                let root = TrustedRoot::from_json(&text).map_err(|e| refuse(e.to_string()))?;
                (root, path.display().to_string())
            }
        };
        let verifier =
            Verifier::new(&root).map_err(|e| Error::trust(format!("{name}: unusable trusted root")).because(e))?;
        Ok(Self { verifier, source })
    }

    /// Where it came from.
    pub fn source(&self) -> &TrustRootSource {
        &self.source
    }

    /// The sentence every report must carry when the root is not the embedded one.
    pub fn caveat(&self) -> Option<String> {
        match &self.source {
            TrustRootSource::Embedded => None,
            TrustRootSource::File(path) => Some(format!(
                "signatures are judged by the trust root in {}, not by Sigstore's public-good root",
                path.display()
            )),
        }
    }

    pub(super) fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

impl fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustRoot").field("source", &self.source).finish_non_exhaustive()
    }
}
