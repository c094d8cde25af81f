//! Whether every element has a name of its own, and everything referred to is there.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use serde_json::Value;

use super::{DOCUMENT, Problems, elements, list, text};

/// Names of this document's elements with the list each is in, and of the documents it refers to.
struct Names<'d> {
    elements: HashMap<&'d str, &'static str>,
    documents: HashSet<&'d str>,
}

pub(super) fn check(document: &Value, problems: &mut Problems<'_>) {
    let names = Names::of(document, problems);
    names.unresolved(document, problems);
    names.files(document, problems);
}

impl<'d> Names<'d> {
    /// Collects the names. One that two elements share makes each reference to it ambiguous.
    fn of(document: &'d Value, problems: &mut Problems<'_>) -> Self {
        let mut names = Self { elements: HashMap::from([(DOCUMENT, "document")]), documents: HashSet::new() };
        for (kind, index, element) in elements(document) {
            let id = text(element, "SPDXID");
            // A missing one is the schema's business.
            if !id.is_empty() && names.elements.insert(id, kind).is_some() {
                let message = || format!("{kind}[{index}] has the name of another element");
                problems.fail(message, Some(("every SPDXID once", id)));
            }
        }
        for (index, reference) in list(document, "externalDocumentRefs").iter().enumerate() {
            let id = text(reference, "externalDocumentId");
            if !id.is_empty() && !names.documents.insert(id) {
                let message = || format!("externalDocumentRefs[{index}] has the name of another document");
                problems.fail(message, Some(("every externalDocumentId once", id)));
            }
        }
        names
    }

    /// Whether an id is an element's, here or in another document that is declared (`DocumentRef-x:SPDXRef-y`).
    fn resolves(&self, id: &str) -> bool {
        self.elements.contains_key(id) || self.is_elsewhere(id)
    }

    fn is_elsewhere(&self, id: &str) -> bool {
        id.split_once(':').is_some_and(|(document, element)| {
            let is_id = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
            self.documents.contains(document)
                && document.starts_with("DocumentRef-")
                && element.strip_prefix("SPDXRef-").is_some_and(|name| !name.is_empty() && is_id(name))
        })
    }

    /// Notes every reference to an element that does not exist.
    fn unresolved(&self, document: &Value, problems: &mut Problems<'_>) {
        let mut demand = |place: fmt::Arguments<'_>, id: &str| {
            if !id.is_empty() && !self.resolves(id) {
                let message = || format!("{place} refers to an element that does not exist");
                problems.fail(message, Some(("an SPDXID of this document", id)));
            }
        };
        for (index, relationship) in list(document, "relationships").iter().enumerate() {
            demand(format_args!("relationships[{index}].spdxElementId"), text(relationship, "spdxElementId"));
            let related = text(relationship, "relatedSpdxElement");
            // Clause 11.1: the other end may be known to be nothing, or be unknown.
            if !matches!(related, "NONE" | "NOASSERTION") {
                demand(format_args!("relationships[{index}].relatedSpdxElement"), related);
            }
        }
        for (index, id) in list(document, "documentDescribes").iter().enumerate() {
            demand(format_args!("documentDescribes[{index}]"), id.as_str().unwrap_or_default());
        }
        for (index, package) in list(document, "packages").iter().enumerate() {
            for id in list(package, "hasFiles") {
                demand(format_args!("packages[{index}].hasFiles"), id.as_str().unwrap_or_default());
            }
        }
        for (index, annotation) in list(document, "annotations").iter().enumerate() {
            demand(format_args!("annotations[{index}].SPDXID"), text(annotation, "SPDXID"));
        }
        for (index, snippet) in list(document, "snippets").iter().enumerate() {
            let id = text(snippet, "snippetFromFile");
            if !id.is_empty() && self.elements.get(id) != Some(&"files") && !self.is_elsewhere(id) {
                let message = || format!("snippets[{index}].snippetFromFile refers to a file that does not exist");
                problems.fail(message, Some(("an SPDXID of a file", id)));
            }
        }
    }

    /// Notes what a package says of its files although they were not analyzed (clause 7.8: `filesAnalyzed`).
    fn files(&self, document: &Value, problems: &mut Problems<'_>) {
        let packages = list(document, "packages").iter().enumerate();
        let unanalysed: HashMap<&str, usize> = packages
            .filter(|(_, package)| package.get("filesAnalyzed").and_then(Value::as_bool) == Some(false))
            .map(|(index, package)| (text(package, "SPDXID"), index))
            .collect();
        let is_file = |id: &str| self.elements.get(id) == Some(&"files");
        let mut odd = |index: usize, what: &str| {
            let message = || format!("packages[{index}] has {what} although its files were not analyzed");
            problems.fail(message, Some(("filesAnalyzed true, or nothing said of files", what)));
        };
        for relationship in list(document, "relationships") {
            let (from, to) = (text(relationship, "spdxElementId"), text(relationship, "relatedSpdxElement"));
            let (package, file) = match text(relationship, "relationshipType") {
                "CONTAINS" => (from, to),
                "CONTAINED_BY" => (to, from),
                _ => continue,
            };
            if let Some(index) = unanalysed.get(package).filter(|_| is_file(file)) {
                odd(*index, "files");
            }
        }
        for index in unanalysed.into_values().collect::<std::collections::BTreeSet<_>>() {
            let Some(package) = list(document, "packages").get(index) else { continue };
            for (key, what) in [
                ("hasFiles", "files"),
                ("packageVerificationCode", "a verification code"),
                ("licenseInfoFromFiles", "licences of files"),
            ] {
                let says_nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                if package.get(key).is_some_and(|value| !says_nothing(value)) {
                    odd(index, what);
                }
            }
        }
    }
}
