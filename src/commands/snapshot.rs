//! Putting a release's snapshot together from GitHub or a folder: assets, signatures, catalog, counterparts.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
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
        http::Http,
        sigstore::{PublicKey, RekorLookup, TrustRoot},
    },
    catalog::Catalog,
    cli::{Cli, Environment, VerifyReleaseArgs},
    error::{self, Class, Error, Result},
    policy::profile::Profile,
    release::{
        checks::{self, authenticity::to_verify, integrity},
        contract::{Contracts, Role, Scope},
        repository::Repository,
        snapshot::{Available, Counterpart, Named, Signature, Snapshot},
        tag::{self, Family, Selector, Tag},
    },
    report::{Status, Verdict},
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
        /// Whether it must be the parent: several releases are asked for, and one folder is not all of them.
        nested: bool,
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
            Ok(Arc::new((Http::new(url.clone(), None, super::bounds(&cli.network))?, url)))
        };
        if let Some(dir) = &args.dir {
            let rekor = if args.offline { None } else { Some(rekor()?) };
            let nested = matches!(args.tag, Some(Selector::Both(_)));
            return Ok(Self::Folder { dir: dir.clone(), nested, rekor });
        }
        let folder = match &args.keep {
            Some(dir) => Downloads::Kept(dir.clone()),
            None => Downloads::Temporary(
                TempDir::with_prefix("merotee-")
                    .map_err(|e| Error::input("cannot make a temporary folder").because(e))?,
            ),
        };
        let github = GitHub::new(cli.github.api_url.clone(), environment.token.clone(), super::bounds(&cli.network))?;
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
    ///
    /// # Errors
    /// When a release cannot be fetched at all, and was the only one asked for. Of two, the other is still judged.
    pub(super) async fn snapshots(&self, tags: &[Tag]) -> Result<Vec<(Tag, Result<Snapshot>)>> {
        let mut snapshots = Vec::new();
        let mut unread = Vec::new();
        for tag in tags {
            match self.signed(tag, self.args.quick).await {
                Ok(snapshot) => snapshots.push(snapshot),
                Err(error) if tags.len() == 1 || error.class() == Class::Usage => return Err(error),
                Err(error) => unread.push((tag.clone(), Err(error))),
            }
        }
        // Only now: where the release cannot be had, there is no point in waiting for the catalog as well.
        let catalog = self.catalog().await;
        for snapshot in &mut snapshots {
            snapshot.catalog = catalog.clone();
        }
        let mut counterparts = Vec::new();
        for snapshot in &snapshots {
            counterparts.push(self.counterparts(snapshot, &snapshots).await);
        }
        let complete = snapshots
            .into_iter()
            .zip(counterparts)
            .map(|(snapshot, counterparts)| (snapshot.tag.clone(), Ok(Snapshot { counterparts, ..snapshot })));
        Ok(complete.chain(unread).collect())
    }

    /// Assets and signatures of one release; catalog and counterparts are filled in by the caller.
    async fn signed(&self, tag: &Tag, quick: bool) -> Result<Snapshot> {
        let fetched = self.fetch(tag, quick).await?;
        let class = self.args.class.unwrap_or_else(|| tag.class());
        let signer = self.rule.demanded(tag, &fetched.selection.contract)?;
        let mut snapshot = fetched.into_snapshot(self.repository.clone(), tag.clone(), class, signer, quick);
        let verifier = Verifier { root: self.root, key: self.key, rekor: self.source.rekor() };
        // A detached signature asks the log several times: the assets wait for it together, not one after the other.
        let work = to_verify(&snapshot).into_iter().map(|asset| verifier.verify(asset, &snapshot.assets));
        let signatures: Vec<Vec<Signature>> = stream::iter(work).buffered(usize::from(self.args.jobs)).collect().await;
        snapshot.signatures = signatures.into_iter().flatten().collect();
        Ok(snapshot)
    }

    async fn fetch(&self, tag: &Tag, quick: bool) -> Result<Fetched> {
        let jobs = usize::from(self.args.jobs);
        let scope = if quick { Scope::Quick } else { Scope::Whole };
        match &self.source {
            Source::Folder { dir, nested, .. } => {
                let folder = folder_of(dir, tag, *nested)?;
                folder::fetch(&folder, self.args.notes.as_deref(), self.contracts, tag.family(), scope, jobs).await
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
                    scope,
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
                Some(snapshot) => believed(snapshot).map(Some),
                None => self.fetch_counterpart(&tag).await,
            };
            match counterpart {
                Ok(Some(counterpart)) => found.push(Counterpart { profiles, ..counterpart }),
                Ok(None) => {
                    return Available::NotHere(format!("no folder holds {tag}; name one with --counterpart-dir"));
                }
                Err(e) if of.class == tag::Class::Rc => {
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
            Source::GitHub { .. } => self.counterpart(tag).await.map(Some),
            Source::Folder { dir, rekor, .. } => {
                let beside = |d: &Path| d.parent().map(|p| p.join(tag.as_str()));
                let candidates = [self.args.counterpart_dir.clone(), Some(dir.join(tag.as_str())), beside(dir)];
                let Some(folder) = candidates.into_iter().flatten().find(|d| d.is_dir()) else { return Ok(None) };
                let source = Source::Folder { dir: folder, nested: false, rekor: rekor.clone() };
                Sources { source, ..*self }.counterpart(tag).await.map(Some)
            }
        }
    }

    /// A counterpart, signed by whom the user names or by the release workflow of its own family: an identity given for
    /// the release that is asked for is not that of another.
    async fn counterpart(&self, tag: &Tag) -> Result<Counterpart> {
        let mut node = self.signed(tag, true).await?;
        let counterpart = believed(&node)?;
        if counterpart.measurements.is_ok() {
            return Ok(counterpart);
        }
        node.signer = self.rule.release_workflow(tag, &node.contract)?;
        believed(&node)
    }
}

/// The folder a release lies in: `dir` itself for a tag, `dir/<tag>` for a bare version or where `dir` holds nothing but
/// such folders (as `--keep` leaves it). Never a guess: what is verified must be what was meant.
fn folder_of(dir: &Path, tag: &Tag, nested: bool) -> Result<PathBuf> {
    let own = dir.join(tag.as_str());
    if nested {
        return Ok(own);
    }
    if !own.is_dir() {
        return Ok(dir.to_owned());
    }
    let holds_files = std::fs::read_dir(dir)
        .map_err(|e| Error::input(format!("cannot list {}", dir.display())).because(e))?
        .flatten()
        .any(|entry| !entry.path().is_dir());
    if holds_files {
        return Err(Error::usage(format!(
            "{} holds files and a folder {tag}: which one is the release?",
            dir.display()
        ))
        .help("name the folder that holds the release's files"));
    }
    Ok(own)
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

/// The measurements of a node release, believed only when the quick checks of that release pass and the checksums file
/// vouches for this very document.
///
/// # Errors
/// When that could not be found out, which speaks neither for nor against the release.
fn believed(node: &Snapshot) -> Result<Counterpart> {
    let findings = checks::judge(node);
    let measurements = match node.documents(Role::Measurements).next() {
        None => Err("the release holds no published-mrtds.json that can be read".to_owned()),
        Some((entry, bytes)) => {
            let vouched = findings
                .iter()
                .any(|f| f.check == integrity::CHECKSUM.id && f.subject == entry.name && f.status == Status::Pass);
            match Verdict::of(findings.iter()) {
                Verdict::Passed if vouched => Ok(bytes.to_vec()),
                Verdict::Undecided => {
                    let why = findings.iter().find(|f| f.status == Status::SkippedRequired).map(|f| f.message.as_str());
                    return Err(Error::input(why.unwrap_or("it could not be checked")));
                }
                Verdict::Passed | Verdict::Incomplete | Verdict::Failed => {
                    Err(format!("it does not pass; run `merotee verify-release-assets {}`", node.tag))
                }
            }
        }
    };
    Ok(Counterpart { tag: node.tag.clone(), profiles: Profile::ALL.to_vec(), measurements })
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
