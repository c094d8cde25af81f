//! Where the files of a world are, and where its jobs get their identity tokens.

use std::path::PathBuf;

use super::{KMS_POLICY, LOGS, MAIN, NODE_KEY, TDX_COLLATERAL, TDX_QUOTE, TDX_ROOT, World};
use crate::{
    release::probe_signer,
    sandbox::{documents, sigstore::Log},
    subject::{
        role::Role,
        tag::{Family, Tag},
    },
};

impl World {
    /// The TDX platform's root certificate, DER.
    pub fn tdx_root(&self) -> PathBuf {
        self.folder.path().join(TDX_ROOT)
    }

    /// A quote of the sample KMS over [`NONCE`] and the default binding.
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

    /// Where the job of a probe gets its identity token: of the workflow that probes this family, on the main branch.
    pub fn probe_token_url(&self, family: Family) -> String {
        let path = probe_signer::workflow(match family {
            Family::Kms => Role::Kms,
            Family::Node => Role::Node,
        });
        let name = path.rsplit('/').next().unwrap_or(path);
        self.token_of(name, MAIN, &"0".repeat(40))
    }

    /// Where a job gets its identity token: of the release workflow at `tag`, or of the KMS's on the main branch.
    pub fn token_url(&self, tag: Option<&Tag>) -> String {
        let workflow = match tag.map(Tag::family) {
            Some(Family::Kms) | None => "release-kms-phala.yaml",
            Some(Family::Node) => "release-node-image-gcp.yaml",
        };
        let git_ref = tag.map_or(MAIN.to_owned(), |tag| format!("refs/tags/{tag}"));
        let sha = tag.map_or_else(|| "0".repeat(40), documents::commit);
        self.token_of(workflow, &git_ref, &sha)
    }

    fn token_of(&self, workflow: &str, git_ref: &str, sha: &str) -> String {
        let (base, repository) = (&self.sigstore, documents::REPOSITORY);
        format!("{base}/oidc/token?repository={repository}&workflow={workflow}&ref={git_ref}&sha={sha}")
    }

    fn of_log(&self, log: Log, name: impl FnOnce((Log, &'static str, &'static str)) -> &'static str) -> PathBuf {
        let [first, second] = LOGS;
        self.folder.path().join(name(if log == first.0 { first } else { second }))
    }
}
