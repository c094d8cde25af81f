//! Which certificate authorities and logs are believed.

use std::{ffi::OsStr, fmt, path::PathBuf};

use sigstore_trust_root::{SigstoreInstance, TrustedRoot};
use sigstore_verify::Verifier;

use super::MAX_EVIDENCE_BYTES;
use crate::{
    adapters::file,
    digest::Sha256,
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
    caveat: Option<String>,
}

impl TrustRoot {
    /// Loads and validates a root.
    ///
    /// # Errors
    /// When the file cannot be read or is not a usable trusted root.
    pub fn load(source: TrustRootSource) -> Result<Self> {
        let (root, name, caveat) = match &source {
            TrustRootSource::Embedded => (
                TrustedRoot::from_embedded(SigstoreInstance::PublicGood)
                    .map_err(|e| Error::internal("the embedded trust root does not parse").because(e))?,
                "the embedded trust root".to_owned(),
                None,
            ),
            TrustRootSource::File(path) => {
                let bytes = file::read_source(path, MAX_EVIDENCE_BYTES)?;
                let caveat = caveat(path.file_name().unwrap_or(path.as_os_str()), Sha256::of(&bytes));
                let refuse =
                    |reason: String| Error::trust(format!("{}: not a trusted root: {reason}", file::source_name(path)));
                let text = String::from_utf8(bytes).map_err(|_| refuse("not UTF-8".into()))?;
                let root = TrustedRoot::from_json(&text).map_err(|e| refuse(e.to_string()))?;
                (root, file::source_name(path), Some(caveat))
            }
        };
        let verifier =
            Verifier::new(&root).map_err(|e| Error::trust(format!("{name}: unusable trusted root")).because(e))?;
        Ok(Self { verifier, source, caveat })
    }

    /// Where it came from.
    pub fn source(&self) -> &TrustRootSource {
        &self.source
    }

    /// The sentence every report must carry when the root is not the embedded one.
    pub fn caveat(&self) -> Option<String> {
        self.caveat.clone()
    }

    pub(super) fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

/// Names the root by its digest: the same root reads the same in every report, wherever it lay.
fn caveat(name: &OsStr, digest: Sha256) -> String {
    let name = name.to_string_lossy();
    format!("signatures are judged by the trust root {name} (sha256:{digest}), not by Sigstore's public-good root")
}

impl fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustRoot").field("source", &self.source).finish_non_exhaustive()
    }
}
