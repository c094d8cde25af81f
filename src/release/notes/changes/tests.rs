//! Histories of every shape.
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;

/// A commit whose id is its name, padded.
fn id(name: &str) -> String {
    format!("{name:0<40}")
}

fn commit(name: &str, parents: &[&str], message: &str) -> Commit {
    Commit {
        id: id(name),
        parents: parents.iter().map(|parent| id(parent)).collect(),
        author: Person { name: format!("Author {name}"), email: format!("{name}@example.org") },
        message: message.to_owned(),
        files: vec![format!("{name}.rs")],
    }
}

fn of(history: &[Commit], head: &str) -> Vec<Change> {
    changes(history, &id(head), |_| false).0
}

fn titles(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.title.text.as_str()).collect()
}

#[test]
fn a_pull_request_is_one_change_whose_parts_are_its_commits() {
    let history = [
        commit("e", &["d"], "docs: last"),
        commit("d", &["c", "b2"], "Merge pull request #7 from o/branch\n\nA better thing"),
        commit("b2", &["b1"], "feat!: part two"),
        commit("b1", &["a"], "fix: part one\n\nCo-authored-by: Grace <grace@navy.example>"),
        commit("c", &["a"], "chore: between"),
    ];
    let changes = of(&history, "e");
    assert_eq!(titles(&changes), ["last", "A better thing", "between"]);
    let merged = &changes[1];
    assert_eq!((merged.kind, merged.commits, merged.title.pulls.as_slice()), (Kind::Feature, 2, &[7][..]));
    assert_eq!(merged.breaks, ["part two"]);
    let names: Vec<&str> = merged.people.iter().map(|person| person.name.as_str()).collect();
    assert_eq!(names, ["Author b2", "Author b1", "Grace"], "who merges it did not write it");
}

#[test]
fn a_merge_of_a_branch_is_no_change_and_what_it_joins_is_listed() {
    let history = [
        commit("f", &["e", "d2"], "Merge branch 'develop'"),
        commit("e", &["a"], "fix: on main"),
        commit("d2", &["d1", "p1"], "Merge pull request #3 from o/x\n\nfeat: in develop"),
        commit("p1", &["d1"], "the work"),
        commit("d1", &["a"], "perf: first in develop"),
    ];
    let mut found = of(&history, "f");
    found.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(titles(&found), ["first in develop", "in develop", "on main"]);
}

#[test]
fn every_commit_belongs_to_exactly_one_change_however_branches_were_merged_into_each_other() {
    let history = [
        commit("m2", &["m1", "y2"], "Merge pull request #2 from o/y\n\nfeat: second"),
        commit("y2", &["y1", "m1"], "Merge branch 'main' into y"),
        commit("y1", &["x1"], "on top of the first"),
        commit("m1", &["a", "x1"], "Merge pull request #1 from o/x\n\nfeat: first"),
        commit("x1", &["r"], "the first work"),
        commit("a", &["r"], "fix: plain"),
    ];
    let found = of(&history, "m2");
    assert_eq!(titles(&found), ["second", "first", "plain"]);
    assert_eq!(found.iter().map(|change| change.commits).collect::<Vec<_>>(), [1, 1, 1]);
    // A range without its oldest commits, and one whose head is not in it.
    assert_eq!(titles(&of(&history[..3], "m2")), ["second"]);
    assert_eq!(of(&history, "zz"), []);
    assert_eq!(of(&[], "a"), []);
}

#[test]
fn a_pull_request_without_a_title_has_that_of_its_only_commit() {
    let merge = |message| commit("m", &["a", "x"], message);
    let part = commit("x", &["r"], "fix(kms): the only work");
    let found = of(&[merge("Merge pull request #5 from o/x"), part.clone()], "m");
    assert_eq!((found[0].title.text.as_str(), found[0].kind), ("the only work", Kind::Fix));
    let found = of(&[merge("Merge pull request #5 from o/x")], "m");
    assert_eq!(titles(&found), ["Merge pull request #5 from o/x"], "nothing else is known of it");
}

#[test]
fn a_flaw_or_a_part_that_closes_a_hole_makes_the_change_security() {
    let kind = |message: &str| of(&[commit("a", &[], message)], "a")[0].kind;
    assert_eq!(kind("fix: bound the parser\n\nCVE-2025-12345"), Kind::Security);
    assert_eq!(kind("docs: x"), Kind::Documentation);
    let history = [
        commit("m", &["a", "x"], "Merge pull request #1 from o/x\n\nchore: tidy up"),
        commit("x", &["a"], "security: check the nonce"),
        commit("a", &[], "start"),
    ];
    assert_eq!(of(&history, "m")[0].kind, Kind::Security, "a dull title hides nothing");
}

#[test]
fn what_breaks_is_said_by_footers_else_by_marked_titles_and_once() {
    let breaks = |message: &str| of(&[commit("a", &[], message)], "a")[0].breaks.clone();
    assert_eq!(breaks("feat!: x"), ["x"]);
    assert_eq!(breaks("feat!: x\n\nBREAKING CHANGE: the format"), ["the format"]);
    assert_eq!(breaks("feat: x\n\nBREAKING CHANGE:"), ["x"]);
    assert_eq!(breaks("feat: x"), [""; 0]);
    let history = [
        commit("m", &["a", "x"], "Merge pull request #1 from o/x\n\nfeat!: whole"),
        commit("x", &["a"], "refactor: part"),
        commit("a", &[], "start"),
    ];
    assert_eq!(of(&history, "m")[0].breaks, ["whole"]);
}

#[test]
fn a_change_that_is_taken_back_is_marked_and_never_dropped() {
    let revert = |name: &str, parent: &str, of: &str| {
        commit(name, &[parent], &format!("Revert \"x\"\n\nThis reverts commit {}.", id(of)))
    };
    let history = [revert("c", "b", "a"), commit("b", &["a"], "fix: y"), commit("a", &[], "feat: x")];
    let found = of(&history, "c");
    let marks = |found: &[Change]| found.iter().map(|c| (c.taken_back_by, c.takes_back)).collect::<Vec<_>>();
    assert_eq!(marks(&found), [(None, true), (None, false), (Some(0), false)]);
    // A revert that is taken back itself leaves the change as it was.
    let again = [revert("d", "c", "c"), history[0].clone(), history[1].clone(), history[2].clone()];
    assert_eq!(marks(&of(&again, "d")), [(None, true), (Some(0), false), (None, false), (None, false)]);
    // By pull request, as GitHub's button writes it.
    let by_pull =
        [commit("b", &["a"], "Revert \"feat: x (#1)\" (#2)\n\nReverts o/r#1"), commit("a", &[], "feat: x (#1)")];
    assert_eq!(marks(&of(&by_pull, "b")), [(None, true), (Some(0), false)]);
    // Nothing takes back what came later, what is outside the range, or what two commits could be.
    let odd = [commit("bb", &["ba"], "feat: x"), revert("ba", "a", "bb"), revert("a", "r", "r")];
    assert_eq!(marks(&of(&odd, "bb")), [(None, false); 3]);
}

#[test]
fn changes_of_foreign_files_are_left_out_and_counted() {
    let history = [commit("b", &["a"], "feat: node"), commit("a", &[], "feat: kms")];
    let (found, left_out) = changes(&history, &id("b"), |files| files == ["b.rs"]);
    assert_eq!((titles(&found), left_out), (vec!["kms"], 1));
}

#[test]
fn a_long_history_of_nested_merges_takes_no_stack() {
    let mut history = Vec::new();
    for index in (1..20_000_usize).rev() {
        let (own, parent) = (format!("{index:x}g"), format!("{:x}g", index - 1));
        history.push(commit(&own, &[&parent, &parent], "Merge branch 'x'"));
    }
    history.push(commit("0g", &[], "fix: the root"));
    assert_eq!(titles(&of(&history, &format!("{:x}g", 19_999))), ["the root"]);
}
