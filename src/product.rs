//! Where a command's product goes: standard output or `--output`, and in a workflow step also annotations, the step
//! summary and outputs.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::Path,
};

use crate::{
    adapters::file,
    cli::{Actions, Environment, OutputArgs},
    error::{self, Error, Result},
    exit::Exit,
    report::{self, Report},
};

/// What a command makes.
#[derive(Debug)]
pub(crate) enum Product {
    /// A judgement; the exit code follows from it.
    Report(Report),
    /// Bytes to be printed as they are.
    Bytes(Vec<u8>),
    /// A text with a form of its own. The report says what it amounts to: the exit code follows from it, and a workflow is
    /// told of it, with `summary` for its page.
    Text {
        /// The text in the format asked for.
        bytes: Vec<u8>,
        /// What it amounts to.
        report: Report,
        /// The text as Markdown.
        summary: String,
    },
    /// Everything has been said already: the sandbox delivers what the command inside it made.
    Done(Exit),
}

/// Delivers a product and says how the process ends.
///
/// # Errors
/// When it cannot be written. A reader that closes the pipe early is not an error: the verdict stands.
pub(crate) fn deliver(product: Product, output: &OutputArgs, environment: &Environment) -> Result<Exit> {
    match product {
        Product::Done(exit) => Ok(exit),
        Product::Bytes(bytes) => {
            write(&bytes, output.output.as_deref())?;
            Ok(Exit::Success)
        }
        Product::Text { bytes, report, summary } => {
            let told = [write(&bytes, output.output.as_deref()), announce(&report, || summary, environment)];
            concluded(&report, told)
        }
        Product::Report(report) => {
            let summary = || report::github::summary(&report);
            concluded(&report, [tell(&report, output, environment), announce(&report, summary, environment)])
        }
    }
}

/// The exit code of a report, once it was told.
fn concluded(report: &Report, told: [Result<()>; 2]) -> Result<Exit> {
    let verdict = Exit::from(report.verdict());
    match told.into_iter().find_map(Result::err) {
        None => Ok(verdict),
        // A verdict that could not be written is still the verdict; only a pass must not stand unseen.
        Some(error) if verdict == Exit::Success => Err(error),
        Some(error) => {
            tracing::error!("{}", error::chain(&error));
            Ok(verdict)
        }
    }
}

/// Finds out before the work that its product could not be written, and leaves no trace of that.
///
/// # Errors
/// As the write itself would fail.
pub(crate) fn refuse_unwritable(output: &OutputArgs) -> Result<()> {
    output.output.as_deref().map_or(Ok(()), file::refuse_unwritable)
}

fn tell(report: &Report, output: &OutputArgs, environment: &Environment) -> Result<()> {
    trace(report);
    let style = report::Style {
        color: environment.color && output.output.is_none(),
        width: environment.width,
        every_pass: output.verbose > 0,
    };
    let mut bytes = Vec::new();
    report::render(output.format, report, &style, &mut bytes)
        .map_err(|e| Error::internal("cannot render the report").because(e))?;
    write(&bytes, output.output.as_deref())
}

/// Every check that was made, on standard error, for a person who asks for every step.
fn trace(report: &Report) {
    for section in &report.sections {
        for findings in section.findings.chunk_by(|a, b| a.check == b.check) {
            let (Some(first), all) = (findings.first(), findings.len()) else { continue };
            let passed = findings.iter().filter(|finding| finding.status == report::Status::Pass).count();
            tracing::trace!("{}: {} looked at {all}, {passed} passed", section.subject, first.check);
        }
    }
}

/// Prints bytes now, for a command that goes on afterwards and is of no use to anybody who has not read them.
///
/// # Errors
/// When they cannot be written, also when the reader has closed the pipe.
#[cfg(feature = "sandbox")]
pub(crate) fn print(bytes: &[u8], output: &OutputArgs) -> Result<()> {
    match output.output.as_deref() {
        Some(path) => file::write_atomic(path, bytes),
        None => to_stdout(bytes).map_err(cannot_print),
    }
}

fn write(bytes: &[u8], path: Option<&Path>) -> Result<()> {
    match path {
        Some(path) => file::write_atomic(path, bytes),
        None => match to_stdout(bytes) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(cannot_print),
        },
    }
}

fn to_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn cannot_print(error: io::Error) -> Error {
    Error::input("cannot write to standard output").because(error)
}

/// Tells the workflow run what a report says, with the page that `summary` makes of it. Annotations go to standard error,
/// which the runner reads as well, so that standard output holds the product alone.
fn announce(report: &Report, summary: impl FnOnce() -> String, environment: &Environment) -> Result<()> {
    let Some(actions) = &environment.actions else { return Ok(()) };
    let mut annotations = Vec::new();
    let failed = |what: &'static str| move |e: io::Error| Error::input(format!("cannot write {what}")).because(e);
    report::github::annotations(report, &mut annotations).map_err(failed("annotations"))?;
    io::stderr().write_all(&annotations).map_err(failed("annotations"))?;
    record(actions, &summary(), &report::github::outputs(report))
}

/// Tells the workflow run that there is no verdict, and why. What cannot be written is said on standard error: the exit
/// code remains.
pub(crate) fn announce_failure(words: &str, advice: Option<&str>, environment: &Environment) {
    let Some(actions) = &environment.actions else { return };
    // Where standard error cannot be written, nothing can be said of it either.
    drop(report::github::error(words, advice, &mut io::stderr()));
    let summary = report::github::failure_summary(words, advice);
    if let Err(error) = record(actions, &summary, &[report::github::no_verdict()]) {
        tracing::error!("{}", error::chain(&error));
    }
}

/// Appends to the step's summary and to its outputs.
fn record(actions: &Actions, summary: &str, outputs: &[(&str, String)]) -> Result<()> {
    let failed = |what: &'static str| move |e: io::Error| Error::input(format!("cannot write {what}")).because(e);
    if let Some(path) = &actions.output {
        let mut lines = Vec::new();
        for (name, value) in outputs {
            let delimiter = format!("merotee-{}", hex::encode(random_bytes()?));
            report::github::write_output(name, value, &delimiter, &mut lines).map_err(failed("the step's outputs"))?;
        }
        append(path, &lines).map_err(failed("the step's outputs"))?;
    }
    match &actions.summary {
        Some(path) => append(path, summary.as_bytes()).map_err(failed("the step summary")),
        None => Ok(()),
    }
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(bytes)
}

/// Tells the workflow run a value of the command's own, on one line: an output of the step.
///
/// # Errors
/// When the file of the step's outputs cannot be written.
pub(crate) fn tell_step(name: &str, value: &str, environment: &Environment) -> Result<()> {
    let Some(path) = environment.actions.as_ref().and_then(|actions| actions.output.as_deref()) else { return Ok(()) };
    let mut line = Vec::new();
    // No delimiter: a value of several lines is refused.
    report::github::write_output(name, value, "", &mut line)
        .and_then(|()| append(path, &line))
        .map_err(|e| Error::input("cannot write the step's outputs").because(e))
}

/// A delimiter that cannot be guessed cannot be forged by a value.
fn random_bytes() -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(bytes)
}
