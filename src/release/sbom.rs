//! Software bills of materials: a valid SPDX 2.3 document in JSON that describes something and refers to nothing absent.
//!
//! What the packages are, and whether they have flaws, is for other tools.

use std::{collections::HashSet, fmt};

use serde_json::Value;

use crate::{
    report::{CheckInfo, Finding, Status},
    schema::{
        Document,
        excerpt::{MAX_PROBLEMS, excerpt},
        parse_json_within, unreadable, validate,
    },
};

/// The SBOM is valid and complete in itself.
pub const SBOM: CheckInfo =
    CheckInfo { id: "sbom", title: "each SBOM is valid SPDX 2.3, describes something and refers to nothing absent" };

/// Largest SBOM read, in bytes. A container image with 100,000 files takes about 60 MB.
pub const MAX_SBOM_BYTES: usize = 64 << 20;

/// Name of the element that is the document itself (SPDX 2.3, clause 6.3).
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// [`SBOM`]: one pass, or a finding per problem, at most about twenty. `subject` is the asset's name.
pub fn sbom(subject: &str, bytes: &[u8]) -> Vec<Finding> {
    let document = match parse_json_within(bytes, MAX_SBOM_BYTES) {
        Ok(document) => document,
        Err(error) => return vec![Finding { check: SBOM.id, ..unreadable(subject, &error) }],
    };
    let mut problems = Problems { subject, kept: Vec::new(), more: 0 };
    for error in validate(Document::SpdxSbom, &document) {
        problems.push(|| error.to_string(), None);
    }
    let packages = list(&document, "packages").len();
    if packages == 0 {
        problems.push(|| "no package is described".to_owned(), Some(("at least one package", "none")));
    }
    let ids = element_ids(&document, &mut problems);
    unresolved(&document, &ids, &mut problems);
    let relationships = list(&document, "relationships").len();
    problems.finish(format!("SPDX 2.3: {packages} packages, {relationships} relationships, all resolved"))
}

/// The first problems in full and the number of the others: a hostile SBOM could have millions.
struct Problems<'s> {
    subject: &'s str,
    kept: Vec<Finding>,
    more: usize,
}

impl Problems<'_> {
    fn push(&mut self, message: impl FnOnce() -> String, compared: Option<(&str, &str)>) {
        if self.kept.len() >= MAX_PROBLEMS {
            self.more += 1;
            return;
        }
        let finding = Finding::new(SBOM.id, Status::Fail, self.subject, message())
            .help("generate the SBOM again from the released artifact; do not edit it by hand");
        self.kept.push(match compared {
            Some((expected, actual)) => finding.compared(expected, excerpt(actual)),
            None => finding,
        });
    }

    fn finish(mut self, pass: String) -> Vec<Finding> {
        if self.kept.is_empty() {
            return vec![Finding::new(SBOM.id, Status::Pass, self.subject, pass)];
        }
        if self.more > 0 {
            let message = format!("and {} more like these", self.more);
            self.kept.push(Finding::new(SBOM.id, Status::Fail, self.subject, message));
        }
        self.kept
    }
}

fn list<'v>(document: &'v Value, key: &str) -> &'v [Value] {
    document.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Every element's name. A name two elements share makes each reference to it ambiguous.
fn element_ids<'v>(document: &'v Value, problems: &mut Problems<'_>) -> HashSet<&'v str> {
    let mut ids = HashSet::from([DOCUMENT]);
    for kind in ["packages", "files", "snippets"] {
        for (index, element) in list(document, kind).iter().enumerate() {
            let id = text(element, "SPDXID");
            // A missing one is the schema's business.
            if !id.is_empty() && !ids.insert(id) {
                let message = || format!("{kind}[{index}] has a name that another element has");
                problems.push(message, Some(("every SPDXID once", id)));
            }
        }
    }
    ids
}

/// Notes every reference to an element that does not exist.
fn unresolved(document: &Value, ids: &HashSet<&str>, problems: &mut Problems<'_>) {
    let external: HashSet<_> =
        list(document, "externalDocumentRefs").iter().map(|r| text(r, "externalDocumentId")).collect();
    // `DocumentRef-x:SPDXRef-y` is an element of another document, which must be declared.
    let resolves = |id: &str| {
        ids.contains(id)
            || id.split_once(':').is_some_and(|(document, element)| {
                external.contains(document) && document.starts_with("DocumentRef-") && element.starts_with("SPDXRef-")
            })
    };
    let mut check = |place: fmt::Arguments<'_>, id: &str| {
        if !id.is_empty() && !resolves(id) {
            let message = || format!("{place} refers to an element that does not exist");
            problems.push(message, Some(("an SPDXID of this document", id)));
        }
    };
    for (index, relationship) in list(document, "relationships").iter().enumerate() {
        check(format_args!("relationships[{index}].spdxElementId"), text(relationship, "spdxElementId"));
        let related = text(relationship, "relatedSpdxElement");
        // Clause 11.1: the other end may be known to be nothing, or be unknown.
        if !matches!(related, "NONE" | "NOASSERTION") {
            check(format_args!("relationships[{index}].relatedSpdxElement"), related);
        }
    }
    for (index, id) in list(document, "documentDescribes").iter().enumerate() {
        check(format_args!("documentDescribes[{index}]"), id.as_str().unwrap_or_default());
    }
    for (index, package) in list(document, "packages").iter().enumerate() {
        for id in list(package, "hasFiles") {
            check(format_args!("packages[{index}].hasFiles"), id.as_str().unwrap_or_default());
        }
    }
    for (index, snippet) in list(document, "snippets").iter().enumerate() {
        check(format_args!("snippets[{index}].snippetFromFile"), text(snippet, "snippetFromFile"));
    }
}

#[cfg(test)]
#[path = "sbom_tests.rs"]
mod tests;
