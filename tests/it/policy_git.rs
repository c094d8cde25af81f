//! `policy diff --git`: which files a path means, from wherever the command is started.

use serde_json::Value;

use crate::{
    binary::{BINARY, Place, Run, usable},
    gen_policy::write_inputs,
};

const DEBUG: &str = "policies/attestation-policy-debug.json";

fn git(place: &Place, words: &[&str]) -> Run {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example", "-c", "init.defaultBranch=main"];
    place.program("git", identity.iter().chain(words).copied()).run().expect(0)
}

/// A repository whose policy of the debug profile differs between `v1` and `HEAD`; `None` without git.
fn repository() -> Option<Place> {
    if !usable("git", &["--version"]) {
        return None;
    }
    let place = Place::new();
    write_inputs(&place);
    let mut words = vec!["gen-policy", "--tag", "1.2.0", "--node-mrtds", "published-mrtds.json", "--out", "policies"];
    words.extend(["--commit", "0123456789abcdef0123456789abcdef01234567", "--candidates", "probe-debug-1.json"]);
    words.extend(["--candidates", "probe-debug-read-only-1.json", "--candidates", "probe-locked-read-only-1.json"]);
    place.merotee(words).args(["--repo", "calimero-network/mero-tee"]).run().expect(0);
    place.write("docs/deep/page.md", "a page");
    place.write("docs/notes.json", "{}");
    git(&place, &["init", "-q"]);
    git(&place, &["add", "policies", "docs"]);
    git(&place, &["commit", "-qm", "one"]);
    git(&place, &["tag", "v1"]);
    let mut document: Value = serde_json::from_str(&place.read(DEBUG)).unwrap();
    document["policy"]["kms_allowed_mrtd"] = serde_json::json!(["a0".repeat(48)]);
    place.write(DEBUG, document.to_string());
    git(&place, &["commit", "-qam", "two"]);
    Some(place)
}

/// The command started in `folder`, below the working folder or not.
fn diff_in(place: &Place, folder: &str, more: &str) -> Run {
    let script = format!("cd {folder} && {BINARY} policy diff --git v1 HEAD {more}");
    place.program("sh", ["-c", &script]).run()
}

#[test]
fn a_path_is_relative_to_the_working_folder_or_else_to_the_top_of_the_repository() {
    let Some(place) = repository() else { return };
    let top = place.work().canonicalize().unwrap();
    let absolute = top.join("policies");
    for (folder, path) in [
        (".", ""),
        (".", "policies"),
        (".", "./policies/"),
        (".", "docs/../policies"),
        ("policies", "."),
        ("policies", "./"),
        ("policies", ""),
        ("docs", ""),
        ("docs", "policies"),
        ("docs", "../policies"),
        ("docs/deep", "policies/"),
        ("docs/deep", "../../policies"),
        ("docs/deep", absolute.to_str().unwrap()),
    ] {
        let run = diff_in(&place, folder, path).expect(0);
        run.says(&["v1 → HEAD", "attestation-policy-debug.json", "newly admits it", "2 files without a difference"]);
    }
    for (folder, path) in [(".", DEBUG), ("policies", "attestation-policy-debug.json"), ("docs/deep", DEBUG)] {
        diff_in(&place, folder, path).expect(0).says(&["debug · kms", "= in all   newly admits 1 combination"]);
    }
    diff_in(&place, "docs", "policies").says(&["`policies` is taken from the top of the repository"]);
}

#[test]
fn what_lies_below_the_working_folder_comes_before_what_lies_at_the_top() {
    let Some(place) = repository() else { return };
    place.write("docs/policies/attestation-policy-debug.json", place.read(DEBUG));
    git(&place, &["add", "docs"]);
    git(&place, &["commit", "-qm", "three"]);
    // The nearer folder is new, and the farther one would have shown another difference.
    diff_in(&place, "docs", "policies").expect(0).says(&["the file is new"]);
    diff_in(&place, "docs", "../policies").expect(0).says(&["newly admits it"]);
}

#[test]
fn a_worktree_is_as_good_as_the_clone() {
    let Some(place) = repository() else { return };
    git(&place, &["worktree", "add", "-q", "--detach", "tree", "HEAD"]);
    for folder in ["tree", "tree/docs/deep", "tree/policies"] {
        let run = diff_in(&place, folder, "policies").expect(0);
        run.says(&["attestation-policy-debug.json", "newly admits it"]);
    }
}

#[test]
fn a_path_that_leads_out_or_to_nothing_is_refused() {
    let Some(place) = repository() else { return };
    for (folder, path) in
        [(".", ".."), (".", "../x"), ("docs", "../../policies"), (".", "docs/../../x"), (".", "''"), (".", "/etc")]
    {
        let run = diff_in(&place, folder, path).expect(2).without_product();
        run.says(&["is not a path"]);
    }
    for (folder, path) in [("docs", "absent"), (".", "docs/deep")] {
        diff_in(&place, folder, path).expect(2).says(&["neither revision has a JSON file"]).without_product();
    }
    diff_in(&place, ".", "docs").expect(2).says(&["holds a policy: there is nothing to compare"]);
}

#[cfg(unix)]
#[test]
fn a_policy_that_is_a_link_in_a_revision_is_not_passed_over() {
    let Some(place) = repository() else { return };
    std::fs::remove_file(place.path(DEBUG)).unwrap();
    std::os::unix::fs::symlink("../elsewhere.json", place.path(DEBUG)).unwrap();
    git(&place, &["commit", "-qam", "a link"]);
    let run = diff_in(&place, ".", "policies").expect(1).without_product();
    run.says(&["attestation-policy-debug.json is not a file in HEAD but a link"]);
}

#[test]
fn a_file_that_promises_a_policy_and_holds_none_cannot_be_compared() {
    let Some(place) = repository() else { return };
    place.write(DEBUG, "{}");
    git(&place, &["commit", "-qam", "gone wrong"]);
    let run = diff_in(&place, "docs", "policies").expect(1).without_product();
    run.says(&["HEAD: attestation-policy-debug.json cannot be compared"]);
}
