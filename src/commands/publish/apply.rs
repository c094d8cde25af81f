//! Carries a plan out, stage by stage: what GitHub holds is read before each, so that nothing is built on an answer that was
//! lost, and once more after the last.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;

use crate::{
    adapters::{
        github::{
            GitHub,
            publish::{Draft, Seen},
            upload::{Upload, Uploads},
        },
        http::{Fetched, HttpOptions, Refused, Written, excerpt},
    },
    context::Endpoints,
    digest::Sha256,
    error::{self, Error, Result},
    progress::Phase,
    release::publish::{
        checks, mark, names,
        plan::{Plan, Step, plan},
        state::{File, Wish},
        target::{Run, Stop},
    },
    report::{Action, Finding},
    subject::repository::Repository,
};

/// Stages carried out in one run, at most: a release takes five, and each failure one more.
const MAX_STAGES: usize = 60;
/// Waits between failures grow no further than this.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Who carries plans out, and what for.
pub(crate) struct Publisher<'a> {
    /// The API.
    pub(crate) github: &'a GitHub,
    /// Where the API is, and what it is asked with.
    pub(crate) endpoints: &'a Endpoints,
    /// Bounds of each request, and how many failures in a row end the work.
    pub(crate) options: &'a HttpOptions,
    /// Whose release it is.
    pub(crate) repository: &'a Repository,
    /// What GitHub is to hold.
    pub(crate) wish: &'a Wish,
    /// Where the files lie, by name.
    pub(crate) paths: BTreeMap<String, PathBuf>,
    /// Uploads at the same time.
    pub(crate) jobs: usize,
    /// What this run works on.
    pub(crate) run: Run,
    /// What it has done.
    pub(crate) done: Vec<Action>,
}

/// How the work ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// GitHub holds what it is to hold, as far as that was read back.
    There {
        /// What was read.
        seen: Box<Seen>,
        /// The release.
        release: u64,
        /// What people should know.
        remarks: Vec<Finding>,
    },
    /// What is there must not be changed, or another run is at work.
    Stopped(Vec<Finding>),
}

/// What is known after a change was asked for.
enum Known {
    /// It was made.
    Done,
    /// What is there must be read to find out.
    Unknown(Error),
}

/// What GitHub says of an asset that it took.
#[derive(Debug, Deserialize)]
struct Taken {
    name: String,
    size: u64,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    digest: Option<String>,
}

/// What GitHub says of a draft that it made.
#[derive(Debug, Deserialize)]
struct Made {
    id: u64,
}

impl Publisher<'_> {
    /// What GitHub holds now.
    ///
    /// # Errors
    /// Remote: it cannot be read.
    pub(crate) async fn look(&self) -> Result<Seen> {
        self.github.held(self.repository, &self.wish.tag, self.run.works_on, &self.wish.files).await
    }

    /// Does what is to be done, until nothing is.
    ///
    /// # Errors
    /// Remote: GitHub refuses a change, or fails too often. Input: a file is not what it was.
    pub(crate) async fn carry_out(&mut self) -> Result<Ended> {
        let mut failures = 0;
        for _ in 0..MAX_STAGES {
            let seen = self.look().await?;
            let plan = match plan(&seen.remote, self.wish, &self.run) {
                Ok(plan) => plan,
                Err(Stop::Refused(findings)) => return Ok(Ended::Stopped(findings)),
                Err(Stop::Lost { leftover, finding }) => {
                    self.tidy(leftover).await?;
                    return Ok(Ended::Stopped(vec![*finding]));
                }
            };
            self.run.works_on = self.run.works_on.or(own(&plan));
            let Some(stage) = plan.stages.first() else {
                let release = plan.release.ok_or_else(|| Error::internal("a plan without a release"))?;
                return Ok(Ended::There { seen: Box::new(seen), release, remarks: plan.remarks });
            };
            let settles = |step: &Step| matches!(step, Step::Publish { .. } | Step::Rename { .. });
            if stage.iter().any(settles)
                && let Some(finding) = self.tag_moved().await?
            {
                return Ok(Ended::Stopped(vec![finding]));
            }
            match self.stage(&seen, plan.release, stage).await? {
                Known::Done => failures = 0,
                Known::Unknown(error) => {
                    failures += 1;
                    if failures >= self.options.attempts.max(1) {
                        return Err(error);
                    }
                    tracing::warn!("{}; looking at what is there", error::chain(&error));
                    tokio::time::sleep(pause(self.options.backoff, failures)).await;
                }
            }
        }
        let tag = &self.wish.tag;
        Err(Error::remote(format!("GitHub does not keep what it takes: {tag} is still not as the folder is")))
    }

    /// Uploads take minutes: the tag is read again before anything takes its final name.
    async fn tag_moved(&self) -> Result<Option<Finding>> {
        let now = self.github.tag_commit(self.repository, &self.wish.tag).await?;
        Ok(checks::moved(&self.wish.tag, now.as_deref(), &self.wish.commit))
    }

    /// Whether what stood in for an asset has taken another name since the plan was made: by another run it may be the
    /// asset itself by now.
    async fn renamed_meanwhile(&self, asset: u64, name: &str) -> Result<Option<Error>> {
        if names::stands_in_for(name).is_none() {
            return Ok(None);
        }
        let now = self.github.asset_name(self.repository, asset).await?;
        let other = now.filter(|now| now != name);
        Ok(other.map(|now| Error::remote(format!("{name} is called {} by now, and was not deleted", excerpt(&now)))))
    }

    /// Deletes the draft that this run made and does not need.
    async fn tidy(&mut self, leftover: Option<u64>) -> Result<()> {
        let Some(id) = leftover else { return Ok(()) };
        match self.github.delete_draft(self.repository, id).await? {
            Written::Done(_) => self.done.push(Action::done("delete draft", id.to_string())),
            Written::Refused(Refused { error, .. }) | Written::Unknown(error) => {
                tracing::warn!("{}", error::chain(&error));
                self.done.push(Action::failed("delete draft", id.to_string()));
            }
        }
        Ok(())
    }

    /// Steps one after the other, and uploads next to each other at the same time.
    async fn stage(&mut self, seen: &Seen, release: Option<u64>, stage: &[Step]) -> Result<Known> {
        let is_upload = |step: &Step| matches!(step, Step::Upload { .. });
        for steps in stage.chunk_by(|a, b| is_upload(a) && is_upload(b)) {
            let known = match steps {
                [Step::Upload { .. }, ..] => self.uploads(seen, release, steps).await?,
                steps => self.steps(steps).await?,
            };
            if let Known::Unknown(error) = known {
                return Ok(Known::Unknown(error));
            }
        }
        Ok(Known::Done)
    }

    async fn steps(&mut self, steps: &[Step]) -> Result<Known> {
        for step in steps {
            let written = self.step(step).await?;
            match known(written)? {
                Known::Done => self.note(step),
                Known::Unknown(error) => return Ok(Known::Unknown(error)),
            }
        }
        Ok(Known::Done)
    }

    fn note(&mut self, step: &Step) {
        let done = step.done(self.wish.tag.as_str());
        tracing::info!("{} {}: done", done.what, done.target);
        self.done.push(done);
    }

    async fn step(&mut self, step: &Step) -> Result<Written> {
        let (github, repository, wish) = (self.github, self.repository, self.wish);
        let notes = wish.notes.as_deref().unwrap_or_default();
        match step {
            Step::Create => {
                // From here on a draft may be there, whatever the answer is.
                self.run.made = true;
                let notes = mark::marked(notes, &self.run.id);
                let draft = Draft { tag: &wish.tag, commit: &wish.commit, notes: &notes };
                let written = github.create_draft(repository, &draft).await?;
                if let Written::Done(fetched) = &written {
                    self.run.works_on = read::<Made>(fetched, "a draft").map(|made| made.id).ok();
                }
                Ok(written)
            }
            Step::TakeOver(id) => {
                self.run.works_on = Some(*id);
                let fields = json!({ "body": mark::marked(notes, &self.run.id) });
                github.edit_release(repository, *id, &fields, "change the notes").await
            }
            Step::DiscardDraft(id) => github.delete_draft(repository, *id).await,
            Step::Discard { asset, name, .. } => match self.renamed_meanwhile(*asset, name).await? {
                Some(error) => Ok(Written::Unknown(error)),
                None => github.delete_asset(repository, *asset).await,
            },
            Step::Rename { asset: Some(asset), to, .. } => github.rename_asset(repository, *asset, to).await,
            Step::Describe(id) => {
                let title = wish.tag.as_str();
                let mut fields = json!({ "name": title, "prerelease": wish.prerelease() });
                if let (Some(fields), Some(notes)) = (fields.as_object_mut(), &wish.notes) {
                    fields.insert("body".to_owned(), json!(notes));
                }
                github.edit_release(repository, *id, &fields, "change title, notes and pre-release mark").await
            }
            Step::Publish { release: Some(id), latest } => {
                let latest = if *latest { "true" } else { "false" };
                let fields = json!({
                    "tag_name": wish.tag.as_str(), "target_commitish": wish.commit, "name": wish.tag.as_str(),
                    "body": notes, "draft": false, "prerelease": wish.prerelease(), "make_latest": latest,
                });
                github.edit_release(repository, *id, &fields, "publish the draft").await
            }
            Step::Upload { .. } | Step::Rename { asset: None, .. } | Step::Publish { release: None, .. } => {
                Err(Error::internal("a step that is carried out before what it needs is there"))
            }
        }
    }

    /// All of them are brought to an end, whatever becomes of one: an upload that is broken off leaves a name behind.
    async fn uploads(&mut self, seen: &Seen, release: Option<u64>, steps: &[Step]) -> Result<Known> {
        let nowhere = || Error::remote("GitHub gives no address for uploads");
        let template = release.and_then(|id| seen.upload_url(id)).ok_or_else(nowhere)?;
        let (api, token) = (&self.endpoints.api_url, self.endpoints.token.as_ref());
        let client = Uploads::new(api, template, token, self.options.clone())?;
        let files = steps.iter().filter_map(|step| Some((step, self.file(step)?)));
        let files: Vec<(&Step, &File)> = files.collect();
        let bytes = files.iter().map(|(_, file)| file.size).sum();
        let phase = Arc::new(Phase::of(format!("uploading {}", self.wish.tag), bytes, files.len(), "asset"));
        let (client, phase, paths) = (&client, &phase, &self.paths);
        let work = files.into_iter().map(|(step, file)| async move {
            let Step::Upload { as_name, .. } = step else { return Err(Error::internal("an upload that is none")) };
            let path = paths.get(&file.name).ok_or_else(|| Error::internal("a file without a place"))?;
            let written = client.send(&Upload { file, path, as_name, phase }).await?;
            phase.item();
            uploaded(written, file, as_name).map(|known| (step, known))
        });
        let ended: Vec<Result<(&Step, Known)>> = stream::iter(work).buffered(self.jobs).collect().await;
        let mut unknown = None;
        let mut failed = None;
        for end in ended {
            match end {
                Ok((step, Known::Done)) => self.note(step),
                Ok((_, Known::Unknown(error))) => unknown = unknown.or(Some(error)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match (failed, unknown) {
            (Some(error), _) => Err(error),
            (None, Some(error)) => Ok(Known::Unknown(error)),
            (None, None) => Ok(Known::Done),
        }
    }

    fn file(&self, step: &Step) -> Option<&File> {
        let Step::Upload { file, .. } = step else { return None };
        self.wish.files.iter().find(|one| one.name == *file)
    }
}

/// The draft that a plan goes on with, once it bears this run's mark.
fn own(plan: &Plan) -> Option<u64> {
    let takes_over = plan.stages.iter().flatten().any(|step| matches!(step, Step::TakeOver(_)));
    plan.release.filter(|_| !takes_over)
}

/// The wait after so many failures in a row: it doubles each time.
fn pause(first: Duration, failures: usize) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(10);
    first.saturating_mul(1 << doublings).min(MAX_PAUSE)
}

/// A refusal that says something of what is there is looked into; one that says what the caller may not do is final.
fn known(written: Written) -> Result<Known> {
    match written {
        Written::Done(_) => Ok(Known::Done),
        Written::Unknown(error) => Ok(Known::Unknown(error)),
        Written::Refused(Refused { status, error, .. }) => match status.as_u16() {
            // Gone, changed, or there already: somebody was faster, or an earlier answer was lost.
            404 | 409 | 422 => Ok(Known::Unknown(error)),
            403 => Err(error.help("the token needs `contents: write` on the repository")),
            _ => Err(error),
        },
    }
}

/// An asset as GitHub says that it took it, against the file. What differs shows when it is read back; here it is said.
fn uploaded(written: Written, file: &File, as_name: &str) -> Result<Known> {
    let fetched = match written {
        Written::Done(fetched) => fetched,
        Written::Refused(refused) if refused.already_exists() => {
            return Ok(Known::Unknown(refused.error));
        }
        other @ (Written::Refused(_) | Written::Unknown(_)) => return known(other),
    };
    let taken = match read::<Taken>(&fetched, "an asset") {
        Ok(taken) => taken,
        Err(error) => return Ok(Known::Unknown(error)),
    };
    let digest = taken.digest.as_deref().map(Sha256::from_prefixed);
    let same = taken.name == as_name
        && taken.size == file.size
        && taken.state.as_deref().is_none_or(|state| state == "uploaded")
        && digest.is_none_or(|digest| digest == Ok(file.digest));
    if same {
        return Ok(Known::Done);
    }
    let Taken { name, size, state, digest } = taken;
    let (name, state) = (excerpt(&name), excerpt(&state.unwrap_or_else(|| "not stated".to_owned())));
    let digest = excerpt(&digest.unwrap_or_else(|| "no digest".to_owned()));
    Ok(Known::Unknown(Error::remote(format!(
        "GitHub took {as_name} of {} bytes and sha256:{} as {name} of {size} bytes and {digest} (state {state})",
        file.size, file.digest
    ))))
}

fn read<T: serde::de::DeserializeOwned>(fetched: &Fetched, what: &str) -> Result<T> {
    serde_json::from_slice(&fetched.body)
        .map_err(|e| Error::remote(format!("GitHub sent no valid JSON for {what}")).because(e))
}
