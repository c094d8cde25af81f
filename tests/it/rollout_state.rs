//! The state of a rollout through the binary: locks, tampering, and what people see of it. Nothing outside is touched here:
//! the states are written by the library, as a run would leave them.

use jiff::Timestamp;
use merotee::{
    adapters::rollout_state::{Holder, Rollout},
    probe::journal::RequestId,
    rollout::{
        inputs::{Access, Inputs, Site, Target},
        path::Look,
        record::{Order, Reach, Record, Verdict},
        soak::Limits,
        words::Remark,
    },
    subject::profile::Profile,
};
use serde_json::json;

use crate::binary::{Place, Run, statuses};

const STATE: &str = "r.state";

fn at() -> Timestamp {
    "2026-11-30T02:00:00Z".parse().unwrap()
}

fn ada() -> Holder {
    Holder::this(Some("ada"), at())
}

fn inputs() -> Inputs {
    let site = |name: &str| Site {
        target: Target::Phala {
            name: name.parse().unwrap(),
            instance_type: "tdx.small".parse().unwrap(),
            region: None,
        },
        url: None,
        node: Access::Command(vec![Remark::new("ssh"), Remark::new("node-1")]),
        standing: None,
    };
    Inputs {
        repository: "calimero-network/mero-tee".parse().unwrap(),
        kms: "mero-kms-v1.2.0".parse().unwrap(),
        node: "mero-tee-v1.2.0".parse().unwrap(),
        profile: Profile::LockedReadOnly,
        staging: site("kms-staging"),
        production: site("kms"),
        soak: Limits::default(),
    }
}

/// What the environment of a test leads to.
fn reach() -> Reach {
    let word = Remark::new;
    let (github, phala) = (word("api.github.com"), word("cloud-api.phala.com"));
    Reach { github, phala, trust_root: word("embedded"), quote_root: word("embedded"), compressed: false }
}

/// A rollout in which D1 and D2 passed.
fn begun(place: &Place) -> Rollout {
    let path = place.path(STATE);
    let mut rollout = Rollout::begin(&path, at(), RequestId::new([7; 16]), (inputs(), reach()), &ada()).unwrap();
    rollout.record(at(), Record::Order { order: Order::Run, by: ada().operator() }).unwrap();
    for look in [Look::KmsRelease, Look::NodeRelease] {
        let subject = rollout.state().subject(look);
        let report = json!({
            "tool": {"name": "merotee"}, "command": look.command(), "verdict": "passed",
            "sections": [{"subject": subject, "verdict": "passed", "facts": {"made_for": rollout.state().mark()}}],
        });
        let proof = rollout.keep(&format!("{}.json", look.name()), report.to_string().as_bytes()).unwrap();
        let record = Record::Judged {
            look,
            verdict: Verdict::Passed,
            why: None,
            report: Some(proof),
            attachments: Vec::new(),
            facts: [].into(),
        };
        rollout.record(at(), record).unwrap();
    }
    rollout
}

/// A rollout that a sandbox began, with a soak of a minute.
fn rehearsed(place: &Place) {
    let soak = Limits { length: 60, ..Limits::default() };
    Rollout::begin(&place.path(STATE), at(), RequestId::new([7; 16]), (Inputs { soak, ..inputs() }, reach()), &ada())
        .unwrap();
}

fn rollout(place: &Place, words: &[&str]) -> Run {
    place.merotee([&["rollout"], words].concat()).run()
}

#[test]
fn the_status_is_one_screen_for_people_and_the_whole_record_for_auditors_and_programs() {
    let place = Place::new();
    drop(begun(&place));
    let screen = rollout(&place, &["status", "--state", STATE]).expect(0).says(&[
        "mero-kms-v1.2.0 with mero-tee-v1.2.0, locked-read-only",
        "  D2  verify the node image release passed       02:00:00-02:00:00",
        &format!("next        deploy the staging KMS; run `merotee rollout resume --state {STATE}`"),
    ]);
    assert!(screen.stdout.lines().all(|line| line.chars().count() <= 80), "{}", screen.stdout);
    let json = rollout(&place, &["status", "--state", STATE, "--format", "json"]).expect(0).report();
    assert_eq!(json["sections"][1]["subject"], "D1 verify the KMS release");
    assert_eq!(statuses(&json, "rollout-state"), ["pass"]);
    let evidence = std::fs::read(place.path(format!("{STATE}.evidence/0003-kms-release.json"))).unwrap();
    let digest = merotee::digest::Sha256::of(&evidence).to_string();
    for format in ["markdown", "html"] {
        let record = rollout(&place, &["status", "--state", STATE, "--format", format]).expect(0);
        record.says(&["D1 verify the KMS release", "0003-kms-release.json", &digest, "run"]);
    }
}

#[test]
fn a_state_that_was_tampered_with_is_noticed_by_every_command_with_exit_code_10() {
    let place = Place::new();
    drop(begun(&place));
    let good = place.read(STATE);
    let evidence = format!("{STATE}.evidence/0003-kms-release.json");
    let kept = place.read(&evidence);
    let by_hand = {
        // A gate that is marked passed by hand, with the digest of the line before as it should be.
        let last = good.lines().last().unwrap();
        let prev = merotee::digest::Sha256::of(last.as_bytes());
        let line = last.replace("node-release", "staging-health").replace("\"seq\":3", "\"seq\":4");
        let from = line.find("\"prev\":\"").unwrap() + 8;
        format!("{good}{}{prev}{}\n", &line[..from], &line[from + 64..])
    };
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let reordered = [lines[0], lines[2], lines[1], lines[3]].concat();
    let table = [
        (by_hand, kept.clone(), "line 5: it is not what comes next"),
        (good.replacen("\"verdict\":\"passed\"", "\"verdict\":\"failed\"", 1), kept.clone(), "line 3"),
        (reordered, kept.clone(), "line 2"),
        (lines[..3].concat(), kept.clone(), "line 4: it was written, and is missing now"),
        (good.clone(), kept.replace("passed", "pAssed"), "0003-kms-release.json, which line 3 of"),
    ];
    for (state, evidence_now, why) in table {
        place.write(STATE, state);
        place.write(&evidence, evidence_now);
        for order in ["status", "resume", "rollback", "abort"] {
            rollout(&place, &[order, "--state", STATE]).expect(10).says(&[why]).without_product();
        }
    }
    place.write(STATE, &good);
    place.write(&evidence, &kept);
    rollout(&place, &["status", "--state", STATE]).expect(0);
}

#[test]
fn the_second_operator_is_refused_with_who_has_it_since_when_and_may_look() {
    let place = Place::new();
    let held = begun(&place);
    let pid = std::process::id();
    for order in ["resume", "rollback", "abort"] {
        rollout(&place, &[order, "--state", STATE, "--as", "bob"])
            .expect(1)
            .without_product()
            .says(&[&format!("is in use by ada (process {pid} on "), "since 2026-11-30T02:00:00Z"]);
    }
    rollout(&place, &["status", "--state", STATE]).expect(0).says(&["in use by   ada (process "]);
    drop(held);
    rollout(&place, &["abort", "--state", STATE, "--as", "bob"]).expect(0).says(&["rollout-rollback"]);
}

#[test]
#[cfg(target_os = "linux")]
fn the_lock_of_a_dead_process_is_taken_over_and_the_record_says_why_and_from_whom() {
    let place = Place::new();
    drop(begun(&place));
    let lock = format!("{STATE}.lock");
    let left = |pid: u32| {
        let mut holder = serde_json::to_value(ada()).unwrap();
        holder["pid"] = pid.into();
        place.write(&lock, format!("{holder}\n"));
    };
    left(std::process::id());
    rollout(&place, &["abort", "--state", STATE]).expect(1).says(&["may be in use by ada", "still runs"]);
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let dead = child.id();
    child.wait().unwrap();
    left(dead);
    let run = rollout(&place, &["abort", "--state", STATE, "--as", "bob"]).expect(0);
    run.says(&[&format!("taking over from ada (process {dead} on "), &format!("process {dead} is gone")]);
    let record = rollout(&place, &["status", "--state", STATE, "--format", "json"]).expect(0);
    record.says(&["take over", "the lock is free, and process", "is gone", "abort"]);
    assert_eq!(place.read(&lock), "");
    // What is aborted takes no order but the same again.
    rollout(&place, &["abort", "--state", STATE]).expect(0);
    rollout(&place, &["resume", "--state", STATE]).expect(2).says(&["`resume` is refused: the rollout was aborted"]);
}

#[test]
fn a_plan_says_every_step_with_what_it_touches_and_inputs_that_make_no_sense_are_refused() {
    let place = Place::new();
    let node = "ssh node-1 merotee kms get-key";
    let places = ["--staging", "phala:kms-staging", "--staging-node", node, "--production", "phala:kms"];
    let plan = |more: &[&str]| {
        let words = [&["plan", "1.2.0", "--profile", "locked-read-only"], &places[..], more].concat();
        let signs =
            [("ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example/"), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")];
        let tokens = [("PHALA_CLOUD_API_KEY", "a-key"), ("GH_TOKEN", "t")];
        let variables = signs.into_iter().chain(tokens).map(|(name, value)| (name.to_owned(), value.to_owned()));
        place.merotee([&["rollout"], &words[..]].concat()).envs(variables).run()
    };
    let run = plan(&["--production-node", node, "--repo", "calimero-network/mero-tee"]).expect(0);
    run.says(&[
        "D1 verify the KMS release",
        "D3 deploy staging",
        "  does      deploy the staging KMS: Phala Cloud machine kms-staging",
        "Phala Cloud machine kms-staging",
        "  does      switch production to the new digest: Phala Cloud machine kms",
        "30 minutes, a sample every 15 seconds with 2 key requests",
        "  rollback  production goes back to the digest it had",
    ]);
    plan(&[]).expect(2).says(&["--production-node is missing"]).without_product();
    plan(&["--production-node", node, "--soak", "29"]).expect(2).without_product();
    let same = plan(&["--production-node", node, "--production-url", "https://k", "--staging-url", "https://k"]);
    same.expect(2).says(&["staging and production are the same place"]).without_product();
    rollout(&place, &["status", "--state", "none"]).expect(2).says(&["there is no rollout in none"]);
}

#[test]
fn what_a_sandbox_began_with_a_short_soak_does_not_go_on_outside_and_can_be_aborted() {
    let place = Place::new();
    rehearsed(&place);
    let run = rollout(&place, &["resume", "--state", STATE]).expect(2).without_product();
    run.says(&["soak: it is shorter than 30 minutes"]);
    rollout(&place, &["abort", "--state", STATE]).expect(0);
}

#[test]
fn a_rollout_is_not_gone_on_with_by_other_services_and_both_are_named() {
    let place = Place::new();
    drop(begun(&place));
    let elsewhere = ["resume", "--state", STATE, "--api-url", "https://github.example"];
    let run = rollout(&place, &elsewhere).expect(2).without_product();
    run.says(&["r.state was begun with GitHub api.github.com, and here it is github.example"]);
    // What stood nowhere is given up from anywhere.
    let abort = ["abort", "--state", STATE, "--api-url", "https://github.example"];
    rollout(&place, &abort).expect(0).says(&["aborted; nothing to roll back: production was never changed"]);
}

#[test]
fn a_text_that_is_no_state_and_a_state_that_is_gone_are_told_apart() {
    let place = Place::new();
    place.write("notes.txt", "buy milk\n");
    let run = rollout(&place, &["status", "--state", "notes.txt"]).expect(2);
    run.says(&["notes.txt is not a rollout state file"]);
    drop(begun(&place));
    place.write(STATE, "");
    rollout(&place, &["status", "--state", STATE]).expect(10).says(&["is empty or gone"]);
}
