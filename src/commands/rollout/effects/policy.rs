//! D5: the pull request with what staging measured. It is opened as `policy promote` opens one, judged as `policy review`
//! judges one, and merged by people alone.

use std::path::Path;

use super::{
    Effects,
    staging::CANDIDATES,
    told::{facts, judged, made, remark},
};
use crate::{
    adapters::{file, github::GitHub, sigstore::IdentitySource},
    change::{Branch, PullState},
    cli::{
        IdentityArgs, ReleasesArgs,
        probe::SealArgs,
        promote::{PolicyPromoteArgs, ProbeSignerArgs, PromotionPullArgs},
    },
    commands::{
        policy::{promote, review},
        sign::seal,
    },
    context::Context,
    error::{Error, Result},
    policy::{
        promotion::LABEL,
        review::{APPROVALS, pull::PullState as Reviewed},
    },
    probe::artifacts,
    report::{Finding, Report, Section, Status, Verdict as Reported},
    rollout::{
        path::Look,
        record::{Came, Made, Verdict},
        state::State,
        step::Judged,
        words::Remark,
    },
};

/// Digits of the rollout's id that stand in the name of its branch.
const DIGITS: usize = 8;

impl Effects<'_> {
    /// Proposes what staging measured. What an earlier attempt of this rollout opened is taken up.
    pub(super) async fn open_pull(&self, state: &State) -> Result<Came> {
        if let Some(found) = self.standing_pull(state).await? {
            return Ok(Came::Done(found));
        }
        let folder = tempfile::tempdir().map_err(|e| Error::input("cannot make a temporary folder").because(e))?;
        let candidates = self.kept(state, Look::StagingProbe, CANDIDATES)?;
        if let Err(error) = sealed(folder.path(), &candidates, self.context).await {
            return Ok(Came::Refused(remark(&error)));
        }
        let product = promote::run(&arguments(folder.path(), state)?, self.context).await?;
        let number = product.outputs.iter().find(|(name, _)| *name == "pull-request-number").map(|(_, number)| number);
        let report = product.report.unwrap_or_default();
        Ok(match (report.verdict(), number) {
            (Reported::Passed, Some(number)) => Came::Done(pull(number, &branch_of(state)?)),
            // Nothing is to be promoted: the policies say all of it already, and people decided that before.
            (Reported::Passed, None) => {
                Came::Refused(Remark::new("the policies say all of this already: there is nothing to promote"))
            }
            (Reported::Undecided | Reported::Incomplete | Reported::Failed, _) => {
                Came::Refused(Remark::new(&format!("nothing was proposed: {}", first(&report))))
            }
        })
    }

    pub(super) async fn find_pull(&self, state: &State) -> Result<Came> {
        Ok(match self.standing_pull(state).await? {
            Some(found) => Came::Done(found),
            None => Came::NeverDone(Remark::new("there is no pull request of this rollout")),
        })
    }

    pub(super) async fn close_pull(&self, state: &State) -> Result<Came> {
        let number = number_of(state)?;
        let found = self.github()?.proposed_from(&state.inputs().repository, &branch_named(state)?).await?;
        if found == Some((number, PullState::Merged)) {
            tracing::warn!(
                "pull request #{number} is merged, and stays: another one takes it back, which people approve"
            );
            return Ok(Came::Done(Made::default()));
        }
        Ok(match self.github()?.close(&state.inputs().repository, number).await {
            Ok(()) => Came::Done(Made::default()),
            Err(error) => Came::Unknown(remark(&error)),
        })
    }

    /// Judges the pull request: open, it waits for people; merged, it must have been approved, and what it brought must still
    /// be there.
    pub(super) async fn review(&self, look: Look, state: &State) -> Result<Judged> {
        let reviewed = review::judged(number_of(state)?, self.context).await?;
        let (pull, findings) = (reviewed.state, reviewed.findings);
        let waits = match pull {
            Reviewed::Merged | Reviewed::Closed => None,
            Reviewed::Open => waiting(&findings),
        };
        let section = Section {
            facts: reviewed.facts,
            exhibits: reviewed.exhibits,
            findings,
            ..Section::new(state.subject(look))
        };
        let report = Report {
            command: look.command().to_owned(),
            rules: reviewed.rules,
            sections: vec![section],
            caveats: reviewed.caveats,
            ..Report::default()
        };
        Ok(match waits {
            Some(why) => Judged {
                verdict: Verdict::Waiting,
                why: Some(Remark::new(&why)),
                ..judged(report, Vec::new(), Vec::new())
            },
            None => judged(report, Vec::new(), facts([("commit", reviewed.commit)])),
        })
    }

    /// The pull request that this rollout opened, where it is open or merged.
    async fn standing_pull(&self, state: &State) -> Result<Option<Made>> {
        let branch = branch_of(state)?;
        let found = self.github()?.proposed_from(&state.inputs().repository, &branch).await?;
        Ok(match found {
            Some((number, PullState::Open | PullState::Merged)) => Some(pull(&number.to_string(), &branch)),
            // It was turned down, or a rollback closed it: another attempt opens another one.
            Some((_, PullState::Closed)) | None => None,
        })
    }

    fn github(&self) -> Result<GitHub> {
        let endpoints = &self.context.endpoints;
        GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), self.context.http.clone())
    }
}

/// What an open pull request waits for; `None` where something else speaks against it.
fn waiting(findings: &[Finding]) -> Option<String> {
    let bad = |status| !matches!(status, Status::Pass | Status::Warn | Status::Skipped);
    let mut against = findings.iter().filter(|finding| bad(finding.status));
    let Some(first) = against.next() else {
        return Some("approved: merge the pull request, then go on with `merotee rollout resume`".to_owned());
    };
    let only_approvals = first.check == APPROVALS.id && against.all(|finding| finding.check == APPROVALS.id);
    // An objection is no delay: people said no.
    let is_no = findings.iter().any(|finding| finding.check == APPROVALS.id && finding.status == Status::Fail);
    (only_approvals && !is_no).then(|| format!("{}; then go on with `merotee rollout resume`", first.message))
}

/// Writes the candidates of staging, and signs them as the workflow of the probe.
async fn sealed(folder: &Path, candidates: &[u8], context: &Context) -> Result<()> {
    let path = folder.join(artifacts::CANDIDATES);
    file::write_atomic(&path, candidates)?;
    let args = SealArgs { sign: true, ..SealArgs::default() };
    let key = seal::key(&args, context)?;
    if key.is_none() && !can_sign(context) {
        return Err(Error::usage("nothing signs the candidates of staging, and unsigned ones are not promoted").help(
            "run the rollout in the workflow that probes (`permissions: id-token: write`), whose signature reviewers expect",
        ));
    }
    let sealed = seal::seal(&[path], key.as_ref(), &args, context).await?;
    match sealed.findings.iter().find(|finding| finding.status != Status::Pass) {
        None => Ok(()),
        Some(finding) => Err(Error::remote(format!("the candidates of staging cannot be signed: {}", finding.message))),
    }
}

fn can_sign(context: &Context) -> bool {
    match &context.endpoints.signing.identity {
        Some(IdentitySource::Given(_) | IdentitySource::GitHub { .. }) => true,
        None => false,
    }
}

fn arguments(folder: &Path, state: &State) -> Result<PolicyPromoteArgs> {
    let inputs = state.inputs();
    Ok(PolicyPromoteArgs {
        candidates: vec![folder.to_owned()],
        bundle: Vec::new(),
        profile: Some(inputs.profile),
        // What the branch's policies are for is not a rollout's to say: it brings what was measured.
        tag: None,
        commit: None,
        run_url: None,
        dry_run: false,
        pull: PromotionPullArgs { base: None, branch: Some(branch_of(state)?), label: LABEL.to_owned(), draft: false },
        probe: ProbeSignerArgs::default(),
        identity: IdentityArgs::default(),
        releases: ReleasesArgs::default(),
    })
}

/// The branch of one attempt of a rollout, which no other has.
fn branch_of(state: &State) -> Result<Branch> {
    let id = state.id().to_string();
    let id = id.get(..DIGITS).unwrap_or(&id);
    let branch = format!("merotee/rollout/{}-{id}-{}", state.inputs().kms, state.attempt());
    branch.parse().map_err(|e| Error::internal("the branch of a rollout").because(e))
}

/// The branch of the pull request that stands.
fn branch_named(state: &State) -> Result<Branch> {
    let branch = state.pull().and_then(|pull| pull.id("branch"));
    let branch = branch.ok_or_else(|| Error::internal("there is no pull request of this rollout"))?;
    branch.parse().map_err(|e| Error::internal("the branch of a rollout").because(e))
}

fn pull(number: &str, branch: &Branch) -> Made {
    made([("number", number.to_owned()), ("branch", branch.to_string())])
}

fn number_of(state: &State) -> Result<u64> {
    let number = state.pull().and_then(|pull| pull.id("number")).and_then(|number| number.parse().ok());
    number.ok_or_else(|| Error::internal("there is no pull request of this rollout"))
}

/// What speaks most against a report.
fn first(report: &Report) -> String {
    let findings = || report.sections.iter().flat_map(|section| &section.findings);
    let worst = [Status::Fail, Status::Missing, Status::SkippedRequired];
    let found = worst.into_iter().find_map(|status| findings().find(|finding| finding.status == status));
    found.map_or_else(|| "no reason was given".to_owned(), |finding| format!("{}: {}", finding.check, finding.message))
}
