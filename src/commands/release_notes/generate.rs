//! `release-notes generate`: reads history and documents, and writes the notes.

use std::path::Path;

use super::{
    NOTES, contracts,
    documents::{self, Documents},
    image_of,
};
use crate::{
    adapters::{file, git::Releases},
    catalog::{Catalog, Entry},
    cli::release_notes::NotesGenerateArgs,
    commands::{counterparts::Basis, guarded, repository::resolve_around},
    context::Context,
    error::{Error, Result},
    guard::config::Config,
    product::Product,
    release::{
        contract::Contracts,
        notes::{
            self, DemandedImage, Demands,
            changes::changes,
            generate::{Facts, Images, Known, Pair, generate},
            image::pinned,
            measured::Measurements,
            previous::{Tags, previous},
            supplied::Supplied,
        },
    },
    report::{Status, escape::terminal},
    subject::{
        repository::Repository,
        tag::{Class, Tag},
    },
};

/// Largest catalog read; a thousand entries take 200 KiB.
const MAX_CATALOG: u64 = 8 << 20;

/// Longest sections that people wrote; GitHub takes notes of 125,000 characters.
const MAX_SECTIONS: u64 = 256 << 10;

/// Most pairs that are listed.
const MAX_PAIRS: usize = 50;

pub(super) async fn run(args: &NotesGenerateArgs, context: &Context) -> Result<Product> {
    let (tag, class) = (&args.tag, class(args)?);
    let supplied = supplied(args.sections.as_deref())?;
    let folder = args.repo_dir.as_deref().unwrap_or(&context.folder);
    let releases = Releases::around(folder)?;
    let config = guarded::config(args.config.as_deref(), &guarded::top(folder))?;
    let head = head(&releases, args)?;
    let from = compared_with(&releases, args, class, &head)?;
    let (previous, base) = from.map_or((None, None), |(tag, commit)| (Some(tag), Some(commit)));
    let history = releases.log(base.as_deref(), &head, true)?;
    let foreign = |files: &[String]| config.release_notes.is_foreign(tag.family(), files);
    let (changes, left_out) = changes(&history, &head, foreign);
    let files = match (class, &base) {
        (Class::Hotfix, Some(base)) => releases.changed_files(base, &head)?,
        (Class::Hotfix | Class::Rc | Class::Stable, _) => Vec::new(),
    };
    let repository = resolve_around(&context.endpoints, folder)?;
    let read = Reading { args, context, contracts: contracts()?, repository: &repository };
    let own = args.dir.as_deref().map(|dir| Documents::read(dir, tag, &read.contracts)).transpose()?;
    let measured = match (&own, &args.dir) {
        (Some(own), Some(dir)) => own.measured(tag, dir),
        (None, _) | (_, None) => Known::No("no --dir names the folder of the release's files".to_owned()),
    };
    let images = read.images(own.as_ref())?;
    let text = generate(&Facts {
        tag,
        class,
        repository: &repository,
        server: context.endpoints.server_url.as_str().trim_end_matches('/'),
        previous: previous.as_ref(),
        changes: &changes,
        left_out,
        files: &files,
        images: images.clone(),
        measured_before: read.before(previous.as_ref(), &measured).await?,
        measured,
        compatible: read.pairs(&releases, &head, &config)?,
        admitted: own.as_ref().and_then(|own| own.admitted(tag)),
    });
    let text = supplied.fill(&text);
    tell_gaps(&text, class, &images);
    Ok(Product::bytes(text))
}

/// What people wrote ahead of the release.
fn supplied(given: Option<&Path>) -> Result<Supplied> {
    let Some(path) = given else { return Ok(Supplied::default()) };
    let name = file::source_name(path);
    let bytes = file::read_source(path, MAX_SECTIONS)?;
    let text = String::from_utf8(bytes).map_err(|e| Error::usage(format!("{name}: not valid UTF-8")).because(e))?;
    Supplied::read(&text).map_err(|e| {
        Error::usage(format!("{name}: not sections of release notes"))
            .because(e)
            .help("one heading for each section, such as `## Upgrade path`; nothing else is taken over")
    })
}

/// The class, which must be one that the tag can have.
fn class(args: &NotesGenerateArgs) -> Result<Class> {
    let tag = &args.tag;
    let class = args.class.unwrap_or_else(|| tag.class());
    let refused = |why: &str| Err(Error::usage(format!("{tag} cannot be of class {class}: {why}")));
    match class {
        Class::Rc if !tag.is_rc() => refused("a release candidate has -rc.N in its tag"),
        Class::Stable | Class::Hotfix if tag.is_rc() => refused("it is a release candidate by its tag"),
        Class::Hotfix if tag.version().patch == 0 => refused("a hotfix has a patch number above 0"),
        Class::Rc | Class::Stable | Class::Hotfix => Ok(class),
    }
}

fn no_tag(tag: &Tag) -> Error {
    Error::usage(format!("this clone has no tag {tag}"))
}

/// The commit that is released.
fn head(releases: &Releases, args: &NotesGenerateArgs) -> Result<String> {
    if let Some(revision) = &args.head {
        return releases.commit(revision);
    }
    releases.tagged(&args.tag)?.ok_or_else(|| {
        no_tag(&args.tag).help("run `git fetch --tags`; --head HEAD makes notes for a release that is not tagged yet")
    })
}

/// The release to compare with, and its commit; `None` for the first one.
fn compared_with(
    releases: &Releases,
    args: &NotesGenerateArgs,
    class: Class,
    head: &str,
) -> Result<Option<(Tag, String)>> {
    let tag = &args.tag;
    let within = releases.tags(tag.family(), Some(head))?;
    let commit = |of: &Tag| releases.tagged(of)?.ok_or_else(|| no_tag(of).help("run `git fetch --tags`"));
    if let Some(from) = &args.from {
        if from.family() != tag.family() || from.version() >= tag.version() {
            return Err(Error::usage(format!("--from {from}: not an earlier {} release than {tag}", tag.family())));
        }
        let commit = commit(from)?;
        if !within.contains(from) {
            tracing::warn!("{from} is not in the history of {tag}: changes are those made since the two parted");
        }
        return Ok(Some((from.clone(), commit)));
    }
    let all = releases.tags(tag.family(), None)?;
    let found = previous(tag, class, &Tags { within, all });
    if let Some(nearer) = &found.passed_over {
        tracing::warn!("{nearer} is nearer and not in the history of {tag}: --from {nearer} compares with it");
    }
    match found.tag {
        Some(from) => {
            tracing::info!("{tag} is compared with {from}");
            let commit = commit(&from)?;
            Ok(Some((from, commit)))
        }
        None if class == Class::Hotfix => {
            let series = format!("{}.{}", tag.version().major, tag.version().minor);
            Err(Error::usage(format!("the history of {tag} holds no release {series}.x that it could patch"))
                .help("make a hotfix on a branch from the tag it patches; --from names another release"))
        }
        None => {
            tracing::info!("{tag} is the first {} release in its history", tag.family());
            Ok(None)
        }
    }
}

/// Where documents are read.
struct Reading<'a> {
    args: &'a NotesGenerateArgs,
    context: &'a Context,
    contracts: Contracts,
    repository: &'a Repository,
}

impl Reading<'_> {
    /// What the machines of the previous release measure to. It is not asked for where there is nothing to compare.
    async fn before(&self, from: Option<&Tag>, measured: &Known<Measurements>) -> Result<Known<Measurements>> {
        let Some(from) = from else { return Ok(Known::No("there is no earlier release".to_owned())) };
        if let Some(dir) = &self.args.previous_dir {
            return Ok(Documents::read(dir, from, &self.contracts)?.measured(from, dir));
        }
        if self.args.offline || matches!(measured, Known::No(_)) {
            return Ok(Known::No("no --previous-dir names the folder of its files".to_owned()));
        }
        let basis = Basis::new(self.context, self.repository)?;
        let source = basis.source(self.context)?;
        documents::released(&source, from).await
    }

    /// The images, with the one that the command line names.
    fn images(&self, own: Option<&Documents>) -> Result<Images> {
        let name = image_of(&self.contracts, &self.args.tag, self.repository);
        let mut images = own.map(Documents::images).transpose()?.unwrap_or_default();
        images.name.clone_from(&name);
        let Some(given) = &self.args.image else { return Ok(images) };
        let Some(name) = name else {
            return Err(Error::usage(format!("--image: a {} release has no image", self.args.tag.family())));
        };
        let image = pinned(given, &name).filter(|image| image == given);
        let Some((_, digest)) = image.as_deref().and_then(|image| image.split_once('@')) else {
            return Err(Error::usage(format!("--image: expected {name}@sha256:<64 hex digits>"))
                .help("write the image with the digest that the build printed"));
        };
        match &images.production {
            Some(stated) if stated != digest => {
                Err(Error::usage(format!("--image: the manifest in --dir states {stated} for production")))
            }
            Some(_) | None => Ok(Images { production: Some(digest.to_owned()), ..images }),
        }
    }

    /// The versions that the catalog pairs the release with.
    fn pairs(&self, releases: &Releases, head: &str, config: &Config) -> Result<Known<Vec<Pair>>> {
        let tag = &self.args.tag;
        let (name, bytes) = match &self.args.catalog {
            Some(path) => (file::source_name(path), Some(file::read_source(path, MAX_CATALOG)?)),
            None => {
                let path = &config.dependency_guard.catalog;
                (path.clone(), releases.file(head, path)?)
            }
        };
        let Some(bytes) = bytes else { return Ok(Known::No(format!("the repository holds no {name} at this commit"))) };
        let catalog = Catalog::parse(&name, &bytes).map_err(|f| Error::usage(format!("{name}: {}", f.message)))?;
        let family = tag.family().counterpart();
        let pair = |entry: &Entry| Pair {
            tag: Tag::new(family, entry.version(family).clone()),
            profiles: entry.profiles.clone(),
            tested: entry.tested,
            notes: entry.notes.clone(),
        };
        let entries = catalog.entries.iter().filter(|entry| entry.version(tag.family()) == tag.version());
        Ok(Known::Yes(entries.take(MAX_PAIRS).map(pair).collect()))
    }
}

/// Says what a person still has to write.
fn tell_gaps(text: &str, class: Class, images: &Images) {
    let image = images.name.as_deref().map(|name| DemandedImage { name, stated: &[] });
    let findings = notes::check(NOTES, text, Demands { class, image });
    for finding in findings.iter().filter(|finding| finding.status == Status::Fail) {
        tracing::warn!("{}: {}", finding.check, terminal(&finding.message));
    }
}
