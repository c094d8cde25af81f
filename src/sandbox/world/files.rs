//! Where the files of a world are.

use std::path::PathBuf;

use super::{KMS_POLICY, LOGS, NODE_KEY, TDX_COLLATERAL, TDX_QUOTE, TDX_ROOT, World};
use crate::sandbox::sigstore::Log;

impl World {
    /// The TDX platform's root certificate, DER.
    pub fn tdx_root(&self) -> PathBuf {
        self.folder.path().join(TDX_ROOT)
    }

    /// A quote of the sample KMS over the sample nonce and the default binding.
    pub fn tdx_quote(&self) -> PathBuf {
        self.folder.path().join(TDX_QUOTE)
    }

    /// The TDX platform's collateral in one file.
    pub fn tdx_collateral(&self) -> PathBuf {
        self.folder.path().join(TDX_COLLATERAL)
    }

    /// The policy of the sample KMS, profile locked-read-only.
    pub fn kms_policy(&self) -> PathBuf {
        self.folder.path().join(KMS_POLICY)
    }

    /// The node's secret key, as `kms get-key --node-key` reads it.
    pub fn node_key(&self) -> PathBuf {
        self.folder.path().join(NODE_KEY)
    }

    /// Trusted root and signing configuration in one file, as sigstore-python wants them.
    pub fn trust_config(&self, log: Log) -> PathBuf {
        self.of_log(log, |(_, trust, _)| trust)
    }

    /// The services that sign, with entries going to this log.
    pub fn signing_config(&self, log: Log) -> PathBuf {
        self.of_log(log, |(_, _, signing)| signing)
    }

    fn of_log(&self, log: Log, name: impl FnOnce((Log, &'static str, &'static str)) -> &'static str) -> PathBuf {
        let [first, second] = LOGS;
        self.folder.path().join(name(if log == first.0 { first } else { second }))
    }
}
