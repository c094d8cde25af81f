//! `mrtds verify-runtime` and `mrtds compare-mdma`: the five registers of a running machine, as it states them or as its
//! quote does, against what its release publishes. Where the quote's collateral is fetched from is `quote verify`'s.

use std::path::Path;

use serde_json::Value;

use super::report;
use crate::{
    adapters::file,
    attestation::{
        measurement::Registers,
        quote::Quote,
        runtime::{self, Stated},
        verdict::{
            COLLATERAL, DEBUG, Expectation, Rejection, SIGNATURE, TCB, Verdict, judge_debug, judge_tcb, judge_verdict,
        },
    },
    cli::policy::{ExpectedArgs, MachineQuoteArgs},
    commands::{documents, quote},
    context::Context,
    error::{Error, Result},
    policy::mrtds::{self, MRTDS, ProfileMeasurements, PublishedMrtds, compare},
    product::Product,
    report::{CheckInfo, Fact, Finding, Status},
    schema::{Document, SCHEMA, conforms},
    subject::tag::Family,
};

/// Compares the machine of `statement`, or of the quote in `args`, with the release of `expected`.
pub(super) fn run(
    command: &str,
    statement: Option<&Path>,
    args: &MachineQuoteArgs,
    expected: &ExpectedArgs,
    context: &Context,
) -> Result<Product> {
    let machine = Machine::read(statement, args, expected.pointer.as_deref(), context)?;
    let (mut findings, mut facts) = (Vec::new(), vec![Fact::named("profile", expected.profile.to_string())]);
    facts.push(Fact::named("evidence", machine.evidence.describe().to_owned()));
    facts.extend(machine.facts.iter().cloned());
    match documents::mrtds(&expected.expected)? {
        Err(finding) => findings.push(finding),
        Ok(published) => {
            facts.extend(published.tag.clone().map(|tag| Fact::named("release", tag)));
            findings.extend(trusted(&published, expected));
            findings.extend(machine.genuine(published.profile(expected.profile)));
            let compared = compare::compare(&machine.name, &machine.stated, &published, expected.profile);
            findings.extend(compared.into_iter().map(|finding| machine.credited(finding)));
        }
    }
    let rules = machine.evidence.rules().into_iter().chain(compare::RULES).chain([SCHEMA, MRTDS]).collect();
    let mut report = report(command, rules, machine.name, facts, findings);
    report.caveats = machine.caveats;
    Ok(Product::report(report))
}

/// A machine, as far as somebody vouches for it.
struct Machine {
    name: String,
    stated: Stated,
    evidence: Evidence,
    facts: Vec<Fact>,
    caveats: Vec<String>,
}

/// What the registers rest on.
enum Evidence {
    /// The machine's own words.
    Statement,
    /// A quote that nothing was given to verify by.
    Claim(Box<Quote>),
    /// A quote, and whether it is genuine.
    Judged(Box<Quote>, Box<Result<Verdict, Rejection>>),
}

impl Evidence {
    /// The checks made of it.
    fn rules(&self) -> Vec<CheckInfo> {
        match self {
            Self::Statement => Vec::new(),
            Self::Claim(_) | Self::Judged(..) => vec![COLLATERAL, SIGNATURE, TCB, DEBUG],
        }
    }

    /// What agreement with the release rests on.
    fn describe(&self) -> &'static str {
        match self {
            Self::Statement => "a statement, which nothing vouches for",
            Self::Claim(_) => "a quote, not verified",
            Self::Judged(..) => "a quote, verified",
        }
    }
}

impl Machine {
    /// The command line gives exactly one of a statement and a quote; that collateral is for a quote, clap does not
    /// insist on where a statement rules the quote out.
    fn read(
        statement: Option<&Path>,
        args: &MachineQuoteArgs,
        pointer: Option<&str>,
        context: &Context,
    ) -> Result<Self> {
        match (statement, &args.quote) {
            (Some(_), None) if args.collateral.is_some() => {
                Err(Error::usage("--collateral is to verify a quote by, and none is given")
                    .help("give it with --quote"))
            }
            (Some(path), None) => Self::stated(path, pointer),
            (None, Some(path)) => Self::quoted(path, args, context),
            (None, None) | (Some(_), Some(_)) => {
                Err(Error::usage("give the machine's registers, or its quote with --quote"))
            }
        }
    }

    fn stated(path: &Path, pointer: Option<&str>) -> Result<Self> {
        let name = file::source_name(path);
        let stated = runtime::parse(&documents::bytes(path)?, pointer)
            .map_err(|e| Error::input(format!("{name}: the registers cannot be read")).because(e))?;
        let caveat = "the registers are a statement that nothing vouches for: agreement says nothing about a machine that \
                      lies, and only a quote that verifies proves them (--quote with --collateral)";
        let caveats = vec![caveat.to_owned()];
        Ok(Self { name, stated, evidence: Evidence::Statement, facts: Vec::new(), caveats })
    }

    fn quoted(path: &Path, args: &MachineQuoteArgs, context: &Context) -> Result<Self> {
        let (input, name) = quote::read(path)?;
        let facts = quote::basis::facts(&input);
        let registers = &input.quote.report.registers;
        let stated = Registers::from_fn(|register| Some(*registers.get(register)));
        let Some(collateral) = &args.collateral else {
            let caveat = "the quote is not verified: its registers are claims until --collateral proves it genuine";
            let (evidence, caveats) = (Evidence::Claim(Box::new(input.quote)), vec![caveat.to_owned()]);
            return Ok(Self { name, stated, evidence, facts, caveats });
        };
        let verifier = quote::basis::verifier(args.root.as_deref())?;
        let collateral = quote::basis::collateral(collateral)?;
        let outcome = verifier.verify(&input.quote, &collateral, quote::basis::now(args.at, context.now())?);
        let caveats = quote::basis::caveats(args.root.as_deref(), args.at, &verifier);
        let evidence = Evidence::Judged(Box::new(input.quote), Box::new(outcome));
        Ok(Self { name, stated, evidence, facts, caveats })
    }

    /// Whether the evidence itself holds. The TCB status is held against what the release tolerates, where it says so.
    fn genuine(&self, published: Option<&ProfileMeasurements>) -> Vec<Finding> {
        match &self.evidence {
            Evidence::Statement => Vec::new(),
            Evidence::Claim(quote) => unproven(&self.name, quote),
            Evidence::Judged(quote, outcome) => {
                let expectation = published.map(|p| Expectation {
                    name: p.profile.to_string(),
                    allowed: p.allowed.clone(),
                    not_ready: false,
                });
                let mut findings = judge_verdict(&self.name, outcome);
                findings.push(judge_tcb(&self.name, outcome, expectation.as_ref()));
                findings.push(judge_debug(&self.name, quote, outcome, false));
                findings
            }
        }
    }

    /// A difference is a difference, from any source; agreement of a quote that is not known to be genuine is none.
    fn credited(&self, mut finding: Finding) -> Finding {
        let unproven = match &self.evidence {
            Evidence::Statement => false,
            Evidence::Claim(_) => true,
            Evidence::Judged(_, outcome) => outcome.is_err(),
        };
        if unproven && matches!(finding.status, Status::Pass | Status::Warn) {
            finding.status = Status::SkippedRequired;
            finding.message.push_str(", but the quote is not proven genuine");
        }
        finding
    }
}

/// What is to be said of a quote that nothing was given to verify by: every check of it had to run, and could not. Only a
/// TD in debug mode differs from what was released, from any source.
fn unproven(name: &str, quote: &Quote) -> Vec<Finding> {
    let attributes = quote.report.attributes;
    let debug = if attributes.is_under_debug() {
        DEBUG
            .fail(name, Rejection::Debug(attributes).to_string())
            .help("a TD in debug mode can be changed after it was measured: its registers say nothing about it")
    } else {
        DEBUG.undecided(name, "not judged: the quote is not verified")
    };
    vec![
        COLLATERAL
            .undecided(name, "no collateral was given, so the quote is not verified")
            .help("give it with --collateral FILE; `quote verify` can fetch it"),
        SIGNATURE.undecided(name, "not judged without collateral"),
        TCB.undecided(name, "not judged without collateral"),
        debug,
    ]
}

/// What is wrong with the file that machines are compared with. Its passes are not news here.
fn trusted(published: &PublishedMrtds, expected: &ExpectedArgs) -> Vec<Finding> {
    let mut findings = conforms(&published.name, Document::PublishedMrtds, &published.document);
    let family = published.role.as_deref().and_then(|role| Family::ALL.into_iter().find(|f| f.role() == role));
    let stated = published.document.get("tag").and_then(Value::as_str).and_then(|t| semver::Version::parse(t).ok());
    match (&expected.tag, family, stated) {
        (Some(tag), _, _) => findings.extend(mrtds::published(published, tag.family(), tag.version())),
        (None, Some(family), Some(version)) => findings.extend(mrtds::published(published, family, &version)),
        // The schema has said so already.
        (None, _, _) => {}
    }
    findings.retain(|f| f.status != Status::Pass);
    findings
}
