//! GitHub's limits: no request too many, a short wait waited for, a long one said, and what was judged so far.

use std::time::Duration;

use merotee::release::contract::Layout;

use super::{
    Ended, Repository, ordered,
    proxy::{Limits, Proxy},
    verdicts,
};
use crate::binary::Place;

/// Six releases of three versions.
fn six() -> Repository {
    let tags = [3, 2, 1].into_iter().flat_map(|n| [format!("mero-kms-v3.0.{n}"), format!("mero-tee-v3.0.{n}")]);
    Repository::of(tags.map(|tag| ordered(&tag, Layout::Pipeline, &[])).collect())
}

#[test]
fn a_secondary_limit_is_waited_out_by_all_requests_together() {
    let (repository, place) = (six(), Place::new());
    let limits = Limits { left: 5_000, secondary: Some((10, Duration::from_secs(2))), ..Limits::default() };
    let proxy = Proxy::start(repository.world.api_url(), limits);
    let arguments = ["--recent", "6", "--jobs", "4", "--format", "json"];
    let ended = Ended::of(repository.audit_at(&place, &proxy.url, &arguments).start()).expect(0);
    assert!(verdicts(&ended.report()).values().all(|verdict| *verdict == "passed"));
    let Limits { passed, refused, .. } = proxy.limits();
    // Those that were on their way when the first was refused, and none after.
    assert!((1..=8).contains(&refused) && passed > 40, "{passed} passed, {refused} refused");
    assert!(ended.stderr.contains("secondary rate limit"), "{}", ended.stderr);
}

#[test]
fn where_the_hour_is_used_up_the_rest_has_no_verdict_and_the_next_hour_goes_on_from_the_cache() {
    let (repository, place) = (six(), Place::new());
    let proxy = Proxy::start(repository.world.api_url(), Limits { left: 30, ..Limits::default() });
    let arguments = ["--recent", "6", "--cache", "audited", "--format", "json"];
    let ended = Ended::of(repository.audit_at(&place, &proxy.url, &arguments).start()).expect(1);
    let report = ended.report();
    let verdicts = verdicts(&report);
    let undecided: Vec<_> = verdicts.iter().filter(|(_, verdict)| **verdict == "no_verdict").collect();
    let passed = verdicts.values().filter(|verdict| **verdict == "passed").count();
    assert!(passed >= 1 && undecided.len() >= 2 && passed + undecided.len() == 6, "{verdicts:?}");
    // The newest are the ones that were judged.
    assert_eq!(verdicts["mero-kms-v3.0.3"], "passed");
    assert_eq!(verdicts["mero-tee-v3.0.1"], "no_verdict");
    assert!(ended.stdout.contains("the rate limit does not leave enough") && ended.stdout.contains("--cache"));
    let before = proxy.limits();
    assert_eq!(before.refused, 0, "the requests were counted before: {before:?}");
    proxy.limits.lock().unwrap().left = 5_000;
    let ended = Ended::of(repository.audit_at(&place, &proxy.url, &arguments).start()).expect(0);
    assert!(super::verdicts(&ended.report()).values().all(|verdict| *verdict == "passed"));
    let whole = Place::new();
    let fresh = Proxy::start(repository.world.api_url(), Limits { left: 5_000, ..Limits::default() });
    Ended::of(repository.audit_at(&whole, &fresh.url, &["--recent", "6"]).start()).expect(0);
    // A list and the catalog are asked for in every run.
    let (rest, all) = (proxy.limits().passed - before.passed, fresh.limits().passed);
    assert_eq!(before.passed + rest, all + 2, "{before:?} and then {rest}, of {all}");
}

#[test]
fn a_limit_that_somebody_else_uses_up_ends_the_audit_with_the_time_and_what_was_judged() {
    let (repository, place) = (six(), Place::new());
    // The plan is made while there is enough.
    let limits = Limits { left: 5_000, robbed: Some(25), ..Limits::default() };
    let proxy = Proxy::start(repository.world.api_url(), limits);
    let arguments = ["--recent", "6", "--jobs", "2", "--format", "json"];
    let ended = Ended::of(repository.audit_at(&place, &proxy.url, &arguments).start()).expect(1);
    let report = ended.report();
    let verdicts = verdicts(&report);
    assert!(verdicts.values().all(|verdict| ["passed", "no_verdict"].contains(verdict)), "{verdicts:?}");
    assert!(verdicts.values().any(|verdict| *verdict == "no_verdict"), "{verdicts:?}");
    assert!(ended.stdout.contains("rate limit is reached"), "{}", ended.stdout);
    // The first refusal ends it: what was on its way is refused as well, and nothing is asked after.
    assert!(proxy.limits().refused <= 4, "{:?}", proxy.limits());
}
