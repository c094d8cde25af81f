//! Changes to a repository over the API, without a clone: looks at what there is (`look`), has it planned
//! ([`crate::change`]), and carries the plan out step by step (`write`). Whenever the outcome of a step is not known, or
//! somebody was faster, it looks again: no step is repeated blindly.

mod look;
mod standing;
mod write;

use std::collections::BTreeMap;

use self::write::{Writing, Written};
use super::GitHub;
use crate::{
    change::{Base, Branch, Change, Ending, How, Outcome, Plan, Remark, State, Step, Tried, plan},
    error::{Error, Result},
    subject::repository::Repository,
};

/// How often it is looked at what there is. Each time but the first, something went wrong or somebody was faster.
const LOOKS: usize = 4;

/// Where a change goes, and how far.
#[derive(Debug, Clone, Copy)]
pub struct Proposing<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The branch it is for; `None`: the default branch.
    pub base: Option<&'a Branch>,
    /// Paths that the change reads and may change.
    pub paths: &'a [&'a str],
    /// Folders of which the change must know what lies in them.
    pub folders: &'a [&'a str],
    /// GitHub's web address, without a slash at the end.
    pub server: &'a str,
    /// Whether only the plan is made.
    pub dry_run: bool,
}

/// What a change is made of.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The branch that is to be changed.
    pub base: Base,
    /// Its files; those that are not there are not among them.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Paths of the files that lie in the folders.
    pub listed: Vec<String>,
}

/// What is made of a snapshot: a change, if there can be one, and what else came of it.
pub type Made<T> = (Option<Change>, T);

/// What came of a proposal.
#[derive(Debug)]
pub struct Proposed<T> {
    /// What was made of the newest snapshot.
    pub made: T,
    /// The change, and what came of it.
    pub change: Option<(Change, Outcome)>,
}

impl GitHub {
    /// Has a change proposed: `make` says what it is, given the newest state of the base, and is asked anew whenever that
    /// may have changed.
    ///
    /// # Errors
    /// Those of `make`. Usage: no token, or a branch that would be its own base. Remote: the token may not write, and every
    /// failure of the API that lasts. What was done until then stands, and a second run goes on from there.
    pub async fn propose<T>(
        &self,
        proposing: &Proposing<'_>,
        make: impl Fn(&Snapshot) -> Result<Made<T>>,
    ) -> Result<Proposed<T>> {
        if !proposing.dry_run && !self.http.has_token() {
            return Err(Error::usage("a pull request needs a token")
                .help("set GH_TOKEN; the token needs `contents: write` and `pull-requests: write`"));
        }
        let mut progress = Progress::default();
        let mut looks = 0;
        loop {
            looks += 1;
            let default = self.branch_by_default(proposing.repository).await?;
            let base = self.base(proposing.repository, proposing.base.unwrap_or(&default)).await?;
            let files = self.files(proposing.repository, &base.commit, proposing.paths.iter().copied()).await?;
            let listed = self.lying_in(proposing.repository, &base.commit, proposing.folders).await?;
            let (change, made) = make(&Snapshot { base: base.clone(), files, listed })?;
            let Some(change) = change else { return Ok(Proposed { made, change: None }) };
            if change.branch == base.branch || change.branch == default {
                return Err(Error::usage(format!("`{}` cannot be proposed to itself", change.branch))
                    .help("name another branch with --branch"));
            }
            let state = self.state(proposing.repository, &base, &change).await?;
            let plan = plan(&change, &base, &state);
            progress.settle(&plan);
            let Plan::Steps { steps, pull, remarks } = &plan else {
                return Ok(progress.proposed(made, change, Ending::Planned(plan)));
            };
            if proposing.dry_run {
                return Ok(progress.proposed(made, change, Ending::Planned(plan)));
            }
            for remark in remarks {
                progress.remark(remark.clone());
            }
            let writing = Writing { github: self, repository: proposing.repository, base: &base, change: &change };
            match progress.carry_out(&writing, steps, pull.clone()).await? {
                Carried::Out(pull) => {
                    let ending = progress.ending(pull);
                    return Ok(progress.proposed(made, change, ending));
                }
                Carried::Pushed(said) => {
                    let page = page(proposing, &base, &change);
                    return Ok(progress.proposed(made, change, Ending::Pushed { page, said }));
                }
                Carried::Unclear(error) if looks < LOOKS => {
                    tracing::warn!("{error}; looking at what there is");
                }
                Carried::Unclear(error) => return Err(error),
            }
        }
    }

    async fn state(&self, repository: &Repository, base: &Base, change: &Change) -> Result<State> {
        let (pulls, elsewhere) = self.pulls(repository, base, &change.branch).await?;
        // Where nothing is to be changed, the branch is of no interest.
        let branch = if change.files.is_empty() { None } else { self.branch(repository, base, change).await? };
        Ok(State { branch, pulls, elsewhere })
    }
}

/// The page on which a person opens the pull request.
fn page(proposing: &Proposing<'_>, base: &Base, change: &Change) -> String {
    let Proposing { repository, server, .. } = proposing;
    format!("{server}/{repository}/compare/{}...{}?expand=1", base.branch, change.branch)
}

/// How far it came, over all looks.
#[derive(Debug, Default)]
struct Progress {
    tried: Vec<Tried>,
    remarks: Vec<Remark>,
    /// A step of which it is not known whether it was carried out.
    unclear: Option<Step>,
}

/// How carrying out a plan ended.
enum Carried {
    /// All of it is done; the pull request's number and page.
    Out((u64, String)),
    /// There is a branch, and no pull request may be opened.
    Pushed(String),
    /// Something went wrong, or somebody was faster.
    Unclear(Error),
}

impl Progress {
    /// What was unclear is done when it is no longer planned.
    fn settle(&mut self, plan: &Plan) {
        let Some(step) = self.unclear.take() else { return };
        let planned =
            |steps: &[Step]| steps.iter().any(|one| std::mem::discriminant(one) == std::mem::discriminant(&step));
        if let Plan::Steps { steps, .. } = plan
            && !planned(steps)
        {
            self.done(&step);
        }
    }

    fn done(&mut self, step: &Step) {
        self.tried.push(Tried { step: step.clone(), succeeded: true });
    }

    fn failed(&mut self, step: &Step) {
        self.tried.push(Tried { step: step.clone(), succeeded: false });
    }

    fn proposed<T>(self, made: T, change: Change, ending: Ending) -> Proposed<T> {
        Proposed { made, change: Some((change, Outcome { ending, tried: self.tried })) }
    }

    fn remark(&mut self, remark: Remark) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    async fn carry_out(
        &mut self,
        writing: &Writing<'_>,
        steps: &[Step],
        mut pull: Option<(u64, String)>,
    ) -> Result<Carried> {
        for step in steps {
            match writing.step(step, pull.as_ref().map(|(number, _)| *number)).await? {
                Written::Done => self.done(step),
                Written::Opened(number, url) => {
                    pull = Some((number, url));
                    self.done(step);
                }
                Written::NotAllowedToOpen(said) => {
                    self.failed(step);
                    return Ok(Carried::Pushed(said));
                }
                Written::NotAllowed(remark) => {
                    self.failed(step);
                    self.remark(remark);
                }
                Written::Overtaken(error) => return Ok(Carried::Unclear(error)),
                Written::Unclear(error) => {
                    self.unclear = Some(step.clone());
                    return Ok(Carried::Unclear(error));
                }
            }
        }
        let nowhere = || Error::internal("a pull request was planned and is nowhere");
        pull.map(Carried::Out).ok_or_else(nowhere)
    }

    fn ending(&mut self, (number, url): (u64, String)) -> Ending {
        let mut done = self.tried.iter().filter(|tried| tried.succeeded).peekable();
        let changed = done.peek().is_some();
        let opened = done.any(|tried| tried.step == Step::Open);
        let how = match (opened, changed) {
            (true, _) => How::Opened,
            (false, true) => How::Updated,
            (false, false) => How::Unchanged,
        };
        Ending::Proposed { number, url, how, remarks: std::mem::take(&mut self.remarks) }
    }
}
