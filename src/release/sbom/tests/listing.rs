//! SBOMs that list something, and those that only seem to.

use super::*;

#[test]
fn an_sbom_without_packages_fails() {
    let findings = judge(|d| {
        d["packages"] = json!([]);
        d["files"] = json!([]);
        d["snippets"] = json!([]);
        d["relationships"] = json!([]);
    });
    assert_eq!(only(Status::Fail, findings), "no package is described");
}

/// Members of "an SBOM that lists nothing", which scanners write when they find nothing.
#[test]
fn an_sbom_that_lists_nothing_but_its_root_fails() {
    let nothing = "no package is listed but the document root: the tool that made it found nothing";
    let root = |id: &str| json!({"SPDXID": id, "name": "artifacts", "downloadLocation": "NOASSERTION", "filesAnalyzed": false});
    let with_purl = |id: &str| {
        let mut package = root(id);
        package["externalRefs"] = json!([{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": "pkg:oci/mero-kms-phala@sha256%3Aabc"}]);
        package
    };
    let describes = |id: &str| json!({"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": id});
    let described_by = |id: &str| json!({"spdxElementId": id, "relationshipType": "DESCRIBED_BY", "relatedSpdxElement": "SPDXRef-DOCUMENT"});
    let (syft, other) = ("SPDXRef-DocumentRoot-Directory-artifacts", "SPDXRef-RootPackage");
    let second = "SPDXRef-DocumentRoot-Image";
    let bare = |packages: Value, relationships: Value, describes: Value| {
        failure(|d| {
            for list in ["files", "snippets", "externalDocumentRefs"] {
                d[list] = json!([]);
            }
            d["packages"] = packages;
            d["relationships"] = relationships;
            d["documentDescribes"] = describes;
        })
    };
    for (packages, relationships, list) in [
        (json!([root(syft)]), json!([describes(syft)]), json!([])),
        (json!([root(syft)]), json!([described_by(syft)]), json!([])),
        (json!([root(syft)]), json!([]), json!([syft])),
        (json!([root(syft)]), json!([]), json!([])),
        (json!([root(other)]), json!([describes(other)]), json!([])),
        (json!([root(other)]), json!([]), json!([other])),
        (json!([root(other)]), json!([]), json!([])),
        (json!([with_purl(syft)]), json!([describes(syft)]), json!([])),
        (json!([with_purl(other)]), json!([describes(other)]), json!([])),
        (json!([root(syft), with_purl(second)]), json!([describes(syft)]), json!([])),
        (json!([root(syft), root(second)]), json!([describes(syft), describes(second)]), json!([])),
    ] {
        let said = bare(packages.clone(), relationships.clone(), list.clone());
        assert_eq!(said, nothing, "{packages} {relationships} {list}");
    }
}

#[test]
fn packages_without_a_purl_fail_or_warn_as_the_layout_has_it() {
    let message = "no package other than the document root has a package URL, by which vulnerabilities are looked up";
    let without = |d: &mut Value| d["packages"][1]["externalRefs"] = json!([]);
    assert_eq!(failure(without), message);
    let warned = judged(Purls::Advisory, without);
    assert_eq!(warned.iter().map(|f| f.status).collect::<Vec<_>>(), [Status::Pass, Status::Warn]);
    let of_the_root_only = |d: &mut Value| {
        d["packages"][0]["externalRefs"] = d["packages"][1]["externalRefs"].take();
        d["packages"][1]["externalRefs"] = json!([]);
    };
    assert_eq!(failure(of_the_root_only), message);
    let as_something_else = |d: &mut Value| d["packages"][1]["externalRefs"][0]["referenceCategory"] = json!("OTHER");
    assert_eq!(failure(as_something_else), message);
    // A document that describes everything it lists has no root of its own.
    let flat = |d: &mut Value| {
        d["documentDescribes"] = json!(["SPDXRef-Package-a", "SPDXRef-Package-b"]);
    };
    assert_eq!(judge(flat)[0].status, Status::Pass);
}

#[test]
fn a_document_of_several_elements_says_which_of_its_own_it_describes() {
    let message = "the document does not say what it describes";
    for related in ["SPDXRef-DOCUMENT", "NOASSERTION", "NONE", "DocumentRef-base:SPDXRef-Package-a"] {
        assert_eq!(failure(|d| d["relationships"][0]["relatedSpdxElement"] = json!(related)), message, "{related}");
    }
    for kind in ["CONTAINS", "DESCRIBED_BY"] {
        assert_eq!(failure(|d| d["relationships"][0]["relationshipType"] = json!(kind)), message, "{kind}");
    }
    assert_eq!(failure(|d| d["relationships"][0]["spdxElementId"] = json!("SPDXRef-Package-b")), message);
    let of_a_file = |d: &mut Value| d["relationships"][0]["relatedSpdxElement"] = json!("SPDXRef-File-b");
    assert_eq!(judge(of_a_file)[0].status, Status::Pass);
}
