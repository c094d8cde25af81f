//! Signatures beside files that a command has just made: the same work as `sign`, without a release.

use std::path::PathBuf;

use super::{By, Outcome, Pace, Signature, all, hosts, target};
use crate::{
    adapters::sigstore::sign::PrivateKey,
    cli::probe::SealArgs,
    context::Context,
    error::Result,
    report::{Action, Fact, Finding},
};

/// Files signed at the same time.
const JOBS: u16 = 5;
/// What a key from the environment is called.
const COSIGN_KEY: &str = "COSIGN_KEY";

/// What came of signing.
#[derive(Debug, Default)]
pub(in crate::commands) struct Sealed {
    pub(in crate::commands) findings: Vec<Finding>,
    pub(in crate::commands) actions: Vec<Action>,
    pub(in crate::commands) facts: Vec<Fact>,
    pub(in crate::commands) caveats: Vec<String>,
}

/// The key that `args` or the environment give; `None`: a certificate is asked for.
///
/// # Errors
/// Usage: it is not a private key that can be used. Input: it cannot be read.
pub(in crate::commands) fn key(args: &SealArgs, context: &Context) -> Result<Option<PrivateKey>> {
    let signing = &context.endpoints.signing;
    match (&args.key, &signing.key) {
        (Some(path), _) => PrivateKey::from_file(path, signing.password.as_ref()).map(Some),
        (None, Some(pem)) if args.signing.identity_token.is_none() => {
            PrivateKey::from_pem(COSIGN_KEY, pem, signing.password.as_ref()).map(Some)
        }
        (None, Some(_) | None) => Ok(None),
    }
}

/// Names that the signatures of files have behind the files' own, whichever way they are made.
pub(in crate::commands) const SUFFIXES: [&str; 2] = [".bundle.json", ".sig"];

/// Signs each file, with `key` or as whom the context says.
///
/// # Errors
/// Usage: there is no identity to sign as. Remote: no certificate is to be had.
pub(in crate::commands) async fn seal(
    files: &[PathBuf],
    key: Option<&PrivateKey>,
    args: &SealArgs,
    context: &Context,
) -> Result<Sealed> {
    let pace = Pace { force: true, jobs: JOBS };
    let mut sealed = Sealed::default();
    let outcomes = match key {
        Some(key) => {
            let targets = target::of_files(files, Signature::Detached)?;
            let name = args.key.as_ref().map_or_else(|| COSIGN_KEY.to_owned(), |path| path.display().to_string());
            sealed.facts.push(Fact::named("key", name));
            all(&targets, pace, &By::Key(key)).await
        }
        None => {
            let targets = target::of_files(files, Signature::NamedBundle)?;
            let (root, signer) = (context.trust_root()?, context.signer(&args.signing)?);
            sealed.caveats.extend(root.caveat());
            let who = signer.identity().await?;
            sealed.facts.extend([Fact::Signer(who.to_string()), Fact::named("services", hosts(&signer))]);
            all(&targets, pace, &By::Identity { signer: &signer, who: &who, root: &root }).await
        }
    };
    for Outcome { finding, action } in outcomes {
        sealed.findings.push(finding);
        sealed.actions.extend(action);
    }
    Ok(sealed)
}
