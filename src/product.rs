//! Where a command's product goes: standard output or `--output`, and in a workflow step also annotations, the step
//! summary and outputs.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::Path,
};

use crate::{
    adapters::file,
    cli::{Environment, OutputArgs},
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
/// When it cannot be written. A reader that closes the pipe early is no error: the verdict stands.
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
        // A verdict that nobody could be told is still the verdict; only a pass must not stand unseen.
        Some(error) if verdict == Exit::Success => Err(error),
        Some(error) => {
            tracing::error!("{}", error::chain(&error));
            Ok(verdict)
        }
    }
}

fn tell(report: &Report, output: &OutputArgs, environment: &Environment) -> Result<()> {
    let style = report::Style { color: environment.color && output.output.is_none(), width: environment.width };
    let mut bytes = Vec::new();
    report::render(output.format, report, &style, &mut bytes)
        .map_err(|e| Error::internal("cannot render the report").because(e))?;
    write(&bytes, output.output.as_deref())
}

/// Prints bytes now, for a command that goes on afterwards and is of no use to anybody who has not read them.
///
/// # Errors
/// When they cannot be written, also when the reader has closed the pipe.
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

/// Tells the workflow run. Annotations go to standard error, which the runner reads as well, so that standard output
/// holds the product alone.
fn announce(report: &Report, summary: impl FnOnce() -> String, environment: &Environment) -> Result<()> {
    let Some(actions) = &environment.actions else { return Ok(()) };
    let mut annotations = Vec::new();
    let failed = |what: &'static str| move |e: io::Error| Error::input(format!("cannot write {what}")).because(e);
    report::github::annotations(report, &mut annotations).map_err(failed("annotations"))?;
    io::stderr().write_all(&annotations).map_err(failed("annotations"))?;
    if let Some(path) = &actions.summary {
        append(path, summary().as_bytes()).map_err(failed("the step summary"))?;
    }
    if let Some(path) = &actions.output {
        let mut outputs = Vec::new();
        for (name, value) in report::github::outputs(report) {
            let delimiter = format!("merotee-{}", hex::encode(random_bytes()?));
            report::github::write_output(name, &value, &delimiter, &mut outputs)
                .map_err(failed("the step's outputs"))?;
        }
        append(path, &outputs).map_err(failed("the step's outputs"))?;
    }
    Ok(())
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(bytes)
}

/// A delimiter nobody can guess cannot be forged by a value.
fn random_bytes() -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(bytes)
}
