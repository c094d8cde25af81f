//! `verify-attestation`: GitHub's attestation of an immutable release, against files, and against the release as it is now.

use std::{collections::BTreeSet, path::Path, time::Instant};

use crate::{
    adapters::{
        file,
        github::{GitHub, Release, ReleaseAsset},
        release_attestation::{Immutable, of_release, verified},
        sigstore::{GitHubRoot, MAX_EVIDENCE_BYTES, UnverifiedRelease},
    },
    cli::attestation::VerifyAttestationArgs,
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    product::Product,
    release::{
        attestation::{
            Attested, Extent, Found, Ids, Known, Listed, Outcome, RELEASE_ATTESTATION, ReleaseStatement, Standing,
            assets,
        },
        checks::attestation::{judged, without},
    },
    report::{Fact, Finding, Report, Section},
    subject::release_name::ReleaseName,
};

/// Why an asset that GitHub lists cannot be compared.
const NO_DIGEST: &str = "GitHub states no usable digest of it: download it, and give it as ASSET";

/// A file that must be attested.
struct Given {
    name: String,
    digest: Sha256,
}

pub(super) async fn run(args: &VerifyAttestationArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let root = context.github_root()?;
    let given = args.assets.iter().map(|path| Given::read(path)).collect::<Result<Vec<_>>>()?;
    refuse_one_name_twice(&given)?;
    let (standing, listed) = match &args.bundle {
        Some(path) => (in_bundle(args, path, &root)?, None),
        None => asked(args, context, &root).await?,
    };
    let name = args.release.to_string();
    let section = Section {
        facts: facts(&standing),
        findings: findings(&args.release, &standing, listed.as_deref(), &given),
        ..Section::new(&name)
    };
    Ok(Product::report(Report {
        command: "verify-attestation".into(),
        rules: vec![RELEASE_ATTESTATION],
        sections: vec![section],
        caveats: root.caveat().into_iter().collect(),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}

impl Given {
    /// The name alone counts as the asset's: the folder is the caller's business.
    fn read(path: &Path) -> Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Error::usage(format!("{}: not the name of an asset", path.display())))?;
        let (digest, _) = file::digest(path)?;
        Ok(Self { name: name.to_owned(), digest })
    }
}

fn refuse_one_name_twice(given: &[Given]) -> Result<()> {
    let mut names = BTreeSet::new();
    match given.iter().find(|file| !names.insert(file.name.as_str())) {
        Some(twice) => Err(Error::usage(format!("two files are called {}: give one", twice.name))),
        None => Ok(()),
    }
}

/// What the bundle attests, whichever tag it is of: nothing is asked.
fn in_bundle(args: &VerifyAttestationArgs, path: &Path, root: &GitHubRoot) -> Result<Standing> {
    let bytes = file::read_source(path, MAX_EVIDENCE_BYTES)?;
    let outcome = match UnverifiedRelease::read(&bytes) {
        Ok(attestation) => verified(root, attestation),
        Err(why) => Outcome::Rejected(why.0),
    };
    let ids = Ids {
        repository: args.repository_id,
        owner: args.owner_id,
        release: args.release_id,
        tag_ref: args.tag_ref.clone(),
    };
    let ReleaseName { repository, tag } = args.release.clone();
    let known = Known { repository, asked_for: None, tag, ids };
    Ok(Standing::Attested(Box::new(Attested { known, outcome })))
}

/// What GitHub attests, and what it lists now.
async fn asked(
    args: &VerifyAttestationArgs,
    context: &Context,
    root: &GitHubRoot,
) -> Result<(Standing, Option<Vec<ReleaseAsset>>)> {
    let endpoints = &context.endpoints;
    let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?;
    let ReleaseName { repository, tag } = &args.release;
    let Some(release) = github.release(repository, tag).await? else {
        return Err(Error::remote(format!("{repository} has no release {tag}"))
            .help("check the tag; a draft is visible only with a token that may write to the repository (GH_TOKEN)"));
    };
    if !release.immutable {
        return Ok((Standing::Mutable { demanded: true }, None));
    }
    let assets: Vec<Sha256> = release.assets.iter().filter_map(stated).collect();
    let now = Release::repository(&release).filter(|now| now != repository);
    let immutable = Immutable {
        repository: now.as_ref().unwrap_or(repository),
        asked_for: now.is_some().then_some(repository),
        tag,
        release: release.id,
        assets: &assets,
    };
    Ok((of_release(&github, root, immutable).await, Some(release.assets)))
}

fn findings(
    release: &ReleaseName,
    standing: &Standing,
    listed: Option<&[ReleaseAsset]>,
    given: &[Given],
) -> Vec<Finding> {
    let Standing::Attested(attested) = standing else {
        return without(&release.tag, standing).into_iter().collect();
    };
    let listed: Option<Vec<Listed<'_>>> = listed.map(|assets| assets.iter().map(as_listed).collect());
    let mut findings = judged(attested, listed.as_deref());
    if let Outcome::Signed { statement, .. } = &attested.outcome
        && (listed.is_none() || !given.is_empty())
    {
        let extent = if listed.is_some() { Extent::Beside } else { Extent::Part };
        findings.extend(of_files(&release.tag, statement, given, extent));
    }
    findings
}

/// The files that were given, each of which must be attested.
fn of_files(tag: &str, statement: &ReleaseStatement, given: &[Given], extent: Extent) -> Vec<Finding> {
    let files: Vec<Listed<'_>> =
        given.iter().map(|file| Listed { name: &file.name, found: Found::Digest(file.digest) }).collect();
    assets(tag, statement, &files, extent)
}

/// An asset as GitHub lists it: nothing is downloaded.
fn as_listed(asset: &ReleaseAsset) -> Listed<'_> {
    Listed { name: &asset.name, found: stated(asset).map_or(Found::Unread(NO_DIGEST), Found::Digest) }
}

fn stated(asset: &ReleaseAsset) -> Option<Sha256> {
    let digest = asset.digest.as_deref().filter(|_| asset.unfinished().is_none())?;
    Sha256::from_prefixed(digest).ok()
}

fn facts(standing: &Standing) -> Vec<Fact> {
    let Standing::Attested(attested) = standing else { return Vec::new() };
    let Outcome::Signed { statement, at } = &attested.outcome else { return Vec::new() };
    let ReleaseStatement { repository_id, owner_id, release_id, tag_ref, .. } = statement.as_ref();
    vec![
        Fact::SignedAt(*at),
        Fact::named("tag ref", tag_ref.clone()),
        Fact::named("release id", release_id.to_string()),
        Fact::named("repository id", repository_id.to_string()),
        Fact::named("owner id", owner_id.to_string()),
    ]
}
