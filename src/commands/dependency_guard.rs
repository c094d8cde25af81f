//! `dependency-guard`: finds out what there is of a release and its counterpart, and has it judged.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::counterparts::{self, Basis};
use crate::{
    adapters::{
        file,
        github::GitHub,
        release_source::{Files, Purpose, Read, ReleaseSource, Wanted},
    },
    catalog::Catalog,
    cli::dependency_guard::DependencyGuardArgs,
    commands::{guarded, repository::resolve},
    context::Context,
    error::{self, Error, Result},
    guard::{
        config::VersionSync,
        dependency::{self, Chosen, Hints, Lookup, RULES, Situation},
        trigger::Trigger,
        version_sync,
    },
    policy::{document::PolicyFile, generate::Naming, mrtds::PublishedMrtds},
    product::Product,
    release::{
        checks::documents::union,
        contract::Scope,
        snapshot::{Available, ReadCatalog},
    },
    report::{Fact, Report, Section},
    schema::MAX_JSON_BYTES,
    subject::{
        profile::Profile,
        repository::Repository,
        tag::{Family, Selector, Tag},
    },
};

/// Node releases that one KMS release is compared with, at most.
const MAX_NODES: usize = 10;

pub(super) async fn run(args: &DependencyGuardArgs, context: &Context) -> Result<Product> {
    let selector = selector(args)?;
    let top = guarded::top(&context.folder);
    let config = guarded::config(args.run.config.as_deref(), &top)?;
    let repository = resolve(&context.endpoints)?;
    let basis = Basis::new(context, &repository)?;
    let world = World {
        source: basis.source(context)?,
        repository: &repository,
        args,
        context,
        versions: &config.version_sync,
        policies: args.policies.clone().unwrap_or_else(|| top.join("policies")),
    };
    let catalog = world.catalog(&config.dependency_guard.catalog).await;
    let mut sections = Vec::new();
    for tag in selector.tags() {
        sections.push(world.judged(tag, &catalog).await?);
    }
    Ok(Product::report(Report {
        command: "dependency-guard".into(),
        rules: RULES.to_vec(),
        sections,
        caveats: basis.root.caveat().into_iter().collect(),
        ..Report::default()
    }))
}

/// The release that is meant.
fn selector(args: &DependencyGuardArgs) -> Result<Selector> {
    if let Some(selector) = &args.tag {
        return Ok(selector.clone());
    }
    let help = "give --tag, or run it in a workflow that runs for a tag";
    let instead = match guarded::trigger(&args.run)? {
        Trigger::Tag(name) => {
            return name
                .parse::<Tag>()
                .map(Selector::One)
                .map_err(|e| Error::usage("the run's tag").because(e).help(help));
        }
        Trigger::Pull(pull) => format!("the run is for pull request #{}, which releases nothing", pull.number),
        Trigger::Branch(_) => "the run is for a branch, not for a tag".to_owned(),
        Trigger::Nothing => "there is no tag to judge".to_owned(),
    };
    Err(Error::usage(instead).help(help))
}

/// Where things are found out.
struct World<'a> {
    source: ReleaseSource<'a>,
    repository: &'a Repository,
    args: &'a DependencyGuardArgs,
    context: &'a Context,
    /// Which variables hold versions.
    versions: &'a VersionSync,
    /// Folder of policies that are not released yet.
    policies: PathBuf,
}

impl World<'_> {
    fn github(&self) -> Result<&GitHub> {
        match &self.source.files {
            Files::GitHub { github, .. } => Ok(github),
            Files::Folder { .. } => Err(Error::internal("the guard asks GitHub")),
        }
    }

    async fn catalog(&self, path: &str) -> Available<ReadCatalog> {
        if self.args.catalog.is_some() {
            return self.source.catalog(self.args.catalog.as_deref()).await;
        }
        let asked = match self.github() {
            Ok(github) => github.file(self.repository, path, None).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(Some(bytes)) => Available::Yes(Arc::new(Catalog::parse(path, &bytes))),
            Ok(None) => Available::Absent(format!("{} has no {path} on its default branch", self.repository)),
            Err(error) => Available::Failed(error::chain(&error)),
        }
    }

    async fn judged(&self, tag: Tag, catalog: &Available<ReadCatalog>) -> Result<Section> {
        let read = match catalog {
            Available::Yes(read) => read.as_ref().as_ref().ok(),
            Available::NotHere(_) | Available::Absent(_) | Available::Failed(_) => None,
        };
        let name = version_sync::variable(self.versions, tag.family().counterpart());
        let value = (self.context.variable)(name);
        let variable = value.as_deref().map(|value| (name, value));
        let hints = Hints { given: self.args.counterpart.as_deref(), variable, catalog: read };
        let Chosen { tag: counterpart, by } = dependency::counterpart(&tag, hints).map_err(Error::usage)?;
        let class = self.args.class.unwrap_or_else(|| tag.class());
        let (own, release) = (self.lookup(&tag).await, self.lookup(&counterpart).await);
        let (kms, kms_release) = match tag.family() {
            Family::Kms => (&tag, &own),
            Family::Node => (&counterpart, &release),
        };
        let mut distrusted = Vec::new();
        let (policies, from) = self.policies_of(kms, kms_release, &tag, &mut distrusted).await?;
        let nodes = nodes(kms, if tag.family() == Family::Kms { &counterpart } else { &tag }, read);
        let nodes = match &policies {
            Available::Yes(_) => self.measured(&nodes, &tag, &own, &mut distrusted).await,
            Available::NotHere(_) | Available::Absent(_) | Available::Failed(_) => {
                Available::NotHere("there are no policies to compare with".to_owned())
            }
        };
        let facts = vec![
            Fact::Repository(self.repository.to_string()),
            Fact::named("class", class.to_string()),
            Fact::named("counterpart", format!("{counterpart}, by {by}")),
            Fact::named("policies", from),
        ];
        let subject = tag.to_string();
        let situation =
            Situation { tag, class, counterpart, release, catalog: catalog.clone(), policies, nodes, distrusted };
        Ok(Section { facts, findings: dependency::judge(&situation), ..Section::new(subject) })
    }

    async fn lookup(&self, tag: &Tag) -> Lookup {
        let asked = match self.github() {
            Ok(github) => github.release(self.repository, tag.as_str()).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(Some(release)) if release.draft => Lookup::Draft,
            Ok(Some(release)) => Lookup::Published { prerelease: release.prerelease },
            Ok(None) => Lookup::Absent,
            Err(error) => Lookup::Failed(error::chain(&error)),
        }
    }

    /// The policies of a KMS release, and where they are from: a folder that was named, the release, or the repository,
    /// where it is the one that is about to be made.
    async fn policies_of(
        &self,
        kms: &Tag,
        release: &Lookup,
        subject: &Tag,
        distrusted: &mut Vec<(Tag, String)>,
    ) -> Result<(Available<Vec<PolicyFile>>, String)> {
        let is_own = kms == subject;
        // Unless it is known that there is no release, files of the repository are not what is judged.
        if let (true, None, Lookup::Failed(why)) = (is_own, &self.args.policies, release) {
            return Ok((Available::Failed(why.clone()), format!("the release {kms}")));
        }
        let folder = &self.policies;
        let is_released = matches!(release, Lookup::Published { .. });
        if is_own && (self.args.policies.is_some() || !is_released) {
            let read = local(folder)?;
            let found = if read.is_empty() {
                Available::Absent(format!("{} holds no policy of {kms}", folder.display()))
            } else {
                Available::Yes(read)
            };
            return Ok((found, folder.display().to_string()));
        }
        let from = format!("the release {kms}");
        let found = match release {
            // The finding about the release says so already.
            Lookup::Absent | Lookup::Draft => Available::NotHere(format!("{kms} is not published")),
            Lookup::Failed(why) => Available::Failed(why.clone()),
            Lookup::Published { .. } => match self.read(kms, Scope::Policies, counterparts::policies).await {
                Ok(Ok(policies)) => Available::Yes(policies),
                Ok(Err(why)) => {
                    distrusted.push((kms.clone(), why));
                    Available::NotHere(format!("{kms} is not trusted"))
                }
                Err(error) => Available::Failed(error::chain(&error)),
            },
        };
        Ok((found, from))
    }

    /// What the node releases publish together.
    async fn measured(
        &self,
        nodes: &[(Tag, Vec<Profile>)],
        subject: &Tag,
        own: &Lookup,
        distrusted: &mut Vec<(Tag, String)>,
    ) -> Available<PublishedMrtds> {
        let mut published = Vec::new();
        for (tag, profiles) in nodes {
            if tag == subject && *own == Lookup::Absent {
                return Available::NotHere(format!("{tag} is not released yet, so nothing is measured"));
            }
            match self.lookup(tag).await {
                Lookup::Absent | Lookup::Draft => return Available::NotHere(format!("{tag} is not published")),
                Lookup::Failed(why) => return Available::Failed(why),
                Lookup::Published { .. } => {}
            }
            match self.read(tag, Scope::Quick, counterparts::measurements).await {
                Ok(Ok(measured)) => {
                    published.push((profiles.as_slice(), measured));
                }
                Ok(Err(why)) => distrusted.push((tag.clone(), why)),
                Err(error) => return Available::Failed(error::chain(&error)),
            }
        }
        if !distrusted.is_empty() {
            return Available::NotHere("a release is not trusted".to_owned());
        }
        Available::Yes(union(&published.iter().map(|(profiles, measured)| (*profiles, measured)).collect::<Vec<_>>()))
    }

    async fn read<T>(
        &self,
        tag: &Tag,
        scope: Scope,
        of: fn(&crate::release::snapshot::Snapshot) -> Result<counterparts::Stated<T>>,
    ) -> Result<counterparts::Stated<T>> {
        let wanted = Wanted { tag, class: tag.class(), scope, purpose: Purpose::Comparison };
        let Read { snapshot, staged: _staged } = self.source.read(wanted).await?;
        of(&snapshot)
    }
}

/// The node releases that the KMS's policies have to admit: those the catalog pairs it with, and the one of this pair.
fn nodes(kms: &Tag, node: &Tag, catalog: Option<&Catalog>) -> Vec<(Tag, Vec<Profile>)> {
    let entries = catalog.iter().flat_map(|c| &c.entries).filter(|entry| entry.kms == *kms.version());
    let mut nodes: Vec<(Tag, Vec<Profile>)> = entries
        .take(MAX_NODES)
        .filter(|entry| entry.node_image != *node.version())
        .map(|entry| (Tag::new(Family::Node, entry.node_image.clone()), entry.profiles.clone()))
        .collect();
    nodes.insert(0, (node.clone(), Profile::ALL.to_vec()));
    nodes
}

/// The policies in a folder, under either of their names.
fn local(folder: &Path) -> Result<Vec<PolicyFile>> {
    let mut policies = Vec::new();
    for profile in Profile::ALL {
        let names = [Naming::Pipeline, Naming::Runbook].map(|naming| folder.join(naming.file_name(profile)));
        let Some(path) = names.iter().find(|path| path.symlink_metadata().is_ok()) else { continue };
        let bytes = file::read_bounded(path, MAX_JSON_BYTES as u64)?;
        let parsed = PolicyFile::parse(&path.display().to_string(), &bytes);
        policies.push(parsed.map_err(|finding| {
            Error::usage(format!("{}: {}", path.display(), finding.message)).help("run `merotee policy validate` on it")
        })?);
    }
    Ok(policies)
}
