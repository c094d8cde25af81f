//! What a command makes, and where it goes: standard output or `--output`, and in a workflow step also annotations, the
//! step summary and outputs. No command writes any of it by itself.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::Path,
    pin::Pin,
};

use crate::{
    adapters::file,
    cli::Actions,
    context::{Context, Output},
    error::{self, Error, Result},
    exit::Exit,
    report::{self, Report},
};

/// What a command makes.
#[derive(Default)]
pub(crate) struct Product {
    /// What is delivered.
    pub(crate) document: Document,
    /// What it amounts to: the exit code follows from it, and a workflow is told of it.
    pub(crate) report: Option<Report>,
    /// Values of the command's own for the outputs of a workflow's step, each on one line.
    pub(crate) outputs: Vec<(&'static str, String)>,
    /// Whether a signal ended the work early, and it was put in order: the process says so in the end.
    pub(crate) interrupted: bool,
    /// What is to be done once the document was read by somebody, until it ends by itself or is told to.
    pub(crate) afterwards: Option<Afterwards>,
}

/// Work that goes on after the delivery.
pub(crate) type Afterwards = Pin<Box<dyn Future<Output = ()>>>;

/// What is delivered.
#[derive(Debug, Default)]
pub(crate) enum Document {
    /// Nothing: all was done when the product was made.
    #[default]
    None,
    /// The report, rendered in the format asked for.
    Report,
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// A text of its own form, in the format asked for.
    Text {
        /// The text.
        bytes: Vec<u8>,
        /// The same as Markdown, for the page of a workflow's run.
        summary: String,
    },
    /// The document that was asked for is not made, and the report says why not: it goes to standard output, since
    /// `--output` names a file for the document.
    Withheld,
}

impl Product {
    /// A judgement.
    pub(crate) fn report(report: Report) -> Self {
        Self { document: Document::Report, report: Some(report), ..Self::default() }
    }

    /// A judgement that says why there is no document.
    pub(crate) fn withheld(report: Report) -> Self {
        Self { document: Document::Withheld, report: Some(report), ..Self::default() }
    }

    /// Bytes to be delivered as they are.
    pub(crate) fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { document: Document::Bytes(bytes.into()), ..Self::default() }
    }

    /// A text in the format asked for, and what it amounts to.
    pub(crate) fn text(bytes: impl Into<Vec<u8>>, summary: String, report: Report) -> Self {
        Self { document: Document::Text { bytes: bytes.into(), summary }, report: Some(report), ..Self::default() }
    }

    /// Tells a workflow's step one more value, on one line.
    #[must_use]
    pub(crate) fn output(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.outputs.push((name, value.into()));
        self
    }

    /// What is to be done after the delivery.
    #[cfg(feature = "sandbox")]
    #[must_use]
    pub(crate) fn then(mut self, work: impl Future<Output = ()> + 'static) -> Self {
        self.afterwards = Some(Box::pin(work));
        self
    }

    /// How the process ends.
    pub(crate) fn ending(&self) -> Exit {
        if self.interrupted {
            return Exit::Interrupted;
        }
        self.report.as_ref().map_or(Exit::Success, |report| Exit::from(report.verdict()))
    }
}

/// Delivers a product and says how the process ends.
///
/// # Errors
/// When it cannot be written. A reader that closes the pipe early is not an error: the verdict stands. It is one where work
/// goes on afterwards, which is useless while the document is unread.
pub(crate) async fn deliver(mut product: Product, context: &Context) -> Result<Exit> {
    // A report that says how long it took is of a moment; the others must be the same every time.
    if let Some(report) = product.report.as_mut().filter(|report| report.elapsed.is_some()) {
        // To the second: a finer time says no more.
        let now = jiff::Timestamp::from_second(context.now().as_second()).unwrap_or_default();
        report.made_at = report.made_at.or(Some(now));
    }
    let verdict = product.ending();
    // A verdict that could not be told is still the verdict; only a pass must not stand unseen, nor be told to later steps.
    let told = match write_document(&product, &context.output) {
        Err(error) if verdict == Exit::Success => Err(error),
        written => announce(&product, context.actions.as_ref()).and(written),
    };
    let exit = match told {
        Ok(()) => Ok(verdict),
        Err(error) if verdict == Exit::Success => Err(error),
        Err(error) => {
            tracing::error!("{}", error::chain(&error));
            Ok(verdict)
        }
    }?;
    if let Some(afterwards) = product.afterwards {
        afterwards.await;
    }
    Ok(exit)
}

/// Finds out before the work that its product could not be written, and leaves no trace of that.
///
/// # Errors
/// As the write itself would fail.
pub(crate) fn refuse_unwritable(output: &Output) -> Result<()> {
    output.path.as_deref().map_or(Ok(()), file::refuse_unwritable)
}

fn write_document(product: &Product, output: &Output) -> Result<()> {
    let path = output.path.as_deref();
    match (&product.document, &product.report) {
        (Document::None, _) => Ok(()),
        (Document::Bytes(bytes) | Document::Text { bytes, .. }, _) if product.afterwards.is_none() => {
            write(bytes, path)
        }
        (Document::Bytes(bytes) | Document::Text { bytes, .. }, _) => match path {
            Some(path) => file::write_atomic(path, bytes),
            None => to_stdout(bytes).map_err(cannot_print),
        },
        (Document::Report, Some(report)) => write(&rendered(report, output, path)?, path),
        (Document::Withheld, Some(report)) => write(&rendered(report, output, None)?, None),
        (Document::Report | Document::Withheld, None) => Err(Error::internal("a report was promised and not made")),
    }
}

fn rendered(report: &Report, output: &Output, path: Option<&Path>) -> Result<Vec<u8>> {
    trace(report);
    let style =
        report::Style { color: output.color && path.is_none(), width: output.width, every_pass: output.every_pass };
    let mut bytes = Vec::new();
    report::render(output.format, report, &style, &mut bytes)
        .map_err(|e| Error::internal("cannot render the report").because(e))?;
    Ok(bytes)
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

fn write(bytes: &[u8], path: Option<&Path>) -> Result<()> {
    match path {
        Some(path) => file::write_atomic(path, bytes),
        None => printed(to_stdout(bytes)),
    }
}

/// What came of writing to standard output. Nothing is lost with a reader who has gone.
pub(crate) fn printed(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(cannot_print),
    }
}

/// Writes to standard output, and holds nothing back.
pub(crate) fn to_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn cannot_print(error: io::Error) -> Error {
    Error::input("cannot write to standard output").because(error)
}

/// Tells the workflow run what a report says, and its step what the command has to say in addition. Annotations go to standard
/// error, which the runner reads as well, so that standard output holds the product alone.
fn announce(product: &Product, actions: Option<&Actions>) -> Result<()> {
    let Some(actions) = actions else { return Ok(()) };
    let mut outputs = product.outputs.clone();
    let mut summary = None;
    if let Some(report) = &product.report {
        let mut annotations = Vec::new();
        report::github::annotations(report, &mut annotations).map_err(unannotated)?;
        io::stderr().write_all(&annotations).map_err(unannotated)?;
        outputs.extend(report::github::outputs(report));
        summary = Some(match &product.document {
            Document::Text { summary, .. } => summary.clone(),
            Document::None | Document::Report | Document::Bytes(_) | Document::Withheld => {
                report::github::summary(report)
            }
        });
    }
    record(actions, summary.as_deref(), &outputs)
}

fn unannotated(error: io::Error) -> Error {
    Error::input("cannot write annotations").because(error)
}

/// Tells the workflow run that there is no verdict, and why. What cannot be written is said on standard error: the exit
/// code remains.
pub(crate) fn announce_failure(words: &str, advice: Option<&str>, actions: Option<&Actions>) {
    let Some(actions) = actions else { return };
    // Where standard error cannot be written, nothing can be said of it either.
    drop(report::github::error(words, advice, &mut io::stderr()));
    let summary = report::github::failure_summary(words, advice);
    if let Err(error) = record(actions, Some(&summary), &[report::github::no_verdict()]) {
        tracing::error!("{}", error::chain(&error));
    }
}

/// Appends to the step's summary and to its outputs.
fn record(actions: &Actions, summary: Option<&str>, outputs: &[(&str, String)]) -> Result<()> {
    let failed = |what: &'static str| move |e: io::Error| Error::input(format!("cannot write {what}")).because(e);
    if let Some(path) = &actions.output
        && !outputs.is_empty()
    {
        let mut lines = Vec::new();
        for (name, value) in outputs {
            let delimiter = format!("merotee-{}", hex::encode(random_bytes()?));
            report::github::write_output(name, value, &delimiter, &mut lines).map_err(failed("the step's outputs"))?;
        }
        append(path, &lines).map_err(failed("the step's outputs"))?;
    }
    match (&actions.summary, summary) {
        (Some(path), Some(summary)) => append(path, summary.as_bytes()).map_err(failed("the step summary")),
        (Some(_), None) | (None, _) => Ok(()),
    }
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(bytes)
}

/// What cannot be guessed: a delimiter made of it cannot be forged by a value, and no two runs have the same.
pub(crate) fn random_bytes() -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(bytes)
}
