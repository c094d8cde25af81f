//! Catalogs of both forms, and releases that are and are not listed.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use semver::Version;
use serde_json::{Value, json};

use super::{
    pair::{Question, Untested},
    *,
};
use crate::{
    report::Status,
    subject::{
        profile::Profile,
        tag::{Class, Family},
    },
};

fn read(document: &Value) -> Catalog {
    Catalog::parse("compatibility-catalog.json", document.to_string().as_bytes()).expect("a catalog")
}

fn entry(kms: &str, node: &str, profiles: &[&str]) -> Value {
    json!({"kms": kms, "node_image": node, "profiles": profiles, "tested": true})
}

const ALL: [&str; 3] = ["debug", "debug-read-only", "locked-read-only"];

fn ours() -> Catalog {
    read(&json!({"schema_version": "1", "entries": [
        entry("1.2.0", "1.2.0", &ALL),
        entry("1.2.0", "1.1.0", &["locked-read-only"]),
    ]}))
}

fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

fn judge(catalog: &Catalog, tag: &str, class: Class, counterpart: Option<&str>) -> Vec<(Status, Option<String>)> {
    let counterpart = counterpart.map(version);
    let findings = listed(catalog, &tag.parse().expect("a tag"), class, counterpart.as_ref());
    findings.into_iter().map(|f| (f.status, f.actual)).collect()
}

#[test]
fn both_forms_read_into_the_same_entries() {
    let upstream = read(&json!({"schema_version": 1, "releases": [
        {"version": "1.2.0", "kms_tag": "mero-kms-v1.2.0", "node_image_tag": "mero-tee-v1.2.0"}]}));
    assert_eq!((ours().form, upstream.form), (CatalogForm::Entries, CatalogForm::Releases));
    let pair = (version("1.2.0"), version("1.2.0"));
    assert_eq!(ours().lists(&pair.0, &pair.1), upstream.lists(&pair.0, &pair.1));
    assert_eq!(ours().counterparts_of(Family::Kms, &pair.0), [&version("1.2.0"), &version("1.1.0")]);
    assert_eq!(ours().counterparts_of(Family::Node, &version("1.1.0")), [&version("1.2.0")]);
    assert_eq!(ours().lists(&version("1.1.0"), &version("1.2.0")), None);
}

#[test]
fn a_version_of_the_form_that_is_not_known_is_refused() {
    let list = json!([]);
    for (form, known) in [("entries", json!("1")), ("releases", json!(1))] {
        let parse = |version: &Value| {
            let document = json!({"schema_version": version, form: list});
            Catalog::parse("c.json", document.to_string().as_bytes())
        };
        assert!(parse(&known).is_ok(), "{form}");
        let other = if form == "entries" { json!(1) } else { json!("1") };
        for unknown in [other, json!("99"), json!(2), json!(1.5), json!(""), Value::Null, json!(["1"])] {
            let finding = parse(&unknown).expect_err("a version that is not known");
            assert_eq!((finding.status, finding.check), (Status::Fail, "schema"), "{unknown}");
            assert_eq!(finding.actual, Some(unknown.to_string()));
        }
        let without = json!({form: list}).to_string();
        assert!(Catalog::parse("c.json", without.as_bytes()).is_err(), "{form}");
    }
}

#[test]
fn upstreams_form_may_say_that_a_pair_was_not_tested() {
    let release = |tested: Option<Value>| {
        let mut release =
            json!({"version": "1.2.0", "kms_tag": "mero-kms-v1.2.0", "node_image_tag": "mero-tee-v1.2.0"});
        if let Some(tested) = tested {
            release["tested"] = tested;
        }
        read(&json!({"schema_version": 1, "releases": [release]}))
    };
    let tested = |catalog: &Catalog| catalog.entries.iter().map(|e| e.tested).collect::<Vec<_>>();
    assert_eq!(tested(&release(None)), [true]);
    assert_eq!(tested(&release(Some(json!(true)))), [true]);
    assert_eq!(tested(&release(Some(json!(false)))), [false]);
    for wrong in [json!("no"), json!(0), Value::Null] {
        let catalog = release(Some(wrong.clone()));
        assert_eq!(catalog.malformed, [("releases[0].tested".to_owned(), wrong.to_string())]);
    }
}

#[test]
fn a_listed_stable_release_passes_with_and_without_a_named_counterpart() {
    assert_eq!(judge(&ours(), "mero-kms-v1.2.0", Class::Stable, None), [(Status::Pass, None)]);
    assert_eq!(judge(&ours(), "mero-tee-v1.2.0", Class::Hotfix, Some("1.2.0")), [(Status::Pass, None)]);
}

#[test]
fn a_stable_release_that_is_not_listed_fails_and_says_what_is() {
    let got = |tag: &str, counterpart| judge(&ours(), tag, Class::Stable, counterpart);
    assert_eq!(got("mero-kms-v1.3.0", None), [(Status::Fail, Some("not among 2 entries".to_owned()))]);
    let other = "listed with node image 1.2.0 only".to_owned();
    assert_eq!(got("mero-kms-v1.2.0", Some("1.3.0")), [(Status::Fail, Some(other))]);
    let empty = read(&json!({"schema_version": "1", "entries": []}));
    let got = judge(&empty, "mero-kms-v1.2.0", Class::Stable, None);
    assert_eq!(got, [(Status::Fail, Some("the catalog is empty".to_owned()))]);
}

#[test]
fn a_pair_listed_without_all_profiles_fails() {
    let got = judge(&ours(), "mero-kms-v1.2.0", Class::Stable, Some("1.1.0"));
    assert_eq!(got, [(Status::Fail, Some("locked-read-only".to_owned()))]);
}

#[test]
fn for_a_release_candidate_the_catalog_is_optional() {
    assert_eq!(judge(&ours(), "mero-kms-v1.3.0-rc.1", Class::Rc, None), [(Status::Skipped, None)]);
}

#[test]
fn duplicates_and_untested_pairs_are_warned_about() {
    let twice = read(
        &json!({"schema_version": "1", "entries": [entry("1.2.0", "1.2.0", &ALL), entry("1.2.0", "1.2.0", &ALL)]}),
    );
    assert_eq!(judge(&twice, "mero-kms-v1.2.0", Class::Stable, None), [(Status::Warn, None), (Status::Pass, None)]);
    let mut untested = entry("1.2.0", "1.2.0", &ALL);
    untested["tested"] = json!(false);
    let untested = read(&json!({"schema_version": "1", "entries": [untested]}));
    assert_eq!(judge(&untested, "mero-kms-v1.2.0", Class::Stable, None), [(Status::Warn, None)]);
}

#[test]
fn malformed_entries_fail_with_their_place_and_the_others_are_read() {
    let catalog = read(&json!({"schema_version": "1", "entries": [
        entry("1.2.0", "1.2.0", &ALL), entry("v1.2.0", "1.2.0", &ALL), entry("1.2.0", "1.2.0", &["prod"]), 7]}));
    assert_eq!(catalog.entries.len(), 1);
    let places: Vec<_> = catalog.malformed.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["entries[1].kms", "entries[2].profiles", "entries[3]"]);
    let statuses: Vec<_> = judge(&catalog, "mero-kms-v1.2.0", Class::Stable, None).into_iter().map(|f| f.0).collect();
    assert_eq!(statuses, [Status::Fail, Status::Fail, Status::Fail, Status::Pass]);
    let swapped = read(&json!({"schema_version": 1, "releases": [
        {"version": "1.2.0", "kms_tag": "mero-tee-v1.2.0", "node_image_tag": "mero-tee-v1.2.0"}]}));
    assert_eq!(swapped.malformed.first().map(|(place, _)| place.as_str()), Some("releases[0].kms_tag"));
}

#[test]
fn what_is_no_catalog_is_refused() {
    for bytes in [&b"[]"[..], b"{}", br#"{"entries":[],"releases":[]}"#, b"{\"entries\":[],\"entries\":[]}"] {
        let finding = Catalog::parse("c.json", bytes).expect_err("no catalog");
        assert_eq!((finding.check, finding.status), ("schema", Status::Fail));
    }
}

fn asked(catalog: &Catalog, node: &str, profiles: &[Profile], untested: Untested) -> Vec<(Status, Option<String>)> {
    let question = Question { kms: version("1.2.0"), node_image: version(node), profiles: profiles.to_vec(), untested };
    pair::pair(catalog, &question).into_iter().map(|f| (f.status, f.actual)).collect()
}

#[test]
fn a_pair_is_asked_about_profile_by_profile() {
    let ask = |node: &str, profiles: &[Profile]| asked(&ours(), node, profiles, Untested::Refused);
    assert_eq!(ask("1.2.0", &Profile::ALL), vec![(Status::Pass, None); 3]);
    assert_eq!(ask("1.1.0", &[Profile::LockedReadOnly]), [(Status::Pass, None)]);
    let only = Some("listed in locked-read-only only".to_owned());
    assert_eq!(ask("1.1.0", &[Profile::Debug]), [(Status::Missing, only)]);
    let others = Some("listed with node image 1.2.0, 1.1.0".to_owned());
    assert_eq!(ask("1.3.0", &[Profile::Debug]), [(Status::Missing, others)]);
}

#[test]
fn an_untested_pair_fails_unless_that_is_accepted_and_two_minds_always_fail() {
    let mut untested = entry("1.2.0", "1.2.0", &ALL);
    untested["tested"] = json!(false);
    let catalog = read(&json!({"schema_version": "1", "entries": [untested]}));
    let debug = [Profile::Debug];
    assert_eq!(asked(&catalog, "1.2.0", &debug, Untested::Refused), [(Status::Fail, None)]);
    assert_eq!(asked(&catalog, "1.2.0", &debug, Untested::Accepted), [(Status::Warn, None)]);
    let both = read(&json!({"schema_version": "1", "entries": [untested, entry("1.2.0", "1.2.0", &ALL)]}));
    assert_eq!(asked(&both, "1.2.0", &debug, Untested::Accepted)[0].0, Status::Fail);
    let malformed = read(&json!({"schema_version": "1", "entries": [entry("1.2.0", "1.2.0", &ALL), 7]}));
    assert_eq!(asked(&malformed, "1.2.0", &debug, Untested::Refused)[0].0, Status::Fail);
}
