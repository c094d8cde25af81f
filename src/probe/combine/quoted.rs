//! Candidates against the quote that lies beside them: whether they state what it measured.

use crate::{
    attestation::{measurement::Register, quote::Quote},
    digest::Sha256,
    policy::candidates::Given,
    probe::{artifacts::QUOTE, checks::SOURCE, source::Source},
    report::Finding,
    text::excerpt_within,
};

/// Characters that are shown of what candidates state: a register, whole.
const SHOWN: usize = 96;
/// What to do about candidates that state something else.
const ADVICE: &str = "one of the two files was changed after the probe: do not use them, probe again";

/// [`SOURCE`]: digest, nonce and registers are those of the quote in `bytes`, which is not judged again here. A pass, or a
/// failure for each that differs.
pub fn quoted(given: &Given, source: &Source, bytes: &[u8]) -> Vec<Finding> {
    let name = &given.file.name;
    let quote = match Quote::parse(bytes) {
        Ok(quote) => quote,
        Err(error) => {
            return vec![SOURCE.fail(name, format!("{QUOTE} beside it cannot be read: {error}")).help(ADVICE)];
        }
    };
    let mut findings = Vec::new();
    let mut differs = |what: &str, expected: String, actual: String| {
        if expected != actual {
            let message = format!("{what} does not match {QUOTE}");
            findings.push(
                SOURCE
                    .fail(name, message)
                    .compared(expected, excerpt_within(format_args!("{actual}"), SHOWN))
                    .help(ADVICE),
            );
        }
    };
    let nonce = quote.report.report_data.first_chunk::<32>().map(hex::encode).unwrap_or_default();
    differs("source.quote_sha256", Sha256::of(quote.as_bytes()).to_string(), source.quote_sha256.clone());
    differs("source.nonce", nonce, source.nonce.clone());
    for register in Register::ALL {
        let measured = quote.report.registers.get(register);
        for entry in &given.file.entries {
            let stated: Vec<String> = entry.allowed.register(register).iter().map(ToString::to_string).collect();
            differs(&register.to_string(), measured.to_string(), stated.join(", "));
        }
    }
    if findings.is_empty() {
        findings.push(SOURCE.pass(name, format!("nonce and registers are those of {QUOTE}")));
    }
    findings
}
