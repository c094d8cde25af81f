//! Memory does not grow with the size of assets.

use std::io::Read as _;

use merotee::{release::contract::Layout, sandbox::world::Ordered};

use super::{Repository, ordered, verdicts};
use crate::binary::Place;

const MIB: usize = 1 << 20;

#[cfg(target_os = "linux")]
#[test]
fn assets_of_200_mib_are_audited_within_64_mib_of_memory_and_none_is_written() {
    let large = |tag: &str| Ordered { archive: Some(200 * MIB), ..ordered(tag, Layout::Pipeline, &[]) };
    let node = |tag: &str| ordered(tag, Layout::Pipeline, &[]);
    let repository = Repository::of(vec![
        large("mero-kms-v4.0.2"),
        node("mero-tee-v4.0.2"),
        large("mero-kms-v4.0.1"),
        node("mero-tee-v4.0.1"),
    ]);
    let place = Place::new();
    let report = place.path("report.json");
    // A pipe that nobody reads yet: the process waits there at its end, and can be looked at.
    assert!(std::process::Command::new("mkfifo").arg(&report).status().unwrap().success());
    let arguments = ["--recent", "4", "--format", "json", "-v", "-v", "-q", "-o", "report.json"];
    let arguments: Vec<&str> = arguments.into_iter().filter(|word| *word != "-q").collect();
    let mut child = repository.audit(&place, &arguments).start();
    let mut stderr = child.stderr.take().unwrap();
    let drained = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    // Opens when the report is written, which is larger than the pipe.
    let mut pipe = std::fs::File::open(&report).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
    let mut json = String::new();
    pipe.read_to_string(&mut json).unwrap();
    let stderr = drained.join().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(json.len() > 64 << 10, "it fits into the pipe: {}", json.len());
    assert!(verdicts(&serde_json::from_str(&json).unwrap()).values().all(|verdict| *verdict == "passed"));
    assert!(peak < 64 << 10, "{} MiB", peak >> 10);
    eprintln!("{} MiB at most", peak >> 10);
    assert!(stderr.contains(&format!("{} bytes hashed", 200 * MIB)), "{stderr}");
    assert!(!stderr.contains(&format!("{} bytes to", 200 * MIB)), "{stderr}");
}
