//! Releases in which somebody else is at work: what joins one that was judged, and what another run brought.

use super::*;
use crate::release::publish::state::Joined;

/// A release under which `old` is published, and what joins it.
fn joined(keeps: Option<&str>) -> (Hub, Wish) {
    let mut hub = Hub::default();
    assert!(hub.work(&wish("old"), &mut run(9), usize::MAX, false, &|_| ()));
    hub.add(1, "sbom.json", &file("sbom.json", "sbom"));
    let joins = Some(Joined { judged: hub.held(1).clone(), keeps: keeps.map(str::to_owned) });
    let (notes, others) = (None, Others::Stay);
    (hub, Wish { notes, others, replace: true, joins, ..wish("new") })
}

#[test]
fn what_joins_a_release_is_never_made_into_another_release() {
    let (mut hub, joining) = joined(None);
    assert!(plan(&hub.remote, &joining, &run(1)).is_ok());
    hub.held(1).id = 77;
    assert!(refused(&hub, &joining, &run(1)).message.contains("no longer published"), "another release of the tag");
    hub.held(77).id = 1;
    hub.held(1).draft = true;
    hub.held(1).notes = marked(NOTES, &run(7).id);
    assert!(refused(&hub, &joining, &run(1)).message.contains("no longer published"), "a draft");
    hub.remote.releases.clear();
    assert!(refused(&hub, &joining, &run(1)).message.contains("no longer published"), "nothing");
}

#[test]
fn what_joins_a_release_stops_when_anything_else_in_it_changed_since_it_was_judged() {
    let (hub, joining) = joined(None);
    let mut added = hub.clone();
    added.add(1, "smuggled.json", &file("smuggled.json", "smuggled"));
    assert_eq!(refused(&added, &joining, &run(1)).subject, "smuggled.json");
    let mut gone = hub.clone();
    gone.held(1).assets.retain(|asset| asset.name != "sbom.json");
    assert_eq!(refused(&gone, &joining, &run(1)).subject, "sbom.json");
    let mut exchanged = gone;
    exchanged.add(1, "sbom.json", &file("sbom.json", "SBOM"));
    assert_eq!(refused(&exchanged, &joining, &run(1)).subject, "sbom.json");
    let mut whole = hub;
    assert!(whole.work(&joining, &mut run(1), usize::MAX, false, &|_| ()), "its own changes are none of these");
}

#[test]
fn a_document_that_another_run_brought_meanwhile_is_replaced_only_with_leave() {
    let (hub, joining) = joined(Some("a.json"));
    assert_eq!(refused(&hub, &joining, &run(1)).subject, "a.json");
    let (hub, joining) = joined(None);
    assert!(plan(&hub.remote, &joining, &run(1)).is_ok());
}

#[test]
fn what_joins_a_release_leaves_its_title_and_the_mark_of_a_pre_release() {
    let (mut hub, joining) = joined(None);
    hub.held(1).prerelease = true;
    let steps = plan(&hub.remote, &joining, &run(1)).unwrap().stages.concat();
    assert!(!steps.iter().any(|step| matches!(step, Step::Describe(_))), "{steps:?}");
}

#[test]
fn a_new_asset_that_another_run_brought_is_left_with_a_warning() {
    let (old, new) = (wish("old"), Wish { replace: true, ..wish("new") });
    let mut hub = Hub::default();
    assert!(hub.work(&old, &mut run(9), usize::MAX, false, &|_| ()));
    let theirs = file("a.json", "theirs");
    let id = hub.add(1, &names::incoming("a.json", theirs.digest), &theirs);
    assert!(hub.work(&new, &mut run(1), usize::MAX, false, &|_| ()));
    assert!(hub.held(1).assets.iter().any(|asset| asset.id == id), "it may be about to take its name");
    let plan = plan(&hub.remote, &new, &run(1)).unwrap();
    assert_eq!(plan.stages, Vec::<Vec<Step>>::new());
    assert_eq!(plan.remarks.iter().map(|finding| finding.status).collect::<Vec<_>>(), [Status::Warn]);
}
