//! The ids of other people's git, and walks over a history with a merge.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::Timestamp;

use super::*;

fn person(second: i64) -> Person {
    let time = Timestamp::from_second(second).unwrap();
    Person { name: "A U Thor".to_owned(), email: "author@example.com".to_owned(), time }
}

fn commit(objects: &mut Objects, tree: Oid, parents: &[Oid], second: i64) -> Oid {
    let (author, committer) = (person(second), person(second));
    let message = format!("at {second}\n");
    objects.add(Object::Commit(Commit { tree, parents: parents.to_vec(), author, committer, message }))
}

/// Computed with git 2.47: `hash-object`, `mktree`, `commit-tree` under a fixed author and time.
#[test]
fn ids_are_those_that_git_computes() {
    let mut objects = Objects::default();
    let tree = objects.write_tree(&Files::new());
    assert_eq!(tree.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    let hello = objects.add(Object::Blob("hello\n".into()));
    assert_eq!(hello.to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
    let files: Files = [("a.b", Mode::File), ("a/x", Mode::Executable), ("a0", Mode::Link)]
        .map(|(path, mode)| (path.to_owned(), (mode, hello)))
        .into();
    let tree = objects.write_tree(&files);
    assert_eq!(tree.to_string(), "ce5677eb2589b919e67d3e7f9aef057e78562179");
    assert_eq!(objects.files(tree), files);
    assert_eq!(commit(&mut objects, tree, &[], 1_000_000_000).to_string(), "276c3d2d367e874c3b47e9c73410ae1d08fa7c56");
}

#[test]
fn what_lies_at_a_path_is_found_and_what_does_not_is_not() {
    let mut objects = Objects::default();
    let blob = objects.add(Object::Blob("1".into()));
    let tree = objects.write_tree(&Files::from([("a/b/c".to_owned(), (Mode::File, blob))]));
    assert_eq!(objects.at(tree, "a/b/c"), Some((Mode::File, blob)));
    assert_eq!(objects.at(tree, ""), Some((Mode::Tree, tree)));
    assert_eq!(objects.at(tree, "a/b").map(|(mode, _)| mode), Some(Mode::Tree));
    for missing in ["b", "a/c", "a/b/c/d"] {
        assert_eq!(objects.at(tree, missing), None, "{missing}");
    }
}

#[test]
fn a_path_that_would_leave_the_folder_or_reach_into_gits_own_is_unsafe() {
    for path in ["a", "a/b.c", "é/x y", ".github/workflows/a.yaml", ".gitignore"] {
        assert!(path_is_safe(path), "{path}");
    }
    let deep = "a/".repeat(200) + "a";
    for path in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", ".git/config", "a/.GIT/x", "a\\b", "a\0b", &deep] {
        assert!(!path_is_safe(path), "{path:?}");
    }
}

#[test]
fn a_history_with_a_merge_is_walked_newest_first_and_parts_where_it_parted() {
    let mut objects = Objects::default();
    let tree = objects.write_tree(&Files::new());
    let first = commit(&mut objects, tree, &[], 1);
    let [left, right] = [2, 3].map(|time| commit(&mut objects, tree, &[first], time));
    // Its clock ran behind, and it is the newest all the same.
    let merge = commit(&mut objects, tree, &[left, right], 2);
    assert_eq!(objects.log(merge), [merge, right, left, first]);
    assert_eq!(objects.since(left, merge), [merge, right]);
    assert_eq!(objects.since(merge, left), []);
    assert_eq!(objects.merge_base(left, right), Some(first));
    assert_eq!(objects.merge_base(left, merge), Some(left));
    let other = commit(&mut objects, tree, &[], 9);
    assert_eq!(objects.merge_base(other, merge), None);
}
