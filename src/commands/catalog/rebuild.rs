//! `catalog rebuild`: every release of both families is read and trusted or not, and the pairs follow from those that are.

use futures_util::{StreamExt as _, stream};

use super::{
    edit,
    pull::{Edits, Pulling},
    refusal::refused,
};
use crate::{
    adapters::{
        github::GitHub,
        release_source::{Purpose, Read, ReleaseSource, Wanted},
    },
    catalog::{
        edit::{CATALOG_EDIT, Edited, Releases},
        rebuild::{self, CATALOG_REBUILD, Rebuilt, Released, Stated},
    },
    change::PULL_REQUEST,
    cli::catalog::CatalogRebuildArgs,
    commands::{
        counterparts::{self, Basis},
        repository::resolve,
    },
    context::Context,
    error::{Error, Result},
    product::Product,
    release::{contract::Scope, snapshot::Snapshot},
    report::{Fact, Report, Section, Status},
    subject::{
        repository::Repository,
        tag::{Family, Tag},
    },
};

/// Releases that are read at the same time.
const AT_ONCE: usize = 4;

pub(super) async fn run(args: &CatalogRebuildArgs, context: &Context) -> Result<Product> {
    let repository = resolve(&context.endpoints)?;
    let path = args.file.file();
    let pr = args.file.pull.pr;
    let subject = if pr { args.file.place.path.clone() } else { path.display().to_string() };
    let bytes = if pr { Vec::new() } else { edit::catalog(&path)? };
    let releases = released(args, context, &repository).await?;
    let mut section = Section::new(&subject);
    section.facts = facts(&repository, &releases);
    let server = context.endpoints.server_url.as_str().trim_end_matches('/');
    let place = Releases { server, repository: &repository };
    let absent = rebuild::without_releases(&releases);
    let report = Report {
        command: "catalog rebuild".into(),
        rules: vec![CATALOG_REBUILD, CATALOG_EDIT, PULL_REQUEST],
        caveats: context.trust_root()?.caveat().into_iter().collect(),
        ..Report::default()
    };
    if !absent.is_empty() {
        // A catalog rebuilt from nothing would be empty, which nobody means.
        let finding = |family: Family| {
            CATALOG_REBUILD.missing(&subject, format!("{repository} has no {family} release")).help("check --repo")
        };
        section.findings.extend(absent.into_iter().map(finding));
    } else if pr {
        let pulling = Pulling { args: &args.file, context, repository: &repository };
        let edit = |bytes: &[u8]| {
            let Rebuilt { text, changes, findings } = rebuild::rebuild(&subject, bytes, &releases, &place)?;
            Ok(Edits { text, changes, findings })
        };
        let mut pulled = pulling.propose(edit, |proposal, edit| proposal.of_rebuild(edit)).await?;
        pulled.section.facts.extend(section.facts.into_iter().skip(1));
        return Ok(pulled.product(report));
    } else {
        match rebuild::rebuild(&subject, &bytes, &releases, &place) {
            Err(error) => section.findings.push(refused(&subject, error)?),
            Ok(rebuilt) if rebuilt.findings.iter().any(|f| f.status == Status::Fail) => {
                tracing::error!("{subject} was left as it is");
                section.findings.extend(rebuilt.findings);
            }
            Ok(rebuilt) => {
                section.findings.extend(rebuilt.findings);
                let edited = Edited { text: rebuilt.text, changes: rebuilt.changes };
                edit::deliver(&args.file, &edited, &mut section)?;
            }
        }
    }
    Ok(Product::report(Report { sections: vec![section], ..report }))
}

/// Whose releases they are, and how many.
fn facts(repository: &Repository, releases: &[Released]) -> Vec<Fact> {
    let tags = |family| releases.iter().filter(|r| r.tag.family() == family).count().to_string();
    vec![
        Fact::Repository(repository.to_string()),
        Fact::named("kms releases", tags(Family::Kms)),
        Fact::named("node releases", tags(Family::Node)),
    ]
}

/// The published, final releases of both families, each with what it states.
async fn released(args: &CatalogRebuildArgs, context: &Context, repository: &Repository) -> Result<Vec<Released>> {
    let endpoints = &context.endpoints;
    let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?;
    let limit = usize::from(args.limit);
    let listed = github.releases(repository, limit).await?;
    if listed.len() == limit {
        return Err(Error::usage(format!(
            "{repository} may have more than {limit} releases, and pairs of the others would be lost"
        ))
        .help("give a higher --limit"));
    }
    let tags: Vec<Tag> = listed.iter().filter(|r| !r.draft).filter_map(|r| r.tag_name.parse().ok()).collect();
    let basis = Basis::new(context, repository)?;
    let source = basis.source(context)?;
    let final_ones = tags.into_iter().filter(|tag| !tag.is_rc());
    let work = final_ones.map(|tag| read(&source, tag));
    stream::iter(work).buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
}

async fn read(source: &ReleaseSource<'_>, tag: Tag) -> Result<Released> {
    let scope = match tag.family() {
        Family::Kms => Scope::Policies,
        Family::Node => Scope::Quick,
    };
    let wanted = Wanted { tag: &tag, class: tag.class(), scope, purpose: Purpose::Comparison };
    let Read { snapshot, staged: _staged } = source.read(wanted).await?;
    let stated = match tag.family() {
        Family::Kms => policies(&snapshot),
        Family::Node => measurements(&snapshot),
    };
    // What could not be found out speaks neither for nor against a release: no catalog is made of it.
    Ok(Released { stated: stated?, tag })
}

type Statement = std::result::Result<Stated, String>;

fn policies(snapshot: &Snapshot) -> Result<Statement> {
    Ok(counterparts::policies(snapshot)?.map(Stated::Policies))
}

fn measurements(snapshot: &Snapshot) -> Result<Statement> {
    Ok(counterparts::measurements(snapshot)?.map(|measured| Stated::Measurements(Box::new(measured))))
}
