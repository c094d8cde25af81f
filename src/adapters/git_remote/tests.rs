//! Configurations and folders as git makes them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

const URL: &str = "https://github.com/o/r.git";

#[test]
fn the_address_is_read_as_git_reads_it() {
    for config in [
        "[remote \"origin\"]\n\turl = https://github.com/o/r.git\n",
        "[core]\n\turl = no\n[remote \"fork\"]\n\turl = x\n[remote \"origin\"]\n\tfetch = y\n\turl = https://github.com/o/r.git\n[remote \"z\"]\n\turl = z",
        "[remote \"origin\"] url = https://github.com/o/r.git",
        "[REMOTE \"origin\"]\nURL=https://github.com/o/r.git",
        "[remote.origin]\nurl = https://github.com/o/r.git",
        "[remote \"origin\"]\r\n\turl = https://github.com/o/r.git\r\n",
        "[remote \"origin\"]\n\turl = \"https://github.com/o/r.git\"  ; ours\n",
        "[remote \"origin\"]\n\turl = https://github.com/o/r.git # ours\n",
        "[remote \"origin\"]\n\turl = https://github.com/\\\no/r.git\n",
        "# [remote \"origin\"]\n; url = x\n[remote \"origin\"]\n# url = x\n\turl = https://github.com/o/r.git\n\turl = second\n",
        "[remote \"ori\\gin\"]\nurl = https://github.com/o/r.git",
        "[url \"https://github.com/\"]\n\tinsteadOf = gh:\n[remote \"origin\"]\n\turl = gh:o/r.git\n",
        "[url \"https://evil/\"]\n\tinsteadOf = g\n[url \"https://github.com/o/\"]\n\tinsteadof = gh:o:\n[url \"x\"]\ninsteadOf =\n[remote \"origin\"]\n\turl = gh:o:r.git\n",
    ] {
        assert_eq!(origin_url(config).as_deref(), Some(URL), "{config}");
    }
}

#[test]
fn what_names_no_origin_gives_none() {
    for config in [
        "",
        "[remote \"Origin\"]\nurl = x",
        "[remote \"origin\"]\npushurl = x",
        "[remote \"origin]\nurl = x",
        "[remote \"origin\"\nurl = x",
        "[branch \"origin\"]\nurl = x",
        "[remote \"origin/x\"]\nurl = x",
        "url = x",
        "[remote \"origin\"]\nurl",
        "[remote \"origin\"]\n#url = x",
    ] {
        assert_eq!(origin_url(config), None, "{config}");
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn configured(path: &Path) {
    write(path, &format!("[remote \"origin\"]\n\turl = {URL}\n"));
}

#[test]
fn a_folder_below_the_top_a_worktree_and_a_submodule_know_their_origin() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path();
    configured(&top.join("main/.git/config"));
    std::fs::create_dir_all(top.join("main/a/b")).unwrap();
    // A worktree elsewhere, whose folder in the repository points back to what it shares.
    write(&top.join("tree/.git"), &format!("gitdir: {}\n", top.join("main/.git/worktrees/tree").display()));
    write(&top.join("main/.git/worktrees/tree/commondir"), "../..\n");
    std::fs::create_dir_all(top.join("tree/deep")).unwrap();
    // A submodule has its own, by a relative path.
    write(&top.join("main/sub/.git"), "gitdir: ../.git/modules/sub\n");
    write(&top.join("main/.git/modules/sub/config"), "[remote \"origin\"]\nurl = https://github.com/o/sub\n");
    for (folder, url) in
        [("main", URL), ("main/a/b", URL), ("tree", URL), ("tree/deep", URL), ("main/sub", "https://github.com/o/sub")]
    {
        assert_eq!(origin(&top.join(folder)).map(|o| o.url).as_deref(), Some(url), "{folder}");
    }
    assert_eq!(origin(&top.join("tree/deep")).unwrap().config, top.canonicalize().unwrap().join("main/.git/config"));
}

#[test]
fn the_nearest_repository_decides_and_a_broken_one_gives_none() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path();
    configured(&top.join(".git/config"));
    write(&top.join("inner/.git/config"), "[core]\n");
    assert_eq!(origin(&top.join("inner")), None, "a repository without a remote is not its parent");
    write(&top.join("lost/.git"), "gitdir: nowhere\n");
    assert_eq!(origin(&top.join("lost")), None);
    write(&top.join("large/.git/config"), &"#".repeat(2 << 20));
    assert_eq!(origin(&top.join("large")), None);
}
