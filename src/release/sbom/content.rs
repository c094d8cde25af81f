//! Whether the document describes something, and lists more than its own root.
//!
//! Tools that find nothing write a valid document all the same: syft adds a package for the folder or image it was pointed
//! at, the *document root*, and that is all. A root is a package that syft calls so (`SPDXRef-DocumentRoot…`), and the
//! one package that the document describes, if it describes one.

use std::collections::HashSet;

use serde_json::Value;

use super::{DOCUMENT, Problems, list, text};
use crate::release::contract::Purls;

/// What syft calls the package it was pointed at.
const ROOT: &str = "SPDXRef-DocumentRoot";

pub(super) fn check(document: &Value, purls: Purls, problems: &mut Problems<'_>) {
    let packages = list(document, "packages");
    if packages.is_empty() {
        problems.fail(|| "no package is described".to_owned(), Some(("at least one package", "none")));
        return;
    }
    let described = described(document);
    let elements: usize = super::elements(document).count();
    // Clause 11.1: a document of one package describes it without saying so.
    if described.is_empty() && elements > 1 {
        problems.fail(
            || "the document does not say what it describes".to_owned(),
            Some(("a DESCRIBES relationship from SPDXRef-DOCUMENT to an element of this document", "none")),
        );
    }
    let is_root = |package: &&Value| {
        let id = text(package, "SPDXID");
        id.starts_with(ROOT) || packages.len() == 1 || (described.len() == 1 && described.contains(id))
    };
    let roots = packages.iter().filter(is_root).count();
    if roots == packages.len() {
        problems.fail(
            || "no package is listed but the document root: the tool that made it found nothing".to_owned(),
            Some(("a package other than the document root", "the document root only")),
        );
    } else if !with_purl(document).any(|package| !is_root(&package)) {
        const MESSAGE: &str =
            "no package other than the document root has a package URL, by which vulnerabilities are looked up";
        const EXPECTED: &str = "an externalRef of category PACKAGE-MANAGER and type purl";
        match purls {
            Purls::Enforced => problems.fail(|| MESSAGE.to_owned(), Some((EXPECTED, "none"))),
            Purls::Advisory => problems.warn(MESSAGE.to_owned(), Some((EXPECTED, "none".to_owned()))),
        }
    }
}

/// The elements of this document that it says it describes, by relationship or by the older list. The document itself
/// is none: to describe oneself is to say nothing.
fn described(document: &Value) -> HashSet<&str> {
    let relationships = list(document, "relationships").iter().filter_map(|relationship| {
        let (from, to) = (text(relationship, "spdxElementId"), text(relationship, "relatedSpdxElement"));
        match text(relationship, "relationshipType") {
            "DESCRIBES" if from == DOCUMENT => Some(to),
            "DESCRIBED_BY" if to == DOCUMENT => Some(from),
            _ => None,
        }
    });
    let ids: HashSet<&str> = super::elements(document).map(|(_, _, element)| text(element, "SPDXID")).collect();
    let older = list(document, "documentDescribes").iter().filter_map(Value::as_str);
    relationships.chain(older).filter(|id| ids.contains(id) && *id != DOCUMENT).collect()
}

/// The packages that a package URL names.
pub(super) fn with_purl(document: &Value) -> impl Iterator<Item = &Value> {
    list(document, "packages").iter().filter(|package| {
        list(package, "externalRefs").iter().any(|reference| {
            matches!(text(reference, "referenceCategory"), "PACKAGE-MANAGER" | "PACKAGE_MANAGER")
                && text(reference, "referenceType") == "purl"
                && is_purl(text(reference, "referenceLocator"))
        })
    })
}

/// Whether a text is a package URL: `pkg:type/[namespace/]name[@version][?qualifiers][#subpath]` (package-url
/// specification).
pub(super) fn is_purl(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("pkg:") else { return false };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let Some((kind, path)) = path.trim_start_matches('/').split_once('/') else { return false };
    let path = path.trim_matches('/');
    // A namespace may begin with `@`, as npm's scopes do.
    let last = path.rsplit('/').next().unwrap_or_default();
    let name = last.split_once('@').map_or(last, |(name, _)| name);
    let is_kind = kind.starts_with(|c: char| c.is_ascii_alphabetic())
        && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_kind && !name.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}
