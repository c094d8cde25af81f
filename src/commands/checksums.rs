//! `checksums write` and `checksums check`: the file that vouches for a release's other files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use semver::Version;

use crate::{
    adapters::{fetched::Fetched, file, folder},
    cli::checksums::{ChecksumsCheckArgs, ChecksumsCommand, ChecksumsWriteArgs},
    commands::{located, repository},
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    product::Product,
    release::{
        asset_name::AssetName,
        checks::{
            self,
            completeness::{ASSET_NAME, ASSET_UNIQUE, CHECKSUMS_FILE},
            integrity::CHECKSUM,
        },
        checksums::{self, Chosen, choose, listed},
        contract::{AssetKind, Contract, Contracts, Scope},
        documents::Budget,
        snapshot::{Content, Demanded, Snapshot},
    },
    report::{Action, Fact, Finding, Report, Section, Status},
    subject::{
        evidence_name::EVIDENCE_SUFFIXES,
        tag::{Class, Family, Tag},
    },
    text::counted,
};

/// Files hashed at the same time.
const JOBS: usize = 8;

pub(super) async fn run(command: &ChecksumsCommand, context: &Context) -> Result<Product> {
    match command {
        ChecksumsCommand::Write(args) => write(args, context).await,
        ChecksumsCommand::Check(args) => check(args, context).await,
    }
}

async fn check(args: &ChecksumsCheckArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let (dir, name) = match (&args.file, &args.dir) {
        (Some(file), _) => {
            let (dir, name) = parts(file)?;
            (dir, Some(name))
        }
        (None, Some(dir)) => (dir.clone(), None),
        (None, None) => return Err(Error::usage("give a checksums file, or a folder with --dir")),
    };
    let Chosen { contract, .. } = contract_of(&dir, None, name.as_deref())?;
    let facts = vec![Fact::named("checksums", &contract.checksums.name)];
    let Judged { findings, .. } = judged(&dir, contract, context).await?;
    let section = Section { subject: dir.display().to_string(), facts, findings, ..Section::default() };
    Ok(Product::report(report("checksums check", section, started)))
}

/// The folder that a checksums file lies in, and its name.
fn parts(file: &Path) -> Result<(PathBuf, String)> {
    let there = std::fs::metadata(file);
    let there = there.map_err(|e| Error::input(format!("cannot read {}", file.display())).because(e))?;
    if there.is_dir() {
        return Err(Error::usage(format!("{} is a folder", file.display())).help("give it with --dir"));
    }
    if !there.is_file() {
        return Err(Error::usage(format!("{} is not a regular file", file.display())));
    }
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::usage(format!("{}: not the name of a checksums file", file.display())))?;
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((dir.to_owned(), name.to_owned()))
}

/// The contract that the files of a folder are listed under: of `family`, where that is known.
pub(super) fn contract_of(dir: &Path, family: Option<Family>, name: Option<&str>) -> Result<Chosen> {
    let contracts = built_in()?;
    let names = names(dir)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    choose(&contracts, family, &names, name).ok_or_else(|| Error::internal("there is no contract"))
}

fn built_in() -> Result<Contracts> {
    Contracts::built_in().map_err(|e| Error::internal("the built-in contracts do not parse").because(e))
}

/// Names of the files in a folder. One that is not text is refused where the folder is read.
fn names(dir: &Path) -> Result<Vec<String>> {
    let cannot = |e: std::io::Error| Error::input(format!("cannot list {}", dir.display())).because(e);
    let entries = std::fs::read_dir(dir).map_err(cannot)?.collect::<Result<Vec<_>, _>>().map_err(cannot)?;
    let mut names: Vec<String> = entries.iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// A folder that was held against its checksums file.
pub(super) struct Judged {
    pub(super) findings: Vec<Finding>,
    /// Its files as they were then, by name.
    pub(super) digests: BTreeMap<String, Sha256>,
    /// Names that the checksums file lists.
    pub(super) listed: Vec<String>,
}

/// Whether the files of a folder are those that its checksums file lists: as `verify-release-assets` judges it.
pub(super) async fn judged(dir: &Path, contract: Contract, context: &Context) -> Result<Judged> {
    let snapshot = snapshot(dir, contract).await?;
    let mut findings = checks::judge_checksums(&snapshot);
    located::in_folder(&mut findings, dir, &context.folder);
    let digests = snapshot.assets.iter().filter_map(|asset| Some((asset.name.as_str().to_owned(), asset.digest()?)));
    let listed =
        checks::checksums_of(&snapshot).map(|(file, _)| file.iter().map(|(name, _)| name.to_owned()).collect());
    Ok(Judged { findings, digests: digests.collect(), listed: listed.unwrap_or_default() })
}

/// The folder as a release of which nothing is demanded but what the checksums file says. It has no tag of its own, and
/// what is judged here asks for none.
async fn snapshot(dir: &Path, contract: Contract) -> Result<Snapshot> {
    let tag = Tag::new(contract.family, Version::new(0, 0, 0));
    let repository = repository::product()?;
    Ok(fetched(dir, contract).await?.into_snapshot(repository, tag, Class::Stable, Demanded::Key, false))
}

/// Every file of the folder, hashed.
async fn fetched(dir: &Path, mut contract: Contract) -> Result<Fetched> {
    for asset in &mut contract.assets {
        asset.optional = true;
        // Nothing is read but the checksums file.
        asset.role = AssetKind::Other;
    }
    let (family, contracts) = (contract.family, Contracts::of(contract));
    let budget = Budget::default();
    let request = folder::Request {
        notes: None,
        contracts: &contracts,
        family,
        scope: Scope::Whole,
        jobs: JOBS,
        budget: &budget,
    };
    folder::fetch(dir, request).await
}

async fn write(args: &ChecksumsWriteArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    args.name.as_deref().map_or(Ok(()), refuse_name)?;
    let Chosen { contract, recognised } = contract_of(&args.dir, None, args.name.as_deref())?;
    if !recognised && args.name.is_none() {
        tracing::info!("the files are of no known layout: {} lists them all", contract.checksums.name);
    }
    let own = contract.checksums.name.clone();
    let fetched = fetched(&args.dir, contract.clone()).await?;
    let mut findings = obstacles(&fetched);
    let mut actions = Vec::new();
    if findings.iter().all(|finding| matches!(finding.status, Status::Warn)) {
        let digests: Vec<_> = fetched.assets.iter().filter_map(|a| Some((a.name.as_str(), a.digest()?))).collect();
        let names: Vec<&str> = digests.iter().map(|(name, _)| *name).collect();
        let wanted = listed(&contract, &names);
        let entries = digests.into_iter().filter(|(name, _)| wanted.contains(name));
        match checksums::write(&own, entries) {
            Ok(text) => {
                findings.push(CHECKSUMS_FILE.pass(&own, format!("lists {}", counted(wanted.len(), "file", "files"))));
                let (action, changed) = put(&args.dir.join(&own), &text, args.dry_run)?;
                actions.push(action);
                if changed {
                    findings.extend(stale(&own, &fetched));
                }
            }
            Err(why) => findings.push(CHECKSUMS_FILE.fail(&own, why.to_string())),
        }
    }
    located::in_folder(&mut findings, &args.dir, &context.folder);
    let facts = vec![Fact::named("checksums", &own)];
    let section = Section { subject: args.dir.display().to_string(), facts, findings, actions, ..Section::default() };
    Ok(Product::report(report("checksums write", section, started)))
}

/// Refuses what no checksums file may be called: a path, or what reads as evidence over another file.
fn refuse_name(name: &str) -> Result<()> {
    AssetName::new(name).map_err(|why| Error::usage(format!("--name: {why}")))?;
    if EVIDENCE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
        return Err(Error::usage(format!("--name: {name} is the name of a signature")));
    }
    Ok(())
}

/// What must not be listed, or cannot be: then no file is written.
fn obstacles(fetched: &Fetched) -> Vec<Finding> {
    const HELP: &str = "rename the file, or move it elsewhere";
    let refused = fetched
        .refused
        .iter()
        .map(|(name, why)| ASSET_NAME.fail(name, why.to_string()).compared("a plain file name", name).help(HELP));
    let twice = fetched.duplicates.iter().map(|name| {
        let why = "differs from another name only in case: on many file systems one overwrites the other";
        ASSET_UNIQUE.fail(name, why).help(HELP)
    });
    let unread = fetched.assets.iter().filter_map(|asset| match &asset.content {
        Content::Failed(why) => Some(CHECKSUM.undecided(asset.name.as_str(), why.as_str())),
        Content::Read { .. } | Content::NotFetched => None,
    });
    let folders = fetched
        .set_aside
        .iter()
        .map(|aside| CHECKSUMS_FILE.warn(&aside.name, "a folder, not a file of the release: it is not listed"));
    refused.chain(twice).chain(unread).chain(folders).collect()
}

/// Writes the file where it is not there already, and says whether it is another than before.
fn put(path: &Path, text: &str, dry_run: bool) -> Result<(Action, bool)> {
    let shown = path.display().to_string();
    let there = path.exists();
    if there && file::read_bounded(path, text.len() as u64).is_ok_and(|bytes| bytes == text.as_bytes()) {
        return Ok((Action::done("keep", shown), false));
    }
    let what = if there { "replace" } else { "write" };
    if dry_run {
        return Ok((Action::planned(what, shown), there));
    }
    file::write_atomic(path, text.as_bytes())?;
    Ok((Action::done(what, shown), there))
}

/// Signatures of the file as it was.
fn stale(own: &str, fetched: &Fetched) -> Vec<Finding> {
    let signatures = EVIDENCE_SUFFIXES.iter().map(|suffix| format!("{own}{suffix}"));
    let there = signatures.filter(|name| fetched.assets.iter().any(|asset| asset.name.as_str() == name));
    there
        .map(|name| {
            CHECKSUMS_FILE
                .warn(&name, format!("{own} has changed since it was signed by this"))
                .help("sign it again: merotee sign --dir DIR")
        })
        .collect()
}

fn report(command: &str, section: Section, started: Instant) -> Report {
    Report {
        command: command.to_owned(),
        rules: checks::CHECKSUM_RULES.to_vec(),
        sections: vec![section],
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }
}
