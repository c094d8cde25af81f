//! Where the jobs of the world's workflows get their identity tokens.

use super::World;
use crate::{
    release::probe_signer,
    sandbox::documents,
    subject::{
        role::Role,
        tag::{Family, Tag},
    },
};

/// The main branch of the repository.
const MAIN: &str = "refs/heads/master";

impl World {
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
}
