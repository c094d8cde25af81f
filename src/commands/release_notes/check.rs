//! `release-notes check`: notes from a file or from GitHub, held to the rules of their class.

use std::path::Path;

use super::{NOTES, contracts, image_of};
use crate::{
    adapters::{
        file,
        github::GitHub,
        github_release::{absent, nearest},
    },
    cli::release_notes::NotesCheckArgs,
    commands::repository::resolve,
    context::Context,
    error::{Error, Result},
    product::Product,
    release::{
        contract::{Contracts, Notes},
        notes::{self, DemandedImage, Demands, image::NOTES_IMAGE},
    },
    report::{Fact, Report, Section},
    subject::{
        repository::Repository,
        tag::{Class, Selector, Tag},
    },
};

/// Largest notes read; GitHub takes 125,000 characters.
const MAX_NOTES: u64 = 1 << 20;

pub(super) async fn run(args: &NotesCheckArgs, context: &Context) -> Result<Product> {
    let contracts = contracts()?;
    let sections = match args.releases() {
        None => vec![of_file(args, &contracts, context)?],
        Some(_) if args.tag.is_some() => {
            return Err(Error::usage("--tag is for a file of notes, and a release is named already")
                .help("write ./NAME for a file whose name reads as a tag"));
        }
        Some(tags) => {
            let endpoints = &context.endpoints;
            let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?;
            let repository = resolve(endpoints)?;
            let mut sections = Vec::new();
            for tag in tags {
                let class = args.class.unwrap_or_else(|| tag.class());
                sections.push(released(&github, &repository, &contracts, (&tag, class)).await?);
            }
            sections
        }
    };
    Ok(Product::report(Report {
        command: "release-notes check".into(),
        rules: notes::RULES.to_vec(),
        sections,
        ..Report::default()
    }))
}

fn of_file(args: &NotesCheckArgs, contracts: &Contracts, context: &Context) -> Result<Section> {
    let path = Path::new(&args.source);
    let name = file::source_name(path);
    let bytes = file::read_source(path, MAX_NOTES).map_err(|error| match args.source.parse::<Selector>() {
        // A word that is neither a file nor a tag may have been meant as either.
        Err(wrong) if args.source != "-" && !path.exists() => error.help(format!("{wrong}, nor a file")),
        Ok(_) | Err(_) => error,
    })?;
    let text = String::from_utf8(bytes).map_err(|e| {
        Error::usage(format!("{name}: not UTF-8 text")).because(e.utf8_error()).help("write notes as Markdown in UTF-8")
    })?;
    let class = args.class.unwrap_or_else(|| args.tag.as_ref().map_or(Class::Stable, Tag::class));
    let image = match &args.tag {
        Some(tag) => image_of(contracts, tag, &resolve(&context.endpoints)?),
        None => None,
    };
    let image = image.as_deref().map(|name| DemandedImage { name, stated: &[] });
    let mut findings = notes::check(NOTES, &text, Demands { class, image });
    if args.tag.is_none() {
        let why = "the notes are of no known release: --tag names the one whose image must be pinned";
        findings.insert(0, NOTES_IMAGE.skip(NOTES, why));
    }
    let mut facts = vec![Fact::named("class", class.to_string())];
    facts.extend(args.tag.as_ref().map(|tag| Fact::named("release", tag.to_string())));
    Ok(Section { facts, findings, ..Section::new(name) })
}

async fn released(
    github: &GitHub,
    repository: &Repository,
    contracts: &Contracts,
    (tag, class): (&Tag, Class),
) -> Result<Section> {
    let Some(release) = github.release(repository, tag.as_str()).await? else {
        return Err(absent(repository, tag, &nearest(github, repository, tag).await));
    };
    let names: Vec<String> = release.assets.iter().map(|asset| asset.name.clone()).collect();
    let contract = contracts.recognise(tag.family(), move |file| names.iter().any(|name| name == file));
    let image = image_of(contracts, tag, repository);
    let image = image.as_deref().map(|name| DemandedImage { name, stated: &[] });
    let text = release.body.unwrap_or_default();
    let findings = notes::check(NOTES, &text, Demands { class, image });
    let findings = match contract.map(|contract| contract.notes) {
        Some(Notes::Advisory) => {
            let (sections, others): (Vec<_>, Vec<_>) =
                findings.into_iter().partition(|finding| finding.check == notes::NOTES_SECTIONS.id);
            others.into_iter().chain(notes::advisory(sections)).collect()
        }
        Some(Notes::Enforced) | None => findings,
    };
    let facts = vec![Fact::Repository(repository.to_string()), Fact::named("class", class.to_string())];
    Ok(Section { facts, findings, ..Section::new(tag.to_string()) })
}
