//! `docs/publishing.md`, walked as it stands there: from what a build hands over to an audited release, for each class and
//! both families, one after the other against one world.

use std::{fs, os::unix::fs::symlink, path::Path};

use crate::binary::{BINARY, Place, Run, serve::Serve, statuses, usable};

/// Sections of the page that make a release, and the tag it makes. They stand in this order: a KMS needs its node images.
const RELEASES: [(&str, &str); 4] = [
    ("A node image", "mero-tee-v1.3.0"),
    ("A KMS", "mero-kms-v1.3.0"),
    ("A hotfix", "mero-kms-v1.2.1"),
    ("A release candidate", "mero-kms-v1.4.0-rc.1"),
];

/// What no release goes without, in the order in which it must be done.
const STEPS: [&str; 8] = [
    "sandbox artifacts ",
    "mrtds assemble ",
    "checksums write ",
    "sign ",
    "release-notes generate ",
    "publish ",
    "audit ",
    "verify-release-assets ",
];

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/publishing.md")).unwrap()
}

/// The commands of a section: all its `console` blocks.
fn commands(page: &str, title: &str) -> String {
    let start = page.find(&format!("\n## {title}\n")).unwrap_or_else(|| panic!("no section {title}"));
    let section = page[start + 1..].split("\n## ").next().unwrap();
    section.split("```console\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

/// A world that is served, and a reader of the page in a folder of their own.
struct Walk {
    world: Serve,
    place: Place,
    path: String,
}

impl Walk {
    fn begin() -> Self {
        let (world, place) = (Serve::start(), Place::new());
        fs::create_dir(place.path("bin")).unwrap();
        symlink(BINARY, place.path("bin/merotee")).unwrap();
        let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
        Self { world, place, path }
    }

    /// Runs commands in one shell, which stops at the first that fails.
    fn shell(&self, commands: &str) -> Run {
        let shell = self.place.program("sh", ["-e", "-c", commands]);
        shell.env("PATH", &self.path).envs(self.world.exports()).run()
    }
}

#[test]
fn every_release_of_the_page_is_made_published_and_found_whole() {
    let (page, walk) = (page(), Walk::begin());
    for (title, tag) in RELEASES {
        let run = walk.shell(&commands(&page, title)).expect(0);
        let verdicts: Vec<&str> = run.stdout.lines().filter(|line| line.contains(&format!("{tag}: "))).collect();
        assert!(!verdicts.is_empty(), "{title}: no verdict on {tag}: {}", run.shown());
        assert!(verdicts.iter().all(|line| line.contains("PASSED")), "{title}: {verdicts:?}");
    }
    // Published, all four, and not drafts any more.
    for (_, tag) in RELEASES {
        let class = if tag == "mero-kms-v1.2.1" {
            "hotfix"
        } else if tag.contains("-rc.") {
            "rc"
        } else {
            "stable"
        };
        let line = format!("merotee verify-release-assets {tag} --class {class} --format json");
        let report = walk.shell(&line).expect(0).report();
        assert_eq!(report["verdict"], "passed", "{tag}");
        assert_eq!(statuses(&report, "class"), ["pass"], "{tag}: neither a draft nor of the wrong kind");
        let branched: &[&str] = if class == "hotfix" { &["pass"] } else { &[] };
        assert_eq!(statuses(&report, "hotfix-branch"), branched, "{tag}");
    }
}

#[test]
fn no_section_of_the_page_leaves_out_a_step_or_changes_the_order() {
    let page = page();
    for (title, tag) in RELEASES {
        let commands = commands(&page, title);
        let mut rest = commands.as_str();
        for step in STEPS {
            let (_, behind) = rest
                .split_once(&format!("merotee {step}"))
                .unwrap_or_else(|| panic!("{title}: no `merotee {step}` where it is due:\n{commands}"));
            rest = behind;
        }
        assert!(commands.contains(tag), "{title} is about {tag}");
        if tag.contains("kms") {
            assert!(commands.contains("merotee gen-policy ") && commands.contains("merotee compose-hash "), "{title}");
        }
    }
}

#[test]
fn artifacts_are_the_same_each_time_and_nothing_is_overwritten() {
    let place = Place::new();
    let artifacts = |tag: &str, out: &str| place.merotee(["sandbox", "artifacts", tag, "--out", out]).run();
    let one = artifacts("mero-kms-v1.3.0", "one").expect(0);
    let other = artifacts("mero-kms-v1.3.0", "other").expect(0);
    assert_eq!(one.stderr, "");
    let listed: Vec<&str> = one.stdout.lines().collect();
    assert_eq!(one.stdout.replace("one/", "other/"), other.stdout);
    for path in listed.iter().filter(|path| place.path(path).is_file()) {
        let twin = path.replace("one/", "other/");
        assert_eq!(fs::read(place.path(path)).unwrap(), fs::read(place.path(twin)).unwrap(), "{path}");
    }
    for asset in ["one/assets/sbom.spdx.json", "one/probes/debug.json", "one/docker-compose.yml", "one/job.env"] {
        assert!(listed.contains(&asset), "{asset}: {listed:?}");
    }
    let again = artifacts("mero-kms-v1.3.0", "one").expect(2);
    again.says(&["one is there already", "nothing is overwritten"]).without_product();
    place.write("file", "mine");
    artifacts("mero-tee-v1.3.0", "file").expect(2).says(&["file is there already"]);
    assert_eq!(place.read("file"), "mine");
    artifacts("mero-tee-v1.3.0", "no/such/place").expect(1).says(&["cannot make the folder no/such/place"]);
    artifacts("mero-kms-v1.2.0", "three").expect(2).says(&["no artifacts for mero-kms-v1.2.0", "mero-kms-v1.2.1"]);
    let tampered =
        place.merotee(["sandbox", "--tamper", "payload-byte", "artifacts", "mero-kms-v1.3.0", "--out", "three"]);
    tampered.run().expect(2).says(&["`sandbox artifacts` starts none"]);
    artifacts("latest", "three").expect(2).says(&["is not a release tag"]);
    assert!(!place.path("three").exists());
    assert_eq!(place.temporary(), [""; 0]);
}

#[test]
fn the_clone_among_the_artifacts_is_one_to_git_and_its_tags_are_those_of_the_sandboxs_github() {
    if !usable("git", &["--version"]) {
        return;
    }
    let walk = Walk::begin();
    walk.shell("merotee sandbox artifacts mero-kms-v1.2.1 --out kms").expect(0);
    walk.shell("git -C kms/repository fsck --strict --no-dangling").expect(0);
    let tag = walk.shell("git -C kms/repository rev-parse mero-kms-v1.2.1^{commit}").expect(0).stdout;
    let said = walk.shell(". kms/job.env && echo $GITHUB_SHA").expect(0).stdout;
    assert_eq!(tag, said);
    let base = walk.shell("git -C kms/repository merge-base mero-kms-v1.2.0 mero-kms-v1.2.1").expect(0).stdout;
    assert_eq!(base, walk.shell("git -C kms/repository rev-parse mero-kms-v1.2.0").expect(0).stdout);
    let released = "merotee verify-release-assets mero-kms-v1.1.1 --format json";
    let commit = walk.shell(released).expect(0).report()["sections"][0]["facts"]["commit"].clone();
    let here = walk.shell("git -C kms/repository rev-parse mero-kms-v1.1.1").expect(0).stdout;
    assert_eq!(commit, here.trim());
}
