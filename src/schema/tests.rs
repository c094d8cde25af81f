//! The schemas themselves, and what validation says.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;

fn schema_of(document: Document) -> Value {
    serde_json::from_str(document.schema()).expect("a schema is JSON")
}

#[test]
fn every_schema_is_valid_2020_12_compiles_and_is_named_after_its_file() {
    for document in Document::ALL {
        let schema = schema_of(document);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["$id"], format!("urn:merotee:schema:{}:1", document.name()));
        let error = jsonschema::draft202012::meta::validate(&schema).err().map(|e| e.to_string());
        assert_eq!(error, None, "{document:?}");
        assert_eq!(document.validator().err(), None, "{document:?}");
    }
}

#[test]
fn every_field_of_every_schema_is_described() {
    fn undescribed(schema: &Value, place: &str, found: &mut Vec<String>) {
        if let Value::Object(fields) = schema {
            for (name, field) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let by_reference = field.get("$ref").is_some();
                // Conditions only repeat fields that are described where they are declared.
                let repeated = ["/if", "/then", "/else"].iter().any(|branch| place.contains(branch));
                if !by_reference && !repeated && field.get("description").is_none() {
                    found.push(format!("{place}/{name}"));
                }
            }
            for (name, inner) in fields {
                undescribed(inner, &format!("{place}/{name}"), found);
            }
        } else if let Value::Array(items) = schema {
            items.iter().for_each(|inner| undescribed(inner, place, found));
        }
    }
    for document in Document::ALL {
        let mut found = Vec::new();
        undescribed(&schema_of(document), "", &mut found);
        assert_eq!(found, Vec::<String>::new(), "{document:?}");
    }
}

#[test]
fn a_difference_names_its_place_and_is_bounded_in_number_and_length() {
    let long = json!({"schema_version": 1, "role": "node", "tag": "1.2.0", "profiles": {"debug": "x".repeat(10_000)}});
    let errors = validate(Document::PublishedMrtds, &long);
    assert!(errors.iter().any(|e| e.pointer == "/profiles/debug"), "{errors:?}");
    assert!(errors.iter().all(|e| e.message.chars().count() <= MAX_MESSAGE_CHARS + 1), "{errors:?}");
    let many = json!({"schema_version": "1", "entries": vec![1; 1000]});
    assert_eq!(validate(Document::CompatibilityCatalog, &many).len(), MAX_PROBLEMS);
    let huge = json!({"schema_version": "1", "entries": vec![1; 60_000]});
    assert_eq!(validate(Document::CompatibilityCatalog, &huge).len(), 1);
    assert_eq!(conforms("c.json", Document::CompatibilityCatalog, &many).len(), MAX_PROBLEMS);
}

#[test]
fn a_document_that_conforms_is_one_pass_and_one_that_is_no_json_one_failure_with_its_line() {
    let catalog = json!({"schema_version": "1", "entries": []});
    let findings = conforms("c.json", Document::CompatibilityCatalog, &catalog);
    assert_eq!(findings, [Finding::new("schema", Status::Pass, "c.json", "valid compatibility-catalog")]);
    let finding = parse_json(b"{\n\"a\": }").map_err(|e| unreadable("p.json", &e)).expect_err("not JSON");
    assert_eq!((finding.status, finding.location.and_then(|l| l.line)), (Status::Fail, Some(2)));
    assert_eq!(finding.message, "not acceptable JSON: line 2, column 6: expected value");
}

/// The three profiles, each with what `make` gives it.
fn by_profile(make: impl Fn(&str) -> Value) -> Value {
    let profiles = ["debug", "debug-read-only", "locked-read-only"];
    Value::Object(profiles.into_iter().map(|p| (p.to_owned(), make(p))).collect())
}

/// Where `value` differs from its schema.
fn places(document: Document, value: &Value) -> Vec<String> {
    validate(document, value).into_iter().map(|e| e.pointer).collect()
}

#[test]
fn documents_of_the_upstream_layout_conform_and_their_essentials_are_demanded() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let common = json!({"schema_version": 1, "tag": "2.3.8", "commit_sha": "b".repeat(40), "workflow_run_id": "1",
        "container": {"image": "ghcr.io/o/kms", "digest": digest, "tags": ["2.3.8"]},
        "container_profile_digests": by_profile(|_| json!(digest))});
    assert_eq!(places(Document::ContainerMetadata, &common), [""; 0]);
    let mut manifest = common.clone();
    manifest["binaries"] = json!([{"file": "kms.tar.gz", "sha256": "c".repeat(64)}]);
    assert_eq!(places(Document::KmsReleaseManifest, &manifest), [""; 0]);
    manifest["binaries"][0]["file"] = json!("../kms.tar.gz");
    manifest["container"]["digest"] = json!("sha256:abc");
    assert_eq!(places(Document::KmsReleaseManifest, &manifest), ["/binaries/0/file", "/container/digest"]);

    let pair = |profile: &str| {
        json!({"kms_image_tag": profile, "kms_image_digest": digest, "kms_policy_asset": "p.json",
        "kms_policy_sha256": "d".repeat(64), "event_payload": "e".repeat(64), "node_profile": profile})
    };
    let mut map = json!({"schema_version": 1, "tag": "2.3.8", "compatibility": {"version": "2.3.8",
        "kms_tag": "mero-kms-v2.3.8", "node_image_tag": "mero-tee-v2.3.8", "profiles": by_profile(pair)}});
    assert_eq!(places(Document::CompatibilityMap, &map), [""; 0]);
    map["compatibility"]["profiles"]["debug"]["node_profile"] = json!("locked-read-only");
    assert_eq!(places(Document::CompatibilityMap, &map), ["/compatibility/profiles/debug/node_profile"]);

    let image = |_: &str| json!({"image": {"name": "image"}, "external_verification": {"status": "performed", "mrtd": "1a".repeat(48)}});
    let mut provenance = json!({"role": "node", "tag": "2.3.8", "commit_sha": "b".repeat(40), "profiles": by_profile(image),
        "mrtds": {"tag": "2.3.8", "profiles": by_profile(|_| json!({"mrtd": "1a".repeat(48)}))}});
    assert_eq!(places(Document::ReleaseProvenance, &provenance), [""; 0]);
    provenance["profiles"]["debug"]["external_verification"]["mrtd"] = json!("");
    assert_eq!(places(Document::ReleaseProvenance, &provenance), ["/profiles/debug/external_verification/mrtd"]);
}

#[test]
fn candidates_conform_with_lists_for_one_machine_or_by_profile_and_not_without() {
    let lists = json!({"allowed_mrtd": [], "allowed_rtmr0": [], "allowed_rtmr1": [], "allowed_rtmr2": [],
        "allowed_rtmr3": [], "allowed_tcb_statuses": ["uptodate"]});
    let mut candidates = json!({"schema_version": 1, "generated_at": "2026-01-02T03:04:05Z",
        "measurement_source": "td_quote", "github_repository_variables": {"MERO_KMS_ALLOWED_MRTD_JSON": "[]"}});
    assert_eq!(places(Document::MeasurementCandidates, &candidates), [""]);
    candidates["policy"] = lists.clone();
    assert_eq!(places(Document::MeasurementCandidates, &candidates), [""; 0]);
    candidates["profiles"] = json!({"debug": lists, "production": lists});
    assert_eq!(places(Document::MeasurementCandidates, &candidates), ["/profiles"]);
}
