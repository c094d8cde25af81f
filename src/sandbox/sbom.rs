//! SBOMs of the sample releases, as syft writes them: a document root that contains packages with their package URLs,
//! licences and checksums. Names, versions and licences are those of real packages; the checksums are made up.

use serde_json::{Value, json};

use super::documents::GENERATED_AT;
use crate::{digest::Sha256, subject::tag::Tag};

/// A package somebody else made.
struct Part {
    name: &'static str,
    version: &'static str,
    licence: &'static str,
    /// Type and namespace of its package URL.
    kind: &'static str,
}

const fn part(kind: &'static str, name: &'static str, version: &'static str, licence: &'static str) -> Part {
    Part { name, version, licence, kind }
}

/// What a KMS is built from.
const CRATES: [Part; 5] = [
    part("cargo", "axum", "0.8.8", "MIT"),
    part("cargo", "rustls", "0.23.35", "Apache-2.0 OR ISC OR MIT"),
    part("cargo", "ed25519-dalek", "2.2.0", "BSD-3-Clause"),
    part("cargo", "sha2", "0.10.9", "MIT OR Apache-2.0"),
    part("cargo", "ring", "0.17.14", "Apache-2.0 AND ISC"),
];

/// What its image, or the node's, adds.
const DEBS: [Part; 3] = [
    part("deb/ubuntu", "ca-certificates", "20240203", "MPL-2.0 AND LicenseRef-GPL-2.0"),
    part("deb/ubuntu", "libc6", "2.39-0ubuntu8.6", "LGPL-2.1-or-later AND LicenseRef-public-domain"),
    part("deb/ubuntu", "libgcc-s1", "14.2.0-4ubuntu2", "GPL-3.0-or-later WITH GCC-exception-3.1"),
];

/// What runs on a node.
const NODE: [Part; 2] =
    [part("generic", "merod", "0.10.0", "MIT OR Apache-2.0"), part("generic", "traefik", "3.5.0", "MIT")];

/// A software bill of materials in SPDX 2.3 about `mero-kms-phala`, its `binaries`, its `container` or a `node-image`.
pub fn sbom(tag: &Tag, about: &str) -> Value {
    let version = tag.version().to_string();
    let parts: Vec<&Part> = match about {
        "container" => CRATES.iter().chain(&DEBS).collect(),
        "node-image" => NODE.iter().chain(&DEBS).collect(),
        _ => CRATES.iter().collect(),
    };
    let root = format!("SPDXRef-DocumentRoot-{about}");
    let mut packages = vec![json!({
        "SPDXID": root, "name": about, "versionInfo": version, "supplier": "NOASSERTION",
        "downloadLocation": "NOASSERTION", "filesAnalyzed": false, "primaryPackagePurpose": "FILE",
        "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
    })];
    let mut relationships =
        vec![json!({"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": root, "relationshipType": "DESCRIBES"})];
    let own = part("cargo", "mero-kms-phala", "", "MIT OR Apache-2.0");
    let service = (about != "node-image").then_some((&own, version.as_str()));
    for (part, version) in service.into_iter().chain(parts.into_iter().map(|part| (part, part.version))) {
        let id = format!("SPDXRef-Package-{}-{}", part.kind.replace('/', "-"), part.name);
        packages.push(package(part, version, &id));
        relationships.push(json!({"spdxElementId": root, "relatedSpdxElement": id, "relationshipType": "CONTAINS"}));
    }
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("{tag} {about}"),
        "documentNamespace": format!("https://example.org/spdx/{tag}/{about}"),
        "creationInfo": {
            "created": GENERATED_AT,
            "creators": ["Organization: Calimero Network", "Tool: merotee-sandbox"],
            "licenseListVersion": "3.25",
        },
        "packages": packages,
        "relationships": relationships,
    });
    if matches!(about, "container" | "node-image")
        && let Some(document) = document.as_object_mut()
    {
        let licence =
            |name: &str| json!({"licenseId": format!("LicenseRef-{name}"), "extractedText": name, "name": name});
        let licences = ["GPL-2.0", "public-domain"].map(licence);
        document.insert("hasExtractedLicensingInfos".to_owned(), json!(licences));
    }
    document
}

fn package(part: &Part, version: &str, id: &str) -> Value {
    let Part { name, licence, kind, .. } = part;
    let checksum = Sha256::of(format!("{kind}/{name} {version}").as_bytes());
    json!({
        "SPDXID": id,
        "name": name,
        "versionInfo": version,
        "supplier": "NOASSERTION",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "checksums": [{"algorithm": "SHA256", "checksumValue": checksum.to_string()}],
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": format!("pkg:{kind}/{name}@{version}"),
        }],
    })
}
