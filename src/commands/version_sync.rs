//! `version-sync`: reads versions where the run says, asks GitHub where its answer matters, and reports.

use std::path::Path;

use super::guarded::{self, Change};
use crate::{
    adapters::{file, git::History, github::GitHub},
    cli::guards::VersionSyncArgs,
    commands::repository,
    context::Context,
    error::{Error, Result},
    guard::{
        config::{self, Config, VersionSync},
        trigger::{PullRequest, Trigger},
        version_sync::{self as rules, Comment, Considered, Coupling, Files, Mark, Overridden, Side, Versions, reason},
    },
    product::Product,
    report::{Fact, Finding, Report, Section},
    schema::MAX_JSON_BYTES,
    subject::{
        repository::Repository,
        tag::{Selector, Tag},
    },
};

/// Most authors of a justification whose access is asked for.
const MAX_AUTHORS: usize = 20;

/// What is to be compared.
enum Wanted {
    /// Tags with their variables, and the working tree where `files` is set.
    Release { tags: Vec<Tag>, files: bool },
    /// A change between two revisions.
    Change,
    /// A pull request by number.
    Pull(u64),
    /// A pull request whose commits are known.
    Event(PullRequest),
}

pub(super) async fn run(args: &VersionSyncArgs, context: &Context) -> Result<Product> {
    let top = guarded::top(&context.folder);
    let config = guarded::config(args.run.config.as_deref(), &top)?;
    let section = match wanted(args)? {
        Wanted::Release { tags, files } => release(&config.version_sync, &top, (&tags, files), context)?,
        Wanted::Change => {
            let base = args.change.base.as_deref().unwrap_or_default();
            let change = Change::between(&top, base, args.change.head.as_deref().unwrap_or("HEAD"))?;
            judged(&config, &change, None, context).await?
        }
        Wanted::Pull(number) => {
            let pull = GitHubPull::new(number, context)?;
            let commits = pull.github.pull_request(&pull.repository, number).await?;
            let change = Change::between(&top, &commits.base, &commits.head).map_err(|error| match error.advice() {
                Some(_) if error.class() != crate::error::Class::Usage => error,
                Some(_) | None => error.help(format!("fetch its commits: git fetch origin pull/{number}/head")),
            })?;
            judged(&config, &change, Some(number), context).await?
        }
        Wanted::Event(pull) => {
            let change = Change::between(&top, &pull.base, &pull.head)?;
            judged(&config, &change, Some(pull.number), context).await?
        }
    };
    Ok(Product::report(Report {
        command: "version-sync".into(),
        rules: rules::RULES.into_iter().chain([config::GUARD_CONFIG]).collect(),
        sections: vec![section],
        ..Report::default()
    }))
}

/// What the command line asks for, or else what the workflow run is for.
fn wanted(args: &VersionSyncArgs) -> Result<Wanted> {
    if args.change.base.is_some() {
        return Ok(Wanted::Change);
    }
    if let Some(number) = args.pr {
        return Ok(Wanted::Pull(number));
    }
    if args.tag.is_some() || args.repo_files {
        let tags = args.tag.as_ref().map(Selector::tags).unwrap_or_default();
        return Ok(Wanted::Release { tags, files: args.repo_files });
    }
    match guarded::trigger(&args.run)? {
        Trigger::Pull(pull) => Ok(Wanted::Event(pull)),
        Trigger::Tag(name) => {
            let tag = name.parse::<Tag>().map_err(|e| Error::usage("GITHUB_REF").because(e))?;
            Ok(Wanted::Release { tags: vec![tag], files: false })
        }
        Trigger::Branch(_) => Ok(Wanted::Release { tags: Vec::new(), files: true }),
        Trigger::Nothing => Err(Error::usage("there is nothing to compare: this is not a workflow run")
            .help("give --tag, --repo-files, --base or --pr")),
    }
}

/// Tags and the working tree.
fn release(config: &VersionSync, top: &Path, (tags, files): (&[Tag], bool), context: &Context) -> Result<Section> {
    let value = |tag: &Tag| (context.variable)(rules::variable(config, tag.family()));
    let mut findings: Vec<Finding> = tags.iter().map(|tag| rules::tag(config, tag, value(tag).as_deref())).collect();
    if files {
        let read = |path: &str| {
            let path = top.join(path);
            path.symlink_metadata().is_ok().then(|| file::read_bounded(&path, MAX_JSON_BYTES as u64)).transpose()
        };
        findings.extend(rules::files(config, &Versions::read(config, &sources(config, read)?), tags));
    }
    let subject = match tags {
        [] => "working tree".to_owned(),
        tags => tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" and "),
    };
    Ok(Section { findings, ..Section::new(subject) })
}

/// The files that state versions, each read by `read`.
fn sources(config: &VersionSync, read: impl Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<Files> {
    Ok(Files {
        kms_manifest: read(&config.kms_manifest)?,
        workspace_manifest: read(&config.workspace_manifest)?,
        lock_file: read(&config.lock_file)?,
        node_versions: read(&config.node_versions)?,
    })
}

/// A change, with what GitHub says of its pull request where that matters.
async fn judged(config: &Config, change: &Change, pull: Option<u64>, context: &Context) -> Result<Section> {
    let rules_config = &config.version_sync;
    let before = Versions::read(rules_config, &sources(rules_config, |path| before(&change.history, change, path))?);
    let after = Versions::read(rules_config, &sources(rules_config, |path| change.history.after(path))?);
    let moved = |path: &str| change.touched.iter().find(|t| t.from.as_deref() == Some(path)).map(|t| t.path.clone());
    let lock = rules::lock(rules_config, &after);
    let versions = rules::Change {
        kms: Side { base: before.kms, head: after.kms, moved_to: moved(&rules_config.kms_manifest) },
        node: Side { base: before.node, head: after.node, moved_to: moved(&rules_config.node_versions) },
    };
    let mut marks = Vec::new();
    for commit in change.history.commits()? {
        marks.extend(Mark::in_message(&commit.message, &commit.id, &commit.author));
    }
    let mut coupling = versions.coupling(rules_config, &marks);
    let mut overridden = Overridden::NoPullRequest;
    if let (Coupling::Alone(_), Some(number)) = (&coupling, pull) {
        let pull = GitHubPull::new(number, context)?;
        let labels = pull.github.labels(&pull.repository, number).await?;
        coupling = versions.coupling(rules_config, &Mark::in_labels(rules_config, &labels));
        overridden = match labels.iter().any(|label| label.eq_ignore_ascii_case(&rules_config.skip_label)) {
            true if matches!(coupling, Coupling::Alone(_)) => {
                Overridden::Labelled(pull.considered(&rules_config.skip_label).await?)
            }
            true | false => Overridden::NoLabel,
        };
    }
    let mut findings = rules::judge(rules_config, &coupling, &overridden);
    findings.push(lock);
    findings.extend(config::touched(change.paths()));
    let subject = pull.map_or_else(|| "change".to_owned(), |number| format!("pull request #{number}"));
    let mut facts: Vec<Fact> = change.facts();
    facts.push(Fact::named("files", change.touched.len().to_string()));
    Ok(Section { facts, findings, ..Section::new(subject) })
}

/// A file before the change, under its old name where the change gave it the one that is configured.
fn before(history: &History, change: &Change, path: &str) -> Result<Option<Vec<u8>>> {
    if let Some(bytes) = history.before(path)? {
        return Ok(Some(bytes));
    }
    let old = change.touched.iter().find(|touched| touched.path == path).and_then(|touched| touched.from.as_deref());
    old.map_or(Ok(None), |old| history.before(old))
}

/// A pull request on GitHub.
struct GitHubPull {
    github: GitHub,
    repository: Repository,
    number: u64,
}

impl GitHubPull {
    fn new(number: u64, context: &Context) -> Result<Self> {
        let endpoints = &context.endpoints;
        Ok(Self {
            github: GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?,
            repository: repository::resolve(endpoints)?,
            number,
        })
    }

    /// The comments by people that justify the label, latest first, one an author, up to the first by one who may write.
    async fn considered(&self, label: &str) -> Result<Vec<Considered>> {
        let comments = self.github.comments(&self.repository, self.number).await?;
        let mut considered: Vec<Considered> = Vec::new();
        for Comment { author, by_person, body, url } in comments.into_iter().rev() {
            let Some(reason) = reason(&body, label).filter(|_| by_person) else { continue };
            if considered.iter().any(|earlier| earlier.author == author) {
                continue;
            }
            let permission = self.github.permission(&self.repository, &author).await?;
            considered.push(Considered { author, reason, url, permission });
            if permission.may_write() || considered.len() == MAX_AUTHORS {
                break;
            }
        }
        Ok(considered)
    }
}
