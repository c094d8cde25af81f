//! Every state that a repository can be in, and what is planned for it.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::change::{File, Label, Person, message, within_markers};

fn change() -> Change {
    Change {
        branch: "merotee/x".parse().unwrap_or_else(|_| unreachable!()),
        mark: Sha256::of(b"x"),
        title: "List a pair".to_owned(),
        body: "Why.".to_owned(),
        label: Label { name: "catalog".to_owned(), description: "" },
        draft: false,
        files: vec![File { path: "a.json".to_owned(), content: Some("new".to_owned()) }],
    }
}

fn base() -> Base {
    Base { branch: "master".parse().unwrap_or_else(|_| unreachable!()), commit: "base".to_owned(), tree: String::new() }
}

fn ours() -> Commit {
    let us = Some(Person::ours());
    Commit { id: "1111111aaa".to_owned(), author: us.clone(), committer: us, message: message(&change()) }
}

fn adas() -> Commit {
    let ada = Some(Person { name: "Ada".to_owned(), email: "ada@example.org".to_owned() });
    Commit { id: "2222222bbb".to_owned(), author: ada.clone(), committer: ada, message: "Mine".to_owned() }
}

fn at(commits: Vec<Commit>, content: &str) -> At {
    At {
        head: "head".to_owned(),
        has_base: true,
        count: commits.len() as u64,
        commits,
        files: BTreeMap::from([("a.json".to_owned(), content.into())]),
        touched: Some(vec!["a.json".to_owned()]),
    }
}

fn pull(number: u64, state: PullState) -> Pull {
    Pull {
        number,
        url: format!("https://x/{number}"),
        body: within_markers(&change().body),
        state,
        labels: vec!["Catalog".to_owned()],
        mark: Some(change().mark),
    }
}

fn planned(branch: Option<At>, pulls: Vec<Pull>) -> Plan {
    plan(&change(), &base(), &State { branch, pulls, elsewhere: None })
}

fn steps(plan: Plan) -> Vec<Step> {
    let Plan::Steps { steps, .. } = &plan else { panic!("{plan:?}") };
    steps.clone()
}

fn advance(parents: &[&str]) -> Step {
    Step::Advance { parents: parents.iter().map(|&parent| parent.to_owned()).collect() }
}

const OPENING: [Step; 2] = [Step::Open, Step::Label { number: None }];

#[test]
fn a_first_run_makes_branch_pull_request_and_label_and_says_so_beforehand() {
    let plan = planned(None, Vec::new());
    assert_eq!(
        plan.actions(&change()).iter().map(|a| a.what.as_str()).collect::<Vec<_>>(),
        ["create branch", "open pull request", "add label"]
    );
    assert_eq!(steps(plan), [&[Step::Create][..], &OPENING].concat());
}

#[test]
fn a_run_that_was_cut_short_goes_on_where_it_stopped() {
    assert_eq!(steps(planned(Some(at(vec![ours()], "new")), Vec::new())), OPENING);
    let mut unlabelled = pull(7, PullState::Open);
    unlabelled.labels.clear();
    let label = Step::Label { number: Some(7) };
    assert_eq!(steps(planned(Some(at(vec![ours()], "new")), vec![unlabelled])), [label]);
}

#[test]
fn a_second_run_changes_nothing_even_where_somebody_pushed_something_else_or_the_base_moved_on() {
    let same = at(vec![ours()], "new");
    let behind = At { has_base: false, ..same.clone() };
    let mut followed = at(vec![ours(), adas()], "new");
    followed.touched = Some(vec!["a.json".to_owned(), "b.json".to_owned()]);
    let adas = Remark::OthersCommits { commits: vec![("Ada".to_owned(), "2222222 (Mine)".to_owned())], more: 0 };
    for (branch, remarks) in [(same, Vec::new()), (behind, Vec::new()), (followed, vec![adas])] {
        let plan = planned(Some(branch), vec![pull(7, PullState::Open)]);
        assert_eq!(plan.actions(&change()), []);
        let pull = Some((7, "https://x/7".to_owned()));
        assert_eq!(plan, Plan::Steps { steps: Vec::new(), pull, remarks });
    }
}

#[test]
fn no_pull_request_is_opened_around_commits_of_others_even_where_they_hold_the_change() {
    for commits in [vec![ours(), adas()], vec![adas()]] {
        for pulls in [Vec::new(), vec![pull(7, PullState::Merged)]] {
            let plan = planned(Some(at(commits.clone(), "new")), pulls);
            let Plan::Refused(Refusal::OthersCommits { commits, more: 0, pull: None }) = &plan else {
                panic!("{plan:?}")
            };
            assert_eq!(commits, &[("Ada".to_owned(), "2222222 (Mine)".to_owned())]);
        }
    }
}

#[test]
fn a_branch_that_never_was_ours_is_not_moved_on_to_the_base() {
    for content in ["old", "new"] {
        let theirs = At { has_base: false, ..at(Vec::new(), content) };
        assert_eq!(planned(Some(theirs), Vec::new()), Plan::Refused(Refusal::NotOurs));
    }
}

#[test]
fn a_pull_request_that_was_moved_to_another_base_gets_no_second_one() {
    let elsewhere = Elsewhere { number: 7, url: "https://x/7".to_owned(), base: "next".to_owned() };
    let with = |pulls| {
        let branch = Some(at(vec![ours()], "new"));
        plan(&change(), &base(), &State { branch, pulls, elsewhere: Some(elsewhere.clone()) })
    };
    assert_eq!(with(Vec::new()), Plan::Refused(Refusal::Elsewhere(elsewhere.clone())));
    assert_eq!(steps(with(vec![pull(9, PullState::Open)])), [], "there are two already");
}

#[test]
fn what_is_out_of_date_is_followed_by_a_commit_that_merges_a_base_which_moved_on() {
    let open = || vec![pull(7, PullState::Open)];
    let old = at(vec![ours()], "old");
    assert_eq!(steps(planned(Some(old.clone()), open())), [advance(&["head"])]);
    let behind = At { has_base: false, ..old.clone() };
    assert_eq!(steps(planned(Some(behind), open())), [advance(&["head", "base"])]);
    let deleted = At { files: BTreeMap::new(), ..old };
    assert_eq!(steps(planned(Some(deleted), open())), [advance(&["head"])]);
    let mut wider = at(vec![ours()], "new");
    wider.touched = Some(vec!["a.json".to_owned(), "b.json".to_owned()]);
    assert_eq!(steps(planned(Some(wider), open())), [advance(&["head"])], "an earlier version touched one file more");
    let merged = At { has_base: false, ..at(Vec::new(), "new") };
    let reopened = [&[advance(&["base"])][..], &OPENING].concat();
    assert_eq!(steps(planned(Some(merged), vec![pull(7, PullState::Merged)])), reopened, "merged, and taken back");
}

#[test]
fn commits_of_others_are_never_left_behind() {
    let refused = |at: At| {
        let plan = planned(Some(at), vec![pull(7, PullState::Open)]);
        let Plan::Refused(Refusal::OthersCommits { commits, more, pull }) = &plan else { panic!("{plan:?}") };
        (commits.clone(), *more, pull.as_ref().map(|(number, _)| *number))
    };
    let (who, which) = ("Ada".to_owned(), "2222222 (Mine)".to_owned());
    for has_base in [true, false] {
        let behind = At { has_base, ..at(vec![ours(), adas(), ours()], "old") };
        assert_eq!(refused(behind), (vec![(who.clone(), which.clone())], 0, Some(7)));
    }
    let (named, more, _) = refused(at(vec![adas(); 5], "old"));
    assert_eq!((named.len(), more), (3, 2));
    // What can't be listed is not ours.
    let unlisted = At { count: 300, ..at(vec![ours(); 250], "old") };
    assert_eq!(refused(unlisted), (Vec::new(), 50, Some(7)));
}

#[test]
fn what_was_turned_down_is_not_proposed_again_but_something_else_is() {
    let declined = Plan::Refused(Refusal::Declined { number: 7, url: "https://x/7".to_owned() });
    let closed = || pull(7, PullState::Closed);
    assert_eq!(planned(None, vec![closed()]), declined, "also where its branch is gone");
    assert_eq!(planned(Some(at(vec![ours()], "new")), vec![closed(), pull(3, PullState::Merged)]), declined);
    let other = Pull { mark: Some(Sha256::of(b"y")), ..closed() };
    let anew = [&[advance(&["head"])][..], &OPENING].concat();
    assert_eq!(steps(planned(Some(at(vec![ours()], "old")), vec![other])), anew);
    // It was reopened, or proposed anew by a person.
    assert_eq!(steps(planned(Some(at(vec![ours()], "new")), vec![closed(), pull(8, PullState::Open)])), []);
    assert_eq!(steps(planned(Some(at(vec![ours()], "new")), vec![closed(), pull(9, PullState::Merged)])), OPENING);
}

#[test]
fn a_base_that_is_as_it_should_be_needs_nothing_and_an_open_pull_request_is_pointless() {
    let done = Change { files: Vec::new(), ..change() };
    let planned =
        |pulls| plan(&done, &base(), &State { branch: Some(at(vec![adas()], "old")), pulls, elsewhere: None });
    assert_eq!(planned(vec![pull(7, PullState::Merged)]), Plan::Nothing { obsolete: None });
    let open = planned(vec![pull(7, PullState::Open)]);
    assert_eq!(open, Plan::Nothing { obsolete: Some((7, "https://x/7".to_owned())) });
}

#[test]
fn the_text_of_a_pull_request_follows_unless_somebody_made_it_their_own() {
    let saying = |body: &str| {
        let branch = Some(at(vec![ours()], "new"));
        planned(branch, vec![Pull { body: body.to_owned(), ..pull(7, PullState::Open) }])
    };
    let body = format!("Hello\n\n{}", within_markers("Why."));
    assert_eq!(steps(saying(&body.replace("Why.", "Before."))), [Step::Describe { number: 7, body }]);
    let theirs = saying("Mine now");
    let Plan::Steps { steps, remarks, .. } = theirs else { panic!("{theirs:?}") };
    assert_eq!((steps, remarks), (Vec::new(), vec![Remark::TextIsTheirs]));
}

#[test]
fn of_several_open_pull_requests_the_oldest_is_kept() {
    let plan = planned(Some(at(vec![ours()], "new")), vec![pull(9, PullState::Open), pull(7, PullState::Open)]);
    assert!(matches!(plan, Plan::Steps { pull: Some((7, _)), ref steps, .. } if steps.is_empty()), "{plan:?}");
}

#[test]
fn a_file_that_is_to_go_is_done_with_once_the_branch_has_it_no_longer() {
    let gone = File { path: "b.json".to_owned(), content: None };
    let change = Change { files: [change().files, vec![gone]].concat(), ..change() };
    let with = |held: Option<&str>| {
        let mut at = at(vec![ours()], "new");
        at.files.extend(held.map(|content| ("b.json".to_owned(), content.into())));
        at.touched = Some(vec!["a.json".to_owned(), "b.json".to_owned()]);
        let state = State { branch: Some(at), pulls: vec![pull(7, PullState::Open)], elsewhere: None };
        steps(plan(&change, &base(), &state))
    };
    assert_eq!(with(None), []);
    assert_eq!(with(Some("old")), [Step::Advance { parents: vec!["head".to_owned()] }]);
}
