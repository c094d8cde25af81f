//! `kill -9` at every request, and a second run.

use axum::http::Method;

use super::{
    Stage, folder,
    gate::{Held, Instead, Which},
    kill,
};

/// What a run asks for, and of these the uploads.
fn requests(stage: &Stage, options: &[&str]) -> (usize, usize) {
    stage.finish(options);
    let uploads = stage.gate.writes().iter().filter(|write| write.contains("/assets?name=")).count();
    (stage.gate.asked(), uploads)
}

/// Starts a run, and kills it when the request is there that is dealt with so.
fn interrupted(stage: &Stage, options: &[&str], which: Which, what: Instead) {
    let stopped = stage.gate.stop(which.clone(), what);
    let child = stage.publish_aside(options);
    stopped.wait(&format!("{which:?} {what:?}"));
    kill(child);
    stopped.let_go();
}

/// No asset that was as the folder is ever went, and none was there twice.
fn nothing_good_went(stage: &Stage, history: &[Held]) {
    let wanted = folder::digests(&stage.place, &stage.folder());
    for pair in history.windows(2) {
        for (release, before) in &pair[0] {
            let after = pair[1].get(release).map(Vec::as_slice).unwrap_or_default();
            for (name, digest, _) in before.iter().filter(|(name, digest, _)| wanted.get(name) == Some(digest)) {
                let times = after.iter().filter(|(other, content, _)| other == name && content == digest).count();
                assert_eq!(times, 1, "{name}: {pair:#?}");
            }
        }
    }
}

#[test]
fn a_run_that_is_killed_at_any_request_is_finished_by_the_next() {
    let stage = Stage::new(super::NODE);
    // One upload after the other, so that each number means the same request every time.
    let options = ["--jobs", "1"];
    let (all, uploads) = requests(&stage, &options);
    assert!(all > 15 && uploads == 5, "{all} {uploads}");
    let whole = (0..all).map(|n| (Which::Nth(n), Instead::DoneAndStopped));
    let half = (0..uploads).map(|n| (Which::Of(Method::POST, "/assets", n), Instead::HalfAndStopped));
    let mut published = 0;
    for (which, what) in whole.chain(half) {
        stage.gate.remove_releases(stage.tag);
        stage.gate.forget();
        interrupted(&stage, &options, which, what);
        stage.finish(&options);
        nothing_good_went(&stage, &stage.gate.history());
        let writes = stage.gate.writes();
        published += writes.iter().filter(|write| write.starts_with("PATCH")).count();
        let created = writes.iter().filter(|write| write.ends_with("/releases")).count();
        assert_eq!(created, 1, "{writes:#?}");
    }
    assert!(published >= all, "{published}");
}
