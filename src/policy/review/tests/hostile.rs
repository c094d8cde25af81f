//! What an attacker would try on a pull request made of literals.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::policy::{candidates::CANDIDATES as CANDIDATES_RULE, promotion::body};

/// What an author writes into the table that a promotion made.
type Spoil<'a> = &'a dyn Fn(&mut Vec<body::Row>);

#[test]
fn an_account_is_the_same_under_another_name() {
    for id in [1, 2] {
        let mut case = good();
        case.pull.reviews[0].author_id = Some(id);
        assert_eq!(of(&case, Status::Missing), [APPROVALS.id], "{id}");
    }
    let mut case = good();
    case.pull.reviews[0].author_id = Some(3);
    assert_eq!(verdict(&case), Verdict::Passed);
}

#[test]
fn what_commits_change_elsewhere_counts_though_no_list_names_it() {
    for (path, mode) in [("src/lib.rs", "100644"), ("docs/", ""), ("README.md", "120000"), ("policies", "120000")] {
        let mut case = good();
        case.states.outside.insert(path.to_owned(), Some(mode.to_owned()));
        assert_eq!(of(&case, Status::Fail), [FILES.id], "{path}");
    }
    let mut case = good();
    case.states.outside.insert("README.md".to_owned(), Some("100644".to_owned()));
    case.states.outside.insert("old.md".to_owned(), None);
    assert_eq!(of(&case, Status::Warn), [FILES.id]);
}

#[test]
fn a_promotion_goes_to_the_branch_that_promotions_go_to() {
    let mut case = good();
    case.pull.base.branch = "release".to_owned();
    assert_eq!(of(&case, Status::Fail), [STATE.id]);
    case.demands.base = "release".to_owned();
    assert_eq!(verdict(&case), Verdict::Passed);
}

#[test]
fn a_genuine_probe_of_another_release_vouches_for_nothing_in_a_final_policy() {
    let case = |source: Value, status: &str| {
        let (mut candidates, mut policy) = (candidates(), promoted());
        candidates["source"] = source;
        policy["status"] = json!(status);
        case_of(&policy, &candidates, Signature::WithKey)
    };
    let older = json!({"family": "kms", "verdict": "passed", "release": "mero-kms-v1.1.0"});
    let mixed = json!({"family": "kms", "verdict": "passed", "release": "mero-kms-v1.2.0", "version": "1.1.0"});
    for source in [older.clone(), mixed] {
        assert_eq!(of(&case(source, "ready"), Status::Fail), [PROMOTION.id]);
    }
    assert!(of(&case(older, "policy_not_ready"), Status::Warn).contains(&PROMOTION.id));
    // An image that someone named is shown to those who approve.
    let image = format!("ghcr.io/o/n@sha256:{}", "a".repeat(64));
    let by_hand = json!({"family": "kms", "verdict": "passed", "version": "1.2.0", "image": image});
    let case = case(by_hand, "ready");
    assert_eq!((verdict(&case), of(&case, Status::Warn)), (Verdict::Passed, vec![PROMOTION.id]));
    assert!(comment::text(&case, &judge(&case)).contains(&image));
}

#[test]
fn probes_of_one_target_are_of_one_image() {
    let mut case = good();
    let mut other = case.probes[0].clone();
    other.offered.path = CANDIDATES.replace("/1.", "/2.");
    let read = other.read.as_mut().unwrap();
    read.about.images = [Some("another".to_owned())].into();
    read.digest = crate::digest::Sha256::of(b"other");
    case.probes.push(other);
    assert_eq!(of(&case, Status::Fail), [CANDIDATES_RULE.id]);
}

#[test]
fn the_text_of_a_pull_request_tells_of_the_probes_that_are_in_it() {
    use crate::policy::promotion::{Part, Place};
    let row = |case: &Case| {
        let at = Place { target: case.probes[0].offered.target, number: 1, part: Part::Candidates };
        body::Row::of(at, case.probes[0].read.as_ref().unwrap(), "workflow")
    };
    let signed = || Signature::By(Box::new(Signer { name: "workflow".to_owned(), ..Signer::default() }));
    let told = |change: &dyn Fn(&mut Vec<body::Row>)| {
        let mut case = case_of(&promoted(), &candidates(), signed());
        let mut rows = vec![row(&case)];
        change(&mut rows);
        case.pull.body = Some(body::render(&rows, &[], &case.change.diff));
        case
    };
    assert_eq!(verdict(&told(&|_| {})), Verdict::Passed);
    let spoil: [Spoil<'_>; 7] = [
        &|rows| rows[0].candidates_sha256 = "0".repeat(64),
        &|rows| rows[0].image = Some("ghcr.io/trusted".to_owned()),
        &|rows| rows[0].verdict = Some("passed twice".to_owned()),
        &|rows| rows[0].signer = "another".to_owned(),
        &|rows| rows[0].number = 2,
        &|rows| rows[0].role = "node".to_owned(),
        &|rows| rows.clear(),
    ];
    for change in spoil {
        assert_eq!(of(&told(change), Status::Fail), [EVIDENCE.id]);
    }
    let mut case = good();
    case.pull.body = Some("<!-- merotee:promotion {} -->".to_owned());
    assert_eq!(of(&case, Status::Fail), [EVIDENCE.id]);
    case.pull.body = Some("I measured all of this myself.".to_owned());
    assert_eq!(verdict(&case), Verdict::Passed);
}

#[test]
fn a_key_that_stands_twice_makes_candidates_and_policies_unreadable() {
    let twice = |text: String| text.replacen("\"schema_version\"", "\"schema_version\":1,\"schema_version\"", 1);
    let mut case = good();
    case.probes[0] = Probe::new(
        Offered { candidates: twice(candidates().to_string()).into_bytes(), ..case.probes[0].offered.clone() },
        Signature::WithKey,
    );
    assert!(of(&case, Status::Fail).contains(&VALUES.id));
    assert!(case.probes[0].read.is_err());
    let mut case = good();
    let path = policy_path(Profile::Debug);
    case.states.head.insert(path, entry(twice(promoted().to_string()).as_bytes()));
    case.change = Change::of(&case.states, "master", "#1");
    assert_eq!((case.change.newly(), verdict(&case)), (Newly::Unbounded, Verdict::Failed));
}

#[test]
fn a_policy_names_only_probes_that_are_in_the_pull_request() {
    let named = |digest: &str, role: &str| {
        let mut policy = promoted();
        policy["source"] = json!({"probes": [{"role": role, "candidates_sha256": digest}]});
        let mut case = case_of(&policy, &candidates(), Signature::WithKey);
        // What was there before is not of this change.
        let mut before = policy_json(Profile::Debug);
        before["source"] = json!({"probes": []});
        for state in [&mut case.states.left, &mut case.states.base] {
            state.insert(policy_path(Profile::Debug), entry(before.to_string().as_bytes()));
        }
        case.change = Change::of(&case.states, "master", "#1");
        case
    };
    let digest = good().probes[0].digest.to_string();
    assert_eq!(verdict(&named(&digest, "kms")), Verdict::Passed);
    for (digest, role) in [("0".repeat(64).as_str(), "kms"), (&digest, "node")] {
        assert_eq!(of(&named(digest, role), Status::Fail), [EVIDENCE.id]);
    }
}
