//! Putting a release's snapshot together from GitHub or a folder: assets, signatures, catalog, counterparts.

mod source;

use std::path::Path;

use futures_util::{StreamExt as _, stream};

pub(super) use self::source::Source;
use self::source::{Purpose, Wanted};
use super::signer_rule::SignerRule;
use crate::{
    adapters::{
        evidence::Verifier,
        file,
        keep::Staged,
        sigstore::{PublicKey, TrustRoot},
    },
    catalog::Catalog,
    cli::VerifyReleaseArgs,
    error::{self, Class, Error, Result},
    release::{
        checks::{self, authenticity::to_verify, integrity},
        contract::{AssetKind, Contracts, Scope},
        snapshot::{Available, Counterpart, Named, Signature, Snapshot},
    },
    report::{Status, Verdict},
    subject::{
        profile::Profile,
        repository::Repository,
        tag::{self, Family, Tag},
    },
};

/// The catalog's path in the repository.
const CATALOG: &str = "compatibility-catalog.json";

/// Largest catalog read from a file; a thousand entries take 200 KiB.
const MAX_CATALOG_BYTES: u64 = 8 * 1024 * 1024;

/// Node releases that one KMS release is compared with, at most.
const MAX_COUNTERPARTS: usize = 10;

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

/// A release that was read and is not judged yet.
pub(super) struct Read {
    /// What was read.
    pub(super) snapshot: Snapshot,
    /// Where its downloads lie until they get their place; `None` for a local folder.
    pub(super) staged: Option<Staged>,
}

impl Sources<'_> {
    /// Each release, in the order of `tags`, read in the same way whether it is the only one or one of two.
    ///
    /// # Errors
    /// When a release cannot be fetched at all, and was the only one asked for. Of two, the other is still judged.
    pub(super) async fn releases(&self, tags: &[Tag]) -> Result<Vec<(Tag, Result<Read>)>> {
        let mut releases = Vec::new();
        let mut unread = Vec::new();
        for tag in tags {
            let class = self.args.class.unwrap_or_else(|| tag.class());
            match self.signed(tag, class, Purpose::Verdict).await {
                Ok(read) => releases.push(read),
                Err(error) if tags.len() == 1 || error.class() == Class::Usage => return Err(error),
                Err(error) => unread.push((tag.clone(), Err(error))),
            }
        }
        // Only now: where the release cannot be had, there is no point in waiting for the catalog as well.
        let catalog = self.catalog().await;
        for Read { snapshot, .. } in &mut releases {
            snapshot.catalog = catalog.clone();
            snapshot.counterparts = self.counterparts(snapshot).await;
        }
        let read = releases.into_iter().map(|read| (read.snapshot.tag.clone(), Ok(read)));
        Ok(read.chain(unread).collect())
    }

    /// Assets and signatures of one release; catalog and counterparts are filled in by the caller.
    async fn signed(&self, tag: &Tag, class: tag::Class, purpose: Purpose) -> Result<Read> {
        let Self { repository, contracts, args, .. } = *self;
        // Compared with are measurements alone.
        let scope = if args.quick || purpose == Purpose::Comparison { Scope::Quick } else { Scope::Whole };
        let (fetched, staged) = self.source.fetch(Wanted { repository, tag, contracts, scope, purpose, args }).await?;
        let holder = self.rule.holder(&fetched.origin)?.clone();
        let signer = self.rule.demanded(tag, &fetched.selection.contract, &holder)?;
        let mut snapshot = fetched.into_snapshot(holder, tag.clone(), class, signer, scope != Scope::Whole);
        let verifier = Verifier { root: self.root, key: self.key, rekor: self.source.rekor() };
        // A detached signature asks the log several times: the assets wait for it together, not one after the other.
        let work = to_verify(&snapshot).into_iter().map(|asset| verifier.verify(asset, &snapshot.assets));
        let signatures: Vec<Vec<Signature>> = stream::iter(work).buffered(usize::from(self.args.jobs)).collect().await;
        snapshot.signatures = signatures.into_iter().flatten().collect();
        Ok(Read { snapshot, staged })
    }

    /// The catalog: a file, or the one on the repository's default branch.
    async fn catalog(&self) -> Available<Named> {
        if self.args.quick {
            return Available::NotHere("a quick run does not read the catalog".into());
        }
        if let Some(path) = &self.args.catalog {
            return match file::read_source(path, MAX_CATALOG_BYTES) {
                Ok(bytes) => Available::Yes(Named { name: file::source_name(path), bytes }),
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

    /// The node releases a KMS release's policies must admit. Each is read and judged for this purpose alone, even where
    /// it was asked for as well: the verdict on the KMS is the same in both cases.
    async fn counterparts(&self, of: &Snapshot) -> Available<Vec<Counterpart>> {
        if of.tag.family() != Family::Kms || of.quick {
            return Available::NotHere("only KMS policies name a counterpart".into());
        }
        let mut found = Vec::new();
        for (tag, profiles) in counterpart_tags(of) {
            match self.fetch_counterpart(&tag).await {
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

    /// `None` when a local run has no folder for it. A folder that was named is the one, whether it is there or not.
    async fn fetch_counterpart(&self, tag: &Tag) -> Result<Option<Counterpart>> {
        match &self.source {
            Source::GitHub { .. } => self.counterpart(tag).await.map(Some),
            Source::Folder { dir, rekor, .. } => {
                let beside = |d: &Path| d.parent().map(|p| p.join(tag.as_str()));
                let candidates = [Some(dir.join(tag.as_str())), beside(dir)];
                let found = || candidates.into_iter().flatten().find(|d| d.is_dir());
                let Some(folder) = self.args.counterpart_dir.clone().or_else(found) else { return Ok(None) };
                let source = Source::Folder { dir: folder, nested: false, rekor: rekor.clone() };
                Sources { source, ..*self }.counterpart(tag).await.map(Some)
            }
        }
    }

    /// A counterpart, signed by whom the user names or by the release workflow of its own family: an identity given for
    /// the release that is asked for is not that of another. Nor is the class.
    async fn counterpart(&self, tag: &Tag) -> Result<Counterpart> {
        let Read { mut snapshot, staged } = self.signed(tag, tag.class(), Purpose::Comparison).await?;
        let mut counterpart = believed(&snapshot)?;
        if counterpart.measurements.is_err() {
            let holder = self.rule.holder(&snapshot.origin)?;
            snapshot.signer = self.rule.release_workflow(tag, &snapshot.contract, holder)?;
            counterpart = believed(&snapshot)?;
        }
        if let Some(staged) = staged.filter(|_| counterpart.measurements.is_ok()) {
            staged.settle_beside()?;
        }
        Ok(counterpart)
    }
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
    let measurements = match node.documents(AssetKind::Measurements).next() {
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
