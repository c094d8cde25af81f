//! `kill -9` at every request of a bootstrap, before it is carried out and after, and a run after it.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicUsize, Ordering},
};

use merotee::sandbox::trouble::Mishap;

use super::stage::Stage;

/// What may come of the run after the kill: it goes through; or the answer to the one request that makes keys is lost, and
/// the run says so.
fn killed(stage: &Stage, number: usize, what: Mishap) -> (bool, bool) {
    stage.host().record().clear();
    stage.host().troubles().add_after(number, what);
    let child = RefCell::new(stage.aside());
    stage.until(|| stage.host().troubles().stuck() > 0 || child.borrow_mut().try_wait().unwrap().is_some());
    let was_killed = stage.host().troubles().stuck() > 0;
    stage.host().troubles().clear();
    let mut child = child.into_inner();
    if was_killed {
        child.kill().unwrap();
    }
    child.wait().unwrap();
    let told = format!("{what:?} at {number}");
    let lost = stage.vm("kms").has_keys && !stage.place.path("kms/bootstrap-info.json").exists();
    let run = stage.bootstrap(&[]).run();
    let shown = format!("{told}: {}{}", run.stdout, run.stderr);
    if lost {
        assert_eq!(run.code, 10, "{shown}");
        assert!(shown.contains("its answer was lost") && !stage.vm("kms").serves, "{shown}");
    } else {
        assert_eq!(run.code, 0, "{shown}");
        let vm = stage.vm("kms");
        assert!(vm.serves, "{shown}");
        assert_eq!(stage.place.read("kms/bootstrap-info.json"), vm.bootstrap_info.unwrap(), "{shown}");
    }
    let made = stage.host().record().requests();
    let made = made.iter().filter(|one| one.path.contains("Onboard.Bootstrap") && one.status == Some(200)).count();
    assert!(made <= 1, "{shown}");
    stage.remove("kms");
    std::fs::remove_dir_all(stage.place.path("kms")).unwrap();
    (was_killed, lost)
}

#[test]
fn a_bootstrap_that_is_killed_at_any_request_is_gone_on_with_and_never_makes_keys_twice() {
    let first = Stage::waiting();
    first.bootstrap(&[]).run().expect(0);
    let all = first.host().record().requests().len();
    assert!(all >= 7, "{all}");
    first.remove("kms");
    std::fs::remove_dir_all(first.place.path("kms")).unwrap();
    let stages = [first, Stage::empty()];
    let kinds = [Mishap::Stuck, Mishap::DoneAndStuck];
    let (next, kills, losses) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for stage in &stages {
            let (next, kills, losses) = (&next, &kills, &losses);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= 2 * all {
                        return;
                    }
                    stage.stand();
                    let (was_killed, lost) = killed(stage, at / 2, kinds[at % 2]);
                    kills.fetch_add(usize::from(was_killed), Ordering::SeqCst);
                    losses.fetch_add(usize::from(lost), Ordering::SeqCst);
                }
            });
        }
    });
    // How often the KMS is met until it serves varies: a run may be over before its last requests.
    let (kills, losses) = (kills.into_inner(), losses.into_inner());
    assert!(kills >= 2 * (all - 3), "{kills} of {} kills", 2 * all);
    assert_eq!(losses, 1, "only where keys were made and their answer was not read");
}
