//! A document that uses every part of SPDX 2.3 that is judged, and changes of it.

use std::fmt;

use serde_json::{Value, json};

/// A valid document with everything in it.
pub(super) fn everything() -> Value {
    let annotation = json!({"annotationDate": "2026-01-02T03:04:05Z", "annotationType": "REVIEW",
        "annotator": "Person: A Reviewer (a@example.org)", "comment": "Seen."});
    json!({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "mero-kms",
        "documentNamespace": "https://example.org/spdx/mero-kms-1.2.0",
        "comment": "Everything that is judged.",
        "creationInfo": {"created": "2026-01-02T03:04:05Z", "licenseListVersion": "3.25",
            "creators": ["Tool: syft-1.18.1", "Organization: Calimero Network", "Person: A Maker (m@example.org)"]},
        "externalDocumentRefs": [{"externalDocumentId": "DocumentRef-base", "spdxDocument": "https://example.org/spdx/base",
            "checksum": {"algorithm": "SHA1", "checksumValue": "d6a770ba38583ed4bb4525bd96e50461655d2759"}}],
        "packages": [
            {"SPDXID": "SPDXRef-DocumentRoot-Image", "name": "image", "versionInfo": "1.2.0", "downloadLocation": "NOASSERTION",
             "filesAnalyzed": false, "primaryPackagePurpose": "CONTAINER"},
            {"SPDXID": "SPDXRef-Package-service", "name": "mero-kms-phala", "versionInfo": "1.2.0",
             "downloadLocation": "git+https://github.com/calimero-network/mero-tee.git@1.2.0",
             "homepage": "https://example.org", "supplier": "Organization: Calimero Network",
             "originator": "Person: A Maker", "filesAnalyzed": true,
             "packageVerificationCode": {"packageVerificationCodeValue": "d6a770ba38583ed4bb4525bd96e50461655d2758",
                "packageVerificationCodeExcludedFiles": ["./package.spdx"]},
             "checksums": [{"algorithm": "SHA256", "checksumValue": "11b6d3ee554eedf79299905a98f9b9a04e498210b59f15094c916c91d150efcd"},
                {"algorithm": "MD5", "checksumValue": "624c1abb3664f4b35547e7c73864ad24"}],
             "licenseConcluded": "(MIT OR Apache-2.0) AND LicenseRef-own",
             "licenseDeclared": "GPL-3.0-or-later WITH GCC-exception-3.1 AND DocumentRef-base:LicenseRef-theirs",
             "licenseInfoFromFiles": ["MIT", "LicenseRef-own"], "copyrightText": "NOASSERTION",
             "externalRefs": [
                {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:cargo/mero-kms-phala@1.2.0"},
                {"referenceCategory": "SECURITY", "referenceType": "cpe23Type",
                 "referenceLocator": "cpe:2.3:a:calimero:mero-kms-phala:1.2.0:*:*:*:*:*:*:*"},
                {"referenceCategory": "SECURITY", "referenceType": "advisory", "referenceLocator": "https://example.org/advisory"},
                {"referenceCategory": "PERSISTENT-ID", "referenceType": "swh",
                 "referenceLocator": "swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2"},
                {"referenceCategory": "OTHER", "referenceType": "own", "referenceLocator": "one-word"}],
             "primaryPackagePurpose": "APPLICATION", "releaseDate": "2026-01-02T03:04:05Z", "builtDate": "2026-01-01T00:00:00Z",
             "validUntilDate": "2027-01-02T03:04:05Z", "annotations": [annotation]},
            {"SPDXID": "SPDXRef-Package-rustls", "name": "rustls", "versionInfo": "0.23.35", "downloadLocation": "NONE",
             "filesAnalyzed": false, "licenseDeclared": "Apache-2.0 OR ISC OR MIT",
             "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                "referenceLocator": "pkg:cargo/rustls@0.23.35"}]}
        ],
        "files": [{"SPDXID": "SPDXRef-File-binary", "fileName": "./bin/mero-kms-phala", "fileTypes": ["BINARY"],
            "checksums": [{"algorithm": "SHA1", "checksumValue": "85ed0817af83a24ad8da68c2b5094de69833983c"}],
            "licenseConcluded": "MIT", "licenseInfoInFiles": ["LicenseRef-own"]}],
        "snippets": [{"SPDXID": "SPDXRef-Snippet", "snippetFromFile": "SPDXRef-File-binary", "licenseConcluded": "MIT",
            "licenseInfoInSnippets": ["MIT"],
            "ranges": [{"startPointer": {"offset": 310}, "endPointer": {"offset": 420}},
                {"startPointer": {"lineNumber": 5}, "endPointer": {"lineNumber": 23}}]}],
        "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-own", "extractedText": "Mine.", "name": "Own",
            "seeAlsos": ["https://example.org/licence"]}],
        "annotations": [annotation],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-DocumentRoot-Image"},
            {"spdxElementId": "SPDXRef-DocumentRoot-Image", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-Package-service"},
            {"spdxElementId": "SPDXRef-Package-service", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-File-binary"},
            {"spdxElementId": "SPDXRef-Package-rustls", "relationshipType": "DEPENDENCY_OF", "relatedSpdxElement": "SPDXRef-Package-service"},
            {"spdxElementId": "SPDXRef-Package-rustls", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "NOASSERTION"},
            {"spdxElementId": "SPDXRef-Package-service", "relationshipType": "DESCENDANT_OF",
             "relatedSpdxElement": "DocumentRef-base:SPDXRef-Package"}
        ]
    })
}

/// One change of a document. Places are JSON pointers.
pub(super) enum Edit {
    Remove(String),
    Set(String, Value),
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove(pointer) => write!(f, "{pointer} removed"),
            Self::Set(pointer, value) => {
                let text: String = value.to_string().chars().take(60).collect();
                write!(f, "{pointer} = {text}")
            }
        }
    }
}

/// The document with the change made.
pub(super) fn edited(document: &Value, edit: &Edit) -> Value {
    let mut document = document.clone();
    match edit {
        Edit::Set(pointer, value) => *document.pointer_mut(pointer).unwrap() = value.clone(),
        Edit::Remove(pointer) => {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            match document.pointer_mut(parent).unwrap() {
                Value::Array(items) => drop(items.remove(key.parse().unwrap())),
                Value::Object(fields) => drop(fields.remove(key).unwrap()),
                scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                    panic!("{pointer} is in {scalar}")
                }
            }
        }
    }
    document
}

/// The place of every value in a document but the whole.
pub(super) fn places(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![(String::new(), document)];
    while let Some((at, value)) = pending.pop() {
        match value {
            Value::Array(items) => pending.extend(items.iter().enumerate().map(|(i, v)| (format!("{at}/{i}"), v))),
            Value::Object(fields) => pending.extend(fields.iter().map(|(k, v)| (format!("{at}/{k}"), v))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        found.push(at);
    }
    found.retain(|at| !at.is_empty());
    found.sort();
    found
}
