//! A rollout by Docker on a host, with the one command that a newcomer types; what is refused there, and what a plan says.

use std::os::unix::fs::PermissionsExt as _;

use merotee::{sandbox::boot::compose_of, subject::profile::Profile};

use crate::{
    binary::{Place, findings},
    rehearsal::stage::{NEW, OLD, On, Stage},
};

#[test]
fn a_rollout_by_docker_is_rehearsed_to_its_end_and_says_that_nothing_was_measured() {
    let place = Place::new();
    let words = ["sandbox", "--production=compose", "--", "rollout", "run", "1.2.0", "--profile", "locked-read-only"];
    let run = place.merotee(words).args(["--unmeasured", "--state", "c.jsonl", "--format", "json"]).run().expect(0);
    let report = run.report();
    let gates: Vec<_> = findings(&report).into_iter().filter(|finding| finding["check"] == "rollout-gate").collect();
    assert!(gates.len() == 6 && gates.iter().all(|finding| finding["status"] == "pass"), "{gates:?}");
    assert!(run.stdout.contains("was taken with --unmeasured"), "{}", run.stdout);
    place.merotee(["rollout", "status", "--state", "c.jsonl"]).run().expect(0).says(&["complete", "--unmeasured"]);
}

#[test]
fn a_complete_rollout_by_docker_is_rolled_back_to_the_digest_before_and_nodes_get_their_keys() {
    let stage = Stage::on(On::Host);
    let key = stage.standing_key();
    stage.run().run().expect(0);
    stage.is_clean(NEW, "complete");
    stage.order("rollback").run().expect(0).says(&["the standing node got its key"]);
    stage.is_clean(OLD, "rolled back");
    assert_eq!((stage.standing_key(), stage.updates()), (key, 2));
}

#[test]
fn a_plan_says_that_docker_is_missing_and_that_a_port_is_not_published() {
    let stage = Stage::on(On::Host);
    let ready = stage.plan("--interval", "300").run().expect(0);
    ready.says(&["nothing is lacking"]);
    stage.plan("--docker", "no-docker-at-all").run().expect(10).says(&["there is no program no-docker-at-all"]);
    let compose = compose_of(&OLD.parse().unwrap(), Profile::LockedReadOnly);
    let closed = compose.replace("    ports:\n      - \"8080:8080\"\n", "");
    assert_ne!(closed, compose);
    let file = stage.place.write("closed/compose.yaml", closed);
    let target = format!("compose:{}#mero-kms", file.display());
    let run = stage.plan_of(&target, &[]).run().expect(10);
    run.says(&["publishes no port 8080", "ports: [\"8080:8080\"]"]);
}

#[test]
fn a_rehearsal_leaves_the_docker_of_this_host_alone_and_spoils_only_what_is_asked() {
    let place = Place::new();
    let file = place.write("ours/compose.yaml", "services: {}\n");
    // A program of this name would be found first, and must not be called.
    let called = place.path("called");
    let docker = place.write("bin/docker", format!("#!/bin/sh\ntouch {}\n", called.display()));
    std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    let target = format!("compose:{}#mero-kms", file.display());
    let words = ["rollout", "plan", "1.2.0", "--profile", "locked-read-only", "--production", &target, "--unmeasured"];
    place.sandbox(words).env("PATH", path).run().expect(10);
    assert!(!called.exists(), "the docker of this host was called");
    let run = ["rollout", "run", "1.2.0", "--profile", "locked-read-only", "--state", "r"];
    let spoilt = |production: &'static str, kind: &'static str| {
        place.merotee(["sandbox", production, "--tamper", kind, "--"]).args(run).run().expect(2)
    };
    spoilt("--production=compose", "phala-debug-td").says(&["spoils Phala Cloud", "--production=phala"]);
    spoilt("--production=compose", "production-update-refused").says(&["spoils Phala Cloud"]);
    spoilt("--production", "docker-no-port").says(&["spoils Docker", "--production=compose"]);
    let other = place.merotee(["sandbox", "--production=compose", "--", "verify-release-assets", "1.2.0"]).run();
    other.expect(2).says(&["--production is for a rollout"]);
    assert!(!place.path("r").exists());
}
