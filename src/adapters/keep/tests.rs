//! What lies where after which verdict, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::error::Class;

const TAG: &str = "mero-kms-v1.2.0";

fn staged(dir: &Path, content: &str) -> Staged {
    let staged = try_stage(dir).unwrap();
    std::fs::write(staged.path().join("a.json"), content).unwrap();
    staged
}

fn try_stage(dir: &Path) -> Result<Staged> {
    let names = Names::sort(["a.json", "b.tar.gz"].into_iter());
    Keep::new(dir.to_owned()).stage(&TAG.parse().unwrap(), &names)
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn only_a_release_that_passed_gets_its_own_name_and_the_last_run_decides() {
    let dir = tempfile::tempdir().unwrap();
    let keep = dir.path().join("new/folder");
    let marked = format!("{TAG}{NOT_VERIFIED}");
    for (passed, content) in [(true, "1"), (true, "2"), (false, "3"), (false, "4"), (true, "5")] {
        let kept = staged(&keep, content).settle(passed).unwrap().unwrap();
        let name = if passed { TAG } else { marked.as_str() };
        assert_eq!(entries(&keep), [name], "{content}");
        assert_eq!((kept.as_path(), entries(&kept)), (keep.join(name).as_path(), vec!["a.json".to_owned()]));
        assert_eq!(std::fs::read_to_string(kept.join("a.json")).unwrap(), content);
    }
}

#[test]
fn downloads_without_a_verdict_leave_nothing_and_touch_nothing() {
    let dir = tempfile::tempdir().unwrap();
    staged(dir.path(), "kept").settle(true).unwrap();
    drop(staged(dir.path(), "dropped"));
    assert_eq!(entries(dir.path()), [TAG]);
    assert_eq!(std::fs::read_to_string(dir.path().join(TAG).join("a.json")).unwrap(), "kept");
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(Staged::temporary(elsewhere.path()).unwrap().settle(true).unwrap(), None);
    assert_eq!(entries(elsewhere.path()), [""; 0]);
}

#[test]
fn while_it_runs_nothing_bears_the_name_of_a_release() {
    let dir = tempfile::tempdir().unwrap();
    let running = staged(dir.path(), "half");
    let names = entries(dir.path());
    assert!(matches!(names.as_slice(), [one] if one.starts_with('.') && one.ends_with(NOT_VERIFIED)), "{names:?}");
    drop(running);
    assert_eq!(entries(dir.path()), [""; 0]);
}

#[test]
fn downloads_to_compare_with_take_an_empty_place_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let beside = |content: &str| {
        let staged = Keep::new(dir.path().to_owned()).stage_beside(&TAG.parse().unwrap()).unwrap();
        std::fs::write(staged.path().join("a.json"), content).unwrap();
        staged.settle_beside().unwrap();
    };
    beside("first");
    beside("second");
    // Whatever else lies there is not in the way of a comparison.
    std::fs::write(dir.path().join(TAG).join("mine.txt"), "x").unwrap();
    beside("third");
    assert_eq!(std::fs::read_to_string(dir.path().join(TAG).join("a.json")).unwrap(), "first");
    assert_eq!(entries(dir.path()), [TAG]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_holds_anything_strange_is_refused_by_name_and_left_alone() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    type Strange = fn(&Path);
    let kinds: [(&str, Strange); 12] = [
        ("backdoor.tar.gz", |f| std::fs::write(f.join("backdoor.tar.gz"), "x").unwrap()),
        (".hidden", |f| std::fs::write(f.join(".hidden"), "").unwrap()),
        ("A.JSON", |f| std::fs::write(f.join("A.JSON"), "x").unwrap()),
        ("a.json~", |f| std::fs::write(f.join("a.json~"), "x").unwrap()),
        (".merotee-x.part", |f| std::fs::write(f.join(".merotee-x.part"), "x").unwrap()),
        ("a.json.sig", |f| std::fs::write(f.join("a.json.sig"), "x").unwrap()),
        ("sub (not a regular file)", |f| std::fs::create_dir(f.join("sub")).unwrap()),
        ("a.json (not a regular file)", |f| std::fs::create_dir(f.join("a.json")).unwrap()),
        ("b.tar.gz (not a regular file)", |f| symlink("/etc/passwd", f.join("b.tar.gz")).unwrap()),
        ("a.json (not a regular file)", |f| symlink("nowhere", f.join("a.json")).unwrap()),
        ("b.tar.gz (not a regular file)", |f| drop(UnixListener::bind(f.join("b.tar.gz")).unwrap())),
        ("not \u{fffd} unicode", |f| {
            use std::os::unix::ffi::OsStrExt as _;
            std::fs::write(f.join(std::ffi::OsStr::from_bytes(b"not \xff unicode")), "x").unwrap();
        }),
    ];
    for (name, make) in kinds {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(TAG);
        std::fs::create_dir(&folder).unwrap();
        make(&folder);
        let (before, error) = (entries_lossy(&folder), try_stage(dir.path()).unwrap_err());
        assert_eq!(error.class(), Class::Usage, "{name}");
        assert!(error.to_string().ends_with(&format!("that release {TAG} does not have: {name}")), "{error}");
        assert_eq!((entries_lossy(&folder), entries(dir.path())), (before, vec![TAG.to_owned()]), "{name}");
    }
}

#[cfg(unix)]
fn entries_lossy(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    names.collect()
}

#[test]
fn many_strangers_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(TAG);
    std::fs::create_dir(&folder).unwrap();
    (0..9).for_each(|i| std::fs::write(folder.join(format!("x{i}")), "").unwrap());
    let error = try_stage(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with(": x0, x1, x2, x3, x4 and 4 more"), "{error}");
}

#[test]
fn what_came_into_the_folder_meanwhile_is_not_thrown_away() {
    let dir = tempfile::tempdir().unwrap();
    staged(dir.path(), "1").settle(true).unwrap();
    for passed in [true, false] {
        let running = staged(dir.path(), "2");
        std::fs::write(dir.path().join(TAG).join("mine.txt"), "x").unwrap();
        assert_eq!(running.settle(passed).unwrap_err().class(), Class::Usage);
        assert_eq!(entries(&dir.path().join(TAG)), ["a.json", "mine.txt"]);
        std::fs::remove_file(dir.path().join(TAG).join("mine.txt")).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_place_that_is_no_folder_is_refused_and_a_link_to_one_is_none() {
    use std::os::unix::fs::symlink;
    for name in [TAG.to_owned(), format!("{TAG}{NOT_VERIFIED}")] {
        for link in [false, true] {
            let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let path = dir.path().join(&name);
            if link {
                symlink(elsewhere.path(), &path).unwrap()
            } else {
                std::fs::write(&path, "x").unwrap()
            }
            let error = try_stage(dir.path()).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{error}");
            assert!(error.to_string().contains(&name), "{error}");
        }
    }
    // The folder they are kept in may well be a link.
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(elsewhere.path(), dir.path().join("k")).unwrap();
    staged(&dir.path().join("k"), "1").settle(true).unwrap();
    assert_eq!(entries(elsewhere.path()), [TAG]);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "x").unwrap();
    for inside in ["file", "file/below"] {
        let error = try_stage(&dir.path().join(inside)).unwrap_err();
        assert_eq!(error.class(), Class::Input, "{error}");
        assert!(error.to_string().contains("file"), "{error}");
    }
}
