//! Which TCB statuses a policy tolerates, in every command that applies one to a machine: what its list says, and nothing
//! where it says nothing.

use merotee::{
    sandbox::{
        boot::Boot,
        documents::{self, published_mrtds},
    },
    subject::{profile::Profile, role::Role, tag::Tag},
};
use serde_json::{Value, json};

use super::*;
use crate::binary::{Place, Run, statuses};

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// A list of tolerated statuses, as a policy may have it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum List {
    Absent,
    Empty,
    Of(&'static [TcbStatus]),
}

use List::{Absent, Empty, Of};
use TcbStatus::{
    ConfigurationAndSwHardeningNeeded, ConfigurationNeeded, OutOfDate, OutOfDateConfigurationNeeded, SwHardeningNeeded,
    UpToDate,
};

/// A policy of the sandbox with its KMS lists in one spelling, so that a test changes a list in one place.
fn sample_policy(release: &Tag, profile: Profile) -> Value {
    let mut policy = documents::policy(release, profile);
    policy["policy"].as_object_mut().unwrap().retain(|list, _| !list.starts_with("allowed_"));
    policy
}

/// A list, the status of the machine, and whether it is tolerated.
const CASES: [(List, TcbStatus, bool); 16] = [
    (Absent, UpToDate, false),
    (Absent, OutOfDate, false),
    (Empty, UpToDate, false),
    (Empty, SwHardeningNeeded, false),
    (Of(&[UpToDate]), UpToDate, true),
    (Of(&[UpToDate]), SwHardeningNeeded, false),
    (Of(&[UpToDate]), ConfigurationNeeded, false),
    (Of(&[UpToDate]), ConfigurationAndSwHardeningNeeded, false),
    (Of(&[UpToDate]), OutOfDate, false),
    (Of(&[UpToDate]), OutOfDateConfigurationNeeded, false),
    (Of(&[OutOfDate]), OutOfDate, true),
    (Of(&[OutOfDate]), UpToDate, false),
    (Of(&[UpToDate, SwHardeningNeeded]), SwHardeningNeeded, true),
    // Two flaws are worse than either.
    (Of(&[SwHardeningNeeded, ConfigurationNeeded]), ConfigurationAndSwHardeningNeeded, false),
    (Of(&[OutOfDate]), OutOfDateConfigurationNeeded, false),
    (Of(&[UpToDate, TcbStatus::Revoked]), TcbStatus::Revoked, false),
];

/// Puts the list in, or takes it out.
fn set(lists: &mut Value, key: &str, list: List) {
    let lists = lists.as_object_mut().unwrap();
    match list {
        Absent => drop(lists.remove(key)),
        Empty => drop(lists.insert(key.to_owned(), json!([]))),
        Of(statuses) => {
            let words = statuses.iter().map(|status| json!(status.as_str())).collect();
            lists.insert(key.to_owned(), Value::Array(words));
        }
    }
}

fn policy(list: List, side: Role) -> Value {
    let mut policy = sample_policy(&tag("mero-kms-v1.2.0"), Profile::Debug);
    set(&mut policy["policy"], &format!("{}_allowed_tcb_statuses", side.as_str()), list);
    policy
}

/// A machine of the sample release on that side, of that status: its quote, and what to judge it by.
fn machine(side: Role, status: TcbStatus) -> Place {
    let release = match side {
        Role::Kms => tag("mero-kms-v1.2.0"),
        Role::Node => tag("mero-tee-v1.2.0"),
    };
    let platform = platform().with_status(status, &[]).unwrap();
    let request = QuoteRequest::new(Boot::of_release(&release, Profile::Debug).registers(), [7; 64]);
    let place = Place::new();
    place.write("quote.bin", platform.quote(&request));
    place.write("collateral.json", platform.collateral_json().unwrap());
    place.write("root.der", platform.root_der());
    place
}

fn with_collateral(place: &Place, words: &[&str]) -> Run {
    let now = NOW.to_string();
    let by = ["--collateral", "collateral.json", "--root", "root.der", "--at", &now, "--format", "json"];
    place.merotee(words).args(by).run()
}

#[track_caller]
fn expect(run: Run, tolerated: bool, what: &str) -> Value {
    assert_eq!(run.code, if tolerated { 0 } else { 10 }, "{what}: {}\n{}", run.stdout, run.stderr);
    let report = run.report();
    let tcb = statuses(&report, "quote-tcb");
    assert_eq!(tcb.contains(&"fail"), !tolerated, "{what}: {tcb:?}");
    report
}

#[test]
fn quote_verify_tolerates_what_the_list_says_and_nothing_without_one() {
    for side in [Role::Kms, Role::Node] {
        for (list, status, tolerated) in CASES {
            let place = machine(side, status);
            place.write("policy.json", policy(list, side).to_string());
            let words = ["quote", "verify", "quote.bin", "--expect-policy", "policy.json", "--role", side.as_str()];
            expect(with_collateral(&place, &words), tolerated, &format!("{side:?}, {list:?}, {status}"));
        }
    }
}

#[test]
fn a_policy_that_is_not_ready_and_lists_no_status_leaves_it_undecided() {
    for list in [Absent, Empty] {
        let place = machine(Role::Kms, UpToDate);
        let mut policy = policy(list, Role::Kms);
        policy["status"] = json!("policy_not_ready");
        place.write("policy.json", policy.to_string());
        let words = ["quote", "verify", "quote.bin", "--expect-policy", "policy.json", "--role", "kms"];
        let run = with_collateral(&place, &words).expect(1);
        assert_eq!(statuses(&run.report(), "quote-tcb"), ["skipped_required"], "{list:?}");
    }
}

#[test]
fn mrtds_verify_runtime_and_compare_mdma_tolerate_what_the_release_lists_and_nothing_without_a_list() {
    for command in ["verify-runtime", "compare-mdma"] {
        for (list, status, tolerated) in CASES {
            let place = machine(Role::Node, status);
            let mut published = published_mrtds(&tag("mero-tee-v1.2.0"));
            set(&mut published["profiles"]["debug"], "allowed_tcb_statuses", list);
            place.write("published.json", published.to_string());
            let words =
                ["mrtds", command, "--quote", "quote.bin", "--expected", "published.json", "--profile", "debug"];
            expect(with_collateral(&place, &words), tolerated, &format!("{command}, {list:?}, {status}"));
        }
    }
}

#[test]
fn kms_attest_and_get_key_tolerate_nothing_of_a_kms_without_a_list() {
    for (list, tolerated) in [(Absent, false), (Empty, false), (Of(&[OutOfDate]), false), (Of(&[UpToDate]), true)] {
        let place = Place::new();
        // The sandbox's KMS is of the locked profile.
        let mut policy = sample_policy(&tag("mero-kms-v1.2.0"), Profile::LockedReadOnly);
        set(&mut policy["policy"], "kms_allowed_tcb_statuses", list);
        place.write("policy.json", policy.to_string());
        for command in ["attest", "get-key"] {
            let words = ["kms", command, "--expect-policy", "policy.json", "--format", "json"];
            let run = place.sandbox(words).run();
            let report = expect(run, tolerated, &format!("{command}, {list:?}"));
            // Nothing of the node is sent to a KMS that fails.
            let key = statuses(&report, "kms-key");
            let sent = if tolerated { "pass" } else { "skipped_required" };
            assert_eq!(key, if command == "get-key" { vec![sent] } else { Vec::new() }, "{command}, {list:?}");
        }
    }
}

#[test]
fn a_status_that_nobody_knows_in_a_list_is_refused_before_anything_is_judged() {
    for word in ["fine", "UpToDate2", "", "tdrelaunchadvised", "uptodate,outofdate"] {
        let place = machine(Role::Kms, UpToDate);
        let mut policy = policy(Of(&[UpToDate]), Role::Kms);
        policy["policy"]["kms_allowed_tcb_statuses"] = json!(["uptodate", word]);
        place.write("policy.json", policy.to_string());
        let words = ["quote", "verify", "quote.bin", "--expect-policy", "policy.json", "--role", "kms"];
        with_collateral(&place, &words).expect(2).without_product().says(&["kms_allowed_tcb_statuses[1]"]);
    }
}
