//! Putting a release's snapshot together from GitHub or a folder: assets, signatures, catalog, counterparts.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use indicatif::{ProgressBar, ProgressStyle};
use tempfile::TempDir;
use url::Url;

use super::verify_release::SignerRule;
use crate::{
    adapters::{
        evidence::Verifier,
        fetched::Fetched,
        file,
        folder::{self, NOTES_FILE},
        github::GitHub,
        github_release,
        http::{Http, HttpOptions},
        sigstore::{PublicKey, RekorLookup, TrustRoot},
    },
    catalog::Catalog,
    cli::{Cli, Environment, VerifyReleaseArgs},
    error::{self, Error, Result},
    policy::profile::Profile,
    release::{
        checks::{
            authenticity::{self, must_be_signed},
            integrity,
        },
        contract::{Contracts, Role, signed_by},
        repository::Repository,
        snapshot::{Asset, Available, Counterpart, Named, Snapshot},
        tag::{Class, Family, Tag},
    },
    report::{Finding, Verdict},
};

/// The catalog's path in the repository.
const CATALOG: &str = "compatibility-catalog.json";

/// Largest catalog read from a file; a thousand entries take 200 KiB.
const MAX_CATALOG_BYTES: u64 = 8 * 1024 * 1024;

/// Node releases that one KMS release is compared with, at most.
const MAX_COUNTERPARTS: usize = 10;

/// Where releases are read from.
pub(super) enum Source {
    /// GitHub, into a folder that is kept or removed at the end.
    GitHub {
        /// The API.
        github: Box<GitHub>,
        /// The log asked about detached signatures.
        rekor: Rekor,
        /// Where downloads lie.
        folder: Downloads,
        /// Whether progress may be shown.
        progress: bool,
    },
    /// A local folder.
    Folder {
        /// The folder, or the parent of one folder a tag.
        dir: PathBuf,
        /// The log asked about detached signatures; `None` offline: no client is built at all.
        rekor: Option<Rekor>,
    },
}

/// The log, and the client that asks it. Shared with the counterpart's source.
type Rekor = Arc<(Http, Url)>;

/// Where downloads lie.
pub(super) enum Downloads {
    /// Removed when the command ends.
    Temporary(TempDir),
    /// Kept.
    Kept(PathBuf),
}

/// Everything a snapshot is put together from.
pub(super) struct Sources<'a> {
    pub(super) source: Source,
    pub(super) repository: &'a Repository,
    pub(super) contracts: &'a Contracts,
    pub(super) root: &'a TrustRoot,
    pub(super) key: Option<&'a PublicKey>,
    pub(super) rule: &'a SignerRule<'a>,
    pub(super) args: &'a VerifyReleaseArgs,
}

impl Source {
    /// Prepares the source the arguments name.
    pub(super) fn new(cli: &Cli, args: &VerifyReleaseArgs, environment: &Environment) -> Result<Self> {
        let rekor = || -> Result<Rekor> {
            let url = cli.sigstore.rekor_url.clone();
            Ok(Arc::new((Http::new(url.clone(), None, HttpOptions::default())?, url)))
        };
        if let Some(dir) = &args.dir {
            let rekor = if args.offline { None } else { Some(rekor()?) };
            return Ok(Self::Folder { dir: dir.clone(), rekor });
        }
        let folder = match &args.keep {
            Some(dir) => Downloads::Kept(dir.clone()),
            None => Downloads::Temporary(
                TempDir::with_prefix("merotee-")
                    .map_err(|e| Error::input("cannot make a temporary folder").because(e))?,
            ),
        };
        let github = GitHub::new(cli.github.api_url.clone(), environment.token.clone(), HttpOptions::default())?;
        let progress = environment.stderr_terminal && !cli.output.quiet;
        Ok(Self::GitHub { github: Box::new(github), rekor: rekor()?, folder, progress })
    }

    fn rekor(&self) -> Option<RekorLookup<'_>> {
        match self {
            Self::GitHub { rekor, .. } | Self::Folder { rekor: Some(rekor), .. } => {
                Some(RekorLookup::new(&rekor.0, &rekor.1))
            }
            Self::Folder { rekor: None, .. } => None,
        }
    }
}

impl Sources<'_> {
    /// A snapshot of each release, in the order of `tags`.
    pub(super) async fn snapshots(&self, tags: &[Tag]) -> Result<Vec<Snapshot>> {
        let catalog = self.catalog().await;
        let mut snapshots: Vec<Snapshot> = Vec::new();
        for tag in tags {
            let mut snapshot = self.signed(tag, self.args.quick).await?;
            snapshot.catalog = catalog.clone();
            snapshots.push(snapshot);
        }
        let mut counterparts = Vec::new();
        for snapshot in &snapshots {
            counterparts.push(self.counterparts(snapshot, &snapshots).await);
        }
        for (snapshot, counterparts) in snapshots.iter_mut().zip(counterparts) {
            snapshot.counterparts = counterparts;
        }
        Ok(snapshots)
    }

    /// Assets and signatures of one release; catalog and counterparts are filled in by the caller.
    async fn signed(&self, tag: &Tag, quick: bool) -> Result<Snapshot> {
        let fetched = self.fetch(tag, quick).await?;
        let class = self.args.class.unwrap_or_else(|| tag.class());
        let contract = fetched.selection.contract;
        let mut snapshot = Snapshot {
            tag: tag.clone(),
            class,
            signer: self.rule.demanded(tag, &contract)?,
            contract,
            unrecognised: fetched.selection.unrecognised,
            quick,
            origin: fetched.origin,
            assets: fetched.assets,
            refused: fetched.refused,
            duplicates: fetched.duplicates,
            notes: fetched.notes,
            signatures: Vec::new(),
            catalog: Available::NotHere("not looked for".into()),
            counterparts: Available::NotHere("not looked for".into()),
        };
        let verifier = Verifier { root: self.root, key: self.key, rekor: self.source.rekor() };
        let mut signatures = Vec::new();
        for asset in to_verify(&snapshot) {
            signatures.push(verifier.verify(asset, &snapshot.assets).await);
        }
        snapshot.signatures = signatures;
        Ok(snapshot)
    }

    async fn fetch(&self, tag: &Tag, quick: bool) -> Result<Fetched> {
        let jobs = usize::from(self.args.jobs);
        match &self.source {
            Source::Folder { dir, .. } => {
                let own = dir.join(tag.as_str());
                let folder = if own.is_dir() { own } else { dir.clone() };
                folder::fetch(&folder, self.args.notes.as_deref(), self.contracts, tag.family(), quick, jobs).await
            }
            Source::GitHub { github, folder, progress, .. } => {
                let into = match folder {
                    Downloads::Temporary(dir) => dir.path().join(tag.as_str()),
                    Downloads::Kept(dir) => dir.join(tag.as_str()),
                };
                std::fs::create_dir_all(&into)
                    .map_err(|e| Error::input(format!("cannot make the folder {}", into.display())).because(e))?;
                let bar = progress_bar(tag, *progress);
                let request = github_release::Request {
                    repository: self.repository,
                    tag,
                    contracts: self.contracts,
                    quick,
                    into: &into,
                    jobs,
                    progress: &|bytes| bar.inc(bytes),
                };
                let fetched = github_release::fetch(github, request).await;
                bar.finish_and_clear();
                let fetched = fetched?;
                if let (Downloads::Kept(_), Available::Yes(notes)) = (folder, &fetched.notes) {
                    file::write_atomic(&into.join(NOTES_FILE), notes.as_bytes())?;
                }
                Ok(fetched)
            }
        }
    }

    /// The catalog: a file, or the one on the repository's default branch.
    async fn catalog(&self) -> Available<Named> {
        if self.args.quick {
            return Available::NotHere("a quick run does not read the catalog".into());
        }
        if let Some(path) = &self.args.catalog {
            return match file::read_bounded(path, MAX_CATALOG_BYTES) {
                Ok(bytes) => Available::Yes(Named { name: path.display().to_string(), bytes }),
                Err(e) => Available::Failed(error::chain(&e)),
            };
        }
        match &self.source {
            Source::Folder { .. } => {
                Available::NotHere("verifying a local folder; give the catalog with --catalog".into())
            }
            Source::GitHub { github, .. } => match github.file(self.repository, CATALOG, None).await {
                Ok(Some(bytes)) => Available::Yes(Named { name: CATALOG.into(), bytes }),
                Ok(None) => Available::Absent(format!("{} has no {CATALOG} on its default branch", self.repository)),
                Err(e) => Available::Failed(error::chain(&e)),
            },
        }
    }

    /// The node releases a KMS release's policies must admit.
    async fn counterparts(&self, of: &Snapshot, others: &[Snapshot]) -> Available<Vec<Counterpart>> {
        if of.tag.family() != Family::Kms || of.quick {
            return Available::NotHere("only KMS policies name a counterpart".into());
        }
        let mut found = Vec::new();
        for (tag, profiles) in counterpart_tags(of) {
            let counterpart = match others.iter().find(|o| o.tag == tag) {
                Some(snapshot) => Ok(Some(believed(snapshot))),
                None => self.fetch_counterpart(&tag).await,
            };
            match counterpart {
                Ok(Some(counterpart)) => found.push(Counterpart { profiles, ..counterpart }),
                Ok(None) => {
                    return Available::NotHere(format!("no folder holds {tag}; name one with --counterpart-dir"));
                }
                Err(e) if of.class == Class::Rc => {
                    return Available::NotHere(format!("{tag}: {}", error::chain(&e)));
                }
                Err(e) => return Available::Failed(format!("{tag}: {}", error::chain(&e))),
            }
        }
        Available::Yes(found)
    }

    /// `None` when a local run has no folder for it.
    async fn fetch_counterpart(&self, tag: &Tag) -> Result<Option<Counterpart>> {
        match &self.source {
            Source::GitHub { .. } => Ok(Some(believed(&self.signed(tag, true).await?))),
            Source::Folder { dir, rekor } => {
                let beside = |d: &Path| d.parent().map(|p| p.join(tag.as_str()));
                let candidates = [self.args.counterpart_dir.clone(), Some(dir.join(tag.as_str())), beside(dir)];
                let Some(folder) = candidates.into_iter().flatten().find(|d| d.is_dir()) else { return Ok(None) };
                let sources = Sources { source: Source::Folder { dir: folder, rekor: rekor.clone() }, ..*self };
                Ok(Some(believed(&sources.signed(tag, true).await?)))
            }
        }
    }
}

/// The assets whose signature matters: those that must be signed, and every other that is.
fn to_verify(snapshot: &Snapshot) -> Vec<&Asset> {
    let required = must_be_signed(snapshot);
    let signed: Vec<&str> = snapshot.assets.iter().filter_map(|a| signed_by(a.name.as_str())).collect();
    snapshot
        .assets
        .iter()
        .filter(|a| {
            let name = a.name.as_str();
            required.iter().any(|r| r == name) || signed.contains(&name)
        })
        .filter(|a| !matches!(a.content, crate::release::snapshot::Content::NotFetched))
        .collect()
}

/// The node releases the catalog pairs a KMS release with, and in which profiles; its own version in all of them when
/// the catalog knows no pair.
fn counterpart_tags(of: &Snapshot) -> Vec<(Tag, Vec<Profile>)> {
    let family = of.tag.family().counterpart();
    let catalog = match &of.catalog {
        Available::Yes(named) => Catalog::parse(&named.name, &named.bytes).ok(),
        Available::NotHere(_) | Available::Absent(_) | Available::Failed(_) => None,
    };
    let pairs = catalog.iter().flat_map(|c| c.entries.iter());
    let listed: Vec<_> = pairs
        .filter(|entry| entry.version(of.tag.family()) == of.tag.version())
        .take(MAX_COUNTERPARTS)
        .map(|entry| (Tag::new(family, entry.version(family).clone()), entry.profiles.clone()))
        .collect();
    if listed.is_empty() {
        return vec![(Tag::new(family, of.tag.version().clone()), Profile::ALL.to_vec())];
    }
    listed
}

/// The measurements of a node release, believed only when checksum, signature and signer are in order.
fn believed(node: &Snapshot) -> Counterpart {
    let findings: Vec<Finding> = [authenticity::signature, authenticity::identity, integrity::checksum]
        .into_iter()
        .flat_map(|check| check(node))
        .collect();
    let measurements = match (Verdict::of(findings.iter()), node.documents(Role::Measurements).next()) {
        (Verdict::Passed, Some((_, bytes))) => Ok(bytes.to_vec()),
        (Verdict::Passed, None) => Err("the release holds no published-mrtds.json".to_owned()),
        (Verdict::Undecided | Verdict::Incomplete | Verdict::Failed, _) => {
            Err(format!("its signature or checksum is not in order; run `merotee verify-release-assets {}`", node.tag))
        }
    };
    Counterpart { tag: node.tag.clone(), profiles: Profile::ALL.to_vec(), measurements }
}

fn progress_bar(tag: &Tag, visible: bool) -> ProgressBar {
    if !visible {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {bytes} ({bytes_per_sec})") {
        bar.set_style(style);
    }
    bar.set_message(format!("downloading {tag}"));
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}
