//! `probe run --family node` and what is left of it: nothing, whatever goes wrong and whenever it is killed.

mod faults;
mod killed;

use std::path::Path;

use merotee::{
    attestation::measurement::Register,
    sandbox::{
        boot::Boot,
        gcp::{ACCESS_TOKEN, Flaw, PROJECT, ZONES},
        tamper::Tamper,
        world::{Plan, World},
    },
    subject::profile::Profile,
};
use serde_json::Value;

use crate::binary::{Invocation, Place, serve::Serve};

/// A release whose signed documents name its images.
const PROBED: &str = "mero-tee-v1.0.0";

/// A world in this process, for a binary that comes to it over the network.
struct Site {
    world: World,
    place: Place,
    // Runs the world's servers.
    _runtime: tokio::runtime::Runtime,
}

impl Site {
    fn start(flaw: Option<Flaw>) -> Self {
        Self::of(&Plan { gcp: flaw, ..Plan::default() })
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

    /// The binary with the account's token, on the network that the machines are on.
    fn merotee(&self, arguments: &[&str]) -> Invocation<'_> {
        let variables = [
            ("GOOGLE_OAUTH_ACCESS_TOKEN", ACCESS_TOKEN.to_owned()),
            ("GOOGLE_CLOUD_PROJECT", PROJECT.to_owned()),
            ("MEROTEE_COMPUTE_URL", format!("{}/compute/v1", self.world.gcp_url())),
            ("HTTP_PROXY", self.world.network_url().to_owned()),
            ("PCCS_URL", self.world.pccs_url().to_owned()),
            ("MEROTEE_RETRIES", "0".to_owned()),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value));
        self.place.merotee(arguments).envs(variables)
    }

    /// A probe of the sample release's debug image.
    fn probe(&self, out: &str, more: &[&str]) -> Invocation<'_> {
        let root = self.world.tdx_root();
        let arguments = ["probe", "run", "--family", "node", "--profile", "debug", "--out", out];
        let image = ["--image-name", "mero-tee-debug-1-2-0", "--zone", ZONES[0], "--allow-cidr", "127.0.0.1"];
        self.merotee(&arguments)
            .args(image)
            .args(["--root", root.to_str().unwrap()])
            .args(["--wait", wait(more)])
            .args(more)
    }

    fn cleanup(&self, how: &[&str]) -> Invocation<'_> {
        self.merotee(&["probe", "cleanup"]).args(how)
    }

    #[track_caller]
    fn is_clean(&self) {
        assert_eq!(self.world.gcp().standing(), [""; 0]);
    }
}

/// Seconds that a machine may take: few where it never answers, and enough where a request is held on a busy host.
fn wait(more: &[&str]) -> &'static str {
    if more.contains(&"--label") { "30" } else { "1" }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_probe_in_the_sandbox_leaves_the_five_files_with_what_its_release_publishes() {
    for profile in Profile::ALL {
        let place = Place::new();
        let run = place.sandbox(["probe", "run", "--family", "node", "--profile", profile.as_str(), "--out", "out"]);
        run.run().expect(0).says(&[
            "the root filesystem is not measured",
            "all five registers are published",
            "asked for again, it is not there",
        ]);
        let candidates = json(&place.path("out/measurement-policy-candidates.json"));
        let registers = Boot::of_release(&PROBED.parse().unwrap(), profile).registers();
        for register in Register::ALL {
            let listed = &candidates["policy"][format!("allowed_{}", register.as_str())];
            assert_eq!(listed, &serde_json::json!([registers.get(register)]), "{profile} {register}");
        }
        let source = &candidates["source"];
        assert_eq!(source["family"], "node");
        assert!(source["machine"]["image_id"].as_str().unwrap().parse::<u64>().is_ok());
        assert_eq!(source["machine"]["machine_type"], "c3-standard-4");
        assert!(place.read("out/compose-hash.txt").starts_with("none: "));
        let names = place.names("out");
        for name in ["attestation-quote.bin", "attestation-quote.json", "probe-report.md", "probe-journal.jsonl"] {
            assert!(names.iter().any(|one| one == name), "{name} is not among {names:?}");
        }
    }
}

#[test]
fn the_exports_of_a_sandbox_that_is_served_are_all_that_a_probe_needs() {
    let (serve, place) = (Serve::start(), Place::new());
    let root = serve.export("MEROTEE_TDX_ROOT").to_owned();
    let merotee = |words: &[&str]| place.merotee(words).envs(serve.exports());
    let project = serve.export("GOOGLE_CLOUD_PROJECT");
    let probe = ["probe", "run", PROBED, "--family", "node", "--profile", "debug-read-only", "--root", &root];
    let probe = [&probe[..], &["--image-project", project]].concat();
    for out in ["a", "b"] {
        let run = merotee(&probe).args(["--out", out]).run().expect(0);
        run.says(&["mero-tee-debug-read-only-1-0-0", "all five registers are published"]);
    }
    let left = merotee(&["probe", "cleanup", "--older-than", "60s", "--family", "node"]).run().expect(0);
    left.says(&["no matching machines or firewall rules in the project"]);
    let combined = merotee(&["probe", "combine", "a", "b", "--out", "both", "--strict"]).run();
    combined.expect(0);
    let candidates = json(&place.path("both/measurement-policy-candidates.json"));
    let registers = Boot::of_release(&PROBED.parse().unwrap(), Profile::DebugReadOnly).registers();
    assert_eq!(candidates["policy"]["allowed_rtmr2"], serde_json::json!([registers.get(Register::Rtmr2)]));
}

#[test]
fn an_image_is_a_releases_own_only_where_the_release_names_it_and_another_profiles_is_refused() {
    let (serve, place) = (Serve::start(), Place::new());
    let (root, project) = (serve.export("MEROTEE_TDX_ROOT"), serve.export("GOOGLE_CLOUD_PROJECT"));
    let probe = |tag: &str, image: &str, out: &str, more: &[&str]| {
        let words =
            ["probe", "run", tag, "--family", "node", "--profile", "debug", "--image-name", image, "--root", root];
        place.merotee(words).args(["--out", out]).args(more).envs(serve.exports()).run()
    };
    // The release names its images: no other passes for it, and neither does one of its name in any project.
    let other = probe(PROBED, "mero-tee-locked-read-only-1-0-0", "a", &["--image-project", project]);
    other.expect(2).says(&["names mero-tee-debug-1-0-0 as its debug, and not mero-tee-locked-read-only-1-0-0"]);
    let anywhere = probe(PROBED, "mero-tee-debug-1-0-0", "b", &[]).expect(2);
    anywhere.says(&["does not say which project mero-tee-debug-1-0-0 is in", "--image-project"]);
    // This one names none: what is measured is compared with it, and not said to be its own.
    let candidates = |out: &str| place.path(out).join("measurement-policy-candidates.json");
    let other = probe("mero-tee-v1.2.0", "mero-tee-locked-read-only-1-2-0", "c", &[]).expect(10);
    other.says(&["this is a machine of another profile", "locked-read-only"]);
    assert!(!candidates("c").exists());
    let own = probe("mero-tee-v1.2.0", "mero-tee-debug-1-2-0", "d", &[]).expect(0);
    own.says(&["all five registers are published", "vouches for the image: it was named by the caller"]);
    assert!(json(&candidates("d"))["source"].get("release").is_none());
}

#[test]
fn a_rehearsal_prints_the_plan_and_makes_nothing() {
    let site = Site::start(None);
    let run = site.probe("out", &["--dry-run", "--label", "dry"]).run().expect(0);
    run.says(&[
        "merotee-probe-dry",
        "tcp:80 from 127.0.0.1/32",
        "deleted by Compute Engine after 1830 s",
        "PLANNED, and nothing was done",
    ]);
    assert_eq!(site.world.gcp().record().requests().len(), 0);
}

#[test]
fn what_is_missing_is_said_before_anything_is_asked() {
    let place = Place::new();
    let probe = |more: &[&str]| {
        place.merotee(["probe", "run", "--family", "node", "--profile", "debug", "--out", "out"]).args(more).run()
    };
    probe(&[]).expect(2).says(&["no image is named"]);
    let image = ["--image-name", "node-1"];
    probe(&image).expect(2).says(&["no project is named"]);
    let project = ["--project", "my-project"];
    probe(&[&image[..], &project].concat()).expect(2).says(&["no zone is named"]);
    let zone = ["--zone", "europe-west4-a"];
    let open = [&image[..], &project, &zone].concat();
    probe(&open).expect(2).says(&["it is not said who may reach the machine", "--allow-cidr"]);
    probe(&[&open[..], &["--allow-cidr", "0.0.0.0/0"]].concat()).expect(2).says(&["at most as wide as a /16"]);
    let regions = [&open[..], &["--zone", "us-central1-a", "--allow-cidr", "203.0.113.7"]].concat();
    probe(&regions).expect(2).says(&["are in two regions"]);
}

#[test]
fn two_probes_at_once_leave_each_others_machine_alone_and_a_label_that_is_taken_is_refused() {
    let site = Site::start(None);
    std::thread::scope(|scope| {
        let runs = ["a", "b"].map(|label| {
            let site = &site;
            scope.spawn(move || site.probe(label, &["--label", label]).run())
        });
        for run in runs {
            run.join().unwrap().expect(0);
        }
    });
    site.is_clean();
    let held = killed::killed_at(&site, "held", "same", 6);
    assert!(held, "the first probe ended too soon");
    let before = site.world.gcp().standing();
    assert!(!before.is_empty());
    let run = site.probe("second", &["--label", "same"]).run().expect(1);
    run.says(&["which is another's", "--label"]);
    assert_eq!(site.world.gcp().standing(), before, "the other's machine was touched");
    site.cleanup(&["--out", "held"]).run().expect(0);
    site.is_clean();
}

#[test]
fn no_secret_is_in_any_output_at_the_finest_level() {
    for (flaw, code) in [(None, 0), (Some(Flaw::TokenRefused), 1), (Some(Flaw::Forbidden), 1)] {
        let site = Site::start(flaw);
        let run = site.probe("out", &["-vvvv"]).run().expect(code);
        let mut said = format!("{}{}", run.stdout, run.stderr);
        // Where the image cannot be looked at, there is nothing to be written.
        let names = if site.place.path("out").exists() { site.place.names("out") } else { Vec::new() };
        for name in names {
            said.push_str(&String::from_utf8_lossy(&std::fs::read(site.place.path(format!("out/{name}"))).unwrap()));
        }
        assert!(!said.contains(ACCESS_TOKEN) && !said.contains(&ACCESS_TOKEN[5..30]), "{said}");
    }
}
