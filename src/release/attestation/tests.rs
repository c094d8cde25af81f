//! Statements that differ from GitHub's by one thing, and releases that differ from what is attested.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::report::{Finding, Status};

const TAG: &str = "mero-kms-v1.2.0";
const OBJECT: &str = "c5e17a62e06a1d201570249c61fae531e9244e1b";

fn digest(of: &str) -> Sha256 {
    Sha256::of(of.as_bytes())
}

fn value(version: &str) -> Value {
    let mut predicate = json!({
        "ownerId": "3", "purl": format!("pkg:github/o/r@{TAG}"), "repository": "o/r", "repositoryId": "2", "tag": TAG,
    });
    if version == "v0.1" {
        predicate["releaseId"] = json!("1");
    } else {
        predicate["databaseId"] = json!("1");
        predicate["packageId"] = json!("2");
    }
    json!({
        "_type": STATEMENT,
        "subject": [
            {"uri": format!("pkg:github/o/r@{TAG}"), "digest": {"sha1": OBJECT}},
            {"name": "a", "digest": {"sha256": digest("a").to_string()}},
            {"name": "b", "digest": {"sha256": digest("b").to_string()}},
        ],
        "predicateType": format!("https://in-toto.io/attestation/release/{version}"),
        "predicate": predicate,
    })
}

fn parse(value: &Value) -> Result<ReleaseStatement, String> {
    ReleaseStatement::parse(value.to_string().as_bytes())
}

fn statement() -> ReleaseStatement {
    parse(&value("v0.2")).unwrap()
}

fn known() -> Known {
    let ids = Ids { repository: Some(2), owner: Some(3), release: Some(1), tag_ref: Some(OBJECT.to_owned()) };
    Known { repository: "o/r".parse().unwrap(), asked_for: None, tag: TAG.to_owned(), ids }
}

fn at() -> Timestamp {
    "2025-10-01T00:00:00Z".parse().unwrap()
}

/// What an attestation says instead.
type Change = fn(&mut ReleaseStatement);

/// What is said, by status and subject.
fn said(findings: &[Finding]) -> Vec<(Status, &str)> {
    findings.iter().map(|finding| (finding.status, finding.subject.as_str())).collect()
}

#[test]
fn both_forms_say_the_same() {
    assert_eq!(parse(&value("v0.1")), parse(&value("v0.2")));
    let statement = statement();
    assert_eq!((statement.repository_id, statement.owner_id, statement.release_id), (2, 3, 1));
    assert_eq!(statement.assets.keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_form_with_one_field_more_or_less_or_of_another_type_is_refused_and_the_field_is_named() {
    for version in ["v0.1", "v0.2"] {
        for place in ["", "/subject/0", "/subject/0/digest", "/subject/1", "/subject/1/digest", "/predicate"] {
            let whole = value(version);
            let fields: Vec<String> = whole.pointer(place).unwrap().as_object().unwrap().keys().cloned().collect();
            for field in &fields {
                for wrong in [None, Some(json!(null)), Some(json!(1)), Some(json!("")), Some(json!([[]]))] {
                    let mut changed = whole.clone();
                    let object = changed.pointer_mut(place).unwrap().as_object_mut().unwrap();
                    match wrong {
                        None => object.remove(field),
                        Some(wrong) => object.insert(field.clone(), wrong),
                    };
                    let refused = parse(&changed).unwrap_err();
                    let last = place.rsplit('/').next().unwrap();
                    assert!(refused.contains(field.as_str()) || refused.contains(last), "{place} {field}: {refused}");
                }
            }
            let mut more = whole.clone();
            more.pointer_mut(place).unwrap().as_object_mut().unwrap().insert("more".to_owned(), json!("x"));
            assert!(parse(&more).is_err(), "{version} {place}");
        }
    }
}

#[test]
fn ids_that_are_not_written_as_github_writes_them_and_fields_that_contradict_each_other_are_refused() {
    for odd in ["", "+2", "02", " 2", "2 ", "-2", "0x2", "2.0", "18446744073709551616", "two"] {
        let mut changed = value("v0.2");
        changed["predicate"]["repositoryId"] = json!(odd);
        changed["predicate"]["packageId"] = json!(odd);
        assert!(parse(&changed).is_err(), "{odd:?}");
    }
    let change = |pointer: &str, to: Value| {
        let mut changed = value("v0.2");
        *changed.pointer_mut(pointer).unwrap() = to;
        parse(&changed).unwrap_err()
    };
    assert!(change("/predicate/packageId", json!("9")).contains("packageId"));
    assert!(change("/subject/0/uri", json!("pkg:github/o/r@v9")).contains("which release is meant"));
    assert!(change("/subject/2/name", json!("a")).contains("two subjects are called a"));
    assert!(change("/subject", json!([])).contains("subject"));
    assert!(change("/_type", json!("https://in-toto.io/Statement/v0.1")).contains("_type"));
    assert!(change("/predicateType", json!("https://in-toto.io/attestation/release/v0.3")).contains("predicateType"));
    for digest in [json!({"sha1": "C5E1"}), json!({"sha1": OBJECT.to_uppercase()}), json!({"md5": "0"})] {
        assert!(change("/subject/0/digest", digest).contains("subject[0].digest"));
    }
    assert!(change("/subject/0/digest", json!({"sha1": OBJECT, "sha256": "0".repeat(64)})).contains("subject[0]"));
    let mut sha256 = value("v0.2");
    sha256["subject"][0]["digest"] = json!({"sha256": "0".repeat(64)});
    assert_eq!(parse(&sha256).unwrap().tag_ref, "0".repeat(64));
}

#[test]
fn a_field_that_stands_twice_is_refused() {
    let twice = value("v0.1").to_string().replacen("\"tag\":", "\"tag\":\"x\",\"tag\":", 1);
    assert!(ReleaseStatement::parse(twice.as_bytes()).is_err());
}

#[test]
fn of_several_attestations_the_one_of_the_tag_is_taken_and_two_or_an_unreadable_one_are_not() {
    let (ours, mut other) = (statement(), statement());
    other.tag = "another".to_owned();
    assert_eq!(choose(&[], TAG), Choice::None(0));
    assert_eq!(choose(&[Ok(&other)], TAG), Choice::None(1));
    assert_eq!(choose(&[Ok(&other), Ok(&ours)], TAG), Choice::One(1));
    assert_eq!(choose(&[Ok(&ours), Ok(&other), Ok(&ours)], TAG), Choice::Several(2));
    assert_eq!(choose(&[Ok(&ours), Err("why")], TAG), Choice::Unreadable("why".to_owned()));
}

#[test]
fn whatever_names_another_release_fails_alone_and_what_is_not_known_is_said() {
    assert_eq!(said(&identity(&known(), &statement(), at())), [(Status::Pass, TAG)]);
    let changes: [(&str, Change); 7] = [
        ("another repository", |s| s.repository = "o/other".to_owned()),
        ("another tag", |s| s.tag = "v9".to_owned()),
        ("another package", |s| s.purl = "pkg:github/o/other@mero-kms-v1.2.0".to_owned()),
        ("another repository: its id", |s| s.repository_id = 9),
        ("another owner: its id", |s| s.owner_id = 9),
        ("another release: its id", |s| s.release_id = 9),
        ("the tag has moved", |s| s.tag_ref = "0".repeat(40)),
    ];
    for (what, change) in changes {
        let mut statement = statement();
        change(&mut statement);
        let findings = identity(&known(), &statement, at());
        assert_eq!(said(&findings), [(Status::Fail, TAG)], "{what}");
        assert!(findings[0].message.contains(what) && findings[0].help.is_some(), "{what}: {}", findings[0].message);
    }
    let offline = Known { ids: Ids::default(), ..known() };
    let findings = identity(&offline, &statement(), at());
    assert_eq!(said(&findings), [(Status::Pass, TAG), (Status::Skipped, TAG)]);
    assert!(findings[1].message.contains("the repository's id, the owner's id, the release's id and what the tag"));
}

#[test]
fn names_of_repositories_are_one_in_any_case_and_the_name_before_a_move_counts_too() {
    let mut statement = statement();
    statement.repository = "O/R".to_owned();
    statement.purl = format!("pkg:github/O/r@{TAG}");
    assert_eq!(said(&identity(&known(), &statement, at())), [(Status::Pass, TAG)]);
    statement.repository = "o/before".to_owned();
    statement.purl = format!("pkg:github/o/before@{TAG}");
    assert_eq!(identity(&known(), &statement, at()).len(), 2);
    let moved = Known { asked_for: Some("o/before".parse().unwrap()), ..known() };
    assert_eq!(said(&identity(&moved, &statement, at())), [(Status::Pass, TAG)]);
}

#[test]
fn a_package_is_that_of_the_tag_whether_what_is_odd_in_it_is_encoded_or_not() {
    let tag = "release/1.0+x@2";
    let known = Known { tag: tag.to_owned(), ..known() };
    let of = |purl: &str| {
        let statement = ReleaseStatement { tag: tag.to_owned(), purl: purl.to_owned(), ..statement() };
        identity(&known, &statement, at()).iter().all(|finding| finding.status == Status::Pass)
    };
    assert!(of("pkg:github/o/r@release/1.0+x@2") && of("pkg:github/o/r@release%2F1.0%2Bx%402"));
    for other in ["pkg:github/o/r", "pkg:github/o/r@", "pkg:github/o/r@release/1.0", "pkg:gitlab/o/r@release/1.0+x@2"] {
        assert!(!of(other), "{other}");
    }
    assert!(!of("pkg:github/o/r/x@release/1.0+x@2") && !of("pkg:github/o/r@release/1.0+x@2?a=b"));
}

fn listing<'a>(assets: &[(&'a str, &str)]) -> Vec<Listed<'a>> {
    assets.iter().map(|(name, text)| Listed { name, found: Found::Digest(digest(text)) }).collect()
}

#[test]
fn assets_are_compared_by_name_and_digest_in_both_directions() {
    let judged = |listed: &[(&str, &str)]| {
        let findings = assets(TAG, &statement(), &listing(listed), Extent::Whole);
        findings.iter().map(|finding| (finding.status, finding.subject.clone())).collect::<Vec<_>>()
    };
    let of = |status, subject: &str| (status, subject.to_owned());
    let one = of(Status::Pass, TAG);
    assert_eq!(judged(&[("a", "a"), ("b", "b")]), [of(Status::Pass, TAG)]);
    assert_eq!(judged(&[("a", "a"), ("b", "x")]), [one.clone(), of(Status::Fail, "b")]);
    assert_eq!(judged(&[("a", "a")]), [one.clone(), of(Status::Missing, "b")]);
    assert_eq!(judged(&[("a", "a"), ("b", "b"), ("c", "c")]), [one.clone(), of(Status::Fail, "c")]);
    // Renamed: one fault, and not one that is gone and one that came.
    assert_eq!(judged(&[("a", "a"), ("c", "b")]), [one, of(Status::Fail, "c")]);
    // Each other's name.
    assert_eq!(judged(&[("a", "b"), ("b", "a")]), [of(Status::Fail, "a"), of(Status::Fail, "b")]);
    // A copy under a new name is added, and nothing was renamed.
    let copy = assets(TAG, &statement(), &listing(&[("a", "a"), ("b", "b"), ("c", "b")]), Extent::Whole);
    assert!(copy[1].message.contains("does not attest this asset"), "{}", copy[1].message);
    assert_eq!(judged(&[]), [of(Status::Missing, "a"), of(Status::Missing, "b")]);
}

#[test]
fn an_asset_whose_content_is_not_known_is_undecided_and_what_is_not_given_is_counted() {
    let unread = [
        Listed { name: "a", found: Found::Unread("not read") },
        Listed { name: "b", found: Found::Digest(digest("b")) },
    ];
    let findings = assets(TAG, &statement(), &unread, Extent::Whole);
    assert_eq!(said(&findings), [(Status::Pass, TAG), (Status::SkippedRequired, "a")]);
    let part = assets(TAG, &statement(), &listing(&[("a", "a")]), Extent::Part);
    assert_eq!(said(&part), [(Status::Pass, TAG), (Status::Skipped, TAG)]);
    assert!(part[1].message.starts_with("1 attested asset was not given"));
    let beside = assets(TAG, &statement(), &listing(&[("a", "a")]), Extent::Beside);
    assert_eq!(said(&beside), [(Status::Pass, TAG)]);
    assert_eq!(said(&assets(TAG, &statement(), &[], Extent::Part)), [(Status::Skipped, TAG)]);
    // A file of the command line may never have been an asset.
    for extent in [Extent::Part, Extent::Beside] {
        let stray = assets(TAG, &statement(), &listing(&[("a", "a"), ("notes.txt", "x")]), extent);
        let told = stray.iter().find(|finding| finding.status == Status::Fail).unwrap();
        assert_eq!(told.message, "GitHub attests no asset of this name; it attests: a and b");
    }
}

proptest! {
    #[test]
    fn a_listing_passes_exactly_when_it_is_the_attested_one(
        attested in proptest::collection::btree_map("[a-d]", 0_u8..3, 1..4),
        listed in proptest::collection::btree_map("[a-d]", 0_u8..3, 0..5),
    ) {
        let digest = |n: &u8| Sha256::of(&[*n]);
        let statement = ReleaseStatement { assets: attested.iter().map(|(k, v)| (k.clone(), digest(v))).collect(), ..statement() };
        let at_hand: Vec<_> = listed.iter().map(|(name, n)| Listed { name, found: Found::Digest(digest(n)) }).collect();
        let findings = assets(TAG, &statement, &at_hand, Extent::Whole);
        prop_assert!(!findings.is_empty());
        let passed = findings.iter().all(|finding| finding.status == Status::Pass);
        prop_assert_eq!(passed, attested == listed);
    }

    #[test]
    fn a_statement_with_a_changed_byte_is_another_one_or_none(place in 0_usize..900, byte in any::<u8>()) {
        let text = value("v0.2").to_string().into_bytes();
        let place = place % text.len();
        let mut changed = text.clone();
        changed[place] = byte;
        if changed != text && let Ok(read) = ReleaseStatement::parse(&changed) {
            prop_assert_ne!(read, statement());
        }
    }
}
