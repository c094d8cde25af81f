//! `kill -9` at the requests of a rollout to Phala Cloud, before and after each is carried out, and `resume`: the same end as
//! without it, nothing deployed twice, and nothing left.

use axum::http::Method;
use merotee::sandbox::trouble::{Asked, Mishap};

use super::stage::{NEW, Stage};
use crate::binary::killed::killed_when;

/// The requests that a kill can leave half done: all that change something, and the first read of each kind.
fn boundaries(requests: &[Asked]) -> Vec<usize> {
    let mut kinds = Vec::new();
    let mut chosen = Vec::new();
    for (number, one) in requests.iter().enumerate() {
        let path = one.path.split('?').next().unwrap_or_default();
        let kind =
            (one.method.clone(), path.rsplit('/').next().unwrap_or_default().to_owned(), path.matches('/').count());
        let is_new = !kinds.contains(&kind);
        if !one.method.is_safe() || is_new {
            chosen.push(number);
        }
        kinds.push(kind);
    }
    chosen
}

#[test]
fn a_rollout_that_is_killed_at_a_request_ends_as_one_that_was_not() {
    let undisturbed = Stage::new();
    undisturbed.run().run().expect(0);
    undisturbed.is_clean(NEW, "undisturbed");
    let requests = undisturbed.cloud().record().requests();
    let boundaries = boundaries(&requests);
    assert!(boundaries.len() >= 6, "{requests:?}");
    let cases: Vec<(usize, Mishap)> =
        boundaries.into_iter().flat_map(|at| [(at, Mishap::Stuck), (at, Mishap::DoneAndStuck)]).collect();
    crate::tampering::each(&cases, |(number, what)| {
        let stage = Stage::new();
        stage.cloud().troubles().add_after(*number, *what);
        // How often a machine is looked at varies: a run may be over before its last requests.
        killed_when(stage.aside(), || stage.cloud().troubles().stuck() > 0);
        stage.cloud().troubles().clear();
        let told = format!("{what:?} at {number} ({} {})", requests[*number].method, requests[*number].path);
        let run = stage.resumed();
        if run.code != 0 {
            return Some(format!("{told}: {}", run.shown()));
        }
        stage.is_clean(NEW, &told);
        let updates = stage.updates();
        let made = stage.cloud().record().writes();
        let of = |method: Method, ends: &str| {
            made.iter().filter(|one| one.method == method && one.path.ends_with(ends)).count()
        };
        let (created, deleted) = (of(Method::POST, "/cvms"), of(Method::DELETE, ""));
        (updates != 1 || created > deleted.max(1))
            .then(|| format!("{told}: {updates} updates, {created} machines created, {deleted} deleted"))
    });
}
