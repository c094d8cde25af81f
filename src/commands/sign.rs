//! `sign`: a bundle beside each file, verified before it is written; or a detached signature by a key.

mod beside;
mod of_tag;
pub(super) mod seal;
mod target;

use std::{collections::BTreeSet, time::Instant};

use futures_util::{StreamExt as _, stream};

use self::target::{Signature, Target};
use super::{checksums, located, repository, signer_rule::own_workflows};
use crate::{
    adapters::{
        file,
        sigstore::{Artifact, PrivateKey, TrustRoot, sign::Signer},
    },
    cli::sign::SignArgs,
    context::Context,
    error::{self, Class, Error, Result},
    policy::{checks::TAG, mrtds::MRTDS},
    product::Product,
    progress::Phase,
    release::{
        checks::authenticity::{IDENTITY, SIGNATURE, identity_of},
        contract::{Contract, Contracts},
        signer,
    },
    report::{Action, Fact, Finding, Report, Section, Status},
    subject::tag::Tag,
};

/// What came of one file.
struct Outcome {
    finding: Finding,
    action: Option<Action>,
}

/// What is to be signed, and what was found before.
struct Wanted {
    targets: Vec<Target>,
    findings: Vec<Finding>,
    /// That of the folder.
    contract: Option<Contract>,
}

/// How files are signed, by anyone who signs.
#[derive(Clone, Copy)]
struct Pace {
    /// Signatures that are there are replaced.
    force: bool,
    /// Files at the same time.
    jobs: u16,
}

impl Pace {
    fn of(args: &SignArgs) -> Self {
        Self { force: args.force, jobs: args.jobs }
    }
}

/// Who signs.
enum By<'a> {
    Identity { signer: &'a Signer, who: &'a signer::Signer, root: &'a TrustRoot },
    Key(&'a PrivateKey),
}

pub(super) async fn run(args: &SignArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let signature = if args.key.is_some() { Signature::Detached } else { Signature::Bundle };
    let Wanted { targets, mut findings, contract } = wanted(args, signature, context).await?;
    let subject = target::subject(args);
    let mut section = Section { subject, ..Section::default() };
    let mut caveats = Vec::new();
    if findings.iter().any(stands_in_the_way) {
        section.findings = findings;
        return Ok(product(section, caveats, started));
    }
    findings.retain(|finding| finding.status == Status::Warn);
    let outcomes = match &args.key {
        Some(path) => {
            let key = PrivateKey::from_file(path, context.endpoints.signing.password.as_ref())?;
            section.facts.push(Fact::named("key", path.display().to_string()));
            all(&targets, Pace::of(args), &By::Key(&key)).await
        }
        None => {
            let (root, signer) = (context.trust_root()?, context.signer(&args.signing)?);
            caveats.extend(root.caveat());
            let who = signer.identity().await?;
            section.facts.extend([Fact::Signer(who.to_string()), Fact::named("services", hosts(&signer))]);
            findings.extend(allowed(args, contract, context, &who)?);
            if findings.iter().any(stands_in_the_way) {
                section.findings = findings;
                return Ok(product(section, caveats, started));
            }
            all(&targets, Pace::of(args), &By::Identity { signer: &signer, who: &who, root: &root }).await
        }
    };
    for Outcome { finding, action } in outcomes {
        findings.push(finding);
        section.actions.extend(action);
    }
    section.findings = findings;
    Ok(product(section, caveats, started))
}

/// The hosts of the services, each once.
fn hosts(signer: &Signer) -> String {
    let mut seen = BTreeSet::new();
    let hosts = signer.services().hosts().into_iter().filter(|host| seen.insert(host.clone()));
    hosts.collect::<Vec<_>>().join(", ")
}

fn stands_in_the_way(finding: &Finding) -> bool {
    matches!(finding.status, Status::Fail | Status::Missing | Status::SkippedRequired)
}

fn product(section: Section, caveats: Vec<String>, started: Instant) -> Product {
    let mut rules = vec![SIGNATURE, IDENTITY];
    rules.extend(crate::release::checks::CHECKSUM_RULES);
    rules.extend([TAG, MRTDS]);
    Product::report(Report {
        command: "sign".into(),
        rules,
        sections: vec![section],
        caveats,
        elapsed: Some(started.elapsed()),
        ..Report::default()
    })
}

/// The files to sign, and for a folder what its checksums file has to say of it: what does not match is not signed, and
/// with `--tag` neither is what is of another release.
async fn wanted(args: &SignArgs, signature: Signature, context: &Context) -> Result<Wanted> {
    let Some(dir) = &args.dir else {
        let targets = target::of_files(&args.files, signature)?;
        return Ok(Wanted { targets, findings: Vec::new(), contract: None });
    };
    let contract = checksums::contract_of(dir, args.tag.as_ref().map(Tag::family), None)?.contract;
    if let Some(tag) = &args.tag
        && let Some(finding) = of_tag::of_other_family(dir, tag, &contract)?
    {
        return Ok(Wanted { targets: Vec::new(), findings: vec![finding], contract: None });
    }
    let own = &contract.checksums.name;
    if !dir.join(own).is_file() {
        return Err(Error::usage(format!("{} holds no checksums file (expected {own})", dir.display()))
            .help(format!("write it first: merotee checksums write --dir {}", dir.display())));
    }
    let mut judged = checksums::judged(dir, contract.clone(), context).await?;
    if let Some(tag) = &args.tag {
        let mut of_documents = of_tag::documents(dir, tag, &contract, &judged);
        located::in_folder(&mut of_documents, dir, &context.folder);
        judged.findings.extend(of_documents);
    }
    let targets = target::of_folder(dir, &contract, &judged, signature);
    judged.findings.extend(targets.iter().flat_map(beside::stale));
    Ok(Wanted { targets, findings: judged.findings, contract: Some(contract) })
}

/// Whether this signer is the one that the release of `--tag` demands. Asked before anything is written to Rekor.
fn allowed(
    args: &SignArgs,
    contract: Option<Contract>,
    context: &Context,
    who: &signer::Signer,
) -> Result<Vec<Finding>> {
    let Some(tag) = &args.tag else { return Ok(Vec::new()) };
    let contracts =
        Contracts::built_in().map_err(|e| Error::internal("the built-in contracts do not parse").because(e))?;
    let contract = contract.or_else(|| contracts.first(tag.family()).cloned());
    let contract = contract.ok_or_else(|| Error::internal("a family has no contract"))?;
    let repository = repository::resolve(&context.endpoints)?;
    let expected = own_workflows(context, &repository).workflow(tag, &contract);
    Ok(identity_of(tag.as_str(), who, &expected))
}

/// Signs what needs it, several files at a time, and tells of them in their order. What is wrong with the run in its
/// midst is told of the files it befell: others are signed already.
async fn all(targets: &[Target], pace: Pace, by: &By<'_>) -> Vec<Outcome> {
    let phase = &Phase::of("signing", 0, targets.len(), "file");
    let work = targets.iter().map(|target| async move {
        let outcome = one(target, pace.force, by).await.unwrap_or_else(|error| failed(target, &error));
        phase.item();
        outcome
    });
    stream::iter(work).buffered(usize::from(pace.jobs)).collect().await
}

/// Signs one file, or keeps what signs it.
async fn one(target: &Target, force: bool, by: &By<'_>) -> Result<Outcome> {
    let path = target.file.clone();
    let hashed = tokio::task::spawn_blocking(move || file::digest(&path)).await;
    let (digest, _) = hashed.map_err(|e| Error::internal("hashing was given up").because(e))??;
    if target.judged.is_some_and(|judged| judged != digest) {
        let finding = SIGNATURE.fail(target.shown(), "changed since it was checked");
        return Ok(Outcome {
            finding: finding.help("find out what changes the folder, and sign it again"),
            action: None,
        });
    }
    let artifact = Artifact { digest, path: Some(&target.file) };
    if !force {
        match target.existing(artifact, by) {
            target::Existing::Nothing => {}
            target::Existing::Ours(words) => {
                let action = Action::done("keep", target.signature.display().to_string());
                return Ok(Outcome { finding: SIGNATURE.pass(target.shown(), words), action: Some(action) });
            }
            target::Existing::Others(words) => {
                let finding =
                    SIGNATURE.fail(target.shown(), words).help("replace it with --force, if it may be replaced");
                return Ok(Outcome { finding, action: None });
            }
        }
    }
    let replaced = target.signature.exists();
    let (bytes, words) = match by {
        By::Identity { signer, who, .. } => {
            let signed = signer.sign(&target.shown(), digest).await?;
            target::refuse_another(&signed.by, who)?;
            (signed.bundle, signed.by.to_string())
        }
        By::Key(key) => (key.sign(artifact)?, "the key given with --key".to_owned()),
    };
    file::write_atomic(&target.signature, &bytes)?;
    let what = if replaced { "replace" } else { "write" };
    let action = Action::done(what, target.signature.display().to_string());
    Ok(Outcome { finding: SIGNATURE.pass(target.shown(), words), action: Some(action) })
}

/// What must not be trusted fails; what could not be done leaves the file without a verdict.
fn failed(target: &Target, error: &Error) -> Outcome {
    let words = error::chain(error);
    let finding = match error.class() {
        Class::Trust => SIGNATURE.fail(target.shown(), words),
        Class::Usage | Class::Input | Class::Remote | Class::Internal => SIGNATURE.undecided(target.shown(), words),
    };
    let finding = match error.advice() {
        Some(advice) => finding.help(advice),
        None => finding,
    };
    let action = Action::failed("write", target.signature.display().to_string());
    Outcome { finding, action: Some(action) }
}
