//! `catalog show`, `check`, `add` and `rebuild`.

mod edit;
mod pull;
mod rebuild;
mod refusal;

use crate::{
    adapters::{file, github::GitHub},
    catalog::{
        Catalog,
        pair::{self, CATALOG_PAIR, Question, Untested},
        show,
    },
    cli::catalog::{CatalogCheckArgs, CatalogCommand, CatalogShowArgs, CatalogSourceArgs},
    commands::repository::resolve,
    context::Context,
    error::Result,
    product::Product,
    release::snapshot::Named,
    report::{CheckInfo, Fact, Finding, Format, Report, Section},
    schema::{self, Document, SCHEMA},
};

/// Largest catalog read; a thousand entries take 200 KiB.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

pub(super) async fn run(command: &CatalogCommand, context: &Context) -> Result<Product> {
    match command {
        CatalogCommand::Show(args) => show(args, context).await,
        CatalogCommand::Check(args) => check(args, context).await,
        CatalogCommand::Add(args) => edit::add(args, context).await,
        CatalogCommand::Rebuild(args) => rebuild::run(args, context).await,
    }
}

/// A catalog, or the finding that there is none.
struct Read {
    facts: Vec<Fact>,
    named: std::result::Result<Named, Box<Finding>>,
}

async fn read(args: &CatalogSourceArgs, context: &Context, check: CheckInfo) -> Result<Read> {
    if let Some(path) = &args.catalog {
        let named = Named { name: file::source_name(path), bytes: file::read_source(path, MAX_BYTES)? };
        return Ok(Read { facts: Vec::new(), named: Ok(named) });
    }
    let endpoints = &context.endpoints;
    let repository = resolve(endpoints)?;
    let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?;
    let named = match github.file(&repository, &args.place.path, None).await? {
        Some(bytes) => Ok(Named { name: args.place.path.clone(), bytes }),
        None => {
            let message = format!("{repository} has no such file on its default branch");
            Err(Box::new(
                check.missing(&args.place.path, message).help("name a file with --catalog, or another with --path"),
            ))
        }
    };
    Ok(Read { facts: vec![Fact::Repository(repository.to_string())], named })
}

async fn show(args: &CatalogShowArgs, context: &Context) -> Result<Product> {
    let Read { facts, named } = read(&args.source, context, SCHEMA).await?;
    let mut report = Report { command: "catalog show".into(), rules: vec![SCHEMA], ..Report::default() };
    let (subject, read) = match named {
        Ok(named) => {
            let read = Catalog::parse(&named.name, &named.bytes).map(|catalog| (catalog, named.bytes));
            (named.name, read)
        }
        Err(finding) => (args.source.place.path.clone(), Err(finding)),
    };
    let (catalog, findings) = match read {
        Ok((catalog, bytes)) => {
            let findings = match schema::parse_json(&bytes) {
                Ok(value) => schema::conforms(&subject, Document::CompatibilityCatalog, &value),
                Err(error) => vec![schema::unreadable(&subject, &error)],
            };
            (Some(catalog), findings)
        }
        Err(finding) => (None, vec![*finding]),
    };
    report.sections = vec![Section { facts, findings, ..Section::new(subject) }];
    let Some(catalog) = catalog else { return Ok(Product::report(report)) };
    let text = match context.output.format {
        Format::Human => show::human(&catalog),
        Format::Json => show::json(&catalog),
        Format::Markdown => show::markdown_table(&catalog),
        // These two are forms of reports: what is wrong with the catalog.
        Format::Sarif | Format::Html => return Ok(Product::report(report)),
    };
    super::documents::tell_problems(&report);
    Ok(Product::text(text, show::markdown_table(&catalog), report))
}

async fn check(args: &CatalogCheckArgs, context: &Context) -> Result<Product> {
    let Read { facts, named } = read(&args.source, context, CATALOG_PAIR).await?;
    let question = Question {
        kms: args.pair.kms.clone(),
        node_image: args.pair.node.clone(),
        profiles: args.pair.profiles(),
        untested: if args.allow_untested { Untested::Accepted } else { Untested::Refused },
    };
    let findings = match named.and_then(|named| Catalog::parse(&named.name, &named.bytes)) {
        Ok(catalog) => pair::pair(&catalog, &question),
        Err(finding) => vec![*finding],
    };
    let subject = format!("KMS {} with node image {}", question.kms, question.node_image);
    let section = Section { facts, findings, ..Section::new(subject) };
    Ok(Product::report(Report {
        command: "catalog check".into(),
        rules: vec![SCHEMA, CATALOG_PAIR],
        sections: vec![section],
        ..Report::default()
    }))
}
