//! `quote inspect` and `quote verify` as their users run them.

use std::fs;

use serde_json::{Value, json};

use super::Case;
use crate::binary::{BINARY, Place, Run, findings, loopback::Trap};

/// A genuine quote of an up-to-date machine, the collateral for it, and a time when both count.
struct Sample {
    place: Place,
    quote: Vec<u8>,
    at: String,
}

impl Sample {
    fn new() -> Option<Self> {
        let case =
            Case::verified().into_iter().find(|c| c.name() == "quotes/near_mpc.bin under collateral/near_mpc.json")?;
        let place = Place::new();
        let quote = fs::read(case.path("quote")).unwrap();
        place.write("quote.bin", &quote);
        place.write("collateral.json", fs::read(case.path("collateral")).unwrap());
        Some(Self { place, quote, at: case.at().to_string() })
    }

    /// `quote verify` of a file, offline, with more arguments.
    fn verify(&self, file: &str, more: &[&str]) -> Run {
        let arguments = ["quote", "verify", file, "--collateral", "collateral.json", "--offline", "--at", &self.at];
        self.place.merotee(arguments).args(more).run()
    }

    fn report(&self, file: &str, more: &[&str], code: i32) -> Value {
        self.verify(file, &[&["--format", "json"], more].concat()).expect(code).report()
    }

    /// A policy that allows exactly the machine of the sample, on the node side.
    fn policy(&self) -> Value {
        let inspected = self.place.merotee(["quote", "inspect", "quote.bin", "--format", "json"]).run().expect(0);
        let report = serde_json::from_str::<Value>(&inspected.stdout).unwrap()["report"].clone();
        let mut policy = json!({"kms_allowed_tcb_statuses": ["uptodate"], "node_allowed_tcb_statuses": ["uptodate"]});
        for register in ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
            policy[format!("node_allowed_{register}")] = json!([report[register]]);
            policy[format!("kms_allowed_{register}")] = json!(["ab".repeat(48)]);
        }
        json!({"schema_version": 1, "role": "kms", "profile": "debug", "tag": "1.2.0", "policy": policy})
    }
}

/// Check and status of every finding.
fn outcome(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings(report).into_iter().map(|f| (text(&f["check"]), text(&f["status"]))).collect()
}

fn statuses(report: &Value, check: &str) -> Vec<String> {
    outcome(report).into_iter().filter(|(c, _)| c == check).map(|(_, status)| status).collect()
}

#[test]
fn a_genuine_quote_passes_every_check_and_says_what_it_rests_on() {
    let Some(sample) = Sample::new() else { return };
    let report = sample.report("quote.bin", &[], 0);
    let expected = [
        ("quote-collateral", "pass"),
        ("quote-signature", "pass"),
        ("quote-tcb", "pass"),
        ("quote-debug", "pass"),
        ("quote-report-data", "skipped"),
    ];
    assert_eq!(outcome(&report), expected.map(|(c, s)| (c.to_owned(), s.to_owned())));
    assert_eq!(report["sections"][0]["facts"]["FMSPC"], "b0c06f000000");
    assert_eq!(report["caveats"].as_array().unwrap().len(), 1, "--at is a caveat");
    sample
        .verify("quote.bin", &[])
        .expect(0)
        .says(&["every document is valid until 2026-09-11T23:57:10Z (the PCK CRL)"]);
}

#[test]
fn expired_collateral_fails_with_the_document_named_and_nothing_called_a_forgery() {
    let Some(sample) = Sample::new() else { return };
    let late = ["quote", "verify", "quote.bin", "--collateral", "collateral.json", "--at", "2026-09-11T23:57:11Z"];
    let run = sample.place.merotee(late).run().expect(10).says(&["the PCK CRL expired at 2026-09-11T23:57:10Z"]);
    assert!(
        !run.stdout.contains("[FAIL] quote-signature") && !run.stdout.contains("TCB info expired"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_forged_quote_fails_for_its_signature_and_not_for_the_collateral() {
    let Some(sample) = Sample::new() else { return };
    let mut forged = sample.quote.clone();
    forged[184] ^= 1;
    sample.place.write("forged.bin", &forged);
    let report = sample.report("forged.bin", &[], 10);
    assert_eq!(statuses(&report, "quote-signature"), ["fail"]);
    assert_eq!(statuses(&report, "quote-collateral"), ["pass"]);
    assert_eq!(statuses(&report, "quote-tcb"), ["skipped_required"]);
}

#[test]
fn the_right_nonce_and_binding_pass_and_others_fail() {
    let Some(sample) = Sample::new() else { return };
    let (nonce, binding) = (hex::encode(&sample.quote[568..600]), hex::encode(&sample.quote[600..632]));
    let run = |nonce: &str, binding: &str, code| {
        let report = sample.report("quote.bin", &["--nonce", nonce, "--binding", binding], code);
        statuses(&report, "quote-report-data")
    };
    assert_eq!(run(&nonce, &binding, 0), ["pass", "pass"]);
    assert_eq!(run(&binding, &nonce, 10), ["fail", "fail"]);
    let report = sample.report("quote.bin", &["--nonce", &nonce], 0);
    assert_eq!(statuses(&report, "quote-report-data"), ["pass", "warn"], "a binding nobody compared");
    sample.verify("quote.bin", &["--nonce", "abcd"]).expect(2).without_product().says(&["expected 32 bytes"]);
    // Agreement with a forged quote proves nothing.
    let mut forged = sample.quote.clone();
    forged[300] ^= 1;
    sample.place.write("forged.bin", &forged);
    let report = sample.report("forged.bin", &["--nonce", &nonce, "--binding", &binding], 10);
    assert_eq!(statuses(&report, "quote-report-data"), ["skipped_required", "skipped_required"]);
}

#[test]
fn a_policy_is_compared_register_by_register_for_the_role_asked_for() {
    let Some(sample) = Sample::new() else { return };
    let policy = sample.policy();
    sample.place.write("policy.json", policy.to_string());
    let against =
        |more: &[&str], code| sample.report("quote.bin", &[&["--expect-policy", "policy.json"], more].concat(), code);
    assert_eq!(statuses(&against(&["--role", "node"], 0), "quote-policy"), ["pass"; 5]);
    assert_eq!(statuses(&against(&["--role", "kms"], 10), "quote-policy"), ["fail"; 5]);
    assert_eq!(statuses(&against(&["--side", "kms"], 10), "quote-policy"), ["fail"; 5], "its name before");
    sample.verify("quote.bin", &["--expect-policy", "policy.json"]).expect(2).says(&["--role"]);
    sample.verify("quote.bin", &["--expect-policy", "policy.json", "--profile", "locked-read-only"]).expect(2);

    let changed = |change: &dyn Fn(&mut Value)| {
        let mut policy = policy.clone();
        change(&mut policy);
        sample.place.write("policy.json", policy.to_string());
    };
    changed(&|p| p["policy"]["node_allowed_rtmr3"] = json!(["cd".repeat(48)]));
    let report = against(&["--role", "node"], 10);
    assert_eq!(statuses(&report, "quote-policy"), ["pass", "pass", "pass", "pass", "fail"]);
    changed(&|p| p["policy"]["node_allowed_rtmr1"] = json!([]));
    assert_eq!(statuses(&against(&["--role", "node"], 10), "quote-policy")[2], "fail", "an empty list allows nothing");
    changed(&|p| {
        p["status"] = json!("policy_not_ready");
        p["policy"]["node_allowed_rtmr1"] = json!([]);
    });
    assert_eq!(statuses(&against(&["--role", "node"], 1), "quote-policy")[2], "skipped_required");
    changed(&|p| p["policy"]["node_allowed_tcb_statuses"] = json!(["swhardeningneeded"]));
    let report = against(&["--role", "node"], 10);
    assert_eq!(statuses(&report, "quote-tcb"), ["fail"]);
    changed(&|p| p["policy"]["node_allowed_rtmr0"] = json!(["short"]));
    sample
        .verify("quote.bin", &["--expect-policy", "policy.json", "--role", "node"])
        .expect(2)
        .says(&["node_allowed_rtmr0[0]"]);
}

#[test]
fn outdated_firmware_is_a_warning_until_a_policy_says_what_it_is() {
    let Some(case) = Case::verified().into_iter().find(|c| c.text("tcb_status") == "OutOfDate") else { return };
    let place = Place::new();
    place.write("quote.bin", fs::read(case.path("quote")).unwrap());
    place.write("collateral.json", fs::read(case.path("collateral")).unwrap());
    let at = case.at().to_string();
    let arguments = ["quote", "verify", "quote.bin", "--collateral", "collateral.json", "--at", &at];
    place.merotee(arguments).run().expect(0).says(&["[WARN] quote-tcb", "outofdate: INTEL-SA-01192, INTEL-SA-01245"]);
}

#[test]
fn every_form_of_a_quote_is_read_and_said_from_files_and_standard_input() {
    let Some(sample) = Sample::new() else { return };
    let (hex, b64) = (hex::encode(&sample.quote), base64(&sample.quote));
    let other = "00".repeat(64);
    for (name, text, form) in [
        ("quote.hex", hex.clone(), "form hex"),
        ("quote.b64", b64.clone(), "form base64"),
        ("kms.json", json!({"quoteB64": b64, "eventLog": []}).to_string(), "form KMS attest response"),
        ("node.json", json!({"data": {"quoteB64": b64}}).to_string(), "form node attest response"),
        ("dstack.json", json!({"quote": hex, "event_log": "[]"}).to_string(), "form dstack GetQuote response"),
    ] {
        sample.place.write(name, text);
        sample.verify(name, &[]).expect(0).says(&[form]);
        sample.place.merotee(["quote", "inspect", name]).run().expect(0).says(&["not verified", "f06dfda6dce1cf90"]);
    }
    let piped = format!("{BINARY} quote inspect - < quote.b64");
    sample.place.program("sh", ["-c", &piped]).run().expect(0).says(&["standard input", "base64", "f06dfda6dce1cf90"]);
    sample.place.write("swapped.json", json!({"quoteB64": b64, "reportDataHex": other}).to_string());
    let report = sample.report("swapped.json", &[], 10);
    assert_eq!(statuses(&report, "quote-report-data"), ["skipped", "fail"], "the answer contradicts its own quote");
}

/// Groups and fields of `quote inspect`, for a TD 1.0 quote.
const FIELDS: [&[&str]; 5] = [
    &["quote", "form", "version", "size", "QE vendor", "user data", "QE SVN, PCE SVN"],
    &[
        "TD report",
        "type",
        "MRTD",
        "RTMR0",
        "RTMR1",
        "RTMR2",
        "RTMR3",
        "report data",
        "debug",
        "attributes",
        "XFAM",
        "TEE TCB SVN",
        "MRSEAM",
        "MRSIGNERSEAM",
        "SEAM attributes",
        "MRCONFIGID",
        "MROWNER",
        "MROWNERCONFIG",
    ],
    &[
        "platform",
        "FMSPC",
        "PPID",
        "certified by",
        "PCE id, SVN",
        "CPU SVN",
        "instance",
        "dynamic",
        "cached keys",
        "SMT",
    ],
    &["quoting enclave", "MRENCLAVE", "MRSIGNER", "product, SVN", "attributes", "attestation key"],
    &["certificates", "certificate", "certificate", "certificate"],
];

/// The name a line of `quote inspect` begins with.
fn name_of(line: &str) -> &str {
    let line = line.trim_start();
    line.split_once("  ").map_or(line, |(name, _)| name)
}

#[test]
fn inspect_shows_every_field_and_gives_no_verdict() {
    let Some(sample) = Sample::new() else { return };
    let human = sample.place.merotee(["quote", "inspect", "quote.bin"]).run().expect(0);
    let (head, groups) = human.stdout.split_once("\n\n").unwrap();
    assert_eq!(head, "quote.bin\nnot verified: these are the quote's own claims; see `quote verify`");
    let shown: Vec<Vec<&str>> = groups.split("\n\n").map(|group| group.lines().map(name_of).collect()).collect();
    assert_eq!(shown, FIELDS.map(<[&str]>::to_vec));
    let run = sample.place.merotee(["quote", "inspect", "quote.bin", "--format", "json"]).run().expect(0);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&json["verified"], &json["platform"]["fmspc"]), (&json!(false), &json!("b0c06f000000")));
    assert_eq!(
        (&json["quote_bytes"], &json["padding_bytes"], &json["signed_bytes"]),
        (&json!(4936), &json!(70), &json!(632))
    );
    assert_eq!(json["report"]["debug"], false);
    sample.place.merotee(["quote", "inspect", "quote.bin", "--format", "sarif"]).run().expect(2).without_product();
}

#[test]
fn what_is_no_quote_is_an_error_that_names_file_and_reason() {
    let place = Place::new();
    place.write("empty", b"");
    place.write("text", b"hello, world!");
    place.write("short", [4, 0, 2, 0, 0x81, 0, 0, 0]);
    place.write("noise", (0..1_u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>());
    for (file, why) in [
        ("empty", "the input is empty"),
        ("text", "neither hex, base64 nor JSON"),
        ("short", "the quote ends at byte 8, but QE SVN needs bytes 8 to 10"),
        ("noise", "at most 65536 are read"),
        ("absent", "cannot read absent"),
    ] {
        for command in [&["quote", "inspect", file][..], &["quote", "verify", file, "--collateral", "none.json"]] {
            place.merotee(command).run().expect(1).without_product().says(&[file, why]);
        }
    }
}

#[test]
fn another_root_is_a_caveat_and_a_file_that_is_no_root_fails() {
    let Some(sample) = Sample::new() else { return };
    let collateral: Value = serde_json::from_str(&sample.place.read("collateral.json")).unwrap();
    let chain = collateral["pck_crl_issuer_chain"].as_str().unwrap();
    let authority = chain.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    sample.place.write("other.pem", authority);
    let run = sample.verify("quote.bin", &["--root", "other.pem"]).expect(10);
    let run = run.says(&["[WARN] using custom TDX root other.pem, not Intel's", "a root other than the trust root"]);
    assert!(run.stdout.contains("[FAIL] quote-collateral"), "{}", run.stdout);
    sample.place.write("bad.pem", "no certificate");
    sample.verify("quote.bin", &["--root", "bad.pem"]).expect(2).without_product().says(&["bad.pem: not a root"]);
    // Intel's own, given by hand, is no caveat.
    let intel = chain.split_inclusive("-----END CERTIFICATE-----\n").nth(1).unwrap();
    sample.place.write("intel.pem", intel);
    let report = sample.report("quote.bin", &["--root", "intel.pem"], 0);
    assert!(!report["caveats"].to_string().contains("root"));
}

#[test]
fn offline_never_knocks_anywhere_and_says_what_it_lacks() {
    let Some(sample) = Sample::new() else { return };
    let trap = Trap::set();
    let offline = |more: &[&str]| {
        let arguments = ["quote", "verify", "quote.bin", "--offline", "--at", &sample.at];
        sample.place.merotee(arguments).args(more).env("PCCS_URL", trap.url()).run()
    };
    offline(&[]).expect(2).without_product().says(&["--offline needs collateral"]);
    offline(&["--cache", "cache"])
        .expect(1)
        .without_product()
        .says(&["no collateral for this platform in cache/tdx-b0c06f000000"]);
    offline(&["--collateral", "collateral.json"]).expect(0);
    assert_eq!(trap.knocks(), 0);
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}
