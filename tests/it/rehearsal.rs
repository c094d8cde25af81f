//! A rollout against the sandbox's production: to its end, into every way in which a gate fails, and killed at its
//! requests; on Phala Cloud, and by Docker on a host.

mod boundaries;
mod gates;
mod host;
mod killed;
mod missing;
mod stage;
mod walk;
mod watched;

use crate::binary::{Place, findings};

#[test]
fn a_rollout_is_rehearsed_to_its_end_with_one_command() {
    let place = Place::new();
    let words =
        ["rollout", "run", "1.2.0", "--profile", "locked-read-only", "--state", "rollout.jsonl", "--format", "json"];
    let run = place.sandbox(words).run().expect(0);
    let report = run.report();
    let gates: Vec<_> = findings(&report)
        .into_iter()
        .filter(|finding| finding["check"] == "rollout-gate")
        .map(|finding| {
            (finding["subject"].as_str().unwrap().to_owned(), finding["status"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(gates.len(), 6, "{gates:?}");
    assert!(gates.iter().all(|(_, status)| status == "pass"), "{gates:?}");
    // What it rests on is kept, and the state says so by itself.
    let status = place.merotee(["rollout", "status", "--state", "rollout.jsonl"]).run().expect(0);
    status.says(&["complete"]);
    for evidence in
        ["kms-release.json", "staging-probe.json", "candidates.json", "review.json", "compose.yaml", "canary.json"]
    {
        let kept = std::fs::read_dir(place.path("rollout.jsonl.evidence")).unwrap();
        let names: Vec<_> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(names.iter().any(|name| name.ends_with(evidence)), "{evidence}: {names:?}");
    }
}
