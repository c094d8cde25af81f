//! Killed at every request, before it is carried out and after: what is left is found again and removed.

use std::time::{Duration, Instant};

use super::Site;
use crate::binary::LIMIT;

/// Starts a probe and kills it when its request after so many others was carried out and gets no answer. `false` when the
/// probe made fewer and ended by itself.
pub(super) fn killed_at(site: &Site, out: &str, label: &str, request: usize) -> bool {
    killed(site, out, label, request, true)
}

fn killed(site: &Site, out: &str, label: &str, request: usize, carried_out: bool) -> bool {
    site.world.gcp().hold().after(request, carried_out);
    let mut child = site.probe(out, &["--label", label]).start();
    let end = Instant::now() + LIMIT;
    let held = loop {
        if site.world.gcp().hold().holds() {
            break true;
        }
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        assert!(Instant::now() < end, "neither held nor ended");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(2));
    };
    if held {
        child.kill().unwrap();
    }
    child.wait().unwrap();
    site.world.gcp().hold().release();
    if held {
        aged(site, out);
    }
    held
}

/// Dates a journal back: a request that was not answered is over after a minute.
fn aged(site: &Site, out: &str) {
    let path = site.place.path(out).join("probe-journal.jsonl");
    let Ok(journal) = std::fs::read_to_string(&path) else { return };
    let mut lines = String::new();
    for line in journal.lines() {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["at"] = "2026-01-01T00:00:00Z".into();
        lines.push_str(&format!("{line}\n"));
    }
    std::fs::write(path, lines).unwrap();
}

#[test]
fn a_probe_that_is_killed_at_any_request_is_cleaned_up_by_its_journal() {
    let site = Site::start(None);
    let (mut left, mut boundaries) = (0, 0);
    loop {
        // Held before it is carried out, and after.
        let held = [false, true].map(|carried_out| {
            let (out, label) = (format!("out-{boundaries}-{carried_out}"), format!("k-{boundaries}-{carried_out}"));
            let held = killed(&site, &out, &label, boundaries, carried_out);
            if held {
                left += usize::from(!site.world.gcp().standing().is_empty());
                site.cleanup(&["--out", &out]).run().expect(0);
            }
            site.is_clean();
            held
        });
        if held == [false, false] {
            break;
        }
        boundaries += 1;
    }
    assert!(boundaries >= 15 && left >= 16, "{boundaries} requests, {left} left something");
}

#[test]
fn a_probe_that_is_killed_before_something_is_made_leaves_nothing_and_cleanup_says_so() {
    let site = Site::start(None);
    // The rule of the firewall is asked for by the third request, and the machine by the fifth.
    for request in [2, 4] {
        let (out, label) = (format!("out-{request}"), format!("b-{request}"));
        assert!(killed(&site, &out, &label, request, false));
        site.cleanup(&["--out", &out]).run().expect(0).says(&["was made"]);
        site.is_clean();
    }
}

#[test]
fn a_machine_that_appears_after_its_request_was_answered_is_not_taken_for_gone() {
    let site = Site::start(None);
    site.world.gcp().delay_machines(3);
    // The answer to the machine's request is lost, or written down.
    for request in [4, 5] {
        let (out, label) = (format!("late-{request}"), format!("l-{request}"));
        assert!(killed_at(&site, &out, &label, request));
        let machine = format!("instance merotee-probe-{label}");
        assert!(site.world.gcp().standing().contains(&machine));
        site.cleanup(&["--out", &out]).run().expect(0).says(&["the machine is gone"]);
        site.is_clean();
    }
}

#[test]
fn a_machine_whose_operation_is_under_way_is_waited_for_and_deleted() {
    let site = Site::start(None);
    site.world.gcp().slow_down_machines(4);
    // The machine's operation is known, and was asked for twice.
    assert!(killed_at(&site, "slow", "slow", 6));
    assert!(site.world.gcp().standing().contains(&"instance merotee-probe-slow".to_owned()));
    site.cleanup(&["--out", "slow"]).run().expect(0).says(&["the machine is gone", "delete machine"]);
    site.is_clean();
}

#[test]
fn leftovers_without_a_journal_are_found_by_label_and_by_age_and_nothing_else_is_touched() {
    let site = Site::start(None);
    site.world.gcp().add_foreign_rule("default-allow-health-checks");
    for label in ["x", "y"] {
        assert!(killed_at(&site, label, label, 8));
    }
    site.cleanup(&["--older-than", "1h", "--family", "node"]).run().expect(0);
    let both = site.world.gcp().standing();
    site.cleanup(&["--label", "x", "--family", "node", "--dry-run"]).run().expect(0).says(&["not removed"]);
    assert_eq!(site.world.gcp().standing(), both, "too young, or a rehearsal");
    site.cleanup(&["--label", "x", "--family", "node"]).run().expect(0);
    let left = site.world.gcp().standing();
    assert!(left.iter().all(|name| !name.ends_with("-x")) && left.iter().any(|name| name.ends_with("-y")), "{left:?}");
    site.cleanup(&["--out", "y"]).run().expect(0);
    assert_eq!(site.world.gcp().standing(), ["firewall rule default-allow-health-checks"]);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_probe_in_good_order() {
    let site = Site::start(None);
    site.world.gcp().hold().after(8, true);
    let child = site.probe("out", &["--label", "int"]).start();
    let end = Instant::now() + LIMIT;
    while !site.world.gcp().hold().holds() {
        assert!(Instant::now() < end, "no request was held");
        std::thread::park_timeout(Duration::from_millis(2));
    }
    assert!(!site.world.gcp().standing().is_empty());
    let kill = format!("kill -s INT {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    site.is_clean();
    site.cleanup(&["--out", "out"]).run().expect(0).says(&["everything is gone"]);
}
