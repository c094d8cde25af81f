//! `e2e`: the guardrails after a release, tried on what the releases state and on what runs.

mod cloud;
mod live;
mod releases;
mod running;
mod suite;

use std::time::Instant;

use self::{live::Live, releases::Releases, running::Running};
use super::counterparts::Basis;
use crate::{
    cli::e2e::E2eArgs,
    commands::repository::resolve,
    context::Context,
    e2e::{
        guardrails::{self, Both, CROSS_VERSION, ISOLATION, Made as Trials, NAME_THEM, STALE_POLICY, Stale},
        measurements::{self, MEASUREMENTS},
        release::{KmsRelease, Known},
        scheme::{Pair, Scheme},
        suite::{ANTI_FAKE, NODE_SUITE},
    },
    error::{Error, Result},
    policy::document::PolicyFile,
    probe::checks::MACHINE,
    product::Product,
    report::{CheckInfo, Exhibit, Fact, Report, Section, Table},
    subject::{e2e_part::Part, profile::Profile, repository::Repository, tag::Tag},
};

/// Checks of `e2e`.
pub(super) const RULES: [CheckInfo; 6] = [CROSS_VERSION, ISOLATION, STALE_POLICY, MEASUREMENTS, NODE_SUITE, ANTI_FAKE];

/// Older KMS releases that are read in search of one whose policy is stale.
const MAX_OLDER: usize = 3;
/// What to do where nothing was asked of what the run made.
const LOOK_AT_MACHINES: &str =
    "see the part *machines* for those that did not boot; --node or --node-socket make a node ask";

pub(super) async fn run(args: &E2eArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let repository = resolve(&context.endpoints)?;
    // Before anything is asked: words that cannot be used.
    let running = if args.documents_only || args.clouds.cloud {
        Running::default()
    } else {
        Running::of(&args.running, context)?
    };
    let given = if args.clouds.cloud { cloud::given(args, context)? } else { None };
    let basis = Basis::new(context, &repository)?;
    let mut source = releases::source(&basis, args, context)?;
    let catalog = releases::catalog(&source, args).await?;
    let scheme = Scheme::of(&catalog, &args.tag.tags());
    let pair = scheme.pairs.first().map(|pair| tried(pair, &args.clouds.profile)).transpose()?;
    let order = match &pair {
        Some(pair) if args.clouds.cloud => {
            Some(Box::pin(cloud::Order::of((&args.clouds, context), (&source, &repository), pair)).await?)
        }
        Some(_) | None => None,
    };
    let older = match (&args.stale, scheme.pairs.first()) {
        (Some(tag), _) => vec![tag.clone()],
        (None, Some(pair)) => Scheme::stale(&catalog, pair).into_iter().take(MAX_OLDER).collect(),
        (None, None) => Vec::new(),
    };
    let tags = scheme.pairs.iter().flat_map(|pair| [&pair.kms, &pair.node]).chain(&older);
    let releases = Releases::read(&mut source, tags).await;
    let older: Vec<(Tag, Known<KmsRelease>)> =
        older.into_iter().map(|tag| (tag.clone(), releases.kms(&tag).clone())).collect();
    let course = Course {
        args,
        context,
        repository: &repository,
        scheme: &scheme,
        pair: pair.as_ref(),
        order: order.as_ref(),
        releases: &releases,
        older: &older,
    };
    let Made { sections, mut caveats, interrupted } = Box::pin(course.run(&running, given)).await?;
    caveats.extend(basis.root.caveat());
    if args.documents_only {
        caveats.push("only documents were tried: no service and no node was asked (--documents-only)".to_owned());
    }
    let machines = if args.clouds.cloud { cloud::rules() } else { Vec::new() };
    let report = Report {
        command: "e2e".into(),
        rules: RULES.into_iter().chain(machines).collect(),
        sections,
        caveats,
        made_at: Some(context.now()),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    };
    Ok(Product { interrupted, ..Product::report(report) })
}

/// The pair that runs, in the profiles whose KMS is asked for; all that it is listed in where none is.
///
/// # Errors
/// Usage: it is not listed in one of them.
fn tried(pair: &Pair, asked: &[Profile]) -> Result<Pair> {
    if let Some(other) = asked.iter().find(|profile| !pair.profiles.contains(profile)) {
        let Pair { kms, node, .. } = pair;
        return Err(Error::usage(format!("the catalog does not list {kms} with {node} in {other}"))
            .help("leave out --profile to try every profile that the pair is listed in"));
    }
    let profiles = pair.profiles.iter().copied().filter(|profile| asked.is_empty() || asked.contains(profile));
    Ok(Pair { profiles: profiles.collect(), ..pair.clone() })
}

/// What a run made.
struct Made {
    sections: Vec<Section>,
    caveats: Vec<String>,
    /// Whether a signal ended it.
    interrupted: bool,
}

/// A run whose documents are read.
struct Course<'a> {
    args: &'a E2eArgs,
    context: &'a Context,
    repository: &'a Repository,
    scheme: &'a Scheme,
    /// The pair that runs: of the asked releases, the same version before others, else the newest.
    pair: Option<&'a Pair>,
    /// The machines that are made for it.
    order: Option<&'a cloud::Order>,
    releases: &'a Releases,
    /// KMS releases whose policy may be stale, newest first.
    older: &'a [(Tag, Known<KmsRelease>)],
}

impl<'a> Course<'a> {
    async fn run(&self, running: &Running, given: Option<cloud::Given>) -> Result<Made> {
        let both: Vec<Both<'_>> = self.scheme.pairs.iter().map(|pair| self.both(pair)).collect();
        let crossed = guardrails::cross_version(self.scheme, &both);
        let Some(pair) = self.pair else {
            let sections = vec![self.section(Part::CrossVersion, None, crossed)];
            return Ok(Made { sections, caveats: Vec::new(), interrupted: false });
        };
        let (live, machines, interrupted) = match (self.order, given) {
            // Nothing is made: what is read of the releases says nothing of machines.
            (Some(order), None) => return Ok(self.rehearsed(pair, order)),
            (Some(order), Some(given)) => {
                let cloud::Tried { live, section, interrupted } = Box::pin(self.made(pair, order, given)).await?;
                (live, Some(section), interrupted)
            }
            (None, _) if self.args.documents_only => (Live::default(), None, false),
            (None, _) => (Box::pin(self.asked(pair, running)).await?, None, false),
        };
        let isolation = || {
            let mut made = guardrails::isolation(&self.both(pair), &live.heard);
            made.findings.extend(live.unlisted.iter().map(|profile| guardrails::unlisted_kms(*profile)));
            made
        };
        let (heard, seen, unasked) = (&live.stale, &live.nodes_seen(), &live.unasked);
        let stale = Stale { new: self.both(pair), older: self.older, heard, seen, unasked };
        let stale = guardrails::stale_policy(&stale);
        let kms = (&pair.kms, self.releases.kms(&pair.kms));
        let node = (&pair.node, self.releases.node(&pair.node));
        let compared = || measurements::compared(kms, node, &pair.profiles, &live.seen);
        let walked = || crate::e2e::suite::judged(&pair.profiles, &live.runs);
        let made = [
            (Part::CrossVersion, crossed),
            (Part::Isolation, self.unless_left_out(ISOLATION, isolation)),
            (Part::StalePolicy, stale),
            (Part::Measurements, self.unless_left_out(MEASUREMENTS, compared)),
            (Part::NodeSuite, self.unless_left_out(NODE_SUITE, walked)),
        ];
        let sections = made.into_iter().map(|(part, made)| self.section(part, Some(pair), made));
        let machines = machines.map(|machines| self.about(pair, machines));
        Ok(Made { sections: sections.chain(machines).collect(), caveats: live.caveats, interrupted })
    }

    /// The machines that would be made, and nothing else: no part was made.
    fn rehearsed(&self, pair: &Pair, order: &cloud::Order) -> Made {
        let sections = vec![self.about(pair, cloud::planned(order))];
        Made { sections, caveats: Vec::new(), interrupted: false }
    }

    /// Makes the machines and tries them; of a release that is not trusted none is made.
    async fn made(&self, pair: &Pair, order: &cloud::Order, given: cloud::Given) -> Result<cloud::Tried> {
        let (Known::Stated(kms), Known::Stated(_)) = (self.releases.kms(&pair.kms), self.releases.node(&pair.node))
        else {
            let mut section = cloud::section(order);
            let what = format!("nothing was made: {} and {} are not both trusted", pair.kms, pair.node);
            section.findings.push(MACHINE.undecided("", what));
            return Ok(cloud::Tried { live: Live::default(), section, interrupted: false });
        };
        let older = guardrails::newest_stale(self.older, &pair.profiles);
        let (args, context, profiles) = (self.args, self.context, &pair.profiles);
        Box::pin(cloud::Course { args, context, order, kms, older, profiles }.run(given)).await
    }

    /// A section with what every part is about.
    fn about(&self, pair: &Pair, mut section: Section) -> Section {
        let mut facts = self.facts(Some(pair));
        facts.append(&mut section.facts);
        Section { facts, ..section }
    }

    fn both<'p>(&self, pair: &'p Pair) -> Both<'p>
    where
        'a: 'p,
    {
        Both { pair, kms: self.releases.kms(&pair.kms), node: self.releases.node(&pair.node) }
    }

    async fn asked(&self, pair: &Pair, running: &Running) -> Result<Live> {
        let Known::Stated(kms) = self.releases.kms(&pair.kms) else { return Ok(Live::default()) };
        let older = guardrails::newest_stale(self.older, &pair.profiles);
        let releases = live::Releases { kms, older, profiles: &pair.profiles };
        live::ask(self.args, self.context, running, releases).await
    }

    /// A part that needs something that runs.
    fn unless_left_out(&self, check: CheckInfo, make: impl FnOnce() -> Trials) -> Trials {
        if !self.args.documents_only {
            return make();
        }
        let skipped = check.skip("", "not made: --documents-only asks nothing that runs");
        Trials { findings: vec![skipped], ..Trials::default() }
    }

    fn facts(&self, pair: Option<&Pair>) -> Vec<Fact> {
        let mut facts = vec![Fact::Repository(self.repository.to_string())];
        if let Some(Pair { kms, node, profiles }) = pair {
            let profiles: Vec<&str> = profiles.iter().map(|profile| profile.as_str()).collect();
            facts.extend([
                Fact::named("kms", kms.as_str()),
                Fact::named("node image", node.as_str()),
                Fact::named("profiles", profiles.join(", ")),
            ]);
        }
        if self.args.documents_only {
            facts.push(Fact::named("scope", "documents only: nothing that runs was asked"));
        }
        facts
    }

    fn section(&self, part: Part, pair: Option<&Pair>, mut made: Trials) -> Section {
        if self.order.is_some() {
            // What runs cannot be named where it is made.
            for finding in made.findings.iter_mut().filter(|one| one.help.as_deref() == Some(NAME_THEM)) {
                finding.help = Some(LOOK_AT_MACHINES.to_owned());
            }
        }
        let shown =
            |checks| (!made.rows.is_empty()).then(|| Exhibit { checks, table: Table::Trials(made.rows.clone()) });
        let exhibit = match part {
            Part::CrossVersion => shown(&[CROSS_VERSION.id]),
            Part::Isolation => shown(&[ISOLATION.id]),
            Part::StalePolicy => shown(&[STALE_POLICY.id]),
            Part::Measurements | Part::NodeSuite | Part::Machines => None,
        };
        Section {
            subject: part.to_string(),
            facts: self.facts(pair),
            findings: made.findings,
            exhibits: exhibit.into_iter().collect(),
            ..Section::default()
        }
    }
}

/// The policy of a profile, read.
///
/// # Errors
/// Usage: the release has none that can be read.
fn policy_file(release: &KmsRelease, profile: Profile) -> Result<PolicyFile> {
    let tag = &release.tag;
    let (name, bytes) =
        release.policy(profile).ok_or_else(|| Error::usage(format!("{tag} has no policy for {profile}")))?;
    let name = format!("{tag} {name}");
    PolicyFile::parse(&name, bytes).map_err(|finding| Error::usage(format!("{name}: {}", finding.message)))
}
