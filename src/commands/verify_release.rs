//! `verify-release-assets`: fetch a release, judge it, report.

use std::{collections::BTreeSet, path::Path, time::Instant};

use crate::{
    adapters::{file, keep::Staged, sigstore::PublicKey},
    cli::{IdentityArgs, VerifyReleaseArgs},
    commands::{
        located,
        repository::{resolve, speaks_for},
        snapshot::{Read, Source, Sources},
    },
    context::{Context, DEFAULT_SERVER, Endpoints},
    error::{self, Error, Result},
    product::Product,
    release::{
        checks,
        contract::{Contract, Contracts},
        signer::{ExpectedSigner, GITHUB_ACTIONS_ISSUER, release_workflow},
        snapshot::{Demanded, Moved, Origin, Snapshot},
    },
    report::{Report, Section, Status, Verdict},
    subject::{repository::Repository, tag::Tag},
};

pub(super) async fn run(args: &VerifyReleaseArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let contracts = contracts(args.contract.as_deref())?;
    if args.list_contract {
        let json = contracts.to_json().map_err(|e| Error::internal("cannot print the contracts").because(e))?;
        return Ok(Product::bytes(json));
    }
    let selector = args.tag.as_ref().ok_or_else(|| Error::usage("give a release tag"))?;
    let repository = resolve(&context.endpoints)?;
    let root = context.trust_root()?;
    let key = args.identity.key.as_deref().map(PublicKey::from_file).transpose()?;
    let rule = SignerRule { endpoints: &context.endpoints, identity: &args.identity, repository: &repository };
    rule.check()?;
    let tags = selector.tags();
    let sources = Sources {
        source: Source::new(args, context)?,
        repository: &repository,
        contracts: &contracts,
        root: &root,
        key: key.as_ref(),
        rule: &rule,
        args,
    };
    let mut sections = Vec::new();
    for (tag, read) in sources.releases(&tags).await? {
        sections.push(match read {
            Ok(Read { snapshot, staged }) => {
                let mut findings = checks::judge(&snapshot);
                match &snapshot.origin {
                    Origin::Folder(folder) => located::in_folder(&mut findings, folder, &context.folder),
                    Origin::GitHub { .. } => located::in_release(&mut findings, tag.as_str()),
                }
                let section = Section { subject: tag.to_string(), facts: facts(&snapshot, &repository), findings };
                if let Some(staged) = staged {
                    settle(&tag, section.verdict(), staged)?;
                }
                section
            }
            Err(error) => Section {
                subject: tag.to_string(),
                facts: vec![("repository", repository.to_string())],
                findings: vec![checks::RELEASE.undecided(tag.as_str(), error::chain(&error))],
            },
        });
    }
    Ok(Product::report(Report {
        command: "verify-release-assets".into(),
        rules: checks::rules(),
        caveats: caveats(args, context, &root, &sections),
        sections,
        elapsed: Some(started.elapsed()),
    }))
}

/// Gives what was downloaded the place that goes with the verdict.
fn settle(tag: &Tag, verdict: Verdict, staged: Staged) -> Result<()> {
    let passed = verdict == Verdict::Passed;
    match staged.settle(passed)? {
        Some(folder) if passed => tracing::info!("{tag} is kept in {}", folder.display()),
        Some(folder) => {
            tracing::warn!("{tag} did not pass ({}): its files are in {}", verdict.word(), folder.display());
        }
        None => {}
    }
    Ok(())
}

/// Everything that makes this run weaker than the default, so that no report hides it.
fn caveats(
    args: &VerifyReleaseArgs,
    context: &Context,
    root: &crate::adapters::sigstore::TrustRoot,
    sections: &[Section],
) -> Vec<String> {
    let identity = &args.identity;
    let mut caveats: Vec<String> = root.caveat().into_iter().collect();
    if let Some(path) = &identity.key {
        caveats.push(format!("signatures are judged by the key in {}: no certificate, no identity", path.display()));
    }
    if let Some(san) = &identity.certificate_identity {
        caveats.push(format!("the signer demanded is {san}, not the release workflow"));
    } else if let Some(pattern) = &identity.certificate_identity_regexp {
        caveats.push(format!("any signer that matches {pattern} is accepted, not only the release workflow"));
    }
    if let Some(issuer) = identity.certificate_oidc_issuer.as_deref().filter(|i| *i != GITHUB_ACTIONS_ISSUER) {
        caveats.push(format!("the OIDC issuer demanded is {issuer}, not GitHub Actions"));
    }
    if let Some(repository) = &identity.signer_repo {
        caveats.push(format!("the workflow demanded is one of {repository}"));
    }
    caveats.extend(super::source_caveat(&identity.source));
    if context.endpoints.server_url.as_str() != DEFAULT_SERVER {
        caveats.push(format!("workflows are demanded on {}, not on github.com", context.endpoints.server_url));
    }
    if let Some(path) = &args.contract {
        caveats.push(format!("what a release must hold was read from {}", path.display()));
    }
    let skipped: BTreeSet<&str> =
        sections.iter().flat_map(|s| &s.findings).filter(|f| f.status == Status::Skipped).map(|f| f.check).collect();
    if !skipped.is_empty() {
        let names = skipped.into_iter().collect::<Vec<_>>().join(", ");
        caveats.push(format!("not everything could be checked here: {names}"));
    }
    caveats
}

fn contracts(given: Option<&Path>) -> Result<Contracts> {
    /// A contract file lists a few dozen names.
    const MAX_CONTRACT_BYTES: u64 = 1024 * 1024;
    match given {
        None => Contracts::built_in().map_err(|e| Error::internal("the built-in contracts do not parse").because(e)),
        Some(path) => Contracts::parse(&file::read_source(path, MAX_CONTRACT_BYTES)?)
            .map_err(|e| Error::usage(format!("{}: not usable", file::source_name(path))).because(e)),
    }
}

fn facts(snapshot: &Snapshot, repository: &Repository) -> Vec<(&'static str, String)> {
    let from = match &snapshot.origin {
        Origin::GitHub { .. } => ("repository", repository.to_string()),
        Origin::Folder(path) => ("folder", path.display().to_string()),
    };
    let mut facts = vec![from];
    if let (Origin::Folder(_), Demanded::Signer(signer)) = (&snapshot.origin, &snapshot.signer) {
        facts.push(("signer", signer.to_string()));
    }
    let layout = if snapshot.unrecognised {
        format!("not recognised, judged as {}", snapshot.contract.layout)
    } else {
        snapshot.contract.layout.to_string()
    };
    facts.extend([("layout", layout), ("class", snapshot.class.to_string())]);
    if let Some(source) = checks::source::of(snapshot) {
        facts.push(("commit", source.commit.to_owned()));
    }
    if snapshot.quick {
        facts.push(("scope", "quick: checksums, signature and measurements only".into()));
    }
    facts
}

/// Who must have signed: the release workflow, or whom the user names.
pub(super) struct SignerRule<'a> {
    endpoints: &'a Endpoints,
    identity: &'a IdentityArgs,
    repository: &'a Repository,
}

impl SignerRule<'_> {
    /// Refuses unusable identity options before anything is fetched.
    fn check(&self) -> Result<()> {
        self.signing_repository(self.repository)?;
        if self.identity.key.is_some() && self.identity.certificate_identity.is_some() {
            return Err(Error::usage("--key and --certificate-identity exclude each other: a key has no identity"));
        }
        match self.identity.certificate_identity_regexp.as_deref() {
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
        let (api, server) = (&self.endpoints.api_url, &self.endpoints.server_url);
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
        if let Some(san) = self.identity.certificate_identity.as_deref() {
            return Ok(Demanded::Signer(self.with_source(ExpectedSigner::exact(san, self.issuer()))));
        }
        if let Some(pattern) = self.identity.certificate_identity_regexp.as_deref() {
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
            self.endpoints.server_url.as_str(),
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
        self.identity.certificate_oidc_issuer.as_deref().unwrap_or(GITHUB_ACTIONS_ISSUER)
    }

    fn pattern(&self, pattern: &str) -> Result<ExpectedSigner> {
        ExpectedSigner::pattern(pattern, self.issuer())
            .map_err(|e| Error::usage("--certificate-identity-regexp is not a regular expression").because(e))
    }

    fn signing_repository(&self, holder: &Repository) -> Result<Repository> {
        match self.identity.signer_repo.as_deref() {
            None => Ok(holder.clone()),
            Some(text) => text.parse().map_err(|e| Error::usage("--signer-repo").because(e)),
        }
    }
}
