//! The real policies and catalog that upstream published, and this repository's own.

use std::{fs, path::PathBuf};

use merotee::{
    attestation::measurement::Register,
    catalog::{Catalog, CatalogForm},
    policy::{
        checks,
        document::{PolicyFile, PolicyKind, profile_in_name},
        isolation,
    },
    report::{Finding, Status},
    schema::{Document, parse_json, validate},
    subject::{profile::Profile, role::Role, tag::Class},
};

use crate::corpus::corpus;

fn policies_in(folder: &str) -> Vec<(String, PolicyFile)> {
    let Some(corpus) = corpus("policies") else { return Vec::new() };
    let mut files: Vec<_> = fs::read_dir(corpus.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let policy = PolicyFile::parse(&name, &fs::read(&path).unwrap()).unwrap();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), policy)
    };
    files.into_iter().map(read).collect()
}

fn failures(findings: &[Finding]) -> usize {
    findings.iter().filter(|f| f.status == Status::Fail).count()
}

#[test]
fn every_node_policy_upstream_published_is_flagged() {
    for (version, policy) in policies_in("mero-tee") {
        assert_eq!((policy.kind, policy.tag.as_deref()), (PolicyKind::RegistryNode, Some(version.as_str())));
        assert_eq!(policy.profiles.len(), 3, "{version}");
        assert!(policy.malformed.is_empty(), "{version}: {:?}", policy.malformed);
        assert!(policy.unknown_fields.is_empty(), "{version}: {:?}", policy.unknown_fields);
        let empty = policy.profiles.iter().all(|p| p.of(Role::Node).unwrap().register(Register::Rtmr3).is_empty());
        let older = ["2.1.4", "2.1.10"].contains(&version.as_str());
        assert_eq!(empty, older, "{version}: which of the two flaws it has");
        let lists = checks::measurements(&policy);
        assert_eq!(failures(&lists), if empty { 3 } else { 0 }, "{version}: {lists:#?}");
        let isolation = isolation::policies(&[&policy]);
        assert_eq!(failures(&isolation), 3, "{version}: {isolation:#?}");
    }
}

#[test]
fn every_kms_policy_upstream_published_reads_with_its_kind_and_all_its_lists() {
    for (version, policy) in policies_in("kms-phala") {
        assert_eq!((policy.kind, policy.tag.as_deref()), (PolicyKind::RegistryKms, Some(version.as_str())));
        assert_eq!(policy.profile(), Some(Profile::LockedReadOnly));
        assert!(policy.malformed.is_empty() && policy.unknown_fields.is_empty(), "{version}");
        let kms = policy.profiles[0].of(Role::Kms).unwrap();
        assert!(Register::ALL.iter().all(|r| kms.register(*r).len() == 1), "{version}");
        let statuses: Vec<_> = checks::tcb(&policy).iter().map(|f| f.status).collect();
        assert_eq!(statuses, [Status::Warn], "{version}: outdated firmware is tolerated");
        assert_eq!(failures(&checks::measurements(&policy)), 0);
        assert_eq!(failures(&checks::status(&policy, Class::Stable)), 0);
    }
}

#[test]
fn every_published_policy_and_the_catalog_conform_to_their_schemas() {
    for (version, policy) in policies_in("mero-tee").into_iter().chain(policies_in("kms-phala")) {
        assert_eq!(validate(policy.kind.schema(), &policy.document), [], "{version}");
    }
    let Some(corpus) = corpus("policies") else { return };
    let bytes = fs::read(corpus.join("compatibility-catalog.upstream.json")).unwrap();
    assert_eq!(validate(Document::CompatibilityCatalog, &parse_json(&bytes).unwrap()), []);
}

#[test]
fn upstreams_catalog_reads_with_all_its_entries() {
    let Some(corpus) = corpus("policies") else { return };
    let bytes = fs::read(corpus.join("compatibility-catalog.upstream.json")).unwrap();
    let count = parse_json(&bytes).unwrap()["releases"].as_array().unwrap().len();
    let catalog = Catalog::parse("compatibility-catalog.json", &bytes).unwrap();
    assert_eq!((catalog.form, catalog.entries.len(), catalog.malformed.len()), (CatalogForm::Releases, count, 0));
    let version = "2.3.8".parse().unwrap();
    assert_eq!(catalog.lists(&version, &version).map(|e| e.profiles.len()), Some(3));
}

#[test]
fn this_repositorys_policies_are_valid_unready_and_named_after_their_profile() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let policies = Profile::ALL.map(|profile| {
        let name = format!("kms-phala-attestation-policy.{profile}.json");
        let policy = PolicyFile::parse(&name, &fs::read(root.join("policies").join(&name)).unwrap()).unwrap();
        assert_eq!(policy.kind, PolicyKind::Current);
        assert_eq!((profile_in_name(&name), policy.profile()), (Some(profile), Some(profile)));
        assert_eq!(validate(Document::AttestationPolicy, &policy.document), []);
        assert!(policy.is_not_ready() && policy.malformed.is_empty() && policy.unknown_fields.is_empty());
        assert_eq!(failures(&checks::status(&policy, Class::Rc)), 0);
        assert_eq!(failures(&checks::status(&policy, Class::Stable)), 1);
        let hash = merotee::digest::Sha256::of(b"mero-kms-phala-attest-v1").to_string();
        assert_eq!(policy.document["kms"]["default_binding_hex"], hash);
        policy
    });
    let isolation = isolation::policies(&policies.each_ref());
    assert!(isolation.iter().all(|f| f.status == Status::Skipped), "{isolation:#?}");
}

#[test]
fn this_repositorys_catalog_is_valid_and_claims_nothing() {
    let bytes = fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("compatibility-catalog.json")).unwrap();
    assert_eq!(validate(Document::CompatibilityCatalog, &parse_json(&bytes).unwrap()), []);
    assert_eq!(Catalog::parse("compatibility-catalog.json", &bytes).unwrap().entries, []);
}
