//! Plans for every state a release can be found in, and a model of GitHub that is interrupted at every step.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::{
    digest::Sha256,
    release::publish::mark::{RunId, marked, run_of},
    report::Status,
};

mod others;

const NOTES: &str = "# Changelog\n\nall of it";

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn file(name: &str, content: &str) -> File {
    File { name: name.to_owned(), size: content.len() as u64, digest: Sha256::of(content.as_bytes()) }
}

fn wish(content: &str) -> Wish {
    let files = ["a.json", "b.json", "checksums.sha256"].map(|name| file(name, &format!("{name} {content}")));
    Wish {
        tag: tag("mero-kms-v1.2.0"),
        commit: "c".repeat(40),
        notes: Some(NOTES.to_owned()),
        files: files.to_vec(),
        others: Others::Unwanted,
        replace: false,
        joins: None,
    }
}

fn run(number: u8) -> Run {
    Run { id: RunId::new([number; 16]), works_on: None, made: false }
}

/// GitHub as far as plans go: it does steps, at once or half.
#[derive(Debug, Clone, Default)]
struct Hub {
    remote: Remote,
    made: u64,
    published: usize,
}

impl Hub {
    fn id(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn held(&mut self, id: u64) -> &mut Held {
        self.remote.releases.iter_mut().find(|held| held.id == id).unwrap()
    }

    fn hold(&mut self, draft: bool, notes: &str) -> u64 {
        let (id, title) = (self.id(), "mero-kms-v1.2.0".to_owned());
        let (prerelease, immutable, assets) = (false, false, Vec::new());
        self.remote.releases.push(Held { id, draft, prerelease, immutable, title, notes: notes.to_owned(), assets });
        id
    }

    fn add(&mut self, release: u64, name: &str, file: &File) -> u64 {
        let id = self.id();
        let held = self.held(release);
        assert!(held.assets.iter().all(|asset| asset.name != name), "{name} twice");
        let (size, digest) = (file.size, Some(file.digest));
        held.assets.push(HeldAsset { id, name: name.to_owned(), size, unfinished: None, digest });
        id
    }

    /// Does a step as a run does it. `half` leaves an upload without content.
    fn do_step(&mut self, step: &Step, wish: &Wish, run: &mut Run, release: Option<u64>, half: bool) {
        match step {
            Step::Create => {
                let id = self.hold(true, &marked(NOTES, &run.id));
                (run.works_on, run.made) = (Some(id), true);
            }
            Step::DiscardDraft(id) => self.remote.releases.retain(|held| held.id != *id),
            Step::TakeOver(id) => {
                self.held(*id).notes = marked(NOTES, &run.id);
                run.works_on = Some(*id);
            }
            Step::Discard { asset, .. } => {
                let held = self.held(release.unwrap());
                let at = held.assets.iter().position(|one| one.id == *asset).unwrap();
                let gone = held.assets.remove(at);
                let good = |file: &File| gone.beside(file) == Standing::Good;
                let still = |file: &File| self.held_anywhere(release.unwrap(), file);
                let lost = wish.files.iter().filter(|file| good(file)).find(|file| !still(file));
                assert_eq!(lost, None, "a good asset was deleted: {step:?}");
            }
            Step::Upload { file, as_name } => {
                let file = wish.files.iter().find(|one| one.name == *file).unwrap();
                let id = self.add(release.unwrap(), as_name, file);
                if half {
                    let asset = self.held(release.unwrap()).assets.iter_mut().find(|asset| asset.id == id).unwrap();
                    (asset.size, asset.digest, asset.unfinished) = (0, None, Some("starter".to_owned()));
                }
            }
            Step::Rename { asset, from, to } => {
                let held = self.held(release.unwrap());
                assert!(held.assets.iter().all(|one| one.name != *to), "{to} is taken");
                let one = held.assets.iter_mut().find(|one| Some(one.id) == *asset).unwrap();
                assert_eq!(one.name, *from);
                one.name.clone_from(to);
            }
            Step::Describe(id) => {
                let (notes, prerelease) = (wish.notes.clone().unwrap(), wish.prerelease());
                let held = self.held(*id);
                (held.notes, held.prerelease) = (notes, prerelease);
            }
            Step::Publish { release, .. } => {
                let held = self.held(release.unwrap());
                held.draft = false;
                held.notes = wish.notes.clone().unwrap();
                self.published += 1;
            }
        }
    }

    fn held_anywhere(&self, release: u64, file: &File) -> bool {
        let held = self.remote.releases.iter().find(|held| held.id == release).unwrap();
        held.assets.iter().any(|asset| asset.beside(file) == Standing::Good)
    }

    /// Carries out plans until none is left or so many steps were done: whether it came to the end.
    fn work(&mut self, wish: &Wish, run: &mut Run, mut steps: usize, half: bool, check: &dyn Fn(&Self)) -> bool {
        for _ in 0..20 {
            let plan = plan(&self.remote, wish, run).unwrap();
            let Some(stage) = plan.stages.first() else { return true };
            for step in stage {
                if steps == 0 {
                    return false;
                }
                steps -= 1;
                self.do_step(step, wish, run, plan.release, half && steps == 0);
                check(self);
            }
        }
        panic!("the plans do not end: {:?}", self.remote);
    }

    fn holds_exactly(&self, wish: &Wish) {
        let [held] = &self.remote.releases[..] else { panic!("{:?}", self.remote) };
        assert!(!held.draft && held.notes == NOTES && run_of(&held.notes).is_none());
        let mut names: Vec<&str> = held.assets.iter().map(|asset| asset.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, wish.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>());
        assert!(wish.files.iter().all(|file| held.asset(&file.name, file).unwrap().1 == Standing::Good));
    }
}

/// Every way in which a first run can be interrupted, and a second one after it.
fn interrupted_everywhere(start: &Hub, wish: &Wish, check: &dyn Fn(&Hub)) -> usize {
    let mut boundaries = 0;
    for half in [false, true] {
        for steps in 0.. {
            let mut hub = start.clone();
            let ended = hub.work(wish, &mut run(1), steps, half, check);
            assert!(hub.work(wish, &mut run(2), usize::MAX, false, check));
            hub.holds_exactly(wish);
            assert_eq!(hub.published, usize::from(start.remote.releases.iter().all(|held| held.draft)));
            boundaries += 1;
            if ended {
                break;
            }
        }
    }
    boundaries
}

#[test]
fn a_run_that_is_interrupted_anywhere_is_finished_by_the_next_and_published_once() {
    let wish = wish("new");
    assert_eq!(interrupted_everywhere(&Hub::default(), &wish, &|_| ()), 2 * 6);
}

#[test]
fn an_older_draft_of_ours_is_finished_with_what_the_folder_holds_now() {
    let (old, wish) = (wish("old"), wish("new"));
    let mut hub = Hub::default();
    let mut first = run(9);
    assert!(!hub.work(&old, &mut first, 3, false, &|_| ()));
    interrupted_everywhere(&hub, &wish, &|_| ());
}

#[test]
fn while_a_published_release_is_replaced_each_asset_is_always_there_old_or_new() {
    let (old, new) = (wish("old"), Wish { replace: true, ..wish("new") });
    let mut hub = Hub::default();
    assert!(hub.work(&old, &mut run(9), usize::MAX, false, &|_| ()));
    hub.published = 0;
    let check = |hub: &Hub| {
        let assets = &hub.remote.releases[0].assets;
        for (old, new) in old.files.iter().zip(&new.files) {
            let there = assets.iter().any(|a| [old, new].iter().any(|file| a.beside(file) == Standing::Good));
            assert!(there, "{} is gone: {assets:?}", old.name);
        }
        // What vouches for the others is never newer than they are.
        let live = |name: &str| {
            let at = new.files.iter().position(|file| file.name == name).unwrap();
            assets.iter().find(|a| a.name == name).is_some_and(|a| a.beside(&new.files[at]) == Standing::Good)
        };
        assert!(!live("checksums.sha256") || (live("a.json") && live("b.json")), "{assets:?}");
    };
    let boundaries = interrupted_everywhere(&hub, &new, &check);
    assert!(boundaries > 2 * 12, "{boundaries}");
}

#[test]
fn a_second_look_at_a_published_release_has_nothing_to_do() {
    let wish = wish("new");
    let mut hub = Hub::default();
    hub.work(&wish, &mut run(1), usize::MAX, false, &|_| ());
    let plan = plan(&hub.remote, &wish, &run(2)).unwrap();
    assert_eq!((plan.release, plan.stages), (Some(1), Vec::new()));
}

fn refused(hub: &Hub, wish: &Wish, run: &Run) -> Finding {
    match plan(&hub.remote, wish, run) {
        Err(Stop::Refused(findings)) => findings.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_published_release_is_left_alone_without_leave_and_an_immutable_one_in_any_case() {
    let (old, new) = (wish("old"), wish("new"));
    let mut hub = Hub::default();
    hub.work(&old, &mut run(1), usize::MAX, false, &|_| ());
    let finding = refused(&hub, &new, &run(2));
    assert!(finding.status == Status::Fail && finding.help.unwrap().contains("--replace"));
    hub.held(1).immutable = true;
    let finding = refused(&hub, &Wish { replace: true, ..new }, &run(2));
    assert!(finding.status == Status::Fail && finding.actual.unwrap() == "immutable");
    assert!(plan(&hub.remote, &old, &run(2)).unwrap().stages.is_empty(), "what is right already is no change");
}

#[test]
fn a_draft_of_somebody_else_is_finished_only_with_leave_and_several_never() {
    let wish = wish("new");
    let mut hub = Hub::default();
    let draft = hub.hold(true, "by hand");
    assert!(refused(&hub, &wish, &run(1)).message.contains("draft 1 that publish did not make"));
    let leave = Wish { replace: true, ..wish.clone() };
    let plan_with_leave = plan(&hub.remote, &leave, &run(1)).unwrap();
    assert_eq!(plan_with_leave.stages[0], [Step::TakeOver(draft)]);
    hub.hold(true, "by hand as well");
    assert!(refused(&hub, &leave, &run(1)).message.contains("drafts 1 and 2"));
    hub.remote.releases.truncate(1);
    hub.hold(true, &marked(NOTES, &run(7).id));
    assert!(refused(&hub, &leave, &run(1)).message.contains("draft 1 that publish did not make"));
}

#[test]
fn what_a_draft_holds_beside_the_files_is_refused_and_goes_only_with_leave() {
    let wish = wish("new");
    let mut hub = Hub::default();
    let draft = hub.hold(true, &marked(NOTES, &run(7).id));
    let odd = hub.add(draft, "odd.json", &file("odd.json", "odd"));
    let finding = refused(&hub, &wish, &run(1));
    assert_eq!((finding.subject.as_str(), finding.status), ("odd.json", Status::Fail));
    let deleted = |plan: Plan| plan.stages.concat().iter().filter_map(discarded).collect::<Vec<_>>();
    let leave = Wish { replace: true, ..wish.clone() };
    assert_eq!(deleted(plan(&hub.remote, &leave, &run(1)).unwrap()), [odd]);
    let part = Wish { others: Others::Stay, ..wish };
    assert_eq!(deleted(plan(&hub.remote, &part, &run(1)).unwrap()), [0; 0]);
}

#[test]
fn the_older_of_two_drafts_stays_and_the_run_that_made_the_other_deletes_its_own_and_stops() {
    let wish = wish("new");
    let mut hub = Hub::default();
    let (mut first, mut second) = (run(1), run(2));
    hub.do_step(&Step::Create, &wish, &mut first, None, false);
    hub.do_step(&Step::Create, &wish, &mut second, None, false);
    let plan_of_first = plan(&hub.remote, &wish, &first).unwrap();
    assert_eq!((plan_of_first.release, plan_of_first.remarks.len()), (Some(1), 1));
    let Err(Stop::Lost { leftover, finding }) = plan(&hub.remote, &wish, &second) else { panic!() };
    assert_eq!((leftover, finding.status), (Some(2), Status::SkippedRequired));
}

#[test]
fn a_run_whose_draft_was_taken_over_published_or_deleted_stops_and_deletes_nothing() {
    let wish = wish("new");
    let mut hub = Hub::default();
    let (mut first, mut second) = (run(1), run(2));
    hub.work(&wish, &mut first, 2, false, &|_| ());
    hub.work(&wish, &mut second, 1, false, &|_| ());
    let Err(Stop::Lost { leftover: None, finding }) = plan(&hub.remote, &wish, &first) else { panic!() };
    assert!(finding.message.contains("took draft 1 over"));
    hub.work(&wish, &mut second, usize::MAX, false, &|_| ());
    assert!(plan(&hub.remote, &wish, &first).unwrap().stages.is_empty(), "the other published the very same");
    let other = Wish { files: vec![file("a.json", "other")], ..wish.clone() };
    assert!(matches!(plan(&hub.remote, &other, &first), Err(Stop::Refused(_))));
    hub.remote.releases.clear();
    let Err(Stop::Lost { leftover: None, finding }) = plan(&hub.remote, &wish, &first) else { panic!() };
    assert!(finding.message.contains("is gone"));
}

#[test]
fn a_run_that_finds_the_release_published_beside_its_own_draft_deletes_the_draft() {
    let wish = wish("new");
    let mut hub = Hub::default();
    let (mut first, mut second) = (run(1), run(2));
    hub.work(&wish, &mut first, usize::MAX, false, &|_| ());
    hub.do_step(&Step::Create, &wish, &mut second, None, false);
    assert!(hub.work(&wish, &mut second, usize::MAX, false, &|_| ()));
    hub.holds_exactly(&wish);
}

#[test]
fn only_the_highest_final_version_becomes_the_latest() {
    let latest = |highest: Option<&str>, own: &str| {
        let remote = Remote { highest: highest.map(tag), ..Remote::default() };
        let wish = Wish { tag: tag(own), ..wish("new") };
        let plan = plan(&remote, &wish, &run(1)).unwrap();
        plan.stages.concat().iter().any(|step| matches!(step, Step::Publish { latest: true, .. }))
    };
    assert!(latest(None, "mero-kms-v1.2.0") && latest(Some("mero-tee-v1.2.0"), "mero-kms-v1.2.0"));
    assert!(latest(Some("mero-kms-v1.1.9"), "mero-tee-v1.2.0"));
    assert!(!latest(Some("mero-kms-v1.3.0"), "mero-kms-v1.2.1"), "a hotfix of an older version");
    assert!(!latest(None, "mero-kms-v1.3.0-rc.1"), "a pre-release");
}

#[test]
fn a_release_that_would_hold_more_than_a_thousand_assets_is_refused() {
    let (old, new) = (wish("old"), Wish { replace: true, others: Others::Stay, ..wish("new") });
    let mut hub = Hub::default();
    hub.work(&old, &mut run(1), usize::MAX, false, &|_| ());
    for n in 0..995 {
        hub.add(1, &format!("x{n}"), &file("x", "x"));
    }
    let finding = refused(&hub, &new, &run(2));
    assert_eq!(finding.actual.as_deref(), Some("1001"), "three are there twice for a moment");
}
