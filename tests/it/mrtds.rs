//! `mrtds assemble`, `verify-runtime` and `compare-mdma`.

mod quotes;

use serde_json::{Value, json};

use crate::{
    binary::{Place, findings, statuses},
    gen_policy::{candidates_of, register, write_inputs},
};

fn assemble(place: &Place) -> Vec<String> {
    place.write("all.json", candidates_of("node").to_string());
    ["mrtds", "assemble", "--tag", "mero-tee-v1.2.0", "--candidates", "all.json"].map(str::to_owned).to_vec()
}

/// The registers of a machine, as text.
fn machine(role: &str, profile: &str) -> String {
    let line = |name: &str| format!("{}: {}\n", name.to_uppercase(), register(role, profile, name));
    ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"].map(line).concat()
}

fn verify(profile: &str) -> Vec<String> {
    [
        "mrtds",
        "verify-runtime",
        "--measurements",
        "machine.txt",
        "--expected",
        "published-mrtds.json",
        "--profile",
        profile,
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn candidates_of_three_profiles_become_measurements_with_scalars_and_lists() {
    let place = Place::new();
    let words = assemble(&place);
    let run = place.merotee(&words).args(["--image-family", "mero-tee-locked"]).run().expect(0);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&document["role"], &document["tag"], &document["image_family"]),
        (&json!("node"), &json!("1.2.0"), &json!("mero-tee-locked"))
    );
    let entry = &document["profiles"]["debug"];
    assert_eq!(entry["rtmr3"], json!(register("node", "debug", "rtmr3")));
    assert_eq!(entry["allowed_rtmr3"], json!([register("node", "debug", "rtmr3")]));
    assert_eq!(entry["allowed_tcb_statuses"], json!(["uptodate"]));
    assert_eq!(document["generated_at"], "2025-10-01T00:00:00Z");
    let again =
        place.merotee(&words).args(["--image-family", "mero-tee-locked", "--output", "out.json"]).run().expect(0);
    again.without_product();
    assert_eq!(place.read("out.json"), run.stdout);
}

#[test]
fn measurements_a_release_could_not_publish_are_refused_and_the_file_is_left_alone() {
    let place = Place::new();
    let words = assemble(&place);
    place.write("out.json", "old");
    let mut document: Value = serde_json::from_str(&place.read("all.json")).unwrap();
    document["profiles"]["locked-read-only"] = document["profiles"]["debug"].clone();
    place.write("all.json", document.to_string());
    let run = place.merotee(&words).args(["--output", "out.json", "--format", "json"]).run().expect(10);
    assert_eq!(statuses(&run.report(), "profile-isolation").iter().filter(|s| **s == "fail").count(), 1);
    assert_eq!(place.read("out.json"), "old");
    document["profiles"].as_object_mut().unwrap().remove("debug");
    place.write("all.json", document.to_string());
    place.merotee(&words).run().expect(10).says(&["nothing is published for debug"]);
    place.merotee(&words).args(["--role", "kms"]).run().expect(2).says(&["not a release of the kms family"]);
}

#[test]
fn a_machine_of_the_release_passes_in_every_form_it_can_state_its_registers() {
    let place = Place::new();
    write_inputs(&place);
    place.write("machine.txt", machine("node", "debug"));
    let run = place.merotee(verify("debug")).args(["--tag", "mero-tee-v1.2.0", "-v"]).run().expect(0);
    run.says(&["RTMR3", "measures as debug and as no other profile", "only a quote that verifies proves them"]);
    let registers = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"];
    let claims: serde_json::Map<_, _> =
        registers.iter().map(|r| (format!("tdx_{r}"), json!(register("node", "debug", r)))).collect();
    place.write("mdma.json", json!({"node": "a", "ita_claims": {"tdx": claims}}).to_string());
    let mdma =
        ["mrtds", "compare-mdma", "--mdma", "mdma.json", "--expected", "published-mrtds.json", "--profile", "debug"];
    place.merotee(mdma).run().expect(0);
}

#[test]
fn a_machine_of_another_profile_is_named_and_each_register_says_what_it_means() {
    let place = Place::new();
    write_inputs(&place);
    place.write("machine.txt", machine("node", "debug"));
    let run = place.merotee(verify("locked-read-only")).args(["--format", "json"]).run().expect(10);
    let report = run.report();
    assert_eq!(statuses(&report, "runtime-register"), ["pass", "pass", "pass", "pass", "fail"]);
    let whole = findings(&report).into_iter().find(|f| f["check"] == "runtime-profile").unwrap();
    assert_eq!((&whole["expected"], &whole["actual"]), (&json!("locked-read-only"), &json!("debug")));
    let text = place.merotee(verify("locked-read-only")).run().expect(10);
    text.says(&["it is the value of debug", "RTMR3 measures run-time events", "started"]);
    place.write("machine.txt", machine("kms", "debug"));
    place
        .merotee(verify("debug"))
        .run()
        .expect(10)
        .says(&["MRTD measures the virtual firmware", "measures as no profile"]);
}

#[test]
fn a_register_left_out_is_missing_and_a_file_of_another_release_fails() {
    let place = Place::new();
    write_inputs(&place);
    let four: String =
        machine("node", "debug").lines().filter(|l| !l.starts_with("RTMR2")).collect::<Vec<_>>().join("\n");
    place.write("machine.txt", four);
    place.merotee(verify("debug")).run().expect(10).says(&["[MISS] ", "RTMR2 is not stated"]);
    place.write("machine.txt", machine("node", "debug"));
    place
        .merotee(verify("debug"))
        .args(["--tag", "mero-tee-v1.2.1"])
        .run()
        .expect(10)
        .says(&["tag is not this release's"]);
}

#[test]
fn a_statement_that_cannot_be_read_is_no_verdict_and_says_where() {
    let place = Place::new();
    write_inputs(&place);
    for (text, says) in [
        ("", "no register is named"),
        ("MRTD: abcd", "line 1: not a measurement"),
        ("{\"mrtd\": 1", "not acceptable JSON"),
        ("{\"a\": {\"rtmr0\": \"zz\"}}", "a.rtmr0: not a measurement"),
    ] {
        place.write("machine.txt", text);
        place.merotee(verify("debug")).run().expect(1).says(&["machine.txt", says]).without_product();
    }
    place.write("machine.txt", [0xff, 0xfe, 0x00]);
    place.merotee(verify("debug")).run().expect(1).says(&["neither JSON nor UTF-8"]);
    place.write("machine.txt", machine("node", "debug"));
    place.write("published-mrtds.json", "{}");
    place.merotee(verify("debug")).run().expect(10).says(&["publishes nothing for debug"]);
    place.write("published-mrtds.json", "nonsense");
    place.merotee(verify("debug")).run().expect(10).says(&["not acceptable JSON"]);
}
