//! Memory does not grow with the size of assets.

use std::{fs::File, io::Read as _, process::Command};

use merotee::{release::contract::Layout, sandbox::world::Ordered};

use super::{Repository, ordered, verdicts};
use crate::binary::Place;

const MIB: usize = 1 << 20;

#[cfg(target_os = "linux")]
#[test]
fn assets_of_200_mib_are_audited_within_64_mib_of_memory_and_none_is_written() {
    let large = |tag: &str| Ordered { archive: Some(200 * MIB), ..ordered(tag, Layout::Pipeline, &[]) };
    let small = |tag: &str| ordered(tag, Layout::Pipeline, &[]);
    let releases = (0..6).rev().flat_map(|n| {
        let kms = format!("mero-kms-v4.0.{n}");
        [if n > 3 { large(&kms) } else { small(&kms) }, small(&format!("mero-tee-v4.0.{n}"))]
    });
    let releases = releases.collect();
    let (repository, place) = (Repository::of(releases), Place::new());
    let report = place.path("report.json");
    assert!(Command::new("mkfifo").arg(&report).status().unwrap().success());
    let arguments = ["--recent", "12", "--format", "json", "-v", "-v", "-o", "report.json"];
    let mut child = repository.audit(&place, &arguments).start();
    // A pipe that is not read yet: the process waits at its end, for the report is larger, and can be looked at.
    let (pipe, status) = (report.clone(), format!("/proc/{}/status", child.id()));
    let read = std::thread::spawn(move || {
        let mut pipe = File::open(pipe).unwrap();
        let status = std::fs::read_to_string(status).unwrap();
        let mut json = String::new();
        pipe.read_to_string(&mut json).unwrap();
        (status, json)
    });
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let code = child.wait().unwrap().code();
    // Where the process ended without a report, the thread is to end as well.
    drop(File::options().read(true).write(true).open(&report).unwrap());
    assert_eq!(code, Some(0), "{stderr}");
    let (status, json) = read.join().unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(json.len() > 64 << 10, "it fits into the pipe: {}", json.len());
    assert!(verdicts(&serde_json::from_str(&json).unwrap()).values().all(|verdict| *verdict == "passed"));
    eprintln!("{} MiB at most", peak >> 10);
    assert!(peak < 64 << 10, "{} MiB", peak >> 10);
    assert!(stderr.contains(&format!("{} bytes hashed", 200 * MIB)), "{stderr}");
    assert!(!stderr.contains(&format!("{} bytes to", 200 * MIB)), "{stderr}");
}
