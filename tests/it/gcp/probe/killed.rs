//! Killed at every request, before it is carried out and after: what is left is found again and removed.

use std::time::{Duration, Instant};

use axum::http::Method;
use merotee::sandbox::trouble::{Mishap, Trouble};

use super::Site;
use crate::binary::{LIMIT, killed::killed_when};

/// Starts a probe and kills it when its request after so many others was carried out and gets no answer. `false` when the
/// probe made fewer and ended by itself.
pub(super) fn killed_at(site: &Site, out: &str, label: &str, request: usize) -> bool {
    killed(site, out, label, request, true)
}

/// The same, at a time that is long ago when this returns; before the request is carried out, or after.
fn killed(site: &Site, out: &str, label: &str, request: usize, carried_out: bool) -> bool {
    let held = killed_just_now(site, out, label, request, carried_out);
    if held {
        aged(site, out);
    }
    held
}

fn killed_just_now(site: &Site, out: &str, label: &str, request: usize, carried_out: bool) -> bool {
    site.world.gcp().hold().after(request, carried_out);
    let child = site.probe(out, &["--label", label]).start();
    let held = killed_when(child, || site.world.gcp().hold().holds());
    site.world.gcp().hold().release();
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
                // Image and network are looked at before there is a journal: nothing is made until it is there.
                let begun = site.place.path(format!("{out}/probe-journal.jsonl")).exists();
                assert!(begun || boundaries < 2, "request {boundaries} was made without a journal");
                site.cleanup(&["--out", &out]).run().expect(if begun { 0 } else { 1 });
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
fn a_rule_of_the_firewall_whose_operation_is_under_way_is_waited_for_and_deleted() {
    let site = Site::start(None);
    site.world.gcp().slow_down_rules(6);
    // The rule's operation is known, and was asked for twice.
    assert!(killed_at(&site, "slow", "slow", 4));
    assert_eq!(site.world.gcp().standing(), ["firewall rule merotee-probe-slow"]);
    site.cleanup(&["--out", "slow"]).run().expect(0).says(&["the firewall rule is gone", "delete firewall rule"]);
    site.is_clean();
}

#[test]
fn what_may_still_come_of_a_request_that_was_not_answered_is_looked_for_until_its_time_is_over() {
    let site = Site::start(None);
    // It is seen when cleanup has looked as often as it looks for what is known not to come.
    site.world.gcp().delay_machines(9);
    assert!(killed_just_now(&site, "late", "late", 4, true));
    site.cleanup(&["--out", "late"]).run().expect(0).says(&["the machine is gone", "the firewall rule is gone"]);
    site.is_clean();
    assert!(killed_just_now(&site, "never", "never", 4, false));
    site.cleanup(&["--out", "never"]).run().expect(0).says(&["no machine was made", "the firewall rule is gone"]);
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

/// Sends a signal to a process so many times at once, as a process group and its leader get it from timeout(1).
#[cfg(unix)]
fn signalled(child: &std::process::Child, signal: &str, times: usize) {
    let kill = vec![format!("kill -s {signal} {}", child.id()); times].join("; ");
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn the_first_signal_while_a_node_is_taken_down_does_not_leave_it_however_often_it_is_delivered() {
    let site = Site::start(None);
    for (number, (signal, times)) in [("INT", 1), ("TERM", 2)].into_iter().enumerate() {
        let out = format!("out-{number}");
        let slow = Trouble {
            method: Method::DELETE,
            path: "/firewalls/".to_owned(),
            after: 0,
            what: Mishap::Slow(Duration::from_secs(1)),
        };
        site.world.gcp().troubles().add(slow);
        let child = site.probe(&out, &["--label", &out]).start();
        let end = Instant::now() + LIMIT;
        while !site.world.gcp().troubles().are_over() {
            assert!(Instant::now() < end, "nothing was taken down");
            std::thread::park_timeout(Duration::from_millis(2));
        }
        signalled(&child, signal, times);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{signal}: {said}");
        assert_eq!(said.matches("is still being taken down").count(), 1, "{signal}: {said}");
        site.is_clean();
        site.cleanup(&["--out", &out]).run().expect(0).says(&["everything is gone"]);
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_probe_in_good_order_also_when_it_comes_twice_at_once() {
    let site = Site::start(None);
    site.world.gcp().hold().after(8, true);
    let child = site.probe("out", &["--label", "int"]).start();
    let end = Instant::now() + LIMIT;
    while !site.world.gcp().hold().holds() {
        assert!(Instant::now() < end, "no request was held");
        std::thread::park_timeout(Duration::from_millis(2));
    }
    assert!(!site.world.gcp().standing().is_empty());
    signalled(&child, "TERM", 2);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    site.is_clean();
    site.cleanup(&["--out", "out"]).run().expect(0).says(&["everything is gone"]);
}
