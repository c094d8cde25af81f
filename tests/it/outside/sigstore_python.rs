//! sigstore-python, a second and independent implementation, as verifier and as signer.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use merotee::sandbox::sigstore::Identity;

use super::program;

/// The program, found.
pub(crate) struct SigstorePython(PathBuf);

impl SigstorePython {
    pub(crate) fn find() -> Option<Self> {
        program("sigstore", "MEROTEE_SIGSTORE_PYTHON").map(Self)
    }

    /// Runs it in a folder, under the trust configuration in `trust`. Whatever it caches or reads stays in the folder.
    pub(crate) fn run(&self, folder: &Path, trust: &Path, arguments: &[&str]) -> Output {
        Command::new(&self.0)
            .arg("--trust-config")
            .arg(trust)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("HOME", folder)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .output()
            .unwrap()
    }

    /// Verifies `file` by `bundle`, both in `folder`, for the identity.
    pub(crate) fn verify(&self, folder: &Path, trust: &Path, file: &str, bundle: &str, identity: &Identity) -> Output {
        let Identity { san, issuer, .. } = identity;
        let who = ["--cert-identity", san, "--cert-oidc-issuer", issuer];
        self.run(folder, trust, &[&["verify", "identity", "--bundle", bundle][..], &who, &[file]].concat())
    }
}
