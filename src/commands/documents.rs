//! Documents that several commands read from files, and products that are documents: bytes when every rule is kept,
//! else the report that says why not.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::{
    adapters::file,
    cli::policy::{ProfileFile, TimeArgs},
    error::{Error, Result},
    policy::{
        candidates::{Candidates, Given, newest},
        mrtds::PublishedMrtds,
    },
    probe::artifacts,
    product::Product,
    report::{Finding, Report, Status, Verdict},
    schema::MAX_JSON_BYTES,
};

/// Reads candidates files. What is not such a document becomes a finding.
pub(super) fn candidates(files: &[ProfileFile]) -> Result<(Vec<Given>, Vec<Finding>)> {
    let (mut given, mut unreadable) = (Vec::new(), Vec::new());
    for ProfileFile { profile, file: path } in files {
        match Candidates::parse(&file::source_name(path), &bytes(path)?) {
            Ok(file) => given.push(Given { file, profile: *profile }),
            Err(finding) => unreadable.push(*finding),
        }
    }
    Ok((given, unreadable))
}

/// The candidates that a path means: the file itself, or those in the folder of a probe.
///
/// # Errors
/// Input: the folder has none.
pub(super) fn candidates_file(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let file = path.join(artifacts::CANDIDATES);
    if file.is_file() {
        return Ok(file);
    }
    let report = path.join(artifacts::REPORT);
    Err(if report.is_file() {
        Error::input(format!("the probe in {} wrote no candidates", path.display()))
            .help(format!("see {}: a probe that did not pass proposes nothing", report.display()))
    } else {
        Error::input(format!("{} has no {}", path.display(), artifacts::CANDIDATES))
            .help("give the folder of a probe that passed, or its candidates")
    })
}

/// Reads a `published-mrtds.json`.
pub(super) fn mrtds(path: &Path) -> Result<Result<PublishedMrtds, Finding>> {
    Ok(PublishedMrtds::parse(&file::source_name(path), &bytes(path)?).map_err(|finding| *finding))
}

/// A whole document of at most [`MAX_JSON_BYTES`]; `-` is standard input.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    file::read_source(path, MAX_JSON_BYTES as u64)
}

/// The time a document states: `--generated-at` or `SOURCE_DATE_EPOCH`, else the newest time its inputs state. The
/// clock is never asked, so that the same inputs give the same bytes.
pub(super) fn time<'t>(args: &TimeArgs, inputs: impl Iterator<Item = &'t str>) -> Result<Timestamp> {
    let missing = || {
        Error::usage("no input states a time for the documents")
            .help("give --generated-at or set SOURCE_DATE_EPOCH; the clock would make every run differ")
    };
    let Some(text) = args.generated_at.as_deref() else {
        return newest(inputs).ok_or_else(missing).and_then(whole_seconds);
    };
    let time = match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).map_err(|e| e.to_string()),
        Err(_) => text.parse::<Timestamp>().map_err(|e| e.to_string()),
    };
    let shown: String = text.chars().take(60).collect();
    time.map_err(|e| Error::usage(format!("--generated-at: `{}` is not a time", shown.escape_debug())).because(e))
        .and_then(whole_seconds)
}

/// Fractions of a second say nothing about a document.
fn whole_seconds(time: Timestamp) -> Result<Timestamp> {
    Timestamp::from_second(time.as_second()).map_err(|e| Error::internal("a time cannot be rounded").because(e))
}

/// A document that is delivered, or the reason why it is not.
pub(super) fn product(report: Report, document: impl FnOnce() -> Result<Vec<u8>>) -> Result<Product> {
    if report.verdict() == Verdict::Passed {
        tell_warnings(&report);
        return document().map(Product::bytes);
    }
    Ok(Product::withheld(report))
}

/// Warnings of a report that is not printed, on standard error.
pub(super) fn tell_warnings(report: &Report) {
    use crate::report::escape::terminal;
    for finding in report.sections.iter().flat_map(|s| &s.findings).filter(|f| f.status == Status::Warn) {
        tracing::warn!("{} {}: {}", finding.check, terminal(&finding.subject), terminal(&finding.message));
    }
}

/// Whatever keeps a report that is not printed from being a clean pass, on standard error.
pub(super) fn tell_problems(report: &Report) {
    use crate::report::escape::terminal;
    tell_warnings(report);
    let is_problem = |f: &&Finding| matches!(f.status, Status::Fail | Status::Missing | Status::SkippedRequired);
    for finding in report.sections.iter().flat_map(|s| &s.findings).filter(is_problem) {
        tracing::error!("{} {}: {}", finding.check, terminal(&finding.subject), terminal(&finding.message));
    }
}
