//! What a probe writes, byte by byte, and signatures over it by a key.

use super::{ARTIFACTS, RELEASE, json, swept::Site};
use crate::binary::Place;

const KEY: &str = include_str!("../sign/keys/p256-pkcs8.pem");
const PUBLIC: &str = include_str!("../sign/keys/p256.pub");
const CANDIDATES: &str = "measurement-policy-candidates.json";

/// Each file of `out` is signed by the key, beside itself, and has no bundle.
#[track_caller]
fn signed_with_the_key(place: &Place, out: &str, names: &[&str]) {
    place.write("key.pub", PUBLIC);
    for name in names {
        let (file, signature) = (format!("{out}/{name}"), format!("{out}/{name}.sig"));
        place.merotee(["verify-blob", &file, "--signature", &signature, "--key", "key.pub"]).run().expect(0);
        assert!(!place.path(format!("{file}.bundle.json")).exists(), "{name} is signed once");
    }
}

#[test]
fn a_key_from_a_file_or_from_the_environment_signs_each_file_and_is_not_shown() {
    let site = Site::start();
    let place = &site.place;
    place.write("key.pem", KEY);
    let run = site.probe("one", &["--sign", "--key", "key.pem"]).run().expect(0);
    signed_with_the_key(place, "one", &ARTIFACTS);
    let other = site.probe("two", &["--sign"]).env("COSIGN_KEY", KEY).run().expect(0).says(&["COSIGN_KEY"]);
    signed_with_the_key(place, "two", &ARTIFACTS);
    let combine = ["probe", "combine", "one", "two", "--out", "both", "--sign"];
    let both = place.merotee(combine).env("COSIGN_KEY", KEY).run().expect(0);
    signed_with_the_key(place, "both", &[CANDIDATES, "probe-report.md"]);
    let secret = KEY.lines().nth(1).unwrap();
    for run in [run, other, both] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret));
    }
    // What cannot sign is found out before anything is made.
    let none = site.probe("three", &["--sign"]).env("COSIGN_KEY", "no key").run().expect(2);
    drop(none.says(&["COSIGN_KEY"]));
    assert!(!place.path("three").exists());
}

#[test]
fn a_set_of_probes_is_signed_by_the_workflow_that_probes_its_family() {
    let place = Place::new();
    for (family, workflow) in [("kms", "kms-phala-staging-probe.yaml"), ("node", "node-image-gcp-staging-probe.yaml")] {
        for out in ["1", "2"] {
            let out = format!("{family}-{out}");
            let words = ["probe", "run", "--family", family, "--profile", "debug", "--out", &out, "--sign"];
            let run = place.sandbox(words).run().expect(0);
            let caveats = run.stdout.matches("[WARN] using custom trust root").count();
            assert!(caveats <= 1, "{caveats} times: {}", run.stdout);
            // What the KMS on the machine says is none of the probe's.
            assert!(!run.stderr.contains("policy loaded from") && !run.stderr.contains("fmspc="), "{}", run.stderr);
        }
        let [one, two] = ["1", "2"].map(|out| format!("{family}-{out}"));
        let words = ["probe", "combine", &one, &two, "--sign", "--out", family];
        place.sandbox(words).run().expect(0).says(&[&format!("{workflow} @ refs/heads/master")]);
        assert!(place.path(format!("{family}/{CANDIDATES}.bundle.json")).is_file());
    }
}

#[test]
fn the_same_order_is_deployed_as_the_same_bytes_and_two_probes_differ_where_machines_do() {
    let place = Place::new();
    let plan = || {
        let words = ["probe", "run", RELEASE, "--family", "kms", "--profile", "debug", "--label", "same", "--dry-run"];
        let run = place.sandbox(words).run().expect(0);
        run.stdout.lines().filter(|line| !line.ends_with(" s)")).map(str::to_owned).collect::<Vec<_>>()
    };
    let planned = plan();
    assert_eq!(planned, plan());
    for line in ["         services:", "       deploy docker-compose.yaml:"] {
        assert!(planned.iter().any(|planned| planned == line), "{planned:#?}");
    }
    for out in ["one", "two"] {
        let words = ["probe", "run", RELEASE, "--family", "kms", "--profile", "debug", "--label", "same", "--out", out];
        place.sandbox(words).run().expect(0);
    }
    // Ids of a deployment, the nonce and the time: nothing else differs between two probes of one order.
    let stable = |out: &str| {
        let mut candidates = json(&place, &format!("{out}/{CANDIDATES}"));
        candidates["generated_at"].take();
        candidates["policy"]["allowed_rtmr3"].take();
        for name in ["nonce", "quote_sha256", "events"] {
            assert!(!candidates["source"][name].take().is_null(), "{name}");
        }
        candidates
    };
    assert_eq!(stable("one"), stable("two"));
    assert_eq!(place.read("one/compose-hash.txt"), place.read("two/compose-hash.txt"));
}
