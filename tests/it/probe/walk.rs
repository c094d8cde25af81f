//! `docs/probing.md`, walked as it stands there: two probes a profile for both families, combined, made into policies and into a
//! pull request that is reviewed, and nothing left.

use std::{fs, os::unix::fs::symlink, path::Path};

use super::{json, leftovers};
use crate::binary::{BINARY, Place, Run, serve::Serve, usable};

const PROFILES: [&str; 3] = ["debug", "debug-read-only", "locked-read-only"];

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/probing.md")).unwrap()
}

/// The commands of a section.
fn commands<'p>(page: &'p str, title: &str) -> &'p str {
    let start = page.find(&format!("\n## {title}\n")).unwrap_or_else(|| panic!("no section {title}"));
    let section = page[start + 1..].split("\n## ").next().unwrap();
    let (_, block) = section.split_once("```console\n").unwrap();
    block.split("```").next().unwrap()
}

/// A world that is served, and a reader of the page in a folder of their own.
struct Walk {
    page: String,
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
        Self { page: page(), world, place, path }
    }

    /// Runs a section in one shell, which stops at the first command that fails.
    fn section(&self, title: &str) -> Run {
        let shell = self.place.program("sh", ["-e", "-c", commands(&self.page, title)]);
        shell.env("PATH", &self.path).envs(self.world.exports()).run().expect(0)
    }

    /// Who signed what a section made, and which registers were not the same in both probes.
    fn combined(&self, family: &str, workflow: &str, run: Run, unstable: &[&str]) {
        let signer = format!("{workflow} @ refs/heads/master");
        assert_eq!(run.stdout.matches(&signer).count(), PROFILES.len(), "{}", run.shown());
        for profile in PROFILES {
            let name = format!("{family}/{profile}/measurement-policy-candidates.json");
            let source = &json(&self.place, &name)["source"];
            assert_eq!((source["verdict"].as_str(), source["family"].as_str()), (Some("passed"), Some(family)));
            assert_eq!(source["unstable"], serde_json::json!(unstable), "{name}");
            assert_eq!(source["probes"].as_array().unwrap().len(), 2);
            assert!(self.place.path(format!("{name}.bundle.json")).is_file());
        }
    }
}

#[test]
fn the_page_is_walked_as_printed_and_ends_with_an_approved_pull_request_and_no_machine() {
    let walk = Walk::begin();
    let run = walk.section("A KMS").says(&["RTMR3 is unstable"]);
    walk.combined("kms", "kms-phala-staging-probe.yaml", run, &["rtmr3"]);
    let run = walk.section("Nodes");
    walk.combined("node", "node-image-gcp-staging-probe.yaml", run, &[]);
    drop(walk.section("Policies"));
    assert_eq!(walk.place.names("policies").len(), 3);
    drop(walk.section("A pull request").says(&["/pull/101"]));
    if usable("curl", &["--version"]) {
        drop(walk.section("Its review").says(&["has not approved", "@alice", "@bob", "all measured by 1 probe"]));
    }
    drop(walk.section("Nothing is left").says(&["everything is gone", "the account holds nothing of the kind"]));
    assert!(leftovers(&walk.world).is_empty());
    for (profile, count) in PROFILES.into_iter().flat_map(|profile| [(profile, 1), (profile, 2)]) {
        let out = format!("node/{profile}-{count}");
        walk.place.merotee(["probe", "cleanup", "--out", &out]).run().expect(0).says(&["everything is gone"]);
    }
}

#[test]
fn every_profile_of_both_families_is_probed_twice_on_the_page() {
    let page = page();
    for (title, family) in [("A KMS", "kms"), ("Nodes", "node")] {
        let commands = commands(&page, title);
        assert!(commands.contains(&format!("for profile in {}; do", PROFILES.join(" "))), "{title}");
        assert_eq!(commands.matches(&format!("--family {family} ")).count(), 2, "{title}");
        assert_eq!(commands.matches("merotee probe combine ").count(), 1, "{title}");
    }
}
