//! `compose-hash`: the hash of a compose file, compared with an expected one or with what a machine measured.

use std::path::Path;

use crate::{
    adapters::file,
    attestation::{
        compose_hash::{self, ComposeError, EXPECTED, Kind, expected},
        event_log::checks::{self, COMPOSE_HASH, EVENT_LOG, IDENTITY, REPLAY},
        quote::input::{Input, InputError, MAX_INPUT_BYTES},
    },
    cli::compose_hash::ComposeHashArgs,
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    product::Product,
    report::{CheckInfo, Fact, Finding, Format, Location, Report, Section, Status, github},
    schema::excerpt::excerpt,
};

/// Largest file hashed as it is. dstack refuses an app-compose.json far smaller than that.
const MAX_APP_COMPOSE_BYTES: u64 = 8 << 20;

pub(super) fn run(args: &ComposeHashArgs, context: &Context) -> Result<Product> {
    let name = file::source_name(&args.file);
    let bytes = file::read_source(&args.file, MAX_APP_COMPOSE_BYTES)?;
    let kind = kind(args, &name)?;
    let hash = match kind {
        Kind::Dstack => of_bytes(&name, &bytes),
        Kind::Release => of_meaning(args, &name, &bytes, context)?,
    };
    let line = format!("sha256:{hash}");
    let mut findings = Vec::new();
    findings.extend(
        args.expect.map(|wanted| Finding { location: location(args, None), ..expected(&name, kind, hash, wanted) }),
    );
    if let Some(path) = &args.attest_response {
        findings.extend(measured(path, hash)?);
    }
    if findings.is_empty() {
        return Ok(Product::bytes(format!("{line}\n")).output("hash", line));
    }
    let mut rules = vec![EXPECTED];
    if args.attest_response.is_some() {
        rules.extend::<[CheckInfo; 4]>([EVENT_LOG, REPLAY, IDENTITY, COMPOSE_HASH]);
    }
    let facts = vec![Fact::named("kind", kind.to_string()), Fact::named("hash", line.clone())];
    let report = report(rules, Section { subject: name, facts, findings, ..Section::default() });
    if args.attest_response.is_some() || context.output.format != Format::Human {
        return Ok(Product::report(report).output("hash", line));
    }
    // The hash alone on standard output, so that a script can both keep and check it.
    tell(&report);
    let summary = github::summary(&report);
    Ok(Product::text(format!("{line}\n"), summary, report).output("hash", line))
}

fn kind(args: &ComposeHashArgs, name: &str) -> Result<Kind> {
    let of_name = || args.file.file_name().and_then(|name| Kind::of_name(&name.to_string_lossy()));
    let kind = args.kind.or_else(of_name).ok_or_else(|| {
        Error::usage(format!("nothing says which hash of {name} is wanted"))
            .help("give --kind dstack for an app-compose.json, --kind release for a docker-compose file")
    })?;
    if kind == Kind::Release && args.attest_response.is_some() {
        return Err(Error::usage("--attest-response needs the dstack kind: a machine measures its app-compose.json")
            .help("give the app-compose.json that was deployed; the docker-compose file is inside it"));
    }
    Ok(kind)
}

fn of_bytes(name: &str, bytes: &[u8]) -> Sha256 {
    tracing::info!("{name}: hashed as dstack, the bytes as they are");
    if !compose_hash::looks_like_app_compose(bytes) {
        tracing::warn!(
            "{name} does not look like a dstack app-compose.json; a docker-compose file needs --kind release"
        );
    }
    compose_hash::of_app_compose(bytes)
}

fn of_meaning(args: &ComposeHashArgs, name: &str, bytes: &[u8], context: &Context) -> Result<Sha256> {
    tracing::info!("{name}: hashed as release, the normalised docker-compose file");
    compose_hash::of_compose_file(bytes).map_err(|e| {
        if context.actions.is_some() {
            point_out(args, name, &e);
        }
        Error::usage(format!("{name} is not a compose file with one reading"))
            .because(e)
            .help("docs/compose-hash.md lists what is read, and how to write what is not")
    })
}

/// Shows in a workflow's view of the file what is wrong, and where.
fn point_out(args: &ComposeHashArgs, name: &str, error: &ComposeError) {
    let Some(location) = error.at.and_then(|at| location(args, Some(at))) else { return };
    let finding = EXPECTED.fail(name, error.problem.to_string()).at(location);
    let section = Section { subject: name.to_owned(), findings: vec![finding], ..Section::default() };
    // Where standard error cannot be written, nothing can be said of it either: the exit code remains.
    drop(github::annotations(&report(vec![EXPECTED], section), &mut std::io::stderr()));
}

/// A place in the file; standard input has none.
fn location(args: &ComposeHashArgs, at: Option<(usize, usize)>) -> Option<Location> {
    let number = |n: usize| u32::try_from(n).ok();
    (args.file.as_os_str() != "-").then(|| Location {
        file: args.file.display().to_string(),
        line: at.and_then(|(line, _)| number(line)),
        column: at.and_then(|(_, column)| number(column)),
        ..Location::default()
    })
}

fn report(rules: Vec<CheckInfo>, section: Section) -> Report {
    Report { command: "compose-hash".into(), rules, sections: vec![section], ..Report::default() }
}

/// What an attest response says: its log read, replayed against its quote, and its compose hash compared.
fn measured(path: &Path, hash: Sha256) -> Result<Vec<Finding>> {
    let bytes = file::read_source(path, MAX_INPUT_BYTES as u64)?;
    let name = file::source_name(path);
    let log = match checks::read(&name, &bytes) {
        Ok(log) => log,
        Err(finding) => return Ok(vec![*finding]),
    };
    let mut findings = vec![EVENT_LOG.pass(&name, log.to_string())];
    match Input::read(&bytes) {
        Ok(input) => findings.extend(checks::replayed(&name, &log, &input.quote.report.registers)),
        Err(InputError::NoQuote) => findings.push(
            REPLAY
                .undecided(&name, "the document holds no quote, so nothing vouches for its event log")
                .help("give the whole answer of /attest, with quoteB64 and eventLog"),
        ),
        Err(error) => {
            findings.push(REPLAY.fail(&name, format!("no quote that can be read: {}", excerpt(&error.to_string()))))
        }
    }
    findings.extend(checks::identity(&name, &log));
    findings.push(checks::compose_hash(&name, &log, hash));
    Ok(findings)
}

/// Says on standard error what failed.
fn tell(report: &Report) {
    let findings = report.sections.iter().flat_map(|s| &s.findings);
    for finding in findings.filter(|f| f.status == Status::Fail) {
        let wanted = finding.expected.as_deref().unwrap_or_default();
        let got = finding.actual.as_deref().unwrap_or_default();
        tracing::error!("{}: {}: expected {wanted}, got {got}", finding.subject, finding.message);
        if let Some(help) = &finding.help {
            tracing::error!("→ {help}");
        }
    }
}
