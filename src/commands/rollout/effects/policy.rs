//! D5: the pull request with what staging measured. It is opened as `policy promote` opens one, judged as `policy review`
//! judges one, and merged by people alone.

use std::path::Path;

use super::{
    Effects,
    checks::PROMOTED,
    staging::CANDIDATES,
    told::{facts, judged, made, remark},
};
use crate::{
    adapters::{file, github::GitHub, sigstore::IdentitySource},
    attestation::measurement::{Allowed, Measurement, Register},
    change::{Branch, PullState},
    cli::{
        IdentityArgs, ReleasesArgs, SigningArgs,
        probe::SealArgs,
        promote::{PolicyPromoteArgs, ProbeSignerArgs, PromotionPullArgs},
    },
    commands::{
        policy::{promote, review},
        sign::seal,
    },
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    policy::{
        candidates::Candidates,
        document::PolicyFile,
        promotion::LABEL,
        review::{
            APPROVALS,
            pull::{PullState as Reviewed, short},
        },
    },
    probe::artifacts,
    report::{Finding, Report, Section, Status, Verdict as Reported},
    rollout::{
        path::Look,
        record::{Came, Made, Order, Verdict},
        state::State,
        step::Judged,
        words::Remark,
    },
    subject::profile::Profile,
};

/// Digits of the rollout's id that stand in the name of its branch.
const DIGITS: usize = 8;
/// Most earlier attempts whose pull requests are looked for.
const ATTEMPTS: usize = 16;

impl Effects<'_> {
    /// Proposes what staging measured. What an earlier attempt of this rollout opened is taken up.
    pub(super) async fn open_pull(&self, state: &State) -> Result<Came> {
        if let Some(found) = self.standing_pull(state).await? {
            return Ok(Came::Done(found));
        }
        let folder = tempfile::tempdir().map_err(|e| Error::input("cannot make a temporary folder").because(e))?;
        let candidates = self.kept(state, Look::StagingProbe, CANDIDATES)?;
        if let Err(error) = sealed(folder.path(), &candidates, &self.signing, self.context).await {
            return Ok(Came::Refused(remark(&error)));
        }
        let product = promote::run(&arguments(folder.path(), state)?, self.context).await?;
        let number = product.outputs.iter().find(|(name, _)| *name == "pull-request-number").map(|(_, number)| number);
        let report = product.report.unwrap_or_default();
        Ok(match (report.verdict(), number) {
            (Reported::Passed, Some(number)) => Came::Done(pull(number, &branch_of(state)?)),
            // The policies say all of it already: an earlier attempt's pull request was merged, and is judged once more.
            (Reported::Passed, None) => match self.merged_before(state).await? {
                Some(found) => Came::Done(found),
                None => Came::Refused(Remark::new("the policies say all of this already: there is nothing to promote")),
            },
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
        let number = number_of(state)?;
        let reviewed = review::judged(number, self.context).await?;
        let measured = self.kept(state, Look::StagingProbe, CANDIDATES)?;
        let (pull, mut findings) = (reviewed.state, reviewed.findings);
        let brought = Brought { candidates: &reviewed.candidates, policies: &reviewed.policies };
        findings.push(brought.judge(&state.subject(look), &measured, state.inputs().profile));
        let waits = match pull {
            Reviewed::Merged | Reviewed::Closed => None,
            Reviewed::Open => waiting(&findings).map(|lacks| self.waits(number, &reviewed.commit, lacks, state)),
        };
        let section = Section {
            facts: reviewed.facts,
            exhibits: reviewed.exhibits,
            findings,
            ..Section::new(state.subject(look))
        };
        let report = Report {
            command: look.command().to_owned(),
            rules: reviewed.rules.into_iter().chain([PROMOTED]).collect(),
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
        if let Some((number, PullState::Open)) = found {
            // What opened it may have ended before it was labelled, and reviewers are called by the label.
            self.github()?.label(&state.inputs().repository, number, LABEL).await?;
        }
        Ok(match found {
            Some((number, PullState::Open | PullState::Merged)) => Some(pull(&number.to_string(), &branch)),
            // It was turned down, or a rollback closed it: another attempt opens another one.
            Some((_, PullState::Closed)) | None => None,
        })
    }

    /// The newest pull request of an earlier attempt that was merged.
    async fn merged_before(&self, state: &State) -> Result<Option<Made>> {
        for attempt in (1..state.attempt()).rev().take(ATTEMPTS) {
            let branch = branch_of_attempt(state, attempt)?;
            let found = self.github()?.proposed_from(&state.inputs().repository, &branch).await?;
            if let Some((number, PullState::Merged)) = found {
                return Ok(Some(pull(&number.to_string(), &branch)));
            }
        }
        Ok(None)
    }

    /// What people have to do, and what comes after it.
    fn waits(&self, number: u64, commit: &str, lacks: Option<&Finding>, state: &State) -> String {
        let server = self.context.endpoints.server_url.as_str().trim_end_matches('/');
        let url = format!("{server}/{}/pull/{number}", state.inputs().repository);
        let then = self.command(Order::Resume);
        format!("{}. When it is merged: `{then}`", lacking(&format!("pull request #{number} ({url})"), commit, lacks))
    }

    fn github(&self) -> Result<GitHub> {
        let endpoints = &self.context.endpoints;
        GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), self.context.http.clone())
    }
}

/// What a pull request brings.
struct Brought<'a> {
    /// SHA-256 of candidates.
    candidates: &'a [Sha256],
    /// The policies that it leaves.
    policies: &'a [PolicyFile],
}

impl Brought<'_> {
    /// [`PROMOTED`]: these are the candidates that staging measured, and the policy of the profile lists their registers.
    fn judge(&self, subject: &str, measured: &[u8], profile: Profile) -> Finding {
        const HELP: &str = "roll back, and let the rollout propose what it measured";
        let digest = Sha256::of(measured);
        if !self.candidates.contains(&digest) {
            let others: Vec<String> = self.candidates.iter().take(3).map(ToString::to_string).collect();
            let found = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
            let finding = PROMOTED.fail(subject, "it does not bring the candidates that staging measured");
            return finding.compared(digest.to_string(), found).help(HELP);
        }
        let lists = self.policies.iter().flat_map(|policy| &policy.profiles).find(|lists| lists.profile == profile);
        let listed = lists.and_then(|lists| lists.kms.as_ref());
        let (Some(listed), Ok(read)) = (listed, Candidates::parse("candidates", measured)) else {
            return PROMOTED.fail(subject, format!("it leaves no policy of {profile}")).help(HELP);
        };
        for (register, value) in read.entries.iter().flat_map(|entry| values(&entry.allowed)) {
            if !listed.register(register).contains(&value) {
                let what = format!("its policy does not list the {register} that staging measured");
                return PROMOTED.fail(subject, what).help(HELP);
            }
        }
        PROMOTED.pass(subject, "it brings the candidates that staging measured, and its policy lists their registers")
    }
}

fn values(allowed: &Allowed) -> Vec<(Register, Measurement)> {
    let of = |register| allowed.register(register).iter().map(move |value| (register, *value));
    Register::ALL.into_iter().flat_map(of).collect()
}

/// What a pull request waits for, in words.
fn lacking(pull: &str, commit: &str, lacks: Option<&Finding>) -> String {
    let commit = short(commit);
    let Some(lacks) = lacks else { return format!("waiting for the merge: {pull} is approved at commit {commit}") };
    let has = match (&lacks.actual, &lacks.expected) {
        (Some(has), Some(of)) => format!("has {has} of {of} at commit {commit}: "),
        (_, _) => format!("at commit {commit}: "),
    };
    format!("waiting for approval: {pull} {has}{}", lacks.message)
}

/// What of its approval an open pull request lacks: nothing, where people have only to merge it. `None` where something else
/// speaks against it.
fn waiting(findings: &[Finding]) -> Option<Option<&Finding>> {
    let bad = |status| !matches!(status, Status::Pass | Status::Warn | Status::Skipped);
    let mut against = findings.iter().filter(|finding| bad(finding.status));
    let Some(first) = against.next() else {
        return Some(None);
    };
    let only_approvals = first.check == APPROVALS.id && against.all(|finding| finding.check == APPROVALS.id);
    // An objection is no delay: people said no.
    let is_no = findings.iter().any(|finding| finding.check == APPROVALS.id && finding.status == Status::Fail);
    (only_approvals && !is_no).then_some(Some(first))
}

/// Writes the candidates of staging, and signs them as the workflow of the probe.
async fn sealed(folder: &Path, candidates: &[u8], signing: &SigningArgs, context: &Context) -> Result<()> {
    let path = folder.join(artifacts::CANDIDATES);
    file::write_atomic(&path, candidates)?;
    let args = SealArgs { sign: true, signing: signing.clone(), ..SealArgs::default() };
    let key = seal::key(&args, context)?;
    if key.is_none() && !can_sign(signing, context) {
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

/// Whether there is an identity to sign as.
pub(super) fn can_sign(signing: &SigningArgs, context: &Context) -> bool {
    signing.identity_token.is_some()
        || match &context.endpoints.signing.identity {
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
    branch_of_attempt(state, state.attempt())
}

fn branch_of_attempt(state: &State, attempt: u32) -> Result<Branch> {
    let id = state.id().to_string();
    let id = id.get(..DIGITS).unwrap_or(&id);
    let branch = format!("merotee/rollout/{}-{id}-{attempt}", state.inputs().kms);
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

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::policy::fixtures::spoiled;

    fn candidates(mrtd: &str) -> Vec<u8> {
        let lists = format!(r#"{{"allowed_mrtd":["{}"]}}"#, mrtd.repeat(48));
        format!(r#"{{"profile":"locked-read-only","policy":{lists}}}"#).into_bytes()
    }

    fn policy(mrtd: &str) -> PolicyFile {
        spoiled(Profile::LockedReadOnly, |document| {
            document["policy"]["kms_allowed_mrtd"] = serde_json::json!([mrtd.repeat(48)]);
        })
    }

    #[test]
    fn what_a_pull_request_waits_for_is_said_with_its_count_and_commit() {
        let lacks = APPROVALS.missing("", "@o/security has not approved").compared("2 approvals", "1");
        let (findings, commit) = ([lacks], "d2324781c767aaaa");
        let open = waiting(&findings).map(|lacks| lacking("pull request #101", commit, lacks));
        let said = "waiting for approval: pull request #101 has 1 of 2 approvals at commit d2324781c767: \
                    @o/security has not approved";
        assert_eq!(open.as_deref(), Some(said));
        let approved = waiting(&[]).map(|lacks| lacking("pull request #101", commit, lacks));
        let said = "waiting for the merge: pull request #101 is approved at commit d2324781c767";
        assert_eq!(approved.as_deref(), Some(said));
    }

    #[test]
    fn a_pull_request_is_about_what_staging_measured_or_it_fails() {
        let (measured, older) = (candidates("aa"), Sha256::of(&candidates("bb")));
        let own = Sha256::of(&measured);
        let judge = |candidates: &[Sha256], policies: &[PolicyFile]| {
            let brought = Brought { candidates, policies };
            brought.judge("#12", &measured, Profile::LockedReadOnly)
        };
        assert_eq!(judge(&[older, own], &[policy("aa")]).status, Status::Pass);
        for (candidates, policies, why) in [
            (vec![], vec![policy("aa")], "does not bring the candidates"),
            (vec![older], vec![policy("aa")], "does not bring the candidates"),
            (vec![own], vec![], "leaves no policy of locked-read-only"),
            (vec![own], vec![policy("bb")], "does not list the MRTD"),
        ] {
            let finding = judge(&candidates, &policies);
            assert_eq!(finding.status, Status::Fail, "{}", finding.message);
            assert!(finding.message.contains(why), "{}", finding.message);
        }
    }
}
