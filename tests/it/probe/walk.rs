//! `docs/probing.md`, walked as it stands there: two probes a profile, combined, made into policies, and nothing left.

use std::{fs, os::unix::fs::symlink, path::Path};

use super::leftovers;
use crate::binary::{BINARY, Place, serve::Serve};

#[test]
fn the_page_is_walked_as_printed_and_leaves_policies_and_no_machine() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/probing.md")).unwrap();
    let blocks = page.split("```console\n").skip(1).map(|block| block.split("```").next().unwrap());
    let commands: String = blocks.collect();
    assert_eq!(commands.matches("merotee probe run ").count(), 6);
    let (world, place) = (Serve::start(), Place::new());
    fs::create_dir(place.path("bin")).unwrap();
    symlink(BINARY, place.path("bin/merotee")).unwrap();
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    let shell = place.program("sh", ["-e", "-c", &commands]).env("PATH", path).envs(world.exports());
    shell.run().expect(0).says(&["RTMR3 is unstable"]);
    assert_eq!(place.names("policies").len(), 3);
    assert!(leftovers(&world).is_empty());
}
