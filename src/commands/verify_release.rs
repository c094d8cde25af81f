//! `verify-release-assets`: fetch a release, judge it, report.

use std::{path::Path, time::Instant};

use crate::{
    adapters::{
        file,
        sigstore::{PublicKey, TrustRoot},
    },
    cli::{Cli, Environment, IdentityArgs, VerifyReleaseArgs},
    commands::snapshot::{Source, Sources},
    error::{Error, Result},
    product::Product,
    release::{
        checks,
        contract::{Contract, Contracts},
        repository::Repository,
        signer::{ExpectedSigner, GITHUB_ACTIONS_ISSUER, release_workflow},
        snapshot::{Demanded, Origin, Snapshot},
        tag::Tag,
    },
    report::{Report, Section},
};

pub(super) async fn run(cli: &Cli, args: &VerifyReleaseArgs, environment: &Environment) -> Result<Product> {
    let started = Instant::now();
    let contracts = contracts(args.contract.as_deref())?;
    if args.list_contract {
        let json = contracts.to_json().map_err(|e| Error::internal("cannot print the contracts").because(e))?;
        return Ok(Product::Bytes(json.into_bytes()));
    }
    let selector = args.tag.as_ref().ok_or_else(|| Error::usage("give a release tag"))?;
    let repository = crate::commands::repository::resolve(&cli.github)?;
    let root = TrustRoot::load(cli.sigstore.source())?;
    let key = args.identity.key.as_deref().map(PublicKey::from_file).transpose()?;
    let rule = SignerRule { cli, identity: &args.identity, repository: &repository };
    rule.check()?;
    let sources = Sources {
        source: Source::new(cli, args, environment)?,
        repository: &repository,
        contracts: &contracts,
        root: &root,
        key: key.as_ref(),
        rule: &rule,
        args,
    };
    let tags = selector.tags();
    let mut sections = Vec::new();
    // One after the other: within a release everything is concurrent already, and the counterpart is fetched once.
    for snapshot in sources.snapshots(&tags).await? {
        sections.push(Section {
            subject: snapshot.tag.to_string(),
            facts: facts(&snapshot, &repository),
            findings: checks::judge(&snapshot),
        });
    }
    Ok(Product::Report(Report {
        command: "verify-release-assets".into(),
        rules: checks::CHECKS.iter().map(|c| c.info).collect(),
        sections,
        caveats: root.caveat().into_iter().collect(),
        elapsed: Some(started.elapsed()),
    }))
}

fn contracts(given: Option<&Path>) -> Result<Contracts> {
    /// A contract file lists a few dozen names.
    const MAX_CONTRACT_BYTES: u64 = 1024 * 1024;
    match given {
        None => Contracts::built_in().map_err(|e| Error::internal("the built-in contracts do not parse").because(e)),
        Some(path) => Contracts::parse(&file::read_bounded(path, MAX_CONTRACT_BYTES)?)
            .map_err(|e| Error::usage(format!("{}: not usable", path.display())).because(e)),
    }
}

fn facts(snapshot: &Snapshot, repository: &Repository) -> Vec<(&'static str, String)> {
    let from = match &snapshot.origin {
        Origin::GitHub { .. } => ("repository", repository.to_string()),
        Origin::Folder(path) => ("folder", path.display().to_string()),
    };
    let layout = if snapshot.unrecognised {
        format!("not recognised, judged as {}", snapshot.contract.layout)
    } else {
        snapshot.contract.layout.to_string()
    };
    let mut facts = vec![from, ("layout", layout), ("class", snapshot.class.to_string())];
    if snapshot.quick {
        facts.push(("scope", "quick: checksums, signature and measurements only".into()));
    }
    facts
}

/// Who must have signed: the release workflow, or whom the user names.
pub(super) struct SignerRule<'a> {
    cli: &'a Cli,
    identity: &'a IdentityArgs,
    repository: &'a Repository,
}

impl SignerRule<'_> {
    /// Refuses unusable identity options before anything is fetched.
    fn check(&self) -> Result<()> {
        self.signing_repository()?;
        match &self.identity.certificate_identity_regexp {
            Some(pattern) => self.pattern(pattern).map(|_| ()),
            None => Ok(()),
        }
    }

    /// What is demanded of the signatures of `tag` under `contract`.
    pub(super) fn demanded(&self, tag: &Tag, contract: &Contract) -> Result<Demanded> {
        if self.identity.key.is_some() {
            return Ok(Demanded::Key);
        }
        if let Some(san) = &self.identity.certificate_identity {
            return Ok(Demanded::Signer(ExpectedSigner::Exact { san: san.clone(), issuer: self.issuer().to_owned() }));
        }
        if let Some(pattern) = &self.identity.certificate_identity_regexp {
            return self.pattern(pattern).map(Demanded::Signer);
        }
        Ok(Demanded::Signer(ExpectedSigner::Workflow(release_workflow(
            self.cli.github.server_url.as_str(),
            &self.signing_repository()?,
            &contract.workflow,
            &contract.branch,
            tag,
            self.issuer(),
        ))))
    }

    fn issuer(&self) -> &str {
        self.identity.certificate_oidc_issuer.as_deref().filter(|i| !i.is_empty()).unwrap_or(GITHUB_ACTIONS_ISSUER)
    }

    fn pattern(&self, pattern: &str) -> Result<ExpectedSigner> {
        ExpectedSigner::pattern(pattern, self.issuer())
            .map_err(|e| Error::usage("--certificate-identity-regexp is not a regular expression").because(e))
    }

    fn signing_repository(&self) -> Result<Repository> {
        match self.identity.signer_repo.as_deref().filter(|r| !r.is_empty()) {
            None => Ok(self.repository.clone()),
            Some(text) => text.parse().map_err(|e| Error::usage("--signer-repo").because(e)),
        }
    }
}
