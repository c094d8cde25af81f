//! `e2e`: the guardrails after a release, tried on what the releases state and on what runs.

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
        guardrails::{self, Both, CROSS_VERSION, ISOLATION, Made, STALE_POLICY, Stale},
        measurements::{self, MEASUREMENTS},
        release::{KmsRelease, Known},
        scheme::{Pair, Scheme},
        suite::{ANTI_FAKE, NODE_SUITE},
    },
    error::{Error, Result},
    policy::document::PolicyFile,
    product::Product,
    report::{CheckInfo, Exhibit, Fact, Report, Section, Table},
    subject::{e2e_part::Part, profile::Profile, repository::Repository, tag::Tag},
};

/// Checks of `e2e`.
pub(super) const RULES: [CheckInfo; 6] = [CROSS_VERSION, ISOLATION, STALE_POLICY, MEASUREMENTS, NODE_SUITE, ANTI_FAKE];

/// Older KMS releases that are read in search of one whose policy is stale.
const MAX_OLDER: usize = 3;

pub(super) async fn run(args: &E2eArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let repository = resolve(&context.endpoints)?;
    // Before anything is asked: words that cannot be used.
    let running = if args.documents_only { Running::default() } else { Running::of(&args.running, context)? };
    let basis = Basis::new(context, &repository)?;
    let mut source = releases::source(&basis, args, context)?;
    let catalog = releases::catalog(&source, args).await?;
    let scheme = Scheme::of(&catalog, &args.tag.tags());
    let older = match (&args.stale, scheme.pairs.first()) {
        (Some(tag), _) => vec![tag.clone()],
        (None, Some(pair)) => Scheme::stale(&catalog, pair).into_iter().take(MAX_OLDER).collect(),
        (None, None) => Vec::new(),
    };
    let tags = scheme.pairs.iter().flat_map(|pair| [&pair.kms, &pair.node]).chain(&older);
    let releases = Releases::read(&mut source, tags).await;
    let older: Vec<(Tag, Known<KmsRelease>)> =
        older.into_iter().map(|tag| (tag.clone(), releases.kms(&tag).clone())).collect();
    let course = Course { args, context, repository: &repository, scheme: &scheme, releases: &releases, older: &older };
    let (sections, mut caveats) = course.run(&running).await?;
    caveats.extend(basis.root.caveat());
    if args.documents_only {
        caveats.push("only documents were tried: no service and no node was asked (--documents-only)".to_owned());
    }
    Ok(Product::report(Report {
        command: "e2e".into(),
        rules: RULES.to_vec(),
        sections,
        caveats,
        made_at: Some(context.now()),
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}

/// A run whose documents are read.
struct Course<'a> {
    args: &'a E2eArgs,
    context: &'a Context,
    repository: &'a Repository,
    scheme: &'a Scheme,
    releases: &'a Releases,
    /// KMS releases whose policy may be stale, newest first.
    older: &'a [(Tag, Known<KmsRelease>)],
}

impl<'a> Course<'a> {
    async fn run(&self, running: &Running) -> Result<(Vec<Section>, Vec<String>)> {
        let both: Vec<Both<'_>> = self.scheme.pairs.iter().map(|pair| self.both(pair)).collect();
        let crossed = guardrails::cross_version(self.scheme, &both);
        // The pair that runs: of the asked releases, the same version before others, else the newest.
        let Some(pair) = self.scheme.pairs.first() else {
            return Ok((vec![self.section(Part::CrossVersion, None, crossed)], Vec::new()));
        };
        let live = match self.args.documents_only {
            true => Live::default(),
            false => self.asked(pair, running).await?,
        };
        let isolation = || guardrails::isolation(&self.both(pair), &live.heard);
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
        let sections = made.into_iter().map(|(part, made)| self.section(part, Some(pair), made)).collect();
        Ok((sections, live.caveats))
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
    fn unless_left_out(&self, check: CheckInfo, make: impl FnOnce() -> Made) -> Made {
        if !self.args.documents_only {
            return make();
        }
        let skipped = check.skip("", "not made: --documents-only asks nothing that runs");
        Made { findings: vec![skipped], ..Made::default() }
    }

    fn section(&self, part: Part, pair: Option<&Pair>, made: Made) -> Section {
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
        let shown =
            |checks| (!made.rows.is_empty()).then(|| Exhibit { checks, table: Table::Trials(made.rows.clone()) });
        let exhibit = match part {
            Part::CrossVersion => shown(&[CROSS_VERSION.id]),
            Part::Isolation => shown(&[ISOLATION.id]),
            Part::StalePolicy => shown(&[STALE_POLICY.id]),
            Part::Measurements | Part::NodeSuite => None,
        };
        Section {
            subject: part.to_string(),
            facts,
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
