//! A valid SBOM, and each way to break one.
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;

fn document() -> Value {
    json!({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "mero-kms",
        "documentNamespace": "https://example.org/spdx/mero-kms-1.2.0",
        "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Tool: syft-1.0.0"]},
        "externalDocumentRefs": [{"externalDocumentId": "DocumentRef-base", "spdxDocument": "https://example.org/base",
            "checksum": {"algorithm": "SHA1", "checksumValue": "a".repeat(40)}}],
        "packages": [{"SPDXID": "SPDXRef-Package-a", "name": "a", "downloadLocation": "NOASSERTION"}],
        "files": [{"SPDXID": "SPDXRef-File-b", "fileName": "/bin/b",
            "checksums": [{"algorithm": "SHA256", "checksumValue": "b".repeat(64)}]}],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-Package-a"},
            {"spdxElementId": "SPDXRef-Package-a", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-File-b"},
            {"spdxElementId": "SPDXRef-Package-a", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "NOASSERTION"},
            {"spdxElementId": "SPDXRef-Package-a", "relationshipType": "DESCENDANT_OF",
             "relatedSpdxElement": "DocumentRef-base:SPDXRef-Package-a"}
        ]
    })
}

fn judge(change: impl FnOnce(&mut Value)) -> Vec<Finding> {
    let mut document = document();
    change(&mut document);
    sbom("sbom.spdx.json", document.to_string().as_bytes())
}

/// The message of the only finding, which is a failure.
fn failure(change: impl FnOnce(&mut Value)) -> String {
    match judge(change).as_slice() {
        [only] if only.status == Status::Fail && only.check == "sbom" => only.message.clone(),
        other => format!("{other:#?}"),
    }
}

#[test]
fn a_valid_sbom_is_one_pass_that_counts_what_it_looked_at() {
    let expected = "SPDX 2.3: 1 packages, 4 relationships, all resolved";
    assert_eq!(judge(|_| ()), [Finding::new("sbom", Status::Pass, "sbom.spdx.json", expected)]);
}

#[test]
fn an_sbom_without_packages_fails() {
    assert_eq!(
        failure(|d| {
            d["packages"] = json!([]);
            d["files"] = json!([]);
            d["relationships"] = json!([]);
        }),
        "no package is described"
    );
}

#[test]
fn a_relationship_to_nothing_fails_and_names_its_end() {
    assert_eq!(
        failure(|d| d["relationships"][1]["relatedSpdxElement"] = json!("SPDXRef-gone")),
        "relationships[1].relatedSpdxElement refers to an element that does not exist"
    );
    assert_eq!(
        failure(|d| d["relationships"][2]["spdxElementId"] = json!("NOASSERTION")),
        "relationships[2].spdxElementId refers to an element that does not exist"
    );
    assert_eq!(
        failure(|d| d["relationships"][3]["relatedSpdxElement"] = json!("DocumentRef-other:SPDXRef-a")),
        "relationships[3].relatedSpdxElement refers to an element that does not exist"
    );
    assert_eq!(
        failure(|d| d["documentDescribes"] = json!(["SPDXRef-gone"])),
        "documentDescribes[0] refers to an element that does not exist"
    );
    assert_eq!(
        failure(|d| d["packages"][0]["hasFiles"] = json!(["SPDXRef-gone"])),
        "packages[0].hasFiles refers to an element that does not exist"
    );
}

#[test]
fn two_elements_of_one_name_fail() {
    let findings = judge(|d| d["packages"] = json!([d["packages"][0], d["packages"][0]]));
    let seen: Vec<_> = findings.iter().map(|f| (f.message.as_str(), f.actual.as_deref())).collect();
    assert_eq!(seen, [("packages[1] has a name that another element has", Some("SPDXRef-Package-a"))]);
    assert_eq!(
        failure(|d| d["snippets"] = json!([{"SPDXID": "SPDXRef-DOCUMENT", "snippetFromFile": "SPDXRef-File-b"}])),
        "snippets[0] has a name that another element has"
    );
}

#[test]
fn the_schema_is_part_of_the_check() {
    assert!(failure(|d| d["spdxVersion"] = json!("SPDX-2.2")).starts_with("/spdxVersion: "));
    assert!(failure(|d| d["creationInfo"]["creators"] = json!([])).starts_with("/creationInfo/creators: "));
    assert!(failure(|d| d["relationships"][0]["relationshipType"] = json!("KNOWS")).starts_with("/relationships/0/"));
    assert!(sbom("s", b"{").iter().all(|f| f.status == Status::Fail && f.check == "sbom"));
    assert!(sbom("s", b"[]").iter().all(|f| f.status == Status::Fail));
}

#[test]
fn a_thousand_problems_are_twenty_and_a_number() {
    let findings = judge(|d| {
        let broken =
            json!({"spdxElementId": "SPDXRef-x", "relationshipType": "CONTAINS", "relatedSpdxElement": "NONE"});
        d["relationships"] = json!(vec![broken; 1_000]);
    });
    assert_eq!(findings.len(), 21);
    assert_eq!(
        findings.last().map(|f| (f.status, f.message.as_str())),
        Some((Status::Fail, "and 980 more like these"))
    );
}
