//! `policy promote`: signed candidates of probes become the values of the repository's policies, in a pull request.
//!
//! The candidates are judged before anything is asked of GitHub, and the policies as they would be before anything is
//! written. Nothing here merges.

mod seal;

use semver::Version;

use self::seal::Sealed;
use crate::{
    adapters::github::{GitHub, Made, Proposed, Proposing, Snapshot},
    change::{Base, Change, PULL_REQUEST},
    cli::promote::PolicyPromoteArgs,
    commands::{proposed, repository::resolve},
    context::Context,
    error::Result,
    policy::{
        candidates::{self, Given, Proposal as Measured, newest},
        diff::{Diff, remarks},
        document::PolicyFile,
        promotion::{
            MAX_PROBES, PROMOTION, Part, Place, Probe, Target,
            body::{self, Row},
            edit::{self, Edited, Wanted},
            evidence_folder, judge, policy_path,
            proposal::{Content, Proposal},
        },
    },
    product::Product,
    release::checks::authenticity::{IDENTITY, SIGNATURE},
    report::{CheckInfo, Fact, Finding, Report, Section},
    subject::{profile::Profile, repository::Repository, tag::Class},
};

/// The checks whose passes a reader wants one by one.
const TOLD: &[&str] = &[PROMOTION.id, SIGNATURE.id, IDENTITY.id, remarks::POLICY_CHANGE.id];

pub(in crate::commands) async fn run(args: &PolicyPromoteArgs, context: &Context) -> Result<Product> {
    let repository = resolve(&context.endpoints)?;
    let (sealed, findings) = seal::read(args, context, &repository)?;
    let mut section = Section::new(format!("policies of {repository}"));
    section.facts.push(Fact::Repository(repository.to_string()));
    section.told = TOLD;
    let report = Report {
        command: "policy promote".into(),
        rules: rules(),
        caveats: seal::caveats(args, context)?,
        ..Report::default()
    };
    if !judge::passes(&findings) {
        tracing::error!("nothing was proposed");
        section.findings = findings;
        return Ok(Product::report(Report { sections: vec![section], ..report }));
    }
    let promoting = Promoting { args, repository: &repository, sealed: &sealed, findings: &findings };
    let Proposed { made, change } = promoting.propose(context).await?;
    section.findings = made;
    let outputs = match &change {
        Some((change, outcome)) => proposed::told(&mut section, change, outcome),
        None => {
            tracing::error!("nothing was proposed");
            Vec::new()
        }
    };
    Ok(proposed::product(Report { sections: vec![section], ..report }, outputs))
}

fn rules() -> Vec<CheckInfo> {
    let own = [SIGNATURE, IDENTITY].into_iter().chain(judge::rules());
    own.chain([remarks::POLICY_CHANGE, PULL_REQUEST]).collect()
}

/// What is promoted, and where.
struct Promoting<'a> {
    args: &'a PolicyPromoteArgs,
    repository: &'a Repository,
    sealed: &'a Sealed,
    /// What was found of the candidates by themselves.
    findings: &'a [Finding],
}

/// The policies of a snapshot with the values of the candidates.
#[derive(Default)]
struct Policies {
    /// Those that change: path and new text.
    texts: Vec<(String, String)>,
    before: Vec<PolicyFile>,
    after: Vec<PolicyFile>,
    /// Those that don't.
    others: Vec<PolicyFile>,
    findings: Vec<Finding>,
}

impl Promoting<'_> {
    async fn propose(&self, context: &Context) -> Result<Proposed<Vec<Finding>>> {
        let endpoints = &context.endpoints;
        let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?;
        let paths: Vec<String> = Profile::ALL.map(policy_path).to_vec();
        let folders: Vec<String> = self.targets().into_iter().map(evidence_folder).collect();
        let proposing = Proposing {
            repository: self.repository,
            base: self.args.pull.base.as_ref(),
            paths: &paths.iter().map(String::as_str).collect::<Vec<_>>(),
            folders: &folders.iter().map(String::as_str).collect::<Vec<_>>(),
            server: endpoints.server_url.as_str().trim_end_matches('/'),
            dry_run: self.args.dry_run,
        };
        github.propose(&proposing, |snapshot| Ok(self.made(snapshot))).await
    }

    /// The change of a snapshot; `None` where something speaks against it.
    fn made(&self, snapshot: &Snapshot) -> Made<Vec<Finding>> {
        let Base { branch: base, .. } = &snapshot.base;
        let mut findings = self.findings.to_vec();
        findings.extend(self.sealed.signers(base));
        let policies = self.policies(snapshot);
        findings.extend(policies.findings.iter().cloned());
        if judge::passes(&findings) {
            let (changed, others): (Vec<_>, Vec<_>) =
                (policies.after.iter().collect(), policies.others.iter().collect());
            findings.extend(judge::policies(&changed, &others, self.release()));
        }
        if !judge::passes(&findings) {
            return (None, findings);
        }
        let change = self.change(snapshot, &policies, &findings);
        let told = remarks::remarks(&Diff::of(base.as_str(), "as promoted", &policies.before, &policies.after), false);
        if policies.texts.is_empty() {
            let message = "the policies say all of this already; nothing to change";
            findings.push(PROMOTION.pass(base.as_str(), message));
        } else {
            findings.extend(told);
        }
        (Some(change), findings)
    }

    fn change(&self, snapshot: &Snapshot, policies: &Policies, findings: &[Finding]) -> Change {
        let base = &snapshot.base.branch;
        let (args, pull) = (self.args, &self.args.pull);
        let probes = self.places();
        let row = |(place, probe): &(Place, &Probe)| Row::of(*place, probe, &self.sealed.signer(probe));
        let rows: Vec<Row> = probes.iter().map(row).collect();
        let diff = Diff::of(base.as_str(), "this change", &policies.before, &policies.after);
        let body = body::render(&rows, findings, &diff);
        let proposal = Proposal {
            base,
            branch: pull.branch.as_ref(),
            label: &pull.label,
            draft: pull.draft,
            version: args.tag.as_ref().map(|tag| tag.version()),
            commit: args.commit.as_deref(),
        };
        let (policies, there) = (policies.texts.as_slice(), snapshot.listed.as_slice());
        proposal.change(&Content { policies, probes: &probes, there, body: &body })
    }

    /// The policies of all profiles: with new values where candidates have some, and as they are where not. Every one that is
    /// there is read, since profiles are held against each other.
    fn policies(&self, snapshot: &Snapshot) -> Policies {
        let mut policies = Policies::default();
        for profile in Profile::ALL {
            let path = policy_path(profile);
            let targets: Vec<Target> = self.targets().into_iter().filter(|t| t.profile == profile).collect();
            let bytes = snapshot.files.get(&path);
            match (bytes, targets.is_empty()) {
                (None, true) => {}
                (None, false) => {
                    let message = format!("{} has no such file on {}", self.repository, snapshot.base.branch);
                    let help = "make it with `gen-policy --not-ready --layout runbook`, and commit it first";
                    policies.findings.push(PROMOTION.missing(&path, message).help(help));
                }
                (Some(bytes), true) => match PolicyFile::parse(&path, bytes) {
                    Ok(policy) => policies.others.push(policy),
                    Err(finding) => policies.findings.push(*finding),
                },
                (Some(bytes), false) => self.edit(&path, bytes, profile, &mut policies),
            }
        }
        policies
    }

    fn edit(&self, path: &str, bytes: &[u8], profile: Profile, policies: &mut Policies) {
        let measured: Vec<(Target, Measured)> = self.measured(profile);
        let lists: Vec<_> = measured.iter().map(|(target, measured)| (target.role, measured)).collect();
        let places = self.places();
        let of_profile = places.iter().filter(|(place, _)| place.target.profile == profile);
        let probes: Vec<_> = of_profile.map(|(place, probe)| probe.provenance(place.target.role)).collect();
        let times = places.iter().filter(|(place, _)| place.target.profile == profile);
        let times = times.filter_map(|(_, probe)| probe.given.file.generated_at.as_deref());
        let wanted = Wanted {
            profile,
            lists: &lists,
            version: self.release().map(|(version, _)| version),
            commit: self.args.commit.as_deref(),
            generated_at: newest(times),
            probes: &probes,
        };
        let text = String::from_utf8_lossy(bytes);
        let edited = match edit::edited(path, &text, &wanted) {
            Ok(edited) => edited,
            Err(problems) => return policies.findings.extend(problems),
        };
        let Edited { text: new, changed, remarks } = edited;
        policies.findings.extend(remarks);
        let after = PolicyFile::parse(path, new.as_bytes());
        if let Ok(after) = &after {
            let probes = places.iter().filter(|(place, _)| place.target.profile == profile).map(|(_, probe)| *probe);
            policies.findings.extend(probes.flat_map(|probe| judge::of_release(probe, after)));
        }
        match (PolicyFile::parse(path, bytes), after) {
            (Ok(before), Ok(after)) if changed => {
                policies.before.push(before);
                policies.after.push(after);
                policies.texts.push((path.to_owned(), new));
            }
            (Ok(before), Ok(_)) => policies.others.push(before),
            (Err(finding), _) | (_, Err(finding)) => policies.findings.push(*finding),
        }
    }

    fn release(&self) -> Option<(&Version, Class)> {
        self.args.tag.as_ref().map(|tag| (tag.version(), tag.class()))
    }

    /// What is promoted, each target once.
    fn targets(&self) -> Vec<Target> {
        Target::all().filter(|target| self.sealed.of(*target).next().is_some()).collect()
    }

    /// What the probes of each role measured in a profile.
    fn measured(&self, profile: Profile) -> Vec<(Target, Measured)> {
        let targets = self.targets().into_iter().filter(|target| target.profile == profile);
        let measured = targets.filter_map(|target| {
            let given: Vec<Given> = self.sealed.of(target).map(|probe| probe.given.clone()).collect();
            let proposals = candidates::proposals(&given);
            proposals.into_iter().find(|proposal| proposal.profile == profile).map(|proposal| (target, proposal))
        });
        measured.collect()
    }

    /// Where each probe's evidence lies, in the order in which the candidates are given.
    fn places(&self) -> Vec<(Place, &Probe)> {
        let of = |target| {
            let numbered = self.sealed.of(target).zip(1..=MAX_PROBES);
            numbered.map(move |(probe, number)| (Place { target, number, part: Part::Candidates }, probe))
        };
        self.targets().into_iter().flat_map(of).collect()
    }
}
