//! Who must have signed a release, by the word of the command line.

use crate::{
    cli::IdentityArgs,
    commands::repository::speaks_for,
    context::Context,
    error::{Error, Result},
    release::{
        signer::{ExpectedSigner, GITHUB_ACTIONS_ISSUER},
        signer_rule::{Moves, SignerRule},
        snapshot::Demanded,
    },
    subject::repository::Repository,
};

/// The release workflow, or whom the user names.
///
/// # Errors
/// Usage: options that cannot be used, before anything is fetched.
pub(super) fn signer_rule(identity: &IdentityArgs, context: &Context, repository: &Repository) -> Result<SignerRule> {
    let signing_repository = identity
        .signer_repo
        .as_deref()
        .map(|text| text.parse().map_err(|e| Error::usage("--signer-repo").because(e)))
        .transpose()?;
    if identity.key.is_some() && identity.certificate_identity.is_some() {
        return Err(Error::usage("--key and --certificate-identity exclude each other: a key has no identity"));
    }
    let issuer = identity.certificate_oidc_issuer.clone().unwrap_or_else(|| GITHUB_ACTIONS_ISSUER.to_owned());
    let pattern = identity
        .certificate_identity_regexp
        .as_deref()
        .map(|pattern| {
            ExpectedSigner::pattern(pattern, &issuer)
                .map_err(|e| Error::usage("--certificate-identity-regexp is not a regular expression").because(e))
        })
        .transpose()?;
    let exact = identity.certificate_identity.as_deref().map(|san| ExpectedSigner::exact(san, &issuer));
    let source = super::named_source(&identity.source);
    let named = match (&identity.key, exact.or(pattern)) {
        (Some(_), _) => Some(Demanded::Key),
        (None, signer) => signer.map(|signer| Demanded::Signer(signer.running_for(source.clone()))),
    };
    let (api, server) = (&context.endpoints.api_url, &context.endpoints.server_url);
    let moves = moves(api, server);
    Ok(SignerRule {
        server: server.to_string(),
        repository: repository.clone(),
        moves,
        signing_repository,
        named,
        issuer,
        source,
    })
}

/// The release workflow of each family, and nothing else.
pub(super) fn own_workflows(context: &Context, repository: &Repository) -> SignerRule {
    let (api, server) = (&context.endpoints.api_url, &context.endpoints.server_url);
    SignerRule::of_workflow(server.as_str(), repository.clone(), GITHUB_ACTIONS_ISSUER, moves(api, server))
}

/// What it means when the API at `api` says that a repository has moved.
fn moves(api: &url::Url, server: &url::Url) -> Moves {
    match speaks_for(api, server) {
        true => Moves::Followed,
        false => Moves::Refused(api.host_str().unwrap_or_default().to_owned()),
    }
}
