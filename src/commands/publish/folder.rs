//! What the folder holds, read and judged as a release is: contract, class, checksums, signatures, documents, notes. The
//! catalog and the counterpart come from GitHub.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    adapters::{
        github::{Allowance, GitHub},
        publish_folder,
        release_source::{Downloads, Files, Log, Purpose, Read, ReleaseSource, Wanted},
        sigstore::{PublicKey, TrustRoot},
    },
    cli::IdentityArgs,
    commands::{located, signer_rule::signer_rule, verify_release::contracts},
    context::Context,
    error::Result,
    release::{
        checks,
        contract::Scope,
        documents::Budget,
        exhibits,
        publish::{
            checks::{built_from, layout},
            files::{self, PUBLISH_FILES},
            state::File,
        },
        snapshot::{Available, Content, Snapshot},
    },
    report::{CheckInfo, Fact, Finding, Section, Status},
    subject::{
        evidence_name::signed_by,
        repository::Repository,
        tag::{Class, Tag},
    },
};

/// Bytes that a comparison with the counterpart may download: documents and their signatures.
const MAX_DOWNLOAD: u64 = 1 << 30;

/// Which folder, and what it is judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The release it is to be.
    pub(crate) tag: &'a Tag,
    /// The class it is held to.
    pub(crate) class: Class,
    /// The folder.
    pub(crate) dir: &'a Path,
    /// The release notes, when they do not lie in it.
    pub(crate) notes: Option<&'a Path>,
    /// What a release must hold, instead of the tables built in.
    pub(crate) contract: Option<&'a Path>,
    /// The catalog, instead of the repository's.
    pub(crate) catalog: Option<&'a Path>,
    /// Who must have signed.
    pub(crate) identity: &'a IdentityArgs,
    /// Files at the same time.
    pub(crate) jobs: usize,
}

/// A folder that was judged.
pub(crate) struct Judged {
    /// What was found.
    pub(crate) section: Section,
    /// What is to be uploaded, those that vouch for others last.
    pub(crate) files: Vec<File>,
    /// The release notes.
    pub(crate) notes: Option<String>,
    /// Where the files lie, by name.
    pub(crate) paths: BTreeMap<String, PathBuf>,
    /// The commit that the release was built from.
    pub(crate) built_from: Option<String>,
    /// What weakens the verdict.
    pub(crate) caveats: Vec<String>,
    /// The checks that were made.
    pub(crate) rules: Vec<CheckInfo>,
}

/// Reads and judges a folder.
///
/// # Errors
/// Usage: options that cannot be used. Input: the folder cannot be listed.
pub(crate) async fn judge(request: Request<'_>, context: &Context, repository: &Repository) -> Result<Judged> {
    let root = context.trust_root()?;
    let entries = publish_folder::entries(request.dir)?;
    let mut section = Section::new(request.tag.as_str());
    section.facts = vec![
        Fact::Repository(repository.to_string()),
        Fact::named("folder", request.dir.display().to_string()),
        Fact::named("class", request.class.to_string()),
    ];
    section.findings = files::judge(&entries);
    let caveats = caveats(request, &root);
    let fit = section.findings.iter().all(|finding| finding.status == Status::Pass);
    let mut judged = Judged {
        section,
        files: Vec::new(),
        notes: None,
        paths: BTreeMap::new(),
        built_from: None,
        caveats,
        rules: checks::rules(),
    };
    // Two gigabytes need not be hashed to be refused.
    if fit {
        let snapshot = read(request, context, repository, &root, Depth::Whole).await?;
        judged.take(&snapshot, request, context);
    }
    Ok(judged)
}

impl Judged {
    fn take(&mut self, snapshot: &Snapshot, request: Request<'_>, context: &Context) {
        let mut findings = checks::judge(snapshot);
        located::in_folder(&mut findings, request.dir, &context.folder);
        self.section.facts.extend(exhibits::facts(snapshot, &findings));
        self.section.exhibits = exhibits::exhibits(snapshot, &findings);
        self.section.findings.extend(layout(snapshot, request.contract.is_some()));
        if let Available::Yes(notes) = &snapshot.notes {
            self.section.findings.extend(files::notes(notes));
            self.notes = Some(notes.clone());
        }
        self.section.findings.append(&mut findings);
        self.built_from = built_from(snapshot);
        for asset in &snapshot.assets {
            match &asset.content {
                Content::Read { path: None, .. } => {
                    self.section.findings.push(unread(asset.name.as_str(), "it was not kept"));
                }
                Content::Read { digest, size, path: Some(path), .. } => {
                    let name = asset.name.to_string();
                    self.paths.insert(name.clone(), path.clone());
                    self.files.push(File { name, size: *size, digest: *digest });
                }
                Content::Failed(why) => self.section.findings.push(unread(asset.name.as_str(), why)),
                Content::NotFetched => self.section.findings.push(unread(asset.name.as_str(), "it was not read")),
            }
        }
        let checksums = &snapshot.contract.checksums.name;
        self.files.sort_by_key(|file| vouches(&file.name, checksums));
    }
}

/// What vouches for others moves last: signatures after what they sign, the checksums after all, their signature at the end.
fn vouches(name: &str, checksums: &str) -> u8 {
    match signed_by(name) {
        Some(signed) if signed == checksums => 3,
        Some(_) => 1,
        None if name == checksums => 2,
        None => 0,
    }
}

fn unread(name: &str, why: &str) -> Finding {
    PUBLISH_FILES.undecided(name, why)
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The folder alone.
    Delivery,
    /// Also what it is compared with.
    Whole,
}

/// Reads a folder.
///
/// # Errors
/// Usage: options that cannot be used. Input: the folder cannot be read.
pub(crate) async fn read(
    request: Request<'_>,
    context: &Context,
    repository: &Repository,
    root: &TrustRoot,
    depth: Depth,
) -> Result<Snapshot> {
    let (tag, class) = (request.tag, request.class);
    let contracts = contracts(request.contract)?;
    let key = request.identity.key.as_deref().map(PublicKey::from_file).transpose()?;
    let rule = signer_rule(request.identity, context, repository)?;
    let endpoints = &context.endpoints;
    let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?
        .within(Allowance::new(MAX_DOWNLOAD, "the bound of a comparison"));
    let notes = request.notes.map(Path::to_owned);
    let here = ReleaseSource {
        files: Files::Folder { dir: request.dir.to_owned(), nested: false, notes, counterpart: None },
        log: Some(Log::new(endpoints.rekor_url.clone(), context.http.clone())?),
        contracts: &contracts,
        root,
        key: key.as_ref(),
        rule: &rule,
        jobs: request.jobs,
        budget: Budget::default(),
    };
    let wanted = Wanted { tag, class, scope: Scope::Whole, purpose: Purpose::Verdict };
    let Read { mut snapshot, .. } = here.read(wanted).await?;
    if depth == Depth::Delivery {
        return Ok(snapshot);
    }
    let downloads = Downloads::temporary()?;
    let files = Files::on_github(github, downloads, context.output.progress);
    let (log, budget) = (here.log.clone(), here.budget.clone());
    let there = ReleaseSource { files, log, budget, ..here };
    snapshot.catalog = there.catalog(request.catalog).await;
    snapshot.counterparts = there.counterparts(&snapshot).await;
    snapshot.lineage = there.lineage(&snapshot, None).await;
    // Elsewhere a folder may lack them; what is published must not.
    if let Available::NotHere(why) = &snapshot.notes {
        snapshot.notes = Available::Absent(why.clone());
    }
    Ok(snapshot)
}

fn caveats(request: Request<'_>, root: &TrustRoot) -> Vec<String> {
    let mut caveats: Vec<String> = root.caveat().into_iter().collect();
    caveats.extend(crate::commands::verify_release::identity_caveats(request.identity));
    if let Some(path) = request.contract {
        caveats.push(format!("what a release must hold was read from {}", path.display()));
    }
    caveats
}
