//! `quote verify`: whether a quote is genuine, and what a policy and a nonce say to it.

use std::{path::Path, time::Instant};

use jiff::Timestamp;

use super::source;
use crate::{
    adapters::{
        file,
        pccs::{CollateralCache, Pccs},
    },
    attestation::{
        quote::{
            Quote,
            input::{Form, Input},
        },
        verdict::{
            Collateral, Expectation, ExpectedBinding, QuoteVerifier, RULES, Rejection, Verdict, judge_debug,
            judge_policy, judge_report_data, judge_tcb, judge_verdict,
        },
    },
    cli::{
        Cli,
        quote::{Half, Moment, QuoteVerifyArgs},
    },
    error::{Error, Result},
    policy::document::{PolicyFile, ProfileLists, Side},
    product::Product,
    report::{Finding, Report, Section},
};

/// Largest collateral file or policy read, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Largest root certificate read, in bytes.
const MAX_ROOT_BYTES: u64 = 64 << 10;

pub(super) async fn run(cli: &Cli, args: &QuoteVerifyArgs) -> Result<Product> {
    let started = Instant::now();
    if args.offline && args.collateral.is_none() && args.cache.is_none() {
        return Err(Error::usage("--offline needs collateral: give --collateral FILE, or --cache DIR"));
    }
    let verifier = verifier(args)?;
    let (bytes, name) = source(&args.file)?;
    let input = Input::read(&bytes).map_err(|e| Error::input(format!("{name}: no quote that can be read: {e}")))?;
    let expected = expectation(args, input.form)?;
    let now = match args.at {
        Some(Moment(seconds)) => seconds,
        None => u64::try_from(Timestamp::now().as_second())
            .map_err(|e| Error::internal("the clock stands before 1970").because(e))?,
    };
    let collateral = collateral(cli, args, &input.quote, &name, now).await?;
    let outcome = verifier.verify(&input.quote, &collateral, now);
    let section = Section {
        subject: name.clone(),
        facts: facts(&input, now),
        findings: judge(args, &name, &input, &outcome, expected.as_ref()),
    };
    Ok(Product::Report(Report {
        command: "quote verify".into(),
        rules: RULES.to_vec(),
        sections: vec![section],
        caveats: caveats(args, &verifier),
        elapsed: Some(started.elapsed()),
    }))
}

fn judge(
    args: &QuoteVerifyArgs,
    name: &str,
    input: &Input,
    outcome: &Result<Verdict, Rejection>,
    expected: Option<&Expectation>,
) -> Vec<Finding> {
    let (quote, proven) = (&input.quote, outcome.is_ok());
    let binding = args.binding.map_or(ExpectedBinding::Unstated, |Half(bytes)| ExpectedBinding::Given(bytes));
    let nonce = args.nonce.map(|Half(bytes)| bytes);
    let mut findings = judge_verdict(name, outcome);
    findings.push(judge_tcb(name, outcome, expected));
    findings.push(judge_debug(name, quote, outcome, args.allow_debug_td));
    findings.extend(judge_report_data(name, quote, proven, nonce, binding, input.stated_report_data));
    if let Some(expected) = expected {
        findings.extend(judge_policy(quote, proven, expected));
    }
    findings
}

/// Debug TDs get their own finding, so the verifier is told to let them through.
fn verifier(args: &QuoteVerifyArgs) -> Result<QuoteVerifier> {
    let verifier = match &args.root {
        None => QuoteVerifier::intel().map_err(|e| Error::internal("the built-in root cannot be read").because(e))?,
        Some(path) => {
            let bytes = file::read_bounded(path, MAX_ROOT_BYTES)?;
            let refuse = |why: String| Error::trust(format!("{}: not a root certificate: {why}", path.display()));
            let der = match pem::parse(&bytes) {
                Ok(block) => block.into_contents(),
                Err(_) => bytes,
            };
            QuoteVerifier::new(&der).map_err(|e| refuse(e.to_string()))?
        }
    };
    Ok(verifier.allow_debug(true))
}

fn caveats(args: &QuoteVerifyArgs, verifier: &QuoteVerifier) -> Vec<String> {
    let mut caveats = Vec::new();
    if let Some(path) = args.root.as_deref().filter(|_| !verifier.is_intel()) {
        let path = path.display();
        caveats
            .push(format!("the quote is judged by the root in {path}, not by Intel's: nothing proves real hardware"));
    }
    if args.at.is_some() {
        caveats.push("the quote is judged as of the time given with --at, not as of now".to_owned());
    }
    caveats
}

fn facts(input: &Input, now: u64) -> Vec<(&'static str, String)> {
    let quote = &input.quote;
    let at = i64::try_from(now).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let body = quote.report.body.as_str();
    let mut facts = vec![
        ("form", input.form.to_string()),
        ("quote", format!("version {}, {body}", quote.header.version.number())),
        ("at", at.map_or_else(|| now.to_string(), |time| time.to_string())),
    ];
    if let Ok(platform) = quote.certification.platform() {
        facts.push(("FMSPC", hex::encode(platform.fmspc)));
    }
    facts
}

async fn collateral(cli: &Cli, args: &QuoteVerifyArgs, quote: &Quote, name: &str, now: u64) -> Result<Collateral> {
    if let Some(path) = &args.collateral {
        let bytes = file::read_bounded(path, MAX_FILE_BYTES)?;
        return Collateral::from_json(&bytes)
            .map_err(|e| Error::input(format!("{} cannot be used", path.display())).because(e));
    }
    let platform = quote
        .certification
        .platform()
        .map_err(|e| Error::input(format!("{name}: nobody can be asked about this machine")).because(e))?;
    let pccs = Pccs::new(&args.pccs, crate::commands::bounds(&cli.network))?;
    let cache = args.cache.clone().map(CollateralCache::new);
    match cache {
        Some(cache) if args.offline => cache.offline(&pccs, &platform),
        Some(cache) => cache.get(&pccs, &platform, now).await,
        None => pccs.collateral(&platform).await,
    }
}

/// What the policy allows on the side and in the profile that the caller, the policy or the input's form name.
fn expectation(args: &QuoteVerifyArgs, form: Form) -> Result<Option<Expectation>> {
    let Some(path) = &args.expect_policy else { return Ok(None) };
    let policy = policy(path)?;
    let lists = profile(args, &policy, path)?;
    let side = side(args, lists, form, path)?;
    let allowed = lists
        .side(side)
        .ok_or_else(|| Error::usage(format!("{} says nothing about the {} side", path.display(), side.as_str())))?;
    Ok(Some(Expectation {
        name: format!("{} {}", lists.profile, side.as_str()),
        allowed: allowed.clone(),
        not_ready: policy.is_not_ready(),
    }))
}

/// A policy with a malformed entry would be compared without it, so it is refused.
fn policy(path: &Path) -> Result<PolicyFile> {
    let bytes = file::read_bounded(path, MAX_FILE_BYTES)?;
    let name = path.display().to_string();
    let policy =
        PolicyFile::parse(&name, &bytes).map_err(|finding| Error::usage(format!("{name}: {}", finding.message)))?;
    match policy.malformed.first() {
        None => Ok(policy),
        Some(entry) => {
            let what = format!("{name}: {}: expected {}, got {}", entry.place, entry.expected, entry.actual);
            Err(Error::usage(what).help("correct the policy first"))
        }
    }
}

fn profile<'p>(args: &QuoteVerifyArgs, policy: &'p PolicyFile, path: &Path) -> Result<&'p ProfileLists> {
    let path = path.display();
    match (args.profile, policy.profiles.as_slice()) {
        (None, [only]) => Ok(only),
        (None, []) => Err(Error::usage(format!("{path} has no lists that can be read"))),
        (None, _) => Err(Error::usage(format!("{path} states several profiles")).help("say which with --profile")),
        (Some(profile), lists) => lists
            .iter()
            .find(|lists| lists.profile == profile)
            .ok_or_else(|| Error::usage(format!("{path} says nothing about the profile {profile}"))),
    }
}

fn side(args: &QuoteVerifyArgs, lists: &ProfileLists, form: Form, path: &Path) -> Result<Side> {
    if let Some(side) = args.side {
        return Ok(side.into());
    }
    match (&lists.kms, &lists.node, form) {
        (Some(_), None, _) => Ok(Side::Kms),
        (None, Some(_), _) => Ok(Side::Node),
        (_, _, Form::KmsAttest) => Ok(Side::Kms),
        (_, _, Form::NodeAttest) => Ok(Side::Node),
        (_, _, Form::Binary | Form::Hex | Form::Base64 | Form::DstackGetQuote) => {
            let message = format!("{} states a KMS and a node side", path.display());
            Err(Error::usage(message).help("say which the quote is from with --side"))
        }
    }
}
