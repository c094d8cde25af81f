//! Clouds and machines that fail: a machine that does not boot is no verdict, one that is another than was made fails, and a
//! teardown that fails is a failure that names the way out.

use merotee::sandbox::{gcp::ACCESS_TOKEN, phala::API_KEY};

use super::Site;
use crate::binary::findings;

/// A kind of fault, the seconds that machines are given, what the run must end with and say.
type Case = (&'static str, &'static str, i32, &'static str);

/// One of each sort.
const CASES: [Case; 11] = [
    ("phala-boot-error", "60", 1, "it does not boot: "),
    ("phala-never-ready", "1", 1, "it did not start in time: its state is"),
    ("phala-other-machine", "60", 10, "the event log is of another application"),
    ("phala-other-root", "60", 10, "root"),
    ("phala-other-profile", "60", 10, "another profile"),
    ("gcp-no-room", "60", 1, "the zone has no room for such a machine"),
    ("gcp-never-healthy", "1", 1, "it did not become healthy within 1 s"),
    ("gcp-image-replaced", "60", 10, "the machine's disk was made from another image"),
    // A node of another release: its own KMS refuses it the key.
    ("gcp-other-image", "60", 10, "a node of the listed pair gets no key"),
    ("gcp-debug-td", "60", 10, "debug"),
    ("gcp-forbidden", "60", 1, "compute.instances.create"),
];

#[test]
fn each_sort_of_fault_gives_its_code_and_a_sentence_and_leaves_clean_accounts() {
    let wrong = |(kind, wait, code, says): &Case| {
        let site = Site::spoilt(kind);
        let run = site.run("out", &["--profile", "debug", "--wait", wait]).run();
        let words = format!("{}{}", run.stdout, run.stderr);
        let mut wrong = Vec::new();
        if run.code != *code {
            wrong.push(format!("expected {code}"));
        }
        if !words.contains(says) {
            wrong.push(format!("it does not say {says:?}"));
        }
        if words.contains(&ACCESS_TOKEN[..16]) || words.contains(&API_KEY[..16]) {
            wrong.push("it shows a key".to_owned());
        }
        if !site.standing().is_empty() {
            wrong.push(format!("left behind: {:?}", site.standing()));
        }
        (!wrong.is_empty()).then(|| format!("{kind}: {}\n{}", wrong.join("; "), run.shown()))
    };
    let wrong: Vec<String> = CASES.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn where_no_node_boots_the_report_points_to_the_machines_and_names_each_node_that_has_no_room() {
    let site = Site::spoilt("gcp-no-room");
    let run = site.run("out", &["--profile", "debug", "--label", "full"]).run().expect(1);
    assert!(!run.stdout.contains("--kms-url"), "{}", run.stdout);
    let run = run.says(&["see the part *machines* for those that did not boot"]);
    for node in ["d", "dro", "lro"] {
        assert!(run.stderr.contains(&format!("merotee-probe-node-{node}-full in ")), "{}", run.stderr);
    }
}

#[test]
fn a_machine_that_cannot_be_deleted_fails_the_run_and_is_removed_by_cleanup_later() {
    for (kind, said) in
        [("phala-delete-fails", "may still be there, and costs money"), ("gcp-delete-fails", "probe cleanup --out")]
    {
        let site = Site::spoilt(kind);
        let run = site.run("out", &["--profile", "debug", "--format", "json"]).run().expect(10).says(&[said]);
        assert!(!site.standing().is_empty(), "{kind}");
        if kind == "gcp-delete-fails" {
            let report = run.report();
            let ended = findings(&report).into_iter().find(|one| one["subject"] == "debug terminate").unwrap();
            assert_eq!(ended["status"], "fail", "{ended}");
        }
        site.world.gcp().heal();
        site.world.phala().set_flaw(None);
        site.cleanup(&["--out", "out"]).run().expect(0);
        site.is_clean(kind);
    }
}

#[test]
fn no_secret_is_in_any_output_at_the_finest_level() {
    let site = Site::start();
    let run = site.run("out", &["--profile", "debug", "-vvvv"]).run().expect(0);
    let journal = site.place.read("out/probe-journal.jsonl");
    let said = format!("{}{}{journal}", run.stdout, run.stderr);
    for secret in [ACCESS_TOKEN, API_KEY] {
        assert!(!said.contains(secret) && !said.contains(&secret[5..30]), "{said}");
    }
    assert_eq!(site.place.names("out"), ["probe-journal.jsonl"]);
}
