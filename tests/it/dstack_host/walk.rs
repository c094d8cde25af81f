//! `docs/dstack.md`, walked as it stands there, against a host that is served.

use std::{fs, os::unix::fs::symlink, path::Path};

use crate::binary::{BINARY, Place, serve::Serve};

/// The commands of every block of a section, in order.
fn commands(page: &str, title: &str) -> String {
    let start = page.find(&format!("\n## {title}\n")).unwrap_or_else(|| panic!("no section {title}"));
    let section = page[start + 1..].split("\n## ").next().unwrap();
    section.split("```console\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn the_page_is_walked_as_printed_from_options_to_a_verified_kms_and_a_replica() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dstack.md")).unwrap();
    let commands = commands(&page, "Deploy a KMS");
    let (world, place) = (Serve::start(), Place::new());
    fs::create_dir(place.path("bin")).unwrap();
    symlink(BINARY, place.path("bin/merotee")).unwrap();
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    let shell = place.program("sh", ["-e", "-c", &commands]).env("PATH", path).envs(world.exports());
    let run = shell.run().expect(0);
    run.says(&["waits for its keys", "equal to the verified document", "none, as of a replica"]);
    assert!(place.path("kms/bootstrap-info.json").is_file());
}
