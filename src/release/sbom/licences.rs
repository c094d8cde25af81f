//! Whether licence expressions parse, and the licences they name exist: on SPDX's list, or defined in the document.
//!
//! The grammar is SPDX 2.3, annex D. An id that this build's list lacks is a warning, since the list grows every few months
//! and releases outlive builds; everything else is a failure.

use std::{
    collections::{BTreeSet, HashSet},
    sync::LazyLock,
};

use serde_json::Value;

use super::{Odd, Problems, elements, list, text};

/// Fields of elements that hold an expression, or a list of them.
const FIELDS: [&str; 5] =
    ["licenseConcluded", "licenseDeclared", "licenseInfoFromFiles", "licenseInfoInFiles", "licenseInfoInSnippets"];

/// Ids in lowercase: they are matched so (annex D.2).
static LICENCES: LazyLock<HashSet<String>> =
    LazyLock::new(|| spdx::identifiers::LICENSES.iter().map(|licence| licence.name.to_lowercase()).collect());
static EXCEPTIONS: LazyLock<HashSet<String>> =
    LazyLock::new(|| spdx::identifiers::EXCEPTIONS.iter().map(|exception| exception.name.to_lowercase()).collect());

pub(super) fn check(document: &Value, problems: &mut Problems<'_>) {
    let own: HashSet<&str> =
        list(document, "hasExtractedLicensingInfos").iter().map(|info| text(info, "licenseId")).collect();
    let documents: HashSet<&str> =
        list(document, "externalDocumentRefs").iter().map(|r| text(r, "externalDocumentId")).collect();
    let mut unknown = Odd::default();
    let mut undefined = BTreeSet::new();
    let mut judged = HashSet::new();
    for (kind, index, element) in elements(document) {
        for field in FIELDS {
            let Some(value) = element.get(field) else { continue };
            let several = value.as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(Value::as_str);
            for expression in value.as_str().into_iter().chain(several).filter(|e| judged.insert(*e)) {
                let names = match read(expression) {
                    Ok(names) => names,
                    Err(why) => {
                        let message = || format!("{kind}[{index}].{field} is not a licence expression: {why}");
                        problems.fail(message, Some(("an expression of SPDX 2.3, annex D", expression)));
                        continue;
                    }
                };
                for name in names {
                    match name {
                        Name::Listed(id) if LICENCES.contains(&id.to_lowercase()) => {}
                        Name::Exception(id) if EXCEPTIONS.contains(&id.to_lowercase()) => {}
                        Name::Listed(id) | Name::Exception(id) => unknown.push(id),
                        Name::Own(id) if own.contains(id) => {}
                        Name::Elsewhere(document) if documents.contains(document) => {}
                        Name::Own(id) | Name::Elsewhere(id) => {
                            undefined.insert(id);
                        }
                    }
                }
            }
        }
    }
    for id in undefined {
        let (what, expected) = match id.starts_with("DocumentRef-") {
            true => ("document", "an entry of externalDocumentRefs"),
            false => ("licence", "an entry of hasExtractedLicensingInfos"),
        };
        problems.fail(|| format!("a {what} is named and nowhere defined"), Some((expected, id)));
    }
    let list = format!("an id of SPDX's licence list, of which this build has version {}", spdx::license_version());
    unknown.warn(problems, "a licence is not on SPDX's list", &list);
}

/// What an expression names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name<'e> {
    /// A licence of the list, without `+`.
    Listed(&'e str),
    /// An exception of the list.
    Exception(&'e str),
    /// `LicenseRef-…` of this document.
    Own(&'e str),
    /// The `DocumentRef-…` of a licence of another document.
    Elsewhere(&'e str),
}

/// What may come next in an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Operand,
    /// After a licence: an operator, `WITH`, or the end.
    AfterLicence,
    /// After an exception or a bracket: an operator or the end.
    AfterOperand,
    Exception,
}

/// Reads an expression; an error says what is wrong. No recursion: brackets are counted.
fn read(expression: &str) -> Result<Vec<Name<'_>>, &'static str> {
    if matches!(expression, "NONE" | "NOASSERTION") {
        return Ok(Vec::new());
    }
    let (mut names, mut state, mut open) = (Vec::new(), State::Operand, 0_usize);
    for word in words(expression) {
        state = match (state, word) {
            (State::Operand, "(") => {
                open += 1;
                State::Operand
            }
            (State::AfterLicence | State::AfterOperand, ")") => {
                open = open.checked_sub(1).ok_or("a bracket closes that never opened")?;
                State::AfterOperand
            }
            (State::AfterLicence | State::AfterOperand, "AND" | "OR" | "and" | "or") => State::Operand,
            (State::AfterLicence, "WITH" | "with") => State::Exception,
            (State::Operand | State::Exception, "(" | ")" | "AND" | "OR" | "WITH" | "and" | "or" | "with") => {
                return Err("a licence is missing");
            }
            (State::Operand, word) => {
                names.push(licence(word)?);
                State::AfterLicence
            }
            (State::Exception, word) if is_id(word) && !LICENCES.contains(&word.to_lowercase()) => {
                names.push(Name::Exception(word));
                State::AfterOperand
            }
            (State::Exception, _) => return Err("what follows WITH is not an exception"),
            (State::AfterLicence | State::AfterOperand, _) => return Err("an operator is missing"),
        };
    }
    match (state, open) {
        (State::Operand | State::Exception, _) => Err("a licence is missing"),
        (_, 0) => Ok(names),
        _ => Err("a bracket is never closed"),
    }
}

fn words(expression: &str) -> impl Iterator<Item = &str> {
    let is_bracket = |c: char| matches!(c, '(' | ')');
    expression
        .split_whitespace()
        .flat_map(move |word| word.split_inclusive(is_bracket))
        .flat_map(move |word| match word.strip_suffix(is_bracket) {
            Some(before) => [before, word.get(before.len()..).unwrap_or_default()],
            None => [word, ""],
        })
        .filter(|word| !word.is_empty())
}

fn licence(word: &str) -> Result<Name<'_>, &'static str> {
    const NO_ID: &str = "an id holds a character other than letters, digits, dots and hyphens";
    if let Some((document, id)) = word.split_once(':') {
        let is_reference = document.strip_prefix("DocumentRef-").is_some_and(|id| is_id_with(id, b"+"))
            && id.strip_prefix("LicenseRef-").is_some_and(is_id);
        return if is_reference { Ok(Name::Elsewhere(document)) } else { Err("not `DocumentRef-…:LicenseRef-…`") };
    }
    if let Some(id) = word.strip_prefix("LicenseRef-") {
        return if is_id(id) { Ok(Name::Own(word)) } else { Err(NO_ID) };
    }
    let id = word.strip_suffix('+').unwrap_or(word);
    if !is_id(id) {
        return Err(NO_ID);
    }
    if matches!(id, "NONE" | "NOASSERTION") {
        return Err("NONE and NOASSERTION stand alone");
    }
    if EXCEPTIONS.contains(&id.to_lowercase()) {
        return Err("an exception stands where a licence must");
    }
    Ok(Name::Listed(id))
}

fn is_id(word: &str) -> bool {
    is_id_with(word, b"")
}

fn is_id_with(word: &str, more: &[u8]) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b) || more.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_the_grammar_are_read_with_the_names_in_them() {
        use Name::{Elsewhere, Exception, Listed, Own};
        for (expression, names) in [
            ("NONE", vec![]),
            ("NOASSERTION", vec![]),
            ("MIT", vec![Listed("MIT")]),
            ("mit", vec![Listed("mit")]),
            ("Apache-2.0+", vec![Listed("Apache-2.0")]),
            ("(MIT OR Apache-2.0)", vec![Listed("MIT"), Listed("Apache-2.0")]),
            ("((MIT)AND(ISC))", vec![Listed("MIT"), Listed("ISC")]),
            ("MIT or ISC", vec![Listed("MIT"), Listed("ISC")]),
            (
                "GPL-2.0-only WITH Classpath-exception-2.0 AND MIT",
                vec![Listed("GPL-2.0-only"), Exception("Classpath-exception-2.0"), Listed("MIT")],
            ),
            ("LicenseRef-a.b-1", vec![Own("LicenseRef-a.b-1")]),
            ("DocumentRef-x:LicenseRef-a", vec![Elsewhere("DocumentRef-x")]),
            ("Unheard-Of-1.0", vec![Listed("Unheard-Of-1.0")]),
        ] {
            assert_eq!(read(expression), Ok(names), "{expression}");
        }
        let deep = format!("{}MIT{}", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(read(&deep), Ok(vec![Listed("MIT")]));
    }

    #[test]
    fn what_is_no_expression_is_told_why() {
        for (expression, why) in [
            ("", "a licence is missing"),
            ("  ", "a licence is missing"),
            ("MIT AND", "a licence is missing"),
            ("OR MIT", "a licence is missing"),
            ("MIT OR OR ISC", "a licence is missing"),
            ("()", "a licence is missing"),
            ("MIT ISC", "an operator is missing"),
            ("MIT And ISC", "an operator is missing"),
            ("(MIT) WITH Classpath-exception-2.0", "an operator is missing"),
            ("(MIT", "a bracket is never closed"),
            ("MIT)", "a bracket closes that never opened"),
            ("MIT WITH MIT", "what follows WITH is not an exception"),
            ("MIT WITH", "a licence is missing"),
            ("Classpath-exception-2.0", "an exception stands where a licence must"),
            ("NONE AND MIT", "NONE and NOASSERTION stand alone"),
            ("MIT/ISC", "an id holds a character other than letters, digits, dots and hyphens"),
            ("MIT, ISC", "an id holds a character other than letters, digits, dots and hyphens"),
            ("LicenseRef-a_b", "an id holds a character other than letters, digits, dots and hyphens"),
            ("LicenseRef-a+", "an id holds a character other than letters, digits, dots and hyphens"),
            ("LicenseRef-", "an id holds a character other than letters, digits, dots and hyphens"),
            ("DocumentRef-x:MIT", "not `DocumentRef-…:LicenseRef-…`"),
            ("x:LicenseRef-a", "not `DocumentRef-…:LicenseRef-…`"),
        ] {
            assert_eq!(read(expression), Err(why), "{expression}");
        }
    }
}
