//! `probe combine`, on probes that were really made.

use std::fs;

use super::{RELEASE, json};
use crate::binary::Place;

const KEY: &str = include_str!("../sign/keys/p256-pkcs8.pem");

#[test]
fn two_probes_become_one_set_whose_unstable_register_is_named_and_gen_policy_takes_it() {
    let place = Place::new();
    for out in ["one", "two"] {
        let words = ["probe", "run", RELEASE, "--family", "kms", "--profile", "debug", "--label", out, "--out", out];
        place.sandbox(words).run().expect(0);
    }
    let combine = |out: &str, options: &[&str]| {
        place.merotee(["probe", "combine", "one", "two", "--out", out]).args(options).run()
    };
    combine("both", &[]).expect(0).says(&["RTMR3 is unstable", "instance-id"]);
    let set = json(&place, "both/measurement-policy-candidates.json");
    assert_eq!(set["source"]["unstable"], serde_json::json!(["rtmr3"]));
    assert_eq!(set["policy"]["allowed_rtmr3"].as_array().unwrap().len(), 2);
    combine("strict", &["--strict"]).expect(10).says(&["nothing was written"]);
    assert!(!place.path("strict").exists());
    place.merotee(["probe", "combine", "one", "one", "--out", "x"]).run().expect(10).says(&["the same probe"]);
    // The same probes give the same bytes, in whichever order.
    place.merotee(["probe", "combine", "two", "one", "--out", "again"]).run().expect(0);
    let name = "measurement-policy-candidates.json";
    assert_eq!(place.read(format!("both/{name}").as_str()), place.read(format!("again/{name}").as_str()));

    // What stands in the candidates alone was not measured.
    for out in ["one", "two"] {
        edit(&place, out, "allowed_rtmr1");
    }
    combine("edited", &[]).expect(10).says(&["RTMR1 does not match attestation-quote.bin", "nothing was written"]);
    for out in ["one", "two"] {
        fs::remove_file(place.path(format!("{out}/attestation-quote.bin"))).unwrap();
    }
    combine("bare", &[]).expect(0).says(&["nothing shows that a probe measured these values"]);
    let signed = place.merotee(["probe", "combine", "one", "two", "--out", "x", "--sign"]).env("COSIGN_KEY", KEY);
    signed.run().expect(11).says(&["neither attestation-quote.bin nor a signature", "nothing was written"]);
    place.write("two/measurement-policy-candidates.json", "{");
    combine("x", &[]).expect(10).says(&["not compared: 1 probe could be read"]);
    fs::remove_file(place.path("two/measurement-policy-candidates.json")).unwrap();
    combine("x", &[]).expect(1).says(&["the probe in two wrote no candidates", "two/probe-report.md"]);
    let inspection = place.merotee(["quote", "verify", "one/attestation-quote.json"]).run();
    inspection.expect(2).says(&["the output of `quote inspect`", "attestation-quote.bin"]);
}

#[test]
fn candidates_that_changed_after_they_were_signed_are_not_combined() {
    let place = Place::new();
    for out in ["one", "two"] {
        let words = ["probe", "run", "--family", "node", "--profile", "debug", "--sign", "--out", out];
        place.sandbox(words).run().expect(0);
        fs::remove_file(place.path(format!("{out}/attestation-quote.bin"))).unwrap();
    }
    let combine = |out: &str| place.sandbox(["probe", "combine", "one", "two", "--sign", "--out", out]).run();
    combine("both").expect(0).says(&["node-image-gcp-staging-probe.yaml"]);
    // Without the root of the sandbox, its bundles prove nothing.
    place.merotee(["probe", "combine", "one", "two", "--out", "x"]).run().expect(10).says(&["bundle.json"]);
    for out in ["one", "two"] {
        edit(&place, out, "allowed_rtmr1");
    }
    combine("x").expect(10).says(&["changed after they were signed", "nothing was written"]);
    // A bundle of someone else's counts no more than none.
    let name = "measurement-policy-candidates.json";
    for out in ["one", "two"] {
        let file = format!("{out}/{name}");
        place.sandbox(["sign", "--force", &file]).run().expect(0);
        fs::remove_file(place.path(format!("{file}.bundle.json"))).unwrap();
    }
    combine("x").expect(10).says(&["identity", "another workflow signed"]);
}

/// Changes the value of a list in the candidates of a probe.
fn edit(place: &Place, out: &str, list: &str) {
    let name = format!("{out}/measurement-policy-candidates.json");
    let mut candidates = json(place, &name);
    candidates["policy"][list] = serde_json::json!([hex::encode([7; 48])]);
    place.write(&name, format!("{candidates:#}\n"));
}
