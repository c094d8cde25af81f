//! `kill -9` at every request, and the cleanup after it; and two probes at once.

use std::{
    cell::RefCell,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::http::Method;
use merotee::sandbox::{
    phala::Flaw,
    trouble::{Mishap, Trouble},
};

use super::stage::Stage;
use crate::binary::killed::killed_when;

/// Requests of an undisturbed probe.
fn requests(stage: &Stage) -> usize {
    stage.cloud().record().clear();
    stage.probe("undisturbed", &[]).run().expect(0);
    stage.is_clean("undisturbed");
    stage.cloud().record().requests().len()
}

/// Kills a probe when its request of this number is there, and cleans up after it by its journal, or by its label.
fn killed(stage: &Stage, number: usize, what: Mishap) -> bool {
    let label = format!("killed-{number}-{}", if what == Mishap::Stuck { "before" } else { "after" });
    stage.cloud().troubles().clear();
    stage.cloud().troubles().add_after(number, what);
    // How often a machine is looked at varies with how long it boots: a run may be over before its last requests.
    let child = stage.aside(&label, &["--label", &label]);
    let was_killed = killed_when(child, || stage.cloud().troubles().stuck() > 0);
    stage.cloud().troubles().clear();
    // By its journal where there is one, and by label in every other case.
    let by = if number.is_multiple_of(2) { ["--out", &label] } else { ["--label", &label] };
    let run =
        stage.merotee(&["probe", "cleanup", "--family", "kms"][..if by[0] == "--out" { 2 } else { 4 }]).args(by).run();
    let told = format!("{what:?} at {number}: {}", run.shown());
    assert_eq!(run.code, 0, "{told}");
    stage.is_clean(&told);
    was_killed
}

#[test]
fn a_probe_that_is_killed_at_any_request_leaves_nothing_that_cleanup_does_not_remove() {
    let first = Stage::new();
    let all = requests(&first);
    assert!(all > 6, "{all}");
    let stages = [first, Stage::new()];
    let kinds = [Mishap::Stuck, Mishap::DoneAndStuck];
    let (next, kills) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for stage in &stages {
            let (next, kills) = (&next, &kills);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= 2 * all {
                        return;
                    }
                    if killed(stage, at / 2, kinds[at % 2]) {
                        kills.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    // A run may be over before its last requests; all the others must have been reached.
    let kills = kills.into_inner();
    assert!(kills >= 2 * (all - 3), "{kills} of {} kills", 2 * all);
}

#[test]
fn two_probes_at_once_do_not_take_each_others_machine() {
    let stage = Stage::new();
    let children = ["one", "two"].map(|label| stage.aside(label, &["--label", label]));
    for child in children {
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    stage.is_clean("both");
    let read = |label: &str| -> serde_json::Value {
        let text = stage.place.read(&format!("{label}/measurement-policy-candidates.json"));
        serde_json::from_str(&text).unwrap()
    };
    let (one, two) = (read("one"), read("two"));
    assert_eq!((one["source"]["label"].as_str(), two["source"]["label"].as_str()), (Some("one"), Some("two")));
    // Each measured a machine of its own, and deleted that and no other.
    assert_ne!(one["source"]["quote_sha256"], two["source"]["quote_sha256"]);
    let deleted = stage.cloud().record().writes();
    let deleted: std::collections::BTreeSet<_> =
        deleted.iter().filter(|one| one.method == Method::DELETE).map(|one| &one.path).collect();
    assert_eq!(deleted.len(), 2, "{deleted:?}");
    // A name that is taken is refused, and what bears it stays.
    let trouble = Trouble { method: Method::GET, path: "/attestation".to_owned(), after: 0, what: Mishap::Stuck };
    stage.cloud().troubles().add(trouble);
    let mut third = stage.aside("three", &["--label", "one"]);
    stage.until(|cloud| cloud.troubles().stuck() == 1);
    stage.probe("four", &["--label", "one"]).run().expect(1).says(&["merotee-probe-one already"]);
    assert_eq!(stage.cloud().running(), 1);
    third.kill().unwrap();
    third.wait().unwrap();
    stage.merotee(&["probe", "cleanup", "--out", "four"]).run().expect(0);
    assert_eq!(stage.cloud().running(), 1, "it is not the fourth's to delete");
    stage.merotee(&["probe", "cleanup", "--out", "three"]).run().expect(0);
    stage.is_clean("the third");
}

/// One request to which something happens.
fn trouble(method: Method, path: &str, what: Mishap) -> Trouble {
    Trouble { method, path: path.to_owned(), after: 0, what }
}

#[test]
fn a_machine_that_comes_to_light_while_cleanup_looks_is_deleted_and_not_called_never_made() {
    let stage = Stage::new();
    let name = super::name("merotee-probe-late");
    let provisioned = stage.provisioned(&name);
    let (now, app) = (jiff::Timestamp::now(), provisioned.app_id.digits());
    let line = |record: String| format!("{{\"v\":1,\"at\":\"{now}\",\"record\":{record}}}\n");
    let intent = |kind: &str, request: &str| {
        line(format!(
            "{{\"intent\":{{\"cloud\":\"phala\",\"kind\":\"{kind}\",\"name\":\"{name}\",\"label\":\"late\",\"request\":\"{request}\"}}}}"
        ))
    };
    let requests = ["07070707-0707-4707-8707-070707070707", "08080808-0808-4808-8808-080808080808"];
    let result =
        format!("{{\"result\":{{\"request\":\"{}\",\"created\":{{\"ids\":{{\"app_id\":\"{app}\"}}}}}}}}", requests[0]);
    let journal = intent("application", requests[0]) + &line(result) + &intent("machine", requests[1]);
    std::fs::create_dir(stage.place.path("out")).unwrap();
    stage.place.write("out/probe-journal.jsonl", journal);
    let temporary = stage.place.path("aside");
    std::fs::create_dir_all(&temporary).unwrap();
    let child = stage.merotee(&["probe", "cleanup", "--out", "out"]).env("TMPDIR", temporary).start();
    let child = RefCell::new(child);
    // As often as cleanup would look at a machine that it knows to have been made.
    stage.until(|cloud| {
        let looks = cloud.record().requests().iter().filter(|one| one.path.contains("/cvms/paginated")).count();
        looks > 5 || child.borrow_mut().try_wait().unwrap().is_some()
    });
    stage.created(&provisioned, &name);
    let ended = child.into_inner().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("deleted, and the account holds it no more"), "{said}");
    stage.is_clean("late");
}

#[test]
fn the_first_signal_while_the_machine_is_taken_down_does_not_leave_it() {
    let stage = Stage::new();
    stage.cloud().troubles().add(trouble(Method::DELETE, "/cvms/", Mishap::Slow(Duration::from_secs(1))));
    let child = stage.aside("out", &[]);
    stage.until(|cloud| cloud.troubles().are_over());
    // As timeout(1) delivers it, to the process and to its group: twice at once is once.
    let kill = format!("kill -s TERM {0}; kill -s TERM {0}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("is still being taken down"), "{said}");
    stage.is_clean("interrupted");
    stage.merotee(&["probe", "cleanup", "--out", "out"]).run().expect(0).says(&["everything is gone"]);
}

#[test]
fn files_that_cannot_be_written_do_not_hide_what_may_be_left() {
    let stage = Stage::new();
    stage.cloud().set_flaw(Some(Flaw::DeleteFails));
    stage.cloud().troubles().add(trouble(Method::GET, "/attestation", Mishap::Slow(Duration::from_secs(1))));
    let child = stage.aside("out", &[]);
    stage.until(|cloud| cloud.troubles().are_over());
    std::fs::create_dir(stage.place.path("out/probe-report.md")).unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for words in ["is not a regular file", "may still be there, and costs money"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("may still be there, and costs money"), "{told}");
}
