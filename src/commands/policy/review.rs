//! `policy review`: reads a pull request once, verifies its evidence, asks who is in the teams, and has all of it judged.

use std::{collections::BTreeMap, io::Write as _, path::Path, time::Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::{
    adapters::{
        file,
        github::{GitHub, Posted, Posting, Promotion, WantedPromotion},
        policies::{self, Naming},
        sigstore::{
            Artifact, Bundle, PublicKey, Rejected, TrustRoot, verify_bundle, verify_bundle_with_key, verify_detached,
        },
    },
    cli::review::{EvidenceArgs, PolicyReviewArgs},
    commands::{repository, signer_rule::own_workflows},
    context::Context,
    digest::Sha256,
    error::{Class, Error, Result, chain},
    guard::trigger::{MAX_EVENT_BYTES, Trigger},
    policy::document::PolicyFile,
    policy::promotion::FOLDER,
    policy::review::{
        self as rules, COMMENT, Case, Demands, approvals,
        change::Change,
        comment,
        evidence::{self, Offered, Probe, Signature, Signer},
        files as rules_of_files,
        pull::{PullRequest, PullState, short},
        team::{Members, Membership, Team},
    },
    product::Product,
    release::{probe_signer, signer::Signer as Certified, signer_rule::SignerRule, snapshot::Demanded},
    report::{Action, CheckInfo, Exhibit, Fact, Finding, Format, Report, Section},
    schema::{excerpt::excerpt, parse_json_within},
    subject::{repository::Repository, role::Role},
};

/// How many memberships are asked for at a time.
const AT_ONCE: usize = 4;

pub(super) async fn run(args: &PolicyReviewArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let endpoints = &context.endpoints;
    let repository = repository::resolve(endpoints)?;
    let number = number(args, &repository)?;
    let security = team(&args.team, "security", &repository)?;
    let architecture = team(&args.architecture_team, "architecture", &repository)?;
    let judge = Judge::new(&args.evidence, context, &repository)?;
    let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?;
    let reading = Reading { args, judge: &judge, github: &github, repository: &repository, number, merged: false };
    let Some(case) = reading.case(security, architecture, context).await? else {
        return Ok(nothing_to_judge(&repository, number));
    };
    let mut findings = rules::judge(&case);
    let text = comment::text(&case, &findings);
    let mut actions = Vec::new();
    if args.comment.comment {
        let posting = Posting {
            repository: &repository,
            number,
            marker: comment::MARKER,
            text: &text,
            author: args.comment.comment_as.as_deref(),
        };
        let (finding, action) = match github.post(&posting).await {
            Ok(posted) => told(posted, number),
            Err(error) if error.class() == Class::Usage => return Err(error),
            // The verdict is not lost with it, and does not read as if reviewers had been told.
            Err(error) => (COMMENT.undecided("", chain(&error)), Some(Action::failed("comment", format!("#{number}")))),
        };
        findings.push(finding);
        actions.extend(action);
    }
    let section = Section {
        facts: comment::facts(&case),
        findings,
        told: &[rules::VALUES.id, rules::APPROVALS.id],
        actions,
        exhibits: comment::exhibits(&case),
        ..Section::new(format!("{repository} #{number}"))
    };
    let report = Report {
        command: "policy review".into(),
        rules: rules::rules(),
        sections: vec![section],
        caveats: judge.root.caveat().into_iter().collect(),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    };
    let product = match context.output.format {
        Format::Markdown => Product::text(text.clone(), text, report),
        Format::Human | Format::Json | Format::Sarif | Format::Html => Product::report(report),
    };
    let (structural, newly) = (case.change.is_structural(), case.change.newly());
    Ok(product.output("structural", structural.to_string()).output("newly_admits", newly.to_string()))
}

/// What is read of a pull request, and how.
struct Reading<'a> {
    args: &'a PolicyReviewArgs,
    judge: &'a Judge<'a>,
    github: &'a GitHub,
    repository: &'a Repository,
    number: u64,
    /// Whether one that is merged is judged as what was merged.
    merged: bool,
}

impl Reading<'_> {
    /// Reads all that a pull request is judged by; `None` where it is not one to be judged.
    async fn case(&self, security: Team, architecture: Team, context: &Context) -> Result<Option<Case>> {
        let Self { args, judge, github, repository, number, merged } = *self;
        let endpoints = &context.endpoints;
        let wanted =
            WantedPromotion { repository, number, folder: FOLDER, limit: rules_of_files::limit, as_merged: merged };
        let Promotion { pull, states, default_branch } = github.promotion(&wanted).await?;
        if args.if_promotion && !rules::is_promotion(&pull, &states, &args.label) {
            return Ok(None);
        }
        let base = args.base.as_ref().map_or(default_branch, ToString::to_string);
        let change = Change::of(&states, &pull.base.branch, &format!("#{number} at {}", short(&pull.head.commit)));
        let mut offered = evidence::offered(&states);
        if let Some(folder) = &args.evidence.candidates {
            offered.extend(of_folder(folder)?);
        }
        let probes = offered.into_iter().map(|one| judge.probe(one, &base)).collect::<Result<Vec<_>>>()?;
        let mut teams = vec![&security];
        if change.is_structural() {
            teams.push(&architecture);
        }
        let token = endpoints.team_token.clone().or_else(|| endpoints.token.clone());
        let people = GitHub::new(endpoints.api_url.clone(), token, context.http.clone())?;
        let members = members(&people, &teams, &pull).await;
        let (label, approvals) = (args.label.clone(), usize::from(args.approvals));
        let demands = Demands { base, label, approvals, now: context.now(), merged };
        let mut case = Case { pull, states, change, probes, security, architecture, members, demands };
        if case.pull.moved.is_none() {
            case.pull.moved = github.moved(repository, &case.pull).await?;
        }
        Ok(Some(case))
    }
}

/// A promotion that was judged for what comes after it.
pub(in crate::commands) struct Reviewed {
    /// Whether it is merged.
    pub(in crate::commands) state: PullState,
    /// Its newest commit.
    pub(in crate::commands) commit: String,
    pub(in crate::commands) findings: Vec<Finding>,
    /// SHA-256 of the candidates that it brings.
    pub(in crate::commands) candidates: Vec<Sha256>,
    /// The policies that it leaves.
    pub(in crate::commands) policies: Vec<PolicyFile>,
    pub(in crate::commands) facts: Vec<Fact>,
    pub(in crate::commands) exhibits: Vec<Exhibit>,
    pub(in crate::commands) rules: Vec<CheckInfo>,
    pub(in crate::commands) caveats: Vec<String>,
}

/// Judges a promotion as `policy review` does, and one that is merged as what was merged.
///
/// # Errors
/// As the command.
pub(in crate::commands) async fn judged(number: u64, context: &Context) -> Result<Reviewed> {
    let args = PolicyReviewArgs::usual();
    let repository = repository::resolve(&context.endpoints)?;
    let (security, architecture) = (team(&None, "security", &repository)?, team(&None, "architecture", &repository)?);
    let judge = Judge::new(&args.evidence, context, &repository)?;
    let endpoints = &context.endpoints;
    let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?;
    let reading =
        Reading { args: &args, judge: &judge, github: &github, repository: &repository, number, merged: true };
    let case = reading.case(security, architecture, context).await?;
    let case = case.ok_or_else(|| Error::internal("a promotion was not taken for one"))?;
    Ok(Reviewed {
        state: case.pull.state,
        commit: case.pull.head.commit.clone(),
        findings: rules::judge(&case),
        candidates: case.probes.iter().map(|probe| probe.digest).collect(),
        facts: comment::facts(&case),
        exhibits: comment::exhibits(&case),
        rules: rules::rules(),
        caveats: judge.root.caveat().into_iter().collect(),
        policies: case.change.after,
    })
}

/// The team that was named, or the owner's of this name.
fn team(given: &Option<Team>, slug: &str, repository: &Repository) -> Result<Team> {
    match given {
        Some(team) => Ok(team.clone()),
        None => Team::new(repository.owner(), slug).map_err(|e| Error::usage("the repository's owner").because(e)),
    }
}

/// The product for a pull request that is not a promotion.
fn nothing_to_judge(repository: &Repository, number: u64) -> Product {
    let message =
        format!("it changes nothing in `{FOLDER}` and is not marked as a promotion: there is nothing to judge");
    let findings = vec![rules::FILES.pass("", message)];
    let section = Section { findings, ..Section::new(format!("{repository} #{number}")) };
    let report =
        Report { command: "policy review".into(), rules: rules::rules(), sections: vec![section], ..Report::default() };
    Product::report(report).output("structural", "false").output("newly_admits", "0")
}

/// The pull request that is meant. Of the event nothing else is taken: its labels are those of its time.
fn number(args: &PolicyReviewArgs, repository: &Repository) -> Result<u64> {
    const HELP: &str = "give its number with --pr";
    if let Some(number) = args.pr {
        return Ok(number);
    }
    let Some(path) = &args.event else {
        return Err(Error::usage("no pull request is named, and this is not a workflow run").help(HELP));
    };
    let event = file::read_bounded(path, MAX_EVENT_BYTES as u64)?;
    // A ref that is none of a branch or tag: without a pull request in the event, there is nothing to read.
    match Trigger::read(Some(&event), None).map_err(|why| Error::usage(why).help(HELP))? {
        Trigger::Pull(pull) => of_repository(&event, repository).map(|()| pull.number),
        Trigger::Tag(_) | Trigger::Branch(_) | Trigger::Nothing => {
            Err(Error::usage("the event of this workflow run is not of a pull request").help(HELP))
        }
    }
}

/// Whether the event is of this repository: a number means another pull request in another one.
fn of_repository(event: &[u8], repository: &Repository) -> Result<()> {
    let event = parse_json_within(event, MAX_EVENT_BYTES).map_err(|e| Error::usage(format!("the event: {e}")))?;
    let name = event.get("repository").and_then(|of| of.get("full_name")).and_then(Value::as_str).unwrap_or_default();
    if repository.is(name) {
        return Ok(());
    }
    let of = if name.is_empty() {
        "does not say of which repository it is".to_owned()
    } else {
        format!("is of {}", excerpt(name))
    };
    Err(Error::usage(format!("the event of this workflow run {of}, and the pull request is to be one of {repository}"))
        .help("give its number with --pr"))
}

/// The outcome of posting the comment.
fn told(posted: Posted, number: u64) -> (Finding, Option<Action>) {
    let target = format!("#{number}");
    match posted {
        Posted::Created => (COMMENT.pass("", "commented"), Some(Action::done("comment", target))),
        Posted::Updated => {
            (COMMENT.pass("", "the comment is brought up to date"), Some(Action::done("update comment", target)))
        }
        Posted::Unchanged => (COMMENT.pass("", "the comment says this already"), None),
        Posted::NotAllowed(said) => {
            let finding = COMMENT
                .warn("", format!("the token may not comment: {said}"))
                .help("give the job `pull-requests: write`; a pull request from a fork never has it");
            (finding, Some(Action::failed("comment", target)))
        }
    }
}

/// Who is in the teams, of those who have a say.
async fn members(people: &GitHub, teams: &[&Team], pull: &PullRequest) -> Members {
    let mut members = Members::default();
    let asked = approvals::asked(pull);
    if asked.is_empty() {
        return members;
    }
    for team in teams {
        if let Err(why) = people.sees(team).await {
            for login in &asked {
                members.note(team, login, Membership::Unreadable(why.clone()));
            }
            continue;
        }
        let ask = asked.iter().map(|login| async move { (*login, people.membership(team, login).await) });
        let answers: Vec<_> = stream::iter(ask).buffered(AT_ONCE).collect().await;
        for (login, membership) in answers {
            members.note(team, login, membership);
        }
    }
    members
}

/// Signed candidates of a folder here.
fn of_folder(folder: &Path) -> Result<Vec<Offered>> {
    let found = policies::read(folder, Naming::Relative)?;
    let shown = folder.display();
    let mut files = BTreeMap::new();
    for policies::Found { name, bytes, .. } in found {
        let stem = name.strip_suffix(".json").unwrap_or(&name);
        for signature in [format!("{name}.sig"), format!("{stem}.sig")] {
            let path = folder.join(&signature);
            if path.is_file() {
                let bytes = file::read_bounded(&path, rules_of_files::MAX_SEAL_BYTES)?;
                files.insert(format!("{shown}/{signature}"), bytes);
            }
        }
        files.insert(format!("{shown}/{name}"), bytes);
    }
    let offered = evidence::given(&files);
    if offered.is_empty() {
        return Err(Error::usage(format!("{shown} holds no candidates of a probe that say their role and profile"))
            .help("give the folder that `merotee probe run --sign` wrote"));
    }
    Ok(offered)
}

/// What signatures are judged by.
struct Judge<'a> {
    args: &'a EvidenceArgs,
    root: TrustRoot,
    key: Option<PublicKey>,
    rule: SignerRule,
}

impl<'a> Judge<'a> {
    fn new(args: &'a EvidenceArgs, context: &Context, repository: &Repository) -> Result<Self> {
        let root = context.trust_root()?;
        let key = args.key.as_deref().map(PublicKey::from_file).transpose()?;
        Ok(Self { args, root, key, rule: own_workflows(context, repository) })
    }

    /// Verifies what signs candidates, and who that is.
    fn probe(&self, offered: Offered, branch: &str) -> Result<Probe> {
        let signature = match &offered.seal {
            None => Signature::Absent,
            Some(seal) => match self.verified(&offered.candidates, seal)? {
                Err(Rejected(why)) => Signature::Rejected(why),
                Ok(None) => Signature::WithKey,
                Ok(Some(who)) => Signature::By(Box::new(self.signer(&who, offered.target.role, branch))),
            },
        };
        Ok(Probe::new(offered, signature))
    }

    /// Who signed; `None` for the key.
    fn verified(&self, candidates: &[u8], seal: &[u8]) -> Result<Result<Option<Certified>, Rejected>> {
        let digest = Sha256::of(candidates);
        let Some(key) = &self.key else {
            let bundle = Bundle::parse(seal);
            return Ok(bundle.and_then(|bundle| match bundle.needs_key() {
                true => Err(Rejected("signed with a key, not a certificate: give the public key with --key".into())),
                false => verify_bundle(Artifact { digest, path: None }, &bundle, &self.root).map(Some),
            }));
        };
        // Some keys sign the message itself, which is read from a file.
        let unwritable = |e| Error::input("cannot write a temporary file").because(e);
        let mut file = tempfile::NamedTempFile::new().map_err(unwritable)?;
        file.write_all(candidates).and_then(|()| file.flush()).map_err(unwritable)?;
        let artifact = Artifact { digest, path: Some(file.path()) };
        Ok(match Bundle::parse(seal) {
            Ok(bundle) => verify_bundle_with_key(artifact, &bundle, key, &self.root).map(|()| None),
            Err(_) => verify_detached(artifact, seal, key).map(|()| None),
        })
    }

    /// The signer, held against the probe's workflow of `role`.
    fn signer(&self, who: &Certified, role: Role, branch: &str) -> Signer {
        let (args, refs) = (&self.args.signer, probe_signer::refs(branch, &self.args.signer.probe_ref));
        let wrong = match probe_signer::demanded(&self.rule, role, args.probe_workflow.as_deref(), &refs) {
            Demanded::Signer(expected) => expected.mismatches(who),
            Demanded::Key => Vec::new(),
        };
        let wrong = wrong.into_iter().map(|m| (m.part, m.expected, m.actual.unwrap_or_else(|| "none".to_owned())));
        Signer {
            name: who.to_string(),
            identity: who.san.clone(),
            commit: who.source_commit.clone(),
            at: who.signed_at,
            log_index: who.log_index,
            log: who.log.clone(),
            valid: who.valid,
            wrong: wrong.collect(),
        }
    }
}
