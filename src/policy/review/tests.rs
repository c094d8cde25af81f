//! The rules on a pull request made of literals.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod hostile;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    change::Newly,
    evidence::{Offered, Signature, Signer, offered},
    pull::{Changed, Commit, Content, End, Entry, Files, Review, ReviewVerdict},
    team::Membership,
    *,
};
use crate::{
    policy::{
        fixtures::{measurement, policy_json},
        promotion::policy_path,
    },
    report::{Status, Verdict},
    subject::profile::Profile,
};

const HEAD: &str = "1111111111111111111111111111111111111111";
const CANDIDATES: &str = "policies/probes/kms-debug/1.candidates.json";
const BUNDLE: &str = "policies/probes/kms-debug/1.candidates.bundle.json";

fn entry(bytes: &[u8]) -> Entry {
    let id = crate::digest::Sha256::of(bytes).to_string();
    Entry { mode: "100644".to_owned(), id, content: Content::Bytes(bytes.to_vec()) }
}

fn review(id: u64, author: &str, verdict: ReviewVerdict) -> Review {
    let author = Some(author.to_owned());
    Review { id, author, author_id: None, verdict, commit: Some(HEAD.to_owned()), at: None }
}

fn new_value() -> String {
    measurement(0x77).to_string()
}

/// The debug policy with one more value of RTMR2.
fn promoted() -> Value {
    let mut policy = policy_json(Profile::Debug);
    policy["policy"]["kms_allowed_rtmr2"].as_array_mut().unwrap().push(json!(new_value()));
    policy
}

/// Candidates that measured it, beside what the policy has.
fn candidates() -> Value {
    let policy = policy_json(Profile::Debug);
    let mut lists = json!({"allowed_tcb_statuses": ["uptodate"]});
    for register in ["mrtd", "rtmr0", "rtmr1", "rtmr3"] {
        lists[format!("allowed_{register}")] = policy["policy"][format!("kms_allowed_{register}")].clone();
    }
    lists["allowed_rtmr2"] = json!([new_value()]);
    json!({"schema_version": 1, "generated_at": "2026-01-01T00:00:00Z", "measurement_source": "td_quote",
        "source": {"family": "kms", "verdict": "passed", "release": "mero-kms-v1.2.0"}, "profile": "debug", "policy": lists})
}

/// A case with this policy and these candidates, and nothing wrong with it.
fn case_of(policy: &Value, candidates: &Value, signature: Signature) -> Case {
    let mut states = States::default();
    for profile in Profile::ALL {
        let before = entry(policy_json(profile).to_string().as_bytes());
        for state in [&mut states.left, &mut states.base, &mut states.head] {
            state.insert(policy_path(profile), before.clone());
        }
    }
    states.head.insert(policy_path(Profile::Debug), entry(policy.to_string().as_bytes()));
    states.head.insert(CANDIDATES.to_owned(), entry(candidates.to_string().as_bytes()));
    states.head.insert(BUNDLE.to_owned(), entry(b"{}"));
    let change = Change::of(&states, "master", "#1");
    let probes = offered(&states).into_iter().map(|one| Probe::new(one, signature.clone())).collect();
    let security: Team = "o/security".parse().unwrap();
    let mut members = Members::default();
    for login in ["alice", "bob", "author"] {
        members.note(&security, login, Membership::Member);
    }
    members.note(&security, "dave", Membership::Outside);
    let changed = |path: &&str| Changed { path: (*path).to_owned(), previous: None };
    let paths = [policy_path(Profile::Debug), CANDIDATES.to_owned(), BUNDLE.to_owned()];
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let end = |branch: &str, commit: &str| End { branch: branch.to_owned(), commit: commit.to_owned() };
    Case {
        pull: PullRequest {
            number: 1,
            url: "https://github.com/o/r/pull/1".to_owned(),
            author: Some("Author".to_owned()),
            author_id: Some(1),
            body: None,
            state: PullState::Open,
            draft: false,
            base: end("master", &"0".repeat(40)),
            head: end("promotion", HEAD),
            source: Source::Own,
            labels: vec!["Policy-Promotion".to_owned()],
            files: Files::All(paths.iter().map(changed).collect()),
            commits: Some(vec![Commit {
                id: HEAD.to_owned(),
                accounts: vec!["coder".to_owned()],
                account_ids: vec![2],
                unknown: None,
            }]),
            reviews: vec![review(1, "alice", ReviewVerdict::Approved), review(2, "Bob", ReviewVerdict::Approved)],
            moved: None,
        },
        states,
        change,
        probes,
        security,
        architecture: "o/architecture".parse().unwrap(),
        members,
        demands: Demands {
            base: "master".to_owned(),
            label: "policy-promotion".to_owned(),
            approvals: 2,
            merged: false,
            now: "2026-02-01T00:00:00Z".parse().unwrap(),
        },
    }
}

fn good() -> Case {
    case_of(&promoted(), &candidates(), Signature::By(Box::default()))
}

/// Ids of checks of `status`, each once.
fn of(case: &Case, status: Status) -> Vec<&'static str> {
    let mut ids: Vec<_> = judge(case).iter().filter(|f| f.status == status).map(|f| f.check).collect();
    ids.dedup();
    ids
}

fn verdict(case: &Case) -> Verdict {
    Verdict::of(judge(case).iter())
}

#[test]
fn the_literal_promotion_passes_and_admits_one_value() {
    let case = good();
    assert_eq!(verdict(&case), Verdict::Passed, "{:#?}", judge(&case));
    assert_eq!((case.change.newly(), case.change.is_structural()), (Newly::Values(1), false));
    let text = comment::text(&case, &judge(&case));
    assert!(text.starts_with(comment::MARKER) && text.contains("Newly admits 1 value;"), "{text}");
}

#[test]
fn who_opened_it_or_wrote_a_commit_does_not_approve_it_in_any_spelling() {
    let spoil: [fn(&mut Case); 3] = [
        |case| case.pull.reviews[0].author = Some("AUTHOR".to_owned()),
        |case| case.pull.commits.as_mut().unwrap()[0].accounts.push("ALICE".to_owned()),
        |case| case.pull.reviews[0].author = None,
    ];
    for change in spoil {
        let mut case = good();
        change(&mut case);
        assert_eq!(of(&case, Status::Missing), [APPROVALS.id]);
    }
    let mut case = good();
    case.pull.commits = None;
    assert_eq!(of(&case, Status::SkippedRequired), [APPROVALS.id]);
    // The account that opened it is gone: no one can be taken for it.
    let mut case = good();
    case.pull.author = None;
    assert_eq!(verdict(&case), Verdict::Passed);
}

#[test]
fn the_last_verdict_counts_by_time_and_not_by_the_order_of_the_list() {
    let at = |time: &str| Some(time.parse().unwrap());
    let mut case = good();
    let later = Review { at: at("2026-01-02T00:00:00Z"), ..review(3, "alice", ReviewVerdict::ChangesRequested) };
    case.pull.reviews[0].at = at("2026-01-01T00:00:00Z");
    case.pull.reviews.insert(0, later);
    assert_eq!(of(&case, Status::Fail), [APPROVALS.id]);
    // A comment or an unfinished review takes nothing back.
    for verdict in [ReviewVerdict::Commented, ReviewVerdict::Pending] {
        let mut case = good();
        case.pull.reviews.push(Review { at: at("2026-01-03T00:00:00Z"), ..review(9, "alice", verdict) });
        assert_eq!(Verdict::of(judge(&case).iter()), Verdict::Passed);
    }
    let mut case = good();
    case.pull.reviews.push(Review { at: at("2026-01-03T00:00:00Z"), ..review(9, "alice", ReviewVerdict::Dismissed) });
    assert_eq!(of(&case, Status::Missing), [APPROVALS.id]);
    let mut case = good();
    case.pull.reviews[1].commit = None;
    assert_eq!(of(&case, Status::Missing), [APPROVALS.id]);
}

#[test]
fn an_account_of_which_nothing_is_known_is_not_a_member() {
    let mut case = good();
    case.members = Members::default();
    assert_eq!(of(&case, Status::SkippedRequired), [APPROVALS.id]);
    case.pull.reviews.push(review(3, "carol", ReviewVerdict::ChangesRequested));
    assert_eq!(verdict(&case), Verdict::Undecided);
    let many = (0..500).map(|n| review(n, &format!("stranger-{n}"), ReviewVerdict::Approved));
    case.pull.reviews = many.collect();
    assert_eq!(approvals::asked(&case.pull).len(), approvals::MAX_ASKED);
    assert_eq!(verdict(&case), Verdict::Undecided);
}

#[test]
fn a_value_is_measured_only_by_evidence_that_holds_in_every_part() {
    let wrong = Signer { wrong: vec![("ref", "a".to_owned(), "b".to_owned())], ..Signer::default() };
    for signature in [Signature::Absent, Signature::Rejected("no".to_owned()), Signature::By(Box::new(wrong))] {
        let case = case_of(&promoted(), &candidates(), signature);
        assert!(of(&case, Status::Fail).contains(&VALUES.id));
    }
    let sign = || Signature::By(Box::default());
    let mut failed = candidates();
    failed["source"]["verdict"] = json!("failed");
    let mut malformed = candidates();
    malformed["policy"]["allowed_mrtd"] = json!(["zz"]);
    let mut silent = candidates();
    silent["source"] = json!({});
    let mut unnamed = candidates();
    unnamed.as_object_mut().unwrap().remove("profile");
    for candidates in [failed, malformed, silent, unnamed] {
        let case = case_of(&promoted(), &candidates, sign());
        assert!(of(&case, Status::Fail).contains(&VALUES.id), "{candidates}");
    }
    // Of another place in the repository, or there before, it is not offered at all.
    let mut case = good();
    case.states.left.insert(CANDIDATES.to_owned(), case.states.head[CANDIDATES].clone());
    assert_eq!(offered(&case.states), [] as [Offered; 0]);
}

#[test]
fn what_widens_without_a_value_is_unbounded_and_fails_whatever_was_measured() {
    let spoil: [fn(&mut Value); 3] = [
        |policy| policy["policy"]["kms_allowed_mrtd"] = json!([]),
        |policy| policy["policy"]["node_allowed_tcb_statuses"] = json!([]),
        |policy| policy["status"] = json!("policy_not_ready"),
    ];
    for change in spoil {
        let mut policy = promoted();
        change(&mut policy);
        let case = case_of(&policy, &candidates(), Signature::WithKey);
        assert_eq!(case.change.newly(), Newly::Unbounded);
        assert!(of(&case, Status::Fail).contains(&VALUES.id));
    }
}

#[test]
fn a_draft_that_becomes_final_admits_all_that_it_lists() {
    let mut draft = policy_json(Profile::Debug);
    draft["status"] = json!("policy_not_ready");
    let mut case = good();
    let path = policy_path(Profile::Debug);
    for state in [&mut case.states.left, &mut case.states.base] {
        state.insert(path.clone(), entry(draft.to_string().as_bytes()));
    }
    case.change = Change::of(&case.states, "master", "#1");
    // Ten registers and two statuses, a compose hash, and the new value.
    assert_eq!(case.change.newly(), Newly::Values(14));
    assert!(of(&case, Status::Fail).contains(&VALUES.id), "the node's lists were not probed");
}

#[test]
fn links_and_executables_in_a_policys_place_are_refused() {
    for mode in ["120000", "100755", "160000"] {
        let mut case = good();
        let path = policy_path(Profile::Debug);
        case.states.head.get_mut(&path).unwrap().mode = mode.to_owned();
        case.change = Change::of(&case.states, "master", "#1");
        assert_eq!(of(&case, Status::Fail), [FILES.id], "{mode}");
    }
    let mut case = good();
    case.pull.files = Files::All(vec![Changed { path: "a.md".to_owned(), previous: Some("src/lib.rs".to_owned()) }]);
    assert_eq!(of(&case, Status::Fail), [FILES.id], "what a file was called before counts");
}

#[test]
fn old_evidence_is_a_warning() {
    let signer = |at: &str| Signature::By(Box::new(Signer { at: Some(at.parse().unwrap()), ..Signer::default() }));
    let case = case_of(&promoted(), &candidates(), signer("2026-01-15T00:00:00Z"));
    assert_eq!(of(&case, Status::Warn), [""; 0]);
    let case = case_of(&promoted(), &candidates(), signer("2025-12-01T00:00:00Z"));
    assert_eq!(of(&case, Status::Warn), [SIGNER.id]);
}

#[test]
fn a_comment_stays_under_githubs_limit_however_much_there_is_to_say() {
    let mut policy = promoted();
    let list: Vec<Value> = (0..4000_u32).map(|n| json!(format!("{}{n:08x}", "0".repeat(88)))).collect();
    policy["policy"]["kms_allowed_rtmr1"] = json!(list);
    let mut case = case_of(&policy, &candidates(), Signature::WithKey);
    case.pull.reviews = (0..2000).map(|n| review(n, &format!("person-{n}"), ReviewVerdict::Approved)).collect();
    let findings = judge(&case);
    let text = comment::text(&case, &findings);
    assert!(text.chars().count() < 65_536 && text.contains("Cut here"), "{}", text.chars().count());
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    assert!(text.contains("## Approvals"), "what matters comes before what is cut");
}

#[test]
fn candidates_of_a_folder_are_found_with_what_signs_them() {
    let bytes = candidates().to_string().into_bytes();
    for seal in ["p/c.json.bundle.json", "p/c.bundle.json", "p/c.json.sigstore.json", "p/c.json.sig", "p/c.sig"] {
        let files: BTreeMap<String, Vec<u8>> =
            [("p/c.json".to_owned(), bytes.clone()), (seal.to_owned(), b"{}".to_vec())].into();
        let found = evidence::given(&files);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].seal_path.as_str(), found[0].seal.as_deref()), (seal, Some(&b"{}"[..])));
    }
    let alone = evidence::given(&[("c.json".to_owned(), bytes)].into());
    assert_eq!((alone[0].target.to_string().as_str(), alone[0].seal.as_deref()), ("kms-debug", None));
}

#[test]
fn a_team_is_written_in_one_way() {
    let team: Team = "@Calimero-Network/security".parse().unwrap();
    assert_eq!(team.to_string(), "calimero-network/security");
    for wrong in ["", "security", "a/", "/b", "a/b/c", "a b/c", "../x", "a/..", "a/b%2f"] {
        assert!(wrong.parse::<Team>().is_err(), "{wrong}");
    }
}
