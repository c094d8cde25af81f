//! `mrtds assemble`, `mrtds publish`, `mrtds verify-runtime` and `mrtds compare-mdma`.

mod publish;
mod runtime;

use crate::{
    cli::policy::{MrtdsAssembleArgs, MrtdsCommand},
    commands::documents,
    context::Context,
    error::{Error, Result},
    policy::{
        candidates::{self, CANDIDATES, CANDIDATES_AGREE},
        mrtds::assemble,
    },
    product::Product,
    report::{CheckInfo, Fact, Finding, Report, Section},
    subject::tag::Family,
};

pub(super) async fn run(command: &MrtdsCommand, context: &Context) -> Result<Product> {
    match command {
        MrtdsCommand::Assemble(args) => assemble(args),
        MrtdsCommand::Publish(args) => publish::run(args, context).await,
        MrtdsCommand::VerifyRuntime(args) => {
            runtime::run("mrtds verify-runtime", args.measurements.as_deref(), &args.machine, &args.expected, context)
        }
        MrtdsCommand::CompareMdma(args) => {
            runtime::run("mrtds compare-mdma", args.mdma.as_deref(), &args.machine, &args.expected, context)
        }
    }
}

fn assemble(args: &MrtdsAssembleArgs) -> Result<Product> {
    let family = args.role.map_or(args.tag.family(), Family::from);
    if family != args.tag.family() {
        return Err(Error::usage(format!("{} is not a release of the {family} family", args.tag)));
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
    documents::product(report, || Ok(bytes))
}

fn report(command: &str, rules: Vec<CheckInfo>, subject: String, facts: Vec<Fact>, findings: Vec<Finding>) -> Report {
    let sections = vec![Section { subject, facts, findings, ..Section::default() }];
    Report { command: command.to_owned(), rules, sections, ..Report::default() }
}
