//! `mrtds assemble`, `mrtds verify-runtime` and `mrtds compare-mdma`.

use std::path::Path;

use serde_json::Value;

use crate::{
    attestation::runtime,
    cli::{
        Cli, Environment,
        policy::{ExpectedArgs, MrtdsAssembleArgs, MrtdsCommand},
    },
    commands::documents,
    error::{Error, Result},
    policy::candidates::{self, CANDIDATES, CANDIDATES_AGREE},
    product::Product,
    release::{
        mrtds::{self, MRTDS, PublishedMrtds, assemble, compare},
        tag::Family,
    },
    report::{CheckInfo, Finding, Report, Section, Status},
    schema::{Document, SCHEMA, conforms},
};

pub(super) fn run(cli: &Cli, command: &MrtdsCommand, environment: &Environment) -> Result<Product> {
    match command {
        MrtdsCommand::Assemble(args) => assemble(cli, args, environment),
        MrtdsCommand::VerifyRuntime(args) => runtime("mrtds verify-runtime", &args.measurements, &args.expected),
        MrtdsCommand::CompareMdma(args) => runtime("mrtds compare-mdma", &args.mdma, &args.expected),
    }
}

fn assemble(cli: &Cli, args: &MrtdsAssembleArgs, environment: &Environment) -> Result<Product> {
    let family = args.role.map_or(args.tag.family(), Family::from);
    if family != args.tag.family() {
        return Err(Error::usage(format!("{} is no release of the {family} family", args.tag)));
    }
    if args.image_family.as_deref().is_some_and(|name| name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic())) {
        return Err(Error::usage("--image-family holds white space or other characters that no image family has"));
    }
    let (given, mut findings) = documents::candidates(&args.candidates)?;
    findings.extend(candidates::judge(&given));
    let origin = assemble::Origin {
        family,
        version: args.tag.version().clone(),
        generated_at: documents::time(&args.time, given.iter().filter_map(|g| g.file.generated_at.as_deref()))?,
        image_family: args.image_family.clone(),
    };
    let bytes = assemble::assemble(&origin, &candidates::proposals(&given))
        .map_err(|e| Error::internal("the measurements cannot be written as JSON").because(e))?;
    findings.extend(assemble::judge(&bytes, &origin));
    let rules = assemble::RULES.into_iter().chain([CANDIDATES, CANDIDATES_AGREE]).collect();
    let report = report("mrtds assemble", rules, args.tag.to_string(), Vec::new(), findings);
    documents::product(cli, environment, report, || Ok(bytes))
}

fn runtime(command: &str, measurements: &Path, expected: &ExpectedArgs) -> Result<Product> {
    let machine = documents::name(measurements);
    let stated = runtime::parse(&documents::bytes(measurements)?, expected.pointer.as_deref())
        .map_err(|e| Error::input(format!("{machine}: the registers cannot be read")).because(e))?;
    let (mut findings, mut facts) = (Vec::new(), vec![("profile", expected.profile.to_string())]);
    match documents::mrtds(&expected.expected)? {
        Err(finding) => findings.push(finding),
        Ok(published) => {
            facts.extend(published.tag.clone().map(|tag| ("release", tag)));
            findings.extend(trusted(&published, expected));
            findings.extend(compare::compare(&machine, &stated, &published, expected.profile));
        }
    }
    let rules = compare::RULES.into_iter().chain([SCHEMA, MRTDS]).collect();
    let mut report = report(command, rules, machine, facts, findings);
    report
        .caveats
        .push("the registers are the machine's own statement: only a quote that verifies proves them".to_owned());
    Ok(Product::Report(report))
}

/// What is wrong with the file that machines are compared with. Its passes are no news here.
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

fn report(
    command: &str,
    rules: Vec<CheckInfo>,
    subject: String,
    facts: Vec<(&'static str, String)>,
    findings: Vec<Finding>,
) -> Report {
    let sections = vec![Section { subject, facts, findings }];
    Report { command: command.to_owned(), rules, sections, caveats: Vec::new(), elapsed: None }
}
