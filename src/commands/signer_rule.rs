//! Who must have signed a release, by the word of the command line. Judging a signature by it is the domain's.

use crate::{
    cli::{Cli, IdentityArgs},
    commands::repository::speaks_for,
    error::{Error, Result},
    release::{
        contract::Contract,
        signer::{ExpectedSigner, GITHUB_ACTIONS_ISSUER, release_workflow},
        snapshot::{Demanded, Moved, Origin},
    },
    subject::{repository::Repository, tag::Tag},
};

/// Who must have signed: the release workflow, or whom the user names.
pub(super) struct SignerRule<'a> {
    pub(super) cli: &'a Cli,
    pub(super) identity: &'a IdentityArgs,
    pub(super) repository: &'a Repository,
}

impl SignerRule<'_> {
    /// Refuses unusable identity options before anything is fetched.
    pub(super) fn check(&self) -> Result<()> {
        self.signing_repository(self.repository)?;
        if self.identity.key.is_some() && self.identity.certificate_identity.is_some() {
            return Err(Error::usage("--key and --certificate-identity exclude each other: a key has no identity"));
        }
        match self.written_pattern() {
            Some(pattern) => self.pattern(pattern).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The repository that holds a release: the one asked for or, where that has moved, the one it is now, by the word of
    /// an API that may give it. A name that was given up may belong to anybody, so the new one alone counts.
    ///
    /// # Errors
    /// Usage: an API that is not the server's own says that the repository has moved.
    pub(super) fn holder<'r>(&'r self, origin: &'r Origin) -> Result<&'r Repository> {
        let Origin::GitHub { moved: Some(Moved { from, to }), .. } = origin else { return Ok(self.repository) };
        let (api, server) = (&self.cli.github.api_url, &self.cli.github.server_url);
        if speaks_for(api, server) {
            return Ok(to);
        }
        let here = api.host_str().unwrap_or_default();
        Err(Error::usage(format!("{from} has moved to {to}, says {here}, which is not the API of {server}"))
            .help(format!("if that is right, ask for it by its name: --repo {to}")))
    }

    /// What is demanded of the signatures of `tag` under `contract`, when `holder` holds the release.
    pub(super) fn demanded(&self, tag: &Tag, contract: &Contract, holder: &Repository) -> Result<Demanded> {
        if self.identity.key.is_some() {
            return Ok(Demanded::Key);
        }
        if let Some(san) = self.identity.certificate_identity.as_deref().filter(|i| !i.is_empty()) {
            return Ok(Demanded::Signer(self.with_source(ExpectedSigner::exact(san, self.issuer()))));
        }
        if let Some(pattern) = self.written_pattern() {
            return Ok(Demanded::Signer(self.with_source(self.pattern(pattern)?)));
        }
        Ok(Demanded::Signer(self.with_source(self.own_workflow(tag, contract, holder)?)))
    }

    /// The release workflow of the tag's family, whatever identity and source the user names.
    pub(super) fn release_workflow(&self, tag: &Tag, contract: &Contract, holder: &Repository) -> Result<Demanded> {
        self.own_workflow(tag, contract, holder).map(Demanded::Signer)
    }

    fn own_workflow(&self, tag: &Tag, contract: &Contract, holder: &Repository) -> Result<ExpectedSigner> {
        let workflow = release_workflow(
            self.cli.github.server_url.as_str(),
            &self.signing_repository(holder)?,
            &contract.workflow,
            &contract.branch,
            tag,
        );
        Ok(ExpectedSigner::workflow(workflow, self.issuer()))
    }

    fn with_source(&self, signer: ExpectedSigner) -> ExpectedSigner {
        signer.running_for(super::named_source(&self.identity.source))
    }

    fn issuer(&self) -> &str {
        self.identity.certificate_oidc_issuer.as_deref().filter(|i| !i.is_empty()).unwrap_or(GITHUB_ACTIONS_ISSUER)
    }

    /// The pattern given; an empty variable, as an unset one in a workflow, is none.
    fn written_pattern(&self) -> Option<&str> {
        self.identity.certificate_identity_regexp.as_deref().filter(|p| !p.is_empty())
    }

    fn pattern(&self, pattern: &str) -> Result<ExpectedSigner> {
        ExpectedSigner::pattern(pattern, self.issuer())
            .map_err(|e| Error::usage("--certificate-identity-regexp is not a regular expression").because(e))
    }

    fn signing_repository(&self, holder: &Repository) -> Result<Repository> {
        match self.identity.signer_repo.as_deref().filter(|r| !r.is_empty()) {
            None => Ok(holder.clone()),
            Some(text) => text.parse().map_err(|e| Error::usage("--signer-repo").because(e)),
        }
    }
}
