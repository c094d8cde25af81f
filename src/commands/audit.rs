//! `audit`: many releases, each judged as `verify-release-assets` judges one, in one report.
//!
//! First everything is listed, then the requests are counted that this takes, then as many releases are read at the same
//! time as memory allows. A release that cannot be read has no verdict, and the others are judged all the same.

mod judging;
mod listing;

use std::{path::Path, sync::Arc, time::Instant};

use tempfile::TempDir;
use tokio::sync::Semaphore;

use self::{
    judging::{Audit, Candidate},
    listing::{Listed, Roll},
};
use crate::{
    adapters::{
        github::{Allowance, GitHub},
        github_release::Thrift,
        release_source::{Downloads, Files, Log, ReleaseSource},
        sigstore::PublicKey,
        verified_cache::{Spared, VerifiedCache},
    },
    cli::audit::AuditArgs,
    commands::{repository::resolve, signer_rule::signer_rule, snapshot::MAX_DOWNLOAD, verify_release},
    context::Context,
    error::{Error, Result},
    product::Product,
    release::{
        audit::{
            plan::{self, Left, Need, Plan},
            roll,
        },
        checks,
        contract::Contracts,
        documents::Budget,
    },
    report::Report,
    subject::repository::Repository,
    text::counted,
};

/// Requests for the catalog.
const CATALOG: usize = 1;

pub(super) async fn run(args: &AuditArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let contracts = verify_release::contracts(args.contract.as_deref())?;
    let repository = resolve(&context.endpoints)?;
    let (root, github_root) = (context.trust_root()?, context.github_root()?);
    let key = args.identity.key.as_deref().map(PublicKey::from_file).transpose()?;
    let rule = signer_rule(&args.identity, context, &repository)?;
    // Before anything is asked: what cannot be written to should not be found out at the end.
    let place = Place::new(args)?;
    let github = GitHub::new(context.endpoints.api_url.clone(), context.endpoints.token.clone(), context.http.clone())?
        .within(Allowance::new(args.max_download, MAX_DOWNLOAD));
    let Roll { listed, passed_over } = listing::call(args, &github, &repository).await?;
    let cache = Arc::clone(&place.cache);
    let thrift = place.thrift();
    let recalled = Arc::clone(&thrift.recalled);
    let (candidates, plan) = planned(&listed, &github, &thrift, &repository, &contracts)?;
    tracing::info!("{plan}");
    let releases = listed.iter().filter_map(|one| Some((one.tag.to_string(), one.release.as_ref().ok()?.clone())));
    let files = Files::GitHub {
        github: Box::new(github),
        listed: releases.collect(),
        downloads: Downloads::Hashed(place.folder, thrift),
        progress: false,
    };
    let source = ReleaseSource {
        files,
        log: Some(Log::new(context.endpoints.rekor_url.clone(), context.http.clone())?),
        contracts: &contracts,
        root: &root,
        key: key.as_ref(),
        rule: &rule,
        jobs: usize::from(args.jobs),
        budget: Budget::default(),
    };
    let audit = Audit {
        source,
        github_root: &github_root,
        repository: &repository,
        plan,
        catalog: args.catalog.as_deref(),
        recalled,
    };
    let mut sections = audit.sections(listed, candidates).await;
    told(&audit, cache.spared());
    let mut caveats =
        verify_release::caveats(&args.identity, args.contract.as_deref(), context, (&root, &github_root), &sections);
    caveats.extend(roll::not_downloaded(audit.recalled.all()));
    sections.extend(roll::passed_over(&passed_over));
    Ok(Product::report(Report {
        command: "audit".into(),
        rules: checks::rules(),
        overview: &["class", "layout"],
        caveats,
        sections,
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}

/// Where the little is that is written.
struct Place {
    folder: TempDir,
    cache: Arc<VerifiedCache>,
    jobs: usize,
}

impl Place {
    /// Without a folder to remember things in, they are remembered for the length of the run: releases share documents
    /// with those they are compared with.
    fn new(args: &AuditArgs) -> Result<Self> {
        let folder = TempDir::with_prefix("merotee-");
        let folder = folder.map_err(|e| Error::input("cannot make a temporary folder").because(e))?;
        let cache = match &args.cache {
            Some(dir) => VerifiedCache::open(dir)?,
            None => VerifiedCache::open(&folder.path().join(Path::new("cache")))?,
        };
        Ok(Self { folder, cache: Arc::new(cache), jobs: usize::from(args.jobs) })
    }

    fn thrift(&self) -> Thrift {
        Thrift { cache: Some(Arc::clone(&self.cache)), places: Semaphore::new(self.jobs), recalled: Arc::default() }
    }
}

/// What each release takes, and how much of that there are requests for.
fn planned(
    listed: &[Listed],
    github: &GitHub,
    thrift: &Thrift,
    repository: &Repository,
    contracts: &Contracts,
) -> Result<(Vec<Candidate>, Plan)> {
    let candidate = |one: &Listed| {
        let listing = one.listing(repository, contracts)?;
        let (requests, bytes) = listing.as_ref().map_or((0, 0), |listing| listing.outstanding(github, thrift));
        let documents = listing.map_or(0, |listing| listing.documents());
        Ok(Candidate { need: Need { tag: one.tag.clone(), requests, bytes }, documents })
    };
    let candidates = listed.iter().map(candidate).collect::<Result<Vec<_>>>()?;
    let left = github.quota().map(|quota| Left {
        requests: usize::try_from(quota.remaining).unwrap_or(usize::MAX),
        resets: quota.resets(),
        soon: quota.resets_soon(),
    });
    let needs: Vec<_> = candidates.iter().map(|candidate| candidate.need.clone()).collect();
    let plan = plan::plan(&needs, CATALOG, left);
    Ok((candidates, plan))
}

/// What it took.
fn told(audit: &Audit<'_>, spared: Spared) {
    let requests = audit.source.files.github().map_or(0, GitHub::requests);
    let requests = counted(usize::try_from(requests).unwrap_or(usize::MAX), "request", "requests");
    let assets = counted(usize::try_from(spared.assets).unwrap_or(usize::MAX), "asset", "assets");
    tracing::info!("{requests} to GitHub; {assets} ({}) did not have to be downloaded", plan::size(spared.bytes));
}
