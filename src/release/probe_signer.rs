//! Who must have signed the candidates of a probe: the workflow that probes machines of the role, on a branch or tag that is
//! protected. A branch that anyone may push to can make its copy of the workflow sign whatever it likes.

use super::{
    signer::{ExpectedSigner, ExpectedWorkflow},
    signer_rule::SignerRule,
    snapshot::Demanded,
};
use crate::subject::role::Role;

/// Path of the workflow that probes machines of `role`.
pub fn workflow(role: Role) -> &'static str {
    match role {
        Role::Kms => ".github/workflows/kms-phala-staging-probe.yaml",
        Role::Node => ".github/workflows/node-image-gcp-staging-probe.yaml",
    }
}

/// Refs at which that workflow may have run: those that are `named`, or else the branch that promotions go to. A tag is not
/// one of them: whether it leads to a commit of that branch is up to the account that pushed it.
pub fn refs(branch: &str, named: &[String]) -> Vec<String> {
    if named.is_empty() { vec![format!("refs/heads/{branch}")] } else { named.to_vec() }
}

/// Who must have signed candidates of `role`: whom the rule names, or else the workflow of the role, or the one at the path
/// `named`, at one of `refs`.
pub fn demanded(rule: &SignerRule, role: Role, named: Option<&str>, refs: &[String]) -> Demanded {
    if let Some(demanded) = &rule.named {
        return demanded.clone();
    }
    let workflow = ExpectedWorkflow {
        server: rule.server.trim_end_matches('/').to_owned(),
        repository: rule.signing_repository.clone().unwrap_or_else(|| rule.repository.clone()),
        workflow: named.unwrap_or_else(|| workflow(role)).to_owned(),
        refs: refs.to_vec(),
    };
    Demanded::Signer(ExpectedSigner::workflow(workflow, &rule.issuer).running_for(rule.source.clone()))
}
