//! A valid SBOM, and each way to break one.
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;

mod listing;

fn document() -> Value {
    json!({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "mero-kms",
        "documentNamespace": "https://example.org/spdx/mero-kms-1.2.0",
        "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Tool: syft-1.0.0"]},
        "externalDocumentRefs": [{"externalDocumentId": "DocumentRef-base", "spdxDocument": "https://example.org/base",
            "checksum": {"algorithm": "SHA1", "checksumValue": "a".repeat(40)}}],
        "packages": [
            {"SPDXID": "SPDXRef-Package-a", "name": "a", "downloadLocation": "NOASSERTION",
             "licenseDeclared": "MIT AND LicenseRef-own AND DocumentRef-base:LicenseRef-theirs",
             "checksums": [{"algorithm": "SHA256", "checksumValue": "c".repeat(64)}]},
            {"SPDXID": "SPDXRef-Package-b", "name": "b", "downloadLocation": "git+https://example.org/b.git",
             "filesAnalyzed": false, "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl", "referenceLocator": "pkg:cargo/b@1.0.0"}]}
        ],
        "files": [{"SPDXID": "SPDXRef-File-b", "fileName": "./bin/b",
            "checksums": [{"algorithm": "SHA1", "checksumValue": "b".repeat(40)}]}],
        "snippets": [{"SPDXID": "SPDXRef-Snippet", "snippetFromFile": "SPDXRef-File-b",
            "ranges": [{"startPointer": {"offset": 1}, "endPointer": {"offset": 9}}]}],
        "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-own", "extractedText": "Mine."}],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-Package-a"},
            {"spdxElementId": "SPDXRef-Package-a", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-File-b"},
            {"spdxElementId": "SPDXRef-Package-a", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "NOASSERTION"},
            {"spdxElementId": "SPDXRef-Package-a", "relationshipType": "DESCENDANT_OF",
             "relatedSpdxElement": "DocumentRef-base:SPDXRef-Package-a"}
        ]
    })
}

fn judged(purls: Purls, change: impl FnOnce(&mut Value)) -> Vec<Finding> {
    let mut document = document();
    change(&mut document);
    sbom("sbom.spdx.json", document.to_string().as_bytes(), purls)
}

fn judge(change: impl FnOnce(&mut Value)) -> Vec<Finding> {
    judged(Purls::Enforced, change)
}

/// The message of the only finding, which is a failure.
#[track_caller]
fn failure(change: impl FnOnce(&mut Value)) -> String {
    only(Status::Fail, judge(change))
}

fn only(status: Status, findings: Vec<Finding>) -> String {
    match findings.as_slice() {
        [only] if only.status == status && only.check == "sbom" => only.message.clone(),
        other => format!("{other:#?}"),
    }
}

/// The message of the only warning, beside a pass.
fn warning(change: impl FnOnce(&mut Value)) -> String {
    let mut findings = judge(change);
    assert_eq!(findings.remove(0).status, Status::Pass);
    only(Status::Warn, findings)
}

#[test]
fn a_valid_sbom_is_one_pass_that_counts_what_it_looked_at() {
    let expected = "SPDX 2.3: 2 packages (1 with a purl), 4 relationships, all resolved";
    assert_eq!(judge(|_| ()), [Finding::new("sbom", Status::Pass, "sbom.spdx.json", expected)]);
}

#[test]
fn a_relationship_to_nothing_fails_and_names_its_end() {
    for (change, place) in [
        (
            (|d| d["relationships"][1]["relatedSpdxElement"] = json!("SPDXRef-gone")) as fn(&mut Value),
            "relationships[1].relatedSpdxElement",
        ),
        (|d| d["relationships"][2]["spdxElementId"] = json!("NOASSERTION"), "relationships[2].spdxElementId"),
        (
            |d| d["relationships"][3]["relatedSpdxElement"] = json!("DocumentRef-other:SPDXRef-a"),
            "relationships[3].relatedSpdxElement",
        ),
        (
            |d| d["relationships"][3]["relatedSpdxElement"] = json!("DocumentRef-base:SPDXRef-"),
            "relationships[3].relatedSpdxElement",
        ),
        (
            |d| d["relationships"][3]["relatedSpdxElement"] = json!("DocumentRef-base:SPDXRef-a:b"),
            "relationships[3].relatedSpdxElement",
        ),
        (
            |d| d["relationships"][3]["relatedSpdxElement"] = json!("DocumentRef-base:LicenseRef-a"),
            "relationships[3].relatedSpdxElement",
        ),
        (|d| d["documentDescribes"] = json!(["SPDXRef-gone"]), "documentDescribes[0]"),
        (|d| d["packages"][0]["hasFiles"] = json!(["SPDXRef-gone"]), "packages[0].hasFiles"),
        (
            |d| {
                d["annotations"] = json!([{"SPDXID": "SPDXRef-gone", "annotationDate": "2026-01-02T03:04:05Z",
            "annotationType": "OTHER", "annotator": "Tool: t", "comment": "c"}])
            },
            "annotations[0].SPDXID",
        ),
    ] {
        assert_eq!(failure(change), format!("{place} refers to an element that does not exist"));
    }
    for id in ["SPDXRef-gone", "SPDXRef-Package-a", "SPDXRef-DOCUMENT"] {
        let message = "snippets[0].snippetFromFile refers to a file that does not exist";
        assert_eq!(failure(|d| d["snippets"][0]["snippetFromFile"] = json!(id)), message, "{id}");
    }
}

#[test]
fn two_elements_or_documents_of_one_name_fail() {
    let findings = judge(|d| {
        let first = d["packages"][0].clone();
        d["packages"].as_array_mut().unwrap_or(&mut Vec::new()).push(first);
    });
    let seen: Vec<_> = findings.iter().map(|f| (f.message.as_str(), f.actual.as_deref())).collect();
    assert_eq!(seen, [("packages[2] has the name of another element", Some("SPDXRef-Package-a"))]);
    assert_eq!(
        failure(|d| d["snippets"][0]["SPDXID"] = json!("SPDXRef-DOCUMENT")),
        "snippets[0] has the name of another element"
    );
    assert_eq!(
        failure(|d| d["externalDocumentRefs"] = json!([d["externalDocumentRefs"][0], d["externalDocumentRefs"][0]])),
        "externalDocumentRefs[1] has the name of another document"
    );
}

#[test]
fn a_checksum_has_as_many_digits_as_its_algorithm_gives() {
    for (algorithm, right) in [
        ("SHA1", 40),
        ("SHA224", 56),
        ("SHA256", 64),
        ("SHA384", 96),
        ("SHA512", 128),
        ("SHA3-256", 64),
        ("SHA3-384", 96),
        ("SHA3-512", 128),
        ("BLAKE2b-256", 64),
        ("BLAKE2b-384", 96),
        ("BLAKE2b-512", 128),
        ("BLAKE3", 64),
        ("MD2", 32),
        ("MD4", 32),
        ("MD5", 32),
        ("MD6", 128),
        ("ADLER32", 8),
    ] {
        let with = |digits: usize| {
            judge(|d| {
                d["packages"][0]["checksums"] = json!([{"algorithm": algorithm, "checksumValue": "a".repeat(digits)}])
            })
        };
        assert_eq!(with(right)[0].status, Status::Pass, "{algorithm}");
        let wrong = if algorithm == "BLAKE3" { right - 1 } else { right + 1 };
        let found = only(Status::Fail, with(wrong));
        if algorithm != "ADLER32" {
            assert_eq!(found, format!("packages[0]: the {algorithm} checksum has {wrong} digits"));
        }
    }
    let short = json!({"algorithm": "SHA256", "checksumValue": "a".repeat(40)});
    let place = |change: &dyn Fn(&mut Value)| failure(|d| change(d)).split(':').next().unwrap_or_default().to_owned();
    assert_eq!(place(&|d| d["externalDocumentRefs"][0]["checksum"] = short.clone()), "externalDocumentRefs[0]");
    assert_eq!(
        failure(|d| d["files"][0]["checksums"] = json!([{"algorithm": "SHA256", "checksumValue": "a".repeat(64)}])),
        "files[0] has no SHA1 checksum"
    );
}

#[test]
fn a_licence_that_is_named_is_listed_or_defined() {
    let declared = |licence: &str| {
        let licence = licence.to_owned();
        move |d: &mut Value| d["packages"][0]["licenseDeclared"] = json!(licence)
    };
    assert_eq!(failure(declared("LicenseRef-Other")), "a licence is named and nowhere defined");
    assert_eq!(failure(declared("MIT OR (ISC AND LicenseRef-Own)")), "a licence is named and nowhere defined");
    assert_eq!(failure(declared("DocumentRef-gone:LicenseRef-own")), "a document is named and nowhere defined");
    assert_eq!(failure(|d| d["hasExtractedLicensingInfos"] = json!([])), "a licence is named and nowhere defined");
    assert_eq!(
        failure(|d| d["files"][0]["licenseInfoInFiles"] = json!(["MIT", "LicenseRef-x"])),
        "a licence is named and nowhere defined"
    );
    assert_eq!(
        failure(|d| d["snippets"][0]["licenseConcluded"] = json!("LicenseRef-x")),
        "a licence is named and nowhere defined"
    );
    let broken = failure(declared("MIT AND"));
    assert_eq!(broken, "packages[0].licenseDeclared is not a licence expression: a licence is missing");
    assert_eq!(warning(declared("Made-Up-1.0")), "a licence is not on SPDX's list");
    assert_eq!(warning(declared("Made-Up-1.0 OR Made-Up-2.0 OR MIT")), "a licence is not on SPDX's list (2 places)");
}

#[test]
fn a_package_whose_files_nobody_looked_at_says_nothing_of_them() {
    let contains = |from: &str, kind: &str, to: &str| json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to});
    let (package, file) = ("SPDXRef-Package-b", "SPDXRef-File-b");
    assert_eq!(
        failure(|d| d["relationships"][1] = contains(package, "CONTAINS", file)),
        "packages[1] has files although its files were not analyzed"
    );
    assert_eq!(
        failure(|d| d["relationships"][1] = contains(file, "CONTAINED_BY", package)),
        "packages[1] has files although its files were not analyzed"
    );
    assert_eq!(
        failure(|d| d["packages"][1]["hasFiles"] = json!([file])),
        "packages[1] has files although its files were not analyzed"
    );
    assert_eq!(
        failure(
            |d| d["packages"][1]["packageVerificationCode"] = json!({"packageVerificationCodeValue": "a".repeat(40)})
        ),
        "packages[1] has a verification code although its files were not analyzed"
    );
    assert_eq!(
        failure(|d| d["packages"][1]["licenseInfoFromFiles"] = json!(["MIT"])),
        "packages[1] has licences of files although its files were not analyzed"
    );
}

#[test]
fn references_to_other_collections_have_the_form_of_their_type() {
    let cpe = "cpe:2.3:a:adler2:adler2:2.0.1:*:*:*:*:*:*:*";
    for (category, kind, locator, right) in [
        ("PACKAGE-MANAGER", "purl", "pkg:cargo/a@1.0.0", true),
        ("PACKAGE_MANAGER", "purl", "pkg:npm/%40scope/a@1.0.0?arch=amd64#lib", true),
        ("PACKAGE-MANAGER", "purl", "pkg:deb/ubuntu/libc6@2.39-0ubuntu8.6?arch=amd64", true),
        ("PACKAGE-MANAGER", "purl", "cargo/a@1.0.0", false),
        ("PACKAGE-MANAGER", "purl", "pkg:cargo", false),
        ("PACKAGE-MANAGER", "purl", "pkg:cargo/", false),
        ("PACKAGE-MANAGER", "purl", "pkg:cargo/@1.0.0", false),
        ("PACKAGE-MANAGER", "purl", "pkg:/a@1", false),
        ("PACKAGE-MANAGER", "purl", "pkg:car go/a@1", false),
        ("PACKAGE-MANAGER", "purl", "pkg:9/a@1", false),
        ("PACKAGE-MANAGER", "npm", "left-pad@1.3.0", true),
        ("PACKAGE-MANAGER", "npm", "left-pad", false),
        ("PACKAGE-MANAGER", "maven-central", "org.apache:log4j:2.17.0", true),
        ("PACKAGE-MANAGER", "cpe23Type", cpe, false),
        ("SECURITY", "cpe23Type", cpe, true),
        ("SECURITY", "cpe23Type", "cpe:2.3:a:adler2:adler2", false),
        ("SECURITY", "cpe22Type", "cpe:/a:vendor:product:1.0", true),
        ("SECURITY", "cpe22Type", "cpe:/x:vendor", false),
        ("SECURITY", "advisory", "https://example.org/CVE-2026-1", true),
        ("SECURITY", "advisory", "see the mailing list", false),
        ("SECURITY", "purl", "pkg:cargo/a@1.0.0", false),
        ("PERSISTENT-ID", "swh", "swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2", true),
        ("PERSISTENT-ID", "swh", "swh:1:cnt:94a9", false),
        ("PERSISTENT-ID", "gitoid", "gitoid:blob:sha1:94a9ed024d3859793618152ea559a168bbcbb5e2", true),
        ("PERSISTENT-ID", "gitoid", "gitoid:blob:md5:94a9", false),
        ("OTHER", "anything", "one-word", true),
        ("OTHER", "anything", "two words", false),
    ] {
        let findings = judge(|d| {
            let reference = json!({"referenceCategory": category, "referenceType": kind, "referenceLocator": locator});
            d["packages"][0]["externalRefs"] = json!([reference]);
        });
        let status = if right { Status::Pass } else { Status::Fail };
        assert_eq!(findings[0].status, status, "{category} {kind} {locator}: {findings:?}");
    }
}

#[test]
fn days_and_ranges_that_do_not_exist_fail() {
    for (change, message) in [
        (
            (|d| d["creationInfo"]["created"] = json!("2026-02-30T00:00:00Z")) as fn(&mut Value),
            "creationInfo.created is not a time",
        ),
        (|d| d["packages"][1]["releaseDate"] = json!("2026-13-01T00:00:00Z"), "packages[1].releaseDate is not a time"),
        (
            |d| d["packages"][0]["validUntilDate"] = json!("2026-01-01T25:00:00Z"),
            "packages[0].validUntilDate is not a time",
        ),
        (|d| d["snippets"][0]["ranges"][0]["startPointer"]["offset"] = json!(0), "snippets[0] has an impossible range"),
        (
            |d| d["snippets"][0]["ranges"][0]["startPointer"]["offset"] = json!(10),
            "snippets[0] has an impossible range",
        ),
        (
            |d| {
                d["snippets"][0]["ranges"] =
                    json!([{"startPointer": {"lineNumber": 1}, "endPointer": {"lineNumber": 2}}])
            },
            "snippets[0] has no range in bytes",
        ),
    ] {
        assert_eq!(failure(change), message);
    }
}

#[test]
fn what_no_reader_depends_on_is_a_warning() {
    assert_eq!(
        warning(|d| d["packages"][0]["downloadLocation"] = json!("somewhere")),
        "a downloadLocation is not an address"
    );
    assert_eq!(warning(|d| d["packages"][0]["homepage"] = json!("UNKNOWN")), "a page is not a web address");
    assert_eq!(warning(|d| d["files"][0]["fileName"] = json!("/bin/b")), "a file's name is absolute");
    for location in
        ["NONE", "https://example.org/a.tgz", "git+ssh://git@example.org/a", "git+git@example.org:a/b", "example.org"]
    {
        assert_eq!(judge(|d| d["packages"][0]["downloadLocation"] = json!(location)).len(), 1, "{location}");
    }
}

#[test]
fn the_schema_is_part_of_the_check() {
    for (change, place) in [
        ((|d| d["spdxVersion"] = json!("SPDX-2.2")) as fn(&mut Value), "/spdxVersion: "),
        (|d| d["creationInfo"]["creators"] = json!([]), "/creationInfo/creators: "),
        (|d| d["creationInfo"]["creators"] = json!(["Tool: "]), "/creationInfo/creators/0: "),
        (|d| d["creationInfo"]["creators"] = json!(["Person: (a@example.org)"]), "/creationInfo/creators/0: "),
        (|d| d["creationInfo"]["licenseListVersion"] = json!("latest"), "/creationInfo/licenseListVersion: "),
        (|d| d["packages"][0]["supplier"] = json!("NOASSERTIONS"), "/packages/0/supplier: "),
        (|d| d["packages"][0]["primaryPackagePurpose"] = json!("FUN"), "/packages/0/primaryPackagePurpose: "),
        (|d| d["files"][0]["fileTypes"] = json!(["FUN"]), "/files/0/fileTypes/0: "),
        (
            |d| d["hasExtractedLicensingInfos"][0]["extractedText"] = json!(""),
            "/hasExtractedLicensingInfos/0/extractedText: ",
        ),
        (|d| d["externalDocumentRefs"][0]["spdxDocument"] = json!("base#1"), "/externalDocumentRefs/0/spdxDocument: "),
    ] {
        let said = failure(change);
        assert!(said.starts_with(place), "{place}: {said}");
    }
    assert!(
        judge(|d| d["relationships"][1]["relationshipType"] = json!("KNOWS"))[0]
            .message
            .starts_with("/relationships/1/")
    );
    assert!(sbom("s", b"{", Purls::Enforced).iter().all(|f| f.status == Status::Fail && f.check == "sbom"));
    assert!(sbom("s", b"[]", Purls::Enforced).iter().all(|f| f.status == Status::Fail));
}

#[test]
fn a_thousand_problems_are_twenty_and_a_number() {
    let findings = judge(|d| {
        let broken =
            json!({"spdxElementId": "SPDXRef-x", "relationshipType": "CONTAINS", "relatedSpdxElement": "NONE"});
        d["relationships"] = json!(vec![broken; 1_000]);
    });
    assert_eq!(findings.len(), 21);
    // The thousand, and that the document now describes nothing.
    assert_eq!(
        findings.last().map(|f| (f.status, f.message.as_str())),
        Some((Status::Fail, "and 981 more like these"))
    );
}
