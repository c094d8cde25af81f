//! `publish`: a folder of artifacts becomes a published release. Everything is checked before the first byte goes up.

pub(super) mod apply;
pub(super) mod folder;

use std::time::Instant;

use secrecy::ExposeSecret as _;

use self::{
    apply::{Ended, Publisher},
    folder::{Judged, Request},
};
use crate::{
    adapters::github::{GitHub, publish::Seen},
    cli::publish::PublishArgs,
    commands::repository::resolve,
    context::Context,
    error::{self, Error, Result},
    product::{Product, random_bytes},
    release::publish::{
        checks::{self, PUBLISH_READBACK, RULES},
        mark::RunId,
        plan::plan,
        state::{Others, Wish},
        target::{PUBLISH_TARGET, Run, Stop},
    },
    report::{Action, Fact, Finding, Report, Section, Verdict},
    subject::{repository::Repository, tag::Tag},
};

pub(super) async fn run(args: &PublishArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let repository = resolve(&context.endpoints)?;
    let github = writing(context)?;
    let request = Request {
        tag: &args.tag,
        class: args.class.unwrap_or_else(|| args.tag.class()),
        dir: &args.dir,
        notes: args.notes.as_deref(),
        contract: args.contract.as_deref(),
        catalog: args.catalog.as_deref(),
        identity: &args.identity,
        jobs: usize::from(args.jobs),
    };
    let judged = folder::judge(request, context, &repository).await?;
    let Judged { mut section, files, notes, paths, built_from, caveats, rules } = judged;
    let commit = github.tag_commit(&repository, &args.tag).await?;
    let tagged = checks::tag(&args.tag, commit.as_deref(), built_from.as_deref());
    section.findings.push(tagged);
    let wish = Wish {
        tag: args.tag.clone(),
        commit: commit.unwrap_or_default(),
        notes,
        files,
        others: Others::Unwanted,
        replace: args.replace,
        joins: None,
    };
    let mut page = None;
    if let Some(mut publisher) = ready(&section, &args.tag, || {
        Ok(Publisher {
            github: &github,
            endpoints: &context.endpoints,
            options: &context.http,
            repository: &repository,
            wish: &wish,
            paths,
            jobs: usize::from(args.jobs),
            run: Run { id: RunId::new(random_bytes()?), works_on: None, made: false },
            done: Vec::new(),
        })
    })? {
        if args.dry_run {
            rehearse(&publisher, &mut section).await?;
        } else {
            page = publish(&mut publisher, &mut section).await;
        }
    } else {
        look(&github, &repository, &wish, &mut section).await;
        tracing::error!("nothing was written: {} must be right before the first upload", args.tag);
    }
    let report = Report {
        command: "publish".into(),
        rules: rules.into_iter().chain(RULES).collect(),
        sections: vec![section],
        caveats,
        elapsed: Some(started.elapsed()),
        ..Report::default()
    };
    let product = Product::report(report);
    Ok(match page {
        Some(page) => product.output("release-url", page),
        None => product,
    })
}

/// A client that may write.
///
/// # Errors
/// Usage: there is no token, or an address cannot be asked.
pub(super) fn writing(context: &Context) -> Result<GitHub> {
    let endpoints = &context.endpoints;
    if endpoints.token.as_ref().is_none_or(|token| token.expose_secret().trim().is_empty()) {
        return Err(Error::usage("publishing takes a token: drafts are shown to those who may write")
            .help("set GH_TOKEN; in a workflow: `permissions: contents: write` and GH_TOKEN: ${{ github.token }}"));
    }
    GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())
}

/// What does the work, where everything so far is as it must be.
fn ready<'a>(
    section: &Section,
    tag: &Tag,
    publisher: impl FnOnce() -> Result<Publisher<'a>>,
) -> Result<Option<Publisher<'a>>> {
    match section.verdict() {
        Verdict::Passed => {
            tracing::debug!("{tag} may be published");
            publisher().map(Some)
        }
        Verdict::Failed | Verdict::Incomplete | Verdict::Undecided => Ok(None),
    }
}

/// What is there already, for a report that refuses: a person wants to know all that is in the way at once. Beside a folder
/// that was not even read, nothing can be said of it.
async fn look(github: &GitHub, repository: &Repository, wish: &Wish, section: &mut Section) {
    if wish.files.is_empty() {
        return;
    }
    let found = github.held(repository, &wish.tag, None, &wish.files).await;
    let run = Run { id: RunId::new([0; 16]), works_on: None, made: false };
    match found.map(|Seen { remote, .. }| plan(&remote, wish, &run)) {
        Ok(Ok(plan)) => section.findings.extend(plan.remarks),
        Ok(Err(Stop::Refused(findings))) => section.findings.extend(findings),
        Ok(Err(Stop::Lost { finding, .. })) => section.findings.push(*finding),
        Err(error) => section.findings.push(PUBLISH_TARGET.undecided(wish.tag.as_str(), error::chain(&error))),
    }
}

/// The very plan, and nothing of it done.
pub(super) async fn rehearse(publisher: &Publisher<'_>, section: &mut Section) -> Result<()> {
    let seen = publisher.look().await?;
    let tag = publisher.wish.tag.as_str();
    match plan(&seen.remote, publisher.wish, &publisher.run) {
        Ok(plan) => {
            section.findings.extend(plan.remarks);
            section.findings.push(target(tag, plan.release, plan.stages.is_empty()));
            section.actions = plan.stages.iter().flatten().map(|step| step.planned(tag)).collect();
        }
        Err(Stop::Refused(findings)) => section.findings.extend(findings),
        Err(Stop::Lost { finding, .. }) => section.findings.push(*finding),
    }
    Ok(())
}

/// Does the work and says what came of it: the page of the release when that is as it should be.
pub(super) async fn publish(publisher: &mut Publisher<'_>, section: &mut Section) -> Option<String> {
    let tag = publisher.wish.tag.to_string();
    let ended = publisher.carry_out().await;
    section.actions = std::mem::take(&mut publisher.done);
    match ended {
        Ok(Ended::There { seen, release, remarks }) => {
            section.findings.extend(remarks);
            section.findings.push(target(&tag, Some(release), section.actions.is_empty()));
            let held = seen.remote.releases.iter().find(|held| held.id == release);
            section.findings.extend(held.map(|held| checks::readback(held, publisher.wish)).unwrap_or_default());
            let page = seen.page(release).map(str::to_owned);
            section.facts.extend(page.iter().map(|page| Fact::named("page", page.clone())));
            page
        }
        Ok(Ended::Stopped(findings)) => {
            section.findings.extend(findings);
            None
        }
        Err(error) => {
            section.findings.push(interrupted(&tag, &error, &section.actions));
            None
        }
    }
}

fn target(tag: &str, release: Option<u64>, as_it_should_be: bool) -> Finding {
    PUBLISH_TARGET.pass(
        tag,
        match (release, as_it_should_be) {
            (None, _) => "the tag has no release yet".to_owned(),
            (Some(id), true) => format!("release {id} is as the folder is; nothing to do"),
            (Some(id), false) => format!("release {id}"),
        },
    )
}

/// The work could not be finished; what was done stays, and the next run goes on from there.
fn interrupted(tag: &str, error: &Error, done: &[Action]) -> Finding {
    let finding = PUBLISH_READBACK.undecided(tag, error::chain(error));
    let again = if done.is_empty() { "run it again" } else { "run it again: it goes on from what is there" };
    finding.help(match error.advice() {
        Some(advice) => format!("{advice}; then {again}"),
        None => again.to_owned(),
    })
}
