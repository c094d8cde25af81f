//! `e2e --cloud`: a release's KMS and nodes are booted on the sandbox's clouds, tried and deleted; nothing is left, whatever goes
//! wrong and whenever the run is killed.

mod faults;
mod killed;

use merotee::sandbox::{
    gcp::{ACCESS_TOKEN, PROJECT, ZONES},
    phala::API_KEY,
    tamper::Tamper,
    world::{Plan, World},
};
use serde_json::Value;

use crate::binary::{Invocation, Place, findings, statuses};

use super::{PROFILES, rows, section};

/// The release whose signed documents name its images.
const RELEASE: &str = "1.0.0";
/// What a run on the clouds is in the sandbox.
const CLOUD: [&str; 5] = ["e2e", RELEASE, "--cloud", "--out", "out"];

/// A world in this process, for a binary that comes to it over the network.
struct Site {
    world: World,
    place: Place,
    // Runs the world's servers.
    _runtime: tokio::runtime::Runtime,
}

impl Site {
    fn start() -> Self {
        Self::of(&Plan::default())
    }

    /// With a service that is spoilt.
    fn spoilt(kind: &str) -> Self {
        Self::of(&Plan { tampers: vec![Tamper::parse(kind).unwrap()], ..Plan::default() })
    }

    fn of(plan: &Plan) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = runtime.block_on(World::start(plan)).unwrap();
        Self { world, place: Place::new(), _runtime: runtime }
    }

    /// A command with the keys of both accounts, on the network that nodes are on.
    fn merotee(&self, words: &[&str]) -> Invocation<'_> {
        let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
        let world = &self.world;
        let variables = [
            ("GITHUB_API_URL", world.api_url().to_owned()),
            ("GITHUB_REPOSITORY", "calimero-network/mero-tee".to_owned()),
            ("GH_TOKEN", "sandbox".to_owned()),
            ("MEROTEE_TRUSTED_ROOT", path(world.trusted_root())),
            ("MEROTEE_REKOR_URL", world.sigstore_url().to_owned()),
            ("PCCS_URL", world.pccs_url().to_owned()),
            ("PHALA_API_BASE_URL", world.phala_url().to_owned()),
            ("PHALA_CLOUD_API_KEY", API_KEY.to_owned()),
            ("GOOGLE_OAUTH_ACCESS_TOKEN", ACCESS_TOKEN.to_owned()),
            ("GOOGLE_CLOUD_PROJECT", PROJECT.to_owned()),
            ("MEROTEE_COMPUTE_URL", format!("{}/compute/v1", world.gcp_url())),
            ("HTTP_PROXY", world.network_url().to_owned()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
            ("MEROTEE_RETRIES", "0".to_owned()),
        ];
        self.place.merotee(words).envs(variables.into_iter().map(|(name, value)| (name.to_owned(), value)))
    }

    /// A run on the clouds, whose journal is in the folder `out`.
    fn run(&self, out: &str, more: &[&str]) -> Invocation<'_> {
        let sockets = PROFILES.map(|profile| format!("--node-socket={profile}={}", self.world.node_agents().display()));
        self.merotee(&["e2e", RELEASE, "--cloud", "--out", out, "--zone", ZONES[0], "--allow-cidr", "127.0.0.1"])
            .args(["--image-project", PROJECT])
            .args(["--root".as_ref(), self.world.tdx_root().as_os_str()])
            .args(sockets)
            .args(more)
    }

    /// The same in a process of its own, which may be killed: what it leaves in its temporary folder is its own affair.
    fn aside(&self, out: &str, more: &[&str]) -> std::process::Child {
        let temporary = self.place.path("aside");
        std::fs::create_dir_all(&temporary).unwrap();
        self.run(out, &["--profile", "debug"]).args(more).env("TMPDIR", temporary).start()
    }

    fn cleanup(&self, how: &[&str]) -> Invocation<'_> {
        self.merotee(&["probe", "cleanup"]).args(how)
    }

    /// What stands in either account.
    fn standing(&self) -> Vec<String> {
        let machines = self.world.phala().machines().into_iter().map(|machine| format!("KMS {}", machine.name));
        machines.chain(self.world.gcp().standing()).collect()
    }

    #[track_caller]
    fn is_clean(&self, what: &str) {
        assert_eq!(self.standing(), [""; 0], "{what}");
        assert_eq!(self.world.phala().running(), 0, "{what}");
    }
}

#[test]
fn a_run_on_the_clouds_goes_to_the_end_and_leaves_nothing_that_runs() {
    let site = Site::start();
    let report = site.run("out", &["--format", "json"]).run().expect(0).report();
    site.is_clean("the run has ended");
    // Boot, quote, judgement, key and termination of each node.
    assert_eq!(statuses(&report, "e2e-node-suite"), ["pass"; 15]);
    assert_eq!(statuses(&report, "e2e-anti-fake"), ["pass"; 12]);
    let ended = findings(&report).into_iter().find(|one| one["subject"] == "locked-read-only terminate").unwrap();
    assert_eq!(ended["message"], "its machine is gone, and its address is silent");
    for row in rows(&report, "B: profile isolation") {
        let got = row["got"].as_str().unwrap();
        assert!(if row["kms"] == row["node"] { got == "a key" } else { got.starts_with("no key, for RTMR") }, "{row}");
    }
    // Three KMSs, and of each of three nodes a machine and a rule of the firewall.
    assert_eq!(statuses(&report, "probe-teardown"), ["pass"; 9]);
    assert_eq!(statuses(&report, "probe-compose"), ["pass"; 6]);
    let machines = section(&report, "machines");
    for profile in PROFILES {
        let image = machines["facts"][format!("kms_image_of_{profile}")].as_str().unwrap();
        assert!(image.starts_with("ghcr.io/calimero-network/mero-kms-phala@sha256:"), "{image}");
        let image = machines["facts"][format!("node_image_of_{profile}")].as_str().unwrap();
        assert_eq!(image, format!("{PROJECT}/mero-tee-{profile}-1-0-0"));
    }
    let made = |what: &str| site.world.gcp().ledger().iter().filter(|entry| entry.what == what).count();
    assert_eq!((made("made"), made("deleted")), (6, 6));
    site.cleanup(&["--out", "out"]).run().expect(0).says(&["everything is gone"]);
}

#[test]
fn its_report_is_evidence_that_names_the_image_of_each_kms() {
    let place = Place::new();
    place.sandbox(CLOUD).args(["--format", "json", "-o", "e2e.json"]).run().expect(0);
    place.write("catalog.json", r#"{"schema_version": "1", "entries": []}"#);
    let add = |file: &str| {
        let words = ["catalog", "add", RELEASE, RELEASE, "--catalog", "catalog.json", "--check"];
        place.sandbox(words).args(["--evidence", file]).run()
    };
    drop(add("e2e.json").says(&["e2e passed, on ghcr.io/calimero-network/mero-kms-phala@sha256:"]));
    let with = |change: fn(&mut Value)| {
        let mut report: Value = serde_json::from_str(&place.read("e2e.json")).unwrap();
        let sections = report["sections"].as_array_mut().unwrap();
        change(sections.iter_mut().find(|section| section["subject"] == "machines").unwrap());
        place.write("changed.json", report.to_string());
        add("changed.json").expect(10)
    };
    let unnamed = with(|machines| drop(machines["facts"].as_object_mut().unwrap().remove("kms_image_of_debug")));
    drop(unnamed.says(&["machines: it does not say which image the KMS of debug was booted from"]));
    let moved = with(|machines| machines["facts"]["kms_image_of_debug"] = "ghcr.io/o/n:latest".into());
    drop(moved.says(&["which image the KMS of debug was booted from"]));
    let left = with(|machines| machines["findings"][0]["status"] = "fail".into());
    drop(left.says(&["machines: its findings do not add up to a pass"]));
}

#[test]
fn one_profile_has_one_kms_and_nodes_of_all_three() {
    let site = Site::start();
    let report = site.run("out", &["--profile", "debug", "--format", "json"]).run().expect(0).report();
    site.is_clean("the run has ended");
    let rows = rows(&report, "B: profile isolation");
    assert_eq!(rows.iter().map(|row| row["kms"].as_str().unwrap()).collect::<Vec<_>>(), ["1.0.0 debug"; 3]);
    assert_eq!(statuses(&report, "probe-teardown"), ["pass"; 7]);
    assert_eq!(section(&report, "node suite")["facts"]["profiles"], "debug");
}

#[test]
fn a_node_that_nothing_makes_ask_has_no_verdict_and_is_deleted_all_the_same() {
    let site = Site::start();
    let root = site.world.tdx_root();
    let words = ["e2e", RELEASE, "--cloud", "--out", "out", "--zone", ZONES[0], "--allow-cidr", "127.0.0.1"];
    let run = site.merotee(&words).args(["--image-project", PROJECT, "--profile", "debug", "--format", "json"]);
    let report = run.args(["--root".as_ref(), root.as_os_str()]).run().expect(1).report();
    site.is_clean("the run has ended");
    let caveats = report["caveats"].to_string();
    assert!(caveats.contains("nothing makes the node of debug ask for a key (--node, --node-socket)"), "{caveats}");
    let status = |subject: &str| {
        let found = findings(&report).into_iter().find(|one| one["subject"] == subject);
        found.unwrap_or_else(|| panic!("no {subject}"))["status"].as_str().unwrap().to_owned()
    };
    for (step, expected) in [("boot", "pass"), ("quote", "pass"), ("key", "skipped_required"), ("terminate", "pass")] {
        assert_eq!(status(&format!("debug {step}")), expected, "{step}");
    }
}

#[test]
fn a_command_is_told_the_names_of_the_node_that_was_made() {
    let site = Site::start();
    let socket = site.world.node_agents();
    let binary = env!("CARGO_BIN_EXE_merotee");
    let root = site.world.tdx_root();
    let asks = |profile: &str| {
        let socket = socket.display();
        let (root, key) = (root.display(), site.world.node_key());
        format!(
            "--node={profile}={binary} kms get-key --root {root} --node-key {} --node-socket {socket}",
            key.display()
        )
    };
    let words = ["e2e", RELEASE, "--cloud", "--out", "out", "--zone", ZONES[0], "--allow-cidr", "127.0.0.1"];
    let run = site.merotee(&words).args(["--image-project", PROJECT, "--profile", "debug", "--format", "json"]);
    let run = run.args(PROFILES.map(asks)).args(["--root".as_ref(), root.as_os_str()]).run();
    let report = run.expect(0).report();
    site.is_clean("the run has ended");
    assert_eq!(statuses(&report, "e2e-isolation"), ["pass"; 3]);
}

#[test]
fn a_rehearsal_prints_what_would_be_made_and_asks_no_cloud() {
    let site = Site::start();
    let run = site.run("out", &["--dry-run", "--label", "ci-7", "--region", "eu-1"]).run().expect(0);
    drop(run.says(&[
        "merotee-probe-kms-lro-ci-7",
        "merotee-probe-node-d-ci-7",
        "instance type tdx.small",
        "on Phala Cloud: tdx.small in eu-1, until it is deleted",
        "machine type c3-standard-4",
        "deleted by Compute Engine after 3000 s at the latest",
        "MERO_KMS_PROFILE: locked-read-only",
        "every node asks each of them for its key",
        "machines: PLANNED, and nothing was done",
    ]));
    assert_eq!(site.world.gcp().record().requests().len(), 0);
    assert_eq!(site.world.phala().record().requests().len(), 0);
    assert!(!site.place.path("out").exists());
}

#[test]
fn what_makes_no_sense_is_said_before_anything_is_made() {
    let site = Site::start();
    let words = ["--zone", ZONES[0], "--allow-cidr", "127.0.0.1", "--image-project", PROJECT];
    let cloud = |more: &[&str]| site.merotee(&["e2e", "--cloud"]).args(words).args(more).run();
    for (more, code, said) in [
        (vec![RELEASE], 2, "--cloud needs a folder for the journal of what it makes"),
        (vec!["1.2.0", "--out", "out"], 2, "layout do not say which image each profile has"),
        (vec![RELEASE, "--out", "out", "--kms-url", "debug=https://kms.example"], 2, "cannot be used with"),
        (vec![RELEASE, "--out", "out", "--documents-only"], 2, "cannot be used with"),
        (vec![RELEASE, "--out", "out", "--offline"], 2, "cannot be used with"),
        (vec![RELEASE, "--out", "out", "--label", "a-label-that-is-longer-than-a-part-of"], 2, "--label"),
        (vec![RELEASE, "--out", "out", "--instance-type", "tdx small"], 2, "--instance-type"),
        (vec!["9.9.9", "--out", "out"], 11, "the catalog lists no pair with it"),
    ] {
        drop(cloud(&more).expect(code).says(&[said]));
    }
    let pair = r#"{"kms": "1.0.0", "node_image": "1.0.0", "profiles": ["debug"], "tested": true}"#;
    site.place.write("catalog.json", format!("{{\"schema_version\": \"1\", \"entries\": [{pair}]}}"));
    let other = cloud(&[RELEASE, "--out", "out", "--catalog", "catalog.json", "--profile", "locked-read-only"]);
    drop(other.expect(2).says(&["the catalog does not list mero-kms-v1.0.0 with mero-tee-v1.0.0 in locked-read-only"]));
    let outside = site.merotee(&["e2e", RELEASE, "--zone", ZONES[0]]).run().expect(2);
    drop(outside.says(&["--zone has no effect without --cloud"]));
    assert!(!site.place.path("out").exists());
    assert_eq!(site.world.gcp().record().writes().len() + site.world.phala().record().writes().len(), 0);
}
