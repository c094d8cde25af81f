//! Who must have signed a release, whichever it turns out to be: known once its tag, its contract and the repository that
//! holds it are. Whether somebody else did is judged by [`super::signer`].

use super::{
    contract::Contract,
    signer::{ExpectedSigner, NamedSource, release_workflow},
    snapshot::{Demanded, Moved, Origin},
};
use crate::{
    error::{Error, Result},
    subject::{repository::Repository, tag::Tag},
};

/// Who must have signed.
#[derive(Debug, Clone)]
pub struct SignerRule {
    /// GitHub's web address, as certificates name it, with a slash at its end.
    pub server: String,
    /// The repository that releases are asked of.
    pub repository: Repository,
    /// What it means when that repository has another name now.
    pub moves: Moves,
    /// Whose workflow must have signed, when it is not that of the repository that holds the release.
    pub signing_repository: Option<Repository>,
    /// Who signs, when it is not the release workflow.
    pub named: Option<Demanded>,
    /// Issuer of the release workflow's identity.
    pub issuer: String,
    /// What the release workflow must have run for, when that is not its own repository and ref.
    pub source: NamedSource,
}

/// What it means when an API says that a repository has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moves {
    /// The API is the server's own: its word is taken.
    Followed,
    /// The API on this host is not the server's own: nothing is judged by its word.
    Refused(String),
    /// The name that was given is meant, whatever repository has it now.
    Ignored,
}

impl SignerRule {
    /// The release workflow of `repository` on the GitHub at `server`, and nothing else.
    pub fn of_workflow(server: &str, repository: Repository, issuer: &str, moves: Moves) -> Self {
        Self {
            server: server.to_owned(),
            repository,
            moves,
            signing_repository: None,
            named: None,
            issuer: issuer.to_owned(),
            source: NamedSource::default(),
        }
    }

    /// The repository that holds a release: the one asked for or, where that has moved, the one it is now, by the word of
    /// an API that may give it. A name that was given up may belong to anybody, so the new one alone counts.
    ///
    /// # Errors
    /// Usage: an API that is not the server's own says that the repository has moved.
    pub fn holder<'r>(&'r self, origin: &'r Origin) -> Result<&'r Repository> {
        let Origin::GitHub { moved: Some(Moved { from, to }), .. } = origin else { return Ok(&self.repository) };
        match &self.moves {
            Moves::Followed => Ok(to),
            Moves::Ignored => Ok(&self.repository),
            Moves::Refused(here) => {
                let server = &self.server;
                Err(Error::usage(format!("{from} has moved to {to}, says {here}, which is not the API of {server}"))
                    .help(format!("if that is right, ask for it by its name: --repo {to}")))
            }
        }
    }

    /// What is demanded of the signatures of `tag` under `contract`, when `holder` holds the release.
    pub fn demanded(&self, tag: &Tag, contract: &Contract, holder: &Repository) -> Demanded {
        match &self.named {
            Some(demanded) => demanded.clone(),
            None => Demanded::Signer(self.own_workflow(tag, contract, holder).running_for(self.source.clone())),
        }
    }

    /// The release workflow of the tag's family, whatever identity and source the user names.
    pub fn release_workflow(&self, tag: &Tag, contract: &Contract, holder: &Repository) -> Demanded {
        Demanded::Signer(self.own_workflow(tag, contract, holder))
    }

    /// The release workflow of the repository that releases are asked of.
    pub fn workflow(&self, tag: &Tag, contract: &Contract) -> ExpectedSigner {
        self.own_workflow(tag, contract, &self.repository)
    }

    fn own_workflow(&self, tag: &Tag, contract: &Contract, holder: &Repository) -> ExpectedSigner {
        let signing = self.signing_repository.as_ref().unwrap_or(holder);
        let workflow = release_workflow(&self.server, signing, &contract.workflow, &contract.branch, tag);
        ExpectedSigner::workflow(workflow, &self.issuer)
    }
}
