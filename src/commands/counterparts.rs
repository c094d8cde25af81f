//! What releases are compared by: policies and measurements of those that are trusted, read for the comparison alone.

use std::{path::Path, sync::Arc};

use crate::{
    adapters::{
        github::{Allowance, GitHub},
        release_source::{Downloads, Files, Log, ReleaseSource},
        sigstore::TrustRoot,
    },
    commands::signer_rule::own_workflows,
    context::Context,
    digest::Sha256,
    error::{self, Error, Result},
    policy::{acceptance::Unacceptable, document::PolicyFile, mrtds::PublishedMrtds},
    release::{
        contract::{AssetKind, Contracts},
        counterpart::trusted,
        documents::Budget,
        signer_rule::SignerRule,
        snapshot::Snapshot,
        vouched,
    },
    schema::parse_json,
    subject::{profile::Profile, repository::Repository, tag::Tag},
};

/// Bytes that a comparison may download altogether: documents and their signatures, a few hundred kilobytes a release.
const MAX_DOWNLOAD: u64 = 1 << 30;

/// Assets of one release that are read at the same time.
const JOBS: usize = 4;

/// What releases are trusted by: their own workflow's signatures, under the trust root of the run.
pub(super) struct Basis {
    contracts: Contracts,
    pub(super) root: TrustRoot,
    rule: SignerRule,
}

impl Basis {
    /// For releases of `repository`.
    ///
    /// # Errors
    /// Usage: the trust root cannot be used.
    pub(super) fn new(context: &Context, repository: &Repository) -> Result<Self> {
        let contracts = Contracts::built_in();
        Ok(Self {
            contracts: contracts.map_err(|e| Error::internal("the built-in contracts do not parse").because(e))?,
            root: context.trust_root()?,
            rule: own_workflows(context, repository),
        })
    }

    /// Releases on GitHub; what is downloaded goes with the value.
    ///
    /// # Errors
    /// Usage: an address cannot be asked. Input: no temporary folder can be made.
    pub(super) fn source(&self, context: &Context) -> Result<ReleaseSource<'_>> {
        let endpoints = &context.endpoints;
        let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?
            .within(Allowance::new(MAX_DOWNLOAD, "the bound of a comparison"));
        let files = Files::on_github(github, Downloads::temporary()?, false);
        Ok(self.source_of(files, Some(Log::new(endpoints.rekor_url.clone(), context.http.clone())?)))
    }

    /// Releases in a folder each, below `dir`. Without a log no request is made.
    pub(super) fn folders(&self, dir: &Path, log: Option<Arc<Log>>) -> ReleaseSource<'_> {
        let files = Files::Folder { dir: dir.to_owned(), nested: true, notes: None, counterpart: None };
        self.source_of(files, log)
    }

    fn source_of(&self, files: Files, log: Option<Arc<Log>>) -> ReleaseSource<'_> {
        ReleaseSource {
            files,
            log,
            contracts: &self.contracts,
            root: &self.root,
            key: None,
            rule: &self.rule,
            jobs: JOBS,
            budget: Budget::default(),
        }
    }
}

/// What a release states, or why that is not trusted.
pub(super) type Stated<T> = std::result::Result<T, String>;

/// The policies that a release vouches for.
///
/// # Errors
/// Remote: whether it does could not be found out.
pub(super) fn policies(snapshot: &Snapshot) -> Result<Stated<Vec<PolicyFile>>> {
    let mut policies = Vec::new();
    for (entry, _) in snapshot.documents(AssetKind::Policy) {
        let bytes = match vouched::document(snapshot, &entry.name) {
            Ok(bytes) => bytes,
            Err(refusal) => return not_trusted(&snapshot.tag, &refusal).map(Err),
        };
        match PolicyFile::parse(&entry.name, bytes) {
            Ok(policy) => policies.push(policy),
            Err(finding) => return Ok(Err(format!("{}: {}", entry.name, finding.message))),
        }
    }
    if policies.is_empty() {
        return Ok(Err("it holds no policy that can be read".to_owned()));
    }
    Ok(Ok(policies))
}

/// The digest of the image for `profile`, as every manifest says it that the release vouches for.
///
/// # Errors
/// Remote: whether it does could not be found out.
pub(super) fn image(snapshot: &Snapshot, profile: Profile) -> Result<Stated<Sha256>> {
    let path = format!("/container_profile_digests/{profile}");
    let mut found = None;
    for (entry, _) in snapshot.documents(AssetKind::Manifest) {
        let bytes = match vouched::document(snapshot, &entry.name) {
            Ok(bytes) => bytes,
            Err(refusal) => return not_trusted(&snapshot.tag, &refusal).map(Err),
        };
        let stated = parse_json(bytes).ok().and_then(|manifest| {
            let digest = manifest.pointer(&path)?.as_str()?;
            Sha256::from_prefixed(digest).ok()
        });
        let Some(digest) = stated else {
            return Ok(Err(format!("{} states no image for {profile} by its digest", entry.name)));
        };
        if *found.get_or_insert(digest) != digest {
            return Ok(Err(format!("its documents state two images for {profile}")));
        }
    }
    Ok(found.ok_or_else(|| "it holds no manifest that says which images it is of".to_owned()))
}

/// The provenance of a node's images that a release vouches for; `None` inside: its layout has none.
///
/// # Errors
/// Remote: whether it does could not be found out.
pub(super) fn provenance(snapshot: &Snapshot) -> Result<Stated<Option<serde_json::Value>>> {
    let Some((entry, _)) = snapshot.documents(AssetKind::ReleaseProvenance).next() else { return Ok(Ok(None)) };
    let bytes = match vouched::document(snapshot, &entry.name) {
        Ok(bytes) => bytes,
        Err(refusal) => return not_trusted(&snapshot.tag, &refusal).map(Err),
    };
    Ok(parse_json(bytes).map(Some).map_err(|e| format!("{}: {e}", entry.name)))
}

/// The measurements that a release vouches for.
///
/// # Errors
/// Remote: whether it does could not be found out.
pub(super) fn measurements(snapshot: &Snapshot) -> Result<Stated<PublishedMrtds>> {
    let undecided = |e| Error::remote(format!("{} cannot be judged: {}", snapshot.tag, error::chain(&e)));
    Ok(trusted(snapshot).map_err(undecided)?.measurements)
}

fn not_trusted(tag: &Tag, refusal: &Unacceptable) -> Result<String> {
    let first = refusal.objections().first().map(ToString::to_string).unwrap_or_default();
    match refusal {
        Unacceptable::Refused(_) => Ok(first),
        Unacceptable::Undecided(_) => Err(Error::remote(format!("{tag} cannot be judged: {first}"))),
    }
}
