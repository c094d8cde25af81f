//! What a probe leaves in its folder: five files, signed where that was asked for, and the report. Files that propose values
//! are written by a probe that passed alone; the quote and the report of one that failed are kept, to find out why.

use std::path::{Path, PathBuf};

use crate::{
    adapters::{file_set, sigstore::sign::PrivateKey},
    attestation::{
        measurement::{Allowed, Measurement, Registers, TcbStatus},
        quote::{Inspection, input::Input},
    },
    cli::probe::SealArgs,
    commands::{
        quote::inspect,
        sign::seal::{self, Sealed},
    },
    context::Context,
    digest::Sha256,
    error::{self, Error, Result},
    probe::{
        artifacts::{self, From},
        checks::FILES,
        source::Source,
    },
    release::checks::authenticity::SIGNATURE,
    report::{self, Action, Fact, Format, Report, Style, Verdict},
    text::listed,
};

/// What was measured on one machine.
pub(super) struct Measured {
    /// The registers, from the quote's own bytes.
    pub(super) registers: Registers<Measurement>,
    /// What Intel says of its firmware.
    pub(super) tcb: TcbStatus,
    /// What the event log says its compose file hashes to.
    pub(super) compose_hash: Option<Sha256>,
    /// Where all of it is from.
    pub(super) source: Source,
}

/// What a probe hands over.
pub(super) struct Findings<'a> {
    /// The report, whole but for the files.
    pub(super) report: Report,
    /// The quote, where there was one that could be read.
    pub(super) quote: Option<&'a Input>,
    /// What was measured, where everything about the quote passed.
    pub(super) measured: Option<&'a Measured>,
}

/// How the files are signed: found out before anything is made.
pub(super) struct Seal<'a> {
    args: &'a SealArgs,
    /// The key that signs; `None`: a certificate is asked for, or nothing is signed.
    pub(super) key: Option<PrivateKey>,
}

impl<'a> Seal<'a> {
    /// Reads the key, and makes sure that there is an identity where there is none.
    ///
    /// # Errors
    /// Usage: what is to sign cannot.
    pub(super) fn new(args: &'a SealArgs, context: &Context) -> Result<Self> {
        if !args.sign {
            return Ok(Self { args, key: None });
        }
        let key = seal::key(args, context)?;
        if key.is_none() {
            context.signer(&args.signing)?;
        }
        Ok(Self { args, key })
    }
}

/// Writes and signs the files, and completes the report. That they could not be written is a finding: the report says what was
/// made, and what may be left of it.
pub(super) async fn deliver(found: Findings<'_>, out: &Path, seal: &Seal<'_>, context: &Context) -> Report {
    let Findings { mut report, quote, measured } = found;
    let written = files(&report, quote, measured, context).and_then(|files| {
        write(out, &files, &mut report)?;
        Ok(files)
    });
    match written {
        Ok(files) if seal.args.sign && report.verdict() == Verdict::Passed => {
            sign(out, &files, seal, context, &mut report).await;
        }
        Ok(_) => {}
        Err(error) => {
            let finding = FILES.undecided(out.display().to_string(), error::chain(&error));
            let advice = error.advice().unwrap_or("probe again, into a folder that can be written").to_owned();
            if let Some(section) = report.sections.first_mut() {
                section.findings.push(finding.help(advice));
            }
        }
    }
    report
}

/// The files of a probe, as bytes.
fn files(
    report: &Report,
    quote: Option<&Input>,
    measured: Option<&Measured>,
    context: &Context,
) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    if let Some(measured) = measured {
        files.extend(proposed(measured, context)?);
    }
    if let Some(input) = quote {
        files.push((artifacts::QUOTE.to_owned(), input.quote.as_bytes().to_vec()));
        // As it is read back from the file beside it, and not from the answer that it came in.
        let alone =
            Input::read(input.quote.as_bytes()).map_err(|e| Error::internal("the quote cannot be read").because(e))?;
        let inspection = Inspection::of(&alone).map_err(|e| Error::internal("the quote cannot be shown").because(e))?;
        files.push((artifacts::QUOTE_JSON.to_owned(), inspect::json(&inspection)?.into_bytes()));
    }
    files.push((artifacts::REPORT.to_owned(), markdown(report)?));
    Ok(files)
}

/// Writes files, and says so.
///
/// # Errors
/// Input: one cannot be written.
pub(super) fn write(out: &Path, files: &[(String, Vec<u8>)], report: &mut Report) -> Result<()> {
    file_set::write_all(out, files)?;
    if let Some(section) = report.sections.first_mut() {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        section.facts.push(Fact::named("written to", out.display().to_string()));
        section.actions.push(Action::done("write", listed(&names)));
    }
    Ok(())
}

/// Signs files. That they could not be signed is a finding: the probe itself is done.
pub(super) async fn sign(
    out: &Path,
    files: &[(String, Vec<u8>)],
    seal: &Seal<'_>,
    context: &Context,
    report: &mut Report,
) {
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| out.join(name)).collect();
    let sealed = seal::seal(&paths, seal.key.as_ref(), seal.args, context).await;
    let sealed = sealed.unwrap_or_else(|error| {
        let finding = SIGNATURE.undecided(out.display().to_string(), error::chain(&error));
        let advice = error.advice().unwrap_or("sign the files with `merotee sign`, or probe again").to_owned();
        Sealed { findings: vec![finding.help(advice)], ..Sealed::default() }
    });
    // The root that the release was verified by is named already, and is most often the same.
    let new: Vec<String> = sealed.caveats.into_iter().filter(|caveat| !report.caveats.contains(caveat)).collect();
    report.caveats.extend(new);
    if let Some(section) = report.sections.first_mut() {
        section.findings.extend(sealed.findings);
        section.actions.extend(sealed.actions);
        section.facts.extend(sealed.facts);
    }
}

fn proposed(measured: &Measured, context: &Context) -> Result<[(String, Vec<u8>); 2]> {
    let Measured { registers, tcb, compose_hash, source } = measured;
    let allowed = Allowed::new(Registers::from_fn(|register| vec![*registers.get(register)]), vec![*tcb]);
    let hashes: Vec<Sha256> = compose_hash.iter().copied().collect();
    let time = jiff::Timestamp::from_second(context.now().as_second()).unwrap_or_default().to_string();
    let candidates = artifacts::candidates(From::One(source), &time, &allowed, &hashes)
        .map_err(|e| Error::internal("the candidates cannot be written as JSON").because(e))?;
    Ok([
        (artifacts::CANDIDATES.to_owned(), candidates),
        (artifacts::COMPOSE_HASH.to_owned(), artifacts::compose_hash(*compose_hash)),
    ])
}

/// A report as the file that goes with the others.
///
/// # Errors
/// Internal: it cannot be rendered.
pub(super) fn markdown(report: &Report) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let style = Style { color: false, width: usize::MAX, every_pass: true };
    report::render(Format::Markdown, report, &style, &mut bytes)
        .map_err(|e| Error::internal("cannot render the report").because(e))?;
    Ok(bytes)
}
