//! Notes of every class from real histories and the sandbox's documents.

use super::Repository;
use crate::binary::{Place, Run};

/// A history with every kind of change between two KMS releases, and the catalog.
fn kms() -> Option<Repository> {
    let repository = Repository::new()?;
    repository.commit("README.md", "Begin");
    repository.tag("mero-kms-v1.1.0");
    repository.tag("mero-tee-v1.1.0");
    repository.commit(
        "mero-kms/a.rs",
        "feat(api)!: answer with a list (#10)\n\nBREAKING CHANGE: `/attest` answers with a list",
    );
    repository.commit(
        "mero-kms/b.rs",
        "fix: bound the event log (#11)\n\nCVE-2025-12345\n\nCo-authored-by: Alan Turing <alan@example.org>",
    );
    repository.pull(12, "perf: verify quotes once", &[("mero-kms/c.rs", "part one"), ("mero-kms/d.rs", "part two")]);
    repository.commit("mero-tee/image.pkr.hcl", "feat: a new base image (#13)");
    repository.commit_by(
        "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
        "Cargo.lock",
        "chore(deps): bump serde (#14)",
    );
    repository.commit("x.rs", "feat: a mistake (#15)");
    let mistake = repository.git(&["rev-parse", "HEAD"]);
    repository.commit("x.rs", &format!("Revert \"feat: a mistake (#15)\" (#16)\n\nThis reverts commit {mistake}."));
    repository
        .commit("docs/a.md", "Say what @everyone asks ![x](http://evil.example/p.png) <img src=x> \u{202e}gnp.exe");
    let entry = |node: &str, tested: bool| {
        let profiles = ["debug", "debug-read-only", "locked-read-only"];
        serde_json::json!({"kms": "1.2.0", "node_image": node, "profiles": profiles, "tested": tested, "notes": "by hand"})
    };
    let catalog = serde_json::json!({"schema_version": "1", "entries": [entry("1.2.0", true), entry("1.1.0", false)]});
    repository.place.write("compatibility-catalog.json", catalog.to_string());
    repository.git(&["add", "compatibility-catalog.json"]);
    repository.git(&["commit", "-q", "-m", "docs: list the pair"]);
    repository.tag("mero-kms-v1.2.0");
    repository.tag("mero-tee-v1.2.0");
    Some(repository)
}

/// Folders with the files of 1.1.0 and 1.2.0 of both families.
fn kept(place: &Place) {
    for version in ["1.1.0", "1.2.0"] {
        place.sandbox(["verify-release-assets", version, "--keep", "kept"]).run().expect(0);
    }
}

fn image() -> String {
    format!("ghcr.io/calimero-network/mero-kms-phala@sha256:{}", "c".repeat(64))
}

/// The notes with every gap written by a person.
fn filled(notes: &str) -> String {
    let kept = notes.lines().filter(|line| !line.starts_with("<!-- merotee:gap "));
    let written = kept.map(|line| if line.starts_with("**TODO:**") { "Written by a person." } else { line });
    written.map(|line| format!("{line}\n")).collect()
}

/// `release-notes check` of this text.
fn check(place: &Place, notes: &str, words: &[&str]) -> Run {
    place.write("notes.md", notes);
    place.merotee(["release-notes", "check", "notes.md"]).args(words).run()
}

#[test]
fn a_stable_release_with_everything_there_is_to_know() {
    let Some(repository) = kms() else { return };
    kept(&repository.place);
    let image = image();
    let mut words = vec!["mero-kms-v1.2.0", "--dir", "kept/mero-kms-v1.2.0", "--image", &image];
    words.extend(["--previous-dir", "kept/mero-kms-v1.1.0"]);
    let run = repository.generate(&words).expect(0);
    insta::assert_snapshot!("stable_kms", run.shown());
    let again = repository.generate(&words).expect(0);
    assert_eq!(run.stdout, again.stdout, "the same clone and documents give the same bytes");
    let place = &repository.place;
    check(place, &run.stdout, &["--tag", "mero-kms-v1.2.0"]).expect(10).says(&["`Upgrade path` was never filled in"]);
    check(place, &filled(&run.stdout), &["--tag", "mero-kms-v1.2.0"]).expect(0);
    // Also where the commands of the other family look.
    let mut words = vec!["mero-tee-v1.2.0", "--dir", "kept/mero-tee-v1.2.0"];
    words.extend(["--previous-dir", "kept/mero-tee-v1.1.0"]);
    let run = repository.generate(&words).expect(0);
    insta::assert_snapshot!("stable_node", run.shown());
    check(place, &filled(&run.stdout), &["--tag", "mero-tee-v1.2.0"]).expect(0);
}

#[test]
fn without_documents_each_section_that_needs_one_is_a_gap() {
    let Some(repository) = kms() else { return };
    let run = repository.generate(&["mero-kms-v1.2.0"]).expect(0);
    for gap in ["image", "upgrade-path", "measurements"] {
        assert!(run.stdout.contains(&format!("<!-- merotee:gap {gap} -->\n**TODO:** tell ")), "{gap}\n{}", run.stdout);
    }
    let run = run.says(&["[WARN]", "the section `Upgrade path` was never filled in", "a gap is left under `Image`"]);
    check(&repository.place, &run.stdout, &["--tag", "mero-kms-v1.2.0"]).expect(10);
    check(&repository.place, &filled(&run.stdout), &["--class", "stable"]).expect(0);
    repository.generate(&["mero-kms-v1.2.0", "-o", "out.md"]).expect(0).without_product();
    assert_eq!(repository.place.read("out.md"), run.stdout);
}

#[test]
fn the_previous_release_is_read_from_github_and_only_when_it_verifies() {
    let Some(repository) = kms() else { return };
    kept(&repository.place);
    let place = &repository.place;
    let words = ["release-notes", "generate", "mero-kms-v1.2.0", "--from", "mero-kms-v1.1.0", "--dir"];
    let words = [&words[..], &["kept/mero-kms-v1.2.0"]].concat();
    let online = place.sandbox(words.iter().copied()).run().expect(0);
    let local = [&words[..], &["--previous-dir", "kept/mero-kms-v1.1.0"]].concat();
    assert_eq!(online.stdout, place.merotee(local).run().expect(0).stdout);
    let spoiled = place.tampered("identity-workflow", words.iter().copied()).run().expect(0);
    let said = "those of mero-kms-v1.1.0 are not known: the release is not trusted";
    assert!(spoiled.stdout.contains(said), "{}", spoiled.shown());
    let run = spoiled.says(&["the section `MRTD/RTMR changes` has a gap"]);
    assert!(!run.stdout.contains("Changed since") && !run.stdout.contains("No measurement changed"));
}

#[test]
fn a_release_candidate_is_compared_with_the_one_before_it() {
    let Some(repository) = kms() else { return };
    repository.commit("mero-kms/e.rs", "feat: first candidate");
    repository.tag("mero-kms-v1.3.0-rc.1");
    repository.commit("mero-kms/f.rs", "fix: second candidate");
    repository.tag("mero-kms-v1.3.0-rc.2");
    repository.commit("mero-kms/g.rs", "fix: the last touch");
    repository.tag("mero-kms-v1.3.0");
    let first = repository.generate(&["mero-kms-v1.3.0-rc.1"]).expect(0);
    insta::assert_snapshot!("rc_kms", first.shown());
    let image = format!("{}\n", image());
    let complete = |notes: &str| format!("{}{image}", filled(notes));
    check(&repository.place, &complete(&first.stdout), &["--tag", "mero-kms-v1.3.0-rc.1"]).expect(0);
    let second = repository.generate(&["mero-kms-v1.3.0-rc.2"]).expect(0).says(&["compared with mero-kms-v1.3.0-rc.1"]);
    assert!(second.stdout.contains("second candidate") && !second.stdout.contains("first candidate"));
    let stable = repository.generate(&["mero-kms-v1.3.0"]).expect(0).says(&["compared with mero-kms-v1.2.0"]);
    for all in ["first candidate", "second candidate", "the last touch"] {
        assert!(stable.stdout.contains(all), "{all}");
    }
    // A candidate of the node image needs no image, and is complete at once.
    repository.tag("mero-tee-v1.3.0-rc.1");
    let node = repository.generate(&["mero-tee-v1.3.0-rc.1"]).expect(0);
    check(&repository.place, &node.stdout, &["--tag", "mero-tee-v1.3.0-rc.1"]).expect(0);
}

#[test]
fn a_hotfix_is_compared_with_the_release_it_patches() {
    let Some(repository) = kms() else { return };
    repository.commit("mero-kms/later.rs", "feat: for the next release");
    repository.git(&["checkout", "-q", "-b", "hotfix", "mero-kms-v1.2.0"]);
    repository.commit("mero-kms/fix.rs", "fix: check the nonce (#30)\n\nFixes CVE-2025-54321");
    repository.tag("mero-kms-v1.2.1");
    let run = repository.generate(&["mero-kms-v1.2.1", "--class", "hotfix", "--image", &image()]).expect(0);
    insta::assert_snapshot!("hotfix_kms", run.shown());
    check(&repository.place, &run.stdout, &["--tag", "mero-kms-v1.2.1", "--class", "hotfix"]).expect(10);
    check(&repository.place, &filled(&run.stdout), &["--tag", "mero-kms-v1.2.1", "--class", "hotfix"]).expect(0);
    // The next release from main does not hold the hotfix, and that is said.
    repository.git(&["checkout", "-q", "main"]);
    repository.tag("mero-kms-v1.3.0");
    let said = ["mero-kms-v1.2.1 is nearer and not in the history", "compared with mero-kms-v1.2.0"];
    let run = repository.generate(&["mero-kms-v1.3.0"]).expect(0).says(&said);
    assert!(!run.stdout.contains("check the nonce"));
    // The same for the node image, whose old tags count.
    repository.git(&["checkout", "-q", "-b", "node", "main"]);
    repository.git(&["tag", "node-image-gcp-v1.4.0"]);
    repository.commit("mero-tee/fix", "fix: the image");
    repository.tag("mero-tee-v1.4.1");
    let run = repository.generate(&["mero-tee-v1.4.1", "--class", "hotfix"]).expect(0);
    let run = run.says(&["compared with node-image-gcp-v1.4.0"]);
    check(&repository.place, &filled(&run.stdout), &["--tag", "mero-tee-v1.4.1", "--class", "hotfix"]).expect(0);
}

#[test]
fn the_first_release_has_everything_in_it_and_nothing_to_compare_with() {
    let Some(repository) = kms() else { return };
    kept(&repository.place);
    let run = repository.generate(&["mero-tee-v1.1.0", "--dir", "kept/mero-tee-v1.1.0"]).expect(0);
    assert!(run.stdout.starts_with("# mero-tee-v1.1.0\n\nThe first node image release: 1 change in 1 commit.\n"));
    assert!(run.stdout.contains("There is no earlier release to compare with."));
    check(&repository.place, &filled(&run.stdout), &["--tag", "mero-tee-v1.1.0"]).expect(0);
}

#[test]
fn a_release_that_is_not_tagged_yet_and_a_worktree_are_as_good() {
    let Some(repository) = kms() else { return };
    repository.commit("mero-kms/next.rs", "feat: the next thing (#40)");
    let untagged = repository.generate(&["mero-kms-v1.3.0", "--head", "HEAD"]).expect(0);
    assert!(untagged.stdout.contains("the next thing"));
    repository.git(&["worktree", "add", "-q", "--detach", "../tree", "HEAD"]);
    let tree = repository.place.work().parent().unwrap().join("tree");
    for folder in [tree.join("mero-kms"), tree] {
        let words = ["mero-kms-v1.3.0", "--head", "HEAD", "--repo-dir", folder.to_str().unwrap()];
        assert_eq!(repository.generate(&words).expect(0).stdout, untagged.stdout, "{}", folder.display());
    }
}

#[test]
fn which_files_are_the_other_familys_alone_is_configured() {
    let Some(repository) = kms() else { return };
    let has = |words: &[&str]| repository.generate(words).expect(0).stdout.contains("a new base image");
    assert!(!has(&["mero-kms-v1.2.0"]) && has(&["mero-tee-v1.2.0"]));
    repository.place.write("other.toml", "[release-notes]\nnode = [\"elsewhere/**\"]\n");
    assert!(has(&["mero-kms-v1.2.0", "--config", "other.toml"]));
    repository.place.write("bad.toml", "[release-notes]\nnodes = []\n");
    repository
        .generate(&["mero-kms-v1.2.0", "--config", "bad.toml"])
        .expect(2)
        .without_product()
        .says(&["bad.toml", "nodes"]);
}
