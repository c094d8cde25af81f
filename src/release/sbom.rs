//! Software bills of materials: SPDX 2.3 in JSON that lists something, and means what it says.
//!
//! The shape is the business of the JSON schema. Here is what the specification demands beyond it, as `spdx-tools`, the
//! SPDX project's own validator, tells it: `references` resolve, the document describes `content`, `values` fit their
//! kinds, and `licences` are expressions. `docs/sbom.md` names each rule and each difference from `spdx-tools`.
//!
//! What the packages are, and whether they have flaws, is for other tools.

mod content;
mod licences;
mod references;
mod values;

use std::collections::BTreeSet;

use serde_json::Value;

use super::contract::Purls;
use crate::{
    report::{CheckInfo, Finding, Status},
    schema::{
        Document,
        excerpt::{MAX_PROBLEMS, excerpt},
        parse_json_within, unreadable, validate,
    },
    text::counted,
};

/// The SBOM is valid and complete in itself.
pub const SBOM: CheckInfo =
    CheckInfo { id: "sbom", title: "each SBOM is valid SPDX 2.3, lists packages and refers to nothing absent" };

/// Largest SBOM read, in bytes. A container image with 100,000 files takes about 60 MB.
pub const MAX_SBOM_BYTES: usize = 64 << 20;

/// Name of the element that is the document itself (SPDX 2.3, clause 6.3).
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// The kinds of element that lists of a document hold.
const ELEMENTS: [&str; 3] = ["packages", "files", "snippets"];

/// [`SBOM`]: one pass, or a finding per problem, at most about twenty, and the warnings. `subject` is the asset's name;
/// `purls` says how hard it is held that packages are named by package URLs.
pub fn sbom(subject: &str, bytes: &[u8], purls: Purls) -> Vec<Finding> {
    let document = match parse_json_within(bytes, MAX_SBOM_BYTES) {
        Ok(document) => document,
        Err(error) => return vec![Finding { check: SBOM.id, ..unreadable(subject, &error) }],
    };
    let mut problems = Problems { subject, failed: Vec::new(), more: 0, warned: Vec::new() };
    for error in validate(Document::SpdxSbom, &document) {
        problems.fail(|| error.to_string(), None);
    }
    content::check(&document, purls, &mut problems);
    references::check(&document, &mut problems);
    values::check(&document, &mut problems);
    licences::check(&document, &mut problems);
    let (packages, relationships) = (list(&document, "packages").len(), list(&document, "relationships").len());
    let named = content::with_purl(&document).count();
    problems.finish(format!(
        "SPDX 2.3: {} ({named} with a purl), {}, all resolved",
        counted(packages, "package", "packages"),
        counted(relationships, "relationship", "relationships")
    ))
}

/// The first problems in full and the number of the others: a hostile SBOM could have millions.
struct Problems<'s> {
    subject: &'s str,
    failed: Vec<Finding>,
    more: usize,
    warned: Vec<Finding>,
}

impl Problems<'_> {
    /// Notes what makes the SBOM invalid. The message is built only where it is told.
    fn fail(&mut self, message: impl FnOnce() -> String, compared: Option<(&str, &str)>) {
        if self.failed.len() >= MAX_PROBLEMS {
            self.more += 1;
            return;
        }
        let finding = Finding::new(SBOM.id, Status::Fail, self.subject, message())
            .help("generate the SBOM again from the released artifact; do not edit it by hand");
        self.failed.push(match compared {
            Some((expected, actual)) => finding.compared(expected, excerpt(actual)),
            None => finding,
        });
    }

    /// Notes what a person should look at. One warning a kind: the callers collect.
    fn warn(&mut self, message: String, compared: Option<(&str, String)>) {
        let finding = Finding::new(SBOM.id, Status::Warn, self.subject, message);
        self.warned.push(match compared {
            Some((expected, actual)) => finding.compared(expected, actual),
            None => finding,
        });
    }

    fn finish(mut self, pass: String) -> Vec<Finding> {
        if self.failed.is_empty() {
            self.failed.push(Finding::new(SBOM.id, Status::Pass, self.subject, pass));
        } else if self.more > 0 {
            let message = format!("and {} more like these", self.more);
            self.failed.push(Finding::new(SBOM.id, Status::Fail, self.subject, message));
        }
        self.failed.extend(self.warned);
        self.failed
    }
}

/// Things of one kind that are warned about together: the first few, and how many there are.
#[derive(Default)]
struct Odd {
    first: BTreeSet<String>,
    count: usize,
}

impl Odd {
    const SHOWN: usize = 3;

    fn push(&mut self, what: &str) {
        self.count += 1;
        if self.first.len() < Self::SHOWN {
            self.first.insert(excerpt(what));
        }
    }

    /// Warns where there is any.
    fn warn(self, problems: &mut Problems<'_>, message: &str, expected: &str) {
        if self.count > 0 {
            let shown = self.first.into_iter().collect::<Vec<_>>().join(", ");
            let message = match self.count {
                1 => message.to_owned(),
                count => format!("{message} ({count} places)"),
            };
            problems.warn(message, Some((expected, shown)));
        }
    }
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Every element that is listed, with its kind and its place in the list.
fn elements(document: &Value) -> impl Iterator<Item = (&'static str, usize, &Value)> {
    ELEMENTS.into_iter().flat_map(move |kind| list(document, kind).iter().enumerate().map(move |(at, e)| (kind, at, e)))
}

#[cfg(test)]
mod tests;
