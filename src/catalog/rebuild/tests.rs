//! Releases that fit each other, and catalogs that say so or something else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::*;

const NAME: &str = "compatibility-catalog.json";

/// A value of one register, told apart by `n`.
fn value(n: u8) -> String {
    hex::encode([n; 48])
}

fn lists(prefix: &str, values: &[u8]) -> serde_json::Map<String, Value> {
    let values: Vec<String> = values.iter().map(|n| value(*n)).collect();
    let registers =
        ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"].map(|r| (format!("{prefix}allowed_{r}"), json!(values)));
    let tcb = (format!("{prefix}allowed_tcb_statuses"), json!(["uptodate"]));
    registers.into_iter().chain([tcb]).collect()
}

/// A KMS release whose policies admit nodes that measure to any of `nodes`, in these profiles.
fn kms(version: &str, nodes: &[u8], profiles: &[Profile]) -> Released {
    let policies = profiles.iter().map(|profile| {
        let mut policy = lists("kms_", &[9]);
        policy.extend(lists("node_", nodes));
        let document =
            json!({"schema_version": 1, "role": "kms", "profile": profile, "tag": version, "policy": policy});
        PolicyFile::parse(&format!("attestation-policy-{profile}.json"), document.to_string().as_bytes())
            .expect("a policy")
    });
    let tag = format!("mero-kms-v{version}").parse().unwrap();
    Released { tag, stated: Ok(Stated::Policies(policies.collect())) }
}

fn node(version: &str, n: u8) -> Released {
    let profiles: serde_json::Map<String, Value> =
        Profile::ALL.into_iter().map(|p| (p.as_str().to_owned(), Value::Object(lists("", &[n])))).collect();
    let document = json!({"schema_version": 1, "role": "node", "tag": version, "profiles": profiles});
    let measured =
        PublishedMrtds::parse("published-mrtds.json", document.to_string().as_bytes()).expect("measurements");
    let tag = format!("mero-tee-v{version}").parse().unwrap();
    Released { tag, stated: Ok(Stated::Measurements(Box::new(measured))) }
}

fn entry(kms: &str, node: &str, profiles: &[Profile]) -> Value {
    json!({"kms": kms, "node_image": node, "profiles": profiles, "tested": true, "notes": "ours", "x": 1})
}

fn catalog(entries: &[Value]) -> String {
    format!("{:#}\n", json!({"schema_version": "1", "entries": entries}))
}

fn rebuilt(text: &str, releases: &[Released]) -> Rebuilt {
    let repository = "o/r".parse().unwrap();
    let place = Releases { server: "https://github.com", repository: &repository };
    rebuild(NAME, text.as_bytes(), releases, &place).expect("an editable catalog")
}

fn pairs_of(text: &str) -> Vec<String> {
    let catalog = Catalog::parse(NAME, text.as_bytes()).unwrap();
    catalog.entries.iter().map(|e| format!("{} {} {} {}", e.kms, e.node_image, e.profiles.len(), e.tested)).collect()
}

#[test]
fn a_pair_is_one_whose_policy_admits_what_the_node_publishes() {
    let releases = [
        kms("1.2.0", &[2, 1], &Profile::ALL),
        kms("1.1.0", &[1], &[Profile::LockedReadOnly]),
        node("1.2.0", 2),
        node("1.1.0", 1),
        node("1.0.0", 7),
    ];
    let found: Vec<_> = pairs(&releases).into_iter().map(|((k, n), p)| format!("{k} {n} {}", p.len())).collect();
    assert_eq!(found, ["1.1.0 1.1.0 1", "1.2.0 1.1.0 3", "1.2.0 1.2.0 3"]);
}

#[test]
fn empty_lists_release_candidates_and_unready_policies_make_no_pair() {
    let mut unready = kms("1.2.0", &[2], &Profile::ALL);
    if let Ok(Stated::Policies(policies)) = &mut unready.stated {
        let text = json!({"schema_version": 1, "status": "policy_not_ready", "profile": "debug", "policy": lists("node_", &[2])});
        *policies = vec![PolicyFile::parse("attestation-policy-debug.json", text.to_string().as_bytes()).unwrap()];
    }
    for releases in [
        [kms("1.2.0", &[], &Profile::ALL), node("1.2.0", 2)],
        [kms("1.2.0-rc.1", &[2], &Profile::ALL), node("1.2.0", 2)],
        [kms("1.2.0", &[2], &Profile::ALL), node("1.2.0-rc.1", 2)],
        [unready, node("1.2.0", 2)],
    ] {
        assert!(pairs(&releases).is_empty());
    }
}

#[test]
fn a_catalog_that_is_right_keeps_its_bytes_and_what_people_said() {
    let text = catalog(&[entry("1.2.0", "1.2.0", &Profile::ALL), entry("1.3.0-rc.1", "1.2.0", &[Profile::Debug])]);
    let result = rebuilt(&text, &[kms("1.2.0", &[2], &Profile::ALL), node("1.2.0", 2)]);
    assert_eq!((result.text.as_str(), result.changes.len(), result.findings.len()), (text.as_str(), 0, 0));
}

#[test]
fn what_is_lost_is_found_what_is_invented_goes_and_wrong_profiles_are_set_right() {
    let releases = [
        kms("1.2.0", &[2, 1], &Profile::ALL),
        kms("1.1.0", &[1], &[Profile::Debug]),
        node("1.2.0", 2),
        node("1.1.0", 1),
    ];
    let text = catalog(&[
        entry("1.2.0", "1.2.0", &Profile::ALL),
        entry("1.2.0", "1.0.0", &Profile::ALL),
        entry("1.1.0", "1.1.0", &Profile::ALL),
    ]);
    let result = rebuilt(&text, &releases);
    assert_eq!(pairs_of(&result.text), ["1.2.0 1.2.0 3 true", "1.2.0 1.1.0 3 false", "1.1.0 1.1.0 1 true"]);
    assert_eq!(result.changes.len(), 3, "{:?}", result.changes);
    let again = rebuilt(&result.text, &releases);
    assert_eq!((again.text, again.changes.len()), (result.text, 0));
}

#[test]
fn a_listed_release_that_is_not_trusted_fails_and_an_unlisted_one_is_only_told_of() {
    let distrusted = |tag: &str| Released { tag: tag.parse().unwrap(), stated: Err("it does not pass".into()) };
    let text = catalog(&[entry("1.2.0", "1.2.0", &Profile::ALL)]);
    let statuses =
        |releases: &[Released]| rebuilt(&text, releases).findings.iter().map(|f| f.status).collect::<Vec<_>>();
    use crate::report::Status::{Fail, Warn};
    assert_eq!(statuses(&[distrusted("mero-kms-v1.2.0"), node("1.2.0", 2)]), [Fail]);
    assert_eq!(statuses(&[distrusted("mero-kms-v1.1.0"), kms("1.2.0", &[2], &Profile::ALL), node("1.2.0", 2)]), [Warn]);
}

#[test]
fn upstreams_form_loses_what_does_not_fit_and_is_told_of_what_it_does_not_list() {
    let release = |v: &str| json!({"version": v, "kms_tag": format!("mero-kms-v{v}"), "node_image_tag": format!("mero-tee-v{v}")});
    let text = format!("{:#}\n", json!({"schema_version": 1, "releases": [release("1.1.0"), release("1.2.0")]}));
    let fitting =
        [kms("1.1.0", &[1], &Profile::ALL), kms("1.2.0", &[2], &Profile::ALL), node("1.1.0", 1), node("1.2.0", 2)];
    assert_eq!(rebuilt(&text, &fitting).text, text);
    let result =
        rebuilt(&text, &[fitting[0].clone(), fitting[2].clone(), kms("1.3.0", &[3], &Profile::ALL), node("1.3.0", 3)]);
    assert_eq!(pairs_of(&result.text), ["1.1.0 1.1.0 3 true"]);
    assert!(result.findings[0].message.contains("KMS 1.3.0 and node image 1.3.0 fit"), "{:?}", result.findings);
}
