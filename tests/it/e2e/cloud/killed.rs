//! Killed at requests to either cloud, before they are carried out and after; and told to stop.

use std::{
    process::Child,
    time::{Duration, Instant},
};

use merotee::sandbox::trouble::Mishap;

use super::Site;
use crate::binary::LIMIT;

/// Requests to Google Cloud and its nodes at which a run is killed: the image that is looked at first, the rule and the machine
/// of the first node, those of the others, and what is asked of the nodes.
const OF_GOOGLE: [usize; 8] = [0, 4, 5, 6, 8, 18, 30, 44];
/// The same of Phala Cloud: the name that is looked for, registration, creation, the machine's state, and its deletion.
const OF_PHALA: [usize; 6] = [0, 1, 2, 3, 4, 7];

/// Waits until `done` says so, or the process has ended; whether it was the former.
fn until(child: &mut Child, done: impl Fn() -> bool) -> bool {
    let end = Instant::now() + LIMIT;
    loop {
        if done() {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < end, "neither held nor ended");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Cleans up after a run that was killed: what its journal names is gone, and so is the run.
#[track_caller]
fn is_cleaned_up(site: &Site, out: &str) {
    let begun = site.place.path(format!("{out}/probe-journal.jsonl")).exists();
    assert!(begun || site.standing().is_empty(), "{out}: something was made without a journal");
    if begun {
        site.cleanup(&["--out", out]).run().expect(0);
    }
    site.is_clean(out);
}

#[test]
fn a_run_that_is_killed_at_a_request_to_google_cloud_is_cleaned_up_by_its_journal() {
    let site = Site::start();
    let mut left = 0;
    for request in OF_GOOGLE {
        for carried_out in [false, true] {
            let out = format!("g{request}{carried_out}");
            site.world.gcp().hold().after(request, carried_out);
            let mut child = site.aside(&out, &["--label", &out]);
            let held = until(&mut child, || site.world.gcp().hold().holds());
            assert!(held, "the run made fewer than {request} requests");
            child.kill().unwrap();
            child.wait().unwrap();
            site.world.gcp().hold().release();
            left += usize::from(!site.standing().is_empty());
            is_cleaned_up(&site, &out);
        }
    }
    assert!(left >= 2 * (OF_GOOGLE.len() - 1), "{left} left something");
}

#[test]
fn a_run_that_is_killed_at_a_request_to_phala_cloud_is_cleaned_up_by_its_journal() {
    let site = Site::start();
    let mut left = 0;
    for request in OF_PHALA {
        for what in [Mishap::Stuck, Mishap::DoneAndStuck] {
            let out = format!("p{request}{}", if what == Mishap::Stuck { "before" } else { "after" });
            site.world.phala().troubles().add_after(request, what);
            let mut child = site.aside(&out, &["--label", &out]);
            let held = until(&mut child, || site.world.phala().troubles().stuck() > 0);
            assert!(held, "the run made fewer than {request} requests");
            child.kill().unwrap();
            child.wait().unwrap();
            site.world.phala().troubles().clear();
            left += usize::from(!site.standing().is_empty());
            is_cleaned_up(&site, &out);
        }
    }
    assert!(left >= OF_PHALA.len(), "{left} left something");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_run_in_good_order_also_when_it_comes_twice_at_once() {
    let site = Site::start();
    site.world.gcp().hold().after(14, true);
    let mut child = site.aside("out", &[]);
    assert!(until(&mut child, || site.world.gcp().hold().holds()));
    assert!(!site.standing().is_empty());
    let kill = format!("kill -s TERM {0}; kill -s TERM {0}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted: taking down what the run made"), "{said}");
    site.is_clean("interrupted");
    site.cleanup(&["--out", "out"]).run().expect(0).says(&["everything is gone"]);
}

#[test]
fn a_folder_in_which_a_run_left_something_is_refused_until_that_is_removed() {
    let site = Site::start();
    site.world.gcp().hold().after(8, true);
    let mut child = site.aside("out", &[]);
    assert!(until(&mut child, || site.world.gcp().hold().holds()));
    child.kill().unwrap();
    child.wait().unwrap();
    site.world.gcp().hold().release();
    let again = site.run("out", &["--profile", "debug"]).run().expect(2);
    drop(again.says(&["out holds an earlier run whose", "merotee probe cleanup --out out"]));
    is_cleaned_up(&site, "out");
    site.run("out", &["--profile", "debug"]).run().expect(0);
    site.is_clean("the second run");
}
