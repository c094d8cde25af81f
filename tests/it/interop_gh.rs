//! GitHub's own command-line client against the sandbox. It speaks plain HTTP to `*.github.localhost`, with the sandbox
//! as its proxy.

use std::{collections::BTreeMap, path::Path};

use merotee::digest::Sha256;
use serde_json::Value;

use crate::{
    binary::{Place, Run, findings, names_in, serve::Serve},
    outside::program,
};

const REPOSITORY: &str = "calimero-network/mero-tee";
const KMS: &str = "mero-kms-v1.2.0";
const NODE: &str = "mero-tee-v1.2.0";
const TAGS: [&str; 8] = [
    "mero-kms-v1.3.0-rc.1",
    KMS,
    NODE,
    "mero-kms-v1.1.1",
    "mero-kms-v1.1.0",
    "mero-tee-v1.1.0",
    "mero-kms-v1.0.0",
    "mero-tee-v1.0.0",
];

/// `gh`, a world for it, and a place to run it in.
struct Gh {
    program: String,
    world: Serve,
    place: Place,
}

impl Gh {
    /// `None` with a visible skip where there is no `gh`.
    fn start() -> Option<Self> {
        let program = program("gh", "MEROTEE_GH")?.to_str().unwrap().to_owned();
        Some(Self { program, world: Serve::start(), place: Place::new() })
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let gh = self.place.program(&self.program, arguments).args(["--repo", REPOSITORY]);
        let gh = gh.env("GH_HOST", "github.localhost").env("GH_TOKEN", "x");
        gh.env("HTTP_PROXY", self.world.export("GITHUB_API_URL")).run()
    }

    fn download(&self, tag: &str) {
        self.run(&["release", "download", tag, "--dir", tag]).expect(0);
    }

    fn merotee(&self, arguments: &[&str]) -> Run {
        self.place.merotee(arguments).envs(self.world.exports()).run()
    }
}

/// The SHA-256 of every file of a folder, by name.
fn digests(folder: &Path) -> BTreeMap<String, String> {
    let digest = |name: &String| format!("sha256:{}", Sha256::of(&std::fs::read(folder.join(name)).unwrap()));
    names_in(folder).into_iter().map(|name| (name.clone(), digest(&name))).collect()
}

#[test]
fn gh_lists_every_release_of_the_sandbox() {
    let Some(gh) = Gh::start() else { return };
    let list = gh.run(&["release", "list"]).expect(0).stdout;
    // Title, kind, tag, time.
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split('\t').collect()).collect();
    let kind = |tag: &str| match tag {
        "mero-kms-v1.3.0-rc.1" => "Pre-release",
        KMS => "Latest",
        _ => "",
    };
    assert_eq!(rows.len(), TAGS.len(), "{list}");
    for (row, tag) in rows.iter().zip(TAGS) {
        assert_eq!(row[..3], [tag, kind(tag), tag], "{list}");
    }
}

#[test]
fn gh_views_a_release_with_the_assets_and_notes_that_merotee_keeps() {
    let Some(gh) = Gh::start() else { return };
    let view = gh.run(&["release", "view", KMS, "--json", "assets,tagName,body"]).expect(0);
    let view: Value = serde_json::from_str(&view.stdout).unwrap();
    gh.merotee(&["verify-release-assets", KMS, "--keep", "kept"]).expect(0);
    let notes = gh.place.read(&format!("kept/{KMS}/release-notes.md"));
    let mut names = gh.place.names(&format!("kept/{KMS}"));
    names.retain(|name| name != "release-notes.md");

    assert_eq!(view["tagName"], KMS);
    assert_eq!(view["body"], notes);
    let viewed: Vec<_> = view["assets"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(viewed, names);
}

#[test]
fn what_gh_downloads_is_what_merotee_judged_and_it_passes() {
    let Some(gh) = Gh::start() else { return };
    let report = gh.merotee(&["verify-release-assets", KMS, "--keep", "kept", "--format", "json"]).expect(0).report();
    for tag in [KMS, NODE] {
        gh.download(tag);
    }
    let downloaded = digests(&gh.place.path(KMS));
    let checksums: Vec<_> = findings(&report).into_iter().filter(|finding| finding["check"] == "checksum").collect();
    assert_eq!(checksums.len(), 7);
    for finding in checksums {
        assert_eq!(finding["message"], downloaded[finding["subject"].as_str().unwrap()].as_str(), "{finding}");
    }
    let mut kept = digests(&gh.place.path(format!("kept/{KMS}")));
    kept.remove("release-notes.md");
    assert_eq!(downloaded, kept);

    let notes = gh.run(&["release", "view", KMS, "--json", "body", "--jq", ".body"]).expect(0).stdout;
    gh.place.write("notes.md", notes);
    let offline = ["verify-release-assets", KMS, "--dir", KMS, "--notes", "notes.md", "--offline", "-v"];
    gh.merotee(&offline).expect(0).says(&["[PASS] counterpart-measurements", "[PASS] notes-image", "PASSED"]);
}

#[test]
fn a_release_with_detached_signatures_that_gh_downloads_passes() {
    let Some(gh) = Gh::start() else { return };
    let tag = "mero-kms-v1.0.0";
    gh.download(tag);
    assert_eq!(gh.place.names(tag).len(), 33);
    gh.merotee(&["verify-release-assets", tag, "--dir", tag, "--format", "json"]).expect(0);
}

#[test]
fn gh_is_told_that_there_is_no_such_release() {
    let Some(gh) = Gh::start() else { return };
    gh.run(&["release", "view", "mero-kms-v9.9.9"]).expect(1).says(&["release not found"]);
}

#[test]
fn the_line_that_the_sandbox_prints_for_gh_works_in_a_shell() {
    let Some(gh) = Gh::start() else { return };
    let printed = gh.world.printed();
    let line = printed.lines().find_map(|line| line.strip_prefix("# gh: ")).unwrap();
    // What the line calls `gh` is the program under test.
    let script = format!("{printed}gh() {{ \"$GH\" \"$@\"; }}\n{line}\n");
    let run = gh.place.program("sh", ["-c", &script]).env("GH", &gh.program).run();
    run.expect(0).says(&[KMS, "checksums.sha256"]);
}

#[test]
fn gh_makes_a_release_replaces_an_asset_of_it_and_deletes_it() {
    let Some(gh) = Gh::start() else { return };
    let tag = "a-tag/of.any+kind";
    for (name, content) in [("a.txt", "one"), ("b.txt", "two")] {
        gh.place.write(name, content);
    }
    gh.run(&["release", "create", tag, "a.txt", "--title", "A title", "--notes", "Some notes"]).expect(0);
    gh.run(&["release", "upload", tag, "b.txt"]).expect(0);
    gh.run(&["release", "upload", tag, "b.txt"]).expect(1).says(&["already exists"]);
    gh.place.write("b.txt", "three");
    gh.run(&["release", "upload", tag, "b.txt", "--clobber"]).expect(0);
    let view = gh.run(&["release", "view", tag, "--json", "assets,body,isDraft,name,tagName"]).expect(0);
    let view: Value = serde_json::from_str(&view.stdout).unwrap();
    let is = |field: &str| view[field].clone();
    assert_eq!(
        (is("name"), is("body"), is("isDraft"), is("tagName")),
        ("A title".into(), "Some notes".into(), false.into(), tag.into())
    );
    let assets: Vec<_> =
        view["assets"].as_array().unwrap().iter().map(|asset| (&asset["name"], &asset["size"])).collect();
    assert_eq!(assets, [(&"a.txt".into(), &3.into()), (&"b.txt".into(), &5.into())]);

    gh.run(&["release", "download", tag, "--dir", "got"]).expect(0);
    assert_eq!((gh.place.read("got/a.txt"), gh.place.read("got/b.txt")), ("one".to_owned(), "three".to_owned()));
    gh.run(&["release", "delete", tag, "--yes"]).expect(0);
    gh.run(&["release", "view", tag]).expect(1).says(&["release not found"]);
    // What was there before is untouched.
    gh.merotee(&["verify-release-assets", KMS]).expect(0);
}

#[test]
fn gh_makes_a_draft_fills_and_edits_it_and_publishes_it() {
    let Some(gh) = Gh::start() else { return };
    let tag = "mero-kms-v8.0.0";
    for name in ["a.txt", "b.txt"] {
        gh.place.write(name, name);
    }
    gh.run(&["release", "create", tag, "a.txt", "--draft", "--title", "T", "--notes", "N"]).expect(0);
    gh.run(&["release", "upload", tag, "b.txt#A label"]).expect(0);
    let fields = "assets,body,isDraft,isPrerelease,name,publishedAt";
    let seen = |arguments: &[&str]| -> Value {
        let view = gh.run(&[&["release", "view", tag, "--json", fields][..], arguments].concat());
        serde_json::from_str(&view.expect(0).stdout).unwrap()
    };
    let draft = seen(&[]);
    assert_eq!((&draft["isDraft"], &draft["publishedAt"]), (&true.into(), &Value::Null));
    let labels: Vec<_> =
        draft["assets"].as_array().unwrap().iter().map(|asset| (&asset["name"], &asset["label"])).collect();
    assert_eq!(labels, [(&"a.txt".into(), &"".into()), (&"b.txt".into(), &"A label".into())]);
    // Nobody but its makers sees it: merotee finds no such release without a token, and gh lists it as a draft.
    let anonymous = gh.place.merotee(["verify-release-assets", tag]).envs(gh.world.exports()).env("GH_TOKEN", "");
    anonymous.run().expect(1).says(&["has no release"]);
    gh.run(&["release", "list"]).expect(0).says(&[&format!("T\tDraft\t{tag}")]);

    gh.run(&["release", "delete-asset", tag, "a.txt", "--yes"]).expect(0);
    gh.run(&["release", "edit", tag, "--title", "Title", "--notes", "Notes", "--prerelease"]).expect(0);
    let edited = seen(&[]);
    let is = |field: &str| edited[field].clone();
    assert_eq!(
        (is("name"), is("body"), is("isPrerelease"), is("isDraft")),
        ("Title".into(), "Notes".into(), true.into(), true.into())
    );
    assert_eq!(edited["assets"].as_array().unwrap().len(), 1);
    gh.run(&["release", "edit", tag, "--draft=false"]).expect(0);
    assert_eq!(seen(&[])["isDraft"], false);
    gh.run(&["release", "download", tag, "--pattern", "b*", "--dir", "got"]).expect(0);
    assert_eq!((gh.place.names("got"), gh.place.read("got/b.txt")), (vec!["b.txt".to_owned()], "b.txt".to_owned()));
}

#[test]
fn gh_has_notes_made_up_from_the_history_of_the_sandbox() {
    let Some(gh) = Gh::start() else { return };
    let tag = "mero-kms-v8.0.0";
    gh.run(&["release", "create", tag, "--generate-notes", "--target", "mero-kms-v1.3.0-rc.1"]).expect(0);
    let view = gh.run(&["release", "view", tag, "--json", "body", "--jq", ".body"]).expect(0).stdout;
    assert!(
        view.contains("## What's Changed\n") && view.contains("/pull/") && view.contains("**Full Changelog**"),
        "{view}"
    );
}
