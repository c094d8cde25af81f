//! What the releases of a run state, read once each: policies and measurements, as far as the releases vouch for them.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};

use crate::{
    adapters::release_source::{Files, Log, Purpose, Read, ReleaseSource, Wanted},
    catalog::Catalog,
    cli::e2e::E2eArgs,
    commands::counterparts::{self, Basis},
    context::Context,
    e2e::{
        release::{KmsRelease, Known, NodeRelease},
        service::Document,
    },
    error::{self, Class, Error, Result},
    policy::{acceptance::Unacceptable, mrtds::PublishedMrtds},
    release::{
        contract::{AssetKind, Scope},
        snapshot::{Available, Snapshot},
        vouched,
    },
    subject::{
        profile::Profile,
        tag::{Family, Tag},
    },
};

/// Releases that are read at the same time.
const AT_ONCE: usize = 4;

/// Releases, each with what it states.
#[derive(Default)]
pub(super) struct Releases {
    kms: Vec<(Tag, Known<KmsRelease>)>,
    nodes: Vec<(Tag, Known<NodeRelease>)>,
}

/// Where the releases lie; what is downloaded goes with the value.
///
/// # Errors
/// Usage: an address cannot be asked. Input: no temporary folder can be made.
pub(super) fn source<'b>(basis: &'b Basis, args: &E2eArgs, context: &Context) -> Result<ReleaseSource<'b>> {
    let Some(dir) = &args.dir else { return basis.source(context) };
    let log = || Log::new(context.endpoints.rekor_url.clone(), context.http.clone());
    Ok(basis.folders(dir, (!args.offline).then(log).transpose()?))
}

/// The catalog.
///
/// # Errors
/// Usage: it cannot be read as one, or lists pairs that cannot be read: one of them may be about the very release. Input: there
/// is no such file. Remote: it cannot be fetched.
pub(super) async fn catalog(source: &ReleaseSource<'_>, args: &E2eArgs) -> Result<Catalog> {
    const ELSEWHERE: &str = "name the catalog's file: --catalog FILE";
    const OFFLINE: &str = "check the network, or do without it: --documents-only --offline --dir DIR --catalog FILE";
    let read = match source.catalog(args.catalog.as_deref()).await {
        Available::Yes(read) => read,
        Available::NotHere(why) | Available::Absent(why) => {
            return Err(Error::usage(format!("no catalog: {why}")).help(ELSEWHERE));
        }
        Available::Failed(why) => {
            let what = format!("no catalog: {why}");
            return Err(match args.catalog {
                Some(_) => Error::input(what).help(ELSEWHERE),
                None => Error::remote(what).help(OFFLINE),
            });
        }
    };
    let catalog =
        read.as_ref().as_ref().map_err(|finding| Error::usage(format!("the catalog: {}", finding.message)))?;
    match catalog.malformed.first() {
        None => Ok(catalog.clone()),
        Some((place, value)) => {
            let what = format!("the catalog: {place} cannot be read: {value}");
            Err(Error::usage(what).help("correct it first: `merotee catalog check`"))
        }
    }
}

impl Releases {
    /// Reads releases, each once.
    pub(super) async fn read<'t>(source: &mut ReleaseSource<'_>, tags: impl Iterator<Item = &'t Tag>) -> Self {
        let mut unique: Vec<Tag> = Vec::new();
        for tag in tags {
            if !unique.contains(tag) {
                unique.push(tag.clone());
            }
        }
        let mut releases = Self::default();
        let mut absent = HashMap::new();
        for tag in &unique {
            if let Some(known) = listed(source, tag).await {
                absent.insert(tag.clone(), known);
            }
        }
        let (source, absent) = (&*source, &absent);
        let reads = unique.into_iter().map(|tag| async move {
            match (tag.family(), absent.get(&tag)) {
                (Family::Kms, Some(why)) => Statement::Kms(tag, why.clone().into()),
                (Family::Node, Some(why)) => Statement::Node(tag, why.clone().into()),
                (Family::Kms, None) => {
                    let known = known(snapshot(source, &tag).await, |read| kms(&tag, read));
                    Statement::Kms(tag, known)
                }
                (Family::Node, None) => {
                    let known = known(snapshot(source, &tag).await, |read| node(&tag, read));
                    Statement::Node(tag, known)
                }
            }
        });
        for statement in stream::iter(reads).buffered(AT_ONCE).collect::<Vec<_>>().await {
            match statement {
                Statement::Kms(tag, known) => releases.kms.push((tag, known)),
                Statement::Node(tag, known) => releases.nodes.push((tag, known)),
            }
        }
        releases
    }

    /// What a KMS release states.
    pub(super) fn kms(&self, tag: &Tag) -> &Known<KmsRelease> {
        self.kms.iter().find(|(one, _)| one == tag).map_or(&Known::NotReleased, |(_, known)| known)
    }

    /// What a node release states.
    pub(super) fn node(&self, tag: &Tag) -> &Known<NodeRelease> {
        self.nodes.iter().find(|(one, _)| one == tag).map_or(&Known::NotReleased, |(_, known)| known)
    }
}

enum Statement {
    Kms(Tag, Known<KmsRelease>),
    Node(Tag, Known<NodeRelease>),
}

/// Why a release is not read.
#[derive(Clone)]
enum NotRead {
    Absent,
    Unknown(String),
}

impl<T> From<NotRead> for Known<T> {
    fn from(why: NotRead) -> Self {
        match why {
            NotRead::Absent => Self::NotReleased,
            NotRead::Unknown(why) => Self::Unknown(why),
        }
    }
}

/// Whether the release is there, and keeps GitHub's listing of it: one may be listed in advance.
async fn listed(source: &mut ReleaseSource<'_>, tag: &Tag) -> Option<NotRead> {
    let repository = source.rule.repository.clone();
    match &mut source.files {
        Files::Folder { dir, .. } => {
            let folder = dir.join(tag.as_str());
            (!folder.is_dir()).then(|| NotRead::Unknown(format!("no folder {}", folder.display())))
        }
        Files::GitHub { github, listed, .. } => match github.release(&repository, tag.as_str()).await {
            Ok(Some(release)) => {
                listed.insert(tag.as_str().to_owned(), release);
                None
            }
            Ok(None) => Some(NotRead::Absent),
            Err(error) => Some(NotRead::Unknown(error::chain(&error))),
        },
    }
}

async fn snapshot(source: &ReleaseSource<'_>, tag: &Tag) -> Result<Read> {
    let scope = match tag.family() {
        Family::Kms => Scope::Images,
        Family::Node => Scope::Quick,
    };
    source.read(Wanted { tag, class: tag.class(), scope, purpose: Purpose::Comparison }).await
}

/// What a release states; `Err` inside: it is not trusted, or does not state it.
fn known<T>(read: Result<Read>, state: impl FnOnce(&Snapshot) -> Result<counterparts::Stated<T>>) -> Known<T> {
    match read.and_then(|read| state(&read.snapshot)) {
        Ok(Ok(stated)) => Known::Stated(stated),
        Ok(Err(why)) => Known::NotTrusted(why),
        Err(error) if error.class() == Class::Trust => Known::NotTrusted(error::chain(&error)),
        Err(error) => Known::Unknown(error::chain(&error)),
    }
}

fn node(tag: &Tag, snapshot: &Snapshot) -> Result<counterparts::Stated<NodeRelease>> {
    Ok(counterparts::measurements(snapshot)?.map(|published| NodeRelease { tag: tag.clone(), published }))
}

fn kms(tag: &Tag, snapshot: &Snapshot) -> Result<counterparts::Stated<KmsRelease>> {
    let mut policies = Vec::new();
    for profile in Profile::ALL {
        // As the service finds its own.
        let mut named = snapshot.contract.assets().filter(|asset| asset.role == AssetKind::Policy);
        let Some(asset) = named.find(|asset| asset.profile == Some(profile)) else {
            return Ok(Err(format!("its layout has no policy for {profile}")));
        };
        match document(snapshot, &asset.name)? {
            Ok(document) => policies.push((profile, document)),
            Err(why) => return Ok(Err(why)),
        }
    }
    // One that its layout has and that cannot be read is not one that is not published.
    let published =
        match snapshot.with_role(AssetKind::Measurements).find(|(asset, at)| !asset.optional || at.is_some()) {
            None => None,
            Some((asset, _)) => match document(snapshot, &asset.name)? {
                Ok((name, bytes)) => match PublishedMrtds::parse(&format!("{tag} {name}"), &bytes) {
                    Ok(published) => Some(published),
                    Err(finding) => return Ok(Err(format!("{name}: {}", finding.message))),
                },
                Err(why) => return Ok(Err(why)),
            },
        };
    Ok(Ok(KmsRelease { tag: tag.clone(), policies, published }))
}

/// A document that the release vouches for.
fn document(snapshot: &Snapshot, name: &str) -> Result<counterparts::Stated<Document>> {
    match vouched::document(snapshot, name) {
        Ok(bytes) => Ok(Ok((name.to_owned(), bytes.to_vec()))),
        Err(refusal) => {
            let first = refusal.objections().first().map(ToString::to_string).unwrap_or_default();
            match refusal {
                Unacceptable::Refused(_) => Ok(Err(first)),
                Unacceptable::Undecided(_) => Err(Error::remote(first)),
            }
        }
    }
}
