//! Every gate fails in more than one way: with its exit code, a sentence that helps, and the rollback that is documented, after
//! which production serves the node that it served before. The table is that of `docs/tampering.md`, and one of releases and of
//! staging beside it.

use super::stage::{NEW, OLD, On, Stage};
use crate::tampering::{document::Document, each};

/// What else goes wrong: the gate, the kind, the releases that it is about, the exit code, and what is said.
const BEFORE_PRODUCTION: [(&str, &str, &[&str], i32, &str); 8] = [
    ("D1", "payload-byte", &["mero-kms-v1.2.0"], 10, "checksum"),
    ("D1", "policy-not-ready", &["mero-kms-v1.2.0"], 10, "policy-status"),
    ("D2", "payload-byte", &["mero-tee-v1.2.0"], 10, "checksum"),
    ("D2", "sbom-broken", &["mero-tee-v1.2.0"], 10, "sbom"),
    ("D3", "phala-boot-error", &[], 10, "it does not boot"),
    ("D3", "phala-other-version", &[], 10, "kms-identity"),
    ("D4", "phala-debug-td", &[], 10, "quote-debug"),
    ("D4", "phala-hash-measured", &[], 10, "rollout-measured"),
];

/// One way to fail.
struct Row {
    kind: String,
    targets: &'static [&'static str],
    exit: i32,
    says: String,
}

fn rows() -> Vec<Row> {
    let before = BEFORE_PRODUCTION.iter().map(|(_, kind, targets, exit, says)| Row {
        kind: (*kind).to_owned(),
        targets,
        exit: *exit,
        says: (*says).to_owned(),
    });
    let services = Document::read().services.into_iter();
    let later = services.filter(|row| ["production", "the review of policies"].contains(&row.service.as_str()));
    let later = later.map(|row| Row { kind: row.kind, targets: &[], exit: row.exit, says: row.says });
    before.chain(later).collect()
}

#[test]
fn every_gate_fails_with_its_code_and_a_sentence_and_production_serves_after_the_rollback() {
    let rows = rows();
    assert!(rows.len() > 20, "the table is cut short: {}", rows.len());
    hold(On::Cloud, &rows);
}

#[test]
fn every_gate_of_a_rollout_by_docker_fails_so_too_and_production_serves_after_the_rollback() {
    let services = Document::read().services.into_iter();
    // What has a blockchain in its way is on Phala Cloud alone.
    let rows: Vec<Row> = services
        .filter(|row| ["production", "Docker"].contains(&row.service.as_str()))
        .filter(|row| row.kind != "production-update-refused")
        .map(|row| Row {
            says: on_a_host(&row.kind).map_or(row.says, str::to_owned),
            kind: row.kind,
            targets: &[],
            exit: row.exit,
        })
        .collect();
    assert!(rows.len() >= 13, "the table is cut short: {}", rows.len());
    hold(On::Host, &rows);
}

/// What is said otherwise where a container runs in the place of a machine.
fn on_a_host(kind: &str) -> Option<&'static str> {
    (kind == "production-not-booting").then_some("it is `restarting`")
}

#[test]
fn there_is_no_verdict_on_what_docker_runs_unless_it_is_taken_unmeasured() {
    let stage = Stage::on(On::Host);
    let key = stage.standing_key();
    let run = stage.run_with(&[]).run().expect(1);
    run.says(&["rollout-measured: what a compose file on a host runs is not measured"]);
    stage.order("abort").run().expect(0);
    stage.is_clean(OLD, "unmeasured");
    assert_eq!(stage.standing_key(), key);
}

#[track_caller]
fn hold(on: On, rows: &[Row]) {
    each(rows, |row| {
        let stage = Stage::spoilt(on, &row.kind, row.targets);
        let key = stage.standing_key();
        let run = stage.run().run();
        let mut wrong = Vec::new();
        if run.code != row.exit {
            wrong.push(format!("documented as {}", row.exit));
        }
        if !format!("{}{}", run.stdout, run.stderr).contains(&row.says) {
            wrong.push(format!("it does not say {:?}", row.says));
        }
        if run.code == 0 {
            stage.is_clean(NEW, &row.kind);
        } else {
            // What stands is rolled back; where nothing does, that is said and changes nothing.
            let back = stage.order("abort").run();
            if back.code != 0 {
                wrong.push(format!("the rollback ends with {}: {}", back.code, back.shown()));
            }
            stage.is_clean(OLD, &row.kind);
            if stage.standing_key() != key {
                wrong.push("the node gets another key".to_owned());
            }
        }
        (!wrong.is_empty()).then(|| format!("{}: {}\n{}", row.kind, wrong.join("; "), run.shown()))
    });
}
