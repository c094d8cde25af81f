//! `probe`: a KMS is deployed in the sandbox's Phala Cloud, measured and taken down; probes are combined; what is left is removed.
//! What a faulty service does to it is `faults`' to test.

mod combined;
mod judged;
mod left;
mod sealed;
mod swept;
mod walk;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;

use crate::binary::{Place, Run, serve::Serve, statuses};

/// The five files.
pub(super) const ARTIFACTS: [&str; 5] = [
    "attestation-quote.bin",
    "attestation-quote.json",
    "compose-hash.txt",
    "measurement-policy-candidates.json",
    "probe-report.md",
];
const RELEASE: &str = "mero-kms-v1.0.0";

/// Options that a command outside the sandbox takes to be judged by the sandbox's root.
fn root(world: &Serve) -> [String; 2] {
    ["--root".to_owned(), world.export("MEROTEE_TDX_ROOT").to_owned()]
}

/// `probe run` against a served world, into the folder `out`.
pub(super) fn probe(place: &Place, world: &Serve, out: &str, options: &[&str]) -> Run {
    let words = ["probe", "run", RELEASE, "--family", "kms", "--profile", "debug", "--out", out, "--format", "json"];
    place.merotee(words).args(root(world)).args(options).envs(world.exports()).run()
}

/// Names of the machines that the account of a served world holds.
pub(super) fn leftovers(world: &Serve) -> Vec<String> {
    let (base, key) = (world.export("PHALA_API_BASE_URL"), world.export("PHALA_CLOUD_API_KEY"));
    let (address, path) = base.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET /{path}/cvms/paginated?page=1&page_size=50 HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\n\
         X-Phala-Version: 2026-01-21\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let page = &answer[answer.find('{').unwrap()..=answer.rfind('}').unwrap()];
    let page: Value = serde_json::from_str(page).unwrap();
    page["items"].as_array().unwrap().iter().map(|item| item["name"].to_string()).collect()
}

pub(super) fn json(place: &Place, path: &str) -> Value {
    serde_json::from_str(&place.read(path)).unwrap()
}

#[test]
fn a_probe_in_the_sandbox_leaves_five_files_and_nothing_that_runs() {
    let place = Place::new();
    let words = ["probe", "run", "--family", "kms", "--profile", "locked-read-only", "--out", "out"];
    let run = place.sandbox(words).run().expect(0);
    let run = run.says(&["deleted, and the account holds it no more", "delete machine", "release mero-kms-v1.0.0"]);
    // Two deployments of one release never have the same RTMR3.
    drop(run.says(&["RTMR3 differs, as with every deployment on Phala Cloud", ", 0 skipped"]));
    let mut names = place.names("out");
    names.retain(|name| name != "probe-journal.jsonl");
    assert_eq!(names, ARTIFACTS);
    let candidates = json(&place, "out/measurement-policy-candidates.json");
    let source = &candidates["source"];
    assert_eq!((source["family"].as_str(), source["profile"].as_str()), (Some("kms"), Some("locked-read-only")));
    assert_eq!((source["verdict"].as_str(), source["release"].as_str()), (Some("passed"), Some(RELEASE)));
    assert!(source["image"].as_str().unwrap().contains("@sha256:"));
    let hash = place.read("out/compose-hash.txt");
    assert_eq!(hash.trim_start_matches("sha256:").trim_end(), source["compose_hash"].as_str().unwrap());
    assert_eq!(candidates["policy"]["allowed_event_payload"][0], source["compose_hash"]);
    let report = place.read("out/probe-report.md");
    for said in ["probe-compose", "probe-teardown", "MRTD", "merotee-probe-"] {
        assert!(report.contains(said), "{said}: {report}");
    }
    let inspect = place.merotee(["quote", "inspect", "--format", "json", "out/attestation-quote.bin"]).run().expect(0);
    assert_eq!(inspect.stdout, place.read("out/attestation-quote.json"));
    for line in place.read("out/probe-journal.jsonl").lines() {
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["v"], 1);
    }
    place.merotee(["probe", "cleanup", "--out", "out"]).run().expect(0).says(&["everything is gone"]);
    // Files of two probes must not be mixed.
    place.sandbox(words).run().expect(2).says(&["is there already, from an earlier probe"]);
}

#[test]
fn a_dry_run_prints_the_plan_and_makes_nothing() {
    let place = Place::new();
    let words = ["probe", "run", "--family", "kms", "--profile", "debug", "--label", "ci-7", "--dry-run"];
    place.sandbox(words).run().expect(0).says(&[
        "merotee-probe-ci-7",
        "docker-compose hash",
        "MERO_KMS_PROFILE: debug",
        "register application",
        "create machine",
        "delete machine",
        "dry run: nothing was made",
        "merotee-probe-ci-7: PLANNED, and nothing was done — ",
        "no TAG was given: probing mero-kms-v1.0.0, the newest release here whose manifest states an image for each profile",
    ]);
    assert!(place.names(".").is_empty());
}

#[test]
fn an_address_at_which_nothing_listens_is_refused_at_once_and_the_folder_can_be_used_again() {
    let place = Place::new();
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let words = ["probe", "run", "--family", "kms", "--profile", "debug", "--kms-url", &url, "--out", "out"];
    let begun = std::time::Instant::now();
    for _ in 0..2 {
        place.merotee(words).run().expect(1).says(&[&format!("nothing listens at {closed}"), "--kms-url", "--wait"]);
    }
    assert!(begun.elapsed().as_secs() < 25, "it must not wait for what is not there");
    place.merotee(words).args(["--wait", "1"]).run().expect(1).says(&["did not answer in time"]);
    assert!(place.names("out").is_empty());
}

#[test]
fn a_kms_that_runs_is_measured_and_nothing_is_made() {
    let (place, world) = (Place::new(), Serve::start());
    let url = world.export("MERO_KMS_URL");
    let words = ["probe", "run", "--family", "kms", "--profile", "locked-read-only", "--kms-url", url, "--out", "out"];
    let run = || place.merotee(words).args(root(&world)).envs(world.exports());
    run().args(["--expect-version", "1.2.0"]).run().expect(0).says(&["the event log alone states"]);
    assert!(!place.names("out").contains(&"probe-journal.jsonl".to_owned()));
    assert!(json(&place, "out/measurement-policy-candidates.json")["source"].get("image").is_none());
    let other = run().args(["--expect-version", "9.9.9"]);
    other.run().expect(2);
    let words = ["probe", "run", "--family", "kms", "--profile", "debug", "--kms-url", url, "--out", "other"];
    let other = place.merotee(words).args(root(&world)).envs(world.exports()).run().expect(10);
    drop(other.says(&["another profile"]));
    assert_eq!(place.names("other"), ["attestation-quote.bin", "attestation-quote.json", "probe-report.md"]);
}

#[test]
fn what_is_not_pinned_or_not_named_is_refused_before_anything_is_asked() {
    let place = Place::new();
    for (words, said) in [
        (vec!["--image", "ghcr.io/o/n:latest"], "the image is not pinned"),
        (vec!["--kms-url", "http://192.0.2.1"], "over an encrypted connection alone"),
        (vec![RELEASE, "--kms-url", "https://192.0.2.1"], "cannot be used with"),
        (vec![], "nothing to probe is named"),
        (vec!["mero-tee-v1.0.0"], "use --family node"),
    ] {
        let all = ["probe", "run", "--family", "kms", "--profile", "debug", "--out", "out"].into_iter().chain(words);
        place.merotee(all).run().expect(2).says(&[said]);
    }
    assert!(place.names(".").is_empty(), "no folder is made before it is known what to probe");
    let words = ["probe", "run", "mero-kms-v1.2.0", "--family", "kms", "--profile", "debug", "--out", "out"];
    place.sandbox(words).run().expect(2).says(&["do not say which image each profile has", "--image"]);
}

#[test]
fn two_probes_at_once_do_not_take_each_others_machine() {
    let (place, world) = (Place::new(), Serve::start());
    std::thread::scope(|scope| {
        let one = scope.spawn(|| probe(&place, &world, "one", &["--label", "a"]));
        let two = scope.spawn(|| probe(&place, &world, "two", &["--label", "b"]));
        for run in [one, two] {
            let report = run.join().unwrap().expect(0).report();
            assert_eq!(statuses(&report, "probe-teardown"), ["pass"]);
        }
    });
    let instance =
        |out: &str| json(&place, &format!("{out}/measurement-policy-candidates.json"))["source"]["events"].clone();
    assert_ne!(instance("one"), instance("two"));
    assert!(leftovers(&world).is_empty());
}

#[test]
fn the_files_are_signed_by_the_workflow_that_probes_and_with_a_key_from_the_environment() {
    let place = Place::new();
    let words = ["probe", "run", "--family", "kms", "--profile", "debug", "--sign", "--out", "out"];
    place.sandbox(words).run().expect(0).says(&["kms-phala-staging-probe.yaml @ refs/heads/master"]);
    for name in ARTIFACTS {
        assert!(place.names("out").contains(&format!("{name}.bundle.json")), "{name}");
    }
}
