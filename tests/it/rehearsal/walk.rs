//! `docs/rollout.md`, walked as it stands there, against a world that is served with a production.

use std::{fs, os::unix::fs::symlink, path::Path};

use crate::binary::{BINARY, Place, Run, serve::Serve};

/// The commands of a section, run in a shell as they stand there.
fn walked(place: &Place, section: &str, production: &str) -> Run {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rollout.md")).unwrap();
    let (_, section) = page.split_once(&format!("\n## {section}\n")).unwrap();
    let (_, block) = section.split_once("```console\n").unwrap();
    let commands = block.split("```").next().unwrap();
    assert!(commands.lines().filter(|line| line.starts_with("merotee ")).count() <= 10, "{commands}");
    let world = Serve::start_with_production(production);
    fs::create_dir(place.path("bin")).unwrap();
    symlink(BINARY, place.path("bin/merotee")).unwrap();
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    place.program("sh", ["-e", "-c", commands]).env("PATH", path).envs(world.exports()).run().expect(0)
}

#[test]
fn the_walk_by_docker_goes_to_the_end_of_a_rollout_and_back_again() {
    walked(&Place::new(), "By Docker on a host", "--production=compose")
        .says(&["complete", "the standing node got its key"]);
}

#[test]
fn the_page_is_walked_as_printed_from_tags_to_the_record_of_a_rollout() {
    let place = Place::new();
    walked(&place, "Ten commands", "--production").says(&["complete", "D6"]);
    let record = place.read("change-record.md");
    for gate in ["D1", "D2", "D3", "D4", "D5", "D6"] {
        assert!(record.contains(gate), "{gate}: {record}");
    }
    assert!(place.read("change-record.html").contains("<html"), "not a page");
}
