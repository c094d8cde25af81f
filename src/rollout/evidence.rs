//! Whether a file of evidence is the one that was written, and says what its gate needs: a report of ours, of the right
//! command, about the right subject, that passed.

use serde::Deserialize;

use super::record::Proof;
use crate::{digest::Sha256, text::excerpt};

/// Largest file of evidence, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;

/// What the report of a pass must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The command that made it.
    pub command: &'static str,
    /// What it is about.
    pub subject: String,
    /// The rollout, the attempt and the profile that it was made for: [`MARK`] of its section.
    pub mark: String,
}

/// The fact by which a report says which rollout it was made for.
pub const MARK: &str = "made for";

/// What is read of a report.
#[derive(Debug, Deserialize)]
struct Report {
    tool: Tool,
    command: String,
    verdict: String,
    sections: Vec<Section>,
}

#[derive(Debug, Deserialize)]
struct Tool {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Section {
    subject: String,
    verdict: String,
    facts: Marked,
}

#[derive(Debug, Deserialize)]
struct Marked {
    made_for: Option<String>,
}

/// Judges a file of evidence by what was written down of it.
///
/// # Errors
/// Why it is not to be trusted, as the end of a sentence about the file.
pub fn judge(proof: &Proof, bytes: &[u8], demand: Option<&Demand>) -> Result<(), String> {
    if bytes.len() as u64 != proof.bytes {
        return Err(format!("has {} bytes, and {} were written", bytes.len(), proof.bytes));
    }
    let found = Sha256::of(bytes);
    if found != proof.sha256 {
        return Err(format!("has the digest {found}, and {} was written", proof.sha256));
    }
    demand.map_or(Ok(()), |demand| demand.judge(bytes))
}

impl Demand {
    /// Judges a report.
    ///
    /// # Errors
    /// Why it is not what is demanded, as the end of a sentence about the file.
    pub fn judge(&self, bytes: &[u8]) -> Result<(), String> {
        const PASSED: &str = "passed";
        let report: Report = serde_json::from_slice(bytes)
            .map_err(|e| format!("is not a report of merotee: {}", excerpt(&e.to_string())))?;
        let said = |text: &str| excerpt(text);
        if report.tool.name != env!("CARGO_PKG_NAME") {
            return Err(format!("is a report of `{}`", said(&report.tool.name)));
        }
        if report.command != self.command {
            return Err(format!("is a report of `{}`, and `{}` was expected", said(&report.command), self.command));
        }
        if report.verdict != PASSED {
            return Err(format!("is a report that says `{}`", said(&report.verdict)));
        }
        if let Some(section) = report.sections.iter().find(|section| section.verdict != PASSED) {
            return Err(format!("says `{}` of {}", said(&section.verdict), said(&section.subject)));
        }
        let about = report.sections.iter().find(|section| section.subject == self.subject);
        let about = about.ok_or_else(|| format!("is a report that says nothing of {}", self.subject))?;
        match about.facts.made_for.as_deref() {
            Some(mark) if mark == self.mark => Ok(()),
            Some(mark) => Err(format!("was made for rollout {}, and {} was expected", said(mark), self.mark)),
            None => Err("does not say which rollout it was made for".to_owned()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const MARK: &str = "r, attempt 1, debug";

    fn report(tool: &str, command: &str, verdict: &str, subject: &str) -> Vec<u8> {
        made_for(MARK, tool, command, verdict, subject)
    }

    fn made_for(mark: &str, tool: &str, command: &str, verdict: &str, subject: &str) -> Vec<u8> {
        let section = serde_json::json!({"subject": subject, "verdict": verdict, "facts": {"made_for": mark}});
        let report = serde_json::json!({
            "schema_version": 2, "tool": {"name": tool, "version": "1"}, "command": command, "verdict": verdict,
            "sections": [section],
        });
        serde_json::to_vec(&report).unwrap()
    }

    fn judged(written: &[u8], found: &[u8]) -> Result<(), String> {
        let proof = Proof {
            file: "0002-kms-release.json".to_owned().try_into().unwrap(),
            sha256: Sha256::of(written),
            bytes: written.len() as u64,
        };
        let demand =
            Demand { command: "verify-release-assets", subject: "mero-kms-v1.2.0".to_owned(), mark: MARK.to_owned() };
        judge(&proof, found, Some(&demand))
    }

    #[test]
    fn evidence_is_the_file_that_was_written_and_a_passing_report_about_the_subject() {
        let good = report("merotee", "verify-release-assets", "passed", "mero-kms-v1.2.0");
        assert_eq!(judged(&good, &good), Ok(()));
        let table = [
            (
                report("merotee", "verify-release-assets", "passed", "mero-kms-v1.2.1"),
                "says nothing of mero-kms-v1.2.0",
            ),
            (report("merotee", "verify-release-assets", "failed", "mero-kms-v1.2.0"), "says `failed`"),
            (report("merotee", "policy review", "passed", "mero-kms-v1.2.0"), "a report of `policy review`"),
            (report("another", "verify-release-assets", "passed", "mero-kms-v1.2.0"), "a report of `another`"),
            (b"{}".to_vec(), "is not a report of merotee"),
            (
                made_for("other, attempt 1, debug", "merotee", "verify-release-assets", "passed", "mero-kms-v1.2.0"),
                "was made for rollout other",
            ),
        ];
        for (bytes, why) in table {
            assert!(judged(&bytes, &bytes).unwrap_err().contains(why), "{why}");
            assert!(judged(&good, &bytes).is_err(), "{why}: other bytes");
        }
        let mut changed = good.clone();
        *changed.last_mut().unwrap() = b' ';
        assert!(judged(&good, &changed).unwrap_err().starts_with("has the digest"));
    }
}
