//! `verify-release-assets`: fetch a release, judge it, report.

use std::{collections::BTreeSet, path::Path, time::Instant};

use crate::{
    adapters::{
        file,
        keep::Staged,
        release_source::{Read, ReleaseSource},
        sigstore::{GitHubRoot, PublicKey, TrustRoot},
    },
    cli::{IdentityArgs, VerifyReleaseArgs},
    commands::{located, repository::resolve, signer_rule::signer_rule, snapshot},
    context::{Context, DEFAULT_SERVER},
    error::{self, Error, Result},
    product::Product,
    release::{
        attestation::{RELEASE_ATTESTATION, Standing},
        checks,
        contract::Contracts,
        documents::Budget,
        exhibits,
        signer::GITHUB_ACTIONS_ISSUER,
        snapshot::{Demanded, Origin, Snapshot},
    },
    report::{Fact, Finding, Report, Section, Status, Verdict},
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
    let (root, github_root) = (context.trust_root()?, context.github_root()?);
    let key = args.identity.key.as_deref().map(PublicKey::from_file).transpose()?;
    let rule = signer_rule(&args.identity, context, &repository)?;
    let tags = selector.tags();
    let source = ReleaseSource {
        files: snapshot::files(args, context)?,
        log: snapshot::log(args, context)?,
        contracts: &contracts,
        root: &root,
        key: key.as_ref(),
        rule: &rule,
        jobs: usize::from(args.jobs),
        budget: Budget::default(),
    };
    let (mut sections, mut images) = (Vec::new(), Vec::new());
    for (tag, read) in snapshot::releases(&source, args, &tags, &github_root).await? {
        sections.push(match read {
            Ok(Read { snapshot, staged }) => {
                let mut findings = checks::judge(&snapshot);
                images.extend(checks::documents::signed_image(&snapshot));
                match &snapshot.origin {
                    Origin::Folder(folder) => located::in_folder(&mut findings, folder, &context.folder),
                    Origin::GitHub { .. } => located::in_release(&mut findings, tag.as_str()),
                }
                let section = Section {
                    subject: tag.to_string(),
                    facts: facts(&snapshot, &findings, &repository),
                    exhibits: exhibits::exhibits(&snapshot, &findings),
                    findings,
                    ..Section::default()
                };
                if let Some(staged) = staged {
                    settle(&tag, section.verdict(), staged)?;
                }
                section
            }
            Err(error) => Section {
                subject: tag.to_string(),
                facts: vec![Fact::Repository(repository.to_string())],
                findings: vec![unread(&tag, &error)],
                ..Section::default()
            },
        });
    }
    let report = Report {
        command: "verify-release-assets".into(),
        rules: checks::rules(),
        caveats: caveats(&args.identity, args.contract.as_deref(), context, (&root, &github_root), &sections),
        sections,
        elapsed: Some(started.elapsed()),
        ..Report::default()
    };
    // A later step deploys what is named here, so only what passed is.
    let image = images.pop().filter(|_| images.is_empty() && report.verdict() == Verdict::Passed);
    let product = Product::report(report);
    Ok(match image {
        Some(image) => product.output("image", image),
        None => product,
    })
}

/// A release that could not be read, where another one was.
pub(super) fn unread(tag: &Tag, error: &Error) -> Finding {
    let finding = checks::RELEASE.undecided(tag.as_str(), error::chain(error));
    match error.advice() {
        Some(advice) => finding.help(advice),
        None => finding,
    }
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
pub(super) fn caveats(
    identity: &IdentityArgs,
    contract: Option<&Path>,
    context: &Context,
    (root, github_root): (&TrustRoot, &GitHubRoot),
    sections: &[Section],
) -> Vec<String> {
    let mut caveats: Vec<String> = root.caveat().into_iter().collect();
    // Of releases that can be changed it judged nothing.
    let attested = |finding: &Finding| finding.check == RELEASE_ATTESTATION.id && finding.status != Status::Skipped;
    if sections.iter().flat_map(|section| &section.findings).any(attested) {
        caveats.extend(github_root.caveat());
    }
    caveats.extend(identity_caveats(identity));
    if context.endpoints.server_url.as_str() != DEFAULT_SERVER {
        caveats.push(format!("workflows are demanded on {}, not on github.com", context.endpoints.server_url));
    }
    if let Some(path) = contract {
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

/// What is demanded of signers in place of the release workflow.
pub(super) fn identity_caveats(identity: &IdentityArgs) -> Vec<String> {
    let mut caveats = Vec::new();
    if let Some(path) = &identity.key {
        caveats.push(format!("using the key in {}: no certificate, no identity", path.display()));
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
    caveats
}

/// What a release must hold: the tables built in, or those of a file.
///
/// # Errors
/// Usage: the file does not hold any.
pub(super) fn contracts(given: Option<&Path>) -> Result<Contracts> {
    /// A contract file lists a few dozen names.
    const MAX_CONTRACT_BYTES: u64 = 1024 * 1024;
    match given {
        None => Contracts::built_in().map_err(|e| Error::internal("the built-in contracts do not parse").because(e)),
        Some(path) => Contracts::parse(&file::read_source(path, MAX_CONTRACT_BYTES)?)
            .map_err(|e| Error::usage(format!("{}: not usable", file::source_name(path))).because(e)),
    }
}

/// What is known about a release, apart from what was judged.
pub(super) fn facts(snapshot: &Snapshot, findings: &[Finding], repository: &Repository) -> Vec<Fact> {
    let from = match &snapshot.origin {
        Origin::GitHub { .. } => Fact::Repository(repository.to_string()),
        Origin::Folder(path) => Fact::named("folder", path.display().to_string()),
    };
    let mut facts = exhibits::facts(snapshot, findings);
    facts.push(from);
    if let (Origin::Folder(_), Demanded::Signer(signer)) = (&snapshot.origin, &snapshot.signer) {
        facts.push(Fact::named("demanded signer", signer.to_string()));
    }
    let layout = if snapshot.unrecognised {
        format!("not recognised, judged as {}", snapshot.contract.layout)
    } else {
        snapshot.contract.layout.to_string()
    };
    facts.extend([Fact::named("layout", layout), Fact::named("class", snapshot.class.to_string())]);
    if let Some(source) = checks::source::of(snapshot) {
        facts.push(Fact::named("commit", source.commit.to_owned()));
    }
    facts.extend(immutability(snapshot));
    if snapshot.quick {
        facts.push(Fact::named("scope", "quick: checksums, signature and measurements only"));
    }
    facts
}

/// Whether GitHub calls it immutable. What it attests is judged; that there is nothing to attest is only said.
fn immutability(snapshot: &Snapshot) -> Option<Fact> {
    match &snapshot.attestation {
        Standing::NotAsked | Standing::Local | Standing::Mutable { demanded: true } => None,
        Standing::Mutable { demanded: false } => {
            Some(Fact::named("release attestation", "does not apply: not immutable"))
        }
        Standing::Absent(_) | Standing::Unknown(_) | Standing::Attested(_) => Some(Fact::named("immutable", "yes")),
    }
}
