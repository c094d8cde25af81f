//! `sign`: a bundle beside each file, verified before it is written; or a detached signature by a key.

mod target;

use std::{collections::BTreeSet, time::Instant};

use futures_util::{StreamExt as _, stream};

use self::target::{Signature, Target};
use super::{checksums, repository, signer_rule::own_workflows};
use crate::{
    adapters::{
        file,
        sigstore::{Artifact, PrivateKey, TrustRoot, sign::Signer},
    },
    cli::sign::SignArgs,
    context::Context,
    error::{self, Class, Error, Result},
    product::Product,
    progress::Phase,
    release::{
        checks::authenticity::{IDENTITY, SIGNATURE, identity_of},
        contract::{Contracts, Signed},
        signer,
    },
    report::{Action, Fact, Finding, Report, Section, Status},
};

/// What came of one file.
struct Outcome {
    finding: Finding,
    action: Option<Action>,
}

/// Who signs.
enum By<'a> {
    Identity { signer: &'a Signer, who: &'a signer::Signer, root: &'a TrustRoot },
    Key(&'a PrivateKey),
}

pub(super) async fn run(args: &SignArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let signature = if args.key.is_some() { Signature::Detached } else { Signature::Bundle };
    let (targets, mut findings) = targets(args, signature, context).await?;
    let subject = target::subject(args);
    let mut section = Section { subject, ..Section::default() };
    let mut caveats = Vec::new();
    if findings.iter().any(stands_in_the_way) {
        section.findings = findings;
        return Ok(product(section, caveats, started));
    }
    findings.clear();
    let outcomes = match &args.key {
        Some(path) => {
            let key = PrivateKey::from_file(path, context.endpoints.signing.password.as_ref())?;
            section.facts.push(Fact::named("key", path.display().to_string()));
            all(&targets, args, &By::Key(&key)).await?
        }
        None => {
            let (root, signer) = (context.trust_root()?, context.signer(&args.signing)?);
            caveats.extend(root.caveat());
            let who = signer.identity().await?;
            section.facts.extend([Fact::Signer(who.to_string()), Fact::named("services", hosts(&signer))]);
            findings.extend(allowed(args, context, &who)?);
            if findings.iter().any(stands_in_the_way) {
                section.findings = findings;
                return Ok(product(section, caveats, started));
            }
            all(&targets, args, &By::Identity { signer: &signer, who: &who, root: &root }).await?
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
    Product::report(Report {
        command: "sign".into(),
        rules,
        sections: vec![section],
        caveats,
        elapsed: Some(started.elapsed()),
        ..Report::default()
    })
}

/// The files to sign, and for a folder what its checksums file has to say of it: what does not match is not signed.
async fn targets(args: &SignArgs, signature: Signature, context: &Context) -> Result<(Vec<Target>, Vec<Finding>)> {
    let Some(dir) = &args.dir else {
        return Ok((target::of_files(&args.files, signature)?, Vec::new()));
    };
    let chosen = checksums::contract_of(dir, None)?;
    let own = &chosen.contract.checksums.name;
    if !dir.join(own).is_file() {
        return Err(Error::usage(format!("{} holds no checksums file, and no {own}", dir.display()))
            .help(format!("write it first: merotee checksums write --dir {}", dir.display())));
    }
    let findings = checksums::judged(dir, chosen.contract.clone(), context).await?;
    let listed = match chosen.contract.signed {
        Signed::Checksums => Vec::new(),
        Signed::EveryAsset => target::listed(&dir.join(own), own)?,
    };
    Ok((target::of_folder(dir, &chosen.contract, &listed, signature), findings))
}

/// Whether this signer is the one that the release of `--tag` demands. Asked before anything is written to a log.
fn allowed(args: &SignArgs, context: &Context, who: &signer::Signer) -> Result<Vec<Finding>> {
    let Some(tag) = &args.tag else { return Ok(Vec::new()) };
    let contracts =
        Contracts::built_in().map_err(|e| Error::internal("the built-in contracts do not parse").because(e))?;
    let contract = contracts.first(tag.family()).ok_or_else(|| Error::internal("a family has no contract"))?;
    let repository = repository::resolve(&context.endpoints)?;
    let expected = own_workflows(context, &repository).workflow(tag, contract);
    Ok(identity_of(tag.as_str(), who, &expected))
}

/// Signs what needs it, several files at a time, and tells of them in their order.
async fn all(targets: &[Target], args: &SignArgs, by: &By<'_>) -> Result<Vec<Outcome>> {
    let phase = &Phase::of("signing", 0, targets.len(), "file");
    let work = targets.iter().map(|target| async move {
        let outcome = one(target, args.force, by).await;
        phase.item();
        outcome
    });
    stream::iter(work).buffered(usize::from(args.jobs)).collect::<Vec<_>>().await.into_iter().collect()
}

/// Signs one file, or keeps what signs it. What concerns the run and not the file is an error.
async fn one(target: &Target, force: bool, by: &By<'_>) -> Result<Outcome> {
    let path = target.file.clone();
    let hashed = tokio::task::spawn_blocking(move || file::digest(&path)).await;
    let hashed = hashed.map_err(|e| Error::internal("hashing was given up").because(e))?;
    let (digest, _) = match hashed {
        Ok(hashed) => hashed,
        Err(error) => return Ok(failed(target, &error)),
    };
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
    let made = match by {
        By::Identity { signer, .. } => {
            let signed = signer.sign(&target.shown(), digest).await;
            signed.map(|signed| (signed.bundle, signed.by.to_string()))
        }
        By::Key(key) => key.sign(artifact).map(|signature| (signature, "the key given with --key".to_owned())),
    };
    let written = made.and_then(|(bytes, words)| file::write_atomic(&target.signature, &bytes).map(|()| words));
    match written {
        Ok(words) => {
            let what = if replaced { "replace" } else { "write" };
            let action = Action::done(what, target.signature.display().to_string());
            Ok(Outcome { finding: SIGNATURE.pass(target.shown(), words), action: Some(action) })
        }
        Err(error) if error.class() == Class::Usage => Err(error),
        Err(error) => Ok(failed(target, &error)),
    }
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
